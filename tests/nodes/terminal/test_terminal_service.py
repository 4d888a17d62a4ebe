"""The terminal's functions by name: rows in the package's order, errors as last_error gives them, nothing raised."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import HOUR_NS, NEVER, SECOND_NS
from nodes.terminal import names
from nodes.terminal.fields import FIELDS
from nodes.terminal.lasterror import API_DISABLED, FAILED, INVALID_PARAMS, NOT_FOUND, SUCCESS, UNAUTHORISED, UNSUPPORTED
from nodes.terminal.service import _FUNCTIONS, Answer, TerminalService
from nodes.terminal.session import API_OFF, DISCONNECTED, TRADE_STOPPED
from nodes.terminal.settings import TerminalConfig
from tests.nodes.terminal.terminal_rig import BUY, LOGIN, SELL, START_NS, Rig, check_books, e8

SERVER_AHEAD_S = 3 * 3_600
"""New York + 7 h in summer."""
START_S = START_NS // SECOND_NS + SERVER_AHEAD_S


class Served:
    """A rig's terminal behind its service."""

    def __init__(self, **fields: Any) -> None:
        self.rig = Rig(config=TerminalConfig(server_zone="New York + 7 h"), **fields)
        self.service = TerminalService(self.rig.terminal)

    def call(self, name: str, *args: Any) -> Answer:
        return self.service.call(LOGIN, name, list(args), self.rig.now_ns)

    def ask(self, name: str, *args: Any) -> Any:
        answer = self.call(name, *args)
        assert answer.error == SUCCESS
        return answer.value

    def row(self, structure: str, name: str, *args: Any) -> dict[str, Any]:
        return dict(zip(FIELDS[structure], self.ask(name, *args), strict=True))

    def rows(self, structure: str, name: str, *args: Any) -> list[dict[str, Any]]:
        return [dict(zip(FIELDS[structure], row, strict=True)) for row in self.ask(name, *args)]


def request(**fields: Any) -> list[Any]:
    values = dict.fromkeys(FIELDS["TradeRequest"], 0) | {"symbol": "EURUSD", "comment": "", "action": 1}
    return list((values | fields).values())


@pytest.fixture
def served() -> Served:
    return Served()


def test_a_trade_shows_in_every_read(served: Served) -> None:
    """Order, deal and position of one order_send, in server time and in the package's field order."""
    sent = served.ask("order_send", *request(volume=e8("0.1"), type=BUY, magic=7, comment="hi", sl=e8("1.09")))
    result = dict(zip(FIELDS["OrderSendResult"][:-1], sent, strict=True))
    assert (result["retcode"], result["volume"], result["comment"]) == (10009, e8("0.1"), "Request executed")
    [position] = served.rows("TradePosition", "positions_get", 0, "")
    assert (position["ticket"], position["magic"], position["comment"]) == (result["order"], 7, "hi")
    assert (position["time"], position["time_msc"]) == (START_S + 1, (START_S + 1) * 1_000)
    assert (position["price_current"], position["profit"], position["sl"]) == (e8("1.1"), e8("-1"), e8("1.09"))
    assert served.ask("positions_total") == 1
    [deal] = served.rows("TradeDeal", "history_deals_get", 0, 0, result["order"], 0)
    assert (deal["ticket"], deal["position_id"], deal["time"]) == (result["deal"], position["identifier"], START_S + 1)
    [order] = served.rows("TradeOrder", "history_orders_get", 0, 0, result["order"], 0)
    assert (order["state"], order["time_done"], order["price_current"]) == (4, START_S + 1, e8("1.1001"))
    assert served.rows("TradeDeal", "history_deals_get", 0, 0, 0, position["identifier"]) == [deal]
    assert served.rows("TradeOrder", "history_orders_get", 0, 0, 0, position["identifier"]) == [order]
    account = served.row("AccountInfo", "account_info")
    assert account["equity"] == account["balance"] + account["profit"] == e8("9999")
    assert (account["login"], account["margin_mode"], account["currency"]) == (LOGIN, 2, "USD")


