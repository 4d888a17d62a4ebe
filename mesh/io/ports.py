"""Who holds a TCP port of this machine, for the message an operator gets when a node cannot listen there."""

import psutil


def holder_of(port: int) -> str:
    """``pid 123 (python3 -m …)`` of the process that listens on ``port``; says so where it may not be known."""
    try:
        found = [item for item in psutil.net_connections("tcp") if item.laddr and item.laddr.port == port]
    except (psutil.Error, OSError):
        found = []
    listening = [item.pid for item in found if item.status == psutil.CONN_LISTEN and item.pid]
    if not listening:
        return "a process this user may not see"
    try:
        words = " ".join(" ".join(psutil.Process(listening[0]).cmdline()).split())[:120]
    except (psutil.Error, OSError):
        words = "already ended"
    return f"pid {listening[0]} ({words})"
