"""Candles: when a bar opens and closes, late ticks, the array path against tick by tick, and the streams' refusals."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import HOUR_NS, MINUTE_NS, NEVER, SECOND_NS
from nodes import kernels
from nodes.candles import AtrStream, Bar, CandleBuilder, CciStream, CrossStream
from nodes.periods import total_limit_e8
from nodes.timeframes import TIMEFRAMES
from nodes.zones import Zone

UTC = Zone.parse("UTC")
SERVER = Zone.parse("New York + 7 h")
MONDAY_NS = int(datetime.datetime(2018, 3, 12, tzinfo=datetime.UTC).timestamp()) * SECOND_NS


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    kernels.warm()


def make_bar(high_e8: int, low_e8: int, close_e8: int) -> Bar:
    """A bar of which only what an indicator reads is set."""
    return Bar(0, low_e8, high_e8, low_e8, close_e8, 1, 0)


def test_candle_is_made_of_bids() -> None:
    """Open, high, low and close are bids in order of arrival; volume counts ticks; spread is the last tick's."""
    builder = CandleBuilder("EURUSD", "M1", UTC)
    for second, bid, ask in ((5, 100, 103), (20, 120, 121), (20, 90, 99), (59, 110, 108)):
        assert builder.push(MONDAY_NS + second * SECOND_NS, bid, ask) is None
    closed = builder.push(MONDAY_NS + MINUTE_NS, 111, 113)
    assert closed == Bar(MONDAY_NS, 100, 120, 90, 110, 4, -2)
    assert builder.end_ns == MONDAY_NS + 2 * MINUTE_NS


def test_candle_skips_intervals_without_a_tick() -> None:
    """After an hour of silence one bar closes and the next starts where its tick lies: none in between."""
    builder = CandleBuilder("EURUSD", "M5", UTC)
    builder.push(MONDAY_NS, 100, 100)
    assert builder.push(MONDAY_NS + HOUR_NS + MINUTE_NS, 200, 200) == Bar(MONDAY_NS, 100, 100, 100, 100, 1, 0)
    closed = builder.push(MONDAY_NS + HOUR_NS + 5 * MINUTE_NS, 300, 300)
    assert closed == Bar(MONDAY_NS + HOUR_NS, 200, 200, 200, 200, 1, 0)


def test_candle_counts_a_late_tick_and_rewrites_nothing() -> None:
    """A tick older than the open bar changes neither it nor the closed one; one inside the open bar counts."""
    builder = CandleBuilder("EURUSD", "M1", UTC)
    builder.push(MONDAY_NS, 100, 100)
    builder.push(MONDAY_NS + 90 * SECOND_NS, 200, 200)
    assert builder.push(MONDAY_NS + MINUTE_NS - 1, 1, 1) is None
    assert builder.late_count == 1
    assert builder.push(MONDAY_NS + MINUTE_NS, 150, 150) is None
    assert builder.late_count == 1
    assert builder.push(MONDAY_NS + 2 * MINUTE_NS, 1, 1) == Bar(MONDAY_NS + MINUTE_NS, 200, 200, 150, 150, 2, 0)


def test_candle_closes_by_the_clock_after_the_grace() -> None:
    """At its end plus grace, not before, once; a tick of that time is then late, the next bar opens as usual."""
    builder = CandleBuilder("EURUSD", "M1", UTC)
    assert builder.end_ns == NEVER
    assert builder.close_due(MONDAY_NS, 0) is None
    builder.push(MONDAY_NS, 100, 101)
    assert builder.close_due(builder.end_ns + 249, 250) is None
    assert builder.close_due(builder.end_ns + 250, 250) == Bar(MONDAY_NS, 100, 100, 100, 100, 1, 1)
    assert builder.end_ns == NEVER
    assert builder.close_due(MONDAY_NS + HOUR_NS, 0) is None
    assert builder.push(MONDAY_NS + MINUTE_NS - 1, 1, 1) is None
    assert builder.late_count == 1
    assert builder.push(MONDAY_NS + MINUTE_NS, 50, 50) is None
    assert builder.push(MONDAY_NS + 2 * MINUTE_NS, 60, 60) == Bar(MONDAY_NS + MINUTE_NS, 50, 50, 50, 50, 1, 0)


