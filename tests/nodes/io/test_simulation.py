"""A simulated server in one's own process: sim.toml, its clocks and prices, and scripts that import MetaTrader5 as they are."""

import re
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mesh.units import NEVER, SECOND_NS
from nodes.io import mt5, simulation
from nodes.io.mt5backend import open_backend
from nodes.io.mt5run import BUILT_IN
from nodes.io.simulation import Simulation
from nodes.terminal.simfile import SimFile, simfile_from

STEP = '[clock]\nkind = "step"\n[account.a]\nlogin = 5001\n'
SCRIPTED = STEP + '[prices]\nsource = "script"\nsymbols = ["EURUSD"]\n[server]\nlatency_ms = 250\nlatency_spread = 0\n'
MONDAY_S = 1_767_571_200 + 2 * 3_600
"""2026-01-05 00:00 UTC on the server's clock, New York + 7 h."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No terminal of another test, none named by the environment."""
    monkeypatch.delenv("TRADEMESH_SIM", raising=False)
    simulation.forget_all()
    mt5._use(open_backend)
    yield
    mt5.shutdown()
    simulation.forget_all()


def written(folder: Path, text: str, name: str = "sim.toml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_a_script_sets_its_own_prices_and_steps_its_own_clock(tmp_path: Path) -> None:
    """Quotes by hand, time by steps; an order takes its latency, and fills at the quote of its time."""
    assert mt5.initialize(path=written(tmp_path, SCRIPTED))
    assert mt5.symbol_info_tick("EURUSD") is None
    mt5._quote("EURUSD", 1.1, 1.1001)
    mt5._step(60)
    mt5._quote("EURUSD", 1.2, 1.2001)
    tick = mt5.symbol_info_tick("EURUSD")
    assert (tick.time, tick.bid, tick.ask) == (MONDAY_S + 60, 1.2, 1.2001)
    result = mt5.Buy("EURUSD", 0.1)
    assert (result.retcode, result.price) == (10009, 1.2001)
    (position,) = mt5.positions_get()
    assert position.time_msc == (MONDAY_S + 60) * 1_000 + 250
    bars = mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 10)
    assert bars["close"].tolist() == [1.1, 1.2]


FUTURE = """
[clock]
kind = "step"
[prices]
source = "script"
symbols = ["SIH6"]
[server]
latency_ms = 0
[account.exchange]
login = 7
currency = "RUB"
deposit = 100_000
margin_mode = "exchange"
[symbol.SIH6]
digits = 0
contract_size = 1000
base = "USD"
profit = "RUB"
calc = "exchange_futures"
margin_initial = 12_000
tick_value = 1
volume_min = 1
volume_step = 1
execution = "exchange"
filling = ["fok", "ioc", "boc"]
depth = 2
book_depth = 2
"""


def test_an_exchange_is_described_by_the_file(tmp_path: Path) -> None:
    """A future in whole lots on an exchange account: its own margin and tick value, RETURN rests, depth of market, one position."""
    assert mt5.initialize(written(tmp_path, FUTURE))
    mt5._quote("SIH6", 90_000, 90_010)
    info = mt5.symbol_info("SIH6")
    assert (info.trade_calc_mode, info.trade_exemode, info.filling_mode) == (mt5.SYMBOL_CALC_MODE_EXCH_FUTURES, 3, 7)
    assert mt5.market_book_add("SIH6")
    assert [(row.price, row.volume) for row in mt5.market_book_get("SIH6")] == [(90_011, 2), (90_010, 2), (90_000, 2), (89_999, 2)]
    buy = {"action": 1, "symbol": "SIH6", "volume": 3.0, "type": 0, "type_filling": mt5.ORDER_FILLING_RETURN}
    assert mt5.order_check(buy).margin == 36_000
    assert mt5.order_send(buy).retcode == mt5.TRADE_RETCODE_DONE_PARTIAL
    mt5._quote("SIH6", 90_110, 90_120)
    [position] = mt5.positions_get()
    assert (position.volume, mt5.orders_total(), mt5.account_info().margin) == (3, 0, 36_000)
    # two at 90,010 and one at 90,120, to 90,110: 2 × 100 less 10
    assert position.profit == pytest.approx(190, abs=1)


