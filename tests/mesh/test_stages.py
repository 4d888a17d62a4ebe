"""What a node's stages take: honest percentiles of each interval, bounded, and cheap where orders pass."""

import ast
from ctypes import sizeof

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.codec import decode_untrusted, encode
from mesh.counters import Counters
from mesh.messages.health import NodeHealth, Snapshot, StageSummary
from mesh.stages import BROKER, HIGHEST_NS, INTENT, INTERVAL_NS, PUBLISH, STAGES, WAITING_MAX, StageMeter, _empty
from mesh.units import MS_NS
from tests.tidy import project_root

PERMILLES = {"p50_ns": 500, "p90_ns": 900, "p99_ns": 990, "p999_ns": 999}
START_NS = 5 * INTERVAL_NS


def started() -> StageMeter:
    """A meter whose first interval has begun."""
    meter = StageMeter(Counters())
    assert meter.summaries(START_NS) == []
    return meter


def of_one_interval(values_ns: list[int]) -> StageSummary:
    """The summary of an interval with these values."""
    meter = started()
    for value_ns in values_ns:
        meter.record(BROKER, value_ns)
    (summary,) = meter.summaries(START_NS + INTERVAL_NS)
    return summary


@given(st.lists(st.integers(0, HIGHEST_NS), min_size=1, max_size=400))
def test_percentiles_are_those_of_the_values(values_ns: list[int]) -> None:
    """Each is a value that was there, told at most 0.8 % too high; count and longest are exact."""
    summary = of_one_interval(values_ns)
    ranked = sorted(values_ns)
    for name, permille in PERMILLES.items():
        true_ns = ranked[-(-len(ranked) * permille // 1_000) - 1]
        told_ns = getattr(summary, name)
        assert true_ns <= told_ns <= min(ranked[-1], true_ns + true_ns // 128 + 1), name
    assert (summary.name, summary.count, summary.max_ns) == (BROKER, len(values_ns), ranked[-1])


@given(st.lists(st.tuples(st.sampled_from([INTENT, BROKER]), st.integers(-5, 5)), max_size=60), st.integers(1, 7))
def test_when_it_is_asked_changes_nothing(records: list[tuple[str, int]], every: int) -> None:
    """What waits for its histogram is counted as what is in it, however often somebody asked within the interval."""
    asked, unasked = started(), started()
    for number, (stage, took_ns) in enumerate(records):
        asked.record(stage, took_ns)
        unasked.record(stage, took_ns)
        if number % every == 0:
            asked.summaries(START_NS + number)
    assert asked.summaries(START_NS + INTERVAL_NS) == unasked.summaries(START_NS + INTERVAL_NS)


def test_an_interval_is_told_when_it_is_complete() -> None:
    """Nothing of the one that runs; its own length; the one after it begins with nothing, and says so."""
    meter = started()
    meter.record(INTENT, 7)
    assert meter.summaries(START_NS + INTERVAL_NS - 1) == []
    first = StageSummary(INTENT, 1, 7, 7, 7, 7, 7, INTERVAL_NS + 3)
    assert meter.summaries(START_NS + INTERVAL_NS + 3) == [first]
    meter.record(PUBLISH, 9, 2)
    assert meter.summaries(START_NS + 2 * INTERVAL_NS) == [first]
    assert meter.summaries(START_NS + 2 * INTERVAL_NS + 3) == [
        StageSummary(PUBLISH, 2, 9, 9, 9, 9, 9, INTERVAL_NS),
        StageSummary(INTENT, 0, 0, 0, 0, 0, 0, INTERVAL_NS),
    ]


def test_memory_stays_bounded() -> None:
    """However many durations there are: few wait, and a histogram is small."""
    meter = started()
    for value_ns in range(10 * WAITING_MAX):
        meter.record(BROKER, value_ns * MS_NS)
        assert len(meter._waiting) <= WAITING_MAX
    assert meter.summaries(START_NS + INTERVAL_NS)[0].count == 10 * WAITING_MAX
    assert sizeof(_empty().counts) < 32_000


def test_durations_below_zero_are_counted_apart() -> None:
    """A clock that went back makes no latency better; what takes over a minute counts as a minute."""
    counters = Counters()
    meter = StageMeter(counters)
    meter.summaries(START_NS)
    for took_ns in (-1, -1, -50, 4, 2 * HIGHEST_NS):
        meter.record(INTENT, took_ns)
    (summary,) = meter.summaries(START_NS + INTERVAL_NS)
    assert (summary.count, summary.p50_ns, summary.max_ns) == (2, 4, HIGHEST_NS)
    assert counters.totals == {"negative_stage_count": 3}


def test_stage_that_is_not_listed_is_a_bug() -> None:
    """At its first use."""
    with pytest.raises(AssertionError, match=r"'made_up' is not among mesh\.stages\.STAGES"):
        StageMeter(Counters()).record("made_up", 1)


def recorded_in(text: str) -> list[str]:
    """The names given to ``record`` of a meter."""
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    meters = [call for call in calls if ast.unparse(call.func).endswith("meter.record")]
    return [ast.unparse(call.args[0]).rpartition(".")[2].lower() for call in meters]


def test_every_stage_is_recorded_by_one_role() -> None:
    """The table promises nothing that nobody measures, and no stage is measured by two."""
    assert recorded_in("self._meter.record(stages.ACK, 1)\nx.record(NO, 1)\nstate.meter.record(TOLD, 2, 3)") == ["ack", "told"]
    roles: dict[str, set[str]] = {}
    for path in sorted(project_root().glob("nodes/*/*.py")):
        text = path.read_text("utf-8")
        for name in recorded_in(text) if "meter.record(" in text else []:
            roles.setdefault(name, set()).add(path.parent.name)
    assert sorted(roles) == sorted(STAGES)
    assert {name: len(found) for name, found in roles.items()} == dict.fromkeys(STAGES, 1)


def test_all_stages_of_a_health_fit_a_frontend_frame() -> None:
    """Every stage at its longest takes little of the 32 KB that a frontend is sent at once, and comes through the codec as it was."""
    most = 2**63 - 1
    stages = [StageSummary(name, most, most, most, most, most, most, most) for name in STAGES]
    health = NodeHealth("n", "local", 1, 1, "READY", 0, 0, 0, 0, 0, "", "", {}, {}, 0, stages, -(2**63), most)
    bare = NodeHealth("n", "local", 1, 1, "READY", 0, 0, 0, 0, 0, "", "", {}, {})
    assert len(encode(health)) - len(encode(bare)) < 1_000
    assert len(encode(Snapshot("r", 1, 1, 0, 1, 0, encode(health)))) <= 32_768
    assert decode_untrusted(encode(health)) == health
