"""Where the market's ticks come from: a recorded feed as a whole, or one that is made as it is played."""

from typing import Protocol

import numpy as np

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.units import MINUTE_NS, NEVER
from nodes.contractbook import contract_for
from nodes.market.synthetic import SyntheticMarket
from nodes.ticks import NO_TICKS, TickColumns

MADE_MINUTES = 240
"""Minutes of the synthetic market made in one go: some ten thousand ticks, three milliseconds."""


class TickSource(Protocol):
    """Ticks of a run, always the same ones, from its first to its last.

    ``start_seq``: ticks below are history: bars are built from them and nothing is traded. ``end_ns``: where market
    time ends, ``NEVER`` for an endless source; ``total_count``: ticks in all, 0 where that is not known.
    """

    symbols: tuple[str, ...]
    feed_timeframes: dict[str, str]
    start_seq: int
    end_ns: int
    total_count: int

    def more(self) -> TickColumns:
        """The next ticks, in order of time; none: it is over."""


class RecordedSource:
    """Files that were read and merged: all ticks at once. Raises ValueError for a feed without a tick."""

    def __init__(self, columns: TickColumns, feed_timeframes: dict[str, str], end_ns: int, start_seq: int = 0) -> None:
        if not len(columns):
            raise ValueError("the feed has no tick")
        self.symbols = columns.symbols
        self.feed_timeframes = feed_timeframes
        self.start_seq = start_seq
        self.end_ns = max(end_ns, int(columns.time_ns[-1]))
        self.total_count = len(columns)
        self._rest = columns

    def more(self) -> TickColumns:
        """Everything the first time, then nothing."""
        columns, self._rest = self._rest, self._rest[len(self._rest) :]
        return columns


def is_endless(source: TickSource) -> bool:
    """Whether the source never ends by itself."""
    return source.end_ns >= NEVER


class SyntheticSource:
    """The seeded market, made as it is played: ``backfill_minutes`` of history, then ``minutes`` of trading (0: endless).

    Raises BadConfig for a start that is no date, and for a symbol without contract data.
    """

    def __init__(self, config: Config) -> None:
        market = config.settings.market
        self._start_ns = _day_ns(market.start) - market.backfill_minutes * MINUTE_NS
        contracts = {symbol: contract_for(config, symbol) for symbol in market.symbols}
        self._market = SyntheticMarket(config.settings.mesh.seed, market.symbols, self._start_ns, contracts)
        self.symbols = market.symbols
        self.feed_timeframes = dict.fromkeys(market.symbols, "M1")
        self._minutes_left = market.backfill_minutes + market.minutes if market.minutes else NEVER
        self.end_ns = self._start_ns + self._minutes_left * MINUTE_NS if market.minutes else NEVER
        self.total_count = 0
        self._next_minute = 0
        self._history = self._made(market.backfill_minutes)
        self.start_seq = len(self._history)

    def more(self) -> TickColumns:
        """The history the first time, then some hours of ticks."""
        history, self._history = self._history, self._history[:0]
        return history if len(history) else self._made(min(MADE_MINUTES, self._minutes_left))

    def _made(self, count: int) -> TickColumns:
        columns = self._market.minutes(self._next_minute, count) if count else _none_of(self.symbols)
        self._next_minute += count
        self._minutes_left -= count
        return columns


def _none_of(symbols: tuple[str, ...]) -> TickColumns:
    return TickColumns(symbols, NO_TICKS.symbol_index, NO_TICKS.time_ns, NO_TICKS.bid_e8, NO_TICKS.ask_e8)


def _day_ns(text: str) -> int:
    """Midnight UTC of a date."""
    try:
        return int(np.datetime64(text, "ns").astype(np.int64))
    except ValueError:
        raise BadConfig(f"market.start = {text}: a date like 2026-01-05 is expected") from None
