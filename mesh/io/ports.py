"""TCP ports and UNIX names of this machine: which are free, who holds one, which outgoing connections may get, a connection to itself."""

import errno
import os
import socket
import struct
from collections.abc import Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_SETTINGS = Path("/proc/sys/net/ipv4")
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, 0 s: close by a reset, which leaves the port free at once."""
_INTERNET = (socket.AF_INET, socket.AF_INET6)


def outgoing_ports(settings: Path = _SETTINGS) -> Set[int]:
    """Ports the system may give to an outgoing connection (Linux: ip_local_port_range less ip_local_reserved_ports); none if unknown."""
    try:
        first, last = map(int, (settings / "ip_local_port_range").read_text().split())
        reserved = (settings / "ip_local_reserved_ports").read_text().strip()
    except (OSError, ValueError):
        return frozenset()
    kept: set[int] = set()
    for part in filter(None, reserved.split(",")):
        low, _, high = part.partition("-")
        kept.update(range(int(low), int(high or low) + 1))
    return frozenset(range(first, last + 1)) - kept


def reset_if_own(descriptor: int) -> bool:
    """Whether a TCP connection is one to itself; then its close is made a reset.

    TCP allows it (RFC 9293, simultaneous open): a connection from a port to the same port. UNIX sockets never do: both ends of a pair
    have no name. ``descriptor`` may be closed by now, or another one's.
    """
    try:
        connection = socket.socket(fileno=os.dup(descriptor))
    except OSError:
        return False
    with connection, suppress(OSError):
        if connection.family in _INTERNET and connection.getsockname() == connection.getpeername():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return True
    return False


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there yet. Raises OSError where nobody here ever can: the address is another machine's, or no address."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True


def holder_of(port: int) -> str:
    """``pid 123 (python3 -m …)`` of the process that listens on ``port``; says so where it may not be known."""
    listening = [item.pid for item in _connections("tcp") if item.laddr and item.laddr.port == port and item.status == psutil.CONN_LISTEN]
    return _who(listening)


def holder_of_name(name: str) -> str:
    """Likewise of the process that has the UNIX socket ``name``, ``@`` before an abstract one."""
    return _who([item.pid for item in _connections("unix") if item.laddr == name])


def _connections(kind: str) -> list[Any]:
    try:
        return list(psutil.net_connections(kind))
    except (psutil.Error, OSError):
        return []


def _who(pids: Sequence[int | None]) -> str:
    pid = next(filter(None, pids), None)
    if pid is None:
        return "a process this user may not see"
    try:
        words = " ".join(" ".join(psutil.Process(pid).cmdline()).split())[:120]
    except (psutil.Error, OSError):
        words = "already ended"
    return f"pid {pid} ({words})"
