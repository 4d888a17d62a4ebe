"""Plays the market's ticks to the simulated server, and stops after the first one that changed anything."""

from bisect import bisect_left
from collections import deque

import msgspec
import numpy as np

from nodes.broker.setup import BrokerNames
from nodes.terminal.engine import Changes, Terminal
from nodes.ticks import TickColumns


class _Chunk(msgspec.Struct, gc=False):
    """Ticks from ``first_seq`` on under the server's names; ``ends``: server ticks up to and with each market tick."""

    first_seq: int
    times_ns: list[int]
    ticks: TickColumns
    ends: list[int]


class TickPlayer:
    """``played_seq``: all ticks below were played, the last of them at ``last_ns``."""

    def __init__(self, terminal: Terminal, broker_names: BrokerNames, played_seq: int) -> None:
        self.played_seq = played_seq
        self.last_ns = 0
        self._terminal = terminal
        self._names = broker_names
        self._chunks: deque[_Chunk] = deque()

    def restart(self, next_seq: int) -> None:
        """Ticks come again from ``next_seq``: forget what is here of them."""
        while self._chunks and self._chunks[-1].first_seq >= next_seq:
            self._chunks.pop()

    def take(self, first_seq: int, ticks: TickColumns) -> None:
        """Keep ticks until they are released. Those an earlier life has played only fill history and quotes."""
        known_count = min(max(self.played_seq - first_seq, 0), len(ticks))
        if known_count:
            self._remember(self._names.server_ticks(ticks[:known_count]))
        new = ticks[known_count:]
        if len(new):
            ends = self._names.rows_of(new)
            self._chunks.append(_Chunk(first_seq + known_count, new.time_ns.tolist(), self._names.server_ticks(new), ends))

    @property
    def next_ns(self) -> int | None:
        """The time of the next tick that is here; None where none is."""
        while self._chunks and self._chunks[0].first_seq + len(self._chunks[0].times_ns) <= self.played_seq:
            self._chunks.popleft()
        return self._chunks[0].times_ns[self.played_seq - self._chunks[0].first_seq] if self._chunks else None

    def play(self, through_seq: int, until_ns: int) -> tuple[Changes, tuple[int, ...]]:
        """Play ticks below ``through_seq`` up to ``until_ns``; what changed, and whose equity watch fired.

        Stops after the first tick that changed something, where all names of its symbol have ticked.
        """
        while self.played_seq < through_seq and (next_ns := self.next_ns) is not None and next_ns <= until_ns:
            changes, fired = self._play_chunk(self._chunks[0], through_seq, until_ns)
            if changes or fired:
                return changes, fired
        return (), ()

    def _play_chunk(self, chunk: _Chunk, through_seq: int, until_ns: int) -> tuple[Changes, tuple[int, ...]]:
        first = self.played_seq - chunk.first_seq
        last = min(through_seq - chunk.first_seq, int(np.searchsorted(chunk.times_ns, until_ns, side="right")))
        row, end_row = (chunk.ends[first - 1] if first else 0), chunk.ends[last - 1]
        changes: Changes = ()
        fired: tuple[int, ...] = ()
        ticks = chunk.ticks
        while row < end_row:
            row, more = self._terminal.on_ticks(
                ticks.symbol_index, ticks.time_ns, ticks.bid_e8, ticks.ask_e8, ticks.symbols, row, end_row, True
            )
            changes += more
            fired += self._terminal.take_fired()
            if changes or fired:
                last = bisect_left(chunk.ends, row) + 1
                end_row = chunk.ends[last - 1]
        self.played_seq = chunk.first_seq + last
        self.last_ns = chunk.times_ns[last - 1]
        return changes, fired

    def _remember(self, ticks: TickColumns) -> None:
        for index, name in enumerate(ticks.symbols):
            rows = np.flatnonzero(ticks.symbol_index == index)
            if len(rows):
                book, last = self._terminal.books[name], rows[-1]
                book.history.extend(ticks.time_ns[rows], ticks.bid_e8[rows], ticks.ask_e8[rows])
                book.quote(int(ticks.time_ns[last]), int(ticks.bid_e8[last]), int(ticks.ask_e8[last]))
