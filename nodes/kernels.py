"""The arithmetic of the indicators in machine code: numba, no objects, no fast-math, compiled code cached.

Prices are fixed-point integers (``_e8``), so a sum is exact in any order and over any number of bars: a running sum
cannot drift, and a stream and a batch that take the same step give the same bits. Floats appear in the last line of
`cci_value` only, and in the levels a value is compared with.

**CCI** (Donald Lambert, "Commodity Channel Index", Commodities magazine, October 1980):
CCI = (TP − SMA(TP)) / (0.015 × mean absolute deviation of TP), TP = (high + low + close) / 3, over ``period`` bars,
the deviation taken from the mean of the same window; the first value comes on the bar with index period − 1.
With t = 3·TP as an integer, n = period and S = the sum of t, it is 200·n·(n·t − S) / (3·D), D = the sum of |n·tᵢ − S|.

Deviations from a mean cancel, so D is twice its positive part: with q = ⌊S / n⌋, r = S − n·q, and a = the sum of
(tᵢ − q) over the c elements above q, D = 2·(n·a − c·r). One comparison and one addition an element, all integers.

**Bounds.** |t| ≤ `total_limit_e8` = (2⁶² − 1) / n keeps n·t and S below 2⁶², so n·t − S fits in 64 bits; so does
a ≤ (n − 1)·2·max|t|. That is a price of 15 million at period 1,000. Callers refuse more; the kernels do not look.

**ATR** as MetaTrader 5's own indicator (Indicators/Examples/ATR.mq5): the simple mean of the true range,
max(high, previous close) − min(low, previous close). The first bar has no previous close: its range is high − low.
MetaTrader leaves that bar out and shows its first value one bar later; from bar index ``period`` on both are equal.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Values = NDArray[np.float64]

COUNT, PLACE, SUM, CLOSE = range(4)
"""Fields of a window's state: bars seen (no more than its length), next place in the ring, running sum, last close."""
WINDOW_FIELDS_COUNT = 4

EARLIEST, START, OPEN, HIGH, LOW, LAST, TICKS, SPREAD, LATE = range(9)
"""Fields of a carried bar: times before EARLIEST are late; TICKS is 0 while no bar is open; LATE counts late ticks."""
CARRIED_FIELDS_COUNT = 9
BAR_FIELDS_COUNT = 7
"""Columns of a closed bar: START to SPREAD of the carried one."""


@njit(cache=True)
def cci_value(totals_e8: Integers, sum_e8: int, total_e8: int) -> float:
    """CCI of a full window of H + L + C in any order, their sum, and the newest of them. Exactly 0.0 on the mean."""
    count = len(totals_e8)
    distance = count * total_e8 - sum_e8
    if distance == 0:
        return 0.0
    floor_e8 = sum_e8 // count
    above_e8 = 0
    above_count = 0
    for index in range(count):
        excess_e8 = totals_e8[index] - floor_e8
        if excess_e8 > 0:
            above_e8 += excess_e8
            above_count += 1
    half_deviation = float(count) * float(above_e8) - float(above_count * (sum_e8 - count * floor_e8))
    return (100.0 * count) * float(distance) / (3.0 * half_deviation)


@njit(cache=True)
def cci_step(ring_e8: Integers, state: Integers, total_e8: int) -> float:
    """Put the H + L + C of one more closed bar into the window; its CCI, NaN while the window is not full."""
    place = state[PLACE]
    state[SUM] += total_e8 - ring_e8[place]
    ring_e8[place] = total_e8
    state[PLACE] = place + 1 if place + 1 < len(ring_e8) else 0
    if state[COUNT] < len(ring_e8):
        state[COUNT] += 1
        if state[COUNT] < len(ring_e8):
            return np.nan
    return cci_value(ring_e8, state[SUM], total_e8)


@njit(cache=True)
def cci_run(ring_e8: Integers, state: Integers, totals_e8: Integers, values: Values) -> None:
    """`cci_step` for each bar, into ``values``."""
    for index in range(len(totals_e8)):
        values[index] = cci_step(ring_e8, state, totals_e8[index])


@njit(cache=True)
def atr_step(ring_e8: Integers, state: Integers, high_e8: int, low_e8: int, close_e8: int) -> int:
    """Put one more closed bar into the window; its ATR to the nearest 1e-8, or -1 while the window is not full."""
    true_range_e8 = high_e8 - low_e8
    if state[COUNT] > 0:
        true_range_e8 = max(high_e8, state[CLOSE]) - min(low_e8, state[CLOSE])
    state[CLOSE] = close_e8
    place = state[PLACE]
    count = len(ring_e8)
    state[SUM] += true_range_e8 - ring_e8[place]
    ring_e8[place] = true_range_e8
    state[PLACE] = place + 1 if place + 1 < count else 0
    if state[COUNT] < count:
        state[COUNT] += 1
    return (2 * state[SUM] + count) // (2 * count) if state[COUNT] == count else -1


@njit(cache=True)
def atr_run(
    ring_e8: Integers, state: Integers, highs_e8: Integers, lows_e8: Integers, closes_e8: Integers, values_e8: Integers
) -> None:
    """`atr_step` for each bar, into ``values_e8``."""
    for index in range(len(highs_e8)):
        values_e8[index] = atr_step(ring_e8, state, highs_e8[index], lows_e8[index], closes_e8[index])


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
    ring_e8, state = np.zeros(2, np.int64), np.zeros(WINDOW_FIELDS_COUNT, np.int64)
    prices_e8, values = np.ones(3, np.int64), np.zeros(3, np.float64)
    cci_step(ring_e8, state, 1)
    cci_run(ring_e8, state, prices_e8, values)
    atr_step(ring_e8, state, 1, 1, 1)
    atr_run(ring_e8, state, prices_e8, prices_e8, prices_e8, prices_e8.copy())
    level_side(0, 1.0, 1.0)
    crossing(0, 1.0, 1.0)
    crossings(0, values, 1.0, np.zeros(3, np.int8))
    carried, bars = np.zeros(CARRIED_FIELDS_COUNT, np.int64), np.zeros((3, BAR_FIELDS_COUNT), np.int64)
    aggregate(prices_e8, prices_e8, prices_e8, prices_e8, carried, prices_e8.copy(), bars)
