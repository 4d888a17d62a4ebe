"""How long a step of the market waits: when it asks again, and when the wait is long."""

from mesh.backoff import backoff_ns
from mesh.units import NEVER


class Patience:
    """Of one step at a time. ``repeat_ns``: the first pause before asking again, doubled up to three times."""

    def __init__(self, repeat_ns: int) -> None:
        self.is_given_up = False
        """The step goes on with what is there."""
        self._repeat_ns = repeat_ns
        self._repeat_at_ns = NEVER
        self._long_at_ns = NEVER
        self._asked_count = 0

    @property
    def deadline_ns(self) -> int:
        """When to look again."""
        return min(self._repeat_at_ns, self._long_at_ns)

    def restart(self) -> None:
        """Another step begins."""
        self._repeat_at_ns = self._long_at_ns = NEVER
        self._asked_count = 0
        self.is_given_up = False

    def asked(self, now_ns: int, long_ns: int) -> None:
        """Somebody was asked; after ``long_ns`` from the first time without an answer the wait is long."""
        self._repeat_at_ns = now_ns + backoff_ns(self._repeat_ns, self._asked_count)
        if self._long_at_ns == NEVER and not self.is_given_up:
            self._long_at_ns = now_ns + long_ns

    def is_repeat_due(self, now_ns: int) -> bool:
        """Whether to ask again now; counted."""
        if now_ns < self._repeat_at_ns:
            return False
        self._asked_count += 1
        return True

    def is_long(self, now_ns: int) -> bool:
        """Whether the wait has just become long: true once, and again after another such wait."""
        if now_ns < self._long_at_ns:
            return False
        self._long_at_ns = NEVER
        return True
