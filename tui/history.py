"""What a node did in the last minutes: a sample for each word of its health, for sparklines and rates.

Rates are differences of two words of one life over the node's own clock, so that a late word changes none of them.
"""

from collections import deque

import msgspec

from mesh.messages.health import NodeHealth
from mesh.units import SECOND_NS

SAMPLES_MAX = 120
"""Two minutes of health, once a second."""
MADE = {
    "market": "tick_count",
    "indicator": "bar_count",
    "signals": "signal_count",
    "master": "order_count",
    "router": "order_count",
    "local": "outcome_count",
    "broker": "venue_call_count",
}
"""Role → the counter that says how much its nodes do."""


class Sample(msgspec.Struct, frozen=True):
    """One word of health. ``rate``: of the role's counter, a second, since the word before."""

    at_ns: int
    loop_lag_us: int
    cpu_percent: int
    rss_bytes: int
    rate: float


class NodeHistory:
    """Of one node."""

    def __init__(self) -> None:
        self.samples: deque[Sample] = deque(maxlen=SAMPLES_MAX)
        self.rates: dict[str, float] = {}
        """Counter → how much it grows a second, between the two newest words."""
        self._last: NodeHealth | None = None
        self.life_count = 0
        """Lives of it that this console has seen."""

    def take(self, health: NodeHealth, at_ns: int) -> None:
        """Its newest word; one that is known already, from another router, is none."""
        last = self._last
        if last is not None and last.life == health.life and health.uptime_ms <= last.uptime_ms:
            return
        is_same = last is not None and last.life == health.life
        span_ms = health.uptime_ms - last.uptime_ms if last is not None and is_same else health.uptime_ms
        before = last.counters if last is not None and is_same else {}
        self.life_count += not is_same
        self.rates = {name: 1_000 * (total - before.get(name, 0)) / max(1, span_ms) for name, total in health.counters.items()}
        self._last = health
        rate = self.rates.get(MADE.get(health.role, ""), 0.0)
        self.samples.append(Sample(at_ns, health.loop_lag_us, health.cpu_percent, health.rss_bytes, rate))


class Window:
    """How often something happened in the last minute, by a clock."""

    def __init__(self, span_ns: int = 60 * SECOND_NS) -> None:
        self._span_ns = span_ns
        self._at: deque[tuple[int, int]] = deque()
        self._sum = 0

    def add(self, count: int, at_ns: int) -> None:
        """It happened so many times. What comes late, of a time before the newest, leaves with that one."""
        newest_ns = max(at_ns, self._at[-1][0]) if self._at else at_ns
        self._forget(newest_ns)
        if count and newest_ns - at_ns <= self._span_ns:
            self._at.append((newest_ns, count))
            self._sum += count

    def count(self, now_ns: int) -> int:
        """Times in the window that ends now."""
        self._forget(now_ns)
        return self._sum

    def _forget(self, now_ns: int) -> None:
        while self._at and now_ns - self._at[0][0] > self._span_ns:
            self._sum -= self._at.popleft()[1]
