"""Rows of the Nodes page: state and age, what needs a person, homes, groups."""

from typing import Any

import msgspec
import pytest

from mesh.messages.base import Msg
from mesh.units import MS_NS, SECOND_NS
from mesh.view import DOWN
from tests.tui.consolerig import CONFIG, NOW_NS, WALL_NS, FakeFeed, busy, health, quiet, seen
from tests.tui.consolerig import state as account_state
from tui.nodegroups import ATTENTION, HOMELESS, OTHERS, NodeModel
from tui.noderows import COLUMNS, DUTIES, LAYER_OF, NEVER, TERMINAL, NodeRow, NodeRows, counts_text, home_text, state_text, terminal_text
from tui.state import State

ROUTERS = CONFIG.nodes_of("router")
TEXTS = {column.key: column.text for column in COLUMNS}
ORDER = next(column.value for column in COLUMNS if column.key == "state")


class Told:
    """A state that routers told things, at times of a clock."""

    def __init__(self, *items: Msg) -> None:
        self.state = State(CONFIG, NOW_NS)
        self._feed = FakeFeed(ROUTERS)
        for router in ROUTERS:
            self.tell(*items, router=router)

    def tell(self, *items: Msg, router: str = "router-1", after_ms: int = 0, age_ms: int = 100) -> None:
        now_ns = NOW_NS + after_ms * MS_NS
        self._feed.tell(*items, router=router, now_ns=now_ns, age_ms=age_ms)
        self.state.take(self._feed.take(), now_ns, WALL_NS)

    def rows(self, after_ms: int = 0) -> dict[str, NodeRow]:
        return {row.name: row for row in NodeRows(CONFIG).rows(self.state, NOW_NS + after_ms * MS_NS)}


def without(*names: str) -> list[Msg]:
    """A quiet mesh some of whose nodes nobody saw."""
    return [item for item in quiet() if getattr(item, "node", "") not in names]


def local(name: str, home: str = "router-1", **changes: Any) -> Msg:
    return health(name, facts={"home": home, **changes.pop("facts", {})}, **changes)


def names(model: NodeModel) -> list[str]:
    return [f"[{row.name}]" if row.heading else row.name for row in model.visible]


# one node


def test_every_configured_node_is_a_row() -> None:
    """In the configuration's order, those nobody saw as well, without any number of their own."""
    rows = Told(*without("local-3")).rows()
    assert list(rows) == list(CONFIG.node)
    lost = rows["local-3"]
    assert state_text(lost) == f"○ {NEVER}"
    told = {key for key, text in TEXTS.items() if text(lost)}
    assert told == {"node", "role", "layer", "state", "ping"}, "the account was told of"


@pytest.mark.parametrize(
    ("after_ms", "text"), [(0, "● fresh   0 s"), (2_000, "◐ late    2 s"), (3_600, "○ dead    3 s"), (180_000, "○ dead  3 min")]
)
def test_a_state_has_mark_word_and_age(after_ms: int, text: str) -> None:
    """The age grows by itself, and the word with it."""
    assert state_text(Told(*quiet()).rows(after_ms)["local-1"]) == text


def test_what_needs_a_person_is_said_only_while_somebody_is_heard() -> None:
    """A dead node, one never seen: not while this console is deaf, for then it knows of none."""
    told = Told(*without("local-3"))
    assert told.rows()["local-3"].need == NEVER
    told.tell(*[health(name) for name in CONFIG.node if name != "local-2"], after_ms=4_000)
    assert {name: row.need for name, row in told.rows(4_000).items() if row.need} == {"local-2": "dead"}
    assert not any(row.need for row in told.rows(60_000).values())
    assert not any(row.need for row in Told().rows().values() if row.need != NEVER)


def test_a_node_that_is_down_needs_a_person() -> None:
    """Its supervisor's listener says so now: it is neither fresh nor grey, stands above all that is there, and dies with the listener."""
    told = Told(*quiet(), health("local-2", phase="BACKOFF", facts={"ended": "exit status 1"}, uptime_ms=9_001))
    row = told.rows()["local-2"]
    assert (row.word, row.need, row.is_of_now, state_text(row)) == (DOWN, DOWN, True, "✗ down    0 s")
    assert told.rows(2_000)["local-2"].word == DOWN
    assert counts_text(list(told.rows().values())).startswith("● 10 fresh  ✗ 1 down")
    assert min(told.rows().values(), key=ORDER).name == "local-2"
    told.tell(*[health(name, uptime_ms=9_002) for name in CONFIG.node if name != "local-2"], after_ms=4_000)
    assert told.rows(4_000)["local-2"].word == "dead"


