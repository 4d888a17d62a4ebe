"""The rows of the latency page: mesh and broker apart, the worst first, what is old marked, clocks as they are known."""

from mesh.stages import BROKER, STAGES
from mesh.units import MS_NS, SECOND_NS
from tests.tui.consolerig import CONFIG, NOW_NS, WALL_NS, health, outcome, quiet, stage, stamps
from tests.tui.test_state import tell, told_state
from tui.latencies import STEPS
from tui.stagerows import (
    CLOCK_COLUMNS,
    LINKS,
    SLOW_COLUMNS,
    STAGE_COLUMNS,
    STEP_COLUMNS,
    clock_rows,
    latency_head,
    meanings,
    seen_text,
    slow_lines,
    stage_rows,
    step_rows,
)
from tui.state import State
from tui.tablemodel import Column, R


def texts(columns: tuple[Column[R], ...], row: R) -> list[str]:
    return [column.text(row) for column in columns]


def test_the_broker_is_apart_and_the_worst_is_first() -> None:
    """By stage in the order in which an order passes them."""
    nodes = [health(f"local-{n}", stages=[stage("broker", n), stage("told", n), stage("intent", n)]) for n in (2, 4, 1, 3)]
    state = told_state(*nodes, health("master-1"))
    mesh = stage_rows(state, NOW_NS, is_broker=False)
    assert [(row.stage, row.node) for row in mesh] == [
        ("publish", "master-1"), ("ack", "master-1"),
        *[("intent", f"local-{n}") for n in (4, 3, 2, 1)], *[("told", f"local-{n}") for n in (4, 3, 2, 1)],
    ]  # fmt: skip
    assert [row.node for row in stage_rows(state, NOW_NS, is_broker=True)] == ["local-4", "local-3", "local-2", "local-1"]


def test_what_is_old_is_last_of_its_stage_and_says_its_age() -> None:
    """However bad it was: it is no news."""
    state = told_state(health("local-1", stages=[stage("intent", 900)]))
    tell(state, health("local-2", stages=[stage("intent", 1)]), now_ns=NOW_NS + 5 * SECOND_NS)
    new, old = stage_rows(state, NOW_NS + 5 * SECOND_NS, is_broker=False)
    assert (new.node, new.is_old, old.node, old.is_old) == ("local-2", False, "local-1", True)
    assert texts(STAGE_COLUMNS, old) == [
        "intent", "local-1", "local, to INTENT", "12", "900", "1,800", "2,700", "3,600", "4,500", "10.0", "○ 5 s",
    ]  # fmt: skip
    assert [seen_text(age_ms * MS_NS) for age_ms in (0, 1_800, 1_801, 3_601)] == ["0 s", "1 s", "◐ 1 s", "○ 3 s"]


def test_a_stage_that_did_not_happen_has_no_percentiles() -> None:
    """Its count is zero; a stage of a newer version is shown, at the end."""
    empty = stage("ack", 0)
    nothing = type(empty)("ack", 0, 0, 0, 0, 0, 0, 10 * SECOND_NS)
    rows = stage_rows(told_state(health("master-1", stages=[stage("teleport"), nothing])), NOW_NS, is_broker=False)
    assert [row.stage for row in rows] == ["ack", "teleport"]
    assert texts(STAGE_COLUMNS, rows[0])[3:9] == ["0", "-", "-", "-", "-", "-"]
    assert texts(STAGE_COLUMNS, rows[1])[2] == ""
    for column in STAGE_COLUMNS:
        assert sorted(rows, key=column.value)
    assert meanings(rows) == [f"ack: {STAGES['ack']}"]


def test_each_stage_has_the_words_of_its_link() -> None:
    """None is forgotten."""
    assert sorted(LINKS) == sorted(STAGES)
    assert BROKER in LINKS


def test_clocks_are_those_of_who_asks_for_grants() -> None:
    """Not known where nothing is; never seen where nobody told; old where it is."""
    state = told_state(health("router-1"), health("local-1", clock_error_ns=0))
    rows = clock_rows(state, NOW_NS + 3 * SECOND_NS)
    assert [row.node for row in rows] == [*CONFIG.nodes_of("router"), *CONFIG.nodes_of("local")]
    shown = [texts(CLOCK_COLUMNS, row) for row in rows[:3]]
    assert shown == [
        ["router-1", "router", "+0.20 ms ± 0.87 ms", "◐ 3 s"],
        ["router-2", "router", "never seen", ""],
        ["local-1", "local", "not known", "◐ 3 s"],
    ]
    assert [row.is_old for row in clock_rows(state, NOW_NS)[:3]] == [False, True, False]


def test_the_head_tells_the_last_hour() -> None:
    """In few words, or in more; how long ago the newest order was."""
    state = told_state(*quiet())
    assert latency_head(state, NOW_NS, is_wide=False) == "Latency  no order of the last hour was heard yet"
    tell(state, outcome(1), outcome(2, stamps=stamps(step_us=700)))
    assert latency_head(state, NOW_NS + 7 * SECOND_NS, is_wide=False) == (
        "mesh 1.8/4.2 ms  broker 3.0/7.0 ms (p50/p99)  2 orders, newest 7 s ago"
    )
    assert "p99 4,200  max 4,200 µs of 2 orders" in latency_head(state, NOW_NS, is_wide=True)


def test_slow_orders_in_words() -> None:
    """One the broker has not answered says so; in a table its time stands for itself."""
    state = told_state(outcome(1), outcome(2, stamps=stamps(step_us=900), account="demo-2"))
    slow, fast = state.latencies.slowest(NOW_NS)
    assert slow_lines(slow) == [
        "demo-2 EURUSD FILLED, heard 2026-01-05 07:59:59.900000 UTC",
        "mesh 5.40 ms, broker 9.00 ms; 0.90 ms of the mesh's in signal → master in",
    ]
    assert texts(SLOW_COLUMNS, fast) == [
        "1.80", "3.00", "07:59:59", "demo-1", "demo/cci/EURUSD/1", "FILLED", "0.30 signal → master in", "EURUSD",
    ]  # fmt: skip
    unanswered = type(fast)(1, 1, WALL_NS, "a", 1, "s", "EURUSD", "NOT_FOUND", 0, "", 0)
    assert slow_lines(unanswered)[1] == "mesh 0.00 ms, the broker has not answered"
    assert texts(SLOW_COLUMNS, unanswered)[1] == "-"


def test_steps_are_rows() -> None:
    """All of them, measured or not."""
    state = told_state(outcome(1))
    rows = step_rows(state.latencies, NOW_NS)
    assert [row.step for row in rows] == list(STEPS)
    assert texts(STEP_COLUMNS, rows[0]) == ["signal → called", "all of the mesh", "1", "1,800", "1,800", "1,800", "1,800", "1,800"]
    assert {tuple(texts(STEP_COLUMNS, row)[2:]) for row in step_rows(State(CONFIG, NOW_NS).latencies, NOW_NS)} == {("0", *["-"] * 5)}
