"""Which retcode a request is refused with: a table for each rule, the same for order_check and order_send."""

from typing import Any

import pytest

from mesh.errors import BadConfig
from mesh.units import HOUR_NS
from nodes.terminal import names
from nodes.terminal.records import TradeRequest
from nodes.terminal.retcodes import HEDGE_PROHIBITED, REFUSED_LOCALLY, TEXTS
from nodes.terminal.settings import AccountConfig, FixedRate, TerminalConfig
from nodes.terminal.symbols import day_session
from tests.nodes.terminal.terminal_rig import BUY, HEDGING, LOGIN, NETTING, SELL, START_NS, Rig, e8, spec

DEAL, PENDING, SLTP = names.TRADE_ACTION_DEAL, names.TRADE_ACTION_PENDING, names.TRADE_ACTION_SLTP
INSTANT = names.SYMBOL_TRADE_EXECUTION_INSTANT
MARKET = names.SYMBOL_TRADE_EXECUTION_MARKET
EXCHANGE_EXECUTION = names.SYMBOL_TRADE_EXECUTION_EXCHANGE
FOK, IOC, RETURN, BOC = 0, 1, 2, 3
LIMIT, STOP, STOP_LIMIT = names.ORDER_TYPE_BUY_LIMIT, names.ORDER_TYPE_BUY_STOP, names.ORDER_TYPE_BUY_STOP_LIMIT
DONE = names.TRADE_RETCODE_DONE
FILL = names.TRADE_RETCODE_INVALID_FILL
STOPS = names.TRADE_RETCODE_INVALID_STOPS
PRICE = names.TRADE_RETCODE_INVALID_PRICE


def code_of(rig: Rig, action: int, **fields: Any) -> int:
    return rig.send(action, **fields).retcode


@pytest.mark.parametrize(
    ("specs", "fields", "code"),
    [
        ({}, {"volume": "0.00"}, names.TRADE_RETCODE_INVALID_VOLUME),
        ({}, {"volume": "-0.10"}, names.TRADE_RETCODE_INVALID_VOLUME),
        ({}, {"volume": "0.015"}, names.TRADE_RETCODE_INVALID_VOLUME),
        ({"volume_min_e8": e8("0.05")}, {"volume": "0.04"}, names.TRADE_RETCODE_INVALID_VOLUME),
        ({"volume_max_e8": e8("1")}, {"volume": "1.01"}, names.TRADE_RETCODE_INVALID_VOLUME),
        ({"volume_limit_e8": e8("0.15")}, {"volume": "0.16"}, names.TRADE_RETCODE_LIMIT_VOLUME),
        ({"volume_limit_e8": e8("0.15")}, {"volume": "0.15"}, DONE),
        ({"trade_mode": names.SYMBOL_TRADE_MODE_DISABLED}, {}, names.TRADE_RETCODE_TRADE_DISABLED),
        ({"trade_mode": names.SYMBOL_TRADE_MODE_CLOSEONLY}, {}, names.TRADE_RETCODE_CLOSE_ONLY),
        ({"trade_mode": names.SYMBOL_TRADE_MODE_SHORTONLY}, {}, names.TRADE_RETCODE_SHORT_ONLY),
        ({"trade_mode": names.SYMBOL_TRADE_MODE_LONGONLY}, {"type": SELL}, names.TRADE_RETCODE_LONG_ONLY),
        ({"trade_mode": names.SYMBOL_TRADE_MODE_LONGONLY}, {}, DONE),
        ({"order_mode": 126}, {}, names.TRADE_RETCODE_INVALID),
        ({}, {"type": LIMIT}, names.TRADE_RETCODE_INVALID),
        ({}, {"type": 99}, names.TRADE_RETCODE_INVALID),
        ({}, {"symbol": "EURXXX"}, names.TRADE_RETCODE_INVALID),
        ({}, {"volume": "100.00"}, names.TRADE_RETCODE_NO_MONEY),
        ({}, {"price": "-1"}, PRICE),
        ({}, {"price": "55.123456"}, DONE),
        ({"exemode": INSTANT}, {"price": "0"}, PRICE),
        ({"exemode": INSTANT}, {"price": "1.100101"}, PRICE),
        ({"exemode": INSTANT}, {"price": "1.10010"}, DONE),
        ({"exemode": INSTANT}, {"price": "1.10000", "deviation_points": 9}, names.TRADE_RETCODE_REQUOTE),
        ({"exemode": INSTANT}, {"price": "1.10000", "deviation_points": 10}, DONE),
        ({"exemode": INSTANT}, {"price": "1.10025", "deviation_points": 14}, names.TRADE_RETCODE_REQUOTE),
    ],
)
def test_deal_rules(specs: dict[str, Any], fields: dict[str, Any], code: int) -> None:
    """Volume, trade mode, order mode, money and price of a market order."""
    fields = {"type": BUY, "volume": "0.10"} | fields
    assert code_of(Rig(**specs), DEAL, **fields) == code


