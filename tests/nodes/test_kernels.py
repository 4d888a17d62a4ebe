"""The numba kernels against plain-Python twins in exact fractions: values, bounds, drift, crossings, aggregation."""

import itertools
import math
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from numba.core.dispatcher import Dispatcher

from nodes import kernels
from nodes.candles import AtrStream, Bar, CandleBuilder, CciStream, CciStreams, CrossStream
from nodes.periods import total_limit_e8
from nodes.zones import Zone

ROOT = Path(__file__).parents[2]
PERIODS = (2, 3, 14, 20, 50, 100, 233, 500, 1000)
prices = st.lists(st.integers(-(10**13), 10**13), min_size=1, max_size=60)


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    kernels.warm()


def dispatchers() -> list[Dispatcher]:
    """Every compiled function of the module."""
    return [value for value in vars(kernels).values() if isinstance(value, Dispatcher)]


def cci_twin(totals: list[int], period: int) -> Iterator[Fraction | None]:
    """CCI of each bar from its definition, no shortcuts; 0 on a flat window."""
    for index in range(len(totals)):
        if index < period - 1:
            yield None
            continue
        typical = [Fraction(total, 3) for total in totals[index - period + 1 : index + 1]]
        mean = sum(typical) / period
        deviation = sum(abs(value - mean) for value in typical) / period
        yield (typical[-1] - mean) / (Fraction(15, 1000) * deviation) if deviation else Fraction(0)


def atr_twin(highs: list[int], lows: list[int], closes: list[int], period: int) -> Iterator[int]:
    """ATR of each bar from its definition, rounded half up; -1 while the window is not full."""
    ranges = [highs[0] - lows[0]] + [
        max(highs[index], closes[index - 1]) - min(lows[index], closes[index - 1]) for index in range(1, len(highs))
    ]
    for index in range(len(ranges)):
        window = ranges[index - period + 1 : index + 1] if index >= period - 1 else []
        yield math.floor(Fraction(sum(window), period) + Fraction(1, 2)) if window else -1


def batch(totals: list[int], period: int) -> np.ndarray:
    """CCI of bars given by their H + L + C, through the batch."""
    column, zeros, values = np.array(totals, dtype=np.int64), np.zeros(len(totals), np.int64), np.empty(len(totals), np.float64)
    kernels.cci_run(kernels.window_of(period), column, zeros, zeros, values)
    return values


def agrees(value: float, exact: Fraction | None) -> bool:
    """Whether a value is the exact one to a few units in the last place, and zero exactly when it is."""
    if exact is None:
        return math.isnan(value)
    return value == 0.0 if exact == 0 else abs(Fraction(value) - exact) <= abs(exact) * Fraction(1, 10**15)


def test_warm_leaves_nothing_to_compile() -> None:
    """After warm() no use of builder and streams compiles anything; all is nopython, cached, without fast-math."""
    compiled = [kernel.signatures for kernel in dispatchers()]
    inside = (kernels.cci_ratio, kernels.cci_take, kernels.cci_above, kernels.cci_above_wide)  # live inside others
    called = [kernel for kernel in dispatchers() if kernel not in inside]
    assert len(called) == 10
    assert all(kernel.signatures for kernel in called)
    column = np.arange(100, dtype=np.int64)
    column.flags.writeable = False
    CandleBuilder("X", "M1", Zone.parse("UTC")).push_ticks(column, column, column)
    for stream in (CciStream(2), AtrStream(2)):
        stream.push(Bar(0, 1, 2, 1, 2, 1, 0))
        stream.fill(column, column, column)
    CciStreams(2, len(column)).push(column, column, column)
    crosses = CrossStream(100)
    crosses.push(1.0)
    crosses.fill(np.zeros(3))
    assert [kernel.signatures for kernel in dispatchers()] == compiled
    for kernel in dispatchers():
        assert len(kernel.nopython_signatures) == len(kernel.signatures)
        assert kernel.stats.cache_path
        assert not kernel.targetoptions.get("fastmath")


