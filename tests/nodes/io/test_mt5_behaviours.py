"""What a script sees of the server through the package: clock, accounts, depth, execution, limits, every retcode."""

import datetime
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh.faults import FaultSection
from mesh.units import HOUR_NS, SECOND_NS
from nodes.io import mt5, simulation
from nodes.terminal import names
from nodes.terminal.retcodes import TEXTS
from tests.nodes.io.mt5_rig import attached
from tests.nodes.terminal.terminal_rig import LOGIN, START_NS, check_books, e8

OTHER = 5_002
START_S = START_NS // SECOND_NS
OPEN: dict[str, Any] = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.1, "type": mt5.ORDER_TYPE_BUY}
FOK, IOC, RETURN, BOC = range(4)
TIMED_OUT = (-10005, "IPC timeout")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No terminal of another test, none named by the environment."""
    monkeypatch.delenv("TRADEMESH_SIM", raising=False)
    yield
    mt5.shutdown()
    simulation.forget_all()


def stepped(folder: Path, text: str = "", name: str = "sim.toml") -> str:
    """A server whose clock and prices are the test's."""
    path = folder / name
    head = '[clock]\nkind = "step"\n[prices]\nsource = "script"\nsymbols = ["EURUSD"]\nstart = "START"\n[server]\nlatency_ms = 0\n'
    path.write_text(head.replace("START", "2026-03-27 12:00") + text + "[account.a]\nlogin = 5001\n[account.b]\nlogin = 5002\n")
    return str(path)


# --- session --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "error", "error": -10005}, TIMED_OUT),
        ({"kind": "error", "error": -6}, (-6, "Terminal: Authorization failed")),
        ({"kind": "error", "error": -7}, (-7, "Unsupported authorization mode, OTP or certificate password needed")),
        ({"kind": "lose_reply"}, (-10002, "IPC recv failed")),
        ({"kind": "hang", "for_ms": 5_001}, TIMED_OUT),
    ],
)
def test_authorisation_may_fail(fault: dict[str, Any], error: tuple[int, str]) -> None:
    """initialize is False with its own pair, and waits no longer than its time-out; the next one gets in."""
    with attached(faults=(FaultSection(call="login", nth=2, **fault),)) as desk:
        assert mt5.initialize(timeout=5_000) is False
        assert mt5.last_error() == error
        assert desk.waited_ns == (5_000_000_000 if fault["kind"] == "hang" else 0)
        assert mt5.account_info() is None
        assert mt5.initialize()


def test_login_is_waited_for_as_long_as_it_may() -> None:
    """An authorisation that takes three seconds passes at five; login has a time-out of its own, and no link is lost by it."""
    faults = tuple(FaultSection(call="login", nth=nth, kind="hang", for_ms=3_000) for nth in (2, 3))
    with attached(faults=faults) as desk:
        assert mt5.initialize(timeout=5_000)
        assert desk.waited_ns == 3 * SECOND_NS
        assert mt5.login(LOGIN, timeout=1_000) is False
        assert mt5.last_error() == TIMED_OUT
        assert desk.waited_ns == 4 * SECOND_NS
        assert mt5.account_info().login == LOGIN


def test_a_terminal_keeps_the_account_that_was_logged_in(tmp_path: Path) -> None:
    """Who initialises without a login is who was in last; each account has books of its own, and terminal_info its path."""
    path = stepped(tmp_path)
    assert mt5.initialize(path)
    mt5._quote("EURUSD", 1.1, 1.1001)
    assert mt5.account_info().login == LOGIN
    assert mt5.Buy("EURUSD", 0.1).retcode == 10009
    assert mt5.login(OTHER)
    assert (mt5.account_info().login, mt5.positions_total()) == (OTHER, 0)
    mt5.shutdown()
    assert mt5.initialize()
    assert mt5.account_info().login == OTHER
    assert mt5.initialize(path, login=LOGIN)
    assert (mt5.positions_total(), mt5.terminal_info().path) == (1, path)
    assert mt5.version() == (500, 6231, "16 Oct 2025")