@pytest.mark.parametrize(
    ("execution", "flags", "filling", "kind", "code"),
    [
        (MARKET, 1, FOK, BUY, DONE),
        (MARKET, 1, IOC, BUY, FILL),
        (MARKET, 2, FOK, BUY, FILL),
        (MARKET, 2, IOC, BUY, DONE),
        (MARKET, 3, RETURN, BUY, FILL),
        (MARKET, 3, RETURN, LIMIT, DONE),
        (MARKET, 3, 9, BUY, FILL),
        (MARKET, 7, BOC, BUY, FILL),
        (MARKET, 7, BOC, LIMIT, DONE),
        (MARKET, 3, BOC, LIMIT, FILL),
        (MARKET, 7, BOC, STOP, FILL),
        (INSTANT, 0, FOK, BUY, DONE),
        (INSTANT, 0, IOC, BUY, DONE),
        (INSTANT, 0, RETURN, BUY, DONE),
        (EXCHANGE_EXECUTION, 0, RETURN, BUY, DONE),
        (EXCHANGE_EXECUTION, 0, FOK, BUY, FILL),
        (EXCHANGE_EXECUTION, 4, BOC, BUY, FILL),
    ],
)
def test_filling_rules(execution: int, flags: int, filling: int, kind: int, code: int) -> None:
    """Filling modes by execution mode and the symbol's flags, for market and pending orders."""
    rig = Rig(exemode=execution, filling_mode=flags)
    action, price = (DEAL, "1.10010") if kind == BUY else (PENDING, "1.09000" if kind == LIMIT else "1.11000")
    assert code_of(rig, action, type=kind, volume="0.10", price=price, type_filling=filling) == code


@pytest.mark.parametrize(
    ("side", "sl", "tp", "code"),
    [
        (BUY, "1.09990", "1.10010", DONE),
        (BUY, "1.09991", "0", STOPS),
        (BUY, "0", "1.10009", STOPS),
        (BUY, "1.10500", "0", STOPS),
        (BUY, "0", "1.09000", STOPS),
        (BUY, "-1.0", "0", STOPS),
        (BUY, "1.090001", "0", STOPS),
        (BUY, "0", "1000000001", STOPS),
        (SELL, "1.10020", "1.10000", DONE),
        (SELL, "1.10019", "0", STOPS),
        (SELL, "0", "1.10001", STOPS),
    ],
)
def test_stops_level_is_measured_from_the_closing_side(side: int, sl: str, tp: str, code: int) -> None:
    """With stops_level 10: buys measure from the bid 1.10000, sells from the ask 1.10010."""
    assert code_of(Rig(stops_level=10), DEAL, type=side, volume="0.10", sl=sl, tp=tp) == code


