"""The master's records as a router sees them: dense ``n`` in an epoch, holes asked for until they are filled.

A record is handed on the moment it comes, also past a hole; each account's own numbers put things right at its local. What was
asked for again and again in vain is passed over: one record that cannot be read stops nobody.
"""

from mesh.bounded import keep

HOLES_MAX = 4_096
"""Missing records remembered; beyond this the locals ask for what they lack by themselves."""
ASKS_MAX = 8
RANGES_MAX = 16


class RecordStream:
    """Numbers of one epoch. ``next_n``: all below it came, or are among the holes."""

    def __init__(self) -> None:
        self.e = 0
        self.next_n = 1
        self._holes: dict[int, int] = {}
        """Missing n → how often it was asked for."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing misses."""
        return not self._holes

    def begin(self, e: int, next_n: int) -> None:
        """Another epoch: from here on each record counts."""
        self.e, self.next_n = e, next_n
        self._holes.clear()

    def take(self, n: int) -> bool:
        """A record came; False where it had come before."""
        if n >= self.next_n:
            self.expect(n - 1)
            self.next_n = n + 1
            return True
        return self._holes.pop(n, None) is not None

    def expect(self, n_last: int) -> bool:
        """All up to ``n_last`` exist; whether some of them are newly missing."""
        if n_last < self.next_n:
            return False
        first = max(self.next_n, n_last - HOLES_MAX + 1)
        for n in range(first, n_last + 1):
            keep(self._holes, n, 0, HOLES_MAX)
        self.next_n = n_last + 1
        return True

    def fill(self, from_n: int, to_n: int) -> None:
        """Nothing comes any more for these."""
        for n in [n for n in self._holes if from_n <= n <= to_n]:
            del self._holes[n]

    def ask(self) -> tuple[list[tuple[int, int]], int]:
        """(ranges to ask for now, how many records were given up)."""
        given_up = [n for n, count in self._holes.items() if count >= ASKS_MAX]
        for n in given_up:
            del self._holes[n]
        ranges: list[tuple[int, int]] = []
        for n in sorted(self._holes):
            if ranges and ranges[-1][1] == n - 1:
                ranges[-1] = (ranges[-1][0], n)
            elif len(ranges) < RANGES_MAX:
                ranges.append((n, n))
            else:
                break
            self._holes[n] += 1
        return ranges, len(given_up)
