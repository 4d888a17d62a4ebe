"""What needs a decision: which orders, in which words, and when the mesh is asked."""

import msgspec

from mesh.messages.control import LostOrder
from mesh.units import E8, SECOND_NS
from mesh.view import Told
from tests.tui.consolerig import CONFIG, MARKET_NS, NOW_NS, health
from tests.tui.consolerig import state as account_state
from tui.feed import Batch
from tui.hands import LostList
from tui.lostrows import PAUSE_NS, RETRY_NS, Decisions, lost_rows, row_lines, settles_words
from tui.state import State

ORDER = LostOrder(
    bytes(range(16)), "demo/cci/EURUSD/9", "reversion", "open", "OPEN", "EURUSD", 1, E8 // 10, "UNKNOWN", 1, MARKET_NS,
    "no answer within 10 s", True, 3, MARKET_NS + 60 * SECOND_NS,
)  # fmt: skip
ASKED_NS = MARKET_NS + 300 * SECOND_NS


def changed(**changes: object) -> LostOrder:
    return msgspec.structs.replace(ORDER, **changes)


def of(account: str, *orders: LostOrder, why: str = "") -> LostList:
    return LostList(account, "local-1", why, ASKED_NS, orders)


def state_of(unknown_count: int = 0, unconfirmed: str = "0") -> State:
    state = State(CONFIG, NOW_NS)
    master = health(CONFIG.nodes_of("master")[0], facts={"states": f"WORKING=0 UNKNOWN=0 UNCONFIRMED={unconfirmed}"})
    items = [account_state("demo-1", unknown_count=unknown_count), master]
    state.take(Batch([Told("router-1", NOW_NS, item, b"") for item in items], {}, 0, 0, True), NOW_NS, 0)
    return state


def test_unknown_orders_are_on_top_and_the_oldest_first() -> None:
    """Then those that settle by themselves, then who did not answer; what ended NOT_FOUND is only counted."""
    older = changed(oid=bytes(16), since_ns=MARKET_NS - 60 * SECOND_NS)
    silent = changed(code="UNCONFIRMED", oid=bytes([1]) * 16)
    decisions = Decisions()
    lists = [of("demo-1", silent, ORDER, older, changed(code="NOT_FOUND")), of("demo-2", why="local-2 was never seen")]
    decisions.answered(lists, NOW_NS)
    assert [row.code for row in decisions.rows] == ["UNKNOWN", "UNKNOWN", "UNCONFIRMED", "NO ANSWER"]
    assert decisions.rows[0].order == older
    assert decisions.not_found_count == 1
    words = decisions.words(state_of(), NOW_NS + 3 * SECOND_NS)
    assert words == "‼ 3 to decide: u, Enter  ✗ 1 account silent  · 1 NOT_FOUND  asked 3 s ago"


def test_only_an_unknown_open_or_close_can_be_resolved() -> None:
    """Any other says how it settles by itself."""
    modify, silent = changed(action="MODIFY"), changed(code="UNCONFIRMED")
    rows = {row.order: row for row in lost_rows([of("demo-1", ORDER, modify, silent)])}
    (nobody,) = lost_rows([of("demo-2", why="never seen")])
    assert [rows[order].can_resolve for order in (ORDER, modify, silent)] == [True, False, False]
    assert settles_words(rows[modify]).startswith("A MODIFY settles by itself")
    assert "once demo-1 is heard again" in settles_words(rows[silent])
    assert not nobody.can_resolve
    assert "asked again" in settles_words(nobody)
    assert nobody.detail == "never seen"
    assert row_lines(nobody)[0] == "✗ NO ANSWER  demo-2: never seen"


def test_an_order_says_all_that_is_known_of_it() -> None:
    """What, since when, what it blocks, what was tried, whose it is."""
    (row,) = lost_rows([of("demo-1", ORDER)])
    assert row_lines(row)[:7] == [
        "‼ UNKNOWN  OPEN buy 0.10 lots EURUSD on demo-1",
        "since     2026-01-05 00:00:00 UTC, 5 min ago (market time)",
        "blocks    opens of EURUSD on demo-1",
        "tried     attempt 1, looked for 3 times, last 2026-01-05 00:01:00 UTC",
        "detail    no answer within 10 s",
        "signal    demo/cci/EURUSD/9  strategy reversion open",
        "order     000102030405060708090a0b0c0d0e0f",
    ]
    (row,) = [
        row for row in lost_rows([of("demo-1", changed(since_ns=0, blocks=False, looked_ns=0), why="master-1 is silent")]) if row.order
    ]
    assert row_lines(row)[1:4] == ["since     not known", "blocks    nothing", "tried     attempt 1, looked for 3 times"]
    assert "told by   somebody else: master-1 is silent" in row_lines(row)


def test_the_mesh_is_asked_when_a_count_changes() -> None:
    """And when the page comes to the front; at most once in two seconds, and never while an answer is waited for."""
    decisions, quiet, lost = Decisions(), state_of(), state_of(1)
    assert decisions.is_due(quiet, NOW_NS)  # the page came to the front
    decisions.asking(quiet, NOW_NS)
    assert not decisions.is_due(lost, NOW_NS + PAUSE_NS)
    decisions.answered([], NOW_NS)
    assert not decisions.is_due(quiet, NOW_NS + 100 * PAUSE_NS)
    assert not decisions.is_due(lost, NOW_NS + PAUSE_NS - 1)
    assert decisions.is_due(lost, NOW_NS + PAUSE_NS)
    decisions.asking(lost, NOW_NS + PAUSE_NS)
    decisions.answered([], NOW_NS + PAUSE_NS)
    assert decisions.is_due(state_of(1, "2"), NOW_NS + 2 * PAUSE_NS)
    decisions.want()
    assert decisions.is_due(lost, NOW_NS + 2 * PAUSE_NS)


def test_who_did_not_answer_is_asked_again() -> None:
    """After ten seconds, as is a mesh that could not be asked at all."""
    decisions, quiet = Decisions(), state_of()
    decisions.asking(quiet, NOW_NS)
    decisions.failed("no router answers")
    assert decisions.words(quiet, NOW_NS) == "✗ not asked: no router answers"
    assert not decisions.is_due(quiet, NOW_NS + PAUSE_NS)
    assert decisions.is_due(quiet, NOW_NS + RETRY_NS)
    decisions.asking(quiet, NOW_NS + RETRY_NS)
    assert decisions.words(quiet, NOW_NS + RETRY_NS) == "asking …"
    decisions.answered([of("demo-2", why="never seen")], NOW_NS + RETRY_NS)
    assert not decisions.is_due(quiet, NOW_NS + RETRY_NS + PAUSE_NS)
    assert decisions.is_due(quiet, NOW_NS + 2 * RETRY_NS)


def test_what_accounts_say_is_told_before_the_answer() -> None:
    """So that nothing has to be waited for to know that there is something; nothing is said where there is nothing."""
    decisions = Decisions()
    assert decisions.words(state_of(), NOW_NS) == ""
    decisions.asking(state_of(2, "1"), NOW_NS)
    assert decisions.words(state_of(2, "1"), NOW_NS) == "‼ 2 orders UNKNOWN on demo-1, 1 line UNCONFIRMED  asking …"
