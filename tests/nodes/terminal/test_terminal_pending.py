"""Pending orders: six kinds, activation with gaps, modification, expiry, partial fills."""

import pytest

from mesh.units import HOUR_NS, MINUTE_NS
from nodes.terminal import names
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import BUY, NETTING, SELL, START_NS, Rig, check_books, e8

DONE = names.TRADE_RETCODE_DONE
EXCHANGE_EXECUTION = names.SYMBOL_TRADE_EXECUTION_EXCHANGE
FOK, IOC, RETURN = 0, 1, 2


@pytest.mark.parametrize(
    ("kind", "price", "waits", "fills", "fill_price"),
    [
        (names.ORDER_TYPE_BUY_LIMIT, "1.09500", ("1.09491", "1.09501"), ("1.09390", "1.09400"), "1.09400"),
        (names.ORDER_TYPE_SELL_LIMIT, "1.10500", ("1.10499", "1.10509"), ("1.10600", "1.10610"), "1.10600"),
        (names.ORDER_TYPE_BUY_STOP, "1.10500", ("1.10489", "1.10499"), ("1.10640", "1.10650"), "1.10650"),
        (names.ORDER_TYPE_SELL_STOP, "1.09500", ("1.09501", "1.09511"), ("1.09300", "1.09310"), "1.09300"),
    ],
)
def test_pending_fills_at_the_quote_that_reaches_it(
    kind: int, price: str, waits: tuple[str, str], fills: tuple[str, str], fill_price: str
) -> None:
    """A point short nothing happens; a gap fills limits better and stops worse than their price, with their levels."""
    rig = Rig()
    buys = kind % 2 == 0
    sl, tp = ("1.05", "1.15") if buys else ("1.15", "1.05")
    placed = rig.pending(kind, price, magic=7, comment="wait", sl=sl, tp=tp)
    assert (placed.retcode, placed.deal, placed.volume_e8, placed.bid_e8) == (DONE, 0, e8("0.10"), e8("1.10000"))
    assert rig.quote(*waits) == ()
    rig.quote(*fills)
    assert not rig.orders
    [position], [deal] = rig.positions, rig.deals
    assert (position.ticket, position.magic, position.comment) == (placed.order, 7, "wait")
    assert (position.price_open_e8, position.sl_e8, position.tp_e8) == (e8(fill_price), e8(sl), e8(tp))
    assert (deal.order, deal.price_e8, deal.position_id) == (placed.order, e8(fill_price), placed.order)
    order = rig.account.history_tickets[placed.order]
    assert (order.state, order.volume_current_e8, order.time_done_ns) == (names.ORDER_STATE_FILLED, 0, rig.now_ns)
    check_books(rig.terminal)


@pytest.mark.parametrize(
    ("kind", "stop", "limit", "reach", "fill"),
    [
        (names.ORDER_TYPE_BUY_STOP_LIMIT, "1.10500", "1.10400", ("1.10500", "1.10510"), ("1.10380", "1.10390")),
        (names.ORDER_TYPE_SELL_STOP_LIMIT, "1.09500", "1.09600", ("1.09490", "1.09500"), ("1.09610", "1.09620")),
    ],
)
def test_stop_limit_becomes_a_limit_order_first(
    kind: int, stop: str, limit: str, reach: tuple[str, str], fill: tuple[str, str]
) -> None:
    """At its stop price it waits as a limit order under the same ticket; that fills when the market comes back."""
    rig = Rig()
    placed = rig.pending(kind, stop, stoplimit=limit)
    rig.quote(*reach)
    [order] = rig.orders
    assert (order.ticket, order.price_open_e8) == (placed.order, e8(limit))
    assert order.type == kind - 4
    rig.quote(*fill)
    assert [position.ticket for position in rig.positions] == [placed.order]


def test_stop_limit_over_its_limit_fills_on_the_same_tick() -> None:
    """A stop-limit whose limit the quote already meets is filled at once."""
    rig = Rig()
    rig.pending(names.ORDER_TYPE_BUY_STOP_LIMIT, "1.10500", stoplimit="1.10500")
    rig.quote("1.10490", "1.10500")
    assert [position.price_open_e8 for position in rig.positions] == [e8("1.10500")]


def test_a_stop_price_left_behind_is_no_limit_price() -> None:
    """A stop-limit moved away and back waits twice at its stop; when that is its limit too, the second one fills nothing."""
    rig = Rig()
    order = rig.pending(names.ORDER_TYPE_BUY_STOP_LIMIT, "1.10500", stoplimit="1.10500").order
    for price in ("1.10600", "1.10500"):
        assert rig.send(names.TRADE_ACTION_MODIFY, order=order, price=price, stoplimit="1.10500").retcode == DONE
    rig.quote("1.10590", "1.10600")
    assert [(row.type, row.price_open_e8) for row in rig.orders] == [(names.ORDER_TYPE_BUY_LIMIT, e8("1.10500"))]
    assert not rig.positions
    rig.quote("1.10480", "1.10490")
    assert [position.price_open_e8 for position in rig.positions] == [e8("1.10490")]


