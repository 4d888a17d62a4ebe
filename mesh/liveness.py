"""Whether somebody who speaks at a known interval still does: fresh, late or dead.

Two thresholds, as zyre's peers and TigerBeetle's fault detector have them: past 1.5 intervals one word is missing, past 3
at least two. The interval is that of the configuration, not an estimate: who speaks slower than he should is late.
"""

FRESH, LATE, DEAD = "fresh", "late", "dead"


def liveness_of(age_ns: int | None, fresh_ns: int, late_ns: int) -> str:
    """FRESH up to ``fresh_ns`` since the last word, LATE up to ``late_ns``, DEAD after that and where there was none."""
    if age_ns is None or age_ns > late_ns:
        return DEAD
    return FRESH if age_ns <= fresh_ns else LATE


class Liveness:
    """One speaker. Before its first word it is dead."""

    __slots__ = ("_fresh_ns", "_heard_ns", "_late_ns")

    def __init__(self, interval_ns: int) -> None:
        assert interval_ns > 0, f"an interval of {interval_ns} ns"
        self._fresh_ns = interval_ns * 3 // 2
        self._late_ns = interval_ns * 3
        self._heard_ns: int | None = None

    def heard(self, now_ns: int) -> None:
        """A word came."""
        self._heard_ns = now_ns

    def age_ns(self, now_ns: int) -> int | None:
        """Time since its last word; None before the first."""
        return None if self._heard_ns is None else max(0, now_ns - self._heard_ns)

    def state(self, now_ns: int) -> str:
        """FRESH, LATE or DEAD."""
        return liveness_of(self.age_ns(now_ns), self._fresh_ns, self._late_ns)