@pytest.mark.parametrize(
    ("keys", "digits", "margin"),
    [('currency = "JPY"', 0, 1_213), ('currency = "JPY"\ncurrency_digits = 2', 2, 1_213.3), ('currency = "EUR"', 2, 10.0)],
)
def test_money_has_the_decimals_of_its_currency(tmp_path: Path, keys: str, digits: int, margin: float) -> None:
    """Yen are whole, where the file does not say otherwise, and so is all that is reckoned in them."""
    text = SCRIPTED.replace('["EURUSD"]', '["EURUSD", "EURJPY"]').replace("login = 5001", f"login = 5001\n{keys}")
    assert mt5.initialize(path=written(tmp_path, text)), mt5.last_error()
    mt5._quote("EURUSD", 1.1, 1.1)
    mt5._quote("EURJPY", 121.33, 121.33)
    assert mt5.account_info().currency_digits == digits
    assert mt5.order_calc_margin(mt5.ORDER_TYPE_BUY, "EURUSD", 0.01, 1.1) == margin


RULES = """
order_mode = ["market", "limit", "sl"]
expiration_mode = ["gtc", "specified_day"]
swap_rollover3days = "fri"
margin_hedged = 0
margin_hedged_use_leg = true
"""


def test_rules_of_symbol_and_account_are_described_by_the_file(tmp_path: Path) -> None:
    """Kinds of orders and expirations that are taken, the triple night, hedged margin, stop-out by money."""
    account = 'login = 5001\nmargin_so_mode = "money"\nmargin_call_money = 900\nstop_out_money = 800\n'
    text = SCRIPTED.replace("login = 5001\n", account) + "[symbol.EURUSD]" + RULES
    assert mt5.initialize(path=written(tmp_path, text)), mt5.last_error()
    info, symbol = mt5.account_info(), mt5.symbol_info("EURUSD")
    assert (info.margin_so_mode, info.margin_so_call, info.margin_so_so) == (mt5.ACCOUNT_STOPOUT_MODE_MONEY, 900.0, 800.0)
    assert (symbol.order_mode, symbol.expiration_mode, symbol.swap_rollover3days) == (1 | 2 | 16, 1 | 8, mt5.DAY_OF_WEEK_FRIDAY)
    assert (symbol.margin_hedged, symbol.margin_hedged_use_leg) == (0.0, True)
    mt5._quote("EURUSD", 1.1, 1.1001)
    pending = {"action": mt5.TRADE_ACTION_PENDING, "symbol": "EURUSD", "volume": 0.1, "price": 1.09}
    codes = [mt5.order_check({**pending, "type": kind, "type_time": time}).retcode for kind, time in ((2, 0), (2, 1), (5, 0))]
    assert codes == [0, mt5.TRADE_RETCODE_INVALID_EXPIRATION, mt5.TRADE_RETCODE_INVALID]


def test_a_stepped_synthetic_market_is_the_same_in_every_run(tmp_path: Path) -> None:
    """Backfilled bars, and the same ticks however the steps fall."""
    shown = []
    for steps in ([600.0], [1.5] * 400):
        simulation.forget_all()
        assert mt5.initialize(path=written(tmp_path, STEP + '[prices]\nsymbols = ["EURUSD"]\n'))
        assert len(mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0, 1_000)) == 1_000
        for seconds in steps:
            mt5._step(seconds)
        shown.append(mt5.copy_ticks_from("EURUSD", MONDAY_S, 1_000, mt5.COPY_TICKS_ALL))
    assert len(shown[0]) > 50
    assert (shown[0] == shown[1]).all()


def test_a_feed_is_played_from_its_file(tmp_path: Path) -> None:
    """A file beside the sim.toml; what lies before the start is history, and after its end there is silence."""
    rows = [f"2020-01-06 00:{minute:02}:00,1.1{minute:02}0,1.1{minute:02}5" for minute in range(30)]
    written(tmp_path, "\n".join(["time,bid,ask", *rows]), "EURUSD.csv")
    text = STEP + '[prices]\nsource = "feed"\nfeeds = ["EURUSD.csv,tz=UTC,timeframe=M1"]\nbackfill_minutes = 10\n'
    assert mt5.initialize(path=written(tmp_path, text.replace(",timeframe=M1", "")))
    assert mt5.symbol_info_tick("EURUSD").bid == 1.11
    mt5._step(5 * 60)
    assert mt5.symbol_info_tick("EURUSD").bid == 1.115
    mt5._step(3_600)
    assert mt5.symbol_info_tick("EURUSD").bid == 1.129


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        ("", "prices.start = 2020-01-07 01:00:00, 1500 backfill_minutes after the first quote: it lies behind the last quote "
             "(2020-01-06 00:01:00); lower backfill_minutes, or give a start"),
        ('start = "2020-01-06 00:02"\n', "prices.start = 2020-01-06 00:02:00: it lies behind the last quote "
             "(2020-01-06 00:01:00); lower start"),
    ],
)  # fmt: skip
def test_a_start_behind_the_feeds_end_is_refused(tmp_path: Path, prices: str, said: str) -> None:
    """Nothing would ever be quoted there."""
    written(tmp_path, "time,bid,ask\n2020-01-06 00:00:00,1.1,1.1001\n2020-01-06 00:01:00,1.1,1.1001\n", "EURUSD.csv")
    assert not mt5.initialize(written(tmp_path, STEP + '[prices]\nsource = "feed"\nfeeds = ["EURUSD.csv,tz=UTC"]\n' + prices))
    assert mt5.last_error()[1].endswith(said)