@pytest.mark.parametrize(
    ("kind", "price", "extra", "code"),
    [
        (LIMIT, "1.10000", {}, DONE),
        (LIMIT, "1.10001", {}, STOPS),
        (LIMIT, "1.10010", {}, PRICE),
        (LIMIT, "1.20000", {}, PRICE),
        (LIMIT, "0", {}, PRICE),
        (STOP, "1000000001", {}, PRICE),
        (LIMIT, "1.090001", {}, PRICE),
        (LIMIT, "1.09000", {"sl": "1.08990", "tp": "1.09010"}, DONE),
        (LIMIT, "1.09000", {"sl": "1.08995"}, STOPS),
        (STOP, "1.10020", {}, DONE),
        (STOP, "1.10019", {}, STOPS),
        (STOP, "1.10000", {}, PRICE),
        (names.ORDER_TYPE_SELL_LIMIT, "1.10010", {}, DONE),
        (names.ORDER_TYPE_SELL_LIMIT, "1.09990", {}, PRICE),
        (names.ORDER_TYPE_SELL_STOP, "1.09990", {}, DONE),
        (names.ORDER_TYPE_SELL_STOP, "1.10010", {}, PRICE),
        (STOP_LIMIT, "1.11000", {"stoplimit": "1.10500"}, DONE),
        (STOP_LIMIT, "1.11000", {"stoplimit": "1.11500"}, PRICE),
        (STOP_LIMIT, "1.11000", {}, PRICE),
        (names.ORDER_TYPE_SELL_STOP_LIMIT, "1.09000", {"stoplimit": "1.09500"}, DONE),
        (names.ORDER_TYPE_SELL_STOP_LIMIT, "1.09000", {"stoplimit": "1.08500"}, PRICE),
        (LIMIT, "1.09000", {"type_time": 9}, names.TRADE_RETCODE_INVALID_EXPIRATION),
        (LIMIT, "1.09000", {"type_time": 2, "expiration_ns": START_NS}, names.TRADE_RETCODE_INVALID_EXPIRATION),
        (LIMIT, "1.09000", {"type_time": 2, "expiration_ns": START_NS + HOUR_NS}, DONE),
        (LIMIT, "1.09000", {"type_time": 3, "expiration_ns": START_NS}, DONE),
        (BUY, "1.09000", {}, names.TRADE_RETCODE_INVALID),
    ],
)
def test_pending_rules(kind: int, price: str, extra: dict[str, Any], code: int) -> None:
    """Side of the market, distance (stops_level 10), stop-limit prices and expirations of the six kinds."""
    assert code_of(Rig(stops_level=10), PENDING, type=kind, volume="0.10", price=price, **extra) == code


def test_expiration_kinds_can_be_switched_off() -> None:
    """A symbol that allows GTC only refuses a day order."""
    rig = Rig(expiration_mode=1)
    assert rig.pending(LIMIT, "1.09000", type_time=1).retcode == names.TRADE_RETCODE_INVALID_EXPIRATION
    assert rig.pending(LIMIT, "1.09000").retcode == DONE


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"trade_allowed": False}, names.TRADE_RETCODE_TRADE_DISABLED),
        ({"trade_expert": False}, names.TRADE_RETCODE_SERVER_DISABLES_AT),
        ({"limit_positions": 1}, names.TRADE_RETCODE_LIMIT_POSITIONS),
        ({"hedge_allowed": False}, HEDGE_PROHIBITED),
        ({"hedge_allowed": False, "margin_mode": NETTING}, DONE),
    ],
)
def test_account_rules(account: dict[str, Any], code: int) -> None:
    """Switches and limits of the account, met by a sell while a buy is open (where one can be)."""
    rig = Rig(account=account)
    rig.deal(BUY)
    assert rig.deal(SELL, "0.20").retcode == code


def test_order_limit_counts_live_orders() -> None:
    """The second order of an account with limit_orders 1 is refused until the first is gone."""
    rig = Rig(account={"limit_orders": 1})
    first = rig.pending(LIMIT, "1.09000")
    assert rig.pending(LIMIT, "1.09000").retcode == names.TRADE_RETCODE_LIMIT_ORDERS
    rig.send(names.TRADE_ACTION_REMOVE, order=first.order)
    assert rig.pending(LIMIT, "1.09000").retcode == DONE


