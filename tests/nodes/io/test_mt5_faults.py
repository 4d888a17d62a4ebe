"""What goes wrong at a terminal, seen through the package: each kind of fault, and that the books always know the truth."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from mesh.errors import BadConfig
from mesh.faults import FaultSection
from mesh.units import MS_NS, NEVER
from nodes.io import mt5
from nodes.terminal.faults import FaultPlan
from tests.nodes.io.mt5_rig import Desk, attached
from tests.nodes.terminal.terminal_rig import LOGIN, check_books

OTHER = 5_002


def fault(kind: str, **fields: Any) -> FaultSection:
    return FaultSection(**{"kind": kind, "nth": 1} | fields)


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk with the faults of the test's parameter."""
    with attached(faults=request.param) as found:
        yield found
        check_books(found.rig.terminal)


def bought(**fields: Any) -> Any:
    """The result of buying a tenth of a lot."""
    request = {"action": 1, "symbol": "EURUSD", "volume": 0.1, "type": 0, "price": 1.1001, "magic": 77, "comment": "tm.1"}
    return mt5.order_send(request | fields)


def closed(ticket: int, **fields: Any) -> Any:
    return bought(type=1, price=1.1, position=ticket, **fields)


def later(desk: Desk, ms: int) -> None:
    """Market time goes on."""
    desk.rig.quote("1.10000", "1.10010", after_ns=ms * MS_NS)


LOST = (-10002, "IPC recv failed")
NO_LINK = (-10004, "No IPC connection")


@pytest.mark.parametrize(
    ("desk", "held"), [([fault("lose_request")], 0), ([fault("lose_reply")], 1)], indirect=["desk"], ids=["before", "after"]
)
def test_a_lost_call_looks_the_same_whether_it_was_executed_or_not(desk: Desk, held: int) -> None:
    """None with -10002, then no link; only after another initialize do the books tell which it was."""
    assert bought() is None
    assert mt5.last_error() == LOST
    assert mt5.positions_get() is None
    assert mt5.last_error() == NO_LINK
    assert mt5.initialize()
    found = mt5.positions_get()
    assert [position.magic for position in found] == [77] * held
    assert len(mt5.history_deals_get(position=found[0].identifier) if held else ()) == held


@pytest.mark.parametrize("desk", [[fault("send_failed")]], indirect=True)
def test_a_failed_write_sticks_until_initialize(desk: Desk) -> None:
    """-10001 for every later call, as after a terminal's restart; nothing was sent; shutdown and initialize cure it."""
    assert bought() is None
    assert mt5.account_info() is None
    assert mt5.last_error() == (-10001, "IPC send failed")
    assert not mt5.login(LOGIN)
    assert mt5.last_error() == (-10001, "IPC send failed")
    assert mt5.shutdown()
    assert mt5.initialize()
    assert mt5.positions_get() == ()


@pytest.mark.parametrize("desk", [[fault("lose_reply", call="login", nth=2)]], indirect=True)
def test_a_link_that_breaks_at_login_is_gone(desk: Desk) -> None:
    """As at any other call: -10002, then nothing is attached."""
    assert not mt5.login(LOGIN)
    assert mt5.last_error() == LOST
    assert mt5.account_info() is None
    assert mt5.last_error() == NO_LINK


@pytest.mark.parametrize(
    ("desk", "code", "text", "held"),
    [
        ([fault("retcode", retcode=10012, executed=True)], 10012, "Request canceled by timeout", 1),
        ([fault("retcode", retcode=10012)], 10012, "Request canceled by timeout", 0),
        ([fault("retcode", retcode=10031, executed=True)], 10031, "No connection", 1),
        ([fault("retcode", retcode=10006)], 10006, "Request rejected", 0),
        ([fault("retcode", retcode=10020)], 10020, "Price changed", 0),
        ([fault("retcode", retcode=0, executed=True)], 0, "Done", 1),
        ([fault("retcode", retcode=19999, executed=True)], 19999, "", 1),
    ],
    indirect=["desk"],
)
def test_a_retcode_may_lie_about_what_happened(desk: Desk, code: int, text: str, held: int) -> None:
    """Executed or not, the answer is the code without numbers; the next order is told the truth."""
    result = bought()
    assert (result.retcode, result.comment, result.deal, result.order, result.volume) == (code, text, 0, 0, 0.0)
    assert mt5.positions_total() == held
    assert bought().retcode == 10009