def test_a_symbol_is_closed_after_its_last_quote(tmp_path: Path) -> None:
    """Each by its own feed: no order fills at a price nobody quotes any more (10018)."""
    for symbol, last in (("EURUSD", 1), ("GBPUSD", 3)):
        rows = [f"2020-01-06 00:0{minute}:00,1.1,1.1001" for minute in range(last + 1)]
        written(tmp_path, "\n".join(["time,bid,ask", *rows]), f"{symbol}.csv")
    feeds = 'source = "feed"\nfeeds = ["EURUSD.csv,tz=UTC", "GBPUSD.csv,tz=UTC"]\nbackfill_minutes = 1\n'
    assert mt5.initialize(written(tmp_path, f"{STEP}[prices]\n{feeds}[server]\nlatency_ms = 0\n")), mt5.last_error()
    ticket = mt5.Buy("EURUSD", 0.1).order
    mt5._step(1)
    assert [mt5.Buy(symbol, 0.1).retcode for symbol in ("EURUSD", "GBPUSD")] == [mt5.TRADE_RETCODE_MARKET_CLOSED, mt5.TRADE_RETCODE_DONE]
    assert not mt5.Close("EURUSD", ticket=ticket)


def test_a_terminal_goes_on_while_nobody_is_attached(tmp_path: Path) -> None:
    """shutdown ends the link, not the terminal; without a path the one used last is found again; each path is another."""
    first, second = (written(tmp_path, SCRIPTED.replace("5001", login), f"{login}.toml") for login in ("5001", "5002"))
    assert mt5.initialize(path=first)
    mt5._quote("EURUSD", 1.1, 1.1001)
    ticket = mt5.Buy("EURUSD", 0.1).order
    assert mt5.initialize(second)
    assert (mt5.account_info().login, mt5.positions_total()) == (5002, 0)
    mt5.shutdown()
    assert mt5.initialize()
    assert mt5.account_info().login == 5002
    assert mt5.initialize(path=first)
    assert mt5.positions_get()[0].ticket == ticket


def test_a_replay_goes_by_the_clock_at_its_speed(tmp_path: Path) -> None:
    """Market time is ahead of the start by the elapsed time times the speed."""
    before_ns = time.monotonic_ns()
    found = Simulation(simfile_from('[clock]\nkind = "replay"\nspeed = 1000\n[account.a]\nlogin = 1\n'), tmp_path / "sim.toml")
    passed_ns = found.now_ns() - found._prices.start_ns
    assert 0 <= passed_ns <= 1_000 * (time.monotonic_ns() - before_ns)
    found.wait(SECOND_NS)
    assert found.now_ns() - found._prices.start_ns >= passed_ns + SECOND_NS


@pytest.mark.parametrize("gil", ["true", "false"])
def test_waiting_takes_real_time_where_the_clock_is_real(tmp_path: Path, gil: str) -> None:
    """Twenty milliseconds of a wall clock, with the interpreter's lock or without."""
    found = Simulation(simfile_from(f"[server]\nhold_gil = {gil}\n[account.a]\nlogin = 1\n"), tmp_path / "sim.toml")
    before_ns = time.monotonic_ns()
    found.wait(20_000_000)
    assert time.monotonic_ns() - before_ns >= 20_000_000