def test_volume_limit_counts_positions_and_orders_of_one_direction() -> None:
    """0.10 held and 0.10 pending leave 0.05 of a limit of 0.25 for buys, and all of it for sells."""
    rig = Rig(volume_limit_e8=e8("0.25"))
    rig.deal(BUY)
    rig.pending(LIMIT, "1.09000")
    assert rig.deal(BUY, "0.06").retcode == names.TRADE_RETCODE_LIMIT_VOLUME
    assert rig.deal(BUY, "0.05").retcode == DONE
    assert rig.deal(SELL, "0.25").retcode == DONE


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"position": 12}, names.TRADE_RETCODE_POSITION_CLOSED),
        ({"type": BUY}, names.TRADE_RETCODE_INVALID),
        ({"volume": "0.11"}, names.TRADE_RETCODE_INVALID_CLOSE_VOLUME),
        ({"symbol": "USDJPY"}, names.TRADE_RETCODE_INVALID),
        ({"sl": "5", "tp": "0.1"}, DONE),
    ],
)
def test_close_rules(fields: dict[str, Any], code: int) -> None:
    """A close names an open position of its symbol, the other way, no more than it holds; stops in it mean nothing."""
    rig = Rig(symbols=("EURUSD", "USDJPY"))
    position = rig.opened(BUY)
    assert code_of(rig, DEAL, **({"type": SELL, "volume": "0.10", "position": position.ticket} | fields)) == code


@pytest.mark.parametrize("mode", [names.SYMBOL_TRADE_MODE_CLOSEONLY, names.SYMBOL_TRADE_MODE_LONGONLY])
def test_closing_is_open_where_opening_is_not(mode: int) -> None:
    """Trade modes that forbid a sell let a sell close."""
    opened = Rig()
    position = opened.opened(BUY)
    rig = Rig(trade_mode=mode)
    rig.terminal.restore([change for change in opened.rows if change.kind in ("position", "account")])
    assert rig.deal(SELL, position=position.ticket).retcode == DONE


def test_frozen_position_and_order_cannot_be_touched() -> None:
    """Within freeze_level 20 of a level: no close, no new levels, no close-by; within it of its price: no changed order."""
    rig = Rig(freeze_level=20)
    position, other = rig.opened(BUY, sl="1.09900"), rig.opened(SELL)
    order = rig.pending(LIMIT, "1.09900")
    frozen = names.TRADE_RETCODE_FROZEN
    rig.quote("1.09920", "1.09920")
    assert rig.deal(SELL, position=position.ticket).retcode == frozen
    assert rig.send(SLTP, position=position.ticket, sl="1.09000").retcode == frozen
    assert rig.send(names.TRADE_ACTION_CLOSE_BY, position=position.ticket, position_by=other.ticket).retcode == frozen
    assert rig.send(names.TRADE_ACTION_MODIFY, order=order.order, price="1.09000").retcode == frozen
    assert rig.send(names.TRADE_ACTION_REMOVE, order=order.order).retcode == frozen
    rig.quote("1.09921", "1.09921")
    assert rig.send(names.TRADE_ACTION_REMOVE, order=order.order).retcode == DONE
    assert rig.deal(SELL, position=position.ticket).retcode == DONE


def test_exit_rules() -> None:
    """SLTP: a gone position 10036, unchanged 10025, wrong levels 10016; a level left out is taken away."""
    rig = Rig(stops_level=10)
    position = rig.opened(BUY, sl="1.09000")
    assert rig.send(SLTP, position=1, sl="1.09").retcode == names.TRADE_RETCODE_POSITION_CLOSED
    assert rig.send(SLTP, position=position.ticket, sl="1.09").retcode == names.TRADE_RETCODE_NO_CHANGES
    assert rig.send(SLTP, position=position.ticket, sl="1.10001").retcode == STOPS
    result = rig.send(SLTP, position=position.ticket, symbol="", tp="1.11")
    assert (result.retcode, result.order, result.deal, result.volume_e8, result.price_e8) == (DONE, 0, 0, 0, 0)
    assert (rig.position(position.ticket).sl_e8, rig.position(position.ticket).tp_e8) == (0, e8("1.11"))
    assert len(rig.deals) == 1


