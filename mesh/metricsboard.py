"""A Grafana dashboard over the metrics of ``mesh.metrics``: what matters first, and below it a panel for each counter of the catalogue."""

from collections.abc import Iterator
from typing import Any

from mesh.metrics import BUILD, COUNTER, COUNTERS, FAMILIES, GAUGES, LINES, PHASE, PREFIX, SNAPSHOT_AGE, STAGE, STAGE_EVENTS, Family
from mesh.phases import READY

COLUMNS_COUNT = 24
WIDTH, HEIGHT = 8, 7
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HERE = '{node=~"$node"}'
UNITS = {"seconds": "s", "bytes": "bytes", "ratio": "percentunit"}
"""Unit at the end of a metric's name → Grafana's."""
FLOW = ("tick_count", "signal_count", "line_count", "order_count", "outcome_count", "venue_call_count")
"""From the market to the broker."""

Json = dict[str, Any]


def dashboard(mesh: str) -> Json:
    """The dashboard of a mesh, as Grafana imports it."""
    panels = list(_placed(_first_panels(), 0))
    below = panels[-1]["gridPos"]["y"] + HEIGHT
    row = {
        "id": len(panels) + 1, "type": "row", "title": "Every counter", "collapsed": True,
        "gridPos": {"h": 1, "w": COLUMNS_COUNT, "x": 0, "y": below},
        "panels": list(_placed(map(_counter_panel, COUNTERS), below + 1, len(panels) + 2)),
    }  # fmt: skip
    return {
        "title": f"trademesh {mesh}",
        "uid": f"trademesh-{mesh}"[:40],
        "tags": ["trademesh"],
        "schemaVersion": 39,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": [_source_choice(), _node_choice()]},
        "panels": [*panels, row],
    }


def _first_panels() -> Iterator[Json]:
    yield _panel("Nodes that are ready", f'{PHASE.name}{{phase="{READY}",node=~"$node"}}', PHASE, "{{node}}", kind="stat")
    yield _panel("Leave to open", _all_of("leave_to_open"), _gauge("leave_to_open"), "{{node}}", kind="stat")
    yield _panel("Stops: 0 ACTIVE to 3 FLATTEN", _all_of("stop_level"), _gauge("stop_level"), "{{node}}", kind="stat")
    yield _panel("Results nobody knows", _all_of("unknown_attempts"), _gauge("unknown_attempts"), "{{node}}")
    yield _panel("Lines that have not ended", f"{LINES.name}{HERE}", LINES, "{{state}}")
    yield _panel("Closes that wait for the market", _all_of("closes_waiting"), _gauge("closes_waiting"), "{{node}}")
    asked = [(f"sum by (role) (rate({COUNTERS[name].name}{HERE}[1m]))", f"{name.removesuffix('_count')} {{{{role}}}}") for name in FLOW]
    yield _panels("Flow, a second, by role", asked, COUNTERS[FLOW[0]])
    worst = f'max by (stage) ({STAGE.name}{{node=~"$node",quantile="0.99"}})'
    yield _panel("Stages, p99 of the slowest node", worst, STAGE, "{{stage}}")
    yield _panel("Stages, how often in ten seconds", f"sum by (stage) ({STAGE_EVENTS.name}{HERE})", STAGE_EVENTS, "{{stage}}")
    for title, name in (
        ("Lag of the trading loop", "loop_lag_seconds"),
        ("Processor", "cpu_ratio"),
        ("Memory", "resident_memory_bytes"),
        ("Free disk", "disk_free_bytes"),
        ("Clock less the master's", "clock_offset_seconds"),
        ("Orders in hand", "orders_in_hand"),
        ("Outcomes not acked", "unacked_outcomes"),
        ("Since its start", "uptime_seconds"),
    ):
        yield _panel(title, _all_of(name), _gauge(name), "{{node}}")
    yield _panel("Age of these numbers", f"{SNAPSHOT_AGE.name}{HERE}", SNAPSHOT_AGE, "{{node}}")


def _counter_panel(counter: str) -> Json:
    family = COUNTERS[counter]
    expression = f"rate({family.name}{HERE}[1m])" if family.kind == COUNTER else f"{family.name}{HERE}"
    return _panel(family.name.removeprefix(PREFIX), expression, family, "{{node}}")


def _gauge(name: str) -> Family:
    return GAUGES[PREFIX + name][0]


def _all_of(name: str) -> str:
    return f"{_gauge(name).name}{HERE}"


def _panel(title: str, expression: str, family: Family, legend: str, kind: str = "timeseries") -> Json:
    return _panels(title, [(expression, legend)], family, kind)


def _panels(title: str, asked: list[tuple[str, str]], family: Family, kind: str = "timeseries") -> Json:
    assert family.name in FAMILIES, f"{family.name} is no metric"
    return {
        "type": kind,
        "title": title,
        "description": family.help,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": UNITS.get(family.name.rpartition("_")[2], "short")}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend, "datasource": SOURCE}
            for number, (expression, legend) in enumerate(asked)
        ],
    }


def _placed(panels: Iterator[Json], top: int, first_id: int = 1) -> Iterator[Json]:
    """Side by side, row after row."""
    per_row_count = COLUMNS_COUNT // WIDTH
    for number, panel in enumerate(panels):
        at = {"h": HEIGHT, "w": WIDTH, "x": number % per_row_count * WIDTH, "y": top + number // per_row_count * HEIGHT}
        yield {"id": first_id + number, **panel, "gridPos": at}


def _source_choice() -> Json:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _node_choice() -> Json:
    return {
        "name": "node", "type": "query", "label": "Node", "datasource": SOURCE, "query": f"label_values({BUILD.name}, node)",
        "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": "All", "value": "$__all"}, "refresh": 2,
    }  # fmt: skip