def test_a_terminal_that_is_not_connected_needs_a_person() -> None:
    """By its local's fact, or by what the account says; old words of an account say nothing, and their age."""
    told = Told(*quiet())
    told.tell(account_state("demo-1", connected=False, number=2), account_state("demo-2", trade_allowed=False, number=2))
    told.tell(local("local-3", facts={"terminal": "not attached"}))
    rows = told.rows()
    assert {name: terminal_text(row) for name, row in rows.items() if row.need == TERMINAL} == {
        "local-1": "not connected",
        "local-2": "trading off",
        "local-3": "not attached",
    }
    told.tell(local("local-1"), after_ms=5_000)
    row = told.rows(5_000)["local-1"]
    assert (row.word, row.need, terminal_text(row)) == ("fresh", "", "attached, 5 s old")


def test_a_live_markets_terminal_is_shown_too() -> None:
    """One that answers is well, one that does not says why."""
    told = Told(*quiet(), health("market-1", facts={"terminal": "answers"}, uptime_ms=9_001))
    assert (terminal_text(told.rows()["market-1"]), told.rows()["market-1"].need) == ("answers", "")
    told.tell(health("market-1", facts={"terminal": "no answer for 3 s"}, uptime_ms=9_002))
    assert told.rows()["market-1"].need == TERMINAL


def test_what_most_nodes_do_not_have_is_marked() -> None:
    """Version and configuration, each of its own."""
    told = Told(*quiet(), health("local-1", version="0.2.0"), health("cci-1", config_hash="deadbeef12345678"))
    rows = told.rows()
    assert TEXTS["version"](rows["local-1"]) == "≠ 0.2.0"
    assert TEXTS["config"](rows["cci-1"]) == "≠ deadbeef"
    assert (TEXTS["version"](rows["cci-1"]), TEXTS["config"](rows["local-1"])) == ("0.1.0", "c0ffee")
    assert counts_text(list(rows.values())) == "● 11 fresh  ≠ 1 version  ≠ 1 configuration"


def test_a_local_is_at_the_router_that_says_so() -> None:
    """Its own word where both say so; the newest where it is silent or mistaken; none where nobody has it."""
    told = Told(*quiet(), local("local-1", "router-2"))
    assert home_text(told.rows()["local-1"]) == "router-2 2nd"
    told.tell(seen("demo-1", homed=False), router="router-2")
    assert home_text(told.rows()["local-1"]) == "router-1"
    told.tell(seen("demo-2"), router="router-2", after_ms=4_000)
    assert home_text(told.rows(4_000)["local-2"]) == "router-2"
    told.tell(*[seen("demo-3", homed=False)], router="router-1")
    told.tell(*[seen("demo-3", homed=False)], router="router-2")
    assert home_text(told.rows()["local-3"]) == "none"
    assert home_text(told.rows()["master-1"]) == ""


def test_numbers_stand_in_the_units_of_their_titles() -> None:
    """µs, MB, GB, ms; what a node made and how fast, from its history."""
    told = Told(*quiet())
    told.tell(health("local-1", 11_000, counters={"outcome_count": 1_034}, loop_lag_us=12_345, disk_free_bytes=0))
    row = told.rows()["local-1"]
    shown = {key: TEXTS[key](row) for key in ("lag", "cpu", "memory", "disk", "ping", "offset", "made", "rate")}
    assert shown == {
        "lag": "12,345", "cpu": "3", "memory": "60", "disk": "", "ping": "41.0", "offset": "+0.20 ms ± 0.87 ms",
        "made": "    1,034 outcomes", "rate": "505",
    }  # fmt: skip
    assert TEXTS["offset"](msgspec.structs.replace(row, health=health("local-1", clock_error_ns=0))) == ""


