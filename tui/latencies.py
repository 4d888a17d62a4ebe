"""How long the steps of orders took in the last hour, by the stamps of the outcomes this console hears, and which orders took longest.

The mesh's time and the broker's are steps of their own and are never added up. A step is measured only where one clock, or clocks of one
host, stamped both its ends. Pure: each question takes the time.
"""

import heapq
from collections.abc import Iterable

import msgspec
from hdrh.histogram import HdrHistogram

from mesh.bounded import keep
from mesh.config import Config
from mesh.messages.health import StageSummary
from mesh.messages.outcomes import Outcome
from mesh.stages import DIGITS, HIGHEST_NS, LOWEST_NS, summary_of
from mesh.steps import CLOCK_OF, Clocks, clocks_of, is_one_clock
from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS
from mesh.view import View

SLOT_NS = 5 * MINUTE_NS
"""What is forgotten at a time: a histogram has 31 KB, and there is one a step and slot."""
SLOWEST_MAX = 10
CLOCKS_NS = 10 * SECOND_NS
"""How long what was found out about the clocks of an account's orders is used."""
CLOCKS_MAX = 4_096
LATE_CODE = "FILLED_LATE"
"""Takes the place of an end that was counted."""


class Step(msgspec.Struct, frozen=True):
    """From one stage to another. ``words``: what is done in between."""

    key: str
    first: str
    last: str
    words: str
    is_broker: bool = False

    @property
    def title(self) -> str:
        """Its stages as words."""
        return f"{self.first} → {self.last}".replace("_", " ")


WHOLE = Step("mesh", "signal", "called", "all of the mesh")
BROKER = Step("broker", "called", "answered", "the broker alone", is_broker=True)
PARTS = (
    Step("to_master", "signal", "master_in", "signals to master"),
    Step("decide", "master_in", "master_out", "decided and published"),
    Step("to_router", "master_out", "router_out", "through the router"),
    Step("to_local", "router_out", "local_in", "to the local"),
    Step("intent", "local_in", "durable", "its INTENT durable"),
    Step("hand_over", "durable", "called", "to the terminal"),
)
STEPS = (WHOLE, *PARTS, BROKER)


class Slow(msgspec.Struct, frozen=True, order=True):
    """An order by how long the mesh took. ``part_ns``: its longest step, ``part``. ``at_ns``: when it was heard, on the console's clock."""

    mesh_ns: int
    at_ns: int
    wall_ns: int
    account: str
    f: int
    sid: str
    symbol: str
    code: str
    broker_ns: int
    part: str
    part_ns: int


class _Slot:
    """What was heard in one span of ``SLOT_NS``."""

    def __init__(self) -> None:
        self.histograms: dict[str, HdrHistogram] = {}
        self.left_out: dict[str, int] = {}
        self.slowest: list[Slow] = []

    def record(self, step: str, span_ns: int) -> None:
        if step not in self.histograms:
            self.histograms[step] = empty()
        self.histograms[step].record_value(min(span_ns, HIGHEST_NS))

    def leave_out(self, step: str) -> None:
        self.left_out[step] = self.left_out.get(step, 0) + 1

    def slow(self, order: Slow) -> None:
        if len(self.slowest) < SLOWEST_MAX:
            heapq.heappush(self.slowest, order)
        else:
            heapq.heappushpop(self.slowest, order)


def empty() -> HdrHistogram:
    """One of ns, as stages have them."""
    return HdrHistogram(LOWEST_NS, HIGHEST_NS, DIGITS)


