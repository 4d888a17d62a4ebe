"""The rows of the Latency page's tables: stages as their nodes measured them, clocks against the master's, the slowest orders."""

from typing import Any

import msgspec

from mesh.messages.health import NodeHealth, StageSummary
from mesh.stages import ACK, BROKER, FORWARD, HAND_OVER, INTENT, PUBLISH, STAGES, TO_MASTER, TOLD
from mesh.texts import iso_of, moment_text, offset_text
from mesh.units import MS_NS, SECOND_NS, US_NS
from mesh.view import freshness
from tui.amounts import age_text, pair_text
from tui.latencies import BROKER as BROKER_STEP
from tui.latencies import STEPS, WHOLE, Latencies, Slow, Step
from tui.state import State
from tui.tablemodel import Column

LINKS = {
    TO_MASTER: "signals → master",
    PUBLISH: "master publishes",
    ACK: "master acks",
    FORWARD: "router → local",
    INTENT: "local, to INTENT",
    HAND_OVER: "local → terminal",
    TOLD: "local ⇄ master",
    BROKER: "terminal ⇄ broker",
}
"""Stage → the link or node it is the time of."""
CLOCKED = ("router", "local")
"""Roles that learn from their grants what the master's clock shows."""
MARKS = {"late": "◐", "dead": "○"}
"""Before the age of what is no news."""
_ORDER = {stage: number for number, stage in enumerate(STAGES)}


class StageRow(msgspec.Struct, frozen=True, gc=False):
    """A stage of one node, in its last complete interval."""

    node: str
    role: str
    stage: str
    summary: StageSummary
    age_ns: int

    @property
    def is_old(self) -> bool:
        """Whether it is no news."""
        return freshness(self.age_ns) != "fresh"


def stage_rows(state: State, now_ns: int, is_broker: bool) -> list[StageRow]:
    """Those of the mesh or those of the broker: by stage, in each the worst node first, nodes that are silent last."""
    rows = [
        StageRow(health.node, health.role, summary.name, summary, now_ns - at_ns)
        for at_ns, health in state.view.nodes.values()
        for summary in health.stages
        if (summary.name == BROKER) == is_broker
    ]
    rows.sort(key=lambda row: (_ORDER.get(row.stage, len(_ORDER)), row.is_old, -row.summary.p99_ns, row.node))
    return rows


class ClockRow(msgspec.Struct, frozen=True, gc=False):
    """What a node thinks of the master's clock. ``health`` None: it was never seen."""

    node: str
    role: str
    health: NodeHealth | None
    age_ns: int

    @property
    def is_old(self) -> bool:
        """Whether it is no news."""
        return self.health is None or freshness(self.age_ns) != "fresh"


def clock_rows(state: State, now_ns: int) -> list[ClockRow]:
    """All nodes that can know it, in the configuration's order."""
    config = state.config
    names = [(name, role) for role in CLOCKED for name in config.nodes_of(role)]
    return [ClockRow(name, role, state.health(name), state.age_ns(name, now_ns) or 0) for name, role in names]


class StepRow(msgspec.Struct, frozen=True, gc=False):
    """A step of the orders of the last hour."""

    step: Step
    summary: StageSummary


def step_rows(latencies: Latencies, now_ns: int) -> list[StepRow]:
    """All steps, the whole mesh first, the broker last."""
    return [StepRow(step, latencies.summary(step, now_ns)) for step in STEPS]


def meanings(rows: list[StageRow]) -> list[str]:
    """What the stages are that there are."""
    found = dict.fromkeys(row.stage for row in rows)
    return [f"{stage}: {words}" for stage, words in STAGES.items() if stage in found]


# words


def us_text(span_ns: int) -> str:
    """Whole microseconds."""
    return f"{span_ns / US_NS:,.0f}"


def ms_text(span_ns: int) -> str:
    """Milliseconds with two decimals."""
    return f"{span_ns / MS_NS:,.2f}"


def seen_text(age_ns: int) -> str:
    """How old something is that is told again and again, with a mark where it is no news."""
    word = freshness(age_ns)
    return age_text(age_ns) if word == "fresh" else f"{MARKS[word]} {age_text(age_ns)}"


def when_text(wall_ns: int) -> str:
    """A time of the day; its zone stands in the title."""
    return iso_of(wall_ns)[11:19]


def latency_head(state: State, now_ns: int, is_wide: bool) -> str:
    """What the last hour was like, in a line."""
    latencies = state.latencies
    mesh, broker = latencies.summary(WHOLE, now_ns), latencies.summary(BROKER_STEP, now_ns)
    if latencies.heard_ns is None or not mesh.count:
        return "Latency  no order of the last hour was heard yet"
    newest = f"newest {age_text(now_ns - latencies.heard_ns)} ago"
    if not is_wide:
        mesh_words, broker_words = pair_text(mesh.p50_ns, mesh.p99_ns), pair_text(broker.p50_ns, broker.p99_ns)
        return f"mesh {mesh_words}  broker {broker_words} (p50/p99)  {mesh.count:,} orders, {newest}"
    mesh_words = f"p50 {us_text(mesh.p50_ns)}  p99 {us_text(mesh.p99_ns)}  max {us_text(mesh.max_ns)} µs of {mesh.count:,} orders"
    broker_words = f"p50 {us_text(broker.p50_ns)}  p99 {us_text(broker.p99_ns)}  max {us_text(broker.max_ns)} µs"
    return f"Latency, last hour  mesh, signal to the terminal called: {mesh_words}   broker: {broker_words}   {newest}"


