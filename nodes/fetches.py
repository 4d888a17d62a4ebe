"""What a core does once rows it asked its store for are there: ``nodes.commits`` for reading.

``make`` gives the Fetch and keeps what is to follow; ``fetched`` gives what follows.
"""

from collections.abc import Callable

from mesh.core import Effect, Fetch, Fetched

Rows = list[tuple[bytes, bytes]]
"""(key, record), by key."""
Then = Callable[[Rows, int], list[Effect]]
"""From the rows and the time at which they came to the effects that had to wait for them."""


class Fetches:
    """Fetches under way, by token."""

    def __init__(self) -> None:
        self._token = 0
        self._waiting: dict[int, Then] = {}

    def make(self, kind: str, prefix: bytes, limit: int, then: Then) -> Fetch:
        """The effect that reads at most ``limit`` rows whose key begins with ``prefix``; ``then`` follows, also where there are none."""
        self._token += 1
        self._waiting[self._token] = then
        return Fetch(self._token, kind, prefix, limit)

    def fetched(self, message: Fetched, now_ns: int) -> list[Effect]:
        """What follows the rows."""
        return self._waiting.pop(message.token)(message.rows, now_ns)