@pytest.mark.slow
def test_another_process_compiles_nothing() -> None:
    """Once warmed on this machine, the next start takes every kernel from the cache."""
    code = """
from nodes import kernels
from tests.nodes.test_kernels import dispatchers
kernels.warm()
stats = [kernel.stats for kernel in dispatchers()]
print(*(sum(count for found in kind for count in found.values()) for kind in zip(*((s.cache_hits, s.cache_misses) for s in stats))))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=True)
    hits, misses = map(int, done.stdout.split())
    assert hits > 0
    assert misses == 0


@given(prices, st.integers(2, 20))
def test_cci_equals_fractions(totals: list[int], period: int) -> None:
    """The batch gives the exact value of every bar to 1e-15, NaN before the first, for any prices, negative ones too."""
    values = batch(totals, period)
    assert all(map(agrees, values.tolist(), cci_twin(totals, period)))


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=40), st.integers(2, 9), st.integers(-(10**12), 10**12))
def test_cci_is_exact_where_prices_hardly_move(steps: list[int], period: int, level: int) -> None:
    """Prices that differ by the last decimals only, around any level, give the exact value and exact zeros."""
    totals = [level + step for step in steps]
    assert all(map(agrees, batch(totals, period).tolist(), cci_twin(totals, period)))


@pytest.mark.parametrize("period", PERIODS)
def test_cci_of_a_constant_price_is_zero(period: int) -> None:
    """A constant 1.1 gives exactly 0.0 from bar period − 1 on (naive float sums give ±66.67)."""
    values = batch([3 * 110_000_000] * (period + 50), period)
    assert np.isnan(values[: period - 1]).all()
    assert values[period - 1 :].tolist() == [0.0] * 51


def test_cci_is_zero_when_the_price_is_the_mean() -> None:
    """A moving window whose newest price is its mean gives exactly 0.0."""
    assert batch([330_000_001, 330_000_007, 330_000_004], 3)[-1] == 0.0


def test_cci_of_period_two_knows_three_values() -> None:
    """With two bars the CCI is 66.67, −66.67 or 0, whatever the prices."""
    assert batch([100, 101, 99, 99, 10**12], 2)[1:].tolist() == [200 / 3, -200 / 3, 0.0, 200 / 3]


@pytest.mark.parametrize("period", [2, 3, 14, 1000, 10_000])
def test_cci_is_exact_up_to_its_bound(period: int) -> None:
    """At the largest price allowed, and swinging between both signs of it, nothing overflows."""
    limit_e8 = total_limit_e8(period)
    windows = (
        [limit_e8 if index % 2 else -limit_e8 for index in range(period)],
        [-limit_e8] * (period - 1) + [limit_e8],
        [limit_e8] * (period - 1) + [-limit_e8],
        [limit_e8] * (period - 1) + [limit_e8 - 1],
    )
    for totals in windows:
        exact = list(cci_twin(totals, period))[-1]
        assert agrees(float(batch(totals, period)[-1]), exact)


def test_cci_bound_leaves_room_for_real_prices() -> None:
    """At period 1,000 prices up to 15 million are within the bound."""
    assert total_limit_e8(1_000) > 3 * 15_000_000 * 10**8


@given(prices, st.integers(2, 20), st.integers(0, 60))
def test_cci_stream_equals_batch_bit_for_bit(totals: list[int], period: int, cut: int) -> None:
    """Step by step, in one go, or part by part: the same 64 bits."""
    window = kernels.window_of(period)
    steps = np.array([kernels.cci_step(window, total, 0, 0) for total in totals])
    assert steps.tobytes() == batch(totals, period).tobytes()
    stream, zeros = CciStream(period), np.zeros(len(totals), np.int64)
    columns = (np.array(totals, dtype=np.int64), zeros, zeros)
    parts = [stream.fill(*(column[:cut] for column in columns)), stream.fill(*(column[cut:] for column in columns))]
    assert np.concatenate(parts).tobytes() == steps.tobytes()


@njit
def _walk(seed: int, totals: np.ndarray) -> int:
    """Prices that wander, from a linear congruential generator; the generator's state after them."""
    total = 330_000_000_000
    for index in range(len(totals)):
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
        total = max(1_000, total + (seed >> 8) % 200_001 - 100_000)
        totals[index] = total
    return seed


@pytest.mark.slow
@pytest.mark.parametrize("period", [14, 233])
def test_cci_does_not_drift_over_ten_million_bars(period: int) -> None:
    """After ten million bars the running sum is the window's sum, and the value a fresh window's, bit for bit."""
    state, zeros = kernels.window_of(period), np.zeros(1_000_000, np.int64)
    totals, values = np.empty(1_000_000, np.int64), np.empty(1_000_000, np.float64)
    seed = 7
    for _ in range(10):
        seed = _walk(seed, totals)
        kernels.cci_run(state, totals, zeros, zeros, values)
    window = totals[-period:].tolist()
    assert state[kernels.SUM] == sum(window)
    assert values[-1:].tobytes() == batch(window, period)[-1:].tobytes()
    assert agrees(float(values[-1]), list(cci_twin(window, period))[-1])


