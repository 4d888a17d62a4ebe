"""The way of an order through the mesh, stage by stage: how much goes through now, and how long it takes there.

Rates are sums over the fresh nodes of a role, percentiles those of the node whose p99 is worst, of its last complete interval. What the
broker takes is its own and is never added to anything.
"""

from collections.abc import Iterator, Sequence

import msgspec

from mesh.messages.health import NodeHealth
from mesh.stages import BROKER, FORWARD, HAND_OVER, INTENT, PUBLISH, TO_MASTER, TOLD
from mesh.units import SECOND_NS
from mesh.view import freshness
from tui.history import MADE
from tui.sparkline import timeline
from tui.state import State

UNITS = {
    "market": "ticks/s",
    "indicator": "bars/s",
    "signals": "signals/s",
    "master": "orders/s",
    "router": "orders/s",
    "local": "outcomes/s",
    "broker": "calls/s",
}
"""Role → what its rate counts, in the order of the way."""
STAGES_AT: dict[str, tuple[str, ...]] = {
    "signals": (TO_MASTER,),
    "master": (PUBLISH,),
    "router": (FORWARD,),
    "local": (INTENT, HAND_OVER),
    "broker": (BROKER, TOLD),
}
"""Where a stage is shown: the way there, and at its end the broker's time and the way back, both measured by locals."""

TREND_NS, TREND_STEPS = 120 * SECOND_NS, 60
TREND_NODES_MAX = 16
"""Nodes whose samples are added up for a picture."""


class Reading(msgspec.Struct, frozen=True):
    """A stage. ``p99_ns`` None: nothing was measured in the last interval. ``node``: where it is worst; empty where there is but one.

    ``age_ns``: how old the word is; 0: fresh.
    """

    stage: str
    p50_ns: int = 0
    p99_ns: int | None = None
    node: str = ""
    age_ns: int = 0


class Station(msgspec.Struct, frozen=True):
    """All nodes of a role. ``rate`` None: none was heard. ``age_ns``: of the newest word where none of them is fresh, else 0.

    ``word``: fresh where one of them is, else late or dead; empty where none was heard.
    """

    role: str
    node_count: int
    fresh_count: int
    word: str
    age_ns: int
    rate: float | None
    readings: tuple[Reading, ...]

    @property
    def unit(self) -> str:
        """What the rate counts."""
        return UNITS[self.role]

    @property
    def title(self) -> str:
        """Its role; how many there are of several, and how many are fresh where not all are."""
        if self.node_count < 2:
            return self.role if self.node_count else f"{self.role}s"  # brokers that are no nodes of this mesh
        some = f" ({self.fresh_count:,} fresh)" if 0 < self.fresh_count < self.node_count else ""
        return f"{self.role} x{self.node_count:,}{some}"


class _Heard(msgspec.Struct, frozen=True, gc=False):
    """A node's newest word."""

    name: str
    age_ns: int
    health: NodeHealth


class Flow:
    """The stations of one mesh."""

    def __init__(self, state: State) -> None:
        config = state.config
        self._nodes = {role: config.nodes_of(role) for role in UNITS}

    def stations(self, state: State, now_ns: int) -> list[Station]:
        """As they are now, from the market to the broker."""
        heard = {role: list(_heard(state, names, now_ns)) for role, names in self._nodes.items()}
        return [self._station(role, state, heard) for role in UNITS]

    def trends(self, state: State, now_ns: int) -> dict[str, list[float | None]]:
        """Role → the sum of its nodes' rates over the last two minutes, of roles of few enough nodes."""
        return {role: _sum(state, names, now_ns) for role, names in self._nodes.items() if len(names) <= TREND_NODES_MAX}

    def _station(self, role: str, state: State, heard: dict[str, list[_Heard]]) -> Station:
        # brokers that are no node of ours are seen by the calls that locals hand over
        at = "local" if role == "broker" and not self._nodes[role] else role
        names, told = self._nodes[role], heard[at]
        fresh = [each for each in told if freshness(each.age_ns) == "fresh"]
        age_ns = 0 if fresh else min((each.age_ns for each in told), default=0)
        word = freshness(age_ns) if told else ""
        rate = sum(_rate(state, each.name, MADE[role]) for each in fresh or told) if told else None
        measuring = heard["local"] if role == "broker" else told
        readings = tuple(_reading(stage, measuring) for stage in STAGES_AT.get(role, ()))
        return Station(role, len(names), len(fresh), word, age_ns, rate, readings)


def _heard(state: State, names: Sequence[str], now_ns: int) -> Iterator[_Heard]:
    nodes = state.view.nodes
    for name in names:
        seen = nodes.get(name)
        if seen is not None:
            yield _Heard(name, now_ns - seen[0], seen[1])


def _rate(state: State, node: str, counter: str) -> float:
    history = state.histories.get(node)
    return history.rates.get(counter, 0.0) if history is not None else 0.0


def _sum(state: State, names: Sequence[str], now_ns: int) -> list[float | None]:
    """What nodes did together, step by step; None where none of them told."""
    total: list[float | None] = [None] * TREND_STEPS
    for name in names:
        history = state.histories.get(name)
        if history is not None:
            samples = ((sample.at_ns, sample.rate) for sample in history.samples)
            for step, rate in enumerate(timeline(samples, now_ns, TREND_NS, TREND_STEPS)):
                if rate is not None:
                    total[step] = (total[step] or 0.0) + rate
    return total


def _reading(stage: str, told: list[_Heard]) -> Reading:
    """The worst of the fresh nodes; where none is fresh, of all."""
    fresh = [each for each in told if freshness(each.age_ns) == "fresh"]
    worst: Reading | None = None
    for each in fresh or told:
        for summary in each.health.stages:
            if summary.name == stage and summary.count and (worst is None or worst.p99_ns is None or summary.p99_ns > worst.p99_ns):
                name = each.name if len(told) > 1 else ""
                worst = Reading(stage, summary.p50_ns, summary.p99_ns, name, 0 if fresh else each.age_ns)
    return worst if worst is not None else Reading(stage)