@pytest.mark.parametrize("desk", [[fault("retcode", retcode=10004)]], indirect=True)
def test_a_requote_carries_the_new_quote(desk: Desk) -> None:
    """Bid and ask are in the result, a request id too; the helper Buy sends again and gets through."""
    result = bought()
    assert (result.retcode, result.bid, result.ask, result.request_id) == (10004, 1.1, 1.1001, 1)
    assert mt5.Buy("EURUSD", 0.1).retcode == 10009


@pytest.mark.parametrize("desk", [[fault("hang", for_ms=3_000, executed=True)]], indirect=True)
def test_a_hanging_call_blocks_its_caller_and_then_tells(desk: Desk) -> None:
    """An executed order whose answer takes three seconds."""
    assert bought().retcode == 10009
    assert desk.waited_ns == 3_000 * MS_NS


@pytest.mark.parametrize("desk", [[fault("hang")]], indirect=True)
def test_a_call_may_hang_for_ever(desk: Desk) -> None:
    """Not executed, and nothing would ever come back."""
    bought()
    assert desk.waited_ns == NEVER
    assert mt5.positions_total() == 0


@pytest.mark.parametrize("desk", [[fault("hang", call="positions_get", for_ms=500)]], indirect=True)
def test_reads_hang_too(desk: Desk) -> None:
    """A read that takes half a second still answers."""
    assert mt5.positions_get() == ()
    assert desk.waited_ns == 500 * MS_NS


@pytest.mark.parametrize("desk", [[fault("place", for_ms=800)]], indirect=True)
def test_a_deal_may_only_be_placed_and_filled_later(desk: Desk) -> None:
    """10008 with an order and no deal; the order is live, and becomes a position at the quote of its time."""
    result = bought()
    assert (result.retcode, result.deal, result.comment) == (10008, 0, "Order placed")
    assert [order.ticket for order in mt5.orders_get()] == [result.order]
    assert mt5.positions_get() == ()
    later(desk, 700)
    assert mt5.positions_get() == ()
    desk.rig.quote("1.10050", "1.10060", after_ns=50 * MS_NS)
    later(desk, 200)
    (position,) = mt5.positions_get()
    assert (position.ticket, position.price_open, position.magic) == (result.order, 1.1006, 77)
    assert mt5.orders_get() == ()
    assert mt5.history_orders_get(ticket=result.order)[0].state == mt5.ORDER_STATE_FILLED


@pytest.mark.parametrize("desk", [[fault("place", for_ms=800, nth=1)]], indirect=True)
def test_a_placed_deal_can_be_removed_before_it_is_filled(desk: Desk) -> None:
    """Until it is executed it is a live order like any other: removed, it is never filled."""
    order = bought().order
    assert mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": order}).retcode == 10009
    later(desk, 900)
    assert mt5.positions_get() == mt5.orders_get() == ()
    assert mt5.history_orders_get(ticket=order)[0].state == mt5.ORDER_STATE_CANCELED


@pytest.mark.parametrize("desk", [[fault("place", for_ms=800, nth=2)]], indirect=True)
def test_a_placed_close_stands_alone_and_dies_with_its_position(desk: Desk) -> None:
    """A second close of the same position is refused (10039); stopped out meanwhile, it is rejected."""
    ticket = bought(sl=1.0990).order
    placed = closed(ticket)
    assert placed.retcode == 10008
    assert closed(ticket).retcode == 10039
    desk.rig.quote("1.09890", "1.09900", after_ns=MS_NS)
    later(desk, 900)
    assert mt5.positions_get() == mt5.orders_get() == ()
    assert mt5.history_orders_get(ticket=placed.order)[0].state == mt5.ORDER_STATE_REJECTED


@pytest.mark.parametrize(
    ("desk", "positions", "deals"),
    [
        ([fault("hide", for_ms=1_500)], 0, 0),
        ([fault("hide", for_ms=1_500, of="positions")], 0, 1),
        ([fault("hide", for_ms=1_500, of="history")], 1, 0),
    ],
    indirect=["desk"],
)
def test_what_was_done_may_be_seen_late(desk: Desk, positions: int, deals: int) -> None:
    """The reply is there at once; positions and history come later, in every read of them."""
    ticket = bought().order
    span = (1, 2_000_000_000)
    assert (mt5.positions_total(), len(mt5.positions_get(ticket=ticket))) == (positions, positions)
    assert len(mt5.history_deals_get(position=ticket)) == len(mt5.history_deals_get(ticket=ticket)) == deals
    assert mt5.history_deals_total(*span) == 1 + deals  # the deposit
    assert len(mt5.history_orders_get(ticket=ticket)) == mt5.history_orders_total(*span) == deals
    _, revision, _ = mt5._stamp()
    later(desk, 1_500)
    assert (mt5.positions_total(), mt5.history_deals_total(*span), mt5.history_orders_total(*span)) == (1, 2, 1)
    assert mt5._stamp()[1] == revision + 1, "who knows the last revision has not seen it"


