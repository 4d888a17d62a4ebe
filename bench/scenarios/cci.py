"""``cci``: what a value of the CCI costs, ours beside TA-Lib, tulipy, talipp and pandas-ta, and how far their values lie apart.

- **batch**: all bars in one call, columns in and a column out, what is set up for it included. Ours takes integers, the others floats.
- **stream**: one symbol, one closed bar after the other, each a call from Python; the loop around it is in it, for all alike.
- **at once**: one more bar of each of a thousand symbols, all in one call.

Variants take turns, each round begins with another one, and each round is a row. All numbers are ns a bar; libraries that need µs get
fewer bars. ``worst_difference`` is the largest from ours over the bars where both have a value. Where all prices of a window are equal
ours is 0, and the others have what their rounding left over.
"""

import gc
import gzip
import os
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from types import ModuleType

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.ccipeers import PEERS, Column, Peer, Prices
from bench.chain import NotInstalled, Ratio
from bench.machine import ROOT
from bench.results import Figure, Measured
from bench.scenario import Options, Progress, Scenario
from mesh.units import E8, US_NS
from nodes import kernels
from nodes.candles import Bar, CciStream, CciStreams

BARS, SMOKE_BARS = 100_000, 1_500
SLOW_BARS, SMOKE_SLOW_BARS = 2_000, 250
PUSHES, SMOKE_PUSHES = 2_000, 50
SYMBOLS, TURNS = 1_000, 64
"""Many symbols at once, and how many bars of them there are before they come again."""
ROUNDS, SMOKE_ROUNDS = 15, 2
CURVE, SMOKE_CURVE = (5, 10, 14, 20, 50, 100, 200, 500, 1_000), (14, 200)
PERIODS = (14, 20, 200)
"""Those of the figures; real prices and slow libraries get no others."""
STREAM_PERIODS = (20, 200)
STREAM_PERIOD = 20
"""That of the figures."""
OURS, TALIB = "ours", "TA-Lib"
TALIB_LIMITS = {14: 0.4, 20: 0.4, 200: 0.1}
STREAM_LIMIT_US, AT_ONCE_LIMIT_NS = 0.3, 15.0
SYNTHETIC = "synthetic"
FILE = "bars_EURUSD_M1_histdata_2018.csv.gz"
DATA_VARIABLE = "TRADEMESH_DATA"

Integers = NDArray[np.int64]
"""Three rows of e8: high, low, close."""
Loaded = list[tuple[Peer, ModuleType]]
Settings = dict[str, int | float | str]


class Way(msgspec.Struct, frozen=True):
    """One variant under one setting: ``call`` computes the CCI of so many bars and gives the values, the last one at the last bar."""

    variant: str
    call: Callable[[], Column]
    bars_count: int