def test_exit_level_that_stays_is_not_measured_again() -> None:
    """The take profit can be moved while the untouched stop loss is nearer to the market than stops_level."""
    rig = Rig(stops_level=10)
    position = rig.opened(BUY, sl="1.09980")
    rig.quote("1.09985", "1.09995")
    assert rig.send(SLTP, position=position.ticket, sl="1.09980", tp="1.11").retcode == DONE


def test_closed_market_refuses_every_action() -> None:
    """Outside the sessions of a symbol everything is 10018, and the next opening is known."""
    monday = day_session(names.DAY_OF_WEEK_MONDAY, 9 * 3_600, 17 * 3_600)
    rig = Rig(sessions=(monday,))
    position, order = rig.opened(BUY), rig.pending(LIMIT, "1.09000")
    rig.now_ns += 8 * HOUR_NS
    closed = names.TRADE_RETCODE_MARKET_CLOSED
    assert rig.deal(BUY).retcode == closed
    assert rig.deal(SELL, position=position.ticket).retcode == closed
    assert rig.pending(LIMIT, "1.09000").retcode == closed
    assert rig.send(SLTP, position=position.ticket, sl="1.09").retcode == closed
    assert rig.send(names.TRADE_ACTION_REMOVE, order=order.order).retcode == closed
    assert rig.terminal.next_open_ns("EURUSD", START_NS) == START_NS
    assert rig.terminal.next_open_ns("EURUSD", START_NS + 8 * HOUR_NS) == START_NS + 7 * 24 * HOUR_NS - HOUR_NS
    assert Rig().terminal.next_open_ns("EURUSD", START_NS) == START_NS


def test_no_quote_is_no_price() -> None:
    """Before the first tick of a symbol there are no prices to trade at."""
    rig = Rig()
    rig.terminal.books["EURUSD"].quote(0, 0, 0)
    assert rig.deal(BUY).retcode == names.TRADE_RETCODE_PRICE_OFF
    assert rig.pending(LIMIT, "1.09").retcode == names.TRADE_RETCODE_PRICE_OFF


def test_unknown_actions_orders_and_positions() -> None:
    """An action that is none is invalid; orders that are none are 10035; close-by of none is 10036."""
    rig = Rig()
    assert rig.send(0).retcode == names.TRADE_RETCODE_INVALID
    assert rig.send(names.TRADE_ACTION_MODIFY, order=1, price="1").retcode == names.TRADE_RETCODE_INVALID_ORDER
    assert rig.send(names.TRADE_ACTION_REMOVE, order=1).retcode == names.TRADE_RETCODE_INVALID_ORDER
    assert rig.send(names.TRADE_ACTION_CLOSE_BY, position=1).retcode == names.TRADE_RETCODE_POSITION_CLOSED


def test_close_by_needs_opposite_positions_of_one_symbol() -> None:
    """Two buys, or positions of two symbols, cannot close each other; nor where the symbol forbids it."""
    rig = Rig(symbols=("EURUSD", "USDJPY"))
    first, second = rig.opened(BUY), rig.opened(BUY)
    third = rig.opened(SELL, symbol="USDJPY")
    close_by = names.TRADE_ACTION_CLOSE_BY
    for other in (second, third):
        assert rig.send(close_by, position=first.ticket, position_by=other.ticket).retcode == names.TRADE_RETCODE_INVALID
    rig = Rig(order_mode=63)
    first, second = rig.opened(BUY), rig.opened(SELL)
    assert rig.send(close_by, position=first.ticket, position_by=second.ticket).retcode == names.TRADE_RETCODE_INVALID


