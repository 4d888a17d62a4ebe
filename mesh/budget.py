"""So much a second of what costs something, and a burst of it at once: a token bucket."""

from mesh.units import SECOND_NS


class Budget:
    """``per_s`` tokens come back each second, up to ``burst``, which are there at the beginning."""

    __slots__ = ("_burst_ns", "_left_ns", "_price_ns", "_seen_ns")

    def __init__(self, per_s: int, burst: int) -> None:
        self._price_ns = SECOND_NS // per_s
        self._burst_ns = self._left_ns = burst * self._price_ns
        self._seen_ns: int | None = None

    def has(self, now_ns: int) -> bool:
        """Whether there is a token."""
        before_ns = now_ns if self._seen_ns is None else self._seen_ns
        self._left_ns = min(self._burst_ns, self._left_ns + max(0, now_ns - before_ns))
        self._seen_ns = now_ns
        return self._left_ns >= self._price_ns

    def take(self, now_ns: int) -> bool:
        """Take a token; False where there is none."""
        if not self.has(now_ns):
            return False
        self._left_ns -= self._price_ns
        return True

    def draw(self, count_max: int, now_ns: int) -> int:
        """Take as many tokens as there are, ``count_max`` at most; how many."""
        if not self.has(now_ns):
            return 0
        count = min(count_max, self._left_ns // self._price_ns)
        self._left_ns -= count * self._price_ns
        return count
