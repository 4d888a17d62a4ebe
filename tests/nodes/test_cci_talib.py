"""CCI against TA-Lib on every file of the real market data, and against exact fractions where TA-Lib cannot be asked.

TA-Lib sums floats. Where the exact value is 0, or the typical price is within 1e-9 of its mean, what it returns is
rounding noise; there, and on a sample of all other bars, the value is held to integers and fractions instead.
The files are read by a few lines of this test, not by the reader it would otherwise share its faults with.
"""

import gzip
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import talib

from mesh.units import E8, MINUTE_NS
from nodes import kernels
from nodes.candles import CandleBuilder, CciStream
from nodes.zones import Zone

PERIODS = (2, 3, 14, 20, 50, 100, 233, 500, 1000)
DIFFERENCE_MAX = 1e-6
NEAR_MEAN = 1e-9
SAMPLE_COUNT = 100

Rows = list[list[str]]
Prices = np.ndarray
"""Three columns of e8: high, low, close."""

pytestmark = pytest.mark.slow


def rows_of(path: Path, separator: str, header_count: int) -> Rows:
    """The cells of a file."""
    with gzip.open(path, "rt") as lines:
        return [line.rstrip("\r\n").split(separator) for line in lines][header_count:]


def e8_of(cells: list[str], scale: int = 1) -> np.ndarray:
    """Prices as integers; each has fewer digits than a float holds, so rounding brings back the exact number."""
    return np.rint(np.array(cells, dtype=np.float64) * (E8 // scale)).astype(np.int64)


def bars_of(rows: Rows, first: int, scale: int = 1) -> Prices:
    """High, low and close of rows whose high is in column ``first``."""
    return np.array([e8_of([row[column] for row in rows], scale) for column in range(first, first + 3)])


def bars_from_ticks(times_ns: np.ndarray, bids_e8: np.ndarray) -> Prices:
    """M1 bars by our own aggregation, the open one closed at the end."""
    builder = CandleBuilder("TEST", "M1", Zone.parse("UTC"))
    bars = [bar for _, bar in builder.push_ticks(times_ns, bids_e8, bids_e8)]
    last = builder.close_due(int(times_ns[-1]) + MINUTE_NS, 0)
    assert last is not None
    assert sum(bar.tick_volume for bar in [*bars, last]) + builder.late_count == len(times_ns)
    return np.array([[bar.high_e8, bar.low_e8, bar.close_e8] for bar in [*bars, last]], dtype=np.int64).T


def iso_ticks(path: Path) -> Prices:
    """Bars of a file of ISO time, bid, ask."""
    rows = rows_of(path, ",", 1)
    times_ns = np.array([row[0].rstrip("Z") for row in rows], dtype="datetime64[ns]").astype(np.int64)
    return bars_from_ticks(times_ns, e8_of([row[1] for row in rows]))


def histdata_ticks(path: Path) -> Prices:
    """Bars of a file of ``YYYYMMDD HHMMSSmmm``, bid, ask (the hours of New York; M1 bars do not mind)."""
    rows = rows_of(path, ",", 0)
    texts = [f"{t[:4]}-{t[4:6]}-{t[6:8]}T{t[9:11]}:{t[11:13]}:{t[13:15]}.{t[15:18]}" for t in (row[0] for row in rows)]
    times_ns = np.array(texts, dtype="datetime64[ns]").astype(np.int64)
    return bars_from_ticks(times_ns, e8_of([row[1] for row in rows]))


def mt5_ticks(path: Path) -> Prices:
    """Bars of a terminal's export, where an empty bid is the bid before."""
    rows = rows_of(path, "\t", 1)
    times_ns = np.array([f"{row[0].replace('.', '-')}T{row[1]}" for row in rows], dtype="datetime64[ns]").astype(np.int64)
    bids, known = [], ""
    for row in rows:
        known = row[2] or known
        bids.append(known)
    return bars_from_ticks(times_ns, e8_of(bids))


READERS: dict[str, Callable[[Path], Prices]] = {
    "bars_EURUSD_H1_bidask_oanda_2007-2018.csv.gz": lambda path: bars_of(rows_of(path, ",", 1), 2),
    "bars_EURUSD_M1_histdata_2018.csv.gz": lambda path: bars_of(rows_of(path, ";", 0), 2),
    "bars_GBPUSD_M1_ask_fxcm_201202.csv.gz": lambda path: bars_of(rows_of(path, ",", 1), 2),
    "bars_GBPUSD_M1_bid_fxcm_201202.csv.gz": lambda path: bars_of(rows_of(path, ",", 1), 2),
    "bars_USDJPY_H1_points_2012-2022.csv.gz": lambda path: bars_of(rows_of(path, ",", 1), 2, 1_000),
    "bars_USDJPY_M1_histdata_2018.csv.gz": lambda path: bars_of(rows_of(path, ";", 0), 2),
    "bars_XAUUSD_M1_histdata_2018.csv.gz": lambda path: bars_of(rows_of(path, ";", 0), 2),
    "mt5_EURUSD_H1_20240102-20250328.csv.gz": lambda path: bars_of(rows_of(path, "\t", 1), 3),
    "mt5layout_ticks_EURUSD_20140508.csv.gz": mt5_ticks,
    "ticks_EURUSD_fxcm_20140507-09.csv.gz": iso_ticks,
    "ticks_EURUSD_histdata_20200101.csv.gz": histdata_ticks,
    "ticks_EURUSD_oanda_20140501-15.csv.gz": iso_ticks,
    "ticks_XAUUSD_oanda_20140505-07.csv.gz": iso_ticks,
}


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    kernels.warm()


def exact_cci(window: list[int]) -> Fraction:
    """The definition, in integers: 200·n·(n·t − S) / (3·D), 0 on a flat window."""
    count, total = len(window), sum(window)
    deviation = sum(abs(count * value - total) for value in window)
    return Fraction(200 * count * (count * window[-1] - total), 3 * deviation) if deviation else Fraction(0)


def agrees_exactly(value: float, exact: Fraction) -> bool:
    """Zero exactly where the exact value is, else the same to a few units in the last place."""
    return value == 0.0 if exact == 0 else abs(Fraction(value) - exact) <= abs(exact) * Fraction(1, 10**15)


def check_period(prices: Prices, period: int) -> None:
    """Compare all bars of one period."""
    ours = CciStream(period).fill(*prices)
    theirs = talib.CCI(*(prices / E8), timeperiod=period)
    full = slice(period - 1, None)
    assert np.isnan(ours[: period - 1]).all()
    assert not np.isnan(ours[full]).any()
    totals = prices.sum(axis=0)
    sums = np.convolve(totals, np.ones(period, dtype=np.int64), "valid")
    distances = np.abs(period * totals[full] - sums)
    asked = distances >= NEAR_MEAN * period * totals[full]
    differences = np.abs(ours[full] - theirs[full])
    allowed = DIFFERENCE_MAX * np.maximum(1.0, np.abs(theirs[full]))
    worst = np.argmax(np.where(asked, differences - allowed, -np.inf))
    assert (differences <= allowed)[asked].all(), f"bar {worst + period - 1}: {differences[worst]}"
    assert (ours[full][distances == 0] == 0.0).all()
    near = np.flatnonzero(~asked & (distances != 0))
    sample = np.linspace(0, len(distances) - 1, SAMPLE_COUNT, dtype=np.int64)
    for index in [*near.tolist(), *sample.tolist()]:
        assert agrees_exactly(float(ours[index + period - 1]), exact_cci(totals[index : index + period].tolist()))


@pytest.mark.parametrize("name", READERS)
def test_cci_equals_talib(name: str, data_dir: Path) -> None:
    """On every bar of this file, for periods 2 to 1,000: TA-Lib's value to 1e-6, or the exact one where it has none."""
    prices = READERS[name](data_dir / name)
    for period in PERIODS:
        if period <= prices.shape[1]:
            check_period(prices, period)


def test_cci_is_compared_on_every_file(data_dir: Path) -> None:
    """No file of the folder is left out."""
    assert sorted(path.name for path in data_dir.glob("*.gz")) == sorted(READERS)
