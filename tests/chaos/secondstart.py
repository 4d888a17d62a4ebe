"""A node or a worker that is started once more, by hand, while it runs: the second copy has to end by itself (I8).

One that runs on may do so only where the first has gone: then it has found the place free, and is ended as its operator would end it.
"""

import subprocess
from contextlib import suppress

import msgspec
import psutil

LIMIT_S = 20.0
"""A copy that runs for so long has found nothing in its way."""


class Ended(msgspec.Struct, frozen=True):
    """How a second copy ended."""

    node: str
    code: int | None
    """None: it ran on and had to be ended."""
    was_free: bool
    """The first copy had ended before."""

    @property
    def words(self) -> str:
        """The same for people."""
        if self.code is not None:
            return f"{self.node}: {self.code}"
        return f"{self.node}: {'found the place free' if self.was_free else 'ran on beside the first'}"


class SecondStart:
    """A second copy that runs. ``first_pid``: the process the node already had; ``began_s``: now."""

    def __init__(self, node: str, first_pid: int, copy: subprocess.Popen[bytes], began_s: float) -> None:
        self.node = node
        self._copy = copy
        self._began_s = began_s
        self._first: psutil.Process | None = None
        """As it was then: another one that gets its pid is not it."""
        with suppress(psutil.NoSuchProcess):
            self._first = psutil.Process(first_pid)

    def look(self, now_s: float) -> Ended | None:
        """How it ended; None while it runs and has time."""
        code = self._copy.poll()
        if code is None and now_s - self._began_s < LIMIT_S:
            return None
        ended = Ended(self.node, code, not self._is_first_there())
        self.close()
        return ended

    def _is_first_there(self) -> bool:
        """Whether the first still runs; stopped it still has its locks, dead and not yet waited for it has none."""
        try:
            return self._first is not None and self._first.is_running() and self._first.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def close(self) -> None:
        """End it."""
        self._copy.kill()
        self._copy.wait()