def test_candle_takes_nothing_from_before_its_history() -> None:
    """Ticks before ``earliest_ns`` are late even when no bar is open; a bar already half known starts from there."""
    earliest_ns = MONDAY_NS + 30 * SECOND_NS
    builder = CandleBuilder("EURUSD", "M1", UTC, earliest_ns)
    builder.push(earliest_ns - 1, 1, 1)
    builder.push(earliest_ns, 100, 100)
    builder.push(earliest_ns - 1, 1, 1)
    assert builder.late_count == 2
    assert builder.push(MONDAY_NS + MINUTE_NS, 1, 1) == Bar(MONDAY_NS, 100, 100, 100, 100, 1, 0)


def test_candle_of_a_week_runs_through_a_change_of_the_server_clock() -> None:
    """Ticks on both sides of the change of 2018-03-11 07:00 UTC are one W1 bar and one D1 bar, none of them late."""
    sunday_ns = MONDAY_NS - 26 * HOUR_NS
    for timeframe, hours in (("W1", 100), ("D1", 22)):
        builder = CandleBuilder("BTCUSD", timeframe, SERVER)
        for hour in range(hours):
            assert builder.push(sunday_ns + hour * HOUR_NS, hour, hour) is None
        closed = builder.push(sunday_ns + 200 * HOUR_NS, 0, 0)
        assert closed is not None
        assert (closed.start_ns, closed.tick_volume) == (sunday_ns, hours)
        assert builder.late_count == 0


def test_candle_refuses_an_unknown_timeframe() -> None:
    """The builder does not start with a timeframe MetaTrader does not have."""
    with pytest.raises(ValueError, match="timeframe 'M7' is not known"):
        CandleBuilder("EURUSD", "M7", UTC)


tick_rows = st.lists(
    st.tuples(st.integers(-3, 40), st.integers(1, 50), st.integers(-2, 5)), min_size=1, max_size=200
)  # fmt: skip


@given(tick_rows, st.sampled_from(tuple(TIMEFRAMES)), st.sampled_from([UTC, SERVER]), st.data())
def test_candle_arrays_equal_tick_by_tick(
    rows: list[tuple[int, int, int]], timeframe: str, zone: Zone, data: st.DataObject
) -> None:
    """Ticks in any parts, late ones among them, give the bars, indices and late count of tick by tick."""
    scale_ns = TIMEFRAMES[timeframe] // 10
    steps = np.array([step for step, _, _ in rows], dtype=np.int64)
    times = MONDAY_NS - 30 * HOUR_NS + np.cumsum(steps) * scale_ns
    bids = np.array([bid for _, bid, _ in rows], dtype=np.int64)
    asks = bids + np.array([spread for _, _, spread in rows], dtype=np.int64)
    single, many = CandleBuilder("X", timeframe, zone), CandleBuilder("X", timeframe, zone)
    expected = [
        (index, bar)
        for index, row in enumerate(zip(times.tolist(), bids.tolist(), asks.tolist(), strict=True))
        if (bar := single.push(*row)) is not None
    ]
    cut = data.draw(st.integers(0, len(rows)))
    found = many.push_ticks(times[:cut], bids[:cut], asks[:cut])
    found += [(index + cut, bar) for index, bar in many.push_ticks(times[cut:], bids[cut:], asks[cut:])]
    assert found == expected
    assert (many.late_count, many.end_ns) == (single.late_count, single.end_ns)
    assert many.close_due(NEVER, 0) == single.close_due(NEVER, 0)


