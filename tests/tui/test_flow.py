"""The flow: sums over fresh nodes, percentiles of the worst, ages of what is old, and the picture of it at each width."""

import pytest

from mesh.messages.base import Msg
from mesh.messages.health import StageSummary
from mesh.units import SECOND_NS
from tests.tui.consolerig import CONFIG, NOW_NS, WALL_NS, FakeFeed, health, quiet, stage
from tui.flow import Flow, Station
from tui.flowpicture import ONE_ROW_CELLS, line_count, picture
from tui.state import State


def known(*items: Msg, age_ms: int = 0) -> State:
    """A state that knows these, told so long ago."""
    state, feed = State(CONFIG, NOW_NS), FakeFeed(CONFIG.nodes_of("router"))
    feed.tell(*items, age_ms=age_ms)
    state.take(feed.take(), NOW_NS, WALL_NS)
    return state


def stations(state: State, now_ns: int = NOW_NS) -> dict[str, Station]:
    """By role."""
    return {station.role: station for station in Flow(state).stations(state, now_ns)}


def words(state: State, width: int, now_ns: int = NOW_NS) -> str:
    """The picture as text."""
    return "\n".join(line.plain for line in picture(Flow(state).stations(state, now_ns), width, {}))


def test_the_rate_of_a_role_is_the_sum_over_its_nodes() -> None:
    """Two routers with 12 orders in 9 seconds each make 2.7 a second."""
    found = stations(known(health("router-1"), health("router-2"), health("market-1")))
    assert found["router"].rate == pytest.approx(24 / 9)
    assert found["market"].rate == pytest.approx(54_666 / 9)
    assert found["router"].title == "router x2"


def test_old_nodes_are_in_no_rate_while_others_are_fresh() -> None:
    """Of four locals one is silent: its rate is no part of the sum, and the title says how many are fresh."""
    state = known(health("local-1"), health("local-2"), health("local-3"))
    feed = FakeFeed(["router-1"])
    feed.tell(health("local-4"), age_ms=9_000)
    state.take(feed.take(), NOW_NS, WALL_NS)
    local = stations(state)["local"]
    assert local.rate == pytest.approx(3 * 24 / 9)
    assert local.title == "local x4 (3 fresh)"
    assert (local.word, local.age_ns) == ("fresh", 0)


def test_where_none_is_fresh_the_last_rate_stands_with_its_age() -> None:
    """It is the newest age, and the word for it."""
    found = stations(known(health("master-1")), NOW_NS + 5 * SECOND_NS)["master"]
    assert (found.word, found.age_ns) == ("dead", 5 * SECOND_NS)
    assert found.rate == pytest.approx(12 / 9)
    assert found.readings[0].age_ns == 5 * SECOND_NS


def test_the_percentiles_are_those_of_the_node_that_is_worst() -> None:
    """Its p50 too, and its name, where there are others."""
    slow = health("local-3", stages=[stage("intent", 900)])
    reading = stations(known(health("local-1"), slow, health("local-4")))["local"].readings[0]
    assert (reading.stage, reading.node) == ("intent", "local-3")
    assert (reading.p50_ns, reading.p99_ns) == (900_000, 2_700_000)
    assert stations(known(health("master-1")))["master"].readings[0].node == ""


def test_an_interval_without_a_measurement_is_no_measurement_of_zero() -> None:
    """Zeros where nothing happened say nothing about how fast it is."""
    state = known(health("master-1", stages=[StageSummary("publish", 0, 0, 0, 0, 0, 0, 10 * SECOND_NS)]))
    assert stations(state)["master"].readings[0].p99_ns is None
    assert "publish -" in words(state, 200)


def test_broker_time_is_measured_by_locals_and_stands_apart() -> None:
    """Also where brokers are no nodes of this mesh."""
    found = stations(known(health("local-1")))["broker"]
    assert [reading.stage for reading in found.readings] == ["broker", "told"]
    assert found.readings[0].p99_ns == 900_000
    assert found.rate is None


@pytest.mark.parametrize("width", [80, 100, ONE_ROW_CELLS, 200, 300])
@pytest.mark.parametrize("late_ns", [0, 5 * SECOND_NS, 3_000 * SECOND_NS])
def test_no_line_of_the_picture_is_wider_than_the_screen(width: int, late_ns: int) -> None:
    """And it has the lines it says it has."""
    state = known(*quiet())
    lines = words(state, width, NOW_NS + late_ns).splitlines()
    assert len(lines) <= line_count(width, is_drawn=False)
    assert max(len(line) for line in lines) <= width


def test_the_picture_has_one_row_where_there_is_room_and_two_where_not() -> None:
    """The second begins where the master's arrow ends."""
    state = known(*quiet())
    assert words(state, 200).splitlines()[0].split() == [
        *("market", "──────────────>", "indicator", "─────────────>", "signals", "─────────────────>", "master", "══════", "PUB/SUB"),
        *("══════>", "router", "x2", "────────────────>", "local", "x4", "────────────────────────>", "broker"),
    ]
    narrow = words(state, 80).splitlines()
    assert narrow[0].endswith("PUB/SUB ═══>")
    assert narrow[3].startswith("╚═> router x2 ──────────> local x4 ──")


def test_numbers_that_are_old_are_dim_and_have_a_mark_and_an_age() -> None:
    """No number of before looks like one of now."""
    state = known(*quiet())
    lines = picture(Flow(state).stations(state, NOW_NS + 5 * SECOND_NS), 80, {})
    assert "market ○ 5 s ──>" in lines[0].plain
    assert all("dim" in str(span.style) for line in lines[1:3] for span in line.spans if line.plain[span.start : span.end].strip())


def test_a_mesh_nobody_has_seen_has_no_rates() -> None:
    """Not even zeros."""
    assert words(known(), 80).count("not seen") == 7


def test_rates_over_time_are_sums_and_blank_where_nobody_told() -> None:
    """Two routers that told the same second are one step of their sum."""
    state = known(health("router-1"), health("router-2"))
    trend = Flow(state).trends(state, NOW_NS)["router"]
    assert trend[-1] == pytest.approx(24 / 9)
    assert trend[:-1] == [None] * (len(trend) - 1)


def test_a_rate_over_time_is_drawn_below_the_rate() -> None:
    """In a line of its own."""
    state = known(health("market-1"), age_ms=500)
    flow = Flow(state)
    lines = picture(flow.stations(state, NOW_NS), 200, flow.trends(state, NOW_NS))
    assert "█" in lines[2].plain