def test_latency_is_drawn_with_a_tail(tmp_path: Path) -> None:
    """Stepped time goes on by each order's own latency: a median of 40 ms, a long tail to the right, the same in every run."""
    path = written(tmp_path, SCRIPTED.replace("latency_ms = 250\nlatency_spread = 0", "latency_ms = 40\nlatency_spread = 0.6"))
    runs = []
    for _ in range(2):
        simulation.forget_all()
        assert mt5.initialize(path=path)
        mt5._quote("EURUSD", 1.1, 1.1001)
        done_ms = [mt5.symbol_info_tick("EURUSD").time_msc]
        for magic in range(1, 201):
            ticket = mt5.order_send({"action": 1, "symbol": "EURUSD", "volume": 0.01, "type": 0, "magic": magic}).order
            done_ms.append(mt5.history_orders_get(ticket=ticket)[0].time_done_msc)
        runs.append(sorted(later - sooner for sooner, later in pairwise(done_ms)))
    assert runs[0] == runs[1]
    assert 35 <= runs[0][100] <= 45
    assert runs[0][-1] > 3 * 40 > 40 / 2 > runs[0][0] > 0


def test_latency_tells_requests_of_one_magic_apart(tmp_path: Path) -> None:
    """A script gives all its orders one magic: each takes its own time, also where nothing else differs and where it has none."""
    found = Simulation(simfile_from("[account.a]\nlogin = 1\n"), tmp_path / "sim.toml")
    taken_ns = []
    for magic in [234_000] * 100 + [0] * 100:
        row = [1, magic, 0, "EURUSD", 1_000_000, *[0] * 9, "x", 0, 0]
        taken_ns.append(found.latency_ns(1, row))
        found.service.call(1, "order_send", row, found.now_ns())
    assert all(len(dict.fromkeys(taken_ns[at : at + 100])) > 50 for at in (0, 100))


