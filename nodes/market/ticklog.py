"""What a live market keeps of its ticks: a row for each answer of the terminal, joined to whole chunks, the oldest dropped.

A restarted market has the same ticks under the same ``seq`` as its listeners, whatever the terminal would tell it today.
"""

from mesh.codec import decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.market import Ticks
from nodes.tape import CHUNK_TICKS_MAX, KEPT_TICKS_MAX
from nodes.ticks import NO_TICKS, TickColumns, columns_of, concatenated

TICKS = "ticks"
_KEY_BYTES = 8


class TickLog:
    """Rows of the store by the ``seq`` of their first tick. ``end_seq``: the next tick's."""

    def __init__(self, symbols: tuple[str, ...], kept_count: int = KEPT_TICKS_MAX) -> None:
        self.end_seq = 0
        self._symbols = symbols
        self._kept_count = kept_count
        self._whole_seqs: list[int] = []
        """First ticks of the rows that are whole chunks, oldest first."""
        self._parts: list[tuple[int, TickColumns]] = []
        """The rows after them."""

    def add(self, ticks: TickColumns) -> list[Put]:
        """The rows that keep these ticks as the next ones; rows they make needless are deleted."""
        puts: list[Put] = []
        for first in range(0, len(ticks), CHUNK_TICKS_MAX):
            part = ticks[first : first + CHUNK_TICKS_MAX]
            puts.append(self._put(self.end_seq, part))
            self._parts.append((self.end_seq, part))
            self.end_seq += len(part)
            if sum(len(known) for _, known in self._parts) >= CHUNK_TICKS_MAX:
                puts += self._joined()
        while self._whole_seqs and self.end_seq - self._whole_seqs[0] > self._kept_count + CHUNK_TICKS_MAX:
            puts.append(Put(TICKS, _key(self._whole_seqs.pop(0)), None))
        return puts

    def _joined(self) -> list[Put]:
        """The parts as rows of a chunk each, and what is left of them as one."""
        first_seq = self._parts[0][0]
        ticks = concatenated([no_ticks_of(self._symbols), *(part for _, part in self._parts)])
        puts = [Put(TICKS, _key(seq), None) for seq, _ in self._parts]
        self._parts = []
        while len(ticks) >= CHUNK_TICKS_MAX:
            puts.append(self._put(first_seq, ticks[:CHUNK_TICKS_MAX]))
            self._whole_seqs.append(first_seq)
            first_seq, ticks = first_seq + CHUNK_TICKS_MAX, ticks[CHUNK_TICKS_MAX:]
        if len(ticks):
            puts.append(self._put(first_seq, ticks))
            self._parts = [(first_seq, ticks)]
        return puts

    def _put(self, first_seq: int, ticks: TickColumns) -> Put:
        record = Ticks(
            first_seq,
            list(self._symbols),
            ticks.symbol_index.astype("<u2", copy=False).tobytes(),
            ticks.time_ns.astype("<i8", copy=False).tobytes(),
            ticks.bid_e8.astype("<i8", copy=False).tobytes(),
            ticks.ask_e8.astype("<i8", copy=False).tobytes(),
        )
        return Put(TICKS, _key(first_seq), encode(record))

    def load(self, records: list[bytes]) -> tuple[int, TickColumns]:
        """The ticks of stored rows and the ``seq`` of the first. Raises BadFrame for a row that is damaged."""
        rows = sorted((decode_record_untrusted(record, Ticks) for record in records), key=lambda row: row.first_seq)
        parts: list[TickColumns] = []
        for row in rows:
            ticks = columns_of(row)
            assert not parts or row.first_seq == self.end_seq, f"ticks {self.end_seq} to {row.first_seq - 1} are missing in the store"
            parts.append(ticks)
            self.end_seq = row.first_seq + len(ticks)
            if len(ticks) == CHUNK_TICKS_MAX and not self._parts:
                self._whole_seqs.append(row.first_seq)
            else:
                self._parts.append((row.first_seq, ticks))
        return (rows[0].first_seq if rows else 0), concatenated([no_ticks_of(self._symbols), *parts])


def no_ticks_of(symbols: tuple[str, ...]) -> TickColumns:
    """No ticks of these symbols."""
    return TickColumns(symbols, NO_TICKS.symbol_index, NO_TICKS.time_ns, NO_TICKS.bid_e8, NO_TICKS.ask_e8)


def _key(seq: int) -> bytes:
    return seq.to_bytes(_KEY_BYTES, "big")
