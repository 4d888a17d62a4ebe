"""How long the stages of a node take, live: an HDR histogram a stage, summed up each ten seconds of the node's own clock.

A stage begins and ends on one host: two clocks are never subtracted here. What the mesh takes and what the broker takes (``BROKER``) are
stages of their own and are never added up into one number.

The order path pays for a place in a list, 0.2 µs a record on the machine this was written on; a histogram takes a value in 0.7 µs (1.3
where other work has had the caches), and does so when somebody asks for summaries, with each health: 1.4 ms for as many as may wait, 0.01
ms at ten orders a second. Two digits: a percentile is at most 0.8 % above what was measured. A histogram has 35 KB (three digits: 225 KB)
and is made with the first value of its stage; a node has four at most. The end of an interval costs 0.04 ms a stage (three digits: 0.25
ms).
"""

from bisect import bisect_left
from itertools import accumulate

from hdrh.histogram import HdrHistogram

from mesh.counters import Counters
from mesh.messages.health import StageSummary
from mesh.units import SECOND_NS

LOWEST_NS, HIGHEST_NS, DIGITS = 1, 60 * SECOND_NS, 2
"""What is longer counts as a minute."""
INTERVAL_NS = 10 * SECOND_NS
"""The least length of an interval: it ends when it is asked for after that."""
WAITING_MAX = 2_048
"""Durations that wait for their histogram; of more the newest goes in at once."""

TO_MASTER, PUBLISH, ACK, FORWARD = "to_master", "publish", "ack", "forward"
INTENT, HAND_OVER, BROKER, TOLD = "intent", "hand_over", "broker", "told"
STAGES: dict[str, str] = {
    TO_MASTER: "a signal into the signals node → handed to the master; 0 where that is one pass, else it waited for the master",
    PUBLISH: "a signal into the master → its decision durable and published",
    ACK: "an outcome into the master → durable and acked",
    FORWARD: "an order into a router → handed to its local; 0 where that is one pass, else it waited for the local's credit",
    INTENT: "an order into a local → its INTENT durable",
    HAND_OVER: "an INTENT durable → the worker calls the terminal; a read that it is at comes first",
    BROKER: "the terminal called → it has answered: the broker's time, none of it the mesh's",
    TOLD: "an outcome told by a local → acked by the master, on its disk by then",
}
"""Name → what it measures. A name not listed here is a bug."""


class StageMeter:
    """The stages of one node. ``counters``: where durations below zero (a clock that went back, or another host's) are counted."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._waiting: list[tuple[str, int, int]] = []
        """Stage, ns and count of what is not in its histogram yet."""
        self._running: dict[str, HdrHistogram] = {}
        """The interval that runs; of the one before there are the summaries."""
        self._began_ns: int | None = None
        self._last: list[StageSummary] = []

    def record(self, stage: str, took_ns: int, count: int = 1) -> None:
        """``count`` times a stage took so long."""
        assert stage in STAGES, f"stage {stage!r} is not among mesh.stages.STAGES"
        waiting = self._waiting
        waiting.append((stage, took_ns, count))
        if len(waiting) > WAITING_MAX:
            self._take_in(*waiting.pop())

    def summaries(self, now_ns: int) -> list[StageSummary]:
        """Each stage there ever was in the last interval that is complete, in the order of ``STAGES``; none before the first one is."""
        while self._waiting:
            self._take_in(*self._waiting.pop())
        if self._began_ns is None:
            self._began_ns = now_ns
        span_ns = now_ns - self._began_ns
        if span_ns >= INTERVAL_NS:
            running = self._running
            self._last = [summary_of(name, running[name], span_ns) for name in STAGES if name in running]
            self._running = {name: _empty() for name in running}
            self._began_ns = now_ns
        return list(self._last)

    def _take_in(self, stage: str, took_ns: int, count: int) -> None:
        """A duration goes into its histogram."""
        if took_ns < 0:
            self._counters.add("negative_stage_count", count)
            return
        if stage not in self._running:
            self._running[stage] = _empty()
        self._running[stage].record_value(min(took_ns, HIGHEST_NS), count)


def _empty() -> HdrHistogram:
    return HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)


def summary_of(name: str, histogram: HdrHistogram, span_ns: int) -> StageSummary:
    """What a histogram of ns holds. Whole numbers alone: the library's percentiles are asked for as floats, and cost four times as much."""
    count, max_ns = histogram.total_count, histogram.max_value
    if not count:
        return StageSummary(name, 0, 0, 0, 0, 0, 0, span_ns)
    sums = list(accumulate(histogram.counts[: histogram.get_counts_array_index(max_ns) + 1]))

    def at(permille: int) -> int:
        """The value that so many thousandths do not exceed."""
        index = bisect_left(sums, -(-count * permille // 1_000))
        return int(min(max_ns, histogram.get_highest_equivalent_value(histogram.get_value_from_index(index))))

    return StageSummary(name, count, at(500), at(900), at(990), at(999), max_ns, span_ns)
