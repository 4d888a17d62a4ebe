"""The facade behaves as the package: arguments, errors, conventions for nothing and for failure, floats and times."""

import datetime
from typing import Any

import numpy as np
import pytest

from mesh.units import SECOND_NS
from nodes.io import mt5
from nodes.io.mt5backend import InProcessBackend, LinkLost
from nodes.io.mt5session import SESSION
from nodes.terminal.lasterror import RECEIVE_FAILED
from nodes.terminal.settings import TerminalConfig
from tests.nodes.io.mt5_rig import Desk, attached
from tests.nodes.terminal.terminal_rig import LOGIN, START_NS, e8

SUCCESS = (1, "Success")
NO_LINK = (-10004, "No IPC connection")
INVALID = (-2, "Invalid arguments")
START_S = START_NS // SECOND_NS
OPEN: dict[str, Any] = {"action": mt5.TRADE_ACTION_DEAL, "symbol": "EURUSD", "volume": 0.1, "type": mt5.ORDER_TYPE_BUY}


@pytest.fixture
def desk() -> Any:
    with attached(symbols=("EURUSD", "USDJPY")) as desk:
        yield desk


# --- session --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "nothing"),
    [
        ("account_info", (), None),
        ("terminal_info", (), None),
        ("version", (), None),
        ("symbols_total", (), None),
        ("symbols_get", (), None),
        ("symbol_info", ("EURUSD",), None),
        ("symbol_select", ("EURUSD",), False),
        ("copy_rates_from_pos", ("EURUSD", 1, 0, 1), None),
        ("copy_ticks_from", ("EURUSD", 1, 1, -1), None),
        ("positions_total", (), None),
        ("positions_get", (), None),
        ("history_deals_get", (1, 2), None),
        ("order_send", (OPEN,), None),
        ("order_calc_margin", (0, "EURUSD", 1.0, 1.0), None),
        ("login", (LOGIN,), False),
    ],
)
def test_nothing_works_before_initialize(name: str, args: tuple[Any, ...], nothing: Any) -> None:
    """Without a link each call answers its own kind of nothing and -10004."""
    assert mt5.shutdown() is True
    assert getattr(mt5, name)(*args) is nothing
    assert mt5.last_error() == NO_LINK


def test_initialize_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No path, no terminal before, and no broker named in the environment: -10003 with the package's reason."""
    monkeypatch.setattr(SESSION, "path", "")
    monkeypatch.delenv("TRADEMESH_SIM", raising=False)
    for path in ((), ("C:/mt5/terminal64.exe",)):
        assert mt5.initialize(*path) is False
        assert mt5.last_error() == (-10003, "IPC initialize failed, MetaTrader 5 x64 not found")


@pytest.mark.parametrize(
    ("args", "keywords", "text"),
    [
        (("a", "b"), {}, "Invalid number of arguments"),
        ((1,), {}, "Invalid 1st unnamed argument"),
        ((), {"path": 1}, 'Invalid "path" argument'),
        ((), {"login": "1"}, 'Invalid "login" argument'),
        ((), {"login": None}, 'Invalid "login" argument'),
        ((), {"server": 5}, 'Invalid "server" argument'),
        ((), {"password": b"x"}, 'Invalid "password" argument'),
        ((), {"timeout": 1.0}, 'Invalid "timeout" argument'),
    ],
)
def test_initialize_refuses_arguments(desk: Desk, args: tuple[Any, ...], keywords: dict[str, Any], text: str) -> None:
    """False and -2 with the exact text; the link that was open is closed all the same."""
    assert mt5.initialize(*args, **keywords) is False
    assert mt5.last_error() == (-2, text)
    assert mt5.account_info() is None
    assert mt5.last_error() == NO_LINK


def test_initialize_passes_path_timeout_and_account(desk: Desk) -> None:
    """The path counts by position or name; the default time-out is a minute; a second initialize opens a new link."""
    assert mt5.initialize("one", timeout=500, portable=True)
    assert mt5.initialize(path="two", login=LOGIN, server="trademesh-Demo", password="x")
    assert desk.paths == [("", 60_000), ("one", 500), ("two", 60_000)]
    assert mt5.initialize(login=LOGIN, server="Other") is False
    assert mt5.last_error() == (-6, "Terminal: Authorization failed")
    assert mt5.account_info() is None


@pytest.mark.parametrize(
    ("args", "keywords", "text"),
    [
        ((), {}, 'Invalid "login" argument'),
        ((0,), {}, 'Invalid "login" argument'),
        (("1",), {}, "Invalid 1st unnamed argument"),
        ((1, 2), {}, "Invalid 2nd unnamed argument"),
        ((1, "x", 3), {}, "Invalid 3rd unnamed argument"),
        ((1, "x", "y", 4), {}, "Invalid number of arguments"),
        ((1,), {"timeout": "x"}, 'Invalid "timeout" argument'),
    ],
)
def test_login_refuses_arguments(desk: Desk, args: tuple[Any, ...], keywords: dict[str, Any], text: str) -> None:
    """False and -2 with the exact text."""
    assert mt5.login(*args, **keywords) is False
    assert mt5.last_error() == (-2, text)


