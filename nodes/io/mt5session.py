"""The state of the package: one link to one terminal, and the last error."""

from collections.abc import Callable
from threading import RLock
from typing import Any

import msgpack

from nodes.io.mt5backend import Backend, LinkLost, Reply, log_in, open_backend
from nodes.terminal.calls import SEVERAL
from nodes.terminal.lasterror import NO_CONNECTION, RECEIVE_FAILED, SEND_FAILED, SUCCESS, Error

TIMEOUT_MS = 60_000
"""What initialize and login wait where they are given no time-out."""

Opener = Callable[[str, int], Backend]
"""Path and time-out in ms to a backend; raises LinkLost."""


class Session:
    """The one session of a process, as the package has one."""

    def __init__(self) -> None:
        self.lock = RLock()
        """Held by a call of the package for as long as it takes, its waiting included: the real one keeps the interpreter's own."""
        self.error = SUCCESS
        self.stamp = (0, 0, 0)
        """(block, revision, market_ns) of the last answer."""
        self.opener: Opener = open_backend
        self.path = ""
        """Of the terminal that was attached last: where initialize finds it again without being told."""
        self.backend: Backend | None = None
        """The terminal that is attached."""
        self._is_stuck = False
        """A write failed: the handle is kept and every call fails until the terminal is initialised again (mt5.md §1)."""
        self._ahead: dict[bytes, Reply] = {}
        """Answers that came ahead of their question, by name and arguments."""

    def open(self, path: str, login: int, password: str, server: str, timeout_ms: int) -> bool:
        """Close any link, open one to the terminal a path names, without one to that of the last time, and log in."""
        self.close()
        path = path or self.path
        try:
            self.backend = self.opener(path, timeout_ms or TIMEOUT_MS)
        except LinkLost as lost:
            self.error = lost.error
            return False
        self.path = path
        if self.log_in(login, password, server, timeout_ms):
            return True
        self.close()
        return False

    def log_in(self, login: int, password: str, server: str, timeout_ms: int) -> bool:
        """Switch to an account; ``timeout_ms`` 0: the package's own minute."""
        if self.backend is None or self._is_stuck:
            self.error = NO_CONNECTION if self.backend is None else SEND_FAILED
            return False
        self._ahead = {}
        try:
            reply = log_in(self.backend, login, password, server, timeout_ms or TIMEOUT_MS)
        except LinkLost as lost:
            self._lose(lost)
            return False
        self._told(reply.error)
        return bool(reply.error == SUCCESS)

    def ask(self, name: str, *args: Any) -> Any:
        """What the terminal answers; None with the error set where it cannot."""
        return self.ask_row(name, list(args))

    def ask_row(self, name: str, args: list[Any]) -> Any:
        """``ask`` with the arguments in a list."""
        if self.backend is None:
            self.error = NO_CONNECTION
            return None
        if self._is_stuck:
            self.error = SEND_FAILED
            return None
        reply = self._ahead.pop(msgpack.packb([name, *args]), None) if self._ahead else None
        if reply is None:
            self._ahead = {}  # a call that goes out may change what was answered ahead
            try:
                reply = self.backend.call(name, args)
            except LinkLost as lost:
                self._lose(lost)
                return None
        self.stamp = (reply.block, reply.revision, reply.market_ns)
        if reply.error == SUCCESS:
            self.error = SUCCESS
            return reply.value
        self._told(reply.error)
        return None

    def _told(self, error: Error) -> None:
        self.error = error
        if error == RECEIVE_FAILED:
            self.close()  # the pipe broke
        self._is_stuck = error == SEND_FAILED

    def ahead(self, calls: list[list[Any]], where_changed: list[list[Any]], revision: int) -> None:
        """Have reads answered in one message, each a list of name and arguments; ``ask`` then hands each answer out once.

        ``where_changed`` are answered only where the account's revision is another one. All are of one moment. Another call of
        any kind forgets them. A terminal that does not know this (the real one) is asked call by call.
        """
        self._ahead = {}
        if self.backend is None:
            return
        try:
            reply = self.backend.call(SEVERAL, [revision, calls, where_changed])
        except LinkLost as lost:
            self._lose(lost)
            return
        if reply.error != SUCCESS:
            return
        for call, (value, code, text) in zip([*calls, *where_changed], reply.value, strict=False):
            self._ahead[msgpack.packb(call)] = Reply(value, (code, text), reply.block, reply.revision, reply.market_ns)

    def _lose(self, lost: LinkLost) -> None:
        self.error = lost.error
        if lost.is_closed:
            self.close()

    def close(self) -> None:
        """End the link, where there is one."""
        self._ahead = {}
        self._is_stuck = False
        if self.backend is not None:
            self.backend.close()
            self.backend = None


SESSION = Session()
