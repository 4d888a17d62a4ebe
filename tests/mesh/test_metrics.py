"""What Prometheus is told: everything there is under the names Prometheus expects, and rules and dashboard that ask for nothing else."""

import re

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mesh import metricsboard, metricsrules
from mesh.counters import CATALOGUE
from mesh.io.metricspage import page_of
from mesh.messages.health import NodeHealth, StageSummary
from mesh.metrics import COUNTERS, FAMILIES, GAUGES
from mesh.stages import STAGES
from mesh.units import SECOND_NS

NAME = re.compile(r"\btrademesh_[a-z0-9_]+")
LABEL = re.compile(r"(\w+)(?:=~|!=|=)\"")
GROUPED = re.compile(r"\bby \((\w+)\)")
FACTS = {
    "account": "a", "grant": "held", "ladder": "CANCEL", "in_hand": "3", "unknown": "1", "unacked": "2", "closes_waiting": "4",
    "connected": "5", "stops": "1", "stops_refused": "0", "open_lines": "6", "states": "WORKING=5 UNKNOWN=1 UNCONFIRMED=0", "e": "x",
}  # fmt: skip


def health(**changes: object) -> NodeHealth:
    """A node that says of everything something."""
    stages = [StageSummary(name, 12, 1_000, 2_000, 3_000, 4_000, 5_000, 10 * SECOND_NS) for name in STAGES]
    counters = {name: number for number, name in enumerate(CATALOGUE, 1)}
    found = NodeHealth(
        "local-1", "local", 1, 42, "READY", 5 * SECOND_NS, 1_500, 3, 2**20, 9_000, "0.1.0", "c0ffee", counters, FACTS, 2**30, stages,
        250_000, 1_000,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def parsed(of: NodeHealth, age_ns: int = SECOND_NS // 2) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The page as Prometheus' own parser reads it: sample name → labels → value."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(b"".join(page_of(of, age_ns)).decode()):
        for sample in family.samples:
            labels = tuple(sorted(item for item in sample.labels.items() if item[0] not in ("node", "role")))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_every_counter_of_the_catalogue_is_there_with_its_sentence() -> None:
    """Totals end in _total, longest times in _max_seconds; what nobody counted is 0, so that its first increase is seen."""
    families = {family.name: family for family in text_string_to_metric_families(b"".join(page_of(health(), 0)).decode())}
    page, empty = parsed(health()), parsed(health(counters={}))
    for number, (counter, words) in enumerate(CATALOGUE.items(), 1):
        name = COUNTERS[counter].name
        assert page[name] == {(): number / 1_000_000 if counter.endswith("_us_max") else number}
        assert empty[name] == {(): 0}
        assert families[name.removesuffix("_total")].documentation == words
        assert families[name.removesuffix("_total")].type == ("gauge" if counter.endswith("_us_max") else "counter")


def test_units_are_base_units() -> None:
    """Seconds, bytes, ratios: microseconds, milliseconds and percent are divided."""
    page = parsed(health())
    expected = {
        "loop_lag_seconds": 0.0015, "cpu_ratio": 0.03, "resident_memory_bytes": 2**20, "uptime_seconds": 9, "disk_free_bytes": 2**30,
        "clock_offset_seconds": 0.00025, "market_time_seconds": 5, "leave_to_open": 1, "stop_level": 2, "orders_in_hand": 3,
        "unknown_attempts": 1, "unacked_outcomes": 2, "closes_waiting": 4, "snapshot_age_seconds": 0.5,
    }  # fmt: skip
    assert {name: page[f"trademesh_{name}"][()] for name in expected} == expected
    assert page["trademesh_lines"][(("state", "WORKING"),)] == 5
    assert page["trademesh_phase"] == {(("phase", each),): each == "READY" for each in ("STARTING", "READY", "DRAINING", "DONE")}


def test_stages_are_summaries_of_their_last_interval() -> None:
    """The quantiles an HDR histogram found; of an interval without that stage they are not a number, as Prometheus has it."""
    page = parsed(health())
    assert page["trademesh_stage_seconds"][(("quantile", "0.99"), ("stage", "intent"))] == 3e-6
    assert page["trademesh_stage_max_seconds"][(("stage", "intent"),)] == 5e-6
    assert page["trademesh_stage_events"][(("stage", "intent"),)] == 12
    quiet = parsed(health(stages=[StageSummary("intent", 0, 0, 0, 0, 0, 0, SECOND_NS)]))
    value = quiet["trademesh_stage_seconds"][(("quantile", "0.5"), ("stage", "intent"))]
    assert value != value


def test_what_a_node_has_not_is_not_on_its_page() -> None:
    """No leave of a market, no disk of a node without a store, no clock offset nobody measured; each metric stands there once."""
    page = parsed(health(facts={"rows": "12"}, disk_free_bytes=0, clock_error_ns=0, stages=[]))
    gone = ("leave_to_open", "stop_level", "disk_free_bytes", "clock_offset_seconds", "lines", "stage_seconds")
    assert [name for name in gone if f"trademesh_{name}" in page] == []
    text = b"".join(page_of(health(), 0)).decode()
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(types) == len(set(types)) == len(FAMILIES)


def test_names_in_labels_cannot_break_the_page() -> None:
    """Quotes, line ends and strange letters of a name are escaped."""
    facts = {"account": 'a"\n\\ä', "grant": "none"}
    (labels,) = parsed(health(facts=facts))["trademesh_build_info"]
    assert dict(labels)["account"] == 'a"\n\\ä'


def expressions(board: metricsboard.Json) -> list[str]:
    """What the panels of a dashboard ask Prometheus."""
    rows = [panel for panel in board["panels"] if panel["type"] == "row"]
    panels = [*board["panels"], *(panel for row in rows for panel in row["panels"])]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def asked() -> list[str]:
    rules = [rule.expression for rule in metricsrules.rules()]
    return rules + expressions(metricsboard.dashboard("demo"))


@pytest.mark.parametrize("expression", asked())
def test_rules_and_dashboard_ask_for_metrics_that_exist(expression: str) -> None:
    """Each name is one the page has, with labels that metric has."""
    page = parsed(health())
    names = NAME.findall(expression)
    assert names or expression.startswith("up{")
    for name in names:
        assert name in page, name
        labels = {"node", "role"} | {key for each in page[name] for key, _ in each}
        assert {*LABEL.findall(expression), *GROUPED.findall(expression)} <= labels


def test_dashboard_has_every_counter_and_every_gauge() -> None:
    """Whoever adds one to the catalogue has it there; panels have their own numbers and do not overlap."""
    board = metricsboard.dashboard("demo")
    shown = {name for expression in expressions(board) for name in NAME.findall(expression)}
    assert {family.name for family in COUNTERS.values()} <= shown
    rows = [panel for panel in board["panels"] if panel["type"] == "row"]
    panels = [*board["panels"], *rows[0]["panels"]]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


def test_watched_counters_and_gauges_of_rules_exist() -> None:
    """A rule of a counter that was renamed would never be true."""
    assert metricsrules.WATCHED_COUNTERS.keys() <= CATALOGUE.keys()
    assert len({rule.name for rule in metricsrules.rules()}) == len(metricsrules.rules())
    assert all(rule.do for rule in metricsrules.rules())
    assert GAUGES.keys() <= FAMILIES.keys()