class Latencies:
    """Those of the orders whose outcomes this console heard."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._slots: dict[int, _Slot] = {}
        """By the number of their span, which grows with the clock."""
        self._sums: dict[str, HdrHistogram] = {}
        """Step → all slots together."""
        self._summaries: dict[str, StageSummary] = {}
        self._clocks: dict[tuple[str, str], tuple[int, Clocks]] = {}
        """(source, account) → since when, what was found out."""
        self.heard_ns: int | None = None
        """When the newest order was."""
        self.version = 0
        """Grows with each change."""

    # what came

    def take(self, outcome: Outcome, view: View, at_ns: int, now_ns: int, wall_ns: int) -> None:
        """An outcome that was not taken before. ``at_ns``: when a router heard it, ``wall_ns``: what a wall clock showed then."""
        self._forget(now_ns)
        is_counted = outcome.final and outcome.code != LATE_CODE
        if not is_counted or now_ns - at_ns > HOUR_NS:
            return
        spans_ns, left_out = self._spans(outcome, self._clocks_of(outcome, view, now_ns))
        if not spans_ns and not left_out:
            return
        slot = self._slots.setdefault(at_ns // SLOT_NS, _Slot())
        for step, span_ns in spans_ns.items():
            slot.record(step, span_ns)
            if step not in self._sums:
                self._sums[step] = empty()
            self._sums[step].record_value(min(span_ns, HIGHEST_NS))
            self._summaries.pop(step, None)
        for step in left_out:
            slot.leave_out(step)
        if WHOLE.key in spans_ns:
            slot.slow(_slow(outcome, spans_ns, at_ns, wall_ns))
        self.heard_ns = at_ns if self.heard_ns is None else max(at_ns, self.heard_ns)
        self.version += 1

    def _spans(self, outcome: Outcome, clocks: Clocks) -> tuple[dict[str, int], list[str]]:
        """Step → how long it took; and the steps that were made but cannot be measured."""
        spans_ns: dict[str, int] = {}
        left_out: list[str] = []
        for step in STEPS:
            first_ns, last_ns = (getattr(outcome.stamps, f"{stage}_ns") for stage in (step.first, step.last))
            if not first_ns or not last_ns:
                continue
            is_one = is_one_clock(clocks[CLOCK_OF[step.first]], clocks[CLOCK_OF[step.last]])
            # from its second call on, what lies before the call has the broker's time in it
            is_again = outcome.attempt > 1 and step.last == WHOLE.last
            if is_one and not is_again and last_ns >= first_ns:
                spans_ns[step.key] = last_ns - first_ns
            else:
                left_out.append(step.key)
        return spans_ns, left_out

    def _clocks_of(self, outcome: Outcome, view: View, now_ns: int) -> Clocks:
        """Whose clocks stamped it. Our own sources begin their sids with their names; of another one the clock is not known."""
        key = outcome.sid.partition("/")[0], outcome.account
        known = self._clocks.get(key)
        if known is None or now_ns - known[0] > CLOCKS_NS:
            known = now_ns, clocks_of(self._config, view, *key)
            keep(self._clocks, key, known, CLOCKS_MAX)
        return known[1]

    def _forget(self, now_ns: int) -> None:
        """What is over an hour old."""
        old = [number for number in self._slots if (number + 1) * SLOT_NS <= now_ns - HOUR_NS]
        if not old:
            return
        for number in old:
            del self._slots[number]
        self._sums, self._summaries = {}, {}
        for slot in self._slots.values():
            for step, histogram in slot.histograms.items():
                self._sums.setdefault(step, empty()).add(histogram)
        self.version += 1

    # what is known

    def histogram(self, step: Step, now_ns: int) -> HdrHistogram | None:
        """Of a step in the last hour; None: no order has made it. Not to be changed."""
        self._forget(now_ns)
        return self._sums.get(step.key)

    def summary(self, step: Step, now_ns: int) -> StageSummary:
        """The percentiles of a step in the last hour."""
        histogram = self.histogram(step, now_ns) or empty()
        if step.key not in self._summaries:
            self._summaries[step.key] = summary_of(step.key, histogram, HOUR_NS)
        return self._summaries[step.key]

    def left_out_count(self, step: Step) -> int:
        """Orders that made a step which cannot be measured: clocks of two hosts, a clock that went back, more than one call."""
        return sum(slot.left_out.get(step.key, 0) for slot in self._slots.values())

    def slowest(self, now_ns: int) -> list[Slow]:
        """The orders of the last hour that took the mesh longest, the slowest first."""
        self._forget(now_ns)
        orders: Iterable[Slow] = (order for slot in self._slots.values() for order in slot.slowest)
        return heapq.nlargest(SLOWEST_MAX, orders)


def _slow(outcome: Outcome, spans_ns: dict[str, int], at_ns: int, wall_ns: int) -> Slow:
    parts = {step.title: spans_ns[step.key] for step in PARTS if step.key in spans_ns}
    part = max(parts, key=lambda title: parts[title], default="")
    return Slow(
        mesh_ns=spans_ns[WHOLE.key], at_ns=at_ns, wall_ns=wall_ns, account=outcome.account, f=outcome.f, sid=outcome.sid,
        symbol=outcome.symbol, code=outcome.code, broker_ns=spans_ns.get(BROKER.key, 0), part=part, part_ns=parts.get(part, 0),
    )  # fmt: skip
