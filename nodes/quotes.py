"""The newest quote of each symbol and its usual spread, from the market's ticks and no further than its blocks.

Ticks come ahead, on credit, and wait here until a block releases them. The usual spread is the median over the last
hour of one spread a minute, that of the minute's last tick: sixty numbers say as much as all of an hour's ticks, and a
burst of them does not outweigh the other minutes. A crossed quote (bid above ask) has a spread of 0.
"""

from collections import deque

import numpy as np

from mesh.units import MINUTE_NS
from nodes.quote import Quote
from nodes.ticks import TickColumns

HOUR_MINUTES = 60
_ARRAY_FLOOR_COUNT = 16  # below this many ticks the plain loop is faster than setting up the arrays


class Quotes:
    """Quotes by symbol. ``next_seq``: the first tick that has not come; ``released_seq``: all below it have happened."""

    def __init__(self) -> None:
        self.next_seq = 0
        self.released_seq = 0
        self._waiting: deque[tuple[int, TickColumns]] = deque()
        self._quotes: dict[str, Quote] = {}
        self._minutes: dict[str, dict[int, int]] = {}
        """Symbol → minute → spread of that minute's last tick, oldest first."""
        self._medians: dict[str, tuple[int, int | None]] = {}
        """Symbol → (first minute not counted, median), good until its next tick."""

    def restart(self, next_seq: int) -> None:
        """Forget what waits: ticks come again from ``next_seq``."""
        self._waiting.clear()
        self.next_seq = next_seq
        self.released_seq = max(self.released_seq, next_seq)

    def forget(self) -> None:
        """Begin anew: another run of the market counts its ticks from 0 again."""
        self.restart(0)
        self.released_seq = 0
        self._quotes.clear()
        self._minutes.clear()
        self._medians.clear()

    def take(self, first_seq: int, columns: TickColumns) -> int:
        """Keep ticks for later, without those known already; how many are new. Raises ValueError where some are missing."""
        if first_seq > self.next_seq:
            raise ValueError(f"ticks begin at {first_seq}, {self.next_seq} was expected")
        new = columns[self.next_seq - first_seq :]
        if len(new):
            self._waiting.append((self.next_seq, new))
            self.next_seq += len(new)
        return len(new)

    def release(self, through_seq: int) -> int:
        """Let all ticks below ``through_seq`` that came have happened; how many did."""
        count = 0
        while self._waiting and self._waiting[0][0] < through_seq:
            first_seq, columns = self._waiting.popleft()
            ready = min(len(columns), through_seq - first_seq)
            if ready < len(columns):
                self._waiting.appendleft((first_seq + ready, columns[ready:]))
                columns = columns[:ready]
            self._apply(columns)
            count += ready
        self.released_seq = max(self.released_seq, min(through_seq, self.next_seq))
        return count

    def quote(self, symbol: str) -> Quote | None:
        """The newest quote, None before the first."""
        return self._quotes.get(symbol)

    def median_spread_e8(self, symbol: str, market_ns: int) -> int | None:
        """The usual spread of the hour up to ``market_ns``; None where no tick fell into it."""
        since = market_ns // MINUTE_NS - HOUR_MINUTES
        known = self._medians.get(symbol)
        if known is None or known[0] != since:
            spreads = sorted(spread for minute, spread in self._minutes.get(symbol, {}).items() if minute > since)
            middle = len(spreads) // 2
            known = self._medians[symbol] = since, (spreads[middle] + spreads[~middle]) // 2 if spreads else None
        return known[1]

    def _apply(self, columns: TickColumns) -> None:
        if len(columns) < _ARRAY_FLOOR_COUNT:
            for index in range(len(columns)):
                self._tick(columns, index)
            return
        for position in range(len(columns.symbols)):
            rows = np.flatnonzero(columns.symbol_index == position)
            if len(rows):
                minutes = columns.time_ns[rows] // MINUTE_NS
                last_of_minute = np.flatnonzero(np.append(minutes[1:] != minutes[:-1], True))
                for row in rows[last_of_minute[-HOUR_MINUTES:]]:
                    self._tick(columns, int(row))

    def _tick(self, columns: TickColumns, index: int) -> None:
        symbol = columns.symbols[columns.symbol_index[index]]
        quote = Quote(int(columns.bid_e8[index]), int(columns.ask_e8[index]), int(columns.time_ns[index]))
        self._quotes[symbol] = quote
        self._medians.pop(symbol, None)
        minutes = self._minutes.setdefault(symbol, {})
        minutes[quote.market_ns // MINUTE_NS] = quote.spread_e8
        if len(minutes) > 2 * HOUR_MINUTES:
            since = quote.market_ns // MINUTE_NS - HOUR_MINUTES
            self._minutes[symbol] = {minute: spread for minute, spread in minutes.items() if minute > since}