def test_every_role_has_a_layer_and_every_column_an_order() -> None:
    """Nodes that were never seen sort as well."""
    assert {LAYER_OF[node.role] for node in CONFIG.node.values()} == set(DUTIES)
    rows = list(Told(*without("local-3", "market-1")).rows().values())
    for column in COLUMNS:
        assert len(sorted(rows, key=column.value)) == len(rows)


# groups


def grouped_by(grouping: str, told: Told, after_ms: int = 0) -> NodeModel:
    model = NodeModel()
    model.rows = list(told.rows(after_ms).values())
    while model.grouping != grouping:
        model.group_next()
    return model


def test_grouping_by_layer_says_what_each_is_responsible_for() -> None:
    """Every layer with how many of it are fresh."""
    model = grouped_by("layer", Told(*busy()))
    assert names(model) == [
        "[signal generation]", "market-1", "cci-1", "signals-1", "[decision]", "master-1", "[distribution]", "router-1", "router-2",
        "[execution]", "broker-1", "local-1", "local-2", "local-3", "local-4",
    ]  # fmt: skip
    headings = [row.heading for row in model.visible if row.heading]
    assert headings[0] == "signal generation: 3 of 3 fresh · ticks into bars, CCI and candle signals; each signal once"


def test_grouping_by_router_shows_each_with_its_locals() -> None:
    """Those without a home have a group of their own, as has all that never has one."""
    told = Told(*quiet(), local("local-2", "router-2"), local("local-3", "router-2"))
    for router in ROUTERS:
        told.tell(seen("demo-4", homed=False), router=router)
    model = grouped_by("router", told)
    assert names(model) == [
        "[router-1]", "router-1", "local-1", "[router-2]", "router-2", "local-2", "local-3", f"[{HOMELESS}]", "local-4",
        f"[{OTHERS}]", "market-1", "broker-1", "cci-1", "signals-1", "master-1",
    ]  # fmt: skip
    assert model.visible[3].heading == "router-2: 3 of 3 fresh · 2 locals: fan-out, repair of gaps"


def test_what_needs_a_person_stands_above_all_groups() -> None:
    """Once, and its group still counts it."""
    told = Told(*quiet())
    told.tell(*[local(name) if name.startswith("local") else health(name) for name in CONFIG.node if name != "local-2"], after_ms=5_000)
    told.tell(account_state("demo-3", connected=False, number=2), after_ms=5_000)
    model = grouped_by("layer", told, after_ms=5_000)
    assert names(model)[:3] == [f"[{ATTENTION}]", "local-2", "local-3"]
    assert names(model).count("local-2") == 1
    headings = [row.heading for row in model.visible if row.heading]
    assert headings[0] == f"{ATTENTION}: 1 dead, 1 terminal not connected"
    assert headings[-1].startswith("execution: 4 of 5 fresh, 2 on top")


def test_groups_sort_within_and_filter_as_rows_do() -> None:
    """A group nothing is left of has no heading; headings are no rows of a CSV file."""
    model = grouped_by("layer", Told(*quiet(), health("cci-1", loop_lag_us=7), health("signals-1", loop_lag_us=9_000)))
    model.sort_by("lag")
    assert names(model)[:4] == ["[signal generation]", "cci-1", "market-1", "signals-1"]
    model.reverse()
    assert names(model)[:4] == ["[signal generation]", "signals-1", "market-1", "cci-1"]
    model.filter = "local-"
    assert names(model) == ["[execution]", "local-1", "local-2", "local-3", "local-4"]
    assert [line.split(",")[0] for line in model.csv().splitlines()] == ["node", "local-1", "local-2", "local-3", "local-4"]


def test_sorting_by_state_puts_the_longest_silent_on_top() -> None:
    """Among fresh ones the configuration's order stays, so that rows do not jump."""
    told = Told(*without("local-4"))
    told.tell(*[health(name) for name in CONFIG.node if name not in ("local-4", "local-1")], after_ms=20 * SECOND_NS // MS_NS)
    model = NodeModel()
    model.rows = list(told.rows(20_000).values())
    model.sort_by("state")
    assert names(model)[:4] == ["local-4", "local-1", "market-1", "broker-1"]