def test_modify_moves_price_levels_and_expiration() -> None:
    """The moved order no longer triggers at its old price; asking for the same again is 10025."""
    rig = Rig()
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500").order
    until_ns = START_NS + HOUR_NS
    change = {"order": order, "price": "1.09000", "sl": "1.08", "tp": "1.12", "type_time": 2, "expiration_ns": until_ns}
    result = rig.send(names.TRADE_ACTION_MODIFY, symbol="", **change)
    assert (result.retcode, result.order) == (DONE, order)
    assert rig.send(names.TRADE_ACTION_MODIFY, **change).retcode == names.TRADE_RETCODE_NO_CHANGES
    assert rig.send(names.TRADE_ACTION_MODIFY, order=order, price="1.20").retcode == names.TRADE_RETCODE_INVALID_PRICE
    rig.quote("1.09480", "1.09490")
    [waiting] = rig.orders
    assert (waiting.price_open_e8, waiting.sl_e8, waiting.expiration_ns) == (e8("1.09"), e8("1.08"), until_ns)
    rig.quote("1.08980", "1.08990", after_ns=MINUTE_NS)
    assert rig.positions[0].tp_e8 == e8("1.12")


def test_remove_cancels() -> None:
    """A removed order is in the history as cancelled and never fills."""
    rig = Rig()
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500").order
    assert rig.send(names.TRADE_ACTION_REMOVE, symbol="", order=order).order == order
    rig.quote("1.09000", "1.09010")
    assert rig.account.history_tickets[order].state == names.ORDER_STATE_CANCELED
    assert not rig.positions


@pytest.mark.parametrize(
    ("type_time", "expiration_ns", "ends_ns"),
    [
        (names.ORDER_TIME_SPECIFIED, START_NS + HOUR_NS, START_NS + HOUR_NS),
        (names.ORDER_TIME_DAY, 0, START_NS + 11 * HOUR_NS),
        (names.ORDER_TIME_SPECIFIED_DAY, START_NS + 20 * HOUR_NS, START_NS + 35 * HOUR_NS),
    ],
)
def test_expiry_ends_an_order_at_its_time(type_time: int, expiration_ns: int, ends_ns: int) -> None:
    """Days end at the server's midnight (21:00 UTC at New York + 7 h in summer); the tick after it no longer fills."""
    rig = Rig(config=TerminalConfig(server_zone="New York + 7 h"))
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500", type_time=type_time, expiration_ns=expiration_ns).order
    rig.quote("1.10000", "1.10010", after_ns=ends_ns - rig.now_ns - 1)
    assert rig.orders
    rig.quote("1.09000", "1.09010", after_ns=1)
    done = rig.account.history_tickets[order]
    assert (done.state, done.time_done_ns) == (names.ORDER_STATE_EXPIRED, ends_ns)
    assert not rig.positions


def test_time_alone_expires_an_order() -> None:
    """Without a tick the clock ends it, and its event says when."""
    rig = Rig()
    rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500", type_time=2, expiration_ns=START_NS + HOUR_NS)
    assert rig.terminal.event_ns == START_NS + HOUR_NS
    changes = rig.terminal.on_time(START_NS + HOUR_NS)
    assert [change.kind for change in changes] == ["order", "history_order"]


def test_activation_without_money_is_rejected() -> None:
    """An order its account cannot pay for when it triggers ends as rejected."""
    rig = Rig(account={"deposit_e8": e8("100")})
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500", "1.00").order
    rig.quote("1.09000", "1.09010")
    assert rig.account.history_tickets[order].state == names.ORDER_STATE_REJECTED
    check_books(rig.terminal)


def test_pending_on_a_netting_account_meets_the_position() -> None:
    """A sell limit against a long reduces it, under the position's identity."""
    rig = Rig(account={"margin_mode": NETTING})
    position = rig.opened(BUY)
    rig.pending(names.ORDER_TYPE_SELL_LIMIT, "1.10500", "0.04")
    rig.quote("1.10500", "1.10510")
    assert [held.volume_e8 for held in rig.positions] == [e8("0.06")]
    assert rig.deals[-1].position_id == position.identifier
    assert rig.account.history_orders[-1].position_id == position.identifier


def test_ioc_takes_what_there_is() -> None:
    """0.10 asked of a depth of 0.04: 10010 with 0.04, the rest cancelled."""
    rig = Rig(depth_e8=e8("0.04"))
    result = rig.deal(BUY, type_filling=IOC)
    assert (result.retcode, result.volume_e8) == (names.TRADE_RETCODE_DONE_PARTIAL, e8("0.04"))
    order = rig.account.history_tickets[result.order]
    assert (order.state, order.volume_current_e8) == (names.ORDER_STATE_CANCELED, e8("0.06"))
    assert rig.positions[0].volume_e8 == e8("0.04")
    check_books(rig.terminal)


def test_fok_is_all_or_nothing() -> None:
    """What a quote cannot fill whole is rejected and leaves nothing behind."""
    rig = Rig(depth_e8=e8("0.04"))
    assert rig.deal(BUY, type_filling=FOK).retcode == names.TRADE_RETCODE_REJECT
    assert not rig.positions
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500", type_filling=FOK).order
    rig.quote("1.09400", "1.09410")
    assert rig.account.history_tickets[order].state == names.ORDER_STATE_CANCELED
    assert not rig.deals