@pytest.mark.parametrize("desk", [[fault("hide", nth=2, for_ms=1_500), fault("hide", nth=3, for_ms=3_000)]], indirect=True)
def test_what_is_seen_late_is_seen_as_it_was(desk: Desk) -> None:
    """A part that was closed is still there, and so is a position that has gone; each change is told at its own time, in order."""
    ticket = bought().order
    assert closed(ticket, volume=0.04).retcode == closed(ticket, volume=0.06).retcode == 10009
    assert desk.rig.positions == []
    for ms, held in ((0, [0.1]), (1_499, [0.1]), (1, [0.06]), (1_499, [0.06]), (1, [])):
        later(desk, ms)
        assert [row.volume for row in mt5.positions_get()] == [row.volume for row in mt5.positions_get(ticket=ticket)] == held
        assert [row.volume for row in mt5.positions_get(symbol="EURUSD")] == held
        assert mt5.positions_total() == len(held)
    assert len(mt5.history_deals_get(position=ticket)) == 3


@pytest.mark.parametrize("desk", [[fault("hide", nth=2, for_ms=1_500), fault("hide", nth=4, for_ms=1_500)]], indirect=True)
def test_old_levels_and_removed_orders_are_shown_until_the_change_is_seen(desk: Desk) -> None:
    """A stop loss that was set is not there yet; an order that was removed still is, and is not in the history."""
    ticket = bought().order
    mt5.order_send({"action": 6, "symbol": "EURUSD", "position": ticket, "sl": 1.09})
    order = mt5.order_send({"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": 2, "price": 1.09}).order
    mt5.order_send({"action": 8, "order": order})
    assert [row.sl for row in mt5.positions_get()] == [0.0]
    assert [row.ticket for row in mt5.orders_get()] == [row.ticket for row in mt5.orders_get(ticket=order)] == [order]
    assert (mt5.orders_total(), mt5.history_orders_get(ticket=order)) == (1, ())
    later(desk, 1_500)
    assert [row.sl for row in mt5.positions_get()] == [1.09]
    assert (mt5.orders_total(), len(mt5.history_orders_get(ticket=order))) == (0, 1)


@pytest.mark.parametrize("desk", [[fault("no_deal")]], indirect=True)
def test_a_reply_may_not_know_its_deal(desk: Desk) -> None:
    """Deal 0, though history has it."""
    result = bought()
    assert (result.retcode, result.deal) == (10009, 0)
    assert len(mt5.history_deals_get(ticket=result.order)) == 1


@pytest.mark.parametrize("desk", [[fault("rewrite_comment", comment="broker says"), fault("drop_magic", nth=2)]], indirect=True)
def test_brokers_rewrite_comments_and_drop_the_magic_of_closes(desk: Desk) -> None:
    """The comment is the broker's on order, position and deal; the closing deal has no magic, the opening one keeps it."""
    ticket = bought().order
    (position,) = mt5.positions_get()
    assert (position.comment, position.magic) == ("broker says", 77)
    assert closed(ticket, magic=78).retcode == 10009
    deals = mt5.history_deals_get(position=ticket)
    assert [(deal.comment, deal.magic, deal.entry) for deal in deals] == [("broker says", 77, 0), ("tm.1", 0, 1)]


@pytest.mark.parametrize("desk", [[fault("rewrite_comment", nth=0)]], indirect=True)
def test_brokers_cut_comments(desk: Desk) -> None:
    """29 characters are sent, 26 arrive."""
    bought(comment="x" * 29)
    assert mt5.positions_get()[0].comment == "x" * 26


@pytest.mark.parametrize("desk", [[fault("restart", call="positions_get", for_ms=2_000)]], indirect=True)
def test_a_terminal_restarts(desk: Desk) -> None:
    """The call breaks, nobody gets in for two seconds, then the account is as it was."""
    ticket = bought().order
    assert mt5.positions_get() is None
    assert mt5.last_error() == LOST
    assert not mt5.initialize()
    assert mt5.last_error() == (-10003, "IPC initialize failed, Pipe server didn't answer in 60 sec")
    later(desk, 2_000)
    assert mt5.initialize()
    assert mt5.positions_get()[0].ticket == ticket


