"""Ticks into bars, and bars into CCI, ATR and level crossings, one stream at a time.

A bar is made of bid prices, aligned as `nodes.timeframes` aligns them on the broker's clock. An interval without a tick
has no bar. A bar closes on the first tick after its end, or by the clock (`CandleBuilder.close_due`); what is closed
stays as it is: a later tick of its time is late, counted, and rewrites nothing. Inside the open bar ticks count in the
order in which they arrive.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from mesh.units import NEVER
from nodes import kernels
from nodes.barstarts import bar_span_ns, zone_bar_starts_ns
from nodes.kernels import Integers, Values
from nodes.periods import PERIOD_MAX, PERIOD_MIN, total_limit_e8
from nodes.timeframes import length_ns
from nodes.zones import Zone

ANY_TIME_NS = -(2**63)
"""No tick is earlier than this."""

_ARRAY_TICKS_MIN = 64  # for fewer ticks the plain loop is faster than setting up the arrays


class Bar(msgspec.Struct, frozen=True, gc=False):
    """A closed bar of bid prices; ``start_ns`` is UTC, ``spread_e8`` is ask − bid of its last tick (crossed: < 0)."""

    start_ns: int
    open_e8: int
    high_e8: int
    low_e8: int
    close_e8: int
    tick_volume: int
    spread_e8: int


class CandleBuilder:
    """Builds the bars of one symbol in one timeframe on the clock of ``zone``.

    ``earliest_ns`` is where the bars already known end: ticks before it are late. ``late_count`` counts late ticks.
    Raises ValueError for a timeframe that MetaTrader does not have.
    """

    __slots__ = (
        "_close_e8",
        "_earliest_ns",
        "_end_ns",
        "_high_e8",
        "_low_e8",
        "_open_e8",
        "_spread_e8",
        "_start_ns",
        "_tick_volume",
        "_zone",
        "late_count",
        "symbol",
        "timeframe",
    )

    def __init__(self, symbol: str, timeframe: str, zone: Zone, earliest_ns: int = ANY_TIME_NS) -> None:
        length_ns(timeframe)
        self.symbol = symbol
        self.timeframe = timeframe
        self.late_count = 0
        self._zone = zone
        self._earliest_ns = earliest_ns
        self._start_ns = self._end_ns = ANY_TIME_NS
        self._open_e8 = self._high_e8 = self._low_e8 = self._close_e8 = 0
        self._tick_volume = 0  # 0 while no bar is open
        self._spread_e8 = 0

    @property
    def end_ns(self) -> int:
        """UTC end of the open bar; NEVER while none is open."""
        return self._end_ns if self._tick_volume else NEVER

    def push(self, time_ns: int, bid_e8: int, ask_e8: int) -> Bar | None:
        """Take one tick; the bar it closed, if it did."""
        if time_ns < self._earliest_ns:
            self.late_count += 1
            return None
        closed = None
        if time_ns < self._end_ns:
            if bid_e8 > self._high_e8:
                self._high_e8 = bid_e8
            elif bid_e8 < self._low_e8:
                self._low_e8 = bid_e8
            self._tick_volume += 1
        else:
            closed = self._close()
            self._start_ns, self._end_ns = bar_span_ns(time_ns, self.timeframe, self._zone)
            self._earliest_ns = max(self._earliest_ns, self._start_ns)
            self._open_e8 = self._high_e8 = self._low_e8 = bid_e8
            self._tick_volume = 1
        self._close_e8 = bid_e8
        self._spread_e8 = ask_e8 - bid_e8
        return closed

    def push_ticks(self, times_ns: Integers, bids_e8: Integers, asks_e8: Integers) -> list[tuple[int, Bar]]:
        """Take many ticks in arrival order: each closed bar with the index of the tick that closed it.

        The same as `push` for each tick, many times faster.
        """
        if len(times_ns) < _ARRAY_TICKS_MIN:
            rows = zip(times_ns.tolist(), bids_e8.tolist(), asks_e8.tolist(), strict=True)
            pushed = [(index, self.push(*row)) for index, row in enumerate(rows)]
            return [(index, bar) for index, bar in pushed if bar is not None]
        times_ns, bids_e8, asks_e8 = _plain(times_ns), _plain(bids_e8), _plain(asks_e8)
        starts_ns = zone_bar_starts_ns(times_ns, self.timeframe, self._zone)
        closed_max = int(np.count_nonzero(np.diff(starts_ns))) + 1
        closing = np.empty(closed_max, np.int64)
        bars = np.empty((closed_max, kernels.BAR_FIELDS_COUNT), np.int64)
        carried = self._carried()
        closed_count = kernels.aggregate(times_ns, starts_ns, bids_e8, asks_e8, carried, closing, bars)
        self._carry_on(carried)
        rows_closed = zip(closing[:closed_count].tolist(), bars[:closed_count].tolist(), strict=True)
        return [(index, Bar(*fields)) for index, fields in rows_closed]

    def close_due(self, market_ns: int, grace_ns: int) -> Bar | None:
        """Close the open bar by the clock once market time is ``grace_ns`` past its end; the bar, if that is so."""
        return self._close() if self._tick_volume and market_ns >= self._end_ns + grace_ns else None

    def _close(self) -> Bar | None:
        if not self._tick_volume:
            return None
        closed = Bar(
            self._start_ns,
            self._open_e8,
            self._high_e8,
            self._low_e8,
            self._close_e8,
            self._tick_volume,
            self._spread_e8,
        )
        self._tick_volume = 0
        self._earliest_ns = self._end_ns
        return closed

    def _carried(self) -> Integers:
        """The open bar as the kernel carries it."""
        carried = np.empty(kernels.CARRIED_FIELDS_COUNT, np.int64)
        carried[kernels.EARLIEST] = self._earliest_ns
        carried[kernels.START] = self._start_ns
        carried[kernels.OPEN] = self._open_e8
        carried[kernels.HIGH] = self._high_e8
        carried[kernels.LOW] = self._low_e8
        carried[kernels.LAST] = self._close_e8
        carried[kernels.TICKS] = self._tick_volume
        carried[kernels.SPREAD] = self._spread_e8
        carried[kernels.LATE] = self.late_count
        return carried

    def _carry_on(self, carried: Integers) -> None:
        (
            self._earliest_ns,
            start_ns,
            self._open_e8,
            self._high_e8,
            self._low_e8,
            self._close_e8,
            self._tick_volume,
            self._spread_e8,
            self.late_count,
        ) = carried.tolist()
        if self._tick_volume and start_ns != self._start_ns:
            self._start_ns, self._end_ns = bar_span_ns(start_ns, self.timeframe, self._zone)


class CciStream:
    """The CCI of one stream of closed bars. Raises ValueError for a period the kernels are not made for."""

    __slots__ = ("_step", "_window", "period")

    def __init__(self, period: int) -> None:
        _refuse_period(period)
        self.period = period
        self._step = kernels.cci_stepper()
        self._window = kernels.window_of(period)

    def push(self, bar: Bar) -> float | None:
        """The CCI at this bar; None for the first ``period`` − 1 bars. ValueError: a price beyond the bound."""
        value = self._step(self._window, bar.high_e8, bar.low_e8, bar.close_e8)
        if value == value:
            return value
        prices_e8 = (bar.high_e8, bar.low_e8, bar.close_e8)
        for total_e8 in (sum(prices_e8), *prices_e8):
            _refuse_beyond(total_e8, self.period)
        return None

    def fill(self, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers) -> Values:
        """`push` for many bars at once, the same bits; NaN where `push` says None."""
        highs_e8, lows_e8, closes_e8 = _plain(highs_e8), _plain(lows_e8), _plain(closes_e8)
        for total_e8 in kernels.cci_range_e8(highs_e8, lows_e8, closes_e8):
            _refuse_beyond(total_e8, self.period)
        values = np.empty(len(highs_e8), np.float64)
        kernels.cci_run(self._window, highs_e8, lows_e8, closes_e8, values)
        return values


class CciStreams:
    """`CciStream` of one period for many streams whose bars close together, such as the symbols of a list, in one call."""

    __slots__ = ("_head", "_rings_e8", "_sums_e8", "period")

    def __init__(self, period: int, count: int) -> None:
        _refuse_period(period)
        self.period = period
        self._head = kernels.window_of(period)[: kernels.WINDOW_HEAD_COUNT]
        self._rings_e8 = np.zeros((period, count), np.int64)
        self._sums_e8 = np.zeros(count, np.int64)

    def push(self, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers) -> Values:
        """The CCI of each stream at one more bar of it; NaN where `CciStream.push` says None. ValueError: a price beyond
        the bound (nothing is taken then), or another number of bars than of streams.
        """
        highs_e8, lows_e8, closes_e8 = _plain(highs_e8), _plain(lows_e8), _plain(closes_e8)
        values = np.empty(len(self._sums_e8), np.float64)
        if not highs_e8.shape == lows_e8.shape == closes_e8.shape == values.shape:
            raise ValueError(f"{len(highs_e8)} bars for {len(values)} streams: each takes one")
        for total_e8 in kernels.cci_range_e8(highs_e8, lows_e8, closes_e8):
            _refuse_beyond(total_e8, self.period)
        kernels.cci_steps(self._head, self._rings_e8, self._sums_e8, highs_e8, lows_e8, closes_e8, values)
        return values


class AtrStream:
    """The average true range of one stream of closed bars. Raises ValueError for a period below one bar."""

    __slots__ = ("_window", "period")

    def __init__(self, period: int) -> None:
        if not 1 <= period <= PERIOD_MAX:
            raise ValueError(f"ATR period {period}: allowed is 1 to {PERIOD_MAX} bars")
        self.period = period
        self._window = kernels.window_of(period)

    def push(self, bar: Bar) -> int | None:
        """The ATR at this bar, a price difference in e8; None for the first ``period`` − 1 bars."""
        value_e8 = kernels.atr_step(self._window, bar.high_e8, bar.low_e8, bar.close_e8)
        return value_e8 if value_e8 >= 0 else None

    def fill(self, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers) -> Integers:
        """`push` for many bars at once; -1 where `push` says None."""
        values_e8 = np.empty(len(highs_e8), np.int64)
        kernels.atr_run(self._window, _plain(highs_e8), _plain(lows_e8), _plain(closes_e8), values_e8)
        return values_e8


class CrossStream:
    """Crossings of one level by a stream of values, as `nodes.kernels.crossing` defines them."""

    __slots__ = ("_side", "level")

    def __init__(self, level: float) -> None:
        self.level = float(level)
        self._side = 0

    def push(self, value: float | None) -> int:
        """1 when this value crossed up through the level, -1 down, else 0 (None, a value not there yet, is no side)."""
        if value is None:
            return 0
        crossed = kernels.crossing(self._side, value, self.level)
        self._side = kernels.level_side(self._side, value, self.level)
        return crossed

    def fill(self, values: Values) -> NDArray[np.int8]:
        """`push` for many values at once, NaN for None."""
        crossed = np.empty(len(values), np.int8)
        self._side = kernels.crossings(self._side, values, self.level, crossed)
        return crossed


def _plain(values: Integers) -> Integers:
    """An array of the one memory layout the kernels are compiled for (blocks off the wire are read-only)."""
    if values.dtype == np.int64 and values.flags.carray:
        return values  # a tenth of a microsecond, where the line below takes one and a half
    return np.require(values, np.int64, ["C", "A", "W"])


def _refuse_period(period: int) -> None:
    if not PERIOD_MIN <= period <= PERIOD_MAX:
        raise ValueError(f"CCI period {period}: allowed is {PERIOD_MIN} to {PERIOD_MAX} bars")


def _refuse_beyond(total_e8: int, period: int) -> None:
    limit_e8 = total_limit_e8(period)
    if abs(total_e8) > limit_e8:
        raise ValueError(
            f"a price near {total_e8 / 3e8:.2f} is beyond what a CCI of {period} bars computes exactly; "
            f"allowed is up to {limit_e8 / 3e8:.2f}: take a shorter period for this symbol"
        )