def test_an_old_terminal_shows_no_symbols(tmp_path: Path) -> None:
    """Below build 2364 the package asks for another one, for symbols alone."""
    assert mt5.initialize(stepped(tmp_path, "build = 2363\n"))
    for name, args in (("symbols_total", ()), ("symbols_get", ()), ("symbol_info", ("EURUSD",))):
        assert getattr(mt5, name)(*args) is None
        code, text = mt5.last_error()
        assert (code, text.split(",")[0]) == (-5, "Terminal: Incompatible versions")
    assert mt5.version()[1] == 2363
    assert mt5.account_info().login == LOGIN


# --- clock ----------------------------------------------------------------------------------------------------------


def test_the_servers_clock_goes_with_new_york(tmp_path: Path) -> None:
    """UTC + 3 in summer, + 2 in winter (New York + 7 h): ticks, bars, expirations and history follow when it changes."""
    path = tmp_path / "dst.toml"
    path.write_text(Path(stepped(tmp_path)).read_text().replace("2026-03-27 12:00", "2026-03-06 12:00"))
    assert mt5.initialize(str(path))
    base_s = int(datetime.datetime(2026, 3, 6, 12, tzinfo=datetime.UTC).timestamp())
    mt5._quote("EURUSD", 1.1, 1.1001)
    assert mt5.symbol_info_tick("EURUSD").time == base_s + 2 * 3_600
    # two pending orders that end on Monday at 12:00 and at 13:00 of the server's clock: 9:00 and 10:00 UTC by then
    monday_s = base_s + 3 * 86_400
    pending = {"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": mt5.ORDER_TYPE_BUY_LIMIT, "price": 1.09, "type_time": 2}
    for hour in (0, 1):
        assert mt5.order_send({**pending, "expiration": monday_s + hour * 3_600}).retcode == 10009
    assert [order.time_expiration for order in mt5.orders_get()] == [monday_s, monday_s + 3_600]
    mt5._step(3 * 86_400 - 3 * 3_600 - 1)
    mt5._quote("EURUSD", 1.1002, 1.1003)
    assert mt5.symbol_info_tick("EURUSD").time == monday_s - 1
    assert mt5.orders_total() == 2
    mt5._step(1)
    assert [order.time_expiration for order in mt5.orders_get()] == [monday_s + 3_600]
    [done] = mt5.history_orders_get(monday_s, monday_s)
    assert (done.state, done.time_done) == (mt5.ORDER_STATE_EXPIRED, monday_s)
    hours = mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_H1, 0, 5)["time"].tolist()
    assert hours == [base_s + 2 * 3_600, monday_s - 3_600]
    days = mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_D1, 0, 5)["time"]
    assert (days % 86_400 == 0).all()


