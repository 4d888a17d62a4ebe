"""``mesh status --stages``: how long the stages of each node take, mesh and broker apart, and how far its clock is from the master's."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from mesh.stages import BROKER, INTERVAL_NS, STAGES
from mesh.texts import offset_text
from mesh.units import SECOND_NS, US_NS
from nodes.io.cli.grid import Column, grid
from nodes.io.cli.tables import Row

PERCENTILES = ("p50", "p90", "p99", "p99.9", "max")
COLUMNS = (
    Column("node", "node"),
    Column("stage", "stage (µs)"),
    Column("count", "count", is_number=True),
    Column("p50", "p50", is_number=True),
    Column("p90", "p90", is_number=True, rank=1),
    Column("p99", "p99", is_number=True),
    Column("p99.9", "p99.9", is_number=True, rank=2),
    Column("max", "max", is_number=True),
    Column("span_s", "in s", is_number=True, rank=3),
    Column("age_ms", "age ms", is_number=True),
)
CLOCKS = (
    Column("node", "node"),
    Column("offset", "the master's clock less its own", is_number=True),
    Column("age_ms", "age ms", is_number=True),
)
INTERVAL_S = INTERVAL_NS // SECOND_NS
MESH_TITLE = f"mesh time, each node's last complete interval ({INTERVAL_S} s or a little more)"
BROKER_TITLE = "broker time: no part of the mesh, in none of the rows above"
CLOCKED = ("router", "local")
"""Roles that ask the master for grants, and so learn what its clock shows."""


def stages_picture(nodes: Sequence[Row], width: int) -> list[RenderableType]:
    """The rows of ``node_rows`` as tables for a screen of so many columns: mesh time, broker time, clocks, what the stages are."""
    rows = [_stage(node, stage) for node in nodes if node["health"] for stage in node["health"]["stages"]]
    parts: list[RenderableType] = []
    for title, is_broker in ((MESH_TITLE, False), (BROKER_TITLE, True)):
        kept = [row for row in rows if (row["stage"] == BROKER) == is_broker]
        if kept:
            parts += ["", Text(title, style="bold"), grid(COLUMNS, kept, width)]
    if not rows:
        parts += ["", Text(f"no node has told of a stage yet: {INTERVAL_S} s after the first signal they do", style="italic")]
    clocks = [_clock(node) for node in nodes if node["role"] in CLOCKED and node["health"]]
    if clocks:
        parts += ["", grid(CLOCKS, clocks, width)]
    known = [name for name in STAGES if any(row["stage"] == name for row in rows)]
    return [*parts, *([""] if known else []), *(Text(f"{name}: {STAGES[name]}", style="italic") for name in known)]


def _stage(node: Row, stage: Row) -> Row:
    """One row; of a stage that did not happen in that interval there is only the count."""
    told = {name: f"{int(stage[f'{name}_ns']) / US_NS:,.0f}" if stage["count"] else "-" for name in PERCENTILES}
    span_s = f"{int(stage['span_ns']) / SECOND_NS:.1f}"
    return {"node": node["name"], "stage": stage["stage"], "count": stage["count"], **told, "span_s": span_s, "age_ms": node["age_ms"]}


def _clock(node: Row) -> Row:
    clock = node["health"]["clock"]
    offset = offset_text(int(clock["offset_ns"]), int(clock["error_ns"])) if clock else "not known"
    return {"node": node["name"], "offset": offset, "age_ms": node["age_ms"]}