def test_history_windows_are_server_time_and_include_both_ends(served: Served) -> None:
    """UTC's now misses a fresh deal; the server's second of it has it."""
    served.rig.deal(BUY)
    deal_s = START_S + 1
    assert len(served.ask("history_deals_get", deal_s, deal_s, 0, 0)) == served.ask("history_deals_total", deal_s, deal_s) == 1
    assert served.ask("history_orders_total", deal_s, deal_s) == 1
    assert served.ask("history_deals_total", 1, START_NS // SECOND_NS) == 0
    assert served.ask("history_deals_total", deal_s + 1, deal_s + 9) == 0
    assert served.ask("history_deals_total", 1, deal_s + 86_400) == 2


def test_live_orders_show_the_current_price_and_expiration(served: Served) -> None:
    """A pending order's current price follows the quote; its expiration is server time."""
    until_s = START_S + 3_600
    sent = request(action=5, volume=e8("0.1"), type=2, price=e8("1.09"), type_time=2, expiration=until_s)
    ticket = served.ask("order_send", *sent)[2]
    served.rig.quote("1.10100", "1.10110")
    [order] = served.rows("TradeOrder", "orders_get", 0, "EURUSD")
    assert (order["ticket"], order["price_current"], order["time_expiration"]) == (ticket, e8("1.1011"), until_s)
    assert (order["time_done"], order["state"]) == (0, names.ORDER_STATE_PLACED)
    assert served.ask("orders_get", ticket, "") == served.ask("orders_get", 0, "")
    assert served.ask("orders_get", 1, "") == []
    assert served.ask("orders_total") == 1
    answer = served.service.call(LOGIN, "orders_total", [], START_NS + HOUR_NS)
    assert (answer.value, [change.kind for change in answer.changes]) == (0, ["order", "history_order"])


def test_positions_by_ticket_before_symbol() -> None:
    """A ticket counts alone; a symbol filters; nothing found is an empty list, not an error."""
    served = Served(symbols=("EURUSD", "USDJPY"))
    first = served.rig.opened(BUY)
    served.rig.opened(SELL, symbol="USDJPY")
    assert [row["ticket"] for row in served.rows("TradePosition", "positions_get", first.ticket, "USDJPY")] == [first.ticket]
    assert [row["symbol"] for row in served.rows("TradePosition", "positions_get", 0, "USDJPY")] == ["USDJPY"]
    assert served.ask("positions_get", 0, "EURGBP") == []
    assert served.ask("history_deals_get", 0, 0, 1, 0) == served.ask("history_orders_get", 0, 0, 0, 1) == []


def test_symbol_info_follows_the_specification_and_the_day() -> None:
    """Contract, flags, quote, spread in points, extremes of the server's day and what a tick is worth."""
    served = Served(symbols=("EURUSD", "USDJPY"), stops_level=5, filling_mode=2, swap_mode=1, swap_long_e8=e8("-7"))
    served.rig.quote("1.20000", "1.20020")
    served.rig.quote("1.00000", "1.00010", after_ns=12 * HOUR_NS)
    served.rig.quote("1.10000", "1.10030")
    info = served.row("SymbolInfo", "symbol_info", "EURUSD")
    assert (info["name"], info["digits"], info["spread"], info["filling_mode"]) == ("EURUSD", 5, 30, 2)
    assert (info["trade_stops_level"], info["swap_long"], info["point"]) == (5, e8("-7"), e8("0.00001"))
    assert (info["bid"], info["bidhigh"], info["bidlow"]) == (e8("1.1"), e8("1.1"), e8("1"))
    assert (info["askhigh"], info["asklow"]) == (e8("1.1003"), e8("1.0001"))
    assert (info["session_open"], info["session_close"]) == (e8("1"), e8("1.2"))
    assert info["price_change"] == -8_33333334
    assert (info["trade_tick_value"], info["trade_contract_size"]) == (e8("1"), e8("100000"))
    yen = served.row("SymbolInfo", "symbol_info", "USDJPY")
    assert (yen["trade_tick_value_profit"], yen["trade_tick_value_loss"]) == (90900827, 90909091)
    assert [row["name"] for row in served.rows("SymbolInfo", "symbols_get")] == ["EURUSD", "USDJPY"]
    assert served.ask("symbols_total") == 2


def test_tick_and_market_watch(served: Served) -> None:
    """A deselected symbol has no tick and no prices; a traded one cannot be deselected; unknown ones are not found."""
    tick = served.row("Tick", "symbol_info_tick", "EURUSD")
    assert (tick["bid"], tick["ask"], tick["flags"], tick["time"]) == (e8("1.1"), e8("1.1001"), 6, START_S + 1)
    assert served.ask("symbol_select", "EURUSD", False) is True
    assert served.call("symbol_info_tick", "EURUSD").error == NOT_FOUND
    assert served.ask("order_send", *request(volume=e8("0.1")))[0] == names.TRADE_RETCODE_PRICE_OFF
    served.ask("symbol_select", "EURUSD", True)
    served.rig.deal(BUY)
    assert served.call("symbol_select", "EURUSD", False).error == FAILED
    assert served.call("symbol_select", "X", True).error == NOT_FOUND
    assert served.call("symbol_info", "X").error == NOT_FOUND
    assert served.call("symbol_info_tick", "X").error == NOT_FOUND


def test_depth_of_market_needs_a_subscription() -> None:
    """Both sides of the quote for a symbol with a book, nothing for one without, an error before market_book_add."""
    served = Served(symbols=("EURUSD", "USDJPY"), book_depth=1, depth_e8=e8("5"))
    assert served.call("market_book_get", "EURUSD").error == FAILED
    assert served.ask("market_book_add", "EURUSD") is True
    assert served.ask("market_book_get", "EURUSD") == [[1, e8("1.1001"), 5, e8("5")], [2, e8("1.1"), 5, e8("5")]]
    assert served.ask("market_book_release", "EURUSD") is True
    assert served.call("market_book_get", "EURUSD").error == FAILED
    served.ask("market_book_add", "USDJPY")
    assert served.ask("market_book_get", "USDJPY") == []


@pytest.mark.parametrize(
    ("name", "args", "error"),
    [
        ("copy_rates_from_pos", ("X", 1, 0, 10), FAILED),
        ("copy_rates_from_pos", ("EURUSD", 7, 0, 10), INVALID_PARAMS),
        ("copy_rates_from_pos", ("EURUSD", 1, 0, 100_000), INVALID_PARAMS),
        ("copy_rates_from_pos", ("EURUSD", 1, -1, 5), INVALID_PARAMS),
        ("copy_rates_from_pos", ("EURUSD", 1, 5_000, 5), FAILED),
        ("copy_rates_range", ("EURUSD", 1, 5, 6), FAILED),
        ("copy_ticks_from", ("X", 1, 5, -1), NOT_FOUND),
        ("copy_ticks_from", ("EURUSD", 1, 0, -1), INVALID_PARAMS),
        ("copy_ticks_range", ("EURUSD", 1, 5, 77), INVALID_PARAMS),
        ("order_calc_margin", (0, "X", 1, 1), FAILED),
        ("order_calc_margin", (5, "EURUSD", 1, 1), INVALID_PARAMS),
        ("order_calc_profit", (0, "EURUSD", 0, 1, 1), INVALID_PARAMS),
        ("order_calc_profit", (1, "X", 1, 1, 1), FAILED),
        ("order_calc_profit", (1, "EURUSD", 2**60, 1, 2**60), FAILED),
        ("copy_rates_from", ("EURUSD", 1, -(2**63), 5), FAILED),
        ("symbol_info", (), INVALID_PARAMS),
        ("symbol_info", (5,), INVALID_PARAMS),
        ("order_send", (1, 2), INVALID_PARAMS),
        ("positions_get", ("1", ""), INVALID_PARAMS),
        ("no_such_function", (), UNSUPPORTED),
    ],
)
def test_errors_are_answers(served: Served, name: str, args: tuple[Any, ...], error: tuple[int, str]) -> None:
    """What does not fit is answered with the package's code and text."""
    assert served.call(name, *args) == Answer(None, error, ())


def test_calculations_and_versions(served: Served) -> None:
    """Margin and profit in the deposit currency, the version triple and the terminal's own facts."""
    assert served.ask("order_calc_margin", 0, "EURUSD", e8("1"), e8("1.1001")) == e8("1100.10")
    assert served.ask("order_calc_profit", 1, "EURUSD", e8("1"), e8("1.1"), e8("1.2")) == e8("-10000")
    assert served.ask("version")[:2] == [500, 6231]
    info = served.row("TerminalInfo", "terminal_info")
    assert (info["connected"], info["trade_allowed"], info["maxbars"]) == (True, True, 32_768)


def test_order_check_row(served: Served) -> None:
    """The check's answer in the package's order, without its request."""
    row = dict(zip(FIELDS["OrderCheckResult"], served.ask("order_check", *request(volume=e8("1"), type=BUY)), strict=False))
    assert (row["retcode"], row["comment"], row["margin"]) == (0, "Done", e8("1100.10"))
    assert row["margin_free"] == e8("8899.90")


def test_switches_of_the_terminal(served: Served) -> None:
    """API disabled -8, Algo Trading off 10027, no connection 10031: none reaches the server."""
    session = served.service.session(LOGIN)
    sent = request(volume=e8("0.1"))
    session.switch(DISCONNECTED, 0, NEVER)
    assert served.ask("order_send", *sent)[0] == names.TRADE_RETCODE_CONNECTION
    session.switch(TRADE_STOPPED, 0, NEVER)
    assert served.ask("order_send", *sent)[0] == names.TRADE_RETCODE_CLIENT_DISABLES_AT
    session.switch(API_OFF, 0, NEVER)
    assert served.call("order_send", *sent).error == API_DISABLED
    info = served.row("TerminalInfo", "terminal_info")
    assert (info["connected"], info["trade_allowed"], info["tradeapi_disabled"]) == (False, False, True)
    assert not served.rig.positions


@pytest.mark.parametrize(
    ("args", "answer"),
    [
        ([LOGIN, "secret", "trademesh-Demo"], Answer(LOGIN, SUCCESS, ())),
        ([0, "secret", ""], Answer(LOGIN, SUCCESS, ())),
        ([LOGIN, "", ""], Answer(LOGIN, SUCCESS, ())),
        ([LOGIN, "wrong", ""], Answer(None, UNAUTHORISED, ())),
        ([LOGIN, "secret", "Other-Server"], Answer(None, UNAUTHORISED, ())),
        ([1, "secret", ""], Answer(None, UNAUTHORISED, ())),
        (["x"], Answer(None, INVALID_PARAMS, ())),
    ],
)
def test_login(args: list[Any], answer: Answer) -> None:
    """Login, password and server must be those of an account; login 0 is the first account, whose password is known."""
    served = Served(account={"password": "secret"})
    assert served.service.call(0, "login", args, START_NS) == answer
    assert served.service.call(99, "account_info", [], START_NS) == Answer(None, UNAUTHORISED, ())


def test_a_password_is_given_once() -> None:
    """Another account than the terminal's own is let in by its password, from then on without it; never by a wrong one."""
    other = LOGIN + 1
    served = Served(account={"password": "secret"}, others=(other,))
    answers = [served.service.call(0, "login", [other, password, ""], START_NS).value for password in ("", "no", "secret", "", "no")]
    assert answers == [None, None, other, other, None]


def test_held_order_executes_at_the_quote_of_its_own_time(served: Served) -> None:
    """A broker may hold an order_send back: it executes when it is called, at the market of then."""
    served.rig.quote("1.20000", "1.20010", after_ns=HOUR_NS)
    result = served.ask("order_send", *request(volume=e8("0.1"), type=BUY))
    assert result[4] == e8("1.2001")
    assert served.rig.positions[0].time_ns == served.rig.now_ns


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=20),
    max_leaves=25,
)
SENSIBLE = st.lists(st.one_of(st.integers(-5, 10**9), st.just("EURUSD"), st.booleans(), PLAIN), max_size=18)


@pytest.mark.slow
@given(calls=st.lists(st.tuples(st.sampled_from([*_FUNCTIONS, "login", "x"]), st.one_of(SENSIBLE, PLAIN)), max_size=12))
def test_any_arguments_are_answered_in_plain_values(calls: list[tuple[str, Any]]) -> None:
    """Whatever a caller sends is answered, packs, leaves the books right, and a None comes with an error."""
    served = Served()
    for name, args in calls:
        answer = served.service.call(LOGIN, name, args, served.rig.now_ns)
        msgpack.packb(answer.value)
        assert (answer.value is None) == (answer.error != SUCCESS)
    check_books(served.rig.terminal)