def test_return_rests_and_fills_with_each_quote() -> None:
    """In exchange execution the rest stays as a partial order and takes the depth of each quote into one position."""
    rig = Rig(depth_e8=e8("0.04"), exemode=EXCHANGE_EXECUTION)
    result = rig.deal(BUY, type_filling=RETURN)
    assert result.retcode == names.TRADE_RETCODE_DONE_PARTIAL
    assert [(order.state, order.volume_current_e8) for order in rig.orders] == [(names.ORDER_STATE_PARTIAL, e8("0.06"))]
    rig.quote("1.10020", "1.10030")
    rig.quote("1.10040", "1.10050")
    assert not rig.orders
    [position] = rig.positions
    assert (position.ticket, position.volume_e8) == (result.order, e8("0.10"))
    assert [deal.volume_e8 for deal in rig.deals] == [e8("0.04"), e8("0.04"), e8("0.02")]
    assert all(deal.order == result.order for deal in rig.deals)
    check_books(rig.terminal)


def test_partial_limit_order_waits_for_its_price() -> None:
    """What is left of a limit order takes no quote above its price."""
    rig = Rig(depth_e8=e8("0.04"))
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500", type_filling=RETURN).order
    rig.quote("1.09490", "1.09500")
    rig.quote("1.09600", "1.09610")
    assert rig.positions[0].volume_e8 == e8("0.04")
    assert rig.send(names.TRADE_ACTION_MODIFY, order=order, price="1.09").retcode == names.TRADE_RETCODE_INVALID_ORDER
    rig.quote("1.09480", "1.09490")
    assert rig.positions[0].volume_e8 == e8("0.08")
    assert rig.send(names.TRADE_ACTION_REMOVE, order=order).retcode == DONE
    rig.quote("1.09480", "1.09490")
    assert rig.positions[0].volume_e8 == e8("0.08")
    check_books(rig.terminal)


@pytest.mark.parametrize("by", ["deal", "stop"])
def test_rest_of_an_opening_ends_with_its_position(by: str) -> None:
    """When what was filled is closed by hand or by its stop, the rest of the order is cancelled and opens nothing again."""
    rig = Rig(depth_e8=e8("0.04"), exemode=EXCHANGE_EXECUTION)
    order = rig.deal(BUY, "0.12", type_filling=RETURN, sl="1.09").order
    if by == "deal":
        assert rig.deal(SELL, "0.04", position=order, type_filling=RETURN).retcode == DONE
        rig.quote("1.10000", "1.10010")
    for _ in range(2):
        rig.quote("1.08900", "1.08910")
    assert not rig.positions
    assert not rig.orders
    assert rig.account.history_tickets[order].state == names.ORDER_STATE_CANCELED
    check_books(rig.terminal)


@pytest.mark.parametrize("closed_meanwhile", [("0.03",), ("0.03", "0.03")])
def test_rest_of_a_close_never_opens(closed_meanwhile: tuple[str, ...]) -> None:
    """When a position shrinks meanwhile, the resting rest of its close takes what is left and then ends."""
    rig = Rig()
    position = rig.opened(BUY, "0.10")
    shallow = Rig(depth_e8=e8("0.04"), exemode=EXCHANGE_EXECUTION, filling_mode=3)
    shallow.terminal.restore([change for change in rig.rows if change.kind != "history_order"])
    rest = shallow.deal(SELL, "0.10", position=position.ticket, type_filling=RETURN)
    assert (rest.volume_e8, shallow.position(position.ticket).volume_e8) == (e8("0.04"), e8("0.06"))
    for volume in closed_meanwhile:
        assert shallow.deal(SELL, volume, position=position.ticket, type_filling=IOC).retcode == DONE
    shallow.quote("1.10000", "1.10010")
    shallow.quote("1.10000", "1.10010")
    assert not shallow.positions
    assert not shallow.orders
    closing = [deal for deal in shallow.deals if deal.entry == names.DEAL_ENTRY_OUT]
    assert sum(deal.volume_e8 for deal in closing) == e8("0.10")
    assert shallow.account.history_tickets[rest.order].state == names.ORDER_STATE_CANCELED


def test_moved_expiration_is_the_one_that_counts() -> None:
    """An order whose end was put off outlives its first end and not its second."""
    rig = Rig()
    ends = {"type_time": 2, "expiration_ns": START_NS + HOUR_NS}
    order = rig.pending(names.ORDER_TYPE_BUY_LIMIT, "1.09500", **ends).order
    ends["expiration_ns"] += HOUR_NS
    assert rig.send(names.TRADE_ACTION_MODIFY, order=order, price="1.09500", **ends).retcode == DONE
    rig.terminal.on_time(START_NS + HOUR_NS)
    assert rig.orders
    rig.terminal.on_time(START_NS + 2 * HOUR_NS)
    assert rig.account.history_tickets[order].time_done_ns == START_NS + 2 * HOUR_NS
