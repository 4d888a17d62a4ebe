"""The tick tape: all ticks of a run by their dense ``seq``, and how far each receiver has been given them.

The market appends what its source yields and hands it out in chunks on credit; a receiver may start again from any
``seq`` that is still kept. ``TickIntake`` is the receiver's side: it takes what comes next and nothing else.
"""

import numpy as np
import numpy.typing as npt

from mesh.messages.base import Msg
from mesh.messages.market import TickCredit, Ticks
from nodes.ticks import NO_TICKS, TickColumns, columns_of

CHUNK_TICKS_MAX = 2_000
"""52 KB of columns: a chunk fits in a frame of 64 KB."""
BLOCK_TICKS_MAX = 4_000
"""Of a block: broker and indicator work on one while the other works on the next. A thousand M1 bars are enough for both."""
CREDIT_TICKS = 5 * BLOCK_TICKS_MAX
"""What a receiver takes beyond the ticks it is done with: whole blocks, or an indicator could not compute beyond the next."""
READY_TICKS = CREDIT_TICKS + BLOCK_TICKS_MAX
"""What the market has ready beyond the released ticks: what an indicator takes ahead, and a block, which may be over at the broker
before the indicator hears so."""
OWED_APART_TICKS = BLOCK_TICKS_MAX
"""With a block beyond it, still less than any credit."""
KEPT_TICKS_MAX = 4_000_000
"""Of an endless source, about 100 MB."""
_FIRST_CAPACITY_COUNT = 1 << 16
_ALL = 1 << 62


class Tape:
    """Ticks ``first_seq`` to ``end_seq`` (exclusive) in columns that only grow at the end.

    ``keep_count``: of an endless source, the ticks kept at least; the oldest beyond a quarter more are dropped. It may begin at a
    ``first_seq``: the ticks before were dropped in an earlier life.
    """

    def __init__(self, symbols: tuple[str, ...], keep_count: int = _ALL, first_seq: int = 0) -> None:
        self.symbols = symbols
        self.first_seq = first_seq
        self.end_seq = first_seq
        self._keep_count = keep_count
        self._columns = TickColumns(
            symbols, NO_TICKS.symbol_index, NO_TICKS.time_ns, NO_TICKS.bid_e8, NO_TICKS.ask_e8
        )
        """Longer than what is kept while there is room to grow."""

    def append(self, ticks: TickColumns) -> None:
        """Put ticks at the end. Raises ValueError for other symbols than the tape's, and for ticks before its last."""
        if ticks.symbols != self.symbols:
            raise ValueError(f"ticks of {ticks.symbols}, the tape holds {self.symbols}")
        if not len(ticks):
            return
        if self.end_seq > self.first_seq and int(ticks.time_ns[0]) < self.time_ns(self.end_seq - 1):
            raise ValueError(f"ticks from {ticks.time_ns[0]} ns, the tape is at {self.time_ns(self.end_seq - 1)} ns")
        if self.end_seq == self.first_seq:
            self._columns = ticks  # a whole file at once: its columns are shared, not copied
        else:
            self._make_room(len(ticks))
            used = self.end_seq - self.first_seq
            rows = slice(used, used + len(ticks))
            for column, new in zip(_arrays(self._columns), _arrays(ticks), strict=True):
                column[rows] = new
        self.end_seq += len(ticks)

    def time_ns(self, seq: int) -> int:
        """Market time of one tick."""
        return int(self._columns.time_ns[seq - self.first_seq])

    def first_after(self, market_ns: int, from_seq: int) -> int:
        """The first tick from ``from_seq`` on that is later than ``market_ns``; ``end_seq`` where there is none yet."""
        times = self._columns.time_ns[from_seq - self.first_seq : self.end_seq - self.first_seq]
        return from_seq + int(np.searchsorted(times, market_ns, side="right"))

    def ticks(self, first_seq: int, through_seq: int) -> Ticks:
        """The message with ticks ``first_seq`` … ``through_seq`` − 1."""
        rows = slice(first_seq - self.first_seq, through_seq - self.first_seq)
        columns = self._columns
        return Ticks(
            first_seq,
            list(self.symbols),
            columns.symbol_index[rows].astype("<u2", copy=False).tobytes(),
            columns.time_ns[rows].astype("<i8", copy=False).tobytes(),
            columns.bid_e8[rows].astype("<i8", copy=False).tobytes(),
            columns.ask_e8[rows].astype("<i8", copy=False).tobytes(),
        )

    def _make_room(self, count: int) -> None:
        """Arrays of our own with room for ``count`` more, without the oldest where too many are kept."""
        used = self.end_seq - self.first_seq
        drop = used - self._keep_count if used > self._keep_count + self._keep_count // 4 else 0
        if drop == 0 and used + count <= len(self._columns):
            return
        capacity = max(_FIRST_CAPACITY_COUNT, 2 * (used - drop + count))
        grown = [np.empty(capacity, dtype=column.dtype) for column in _arrays(self._columns)]
        for target, column in zip(grown, _arrays(self._columns), strict=True):
            target[: used - drop] = column[drop:used]
        self._columns = TickColumns(self.symbols, grown[0], grown[1], grown[2], grown[3])
        self.first_seq += drop