def test_waiting_for_ever_sleeps_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that never comes back does not come back after the longest sleep either."""

    class Enough(Exception):
        pass

    slept: list[int] = []

    def sleep(ns: int) -> None:
        slept.append(ns)
        if len(slept) == 3:
            raise Enough

    found = Simulation(simfile_from("[account.a]\nlogin = 1\n"), tmp_path / "sim.toml")
    monkeypatch.setattr(found, "_sleep", sleep)
    with pytest.raises(Enough):
        found.wait(NEVER)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no [account.NAME] section"),
        ("[account.a]\n", "account.a.login is missing"),
        (STEP + "[server]\nzone = 'Mars'\n", "server.zone = Mars"),
        (STEP + "[server]\nlatency = 1\n", "there is no such key (did you mean latency_ms?)"),
        ('[clock]\nkind = "wall"\n[prices]\nsource = "script"\n[account.a]\nlogin = 1\n', 'clock.kind = "wall"'),
        ('[clock]\nkind = "replay"\n[prices]\nsource = "script"\n[account.a]\nlogin = 1\n', 'clock.kind = "replay"'),
        (STEP + '[prices]\nsource = "feed"\n', "prices.feeds = []"),
        (STEP + '[prices]\nsource = "feed"\nfeeds = ["nothere_EURUSD.csv"]\n', "nothere_EURUSD.csv"),
        (STEP + '[prices]\nstart = "2026-02-31"\n', "prices.start = 2026-02-31"),
        (STEP + '[prices]\nsymbols = ["ACME"]\n', "ACME"),
        (STEP + "[symbol.EURUDS]\nswap_long = 1\n", "symbol.EURUDS: nothing quotes it; allowed: EURUSD, GBPUSD, USDJPY, XAUUSD (of"),
        ('[clock]\nspeed = 60\n[account.a]\nlogin = 1\n', 'clock.speed = 60: a wall clock has none; allowed: 1, or clock.kind = "replay"'),
        (STEP.replace("[acc", "speed = 60\n[acc"), "clock.speed = 60: a step clock has none"),
        ('[prices]\nstart = "2026-01-05"\n[account.a]\nlogin = 1\n', "prices.start = 2026-01-05: a wall clock starts now; allowed: "),
        (STEP + '[prices]\nfeeds = ["a.csv"]\n', 'prices.feeds = a.csv: source = "synthetic" reads no files; allowed: []'),
        (STEP + '[prices]\nsource = "feed"\nfeeds = ["a.csv"]\nsymbols = ["EURUSD"]\n', "prices.symbols = EURUSD: feeds bring their own"),
        (SCRIPTED.replace('"script"', '"script"\nbackfill_minutes = 5'), "minutes = 5: prices from a script have no history"),
        (STEP + '[prices]\nsource = "feed"\nfeeds = ["a.csv"]\nstart = "2026-01-05"\nbackfill_minutes = 5\n', "is history; leave one"),
        (STEP + '[symbol.EURUSD]\nsessions = ["mon 09:00-08:00"]\n', "it ends before it begins"),
        (STEP + '[symbol.EURUSD]\nsessions = ["moo 09:00-10:00"]\n', "such as mon 00:05-23:55"),
        (STEP + '[[fault]]\nkind = "explode"\n', "fault 1.kind = \"explode\"; allowed: lose_request"),
        (STEP + '[[fault]]\nkind = "hide"\n', "fault 1 (hide): for_ms = 0"),
        ("clock = 3", "clock = 3; allowed: a section"),
        ("[", "this is not TOML"),
    ],
)
def test_a_wrong_sim_toml_is_told_by_last_error(tmp_path: Path, text: str, said: str) -> None:
    """initialize is False, as where the real terminal cannot start; last_error names file, key, value and what is allowed."""
    path = written(tmp_path, text)
    assert mt5.initialize(path=path) is False
    code, told = mt5.last_error()
    assert code == -10003
    assert told.startswith(f"IPC initialize failed, {path}: ")
    assert said in told


def test_no_terminal_is_found_where_none_is_named() -> None:
    """As on a machine without MetaTrader 5, whatever path of a real one is given."""
    for path in ((), (r"C:\Program Files\MetaTrader 5\terminal64.exe",)):
        assert mt5.initialize(*path) is False
        assert mt5.last_error() == (-10003, "IPC initialize failed, MetaTrader 5 x64 not found")


def test_other_terminals_cannot_be_stepped() -> None:
    """_step and _quote say what they need."""
    with pytest.raises(RuntimeError, match=r"no sim\.toml is attached"):
        mt5._step(1)
    assert mt5.initialize(path=str(BUILT_IN))
    with pytest.raises(RuntimeError, match=r'clock\.kind = "wall"'):
        mt5._step(1)
    with pytest.raises(RuntimeError, match=r"prices\.source"):
        mt5._quote("EURUSD", 1.1, 1.2)


@pytest.mark.parametrize("seconds", [-100, float("nan"), float("inf"), "1", None, True, 10**9])
def test_a_step_is_a_time_to_come(tmp_path: Path, seconds: Any) -> None:
    """Anything else is refused with the value, and the clock stays."""
    assert mt5.initialize(written(tmp_path, SCRIPTED))
    mt5._quote("EURUSD", 1.1, 1.1001)
    with pytest.raises(ValueError, match=re.escape(f"seconds = {seconds!r}; allowed: a number from 0 to 31622400")):
        mt5._step(seconds)
    mt5._quote("EURUSD", 1.1, 1.1001)
    assert mt5.symbol_info_tick("EURUSD").time == MONDAY_S


@pytest.mark.parametrize(
    ("quote", "said"),
    [
        (("EURUSD", -1, -0.9), "bid = -1; allowed: a number from 1e-08 to 1000000000"),
        (("EURUSD", 0, 0), "bid = 0;"),
        (("EURUSD", 1.1, 1e12), "ask = 1000000000000.0;"),
        (("EURUSD", float("nan"), 1.1), "bid = nan;"),
        (("EURUSD", "1.1", 1.1), "bid = '1.1';"),
        (("EURUDS", 1.1, 1.1), "symbol = 'EURUDS'; allowed: EURUSD"),
        ((None, 1.1, 1.1), "symbol = None; allowed: EURUSD"),
    ],
)
def test_a_quote_is_of_prices(tmp_path: Path, quote: tuple[Any, Any, Any], said: str) -> None:
    """Anything else is refused with the value and what is allowed; nothing is quoted."""
    assert mt5.initialize(written(tmp_path, SCRIPTED))
    with pytest.raises(ValueError, match=re.escape(said)):
        mt5._quote(*quote)
    assert mt5.symbol_info_tick("EURUSD") is None


def test_the_built_in_file_shows_every_default() -> None:
    """What sim.toml shows is what holds where a key is left out."""
    shown = simfile_from(BUILT_IN.read_text())
    assert shown.account["demo"] == simfile_from("[account.demo]\nlogin = 5001\n").account["demo"]
    assert (shown.server, shown.clock, shown.prices) == (SimFile().server, SimFile().clock, SimFile().prices)
    commented = "\n".join(line.removeprefix("# ") for line in BUILT_IN.read_text().split("[account.demo]")[1].splitlines())
    everything = simfile_from("[account.demo]\n" + commented)
    assert list(everything.symbol) == ["EURUSD"]
    assert everything.fault[0].kind == "lose_reply"
