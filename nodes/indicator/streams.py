"""One stream of bars: a symbol in a timeframe, with every CCI, level, ATR and pattern that some strategy asks of it.

Computed ahead of market time, tick chunk by tick chunk; what comes of it waits here until a block releases the tick that
closed the bar. A crossing is a signal in both directions of +level and −level: strategies choose.
"""

from collections import deque
from decimal import Decimal

import msgspec
import numpy as np

from mesh.config import Config
from mesh.messages.signals import CCI_DOWN, CCI_UP, PATTERN, Signal
from mesh.units import SECOND_NS, e8_from_float, float_from_e8
from nodes.candles import AtrStream, Bar, CandleBuilder, CciStream, CrossStream
from nodes.kernels import Integers, Values
from nodes.patterns import mask_of, pattern_names, patterns_of
from nodes.sizing import e8_of
from nodes.strategy import Strategies
from nodes.zones import Zone


class StreamSpec(msgspec.Struct, frozen=True):
    """What strategies ask of one stream: levels by CCI period (both signs), periods of ATRs, patterns as bits."""

    symbol: str
    timeframe: str
    levels_e8: dict[int, tuple[int, ...]]
    atr_periods: tuple[int, ...]
    patterns: int


def specs_of(config: Config, feed_timeframes: dict[str, str]) -> list[StreamSpec]:
    """All streams of a market's symbols that strategies ask for, in a fixed order; raises BadConfig for a pattern."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for name, strategy in config.strategy.items():
        if strategy.kind == "manual":
            continue
        for symbol in config.symbols_of(name, list(feed_timeframes)):
            timeframe = feed_timeframes[symbol] if strategy.timeframe == "feed" else strategy.timeframe
            wanted.setdefault((symbol, timeframe), []).append(name)
    return [_spec(config, *wanted_of, names) for wanted_of, names in sorted(wanted.items())]


def _spec(config: Config, symbol: str, timeframe: str, names: list[str]) -> StreamSpec:
    levels: dict[int, dict[int, None]] = {}
    patterns = 0
    for name in names:
        strategy = config.strategy[name]
        level_e8 = e8_of(strategy.level)
        levels.setdefault(strategy.period, {}).update({level_e8: None, -level_e8: None})
        patterns |= mask_of(strategy.candles, 1) | mask_of(strategy.candles, -1)
    periods = {config.strategy[name].atr_period: None for name in names}
    by_period = {period: tuple(sorted(found)) for period, found in sorted(levels.items())}
    return StreamSpec(symbol, timeframe, by_period, tuple(sorted(periods)), patterns)


class ClosedBar(msgspec.Struct, frozen=True, gc=False):
    """A closed bar and what was computed of it. ``seq``: the tick that closed it, or the last one before time did.

    ``ccis``: by period in the spec's order, NaN before the first value. ``signals``: (kind, period, level, name).
    """

    seq: int
    closed_ns: int
    bar: Bar
    ccis: Values
    atrs_e8: tuple[int, ...]
    patterns: int
    signals: tuple[tuple[str, int, int, str], ...]


class BarStream:
    """Bars, CCIs, ATRs, crossings and patterns of one stream, and the closed bars that are not released yet."""

    def __init__(self, spec: StreamSpec, zone: Zone, source: str, strategies: Strategies, feed_timeframe: str) -> None:
        self.spec = spec
        self.builder = CandleBuilder(spec.symbol, spec.timeframe, zone)
        self.ready: deque[ClosedBar] = deque()
        self.watermark_ns = -(2**63)
        """Start of the newest bar whose signals were all answered in an earlier life: up to it the stream is silent."""
        self.released_ns = self.watermark_ns
        """Start of the newest bar released."""
        self.released_count = 0
        """Bars released in all lives of the run."""
        self._source = source
        self._strategies = strategies
        self._feed_timeframe = feed_timeframe
        self._is_wanted: dict[tuple[str, int, int, int], bool] = {}
        """(kind, period, level, patterns) → whether some strategy acts on it."""
        self._ccis = [CciStream(period) for period in spec.levels_e8]
        self._atrs = [AtrStream(period) for period in spec.atr_periods]
        self._crosses = [
            (index, period, level_e8, CrossStream(float_from_e8(level_e8)))
            for index, (period, levels_e8) in enumerate(spec.levels_e8.items())
            for level_e8 in levels_e8
        ]
        self._before: Bar | None = None

    def take(self, first_seq: int, seqs: Integers, times_ns: Integers, bids_e8: Integers, asks_e8: Integers) -> list[int]:
        """Compute ticks; the seqs from ``first_seq`` on (below is history) whose bars made signals that some strategy wants.

        The market asks everybody before it releases those; a signal nobody acts on is released as time passes.
        """
        closed = self.builder.push_ticks(times_ns, bids_e8, asks_e8)
        if not closed:
            return []
        rows = [index for index, _ in closed]
        bars = [bar for _, bar in closed]
        return self._add(first_seq, seqs[rows].tolist(), times_ns[rows].tolist(), bars)

    def close_due(self, seq: int, market_ns: int, grace_ns: int) -> None:
        """Close the open bar where market time is ``grace_ns`` past its end; ``seq`` is the last tick that has happened."""
        bar = self.builder.close_due(market_ns, grace_ns)
        if bar is not None:
            self._add(seq, [seq], [market_ns], [bar])

    def release(self, through_seq: int) -> list[ClosedBar]:
        """Bars closed by ticks below ``through_seq``, without those known from an earlier life."""
        out: list[ClosedBar] = []
        ready = self.ready
        while ready and ready[0].seq < through_seq:
            closed = ready.popleft()
            if closed.bar.start_ns > self.watermark_ns:
                self.released_ns = closed.bar.start_ns
                self.released_count += 1
                out.append(closed)
        return out

    def signals_of(self, closed: ClosedBar, now_ns: int) -> list[Signal]:
        """The messages of a released bar, stamped with the source's monotonic clock."""
        return [self._signal(closed, now_ns, *signal) for signal in closed.signals]

    def _add(self, first_seq: int, seqs: list[int], times_ns: list[int], bars: list[Bar]) -> list[int]:
        highs_e8 = np.array([bar.high_e8 for bar in bars], np.int64)
        lows_e8 = np.array([bar.low_e8 for bar in bars], np.int64)
        closes_e8 = np.array([bar.close_e8 for bar in bars], np.int64)
        ccis = [cci.fill(highs_e8, lows_e8, closes_e8) for cci in self._ccis]
        atrs = [atr.fill(highs_e8, lows_e8, closes_e8).tolist() for atr in self._atrs]
        signals: dict[int, list[tuple[str, int, int, str]]] = {}
        for index, period, level_e8, cross in self._crosses:
            crossed = cross.fill(ccis[index])
            for row in np.flatnonzero(crossed).tolist():
                kind = CCI_UP if crossed[row] > 0 else CCI_DOWN
                signals.setdefault(row, []).append((kind, period, level_e8, ""))
        patterns = self._patterns(bars, signals)
        values = np.column_stack(ccis)
        atr_rows = list(zip(*atrs, strict=True))
        signal_seqs: list[int] = []
        for row, bar in enumerate(bars):
            if seqs[row] < first_seq:
                continue
            found = tuple(signals.get(row, ()))
            closed = ClosedBar(seqs[row], times_ns[row], bar, values[row], atr_rows[row], patterns.get(row, 0), found)
            if any([self._wanted(closed, signal) for signal in found]):
                signal_seqs.append(seqs[row])
            self.ready.append(closed)
        self._before = bars[-1]
        return signal_seqs

    def _patterns(self, bars: list[Bar], signals: dict[int, list[tuple[str, int, int, str]]]) -> dict[int, int]:
        """Bits of the bars that need them: all where a strategy names patterns, else those with a crossing."""
        found: dict[int, int] = {}
        for row in range(len(bars)) if self.spec.patterns else sorted(signals):
            before = bars[row - 1] if row else self._before
            found[row] = patterns_of([bars[row]] if before is None else [before, bars[row]])
            for name in pattern_names(found[row] & self.spec.patterns):
                signals.setdefault(row, []).append((PATTERN, 0, 0, name))
        return found

    def _wanted(self, closed: ClosedBar, signal: tuple[str, int, int, str]) -> bool:
        kind, period, level_e8, _name = signal
        key = (kind, period, level_e8, closed.patterns)
        known = self._is_wanted.get(key)
        if known is None:
            known = bool(self._strategies.wishes(self._signal(closed, 0, *signal), self._feed_timeframe))
            self._is_wanted[key] = known
        return known

    def _signal(self, closed: ClosedBar, now_ns: int, kind: str, period: int, level_e8: int, name: str) -> Signal:
        spec, bar = self.spec, closed.bar
        what = name or f"{period}/{level_text(level_e8)}"
        index = list(spec.levels_e8).index(period) if period else 0
        return Signal(
            sid=f"{self._source}/{spec.symbol}/{spec.timeframe}/{bar.start_ns // SECOND_NS}/{kind}/{what}",
            source=self._source,
            kind=kind,
            symbol=spec.symbol,
            timeframe=spec.timeframe,
            bar_start_ns=bar.start_ns,
            close_e8=bar.close_e8,
            ts_event_ns=closed.closed_ns,
            stamp_ns=now_ns,
            name=name,
            period=period,
            level_e8=level_e8,
            value_e8=e8_from_float(closed.ccis[index]) if period else 0,
            patterns=closed.patterns,
            atr_periods=list(spec.atr_periods),
            atr_e8=[max(0, atr_e8) for atr_e8 in closed.atrs_e8],
        )


def level_text(level_e8: int) -> str:
    """A level as people write it: 100, -100, 62.5."""
    return f"{Decimal(level_e8).scaleb(-8).normalize():f}"