def test_login_switches_accounts_or_says_no(desk: Desk) -> None:
    """An unknown account is -6 and leaves the old one; the right one works by position and by name."""
    assert mt5.login(1) is False
    assert mt5.last_error() == (-6, "Terminal: Authorization failed")
    assert mt5.login(LOGIN, "any", "trademesh-Demo") is True
    assert mt5.login(login=LOGIN, server="trademesh-Demo") is True
    assert mt5.account_info().login == LOGIN


def test_lost_link_gives_its_error_once_and_then_none(desk: Desk) -> None:
    """A broken pipe is -10002 on the call that meets it and -10004 from then on."""

    class Broken(InProcessBackend):
        def call(self, name: str, args: list[Any], timeout_ms: int | None = None) -> Any:
            if name == "order_send":
                raise LinkLost(RECEIVE_FAILED, True)
            return super().call(name, args, timeout_ms)

    mt5._use(lambda path, timeout_ms: Broken(desk.service, LOGIN, desk))
    assert mt5.initialize()
    assert mt5.order_send(OPEN) is None
    assert mt5.last_error() == (-10002, "IPC recv failed")
    assert mt5.order_send(OPEN) is None
    assert mt5.last_error() == NO_LINK


def test_every_call_resets_last_error(desk: Desk) -> None:
    """An error lasts until the next call, whatever that is; last_error itself changes nothing."""
    assert mt5.symbol_info("NONE") is None
    assert mt5.last_error() == mt5.last_error() == (-4, "Terminal: Not found")
    assert mt5.symbols_total() == 2
    assert mt5.last_error() == SUCCESS


# --- reads ----------------------------------------------------------------------------------------------------------


def test_nothing_found_is_an_empty_tuple(desk: Desk) -> None:
    """Positions, orders and history without a match are () with success, not None."""
    for found in (
        mt5.positions_get(),
        mt5.positions_get(ticket=5),
        mt5.positions_get(ticket=0),
        mt5.orders_get(symbol="EURUSD"),
        mt5.orders_get(symbol=""),
        mt5.positions_get(group="*"),
        mt5.history_orders_get(1, 2),
        mt5.history_deals_get(ticket=5),
        mt5.history_deals_get(position=0),
    ):
        assert found == ()
        assert mt5.last_error() == SUCCESS


@pytest.mark.parametrize(
    ("args", "keywords", "text"),
    [
        (("EURUSD",), {}, "Unnamed arguments not allowed"),
        ((), {"ticket": "5"}, 'Invalid "ticket" argument'),
        ((), {"ticket": np.int64(5)}, 'Invalid "ticket" argument'),
        ((), {"symbol": 5}, 'Invalid "symbol" argument'),
        ((), {"symbol": "x" * 30}, 'Invalid "symbol" argument'),
        ((), {"group": None}, 'Invalid "group" argument'),
        ((), {"group": "x" * 1_998}, 'Invalid "group" argument'),
    ],
)
def test_live_reads_refuse_arguments(desk: Desk, args: tuple[Any, ...], keywords: dict[str, Any], text: str) -> None:
    """None and -2 with the exact text, for positions and for orders."""
    for function in (mt5.positions_get, mt5.orders_get):
        assert function(*args, **keywords) is None
        assert mt5.last_error() == (-2, text)


def test_ticket_before_symbol_before_group(desk: Desk) -> None:
    """Only the first filter that is given counts, even when a later one is wrong."""
    first = mt5.order_send(OPEN)
    second = mt5.order_send(OPEN | {"symbol": "USDJPY"})
    assert [row.ticket for row in mt5.positions_get(ticket=first.order, symbol="USDJPY", group=5)] == [first.order]
    assert [row.ticket for row in mt5.positions_get(symbol="USDJPY", group="EUR*")] == [second.order]
    with pytest.raises(SystemError):
        mt5.positions_get(ticket=-1)


