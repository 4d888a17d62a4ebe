"""Where the market's ticks come from: a recorded feed as a whole, or one that is made as it is played."""

from typing import Protocol

from mesh.units import NEVER
from nodes.ticks import TickColumns


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