def _arrays(columns: TickColumns) -> tuple[npt.NDArray[np.generic], ...]:
    return columns.symbol_index, columns.time_ns, columns.bid_e8, columns.ask_e8


class TickStream:
    """One receiver's way along the tape, and what must not reach it before the ticks it speaks of."""

    def __init__(self, next_seq: int) -> None:
        self.next_seq = next_seq
        """The first tick not handed out."""
        self._limit_seq = next_seq
        self._owed: list[tuple[int, Msg]] = []
        """Messages that wait until all ticks below a seq are handed out."""

    def credit(self, credit: TickCredit) -> None:
        """The receiver has room for more."""
        self._limit_seq = max(self._limit_seq, credit.next_seq + credit.room_count)

    def owe(self, seq: int, message: Msg) -> None:
        """Hand ``message`` out once all ticks below ``seq`` are; it takes the place of the one of its type owed last.

        But of those of its type one stays in each ``OWED_APART_TICKS``: who gives credit by the blocks it knows of has to hear of one
        before its credit ends, however far the market is by then.
        """
        same = [owed_seq for owed_seq, owed in self._owed if type(owed) is type(message)]
        if same and (same[-1] >= seq or same[-1] - (same[-2] if len(same) > 1 else self.next_seq) < OWED_APART_TICKS):
            self._owed.remove(next(each for each in reversed(self._owed) if type(each[1]) is type(message)))
        self._owed.append((seq, message))

    def pump(self, tape: Tape, through_seq: int) -> list[Msg]:
        """What may go out now: ticks below ``through_seq`` as far as credit reaches, and messages no longer owed."""
        out: list[Msg] = []
        end_seq = min(through_seq, self._limit_seq, tape.end_seq)
        self.next_seq = max(self.next_seq, tape.first_seq)
        while self.next_seq < end_seq:
            chunk_end_seq = min(end_seq, self.next_seq + CHUNK_TICKS_MAX)
            out.append(tape.ticks(self.next_seq, chunk_end_seq))
            self.next_seq = chunk_end_seq
        while self._owed and self._owed[0][0] <= self.next_seq:
            out.append(self._owed.pop(0)[1])
        return out


class TickIntake:
    """The receiver's side: takes the ticks that come next and refuses the rest, in words for a note."""

    def __init__(self, room_count: int) -> None:
        self.next_seq = 0
        self._room_count = room_count
        self._symbols: tuple[str, ...] = ()
        self._last_ns = -_ALL

    def restart(self, next_seq: int, symbols: tuple[str, ...]) -> None:
        """Ticks come again from ``next_seq``, of these symbols."""
        self.next_seq = next_seq
        self._symbols = symbols
        self._last_ns = -_ALL

    def take(self, ticks: Ticks) -> tuple[TickColumns, str]:
        """The ticks not taken before, and what is wrong with the chunk (empty: nothing).

        A chunk of known ticks gives no ticks and is fine; ``missing`` in the words means that ticks were lost.
        """
        if tuple(ticks.symbols) != self._symbols:
            return NO_TICKS, f"symbols {', '.join(ticks.symbols[:8])} are not those of the welcome"
        try:
            columns = columns_of(ticks)
        except ValueError as error:
            return NO_TICKS, f"damaged: {error}"
        if ticks.first_seq > self.next_seq:
            return NO_TICKS, f"ticks {self.next_seq} to {ticks.first_seq - 1} are missing"
        new = columns[self.next_seq - ticks.first_seq :]
        if not len(new):
            return NO_TICKS, ""
        if int(new.time_ns[0]) < self._last_ns or bool(np.any(new.time_ns[1:] < new.time_ns[:-1])):
            return NO_TICKS, f"damaged: times run backwards after tick {self.next_seq}"
        if int(new.bid_e8.min()) <= 0 or int(new.ask_e8.min()) <= 0:
            return NO_TICKS, f"damaged: a price is not above 0 after tick {self.next_seq}"
        self.next_seq += len(new)
        self._last_ns = int(new.time_ns[-1])
        return new, ""

    def credit(self, done_seq: int) -> TickCredit:
        """Room for what comes after ``done_seq``, the first tick still held here."""
        return TickCredit(self.next_seq, max(0, self._room_count - (self.next_seq - done_seq)))