@pytest.mark.parametrize(
    ("group", "found"),
    [
        ("*", ["EURUSD", "USDJPY"]),
        ("EUR*", ["EURUSD"]),
        ("*USD*", ["EURUSD", "USDJPY"]),
        ("*USD", ["EURUSD"]),
        ("eur*", []),
        ("EURUSD,USDJPY", ["EURUSD", "USDJPY"]),
        ("*,!EUR*", ["USDJPY"]),
        ("!EUR*", []),
        ("!EUR*,*", ["USDJPY"]),
        ("EURUSD.", []),
        ("EUR?SD", []),
        ("EUR**USD", ["EURUSD"]),
        ("EURU*USD", []),
        ("E*U*S*,!*R*", []),
        pytest.param("*" * 1_990 + "x", [], id="many stars"),  # a search that goes back would never end
        pytest.param("*U" * 900, [], id="many parts"),
    ],
)
def test_group_filter(desk: Desk, group: str, found: list[str]) -> None:
    """Comma list of * patterns by case; any pattern lets in, any ! pattern keeps out, ! alone lets nobody in."""
    mt5.order_send(OPEN)
    mt5.order_send(OPEN | {"symbol": "USDJPY"})
    assert [row.symbol for row in mt5.positions_get(group=group)] == found
    assert [row.name for row in mt5.symbols_get(group)] == found
    assert [row.name for row in mt5.symbols_get(group=group)] == found
    assert [row.symbol for row in mt5.history_deals_get(1, START_S + 86_400, group=group) if row.symbol] == found


@pytest.mark.parametrize("call", [(("a", "b"), {}), ((5,), {}), ((), {"group": 5})])
def test_symbols_get_answers_false_to_bad_arguments(desk: Desk, call: tuple[Any, Any]) -> None:
    """False where every other read answers None."""
    assert mt5.symbols_get(*call[0], **call[1]) is False
    assert mt5.last_error()[0] == -2


@pytest.mark.parametrize(
    ("args", "keywords", "text"),
    [
        ((), {}, "Invalid arguments"),
        ((1,), {}, "Invalid arguments"),
        ((1, 2, 3), {}, "Invalid arguments"),
        ((), {"group": "*"}, "Invalid arguments"),
        ((1,), {"ticket": 5}, "Unnamed arguments not allowed"),
        ((1, "x"), {}, "Invalid arguments"),
        ((datetime.date(2018, 1, 1), 2), {}, "Invalid arguments"),
        ((1, np.datetime64("2018-01-01")), {}, "Invalid arguments"),
        ((1, 2), {"group": 5}, 'Invalid "group" argument'),
        ((), {"position": "x"}, 'Invalid "position" argument'),
    ],
)
def test_history_refuses_arguments(desk: Desk, args: tuple[Any, ...], keywords: dict[str, Any], text: str) -> None:
    """Neither two dates nor a ticket nor a position: None and -2."""
    for function in (mt5.history_deals_get, mt5.history_orders_get):
        assert function(*args, **keywords) is None
        assert mt5.last_error() == (-2, text)


def test_dates_are_ints_floats_or_datetimes_of_32_bits(desk: Desk) -> None:
    """Fractions are cut; floats out of range are the least date; ints out of range break the call."""
    mt5.order_send(OPEN)
    until = datetime.datetime.fromtimestamp(START_S + 2.9, datetime.UTC)
    assert mt5.history_deals_total(1, until) == mt5.history_deals_total(1.7, START_S + 2.2) == 2
    assert mt5.history_deals_total(START_S + 3, float(START_S + 9)) == 0
    assert mt5.history_deals_total(1, float("nan")) == mt5.history_deals_total(1, 1e12) == 0
    with pytest.raises(SystemError):
        mt5.history_deals_total(1, 2**31)


