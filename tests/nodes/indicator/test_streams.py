"""Streams of the indicator: what strategies ask of them, patterns, the end of a feed, several indicator nodes."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from mesh.config import Config, configured
from mesh.messages.signals import PATTERN, Signal
from mesh.units import E8, MINUTE_NS, SECOND_NS
from nodes.indicator.streams import level_text, specs_of
from nodes.patterns import mask_of, pattern_names
from nodes.ticks import TickColumns
from tests.nodes.flow_rig import config_of
from tests.nodes.indicator.indicator_desk import COLUMNS, Desk, changed, two_strategies


def test_final_block_closes_the_bars_whose_time_is_over() -> None:
    """At the end of the feed the open minute closes, an unfinished hour does not; both only once."""
    base = config_of(symbols='"EURUSD"')
    desk = Desk(two_strategies(base, timeframe="H1"))
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    before = [event["timeframe"] for event in desk.bars()]
    end_ns = desk.tape.time_ns(len(COLUMNS) - 1) // MINUTE_NS * MINUTE_NS + MINUTE_NS
    desk.block(len(COLUMNS), final=True, end_ns=end_ns)
    assert [event["timeframe"] for event in desk.bars()][len(before) :] == ["M1"]
    desk.block(len(COLUMNS), final=True, end_ns=end_ns + 3_600 * SECOND_NS)
    assert len(desk.bars()) == len(before) + 1


def test_streams_are_the_union_of_what_strategies_ask_for() -> None:
    """Symbols, timeframes, periods, levels, ATR periods and patterns of all strategies meet in one stream each."""
    config = two_strategies(
        config_of(symbols='"EURUSD", "USDJPY"'),
        symbols=["EURUSD"],
        period=9,
        level=Decimal("62.5"),
        atr_period=7,
        candles=["hammer", "doji"],
    )
    specs = specs_of(config, {"EURUSD": "M1", "USDJPY": "M5"})
    assert [(spec.symbol, spec.timeframe) for spec in specs] == [("EURUSD", "M1"), ("USDJPY", "M5")]
    euro, yen = specs
    assert euro.levels_e8 == {5: (-100 * E8, 100 * E8), 9: (-6_250_000_000, 6_250_000_000)}
    assert euro.atr_periods == (7, 14)
    assert euro.patterns == mask_of(["hammer", "doji"], 1) | mask_of(["hammer", "doji"], -1)
    assert (yen.levels_e8, yen.patterns) == ({5: (-100 * E8, 100 * E8)}, 0)


def test_breakout_wants_every_crossing_and_a_named_candle_only_its_own() -> None:
    """What the market is asked to wait for follows from the strategies' rules, candles and timeframes included."""
    config = config_of(symbols='"EURUSD"')
    counts = {}
    for name, fields in {
        "reversion": {},
        "breakout": {"kind": "breakout"},
        "candles": {"kind": "breakout", "reverse": False, "candles": ["hammer"]},
        "hour": {"timeframe": "H1"},
    }.items():
        desk = Desk(changed(config, **fields))
        desk.welcome()
        counts[name] = len(desk.feed())
    assert counts["breakout"] > counts["reversion"] > counts["hour"]
    assert counts["breakout"] >= counts["candles"]


def test_manual_strategy_asks_for_no_stream() -> None:
    """A strategy that only takes signals by hand needs no CCI."""
    assert specs_of(changed(config_of(), kind="manual"), {"EURUSD": "M1"}) == []


@pytest.mark.parametrize(
    ("level_e8", "text"), [(100 * E8, "100"), (-100 * E8, "-100"), (6_250_000_000, "62.5"), (1_000 * E8, "1000")]
)
def test_level_is_written_as_people_write_it(level_e8: int, text: str) -> None:
    """Ids hold the level without exponent and trailing zeros."""
    assert level_text(level_e8) == text


def test_pattern_that_a_strategy_names_is_a_signal() -> None:
    """Named candle patterns are told as signals of their own; others only as bits of a crossing on the same bar."""
    config = changed(config_of(symbols='"EURUSD"'), candles=["doji"])
    desk = Desk(config)
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    named = [signal for signal in desk.sent(Signal) if signal.kind == PATTERN]
    assert len(named) > 2
    assert {signal.name for signal in named} == {"doji"}
    assert all("doji" in pattern_names(signal.patterns) for signal in named)
    assert all(signal.sid.endswith("/pattern/doji") for signal in named)
    crossings = [signal for signal in desk.sent(Signal) if signal.kind != PATTERN]
    assert any(signal.patterns for signal in crossings)


def _two_indicators() -> Config:
    more = '[node.cci-2]\nrole = "indicator"\n'
    return config_of(symbols='"EURUSD", "USDJPY"', backfill=0, minutes=0, latency_ms=0, more=more)


def test_two_indicators_share_the_streams_out() -> None:
    """Each stream is computed by exactly one of several indicator nodes."""
    told: dict[str, set[str]] = {}
    for name in ("cci-1", "cci-2"):
        desk = Desk(_two_indicators(), name=name)
        desk.welcome()
        desk.feed()
        desk.block(len(COLUMNS))
        told[name] = {event["symbol"] for event in desk.bars()}
    assert sorted(told.values(), key=str) == sorted([{"EURUSD"}, {"USDJPY"}], key=str)


def test_price_finer_than_its_symbol_is_told_in_full() -> None:
    """A price with more decimals than the contract has is not rounded in the events."""
    prices = np.full(3, 110_000_123, np.int64)
    times = np.array([0, 30, 70], np.int64) * SECOND_NS
    desk = Desk(columns=TickColumns.of_symbol("EURUSD", times, prices, prices + 10))
    desk.welcome()
    desk.feed()
    desk.block(3)
    assert str(desk.bars()[0]["close"]) == "1.10000123"


def test_prices_are_told_with_the_digits_the_feed_was_found_to_have() -> None:
    """A broker with another number of decimals than the class has: events show those, as every other node does."""
    settings = config_of(symbols='"EURUSD"').settings
    config = configured(msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, digits={"EURUSD": 3})))
    prices = np.full(3, 110_100_000, np.int64)
    times = np.array([0, 30, 70], np.int64) * SECOND_NS
    desk = Desk(config, TickColumns.of_symbol("EURUSD", times, prices, prices + 100_000))
    desk.welcome()
    desk.feed()
    desk.block(3)
    assert str(desk.bars()[0]["close"]) == "1.101"
