"""The ticks and M1 bars a symbol has shown, bounded: what ``copy_ticks_*`` and ``copy_rates_*`` are read from.

Ticks go into columns of twice the size that is kept; when those are full the newest half moves to the front. Bars are not
built a tick at a time but from columns of ticks, when somebody reads them or the columns move. Bars are of the bid, as
MetaTrader draws them; their spread is the smallest of the minute. Times here are market time.
"""

import numpy as np
from numpy.typing import NDArray

from mesh.units import MINUTE_NS, NEVER
from nodes.terminal import names

Column = NDArray[np.int64]

BAR_COLUMNS = ("time_ns", "open_e8", "high_e8", "low_e8", "close_e8", "tick_count", "spread_e8", "ask_high_e8", "ask_low_e8")
"""A column of bars is a row of the array, in this order."""
_TIME, _OPEN, _HIGH, _LOW, _CLOSE, _COUNT, _SPREAD, _ASK_HIGH, _ASK_LOW = range(len(BAR_COLUMNS))

_FIRST_BARS_COUNT = 1_024
_BID_CHANGED, _ASK_CHANGED = names.TICK_FLAG_BID, names.TICK_FLAG_ASK


class History:
    """The newest ticks and bars of one symbol."""

    __slots__ = (
        "_asks",
        "_bar_count",
        "_bars",
        "_bars_count_max",
        "_bids",
        "_count",
        "_ticks",
        "_ticks_count_max",
        "_times",
        "_unbarred_from",
    )

    def __init__(self, ticks_count_max: int, bars_count_max: int) -> None:
        self._ticks_count_max = ticks_count_max
        self._bars_count_max = bars_count_max
        self._ticks: Column = np.empty((3, 2 * ticks_count_max), dtype=np.int64)
        self._times, self._bids, self._asks = self._ticks
        self._count = 0
        self._unbarred_from = 0
        self._bars: Column = np.empty((len(BAR_COLUMNS), _FIRST_BARS_COUNT), dtype=np.int64)
        self._bar_count = 0

    def append(self, time_ns: int, bid_e8: int, ask_e8: int) -> None:
        """One more tick."""
        if self._count == self._ticks.shape[1]:
            self._move()
        at = self._count
        self._times[at] = time_ns
        self._bids[at] = bid_e8
        self._asks[at] = ask_e8
        self._count = at + 1

    def extend(self, time_ns: Column, bid_e8: Column, ask_e8: Column) -> None:
        """More ticks, in order."""
        done = 0
        while done < len(time_ns):
            if self._count == self._ticks.shape[1]:
                self._move()
            part = slice(done, done + self._ticks.shape[1] - self._count)
            taken = len(time_ns[part])
            into = slice(self._count, self._count + taken)
            self._ticks[0, into] = time_ns[part]
            self._ticks[1, into] = bid_e8[part]
            self._ticks[2, into] = ask_e8[part]
            self._count += taken
            done += taken

    def ticks(self) -> Column:
        """Rows time_ns, bid_e8, ask_e8; a column for each tick kept, oldest first."""
        return self._ticks[:, max(0, self._count - self._ticks_count_max) : self._count]

    def last_flags(self) -> int:
        """``tick_flags`` of the last tick; both sides where there is none before it."""
        if self._count < 2:
            return _BID_CHANGED | _ASK_CHANGED
        _, bids, asks = self._ticks
        last, before = self._count - 1, self._count - 2
        flags = _BID_CHANGED if bids[last] != bids[before] else 0
        return flags | _ASK_CHANGED if asks[last] != asks[before] else flags

    def bars(self, until_ns: int = NEVER) -> Column:
        """Rows as BAR_COLUMNS; a column for each M1 bar kept, oldest first; the last one is unfinished. Of ticks up to a time."""
        self._build()
        bars = self._bars[:, max(0, self._bar_count - self._bars_count_max) : self._bar_count]
        if until_ns == NEVER:
            return bars
        minute_ns = until_ns - until_ns % MINUTE_NS
        ticks = self.ticks()
        begun = ticks[:, (ticks[0] >= minute_ns) & (ticks[0] <= until_ns)]
        bars = bars[:, bars[_TIME] < minute_ns]
        return np.concatenate([bars, _barred(begun)], axis=1) if begun.shape[1] else bars

    def _move(self) -> None:
        self._build()
        kept = self._ticks_count_max
        self._ticks[:, :kept] = self._ticks[:, self._count - kept : self._count].copy()
        self._count = self._unbarred_from = kept

    def _build(self) -> None:
        if self._unbarred_from == self._count:
            return
        made = _barred(self._ticks[:, self._unbarred_from : self._count])
        self._unbarred_from = self._count
        self._join(made)

    def _join(self, more: Column) -> None:
        if self._bar_count and more.shape[1] and self._bars[_TIME, self._bar_count - 1] == more[_TIME, 0]:
            self._bar_count -= 1
            more[:, 0] = _merged(np.stack([self._bars[:, self._bar_count], more[:, 0]], axis=1))
        more = more[:, -self._bars_count_max :]
        self._make_room(more.shape[1])
        self._bars[:, self._bar_count : self._bar_count + more.shape[1]] = more
        self._bar_count += more.shape[1]

    def _make_room(self, more_count: int) -> None:
        """Columns for this many more bars: the array doubles, up to twice what is kept; then the oldest half goes."""
        needed_count = self._bar_count + more_count
        if needed_count <= self._bars.shape[1]:
            return
        kept_count = min(self._bar_count, self._bars_count_max)
        kept = self._bars[:, self._bar_count - kept_count : self._bar_count]
        size = max(2 * self._bars_count_max, kept_count + more_count)
        if needed_count <= self._bars_count_max:
            size = min(size, 2 * needed_count)
        self._bars = np.empty((len(BAR_COLUMNS), size), dtype=np.int64)
        self._bars[:, :kept_count] = kept
        self._bar_count = kept_count


