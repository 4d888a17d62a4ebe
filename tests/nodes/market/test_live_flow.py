"""A live market, its terminal and its listeners in virtual time: bars by the clock, gaps filled, nothing twice after a crash."""

from pathlib import Path

import numpy as np
import pytest

from mesh.units import SECOND_NS
from nodes.io import mt5
from tests.nodes.market.liveflow import LiveRig, live_flow

SERVER_S = 2 * 3_600
"""The server's clock is so far ahead of UTC in January."""
SCRIPT = 'source = "script"'


def shown(symbol: str) -> dict[int, tuple[float, ...]]:
    """The terminal's own M1 bars, the newest unfinished: UTC start in ns → open, high, low, close."""
    rows = mt5.copy_rates_from_pos(symbol, mt5.TIMEFRAME_M1, 0, 1_000)
    return {(int(row["time"]) - SERVER_S) * SECOND_NS: tuple(float(row[name]) for name in ("open", "high", "low", "close")) for row in rows}


def told(rig: LiveRig, symbol: str) -> dict[int, tuple[float, ...]]:
    """The bars the indicator told."""
    return {
        key[3]: tuple(float(bar[name]) for name in ("open", "high", "low", "close")) for key, bar in rig.bars.items() if key[0] == symbol
    }


def check_bars(rig: LiveRig, at_least: int) -> None:
    """Every told bar is the terminal's, and none of those since the first is missing."""
    for symbol in ("EURUSD", "USDJPY"):
        bars, expected = told(rig, symbol), shown(symbol)
        assert len(bars) >= at_least
        assert {start: bar for start, bar in bars.items() if expected[start] != pytest.approx(bar, abs=1e-9)} == {}
        assert sorted(bars) == [start for start in sorted(expected) if min(bars) <= start <= max(bars)]




def check_ticks(rig: LiveRig) -> None:
    """The live ticks of the tape are those of the terminal from the first one on, each once, in their order."""
    tape = rig.market._loop.supply.tape
    live = tape._columns[rig.market._source.start_seq : tape.end_seq]
    since_s = int(live.time_ns[0]) // SECOND_NS - 600
    for symbol in live.symbols:
        own = live.of(symbol)
        rows = mt5.copy_ticks_from(symbol, since_s + SERVER_S, 99_000, mt5.COPY_TICKS_ALL)
        times_ns = (rows["time_msc"] - SERVER_S * 1_000) * 1_000_000
        rows = rows[np.searchsorted(times_ns, own.time_ns[0]) :][: len(own)]
        assert (own.time_ns == (rows["time_msc"] - SERVER_S * 1_000) * 1_000_000).all()
        assert (own.bid_e8 == np.rint(rows["bid"] * 1e8)).all()


def test_bars_are_the_terminals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty minutes: history, then bars with their CCI, the same as the terminal's, and none waits for the next tick."""
    with live_flow(tmp_path, monkeypatch, poll_ms=500) as rig:
        rig.later(20 * 60 + 5)
        assert rig.halts == {}
        check_bars(rig, 19)
        check_ticks(rig)
        assert all(bar["cci"] is not None for bar in rig.bars.values())
        assert rig.market.phase() == "READY"
        assert rig.market.facts() | {"played": ""} == {
            "played": "", "total": "0", "speed": "live", "feed_state": "playing", "waiting": "", "comparable": "yes", "given_up": "",
            "terminal": "answers", "stale": "",
        }  # fmt: skip
        assert rig.cores["market-1"].counters.totals.get("late_tick_count", 0) == 0


def test_nobody_trades_before_the_history_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated broker takes calls where the market's history ends: every symbol has a quote by then."""
    with live_flow(tmp_path, monkeypatch) as rig:
        rig.crash("cci-1")
        rig.later(5)
        broker = rig.cores["broker-1"]
        assert (broker.phase(), broker.facts()["waiting"]) == ("STARTING", "the market")
        assert rig.noted("books_open") == [{"accounts": 2, "symbols": 2}]
        rig.start("cci-1")
        rig.later(1)
        assert broker.phase() == "READY"
        assert rig.market.phase() == "READY"