@pytest.mark.parametrize(
    ("desk", "field", "value", "code"),
    [
        ([fault("disconnect", for_ms=1_000)], "connected", False, 10031),
        ([fault("stop_trading", for_ms=1_000)], "trade_allowed", False, 10027),
    ],
    indirect=["desk"],
)
def test_switches_go_off_and_on_again(desk: Desk, field: str, value: bool, code: int) -> None:
    """terminal_info tells, orders are refused without being executed, reads go on; a second later all is well."""
    assert bought().retcode == code
    assert getattr(mt5.terminal_info(), field) is value
    assert mt5.positions_get() == ()
    later(desk, 1_000)
    assert getattr(mt5.terminal_info(), field) is not value
    assert bought().retcode == 10009


@pytest.mark.parametrize("desk", [[fault("disable_api")]], indirect=True)
def test_the_interface_is_switched_off_for_good(desk: Desk) -> None:
    """-8 for order_send alone, until somebody switches it on."""
    assert bought() is None
    assert mt5.last_error() == (-8, "Auto-Trading using Python API disabled in Terminal")
    later(desk, 100_000)
    assert mt5.terminal_info().tradeapi_disabled
    assert mt5.account_info().login == LOGIN


@pytest.mark.parametrize("desk", [[fault("error", call="positions_get", error=-1)]], indirect=True)
def test_a_read_may_fail(desk: Desk) -> None:
    """None with the error once; nothing else is lost."""
    assert mt5.positions_get() is None
    assert mt5.last_error() == (-1, "Terminal: Call failed")
    assert mt5.positions_get() == ()


@pytest.mark.parametrize(("executed", "held"), [(True, 1), (False, 0)])
def test_order_send_may_answer_none(executed: bool, held: int) -> None:
    """-10000 with the link still there: executed or not, nobody knows before the books are read."""
    with attached(faults=(fault("error", error=-10000, executed=executed),)):
        assert bought() is None
        assert mt5.last_error() == (-10000, "IPC call failed")
        assert mt5.positions_total() == held


def test_another_account_may_be_logged_in_under_our_feet() -> None:
    """Every answer is of the other account, orders go there, until it is switched back."""
    with attached(faults=(fault("switch_account", call="account_info", to_login=OTHER, for_ms=1_000),), others=(OTHER,)) as desk:
        assert mt5.account_info().login == OTHER
        assert bought().retcode == 10009
        later(desk, 1_000)
        assert mt5.account_info().login == LOGIN
        assert mt5.positions_get() == ()
        assert len(desk.rig.terminal.accounts[OTHER].positions) == 1


def test_faults_are_drawn_from_the_seed_and_the_order() -> None:
    """A share of the orders is picked, the same ones whenever they come; another seed picks others."""
    plan, again, other = (FaultPlan((fault("lose_reply", nth=0, chance=Decimal("0.25")),), seed) for seed in (1, 1, 2))
    rows = [[1, magic] for magic in range(1, 2_001)]
    picked = [bool(plan.at(LOGIN, "order_send", row, 1)) for row in rows]
    assert 430 < sum(picked) < 570
    assert [bool(again.at(LOGIN, "order_send", row, 1)) for row in reversed(rows)] == picked[::-1]
    assert [bool(other.at(LOGIN, "order_send", row, 1)) for row in rows] != picked


def test_counts_are_of_each_account() -> None:
    """The third order of each account, or of one account alone."""
    plan = FaultPlan((fault("no_deal", nth=3), fault("hide", nth=1, for_ms=1, login=OTHER)), 0)
    met = [[len(plan.at(login, "order_send", [1, 0], turn)) for turn in range(1, 5)] for login in (LOGIN, OTHER)]
    assert met == [[0, 0, 1, 0], [1, 0, 1, 0]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (fault("hide"), "fault 1 (hide): for_ms = 0"),
        (fault("retcode", call="positions_get"), "fault 1 (retcode): call = 'positions_get': this kind is of order_send alone"),
        (fault("error", call="order_sent"), "fault 1 (error): call = 'order_sent': not among the functions"),
        (fault("error", login=9), "fault 1 (error): login = 9: not among the accounts: 5001"),
        (fault("switch_account"), "fault 1 (switch_account): to_login = 0: which account?"),
    ],
)
def test_wrong_faults_are_named(wrong: FaultSection, said: str) -> None:
    """The fault's place and kind, the key, the value and what is allowed."""
    with pytest.raises(BadConfig) as error, attached(faults=(wrong,)):
        pass
    assert str(error.value).startswith(said)