def slow_lines(order: Slow) -> list[str]:
    """A slow order in words."""
    broker = f"broker {ms_text(order.broker_ns)} ms" if order.broker_ns else "the broker has not answered"
    part = f"; {ms_text(order.part_ns)} ms of the mesh's in {order.part}" if order.part else ""
    return [
        f"{order.account} {order.symbol} {order.code}, heard {moment_text(order.wall_ns)}",
        f"mesh {ms_text(order.mesh_ns)} ms, {broker}{part}",
    ]


def _percentile(key: str, title: str, rank: int) -> Column[Any]:
    def value(row: StageRow | StepRow) -> int:
        return int(getattr(row.summary, key))

    return Column(key, title, value, lambda row: us_text(value(row)) if row.summary.count else "-", True, rank, 5)


def _offset(row: ClockRow) -> str:
    if row.health is None:
        return "never seen"
    if not row.health.clock_error_ns:
        return "not known"
    return offset_text(row.health.clock_offset_ns, row.health.clock_error_ns)


STAGE_COLUMNS: tuple[Column[StageRow], ...] = (
    Column("stage", "stage", lambda row: _ORDER.get(row.stage, len(_ORDER)), lambda row: row.stage, searched=True, width_min=9),
    Column("node", "node", lambda row: row.node, lambda row: row.node, searched=True, width_max=24),
    Column("link", "of", lambda row: LINKS.get(row.stage, ""), lambda row: LINKS.get(row.stage, ""), rank=4, searched=True),
    Column("count", "count", lambda row: row.summary.count, lambda row: f"{row.summary.count:,}", True, 1, 5),
    _percentile("p50_ns", "p50", 0),
    _percentile("p90_ns", "p90", 2),
    _percentile("p99_ns", "p99", 0),
    _percentile("p999_ns", "p99.9", 3),
    _percentile("max_ns", "max", 1),
    Column("span", "in s", lambda row: row.summary.span_ns, lambda row: f"{row.summary.span_ns / SECOND_NS:.1f}", True, 5, 4),
    Column("age", "age", lambda row: row.age_ns, lambda row: seen_text(row.age_ns), True, 0, 7),
)
STEP_COLUMNS: tuple[Column[StepRow], ...] = (
    Column("step", "step", lambda row: STEPS.index(row.step), lambda row: row.step.title, width_min=24),
    Column("words", "of", lambda row: row.step.words, lambda row: row.step.words, rank=5),
    Column("count", "orders", lambda row: row.summary.count, lambda row: f"{row.summary.count:,}", True, 0, 6),
    _percentile("p50_ns", "p50", 0),
    _percentile("p90_ns", "p90", 2),
    _percentile("p99_ns", "p99", 0),
    _percentile("p999_ns", "p99.9", 3),
    _percentile("max_ns", "max", 0),
)
CLOCK_COLUMNS: tuple[Column[ClockRow], ...] = (
    Column("node", "node", lambda row: row.node, lambda row: row.node, searched=True, width_max=24),
    Column("role", "role", lambda row: row.role, lambda row: row.role, rank=3, searched=True),
    Column(
        "offset", "master's clock less its own", lambda row: abs(row.health.clock_offset_ns) if row.health else 0, _offset, True, 0, 27
    ),
    Column("age", "age", lambda row: row.age_ns, lambda row: seen_text(row.age_ns) if row.health else "", True, 0, 8),
)
SLOW_COLUMNS: tuple[Column[Slow], ...] = (
    Column("mesh", "mesh ms", lambda row: row.mesh_ns, lambda row: ms_text(row.mesh_ns), True, 0, 7),
    Column("broker", "broker ms", lambda row: row.broker_ns, lambda row: ms_text(row.broker_ns) if row.broker_ns else "-", True, 0, 9),
    Column("when", "heard UTC", lambda row: row.wall_ns, lambda row: when_text(row.wall_ns), rank=1, width_min=9),
    Column("account", "account", lambda row: row.account, lambda row: row.account, searched=True, width_max=24),
    Column("sid", "sid", lambda row: row.sid, lambda row: row.sid, searched=True, width_min=34, is_rest=True),
    Column("code", "code", lambda row: row.code, lambda row: row.code, rank=4, searched=True),
    Column("part", "longest step, ms", lambda row: row.part_ns, lambda row: f"{ms_text(row.part_ns)} {row.part}", rank=3),
    Column("symbol", "symbol", lambda row: row.symbol, lambda row: row.symbol, rank=5, searched=True),
)