def test_time_goes_on_without_a_tick_and_closes_the_bar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the last tick there is, market time follows the clock half a second behind, and the open bar closes after the grace."""
    with live_flow(tmp_path, monkeypatch, start="2026-01-07 10:00", prices=SCRIPT, poll_ms=200) as rig:
        rig.later(2)
        mt5._quote("EURUSD", 1.1, 1.1001)
        mt5._quote("USDJPY", 150.0, 150.01)
        rig.later(5)
        assert rig.market.phase() == "READY"
        assert rig.bars == {}
        mt5._quote("EURUSD", 1.2, 1.2001)
        rig.later(51)
        assert rig.bars == {}
        rig.later(6)
        bars = {key[0]: (str(bar["open"]), str(bar["close"])) for key, bar in rig.bars.items()}
        assert bars == {"EURUSD": ("1.10000", "1.20000"), "USDJPY": ("150.000", "150.000")}
        clock_ns = 1_767_780_000 * SECOND_NS + rig.now_ns - rig.began_ns
        assert 0 < clock_ns - rig.market.market_ns() < SECOND_NS


def test_gap_is_filled_in_order_and_its_signals_are_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal hangs for ten minutes: time stands, then all ticks come, bars are whole, signals are told as old as they are."""
    with live_flow(tmp_path, monkeypatch, poll_ms=500) as rig:
        rig.later(130)
        stood_ns = rig.market.market_ns()
        rig.terminal.is_hung = True
        rig.later(600)
        assert rig.market.market_ns() - stood_ns < SECOND_NS
        assert sorted(rig.market.facts()["stale"].split(", ")) == ["EURUSD", "USDJPY"]
        assert {(note["code"], note["symbol"]) for note in rig.noted("feed_stale")} == {("FEED_STALE", "EURUSD"), ("FEED_STALE", "USDJPY")}
        bars_count = len(rig.bars)
        rig.lose_terminal()
        rig.run(lambda: rig.market.facts()["waiting"] == "its terminal: the process ended")
        rig.later(2)
        assert rig.market.facts()["waiting"] == ""
        assert len(rig.bars) - bars_count >= 18
        assert rig.market.facts()["stale"] == ""
        assert rig.market.market_ns() - stood_ns > 600 * SECOND_NS
        rig.later(300)
        check_bars(rig, 16)
        check_ticks(rig)
        assert rig.cores["cci-1"].counters.totals["late_tick_count"] == 0
        assert rig.market.counters.totals["feed_stale_count"] == 2


@pytest.mark.parametrize("name", ["cci-1", "master-1", "signals-1"])
def test_time_does_not_wait_for_who_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Quotes and time go on for everybody else; who comes back has all its bars, and its old signals say their age."""
    with live_flow(tmp_path, monkeypatch, poll_ms=500) as rig:
        rig.later(70)
        stood_ns = rig.market.market_ns()
        rig.crash(name)
        rig.later(300)
        assert rig.market.market_ns() - stood_ns > 298 * SECOND_NS
        rig.start(name)
        rig.later(70)
        check_bars(rig, 6)
        assert rig.cores["cci-1"].counters.totals["late_tick_count"] == 0
        assert "given_up_wait_count" not in rig.market.counters.totals


@pytest.mark.parametrize("names", [("market-1",), ("cci-1",), ("market-1", "broker-1", "cci-1", "master-1", "signals-1")])
def test_nothing_twice_and_nothing_lost_after_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]) -> None:
    """Killed at any step and started again two minutes later: the same ticks under the same numbers, no bar twice, none missing."""
    with live_flow(tmp_path, monkeypatch, poll_ms=500) as rig:
        rig.later(190)
        for at_step in (0, 1, 2, 3, 5, 8):
            begun = rig.step_count
            rig.run(lambda begun=begun, at_step=at_step: rig.step_count >= begun + at_step)
            for name in names:
                rig.crash(name)
            if "market-1" in names:
                rig.crash("terminal-1")
            rig.later(120)
            for name in ("terminal-1", *names) if "market-1" in names else names:
                rig.start(name)
            rig.later(30)
        assert rig.halts == {}
        check_bars(rig, 15)
        check_ticks(rig)


def test_terminal_process_killed_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between question and answer, between answer and commit: the next question goes on from what is stored."""
    with live_flow(tmp_path, monkeypatch, poll_ms=200) as rig:
        rig.later(60)
        for at_step in range(25):
            begun = rig.step_count
            rig.run(lambda begun=begun, at_step=at_step: rig.step_count >= begun + at_step)
            rig.lose_terminal()
            rig.later(7)
        rig.later(60)
        check_bars(rig, 4)
        check_ticks(rig)


FAULTS = """
[[fault]]
kind = "restart"
call = "copy_ticks_from"
nth = 40
for_ms = 20_000
[[fault]]
kind = "error"
call = "copy_ticks_from"
nth = 91
[[fault]]
kind = "lose_reply"
call = "copy_ticks_from"
nth = 130
[[fault]]
kind = "disconnect"
call = "copy_ticks_from"
nth = 200
for_ms = 30_000
"""


def test_faults_of_the_terminal_lose_no_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It restarts, refuses one symbol, loses an answer, loses its server: each is told, and afterwards all ticks are there once."""
    with live_flow(tmp_path, monkeypatch, more=FAULTS, poll_ms=1_000) as rig:
        rig.later(400)
        check_bars(rig, 5)
        check_ticks(rig)
        assert len(rig.noted("feed_symbols_unread")) == 1
        assert rig.market.counters.totals["feed_lost_count"] >= 2
        assert rig.market.facts()["terminal"] == "answers"