def _barred(ticks: Column) -> Column:
    """The M1 bars of ticks, one at least."""
    times, bids, asks = ticks
    minutes = times - times % MINUTE_NS
    starts = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1))
    ends = np.append(starts[1:], len(times)) - 1
    return np.stack(
        [
            minutes[starts],
            bids[starts],
            np.maximum.reduceat(bids, starts),
            np.minimum.reduceat(bids, starts),
            bids[ends],
            ends - starts + 1,
            np.minimum.reduceat(asks - bids, starts),
            np.maximum.reduceat(asks, starts),
            np.minimum.reduceat(asks, starts),
        ]
    )


def _merged(bars: Column) -> Column:
    """Bars that follow each other as one bar."""
    return np.array(
        [
            bars[_TIME, 0],
            bars[_OPEN, 0],
            bars[_HIGH].max(),
            bars[_LOW].min(),
            bars[_CLOSE, -1],
            bars[_COUNT].sum(),
            bars[_SPREAD].min(),
            bars[_ASK_HIGH].max(),
            bars[_ASK_LOW].min(),
        ]
    )


def grouped(bars: Column, starts_ns: Column) -> Column:
    """Bars of a longer timeframe: those of equal ``starts_ns`` (ascending) become one, which begins then."""
    if not bars.shape[1]:
        return bars
    firsts = np.flatnonzero(np.diff(starts_ns, prepend=starts_ns[0] - 1))
    lasts = np.append(firsts[1:], bars.shape[1]) - 1
    return np.stack(
        [
            starts_ns[firsts],
            bars[_OPEN, firsts],
            np.maximum.reduceat(bars[_HIGH], firsts),
            np.minimum.reduceat(bars[_LOW], firsts),
            bars[_CLOSE, lasts],
            np.add.reduceat(bars[_COUNT], firsts),
            np.minimum.reduceat(bars[_SPREAD], firsts),
            np.maximum.reduceat(bars[_ASK_HIGH], firsts),
            np.minimum.reduceat(bars[_ASK_LOW], firsts),
        ]
    )


def tick_flags(ticks: Column) -> NDArray[np.int64]:
    """TICK_FLAG_BID and TICK_FLAG_ASK of each tick: which side changed; the first shows both."""
    if not ticks.shape[1]:
        return np.empty(0, dtype=np.int64)
    bids = np.diff(ticks[1], prepend=ticks[1, 0] - 1) != 0
    asks = np.diff(ticks[2], prepend=ticks[2, 0] - 1) != 0
    flags: Column = bids * np.int64(_BID_CHANGED) + asks * np.int64(_ASK_CHANGED)
    return flags