def test_a_naive_datetime_is_of_the_hosts_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package calls timestamp(): the same naive time finds a deal on one host and misses it on another."""
    with attached():
        mt5.order_send(OPEN)
        at = datetime.datetime.fromtimestamp(START_S + 1, datetime.UTC).replace(tzinfo=None)
        try:
            for zone, found in (("UTC", 1), ("Etc/GMT-5", 0)):
                monkeypatch.setenv("TZ", zone)
                time.tzset()
                assert mt5.history_deals_total(at, at) == found
        finally:
            monkeypatch.undo()
            os.environ.pop("TRADEMESH_SIM", None)
            time.tzset()


def test_a_date_of_zero_is_the_beginning() -> None:
    """From 0 everything is there; up to 0 nothing is."""
    with attached():
        mt5.order_send(OPEN)
        assert mt5.history_deals_total(0, START_S + 9) == 2
        assert mt5.history_deals_total(0, 0) == 0
        assert len(mt5.copy_ticks_from("EURUSD", 0, 10, mt5.COPY_TICKS_ALL)) == 1


@pytest.mark.parametrize(("count", "error"), [(99_999, (1, "Success")), (100_000, (-2, "Terminal: Invalid params"))])
def test_rates_are_asked_for_by_less_than_100_000(count: int, error: tuple[int, str]) -> None:
    """99,999 bars pass (and are as many as there are), 100,000 do not."""
    with attached():
        rates = mt5.copy_rates_from("EURUSD", mt5.TIMEFRAME_M1, START_S + 3_600, count)
        assert (rates is None) == (count == 100_000)
        assert mt5.last_error() == error


def test_unselected_symbols_have_no_prices() -> None:
    """No tick, 10021 by order_check as by order_send; bars are there; symbol_select brings it back."""
    with attached(selected=False):
        assert mt5.symbol_info_tick("EURUSD") is None
        assert (mt5.symbol_info("EURUSD").select, mt5.symbol_info("EURUSD").visible) == (False, False)
        assert mt5.order_check(OPEN).retcode == mt5.order_send(OPEN).retcode == mt5.TRADE_RETCODE_PRICE_OFF
        assert len(mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 5)) == 1
        assert mt5.symbol_select("EURUSD")
        assert mt5.order_send(OPEN).retcode == 10009


# --- depth and execution --------------------------------------------------------------------------------------------


def test_the_market_book_has_its_levels() -> None:
    """Sells from the highest down to the ask, then buys from the bid down, a tick apart; nothing without a subscription."""
    with attached(book_depth=3, depth_e8=e8("2.5"), tick_size_e8=e8("0.00005")):
        assert mt5.market_book_get("EURUSD") is None
        assert mt5.market_book_add("EURUSD")
        rows = mt5.market_book_get("EURUSD")
        assert [(row.type, row.price) for row in rows] == [
            (mt5.BOOK_TYPE_SELL, 1.1002), (mt5.BOOK_TYPE_SELL, 1.10015), (mt5.BOOK_TYPE_SELL, 1.1001),
            (mt5.BOOK_TYPE_BUY, 1.1), (mt5.BOOK_TYPE_BUY, 1.09995), (mt5.BOOK_TYPE_BUY, 1.0999),
        ]  # fmt: skip
        assert {(row.volume, row.volume_dbl) for row in rows} == {(2, 2.5)}
        assert mt5.symbol_info("EURUSD").ticks_bookdepth == 3


def exchange(**fields: Any) -> Any:
    return attached(account={"margin_mode": 1}, exemode=names.SYMBOL_TRADE_EXECUTION_EXCHANGE, filling_mode=7, **fields)


def test_an_exchange_order_rests_and_goes_on() -> None:
    """RETURN: 10010 with what was there, the rest is a PARTIAL order that each quote fills, one position in the end."""
    with exchange(depth_e8=e8("0.04")) as desk:
        result = mt5.order_send(OPEN | {"type_filling": RETURN})
        assert (result.retcode, result.volume) == (mt5.TRADE_RETCODE_DONE_PARTIAL, 0.04)
        [order] = mt5.orders_get()
        assert (order.state, order.volume_initial, order.volume_current) == (mt5.ORDER_STATE_PARTIAL, 0.1, 0.06)
        desk.rig.quote("1.10010", "1.10020")
        assert mt5.order_send({"action": mt5.TRADE_ACTION_REMOVE, "order": order.ticket}).retcode == 10009
        [position] = mt5.positions_get()
        assert (position.volume, position.price_open) == (0.08, 1.10015)
        assert mt5.history_orders_get(ticket=order.ticket)[0].state == mt5.ORDER_STATE_CANCELED
        check_books(desk.rig.terminal)


def test_what_is_filled_later_meets_the_position_of_then() -> None:
    """Two deals placed before there is a position become one; the rest of an order goes to the position that is there by then."""
    faults = tuple(FaultSection(kind="place", nth=nth, for_ms=700) for nth in (1, 2))
    with attached(account={"margin_mode": 0}, faults=faults) as desk:
        first, second = mt5.order_send(OPEN), mt5.order_send(OPEN)
        desk.rig.quote("1.10000", "1.10010")
        [position] = mt5.positions_get()
        assert (position.identifier, position.volume) == (first.order, 0.2)
        assert [deal.order for deal in mt5.history_deals_get(position=position.identifier)] == [first.order, second.order]
        check_books(desk.rig.terminal)
    with exchange(depth_e8=e8("0.04")) as desk:
        mt5.order_send(OPEN | {"type_filling": RETURN})
        assert mt5.order_send(OPEN | {"type": 1, "volume": 0.04}).retcode == 10009
        other = mt5.order_send(OPEN | {"volume": 0.01})
        desk.rig.quote("1.10000", "1.10010")
        [position] = mt5.positions_get()
        assert (position.identifier, position.volume) == (other.order, 0.05)
        check_books(desk.rig.terminal)


@pytest.mark.parametrize(
    ("stoplimit", "state"), [(1.105, mt5.ORDER_STATE_PLACED), (1.1055, mt5.ORDER_STATE_CANCELED)], ids=["waits", "would take"]
)
def test_book_or_cancel_never_takes(stoplimit: float, state: int) -> None:
    """A BOC stop-limit whose limit the market already meets when it is triggered is cancelled, never filled."""
    with exchange() as desk:
        kind = {"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": mt5.ORDER_TYPE_BUY_STOP_LIMIT, "type_filling": BOC}
        ticket = mt5.order_send({**kind, "price": 1.1055, "stoplimit": stoplimit}).order
        desk.rig.quote("1.10545", "1.10550")
        assert mt5.positions_get() == ()
        assert (mt5.orders_get(ticket=ticket) or mt5.history_orders_get(ticket=ticket))[0].state == state


def test_request_execution_asks_for_the_price() -> None:
    """As instant: the price must be there, within the deviation; market and exchange execution take any."""
    with attached(exemode=names.SYMBOL_TRADE_EXECUTION_REQUEST):
        assert mt5.order_send(OPEN).retcode == mt5.TRADE_RETCODE_INVALID_PRICE
        requote = mt5.order_send(OPEN | {"price": 1.1002, "deviation": 9})
        assert (requote.retcode, requote.bid, requote.ask) == (mt5.TRADE_RETCODE_REQUOTE, 1.1, 1.1001)
        assert mt5.order_send(OPEN | {"price": 1.1002, "deviation": 10}).price == 1.1001
    for execution in (names.SYMBOL_TRADE_EXECUTION_MARKET, names.SYMBOL_TRADE_EXECUTION_EXCHANGE):
        with attached(exemode=execution):
            assert mt5.order_send(OPEN | {"price": 55.0}).price == 1.1001


# --- accounts -------------------------------------------------------------------------------------------------------


def test_credit_is_equity_and_no_balance() -> None:
    """500 lent: a deal of type credit, equity 10,500, free margin with it; stop-out is reckoned from the equity."""
    with attached(account={"credit_e8": e8("500")}) as desk:
        info = mt5.account_info()
        assert (info.balance, info.credit, info.profit, info.equity, info.margin_free) == (10_000, 500, 0, 10_500, 10_500)
        deals = mt5.history_deals_get(1, START_S + 9)
        assert [(deal.type, deal.profit) for deal in deals] == [(mt5.DEAL_TYPE_BALANCE, 10_000), (mt5.DEAL_TYPE_CREDIT, 500)]
        check_books(desk.rig.terminal)


def test_margin_call_level_and_stop_out_are_told_apart() -> None:
    """Between call and stop-out level nothing is closed; at the stop-out level the worst is, with its reason and comment."""
    with attached(account={"deposit_e8": e8("1000")}) as desk:
        mt5.order_send(OPEN | {"volume": 0.5})
        info = mt5.account_info()
        assert (info.margin_so_mode, info.margin_so_call, info.margin_so_so) == (0, 100.0, 50.0)
        desk.rig.quote("1.09000", "1.09010")
        assert 50.0 < mt5.account_info().margin_level < 100.0
        assert mt5.positions_total() == 1
        desk.rig.quote("1.08000", "1.08010")
        assert mt5.positions_total() == 0
        deal = mt5.history_deals_get(1, START_S + 99)[-1]
        order = mt5.history_orders_get(ticket=deal.order)[0]
        assert (deal.reason, order.reason, deal.comment[:4]) == (mt5.DEAL_REASON_SO, mt5.ORDER_REASON_SO, "[so ")


CODES = (
    10004, 10006, 10007, 10008, 10009, 10010, 10011, 10012, 10013, 10014, 10015, 10016, 10017, 10018, 10019, 10020, 10021, 10022, 10023,
    10024, 10025, 10026, 10027, 10028, 10029, 10030, 10031, 10032, 10033, 10034, 10035, 10036, 10038, 10039, 10040, 10041, 10042, 10043,
    10044, 10045, 10046,
)  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_retcode_can_be_met(code: int) -> None:
    """Each code of the server with its text and no numbers, by script; only a requote carries a quote; nothing is executed."""
    with attached(faults=(FaultSection(kind="retcode", retcode=code, nth=1),)):
        result = mt5.order_send(OPEN)
        assert (result.retcode, result.comment) == (code, TEXTS[code])
        assert (result.deal, result.order, result.volume, result.price) == (0, 0, 0.0, 0.0)
        assert (result.bid, result.ask) == ((1.1, 1.1001) if code == 10004 else (0.0, 0.0))
        assert mt5.positions_total() == 0


def test_history_is_found_by_position_and_by_order() -> None:
    """By position: all orders and deals of its life, stop loss included; by ticket: the order and its deals; dates are not looked at."""
    with attached() as desk:
        first = mt5.order_send(OPEN | {"sl": 1.095, "magic": 7})
        mt5.order_send(OPEN | {"magic": 8})
        part = mt5.order_send(OPEN | {"type": 1, "volume": 0.04, "position": first.order})
        desk.rig.quote("1.09400", "1.09410", after_ns=HOUR_NS)
        deals = mt5.history_deals_get(position=first.order)
        assert [(deal.volume, deal.entry, deal.magic) for deal in deals] == [(0.1, 0, 7), (0.04, 1, 0), (0.06, 1, 7)]
        assert [order.ticket for order in mt5.history_orders_get(position=first.order)][:2] == [first.order, part.order]
        assert [deal.ticket for deal in mt5.history_deals_get(ticket=part.order)] == [part.deal]
        assert [order.ticket for order in mt5.history_orders_get(ticket=part.order)] == [part.order]
        assert mt5.history_deals_get(ticket=part.deal) == ()


def test_many_positions_are_found_by_ticket() -> None:
    """A ticket finds one of a thousand, and one that is not there finds none."""
    with attached(account={"deposit_e8": e8("1000000")}):
        tickets = [mt5.order_send(OPEN | {"volume": 0.01}).order for _ in range(1_000)]
        assert mt5.positions_total() == len(mt5.positions_get()) == 1_000
        assert [position.ticket for position in mt5.positions_get(ticket=tickets[500])] == [tickets[500]]
        assert mt5.positions_get(ticket=1) == mt5.orders_get(ticket=tickets[0]) == ()


def test_reads_are_as_typed_as_the_packages() -> None:
    """Floats where the package has floats, ints and bools where it has those, for every structure that is read."""
    with attached(book_depth=1):
        mt5.order_send(OPEN)
        mt5.order_send({"action": 5, "symbol": "EURUSD", "volume": 0.1, "type": 2, "price": 1.09})
        mt5.market_book_add("EURUSD")
        [position], [order] = mt5.positions_get(), mt5.orders_get()
        for struct, floats in (
            (position, "volume price_open sl tp price_current swap profit"),
            (order, "volume_initial volume_current price_open sl tp price_current price_stoplimit"),
            (mt5.history_deals_get(1, START_S + 9)[-1], "volume price commission swap profit fee"),
            (mt5.symbol_info_tick("EURUSD"), "bid ask last volume_real"),
            (mt5.market_book_get("EURUSD")[0], "price volume_dbl"),
        ):
            for name, value in struct._asdict().items():
                assert isinstance(value, float) == (name in floats.split()), name
