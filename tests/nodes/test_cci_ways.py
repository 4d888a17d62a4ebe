"""Every way to a CCI gives the same 64 bits: bar by bar, in a batch, many streams in one call; with sums that fit and with wide ones."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes import kernels
from nodes.candles import Bar, CciStream, CciStreams
from nodes.periods import PERIOD_MAX, total_limit_e8
from tests.nodes.test_kernels import agrees, batch, cci_twin

WIDE = 2**60
"""A |H + L + C| after which a window takes the wide way, at every period but the shortest."""


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    kernels.warm()


def walk(count: int, seed: int = 7) -> np.ndarray:
    """H + L + C of prices near 1.1 that wander."""
    return 330_000_000 + np.cumsum(np.random.default_rng(seed).integers(-60, 61, count)) * 1_000


def run(window: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """The batch."""
    zeros, values = np.zeros(len(totals), np.int64), np.empty(len(totals), np.float64)
    kernels.cci_run(window, totals, zeros, zeros, values)
    return values


def steps(window: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """Bar by bar."""
    return np.array([kernels.cci_step(window, total, 0, 0) for total in totals.tolist()], dtype=np.float64)


def wide_window(period: int) -> np.ndarray:
    """One that believes to have seen a number too large for the quick sums."""
    window = kernels.window_of(period)
    window[kernels.LARGEST] = WIDE
    return window


@pytest.mark.slow
def test_every_period_gives_the_same_bits_in_stream_and_batch() -> None:
    """At all periods from 2 to 1,000: bar by bar, in one batch, and in a batch with wide sums; then the windows go on alike."""
    totals = walk(1_200)
    for period in range(2, 1_001):
        window, stepped, wide = kernels.window_of(period), kernels.window_of(period), wide_window(period)
        values = run(window, totals[: period + 150])
        assert np.count_nonzero(np.isnan(values)) == period - 1
        assert values.tobytes() == steps(stepped, totals[: period + 150]).tobytes()
        assert values.tobytes() == run(wide, totals[: period + 150]).tobytes()
        more = run(window, totals[-30:])
        assert more.tobytes() == run(stepped, totals[-30:]).tobytes() == run(wide, totals[-30:]).tobytes()


@pytest.mark.parametrize("period", [2, 7, 8, 9, 20, 300, 1_500])
def test_batches_of_any_length_are_one_batch(period: int) -> None:
    """However the bars are cut, about the lengths at which the batch goes another way, the values are those of one batch."""
    few, block = kernels._FEW_COUNT, kernels._BLOCK_COUNT
    cuts = np.cumsum([0, 1, few - 1, few, few + 1, block - 1, block, block + 1, 2 * block + few, 3])
    totals, window = walk(int(cuts[-1])), kernels.window_of(period)
    parts = [run(window, totals[start:end]) for start, end in itertools.pairwise(cuts)]
    assert np.concatenate(parts).tobytes() == batch(totals.tolist(), period).tobytes()


@given(
    st.integers(2, 40),
    st.lists(st.tuples(st.integers(0, 62), st.integers(-(2**62), 2**62)), min_size=1, max_size=150),
    st.integers(0, 150),
)
def test_numbers_of_every_size_give_the_exact_value(period: int, drawn: list[tuple[int, int]], cut: int) -> None:
    """Small and huge numbers in any order, batch and steps by turns: the exact value of every bar, the same bits either way."""
    limit_e8 = total_limit_e8(period)
    totals = [max(-limit_e8, min(limit_e8, number >> shift)) for shift, number in drawn]
    column, window, stepped = np.array(totals, dtype=np.int64), kernels.window_of(period), kernels.window_of(period)
    values = np.concatenate([run(window, column[:cut]), run(window, column[cut:])])
    assert values.tobytes() == steps(stepped, column).tobytes()
    assert all(map(agrees, values.tolist(), cci_twin(totals, period)))


@pytest.mark.parametrize("period", [2, 3, 14, 20, 200, 1_000])
def test_sums_that_just_fit_are_exact(period: int) -> None:
    """At the largest numbers the quick sums take, and at one more, swinging between both signs: exact, and equal to the wide sums."""
    fits_e8 = min(int(kernels.window_of(period)[kernels.FITS]), total_limit_e8(period) - 1)
    for largest_e8 in (fits_e8, fits_e8 + 1):
        swings = np.array([largest_e8 if index // 3 % 2 else -largest_e8 for index in range(period + 200)], dtype=np.int64)
        for totals in (swings, -swings, np.abs(swings) - np.arange(len(swings))):
            values = run(kernels.window_of(period), totals)
            assert values.tobytes() == run(wide_window(period), totals).tobytes() == steps(kernels.window_of(period), totals).tobytes()
            assert agrees(float(values[-1]), list(cci_twin(totals[-period:].tolist(), period))[-1])


@pytest.mark.slow
def test_the_longest_window_at_its_largest_price() -> None:
    """A CCI of 10,000 bars at its bound, in a batch that goes on after it is full: the exact value of the last one."""
    limit_e8 = total_limit_e8(PERIOD_MAX)
    totals = np.array([limit_e8 - index * 7 for index in range(PERIOD_MAX + 99)], dtype=np.int64)
    values, window = run(kernels.window_of(PERIOD_MAX), totals), totals[-PERIOD_MAX:].tolist()
    scaled = [PERIOD_MAX * total - sum(window) for total in window]
    exact = Fraction(200 * PERIOD_MAX * scaled[-1], 3 * sum(map(abs, scaled)))
    assert agrees(float(values[-1]), exact)


@given(st.integers(2, 30), st.integers(0, 60), st.integers(1, 9), st.integers(0, 60))
def test_many_streams_in_one_call_are_the_streams_one_by_one(period: int, bars_count: int, count: int, huge_from: int) -> None:
    """Each of many streams has the values it has alone, also while and after one of them has numbers for the wide sums."""
    columns = np.array([walk(bars_count, seed) for seed in range(count)]).reshape(count, bars_count)
    columns[-1, huge_from : huge_from + period // 2] = total_limit_e8(period)
    streams, alone = CciStreams(period, count), [CciStream(period) for _ in range(count)]
    zeros = np.zeros(count, np.int64)
    for index in range(bars_count):
        values = streams.push(np.ascontiguousarray(columns[:, index]), zeros, zeros).tolist()
        pushed = [stream.push(Bar(0, 0, int(column[index]), 0, 0, 1, 0)) for stream, column in zip(alone, columns, strict=True)]
        assert [None if value != value else value for value in values] == pushed


def test_many_streams_refuse_what_one_refuses() -> None:
    """A period, a price beyond the bound, another number of bars: each is said, and no stream has taken anything."""
    with pytest.raises(ValueError, match="CCI period 1: allowed is 2 to 10000 bars"):
        CciStreams(1, 5)
    streams, ones = CciStreams(2, 3), np.ones(3, np.int64)
    with pytest.raises(ValueError, match="2 bars for 3 streams: each takes one"):
        streams.push(ones[:2], ones[:2], ones[:2])
    with pytest.raises(ValueError, match="beyond what a CCI of 2 bars"):
        streams.push(np.array([1, 1, total_limit_e8(2)]), ones, ones)
    assert np.isnan(streams.push(ones, ones, ones)).all()
    assert streams.push(2 * ones, ones, ones).tolist() == [200 / 3] * 3


@pytest.mark.parametrize("sign", [1, -1])
def test_a_bar_at_the_bound_is_taken(sign: int) -> None:
    """The largest number allowed is one more bar of the window."""
    stream, limit_e8 = CciStream(2), sign * total_limit_e8(2)
    assert stream.push(Bar(0, 0, limit_e8, 0, 0, 1, 0)) is None
    assert stream.push(Bar(0, 0, 0, 0, 0, 1, 0)) == sign * -200 / 3
    assert stream.fill(np.array([limit_e8]), np.array([0]), np.array([0])).tolist() == [sign * 200 / 3]


@pytest.mark.parametrize("prices", [(2**62, 0, 0), (2**63 - 1, 2**63 - 1, 2), (-(2**63), -(2**63), 5), (0, 0, -(2**63))])
def test_a_bar_beyond_the_bound_changes_nothing(prices: tuple[int, int, int]) -> None:
    """Also where the sum of its three prices wraps around to a small one: refused, and the values after it are as without it."""
    totals, bar, column = walk(40).tolist(), Bar(0, 0, *prices, 1, 0), [np.array([price], dtype=np.int64) for price in prices]
    stream, other = CciStream(14), CciStream(14)
    for total in totals:
        for refused in (lambda: stream.push(bar), lambda: stream.fill(*column)):
            with pytest.raises(ValueError, match="is beyond what a CCI of 14 bars computes exactly"):
                refused()
        assert stream.push(Bar(0, 0, total, 0, 0, 1, 0)) == other.push(Bar(0, 0, total, 0, 0, 1, 0))