def test_rates_and_ticks_have_the_packages_dtypes(desk: Desk) -> None:
    """Field names and types, ascending, spread in points, the last bar unfinished; an empty window is an empty array."""
    for number in range(100):
        desk.rig.quote(f"1.1{number:04}", f"1.1{number + 10:04}", after_ns=30 * SECOND_NS)
    rates = mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M5, 0, 5)
    assert rates.dtype.descr == [
        ("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"),
        ("tick_volume", "<u8"), ("spread", "<i4"), ("real_volume", "<u8"),
    ]  # fmt: skip
    assert (rates["close"][-1], rates["spread"][-1], rates["high"].max()) == (1.10099, 10, 1.10099)
    assert np.all(np.diff(rates["time"]) == 300)
    ticks = mt5.copy_ticks_range("EURUSD", START_S, START_S + 86_400, mt5.COPY_TICKS_ALL)
    assert ticks.dtype.descr == [
        ("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("last", "<f8"), ("volume", "<u8"), ("time_msc", "<i8"),
        ("flags", "<u4"), ("volume_real", "<f8"),
    ]  # fmt: skip
    assert (len(ticks), ticks["bid"][-1], ticks["time"][-1]) == (101, 1.10099, desk.rig.now_ns // SECOND_NS)
    assert np.all(ticks["time_msc"] // 1_000 == ticks["time"])
    empty = mt5.copy_ticks_from("EURUSD", 2**31 - 1, 5, mt5.COPY_TICKS_ALL)
    assert (len(empty), mt5.last_error()) == (0, SUCCESS)
    assert rates["time"][-1] == mt5.copy_rates_from("EURUSD", mt5.TIMEFRAME_M5, 2**31 - 1, 1)["time"][0]
    assert len(mt5.copy_rates_range("EURUSD", mt5.TIMEFRAME_M5, datetime.datetime(1990, 1, 1), rates["time"][-1].item())) == 11


@pytest.mark.parametrize(
    ("name", "args", "error"),
    [
        ("copy_rates_from_pos", ("NONE", 1, 0, 1), (-1, "Terminal: Call failed")),
        ("copy_rates_from_pos", ("EURUSD", 1, 0, 100_000), (-2, "Terminal: Invalid params")),
        ("copy_rates_from_pos", ("EURUSD", 1, 0), INVALID),
        ("copy_rates_from_pos", (5, 1, 0, 1), INVALID),
        ("copy_rates_from", ("EURUSD", 1, "2018", 1), INVALID),
        ("copy_ticks_range", ("NONE", 1, 2, -1), (-4, "Terminal: Not found")),
        ("symbol_info_tick", ("NONE",), (-4, "Terminal: Not found")),
        ("symbol_info", (), INVALID),
        ("symbol_info", ("x" * 30,), INVALID),
        ("market_book_get", ("EURUSD",), (-1, "Terminal: Call failed")),
    ],
)
def test_reads_that_fail_are_none(desk: Desk, name: str, args: tuple[Any, ...], error: tuple[int, str]) -> None:
    """None with the package's code and text."""
    assert getattr(mt5, name)(*args) is None
    assert mt5.last_error() == error


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("copy_rates_from_pos", ("EURUSD", 1.0, 0, 1)),
        ("copy_rates_from_pos", ("EURUSD", 1, 0, 2**31)),
        ("copy_ticks_from", ("EURUSD", 1, "5", -1)),
        ("copy_rates_from", ("EURUSD", 1, 2**31, 1)),
    ],
)
def test_conversions_that_fail_break_the_call(desk: Desk, name: str, args: tuple[Any, ...]) -> None:
    """What PyArg_ParseTuple refuses is a SystemError."""
    with pytest.raises(SystemError, match=name):
        getattr(mt5, name)(*args)


def test_symbol_select_and_depth_answer_bools(desk: Desk) -> None:
    """False for bad arguments and unknown symbols; the second argument is any truth; depth answers booleans too."""
    assert mt5.symbol_select("EURUSD") is True
    assert mt5.symbol_select("USDJPY", 0) is True
    assert mt5.symbol_info_tick("USDJPY") is None
    assert mt5.symbol_info("USDJPY").select is False
    assert mt5.symbol_select("NONE") is False
    assert mt5.symbol_select() is False
    assert mt5.last_error() == INVALID
    assert mt5.market_book_add("EURUSD") is True
    assert mt5.market_book_get("EURUSD") == ()
    assert mt5.market_book_release("EURUSD") is True
    assert mt5.market_book_add() is None


def test_times_are_the_servers_wall_clock() -> None:
    """A position opened at 10:00 UTC shows 13:00 on a server seven hours ahead of New York in summer."""
    with attached(config=TerminalConfig(server_zone="New York + 7 h")) as desk:
        mt5.order_send(OPEN)
        seconds = desk.rig.now_ns // SECOND_NS + 3 * 3_600
        [position] = mt5.positions_get()
        assert (position.time, position.time_msc) == (seconds, seconds * 1_000)
        assert mt5.symbol_info_tick("EURUSD").time == mt5.symbol_info("EURUSD").time == seconds - 0


def test_stamp_tells_the_point_of_the_market(desk: Desk) -> None:
    """The revision counts what changed the account's books; the journal has what calls changed."""
    mt5.account_info()
    _, first, _ = mt5._stamp()
    mt5.order_send(OPEN)
    mt5.account_info()
    assert mt5._stamp() == (0, first + 1, desk.rig.now_ns)
    mt5.account_info()
    assert mt5._stamp() == (0, first + 1, desk.rig.now_ns)
    assert [change.kind for change in desk.journal] == ["history_order", "deal", "position", "account"]


def test_prices_come_back_exactly(desk: Desk) -> None:
    """The float shown is the nearest to the decimal price, not a sum of roundings."""
    for points in range(90_000, 130_000, 777):
        desk.rig.quote(f"{points / 100_000:.5f}", f"{(points + 7) / 100_000:.5f}")
        tick = mt5.symbol_info_tick("EURUSD")
        assert (tick.bid, tick.ask) == (points / 100_000, (points + 7) / 100_000)
    assert e8("1.3") == 130_000_000
