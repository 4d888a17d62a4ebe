"""The state of the package: one link to one terminal, and the last error."""

from collections.abc import Callable
from typing import Any

from nodes.io.mt5backend import Backend, LinkLost, log_in, open_backend
from nodes.terminal.calls import SUCCESS

NO_CONNECTION = (-10004, "No IPC connection")
TIMEOUT_MS = 60_000
"""What initialize and login wait where they are given no time-out."""

Opener = Callable[[str, int], Backend]
"""Path and time-out in ms to a backend; raises LinkLost."""


class Session:
    """The one session of a process, as the package has one."""

    def __init__(self) -> None:
        self.error = SUCCESS
        self.stamp = (0, 0, 0)
        """(block, revision, market_ns) of the last answer."""
        self.opener: Opener = open_backend
        self._backend: Backend | None = None

    def open(self, path: str, login: int, password: str, server: str, timeout_ms: int) -> bool:
        """Close any link, open one to the terminal a path names and log in."""
        self.close()
        try:
            self._backend = self.opener(path, timeout_ms or TIMEOUT_MS)
        except LinkLost as lost:
            self.error = lost.error
            return False
        if self.log_in(login, password, server):
            return True
        self.close()
        return False

    def log_in(self, login: int, password: str, server: str) -> bool:
        """Switch to an account."""
        if self._backend is None:
            self.error = NO_CONNECTION
            return False
        try:
            reply = log_in(self._backend, login, password, server)
        except LinkLost as lost:
            self._lose(lost)
            return False
        self.error = reply.error
        return bool(reply.error == SUCCESS)

    def ask(self, name: str, *args: Any) -> Any:
        """What the terminal answers; None with the error set where it cannot."""
        if self._backend is None:
            self.error = NO_CONNECTION
            return None
        try:
            reply = self._backend.call(name, list(args))
        except LinkLost as lost:
            self._lose(lost)
            return None
        self.stamp = (reply.block, reply.revision, reply.market_ns)
        self.error = reply.error
        return reply.value if reply.error == SUCCESS else None

    def _lose(self, lost: LinkLost) -> None:
        self.error = lost.error
        if lost.is_closed:
            self.close()

    def close(self) -> None:
        """End the link, where there is one."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None


SESSION = Session()
