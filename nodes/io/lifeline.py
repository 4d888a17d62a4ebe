"""A node ends when its parent does: an orphan would trade beside the copy that a new supervisord starts (Supervisor #199, #1670).

On Linux the kernel sends SIGTERM at the parent's death. A look at the parent's id each second covers other systems, and the
moment before the kernel was asked. On Windows a job object of whoever starts the nodes does the same.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

LOOK_MS = 1_000
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
"""Loaded at import: between fork and exec nothing may be loaded any more."""


def die_with_parent() -> None:
    """Have the kernel send this process SIGTERM when its parent dies. Survives exec, so it may run between fork and exec."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def is_orphan_of_supervisord() -> bool:
    """Whether supervisord started this process and was gone before the kernel could be asked to tell.

    Its children find ``SUPERVISOR_ENABLED`` in their environment; the parent's command line says whether it is supervisord.
    """
    if "SUPERVISOR_ENABLED" not in os.environ or sys.platform != "linux":
        return False
    try:
        return b"supervisor" not in Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
    except OSError:
        return True


def parent_watch(when_gone: Callable[[], None]) -> Callable[[], None]:
    """What to call each ``LOOK_MS``: it calls ``when_gone`` once the parent of now is another."""
    parent_pid = os.getppid()

    def look() -> None:
        if os.getppid() != parent_pid:
            when_gone()

    return look
