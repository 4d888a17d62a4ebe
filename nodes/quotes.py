"""The newest quote of each symbol and its usual spread, from the market's ticks and no further than its blocks.

Ticks come ahead, on credit, and wait here until a block releases them. The usual spread is the median over the last
hour of one spread a minute, that of the minute's last tick: sixty numbers say as much as all of an hour's ticks, and a
burst of them does not outweigh the other minutes. A crossed quote (bid above ask) has a spread of 0.

Without numpy, which is 13 MB in a process: what is wanted of a tick is that it is the last of its minute.
"""

import struct
from collections import deque

from mesh.messages.market import Ticks
from mesh.units import MINUTE_NS
from nodes.quote import Quote

HOUR_MINUTES = 60
_INDEX_BYTES, _TIME_BYTES = 2, 8
"""Of a symbol's index; of a time or a price."""


class _Chunk:
    """The ticks of a message. Raises ValueError where its columns do not fit together or name no symbol of the message."""

    __slots__ = ("_ticks", "count", "symbols")

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self.symbols = ticks.symbols
        self.count = len(ticks.time_ns) // _TIME_BYTES
        wanted = [self.count * width for width in (_INDEX_BYTES, _TIME_BYTES, _TIME_BYTES, _TIME_BYTES)]
        lengths = [len(column) for column in (ticks.symbol_index, ticks.time_ns, ticks.bid_e8, ticks.ask_e8)]
        if lengths != wanted:
            raise ValueError(f"columns differ in length: {lengths} bytes for {self.count} ticks")
        highest = max(self._column("H", ticks.symbol_index, 0, self.count), default=0)
        if self.count and highest >= len(self.symbols):
            raise ValueError(f"symbol_index {highest} of {len(self.symbols)} symbols")

    def rows(self, start: int, stop: int) -> list[tuple[int, int, int, int]]:
        """Symbol index, time, bid and ask of ticks ``start … stop``."""
        ticks, column = self._ticks, self._column
        columns = [column("q", raw, start, stop) for raw in (ticks.time_ns, ticks.bid_e8, ticks.ask_e8)]
        return list(zip(column("H", ticks.symbol_index, start, stop), *columns, strict=True))

    @staticmethod
    def _column(kind: str, raw: bytes, start: int, stop: int) -> tuple[int, ...]:
        width = _INDEX_BYTES if kind == "H" else _TIME_BYTES
        return struct.unpack_from(f"<{stop - start}{kind}", raw, start * width)


class Quotes:
    """Quotes by symbol. ``next_seq``: the first tick that has not come; ``released_seq``: all below it have happened."""

    def __init__(self) -> None:
        self.next_seq = 0
        self.released_seq = 0
        self._waiting: deque[tuple[int, _Chunk]] = deque()
        """The number of each one's first tick that has not happened, known already or not."""
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

    def take(self, ticks: Ticks) -> int:
        """Keep ticks for later, without those known already; how many are new. Raises ValueError where some are missing."""
        if ticks.first_seq > self.next_seq:
            raise ValueError(f"ticks begin at {ticks.first_seq}, {self.next_seq} was expected")
        chunk = _Chunk(ticks)
        new_count = ticks.first_seq + chunk.count - self.next_seq
        if new_count <= 0:
            return 0
        self._waiting.append((self.next_seq, chunk))
        self.next_seq += new_count
        return new_count

    def release(self, through_seq: int) -> int:
        """Let all ticks below ``through_seq`` that came have happened; how many did."""
        count = 0
        while self._waiting and self._waiting[0][0] < through_seq:
            first_seq, chunk = self._waiting.popleft()
            end_seq = self._waiting[0][0] if self._waiting else self.next_seq
            ready_seq = min(end_seq, through_seq)
            if ready_seq < end_seq:
                self._waiting.appendleft((ready_seq, chunk))
            self._apply(chunk, chunk.count - (end_seq - first_seq), chunk.count - (end_seq - ready_seq))
            count += ready_seq - first_seq
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

    def _apply(self, chunk: _Chunk, start: int, stop: int) -> None:
        """Ticks ``start … stop`` happened: the last of each symbol's minutes counts."""
        last_of_minute: dict[tuple[int, int], tuple[int, int, int, int]] = {}
        for row in chunk.rows(start, stop):
            key = row[0], row[1] // MINUTE_NS
            last_of_minute.pop(key, None)  # the newest last, also where a market's time went back
            last_of_minute[key] = row
        for (position, minute), (_, time_ns, bid_e8, ask_e8) in last_of_minute.items():
            symbol = chunk.symbols[position]
            quote = Quote(bid_e8, ask_e8, time_ns)
            self._quotes[symbol] = quote
            self._medians.pop(symbol, None)
            minutes = self._minutes.setdefault(symbol, {})
            minutes[minute] = quote.spread_e8
            if len(minutes) > 2 * HOUR_MINUTES:
                since = minute - HOUR_MINUTES
                self._minutes[symbol] = {minute: spread for minute, spread in minutes.items() if minute > since}
