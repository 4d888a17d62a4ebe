"""Whether somebody who speaks at a known interval still does: fresh, late or dead.

Two thresholds, as zyre's peers and TigerBeetle's fault detector have them: past 1.5 intervals one word is missing, past 3
at least two. The interval is that of the configuration, not an estimate: who speaks slower than he should is late.
"""

FRESH, LATE, DEAD = "fresh", "late", "dead"


class Liveness:
    """One speaker. Before its first word it is dead."""

    __slots__ = ("_dead_ns", "_fresh_ns", "_heard_ns")

    def __init__(self, interval_ns: int) -> None:
        assert interval_ns > 0, f"an interval of {interval_ns} ns"
        self._fresh_ns = interval_ns * 3 // 2
        self._dead_ns = interval_ns * 3
        self._heard_ns: int | None = None

    def heard(self, now_ns: int) -> None:
        """A word came."""
        self._heard_ns = now_ns

    def age_ns(self, now_ns: int) -> int | None:
        """Time since its last word; None before the first."""
        return None if self._heard_ns is None else max(0, now_ns - self._heard_ns)

    def state(self, now_ns: int) -> str:
        """FRESH, LATE or DEAD."""
        age_ns = self.age_ns(now_ns)
        if age_ns is None or age_ns > self._dead_ns:
            return DEAD
        return FRESH if age_ns <= self._fresh_ns else LATE
