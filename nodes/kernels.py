"""The arithmetic of the indicators in machine code: numba, no objects, no fast-math, compiled code cached.

Prices are fixed-point integers (``_e8``), so a sum is exact in any order and over any number of bars: a running sum
cannot drift, and a stream and a batch that round the same integers give the same bits. Floats appear where a CCI is
divided out (`cci_ratio`) and in the levels it is compared with.

**CCI** (Donald Lambert, "Commodity Channel Index", Commodities magazine, October 1980):
CCI = (TP − SMA(TP)) / (0.015 × mean absolute deviation of TP), TP = (high + low + close) / 3, over ``period`` bars,
the deviation taken from the mean of the same window; the first value comes on the bar with index period − 1.
With t = 3·TP as an integer, n = period and S = the sum of t, it is 100·n·(n·t − S) / (3·A): A, half the sum of
|n·tᵢ − S|, is the sum of those above zero, since deviations from a mean cancel. As max(n·tᵢ, S) is S or S plus one of
those, A = Σ max(n·tᵢ, S) − n·S: no branch, no division, one comparison and one addition an element, in any order, so
as many at once as the processor has lanes. A is an integer and is rounded once: every way to it gives the same bits.

**Bounds.** |t| ≤ `total_limit_e8` = (2⁶² − 1) / n keeps n·t and S below 2⁶², so that n·tᵢ − S fits in 64 bits: a price
of 15 million at period 1,000. Beyond that `cci_step` takes nothing, and callers of the others refuse. The sums to A stay
below 2·n²·|t|, which fits while n²·|t| ≤ 4·10¹⁸: a price of 33 million at period 20, of 330,000 at 200, of 13,000 at
1,000. A window that has seen more adds up the upper and the lower half of each number apart: the same bits, more slowly.

**ATR** as MetaTrader 5's own indicator (Indicators/Examples/ATR.mq5): the simple mean of the true range,
max(high, previous close) − min(low, previous close). The first bar has no previous close: its range is high − low.
MetaTrader leaves that bar out and shows its first value one bar later; from bar index ``period`` on both are equal.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nodes.periods import total_limit_e8

Integers = NDArray[np.int64]
Values = NDArray[np.float64]

COUNT, PLACE, SUM, CLOSE, LARGEST, FITS, LIMIT = range(7)
"""Head of a window: bars seen (no more than its length), next place in the ring, sum of the ring; for an ATR the last close;
for a CCI the largest |H + L + C| seen, the largest whose sums fit, the largest allowed."""
WINDOW_HEAD_COUNT = 7
"""After the head comes the ring: one number a bar."""

_FITS_MAX = 4 * 10**18
"""While n²·|t| is no more than this, no sum reaches 2⁶³."""
_ROWS_COUNT = 8
_BLOCK_COUNT = 1_024
"""Bars a batch takes at a time: what it writes down of them stays in the first cache, and no page of memory is new."""
_FEW_COUNT = 64
"""Fewer bars than this are faster one by one."""

EARLIEST, START, OPEN, HIGH, LOW, LAST, TICKS, SPREAD, LATE = range(9)
"""Fields of a carried bar: times before EARLIEST are late; TICKS is 0 while no bar is open; LATE counts late ticks."""
CARRIED_FIELDS_COUNT = 9
BAR_FIELDS_COUNT = 7
"""Columns of a closed bar: START to SPREAD of the carried one."""


def window_of(period: int) -> Integers:
    """An empty window of so many bars."""
    window = np.zeros(WINDOW_HEAD_COUNT + period, np.int64)
    window[FITS], window[LIMIT] = _FITS_MAX // period**2, total_limit_e8(period)
    return window


@njit(cache=True, error_model="numpy", inline="always")
def cci_ratio(count: int, distance: int, above: float) -> float:
    """CCI from n, n·t − S and A, rounded. Exactly 0.0 on the mean, where A may be 0 too."""
    return (100.0 * count) * float(distance) / (3.0 * above) if distance != 0 else 0.0


@njit(cache=True, error_model="numpy", inline="always")
def cci_above_wide(ring_e8: Integers, sum_e8: int, old_e8: int, total_e8: int) -> float:
    """A of the ring with ``total_e8`` in the place of ``old_e8``, rounded once, whatever its size."""
    count = len(ring_e8)
    old, new = max(count * old_e8 - sum_e8, 0), max(count * total_e8 - sum_e8, 0)
    low = (new & 0xFFFFFFFF) - (old & 0xFFFFFFFF)
    high = (new >> 32) - (old >> 32)
    for index in range(count):
        above = max(count * ring_e8[index] - sum_e8, 0)
        low += above & 0xFFFFFFFF
        high += above >> 32
    return float(high) * 4_294_967_296.0 + float(low)


@njit(cache=True, error_model="numpy", inline="always")
def cci_take(window: Integers, total_e8: int) -> float:
    """Put the H + L + C of one more closed bar into the window; its CCI, NaN while the window is not full."""
    ring_e8 = window[WINDOW_HEAD_COUNT:]
    count = len(ring_e8)
    place = window[PLACE]
    old_e8 = ring_e8[place]
    sum_e8 = window[SUM] + total_e8 - old_e8
    largest_e8 = max(window[LARGEST], abs(total_e8))
    is_wide = largest_e8 > window[FITS]  # asked further down, numba would count references to the window
    window[SUM] = sum_e8
    window[LARGEST] = largest_e8
    window[PLACE] = place + 1 if place + 1 < count else 0
    window[COUNT] = min(window[COUNT] + 1, count)
    value = np.nan
    if window[COUNT] == count:
        newest = count * total_e8
        if is_wide:
            value = cci_ratio(count, newest - sum_e8, cci_above_wide(ring_e8, sum_e8, old_e8, total_e8))
        else:
            above = max(newest, sum_e8) - max(count * old_e8, sum_e8)
            for index in range(count):
                above += max(count * ring_e8[index], sum_e8)
            value = cci_ratio(count, newest - sum_e8, float(above - count * sum_e8))
    ring_e8[place] = total_e8  # not before the loop: eight numbers read at once would wait for the one just written
    return value


@njit(cache=True, error_model="numpy")
def cci_step(window: Integers, high_e8: int, low_e8: int, close_e8: int) -> float:
    """`cci_take` of a bar. NaN also for a bar beyond the bound, which changes nothing."""
    limit_e8 = window[LIMIT]
    if max(high_e8, low_e8, close_e8) > limit_e8 or min(high_e8, low_e8, close_e8) < -limit_e8:
        return np.nan  # their sum might not fit
    total_e8 = high_e8 + low_e8 + close_e8
    return cci_take(window, total_e8) if abs(total_e8) <= limit_e8 else np.nan


@cache
def cci_stepper() -> Callable[[Integers, int, int, int], float]:
    """`cci_step` without numba's look at the types of what it is given, which takes as long as the rest of a call from
    Python: for windows made here and plain integers only.
    """
    cci_step(window_of(2), 1, 1, 1)  # compiles it, or loads it from the cache
    stepper: Callable[[Integers, int, int, int], float] = cci_step.get_overload("float64(int64[::1], int64, int64, int64)")
    return stepper


@njit(cache=True, error_model="numpy")
def cci_steps(
    head: Integers, rings_e8: Integers, sums_e8: Integers, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers, values: Values
) -> None:
    """One more bar of each of many streams, the same bits as `cci_take`, into ``values``. Their windows move together: ``head`` is
    that of a window, a row of ``rings_e8`` has one place of all rings, ``sums_e8`` their sums.
    """
    count, streams_count = rings_e8.shape
    place = head[PLACE]
    lowest_e8, highest_e8 = cci_range_e8(highs_e8, lows_e8, closes_e8)
    head[LARGEST] = max(head[LARGEST], highest_e8, -lowest_e8)
    head[PLACE] = place + 1 if place + 1 < count else 0
    head[COUNT] = min(head[COUNT] + 1, count)
    newest_e8 = rings_e8[place]
    for index in range(streams_count):
        total_e8 = highs_e8[index] + lows_e8[index] + closes_e8[index]
        sums_e8[index] += total_e8 - newest_e8[index]
        newest_e8[index] = total_e8
    if head[COUNT] < count:
        for index in range(streams_count):
            values[index] = np.nan
    elif head[LARGEST] > head[FITS]:
        for index in range(streams_count):
            ring_e8, total_e8 = rings_e8[:, index].copy(), newest_e8[index]
            above_wide = cci_above_wide(ring_e8, sums_e8[index], total_e8, total_e8)
            values[index] = cci_ratio(count, count * total_e8 - sums_e8[index], above_wide)
    else:
        above = -count * sums_e8
        for row in range(count):
            ring_e8 = rings_e8[row]
            for index in range(streams_count):
                above[index] += max(count * ring_e8[index], sums_e8[index])
        for index in range(streams_count):
            values[index] = cci_ratio(count, count * newest_e8[index] - sums_e8[index], float(above[index]))


@njit(cache=True)
def cci_range_e8(highs_e8: Integers, lows_e8: Integers, closes_e8: Integers) -> tuple[int, int]:
    """The lowest and the highest of all H + L + C, of their parts (or else a sum could wrap unseen), and of zero."""
    lowest_e8 = highest_e8 = 0
    for index in range(len(highs_e8)):
        high_e8, low_e8, close_e8 = highs_e8[index], lows_e8[index], closes_e8[index]
        total_e8 = high_e8 + low_e8 + close_e8
        lowest_e8 = min(lowest_e8, high_e8, low_e8, close_e8, total_e8)
        highest_e8 = max(highest_e8, high_e8, low_e8, close_e8, total_e8)
    return lowest_e8, highest_e8


@njit(cache=True, error_model="numpy")
def cci_above(scaled: Integers, sums_e8: Integers, above: Integers) -> None:
    """A of each of many windows that follow each other, into ``above``: n·t of all their bars, the oldest first.

    One bar of every window at a time: windows next to each other are what the processor does at once, whatever their length.
    """
    count = len(scaled) - len(sums_e8) + 1
    for index in range(len(sums_e8)):
        above[index] = -count * sums_e8[index]
    singles_count = count % _ROWS_COUNT
    for start in range(singles_count):
        row = scaled[start:]
        for index in range(len(sums_e8)):
            above[index] += max(row[index], sums_e8[index])
    for start in range(singles_count, count, _ROWS_COUNT):
        row = scaled[start:]
        for index in range(len(sums_e8)):
            mean = sums_e8[index]
            above[index] += (
                max(row[index], mean) + max(row[index + 1], mean) + max(row[index + 2], mean) + max(row[index + 3], mean)
                + max(row[index + 4], mean) + max(row[index + 5], mean) + max(row[index + 6], mean) + max(row[index + 7], mean)
            )  # fmt: skip


@njit(cache=True, error_model="numpy")
def cci_run(window: Integers, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers, values: Values) -> None:
    """`cci_take` of each bar, the same bits, into ``values``."""
    bars_count, count = len(highs_e8), len(window) - WINDOW_HEAD_COUNT
    lowest_e8, highest_e8 = cci_range_e8(highs_e8, lows_e8, closes_e8)
    largest_e8 = max(window[LARGEST], highest_e8, -lowest_e8)
    if bars_count < _FEW_COUNT or largest_e8 > window[FITS]:
        for index in range(bars_count):
            values[index] = cci_take(window, highs_e8[index] + lows_e8[index] + closes_e8[index])
        return
    totals_e8, scaled = np.empty(count + _BLOCK_COUNT, np.int64), np.empty(count + _BLOCK_COUNT, np.int64)
    sums_e8, above = np.empty(_BLOCK_COUNT, np.int64), np.empty(_BLOCK_COUNT, np.int64)
    ring_e8, place, sum_e8 = window[WINDOW_HEAD_COUNT:], window[PLACE], window[SUM]
    for index in range(count):
        totals_e8[index] = ring_e8[place + index if place + index < count else place + index - count]
    newest_e8, newest = totals_e8[count:], scaled[count:]
    for start in range(0, bars_count, _BLOCK_COUNT):
        size = min(_BLOCK_COUNT, bars_count - start)
        highs, lows, closes, found = highs_e8[start:], lows_e8[start:], closes_e8[start:], values[start:]
        for index in range(size):
            newest_e8[index] = highs[index] + lows[index] + closes[index]
        for index in range(size):
            sum_e8 += newest_e8[index] - totals_e8[index]
            sums_e8[index] = sum_e8
        for index in range(count + size):
            scaled[index] = count * totals_e8[index]
        cci_above(scaled[1 : count + size], sums_e8[:size], above)
        for index in range(size):
            found[index] = cci_ratio(count, newest[index] - sums_e8[index], float(above[index]))
        for index in range(count):
            totals_e8[index] = totals_e8[size + index]
    for index in range(count):
        ring_e8[index] = totals_e8[index]
    for index in range(min(bars_count, count - 1 - window[COUNT])):
        values[index] = np.nan
    window[COUNT] = min(window[COUNT] + bars_count, count)
    window[PLACE], window[SUM], window[LARGEST] = 0, sum_e8, largest_e8


@njit(cache=True)
def atr_step(window: Integers, high_e8: int, low_e8: int, close_e8: int) -> int:
    """Put one more closed bar into the window; its ATR to the nearest 1e-8, or -1 while the window is not full."""
    ring_e8 = window[WINDOW_HEAD_COUNT:]
    true_range_e8 = high_e8 - low_e8
    if window[COUNT] > 0:
        true_range_e8 = max(high_e8, window[CLOSE]) - min(low_e8, window[CLOSE])
    window[CLOSE] = close_e8
    place = window[PLACE]
    count = len(ring_e8)
    window[SUM] += true_range_e8 - ring_e8[place]
    ring_e8[place] = true_range_e8
    window[PLACE] = place + 1 if place + 1 < count else 0
    if window[COUNT] < count:
        window[COUNT] += 1
    return (2 * window[SUM] + count) // (2 * count) if window[COUNT] == count else -1


@njit(cache=True)
def atr_run(window: Integers, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers, values_e8: Integers) -> None:
    """`atr_step` for each bar, into ``values_e8``."""
    for index in range(len(highs_e8)):
        values_e8[index] = atr_step(window, highs_e8[index], lows_e8[index], closes_e8[index])


@njit(cache=True)
def level_side(side: int, value: float, level: float) -> int:
    """On which side of the level a value is: 1 above, -1 below; on the level itself (or NaN) the side it came from.

    0 says that no value has been off the level yet.
    """
    if value > level:
        return 1
    if value < level:
        return -1
    return side


@njit(cache=True)
def crossing(side: int, value: float, level: float) -> int:
    """1 when ``value`` crosses up through the level, -1 down, else 0; ``side`` is `level_side` after the value before.

    Up: the last value that was off the level was below it, and this one is above; down mirrored. That is the usual
    "previous ≤ level and now > level" without its two faults when a value rests on the level: 110, 100, 110 would
    count as crossing up through 100 though it never was below, and so one way up would be counted twice.
    """
    now = level_side(side, value, level)
    return now if side != 0 and now != side else 0


@njit(cache=True)
def crossings(side: int, values: Values, level: float, crossed: NDArray[np.int8]) -> int:
    """`crossing` of each value, into ``crossed``; the side after the last one."""
    for index in range(len(values)):
        crossed[index] = crossing(side, values[index], level)
        side = level_side(side, values[index], level)
    return side


@njit(cache=True)
def aggregate(
    times_ns: Integers,
    starts_ns: Integers,
    bids_e8: Integers,
    asks_e8: Integers,
    carried: Integers,
    closing: Integers,
    bars: Integers,
) -> int:
    """Bars out of ticks in arrival order, going on from the ``carried`` open bar; the number of bars closed.

    ``starts_ns`` is the start of the bar each tick belongs to. Row k of ``bars`` is the k-th closed bar and
    ``closing[k]`` the index of the tick that closed it. A tick before EARLIEST is counted as late and changes nothing.
    """
    closed_count = 0
    for index in range(len(times_ns)):
        bid_e8 = bids_e8[index]
        if times_ns[index] < carried[EARLIEST]:
            carried[LATE] += 1
            continue
        if carried[TICKS] > 0 and starts_ns[index] == carried[START]:
            carried[HIGH] = max(carried[HIGH], bid_e8)
            carried[LOW] = min(carried[LOW], bid_e8)
            carried[TICKS] += 1
        else:
            if carried[TICKS] > 0:
                closing[closed_count] = index
                for field in range(BAR_FIELDS_COUNT):
                    bars[closed_count, field] = carried[START + field]
                closed_count += 1
            carried[EARLIEST] = max(carried[EARLIEST], starts_ns[index])
            carried[START] = starts_ns[index]
            carried[OPEN] = carried[HIGH] = carried[LOW] = bid_e8
            carried[TICKS] = 1
        carried[LAST] = bid_e8
        carried[SPREAD] = asks_e8[index] - bid_e8
    return closed_count


def warm() -> None:
    """Compile every kernel, or load it from the cache, so that no first tick has to wait for it (seconds, once)."""
    window, prices_e8, values = window_of(2), np.ones(3, np.int64), np.zeros(3, np.float64)
    cci_range_e8(prices_e8, prices_e8, prices_e8)
    cci_stepper()
    cci_steps(window, np.ones((2, 3), np.int64), prices_e8.copy(), prices_e8, prices_e8, prices_e8, values)
    cci_run(window, prices_e8, prices_e8, prices_e8, values)
    atr_step(window, 1, 1, 1)
    atr_run(window, prices_e8, prices_e8, prices_e8, prices_e8.copy())
    level_side(0, 1.0, 1.0)
    crossing(0, 1.0, 1.0)
    crossings(0, values, 1.0, np.zeros(3, np.int8))
    carried, bars = np.zeros(CARRIED_FIELDS_COUNT, np.int64), np.zeros((3, BAR_FIELDS_COUNT), np.int64)
    aggregate(prices_e8, prices_e8, prices_e8, prices_e8, carried, prices_e8.copy(), bars)
