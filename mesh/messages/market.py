"""Market → indicator, broker, master: tick blocks with credit, and who has finished which block.

Ticks carry a dense ``seq`` from the start of the feed. The market hands out ticks ahead, on credit; a ``Block`` is the
go-ahead up to one of them. Receivers answer by block number; nothing is dropped, everything is repeated until answered.
"""

from typing import Annotated

from msgspec import Meta

from mesh.messages.base import Columns, Count, Int64, Life, Msg, Name, Text

Names = Annotated[list[Name], Meta(max_length=4096)]
Seqs = Annotated[list[Count], Meta(max_length=4096)]


class MarketHello(Msg, tag=1):
    """A receiver of ticks is there (again). ``next_seq``: the first tick it lacks."""

    node: Name
    role: Name
    life: Life
    version: Count
    config_hash: Text
    next_seq: Count


class MarketWelcome(Msg, tag=2):
    """The market's answer: which run this is and where it stands.

    Ticks below ``start_seq`` are history (backfill): bars are built from them, nothing is traded on them.
    ``released_seq``: all below it were released by blocks. ``block``: the newest block's number. ``first_seq``: the oldest
    tick the market still has. ``feed_timeframes``: the bars of each symbol's file, M1 for ticks; in the order of ``symbols``.
    """

    run: Text
    life: Life
    recorded: bool
    start_seq: Count
    released_seq: Count
    block: Count
    market_ns: Int64
    symbols: Names
    first_seq: Count = 0
    feed_timeframes: Names = []


class Ticks(Msg, tag=3):
    """Ticks ``first_seq …`` in order of time; columns of little-endian integers of equal length.

    ``symbol_index`` uint16 into ``symbols``; ``time_ns`` int64 market time (UTC); ``bid_e8``, ``ask_e8`` int64.
    """

    first_seq: Count
    symbols: Names
    symbol_index: Columns
    time_ns: Columns
    bid_e8: Columns
    ask_e8: Columns


class TickCredit(Msg, tag=4):
    """The receiver has taken all ticks below ``next_seq`` and has room for ``room_count`` more."""

    next_seq: Count
    room_count: Count


class Block(Msg, tag=5):
    """Go-ahead: market time is now ``end_ns`` and all ticks below ``through_seq`` have happened.

    The indicator may emit what closed there, the broker plays them, the master's clock moves. ``final``: the feed is over.
    """

    number: Count
    through_seq: Count
    end_ns: Int64
    final: bool = False


class IndicatorProgress(Msg, tag=6):
    """The indicator has computed all ticks below ``through_seq``; ``signal_seqs``: those whose bars made wanted signals.

    A bar's signals belong to the tick that closed it. Nothing is emitted before the block that releases it. Signals that no
    strategy acts on are released as time passes, and need no tick of their own here.
    """

    through_seq: Count
    signal_seqs: Seqs


class IndicatorBlock(Msg, tag=7):
    """All signals released by block ``number`` are answered by the signals node (``signal_count`` of them)."""

    number: Count
    signal_count: Count


class Waiting(Msg):
    """An account whose call waits at the broker for market time ``until_ns``."""

    account: Name
    until_ns: Int64


class BrokerBlock(Msg, tag=8):
    """The broker has played all ticks below ``through_seq`` of block ``number`` and stands at market time ``end_ns``.

    ``through_seq`` is lower than the block's where a watch stopped it (the market then settles and sends a new block).
    ``changed``: accounts whose books changed in it; ``floating``: accounts with positions (their equity moved).
    ``waiting``: calls that wait for a later market time. Sent again whenever ``waiting`` or ``changed`` grows.
    """

    number: Count
    through_seq: Count
    end_ns: Int64
    changed: Names
    floating: Names
    waiting: Annotated[list[Waiting], Meta(max_length=4096)]


class Settle(Msg, tag=9):
    """Market → master: get the state after block ``number`` of these accounts; then say so, and who has open lines."""

    number: Count
    accounts: Names


class Settled(Msg, tag=10):
    """Master → market: what still misses for block ``number``. Sent at once, and again each time it changes.

    ``missing``: asked accounts whose state after the block has not come; ``open``: accounts with lines that are not
    terminal; ``managed``: accounts with locally managed positions (their blocks are single ticks).
    """

    number: Count
    missing: Names
    open: Names
    managed: Names