bars = st.lists(
    st.tuples(st.integers(1, 10**12), st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=40
)  # fmt: skip


@given(bars, st.integers(1, 12))
def test_atr_equals_its_definition(rows: list[tuple[int, int, int]], period: int) -> None:
    """The mean true range of the window, rounded to 1e-8; the first bar's range is high − low."""
    closes = [close for close, _, _ in rows]
    highs = [close + above for close, above, _ in rows]
    lows = [close - below for close, _, below in rows]
    columns = [np.array(column, dtype=np.int64) for column in (highs, lows, closes)]
    assert AtrStream(period).fill(*columns).tolist() == list(atr_twin(highs, lows, closes, period))


def test_atr_equals_the_terminals_indicator() -> None:
    """From bar index period on it is MetaTrader's ATR.mq5: a first mean of TR[1..period], then moved on bar by bar."""
    period, count = 14, 300
    closes = np.empty(count, np.int64)
    _walk(3, closes)
    highs, lows = closes + 50_000 + closes % 7_919, closes - 40_000 - closes % 6_101
    ours = AtrStream(period).fill(highs, lows, closes)
    ranges = [0.0] + [
        float(max(highs[index], closes[index - 1]) - min(lows[index], closes[index - 1])) for index in range(1, count)
    ]
    theirs = sum(ranges[1 : period + 1]) / period
    for index in range(period, count):
        if index > period:
            theirs += (ranges[index] - ranges[index - period]) / period
        assert abs(ours[index] - theirs) <= 0.5001


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([90, 110], [0, 1]),
        ([110, 90], [0, -1]),
        ([90, 100, 110], [0, 0, 1]),
        ([90, 100, 100, 100, 110], [0, 0, 0, 0, 1]),
        ([110, 100, 100, 90], [0, 0, 0, -1]),
        ([90, 100, 90], [0, 0, 0]),
        ([90, 110, 100, 110], [0, 1, 0, 0]),
        ([110, 90, 100, 100, 90], [0, -1, 0, 0, 0]),
        ([90, 110, 100, 90, 100, 110], [0, 1, 0, -1, 0, 1]),
        ([100, 110], [0, 0]),
        ([100, 100, 90, 110], [0, 0, 0, 1]),
        ([float("nan"), 90, float("nan"), 110], [0, 0, 0, 1]),
        ([], []),
    ],
)
def test_crossings_at_a_level(values: list[float], expected: list[int]) -> None:
    """A way through the level counts once, on the bar that leaves it on the other side; touching it counts nothing."""
    stream = CrossStream(100)
    assert stream.fill(np.array(values, dtype=np.float64)).tolist() == expected
    stream = CrossStream(100)
    assert [stream.push(None if value != value else float(value)) for value in values] == expected


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=40), st.integers(0, 40))
def test_crossings_are_the_changes_of_side(values: list[float], cut: int) -> None:
    """With the values on the level left out, the crossings are the changes of sign: none twice, none lost, in parts too."""
    sides = [value for value in values if value]
    changes = [int(now) for before, now in itertools.pairwise(sides) if now != before]
    stream = CrossStream(0)
    column = np.array(values, dtype=np.float64)
    crossed = [*stream.fill(column[:cut]).tolist(), *stream.fill(column[cut:]).tolist()]
    assert [value for value in crossed if value] == changes
    assert all(values[index] == crossing for index, crossing in enumerate(crossed) if crossing)


def test_aggregate_closes_on_the_first_tick_after_the_end() -> None:
    """Two bars and an open one out of six ticks: columns, closing ticks, and what is carried on."""
    times = np.array([60, 61, 119, 180, 59, 181], dtype=np.int64)
    bids = np.array([10, 14, 12, 20, 1, 19], dtype=np.int64)
    carried, closing = np.zeros(kernels.CARRIED_FIELDS_COUNT, np.int64), np.zeros(3, np.int64)
    rows = np.zeros((3, kernels.BAR_FIELDS_COUNT), np.int64)
    assert kernels.aggregate(times, times - times % 60, bids, bids + 2, carried, closing, rows) == 1
    assert (closing[0], rows[0].tolist()) == (3, [60, 10, 14, 10, 12, 3, 2])
    assert carried.tolist() == [180, 180, 20, 20, 19, 19, 2, 2, 1]
    later = np.array([240], dtype=np.int64)
    assert kernels.aggregate(later, later, later, later, carried, closing, rows) == 1
    assert rows[0].tolist() == [180, 20, 20, 19, 19, 2, 2]