def test_requote_carries_the_quote_and_refusals_carry_zeros() -> None:
    """10004 shows bid and ask; 10013 and 10015 never reached the server (request_id 0), the others did."""
    rig = Rig(exemode=INSTANT)
    requote = rig.deal(BUY, price="1.20000")
    assert (requote.bid_e8, requote.ask_e8, requote.comment) == (e8("1.10000"), e8("1.10010"), "Requote")
    invalid = rig.deal(BUY, price="0")
    assert (invalid.request_id, invalid.bid_e8, invalid.comment) == (0, 0, "Invalid price")
    assert rig.deal(BUY, "0.00").request_id == requote.request_id + 1
    assert all(code in TEXTS for code in REFUSED_LOCALLY)


@pytest.mark.parametrize("margin_mode", [HEDGING, NETTING])
def test_order_check_agrees_with_order_send(margin_mode: int) -> None:
    """The check answers 0 with the account as it will be, where the send answers 10009; and the same refusals."""
    rig = Rig(account={"margin_mode": margin_mode})
    good = TradeRequest(action=DEAL, symbol="EURUSD", volume_e8=e8("0.10"), type=BUY)
    result, changes = rig.terminal.order_check(LOGIN, good, rig.now_ns)
    assert (result.retcode, result.comment, changes) == (0, "Done", ())
    rig.deal(BUY)
    state = rig.state
    assert (result.margin_e8, result.balance_e8) == (state.margin_e8, state.balance_e8)
    assert result.margin_free_e8 == e8("10000") - state.margin_e8
    assert result.margin_level_e8 == e8("10000") * 100 * e8("1") // state.margin_e8
    dear = TradeRequest(action=DEAL, symbol="EURUSD", volume_e8=e8("50"), type=BUY)
    poor = rig.terminal.order_check(LOGIN, dear, rig.now_ns)[0]
    assert (poor.retcode, poor.margin_e8) == (names.TRADE_RETCODE_NO_MONEY, state.margin_e8 + e8("55005"))
    wrong = rig.terminal.order_check(LOGIN, TradeRequest(action=DEAL, symbol="EURUSD", type=BUY), rig.now_ns)[0]
    assert (wrong.retcode, wrong.balance_e8) == (names.TRADE_RETCODE_INVALID_VOLUME, 0)
    assert rig.terminal.order_check(LOGIN, TradeRequest(), rig.now_ns)[0].retcode == names.TRADE_RETCODE_INVALID


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: AccountConfig(login=0), "login = 0"),
        (lambda: AccountConfig(login=1, leverage=0), "leverage = 0"),
        (lambda: AccountConfig(login=1, margin_mode=3), "margin_mode = 3"),
        (lambda: AccountConfig(login=1, currency_digits=9), "currency_digits = 9"),
        (lambda: AccountConfig(login=1, deposit_e8=-1), "deposit"),
        (lambda: spec("EURUSD", digits=9), "digits = 9"),
        (lambda: spec("EURUSD", volume_step_e8=0), "volume_step"),
        (lambda: spec("EURUSD", contract_size_e8=0), "contract_size"),
        (lambda: spec("EURUSD", calc_mode=77), "calc_mode = 77"),
        (lambda: spec("EURUSD", exemode=7), "exemode = 7"),
        (lambda: spec("EURUSD", swap_mode=9), "swap_mode = 9"),
        (lambda: Rig(account={"currency": "GBP"}), "GBPUSD"),
        (lambda: Rig(symbols=("EURUSD", "EURUSD")), "twice"),
        (lambda: Rig(config=TerminalConfig(server_zone="Mars")), "server_zone"),
    ],
)
def test_wrong_configurations_are_named(make: Any, text: str) -> None:
    """A specification or account no server could have is refused with its key and value."""
    with pytest.raises(BadConfig, match=text):
        make()


def test_fixed_rate_stands_in_for_a_missing_symbol() -> None:
    """Where no symbol converts the profit currency, a rate of the configuration does."""
    rig = Rig(config=TerminalConfig(fixed_rates=(FixedRate("USD", "CHF", e8("0.95")),)), account={"currency": "CHF"})
    position = rig.opened(BUY)
    rig.quote("1.10110", "1.10120")
    rig.deal(SELL, position=position.ticket)
    assert rig.deals[-1].profit_e8 == e8("9.50")