def synthetic(count: int) -> Integers:
    """Bars near 1.1 with five digits: the close wanders; high and low lie about it and the close before."""
    random = np.random.default_rng(7)
    closes = 110_000 + np.cumsum(random.integers(-20, 21, count + 1))
    highs = np.maximum(closes[1:], closes[:-1]) + random.integers(0, 12, count)
    lows = np.minimum(closes[1:], closes[:-1]) - random.integers(0, 12, count)
    return np.array([highs, lows, closes[1:]], dtype=np.int64) * (E8 // 100_000)


def real(count: int) -> Integers:
    """The first bars of a year of EURUSD M1, read where they lie. Raises NotInstalled where they are not on this machine."""
    folder = Path(os.environ.get(DATA_VARIABLE) or ROOT.parent / "shared" / "data")
    try:
        with gzip.open(folder / FILE, "rt") as lines:
            rows = [line.split(";")[2:5] for line in islice(lines, count)]
    except OSError:
        raise NotInstalled(f"no {FILE} in {folder}: put it there, or set {DATA_VARIABLE} to its folder") from None
    return np.ascontiguousarray(np.rint(np.array(rows, dtype=np.float64) * E8).astype(np.int64).T)


def floats(bars_e8: Integers) -> Prices:
    """The same prices for those who take floats."""
    high, low, close = np.ascontiguousarray(bars_e8 / E8)
    return high, low, close


def batch_ways(bars_e8: Integers, period: int, loaded: Loaded, slow_count: int) -> list[Way]:
    """Ours, then each library: of those that are slow, none where there are no bars for them."""
    ways = [Way(OURS, lambda: CciStream(period).fill(*bars_e8), bars_e8.shape[1])]
    for peer, module in loaded:
        count = min(slow_count, bars_e8.shape[1]) if peer.is_slow else bars_e8.shape[1]
        if count:
            ways.append(_batch_way(peer, module, floats(bars_e8[:, :count]), period))
    return ways


def _batch_way(peer: Peer, module: ModuleType, prices: Prices, period: int) -> Way:
    return Way(peer.name, lambda: peer.batch(module, prices, period), len(prices[0]))


def stream_ways(bars_e8: Integers, period: int, loaded: Loaded) -> list[Way]:
    """Ours, and each library that has a stream: the bars after the first ``period``, which fill the window."""
    stream = CciStream(period)
    stream.fill(*bars_e8[:, :period])
    bars = [Bar(0, close, high, low, close, 1, 0) for high, low, close in bars_e8[:, period:].T.tolist()]

    def push() -> Column:
        value = None
        for bar in bars:
            value = stream.push(bar)
        return np.array([value], dtype=np.float64)

    theirs = [Way(peer.name, peer.stream(module, floats(bars_e8), period), len(bars)) for peer, module in loaded if peer.stream]
    return [Way(OURS, push, len(bars)), *theirs]


def at_once_ways(period: int) -> list[Way]:
    """Ours alone: a bar of each of SYMBOLS windows that are full, another one with each call."""
    streams = CciStreams(period, SYMBOLS)
    bars = cycle(list(zip(*synthetic(SYMBOLS * TURNS).reshape(3, TURNS, SYMBOLS), strict=True)))
    for _ in range(period):
        streams.push(*next(bars))
    return [Way(OURS, lambda: streams.push(*next(bars)), SYMBOLS)]


def by_turns(ways: Sequence[Way], rounds: int, progress: Progress) -> dict[str, list[float]]:
    """ns a bar of each variant, round by round; they have been called before."""
    found: dict[str, list[float]] = {way.variant: [] for way in ways}
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            first = number % len(ways)
            for way in (*ways[first:], *ways[:first]):
                began_ns = time.perf_counter_ns()
                way.call()
                found[way.variant].append((time.perf_counter_ns() - began_ns) / way.bars_count)
            progress.advance()
    finally:
        gc.enable()
    return found


def worst_difference(ours: Column, theirs: Column) -> float:
    """The largest one, from the last bar back as far as both have values."""
    count = min(len(ours), len(theirs))
    differences = np.abs(ours[len(ours) - count :] - theirs[len(theirs) - count :])
    return float(np.max(differences, where=np.isfinite(differences), initial=0.0))


def compared(settings: Settings, ways: Sequence[Way], rounds: int, progress: Progress) -> list[Measured]:
    """A row for each round of each variant. The first one is ours; the call before the first round is the warm-up."""
    values = [way.call() for way in ways]
    differences = {way.variant: worst_difference(values[0][: way.bars_count], theirs) for way, theirs in zip(ways, values, strict=True)}
    return [
        Measured("cci", variant, settings, values={"ns_a_bar": ns, "worst_difference": differences[variant]})
        for variant, taken_ns in by_turns(ways, rounds, progress).items()
        for ns in taken_ns
    ]


def available(peers: Iterable[Peer]) -> tuple[Loaded, dict[str, str]]:
    """Those that can be imported, and for the others why not."""
    loaded: Loaded = []
    missing: dict[str, str] = {}
    for peer in peers:
        try:
            loaded.append((peer, peer.load()))
        except NotInstalled as error:
            missing[peer.name] = str(error)
    return loaded, missing


def run(options: Options, progress: Progress) -> list[Measured]:
    """Batch over synthetic and real prices, streams, many symbols at once."""
    bars_count, slow_count, pushes = (SMOKE_BARS, SMOKE_SLOW_BARS, SMOKE_PUSHES) if options.is_smoke else (BARS, SLOW_BARS, PUSHES)
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    kernels.warm()
    (loaded, missing), made = available(PEERS), synthetic(bars_count)
    first = _settings("batch", SYNTHETIC, PERIODS[0])
    found = [Measured("cci", name, first, not_run=why) for name, why in missing.items()]
    batches = [(SYNTHETIC, made, period) for period in (SMOKE_CURVE if options.is_smoke else CURVE)]
    try:
        bars_e8 = real(bars_count)
    except NotInstalled as error:
        found.append(Measured("cci", OURS, _settings("batch", FILE, PERIODS[0]), not_run=str(error)))
    else:
        batches += [(FILE, bars_e8, period) for period in PERIODS]
    progress.begin("cci", rounds * (len(batches) + len(STREAM_PERIODS) + 1))
    for data, columns, period in batches:
        ways = batch_ways(columns, period, loaded, slow_count if period in PERIODS else 0)
        found += compared(_settings("batch", data, period), ways, rounds, progress)
    for period in STREAM_PERIODS:
        ways = stream_ways(made[:, : period + pushes], period, loaded)
        found += compared(_settings("stream", SYNTHETIC, period), ways, rounds, progress)
    ways = at_once_ways(STREAM_PERIOD)
    return [*found, *compared(_settings("at once", SYNTHETIC, STREAM_PERIOD), ways, rounds, progress)]


def _settings(way: str, data: str, period: int) -> Settings:
    return {"way": way, "data": data, "period": period}


def figures(options: Options, progress: Progress) -> list[Figure]:
    """Batch against TA-Lib, where it is installed, and the two ways to stream, on synthetic prices."""
    bars_count, pushes = (SMOKE_BARS, SMOKE_PUSHES) if options.is_smoke else (BARS, PUSHES)
    rounds = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    kernels.warm()
    made = synthetic(bars_count)
    talib, _ = available(peer for peer in PEERS if peer.name == TALIB)
    progress.begin("figures: cci", rounds * (len(PERIODS) * len(talib) + 2))
    how = f"{rounds} turns each, synthetic prices"
    found = []
    for period in PERIODS if talib else ():
        taken_ns = _warm_by_turns(batch_ways(made, period, talib, 0), rounds, progress)
        ratios = np.array(taken_ns[OURS]) / np.array(taken_ns[TALIB])
        found.append(_figure(f"cci_talib_{period}", ratios, "x", TALIB, TALIB_LIMITS[period], f"{bars_count} bars a call, {how}"))
    ways = stream_ways(made[:, : STREAM_PERIOD + pushes], STREAM_PERIOD, [])
    taken_us = np.array(_warm_by_turns(ways, rounds, progress)[OURS]) / US_NS
    found.append(_figure("cci_stream_us", taken_us, "us", "CciStream.push, from Python", STREAM_LIMIT_US,
                         f"period {STREAM_PERIOD}, {pushes} bars, the loop included, {how}"))  # fmt: skip
    at_once_ns = np.array(_warm_by_turns(at_once_ways(STREAM_PERIOD), rounds, progress)[OURS])
    found.append(_figure("cci_stream_1000_ns", at_once_ns, "ns", "CciStreams.push, each symbol", AT_ONCE_LIMIT_NS,
                         f"period {STREAM_PERIOD}, a bar of {SYMBOLS} symbols in one call, {how}"))  # fmt: skip
    return found


def _warm_by_turns(ways: Sequence[Way], rounds: int, progress: Progress) -> dict[str, list[float]]:
    for way in ways:
        way.call()
    return by_turns(ways, rounds, progress)


def _figure(id: str, values: Column, unit: str, against: str, limit: float, how: str) -> Figure:
    low, median, high = (float(value) for value in np.percentile(values, (25, 50, 75)))
    holds = Ratio(median, low, high, len(values)).holds(limit)
    return Figure(id, round(median, 3), unit, against, limit, holds, (round(low, 3), round(high, 3)), len(values), how)


SCENARIO = Scenario("cci", "ns for a CCI, in batch and as a stream, beside TA-Lib, tulipy, talipp, pandas-ta", run)
