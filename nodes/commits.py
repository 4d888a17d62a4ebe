"""What a core does once a commit is on disk: the one place where "durable before sent" is written down.

``make`` gives the Commit and keeps what is to follow; ``durable`` gives what follows. Commits become durable in the order
in which they were made (one store, one queue), so what follows is sent in that order too.
"""

from collections.abc import Callable, Sequence

from mesh.core import Commit, Effect, Put

Then = Callable[[int], list[Effect]]
"""From the time at which it was durable to the effects that had to wait for it."""


def nothing_follows(durable_ns: int) -> list[Effect]:
    """For rows that are to be durable at once though nothing is sent for it."""
    return []


class Commits:
    """Commits under way, by token."""

    def __init__(self) -> None:
        self._token = 0
        self._waiting: dict[int, Then] = {}

    @property
    def count(self) -> int:
        """How many are not durable yet."""
        return len(self._waiting)

    def make(self, puts: Sequence[Put], then: Then) -> Commit:
        """The effect that makes rows durable; ``then`` follows."""
        self._token += 1
        self._waiting[self._token] = then
        return Commit(self._token, tuple(puts))

    def durable(self, token: int, now_ns: int) -> list[Effect]:
        """What follows the commit with this token."""
        return self._waiting.pop(token)(now_ns)
