"""A node ends when its parent does: an orphan would trade beside the copy that a new supervisord starts (Supervisor #199, #1670).

On Linux the kernel sends SIGTERM at the parent's death. A look at the parent's id each second covers other systems, and the
moment before the kernel was asked. On Windows there is neither: a worker ends with its pipe, and its account's lock keeps a second one off.
"""

import ctypes
import os
import signal
import sys
import time
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


class End:
    """Whether a process of no nodes was told to end, or its parent has ended."""

    def __init__(self) -> None:
        self._is_over = False
        self._watch = parent_watch(self.ask)
        self._looked_s = time.monotonic()

    def listen(self) -> None:
        """Take the signals that end it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.ask())

    def ask(self) -> None:
        """It is over."""
        self._is_over = True

    def look(self) -> bool:
        """Whether it is over; the parent is looked for each ``LOOK_MS``."""
        now_s = time.monotonic()
        if (now_s - self._looked_s) * 1_000 >= LOOK_MS:
            self._looked_s = now_s
            self._watch()
        return self._is_over