def test_candle_arrays_go_on_after_a_close_by_the_clock() -> None:
    """The array path keeps what the clock closed: ticks of that time are late, no bar is closed twice."""
    builder = CandleBuilder("EURUSD", "M1", UTC)
    builder.push(MONDAY_NS, 100, 100)
    assert builder.close_due(MONDAY_NS + MINUTE_NS, 0) is not None
    times = MONDAY_NS + np.arange(100, dtype=np.int64) * SECOND_NS
    bids = np.arange(100, dtype=np.int64)
    assert builder.push_ticks(times, bids, bids) == []
    assert builder.late_count == 60
    assert builder.close_due(NEVER, 0) == Bar(MONDAY_NS + MINUTE_NS, 60, 99, 60, 99, 40, 0)


def test_candle_arrays_may_be_read_only_and_unaligned() -> None:
    """Columns straight off the wire (read-only, at any address) are taken as they are."""
    count = 100
    times = MONDAY_NS + np.arange(count, dtype="<i8") * 10 * SECOND_NS
    columns = [np.frombuffer(b"x" + times.tobytes(), dtype="<i8", offset=1) for _ in range(3)]
    assert not columns[0].flags.writeable
    found = CandleBuilder("EURUSD", "M1", UTC).push_ticks(*columns)
    assert [index for index, _ in found] == list(range(6, count, 6))
    assert found[0][1].close_e8 == times[5]


def test_cci_stream_says_nothing_before_its_window_is_full() -> None:
    """None for period − 1 bars, then a number; a flat window is exactly 0.0."""
    stream = CciStream(3)
    assert [stream.push(make_bar(3, 1, 2)) for _ in range(4)] == [None, None, 0.0, 0.0]
    value = stream.push(make_bar(6, 4, 5))
    assert value == pytest.approx(100.0)


@pytest.mark.parametrize("period", [-1, 0, 1, 10_001])
def test_cci_stream_refuses_a_period(period: int) -> None:
    """A period outside 2 to 10,000 is refused with both bounds."""
    with pytest.raises(ValueError, match=rf"CCI period {period}: allowed is 2 to 10000 bars"):
        CciStream(period)


@pytest.mark.parametrize("sign", [1, -1])
def test_cci_stream_refuses_a_price_beyond_its_bound(sign: int) -> None:
    """A price that could overflow is refused, by push and by fill, with the price and the bound; the bound itself is not."""
    limit_e8 = total_limit_e8(1_000)
    stream = CciStream(1_000)
    assert stream.push(make_bar(sign * limit_e8, 0, 0)) is None
    beyond_e8 = sign * (limit_e8 + 1)
    with pytest.raises(ValueError, match=r"a price near -?15372286\.73 .* CCI of 1000 bars .* up to 15372286\.73"):
        stream.push(make_bar(beyond_e8, 0, 0))
    zeros = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="beyond what a CCI"):
        stream.fill(np.array([0, beyond_e8]), zeros, zeros)


def test_cci_stream_fills_with_nothing() -> None:
    """No bars give no values and change nothing."""
    nothing = np.empty(0, np.int64)
    assert CciStream(2).fill(nothing, nothing, nothing).size == 0


def test_atr_stream_is_the_mean_true_range() -> None:
    """None while the window fills; gaps against the close before count; halves round up to the next 1e-8."""
    stream = AtrStream(2)
    assert [stream.push(bar) for bar in (make_bar(10, 4, 5), make_bar(9, 8, 8), make_bar(30, 20, 25))] == [None, 5, 13]


@pytest.mark.parametrize("period", [0, 10_001])
def test_atr_stream_refuses_a_period(period: int) -> None:
    """A period outside 1 to 10,000 is refused with both bounds."""
    with pytest.raises(ValueError, match=rf"ATR period {period}: allowed is 1 to 10000 bars"):
        AtrStream(period)


def test_cross_stream_takes_values_as_they_come() -> None:
    """Missing values are no side; a level given as an integer is the same level."""
    stream = CrossStream(100)
    assert [stream.push(value) for value in (None, 99.0, 100.0, 101.0, None, 99.0)] == [0, 0, 0, 1, 0, -1]
