"""Market ↔ the process that asks its terminal for ticks, over their own pipe: one question at a time, and its answer."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import Columns, Count, Int64, Msg, Name, Text


class FeedCursor(Msg):
    """How far a symbol's ticks are taken: all before ``server_ms`` (the terminal's clock) and ``count`` of those at it; 0, 0: none yet."""

    symbol: Name
    server_ms: Count
    count: Count
    time_ns: Int64 = 0
    """The same as UTC, which tells the passes of an hour that the clock shows twice apart; 0: its first."""


Cursors = Annotated[list[FeedCursor], Meta(max_length=4096)]


class FeedAsk(Msg, tag=11):
    """Market → its terminal's process: what came after these cursors? ``bars_count``: of symbols without one, so many M1 bars first."""

    number: Count
    cursors: Cursors
    bars_count: Count


class FeedTicks(Msg, tag=12):
    """A part of the answer: ticks in order of time, in columns as those of ``Ticks``; ``symbol_index`` into the cursors asked for."""

    number: Count
    symbol_index: Columns
    time_ns: Columns
    bid_e8: Columns
    ask_e8: Columns


class FeedTold(Msg, tag=13):
    """The end of the answer: the cursors after it, and ``market_ns``, the market time at which it was given.

    ``is_linked``: the terminal has its server. ``has_more``: there are ticks after these already. ``why``: which symbols could not be read.
    """

    number: Count
    cursors: Cursors
    market_ns: Int64
    is_linked: bool
    has_more: bool
    why: Text


class FeedLost(Msg, tag=14):
    """There is no answer: the terminal or its process is gone, or is another than the one that was configured."""

    reason: Text
