"""Bars that market time closes without a tick, in a live market only, and the ticks that come too late for them."""

from typing import Any

import msgspec
import numpy as np

from mesh.config import Config, configured
from mesh.messages.market import IndicatorBlock
from mesh.messages.signals import Signal
from mesh.units import MINUTE_NS, MS_NS, SECOND_NS
from nodes.ticks import TickColumns
from tests.nodes.flow_rig import config_of
from tests.nodes.indicator.indicator_desk import COLUMNS, Desk, two_strategies

GRACE_NS = 500 * MS_NS


def live_config() -> Config:
    settings = config_of(symbols='"EURUSD"').settings
    return configured(msgspec.structs.replace(settings, market=msgspec.structs.replace(settings.market, bar_grace_ms=500)))


def ticks_at(*seconds: int) -> TickColumns:
    """EURUSD at these seconds, each a little higher than the one before."""
    times = np.array(seconds, np.int64) * SECOND_NS
    bids = 110_000_000 + 1_000 * np.arange(len(seconds), dtype=np.int64)
    return TickColumns.of_symbol("EURUSD", times, bids, bids + 10)


def told(desk: Desk) -> list[tuple[int, Any, Any]]:
    """Start in seconds, close and ticks of each bar that was told."""
    return [(bar["start"] // SECOND_NS, bar["close"], bar["tick_volume"]) for bar in desk.bars()]


def test_live_bar_closes_by_the_clock_after_its_grace() -> None:
    """Not before its end and the grace, then with the block that says so, once; the next tick opens the next bar."""
    desk = Desk(live_config(), ticks_at(60, 90, 130, 190))
    desk.welcome(recorded=False)
    desk.feed(2)
    desk.block(2)
    desk.block(2, end_ns=2 * MINUTE_NS + GRACE_NS - 1)
    assert told(desk) == []
    desk.block(2, end_ns=2 * MINUTE_NS + GRACE_NS)
    assert [(start_s, str(close), volume) for start_s, close, volume in told(desk)] == [(60, "1.10001", 2)]
    desk.block(2, end_ns=3 * MINUTE_NS)
    desk.feed(4, 2)
    desk.block(4)
    assert [(start_s, volume) for start_s, _, volume in told(desk)] == [(60, 2), (120, 1)]
    assert desk.sent(IndicatorBlock)[-1].number == desk.number
    assert desk.core.counters.totals["late_tick_count"] == 0


def test_late_tick_is_counted_and_rewrites_nothing() -> None:
    """A tick of a bar that the clock has closed shows in the node's counters, and in no bar."""
    desk = Desk(live_config(), ticks_at(60, 90, 119, 125, 190))
    desk.welcome(recorded=False)
    desk.feed(2)
    desk.block(2, end_ns=2 * MINUTE_NS + GRACE_NS)
    before = told(desk)
    desk.feed(5, 2)
    desk.block(5)
    assert desk.core.counters.totals["late_tick_count"] == 1
    assert told(desk)[:1] == before
    assert [(start_s, volume) for start_s, _, volume in told(desk)] == [(60, 2), (120, 1)]


def test_recorded_bar_closes_on_ticks_alone_until_the_feed_is_over() -> None:
    """Where market time stands in a recorded market depends on its blocks, so it closes nothing: paces stay equal."""
    desk = Desk(live_config(), ticks_at(60, 90, 119))
    desk.welcome()
    desk.feed()
    desk.block(3)
    desk.block(3, end_ns=10 * MINUTE_NS)
    assert told(desk) == []
    desk.block(3, final=True, end_ns=10 * MINUTE_NS)
    assert [(start_s, volume) for start_s, _, volume in told(desk)] == [(60, 3)]


def test_live_history_is_built_of_ticks_alone() -> None:
    """A block within the backfill closes nothing by the clock, or a bar of history would be told."""
    desk = Desk(live_config(), ticks_at(60, 90, 130, 190))
    desk.welcome(start_seq=2, recorded=False)
    desk.feed(2)
    desk.block(2, end_ns=2 * MINUTE_NS + GRACE_NS)
    assert told(desk) == []
    desk.feed(4, 2)
    desk.block(4)
    assert [(start_s, volume) for start_s, _, volume in told(desk)] == [(60, 2), (120, 1)]


def test_bars_of_the_clock_are_those_of_ticks_and_signal_alike() -> None:
    """Minute by minute with the clock ahead of the ticks, bars and signals are those of one recorded block."""
    whole = Desk()
    whole.welcome()
    whole.feed()
    whole.block(len(COLUMNS))
    live = Desk()
    live.welcome(recorded=False)
    first_seq, first_ns = 0, live.tape.time_ns(0) // MINUTE_NS * MINUTE_NS
    for minute in range(1, 200):
        end_ns = first_ns + minute * MINUTE_NS
        through_seq = live.tape.first_after(end_ns - 1, first_seq)
        live.feed(through_seq, first_seq)
        live.block(through_seq, end_ns=end_ns + 2 * SECOND_NS)
        first_seq = through_seq
    live.feed(None, first_seq)
    live.block(len(COLUMNS))
    assert len(whole.bars()) > 150
    assert live.bars() == whole.bars()
    assert [signal.sid for signal in live.sent(Signal)] == [signal.sid for signal in whole.sent(Signal)]
    assert live.core.counters.totals["late_tick_count"] == 0


def test_clock_closes_the_bars_of_every_stream_that_are_due() -> None:
    """A minute closes, the hour around it stays open until its own end."""
    desk = Desk(two_strategies(live_config(), timeframe="H1"), ticks_at(60, 90))
    desk.welcome(recorded=False)
    desk.feed()
    desk.block(2, end_ns=5 * MINUTE_NS)
    assert [bar["timeframe"] for bar in desk.bars()] == ["M1"]
    desk.block(2, end_ns=60 * MINUTE_NS + GRACE_NS)
    assert [bar["timeframe"] for bar in desk.bars()] == ["M1", "H1"]
