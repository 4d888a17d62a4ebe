"""Local ↔ its worker, over their own pipe: one call handed over at a time."""

from typing import Annotated

from msgspec import Meta

from mesh.messages.accounts import PendingOrder, Position, SymbolSpec
from mesh.messages.base import Code, Count, Int64, Msg, Name, Oid, Text
from mesh.messages.outcomes import DealReport

MARKS_MAX = 16
"""Attempts of one order that are looked for."""


class VenueAttach(Msg, tag=140):
    """Attach to the terminal and check that it is the account we think it is."""

    account: Name


class VenueAttached(Msg, tag=141):
    """What the terminal is. ``refused``: why this worker only observes (wrong login, server, hedging …); empty when fine."""

    account: Name
    login: Count
    server: Text
    currency: Name
    hedging: bool
    demo: bool
    leverage: Count
    refused: Text
    symbols: Annotated[list[SymbolSpec], Meta(max_length=128)]


class VenueSend(Msg, tag=142):
    """One attempt at the venue. Checked directly before the call: deadline, grant and latch word; else it comes back unsent.

    ``deadline_ns`` and ``grant_until_ns`` on the local's monotonic clock (0: none needed). ``latch_count``: the latch word under
    which it was handed over. ``action``: OPEN, CLOSE, MODIFY, CANCEL. ``left_e8`` of a CLOSE: lots to be left of the position.
    ``deviation_points`` for OPEN; prices are chosen by the worker from the current quote.
    """

    call: Count
    oid: Oid
    attempt: Count
    magic: Count
    action: Code
    symbol: Name
    side: Int64
    volume_e8: Count
    position_ticket: Count
    sl_distance_e8: Count
    tp_distance_e8: Count
    sl_e8: Int64
    tp_e8: Int64
    deviation_points: Count
    price_e8: Int64
    collar_e8: Count
    """Largest distance of the current price from ``price_e8`` for an OPEN; 0: no collar."""
    deadline_ns: Count
    grant_until_ns: Count
    latch_count: Count
    comment: Text


class VenueResult(Msg, tag=143):
    """How an attempt ended. ``class_``: ACCEPTED, PARTIAL, RETRY, BACKOFF, UNKNOWN, CHANGED, BUG, HALT or UNSENT.

    UNSENT carries its reason in ``detail`` (DEADLINE, GRANT, LATCH, COLLAR, VOLUME …): nothing was handed to the terminal.
    """

    call: Count
    oid: Oid
    attempt: Count
    class_: Code
    retcode: Count
    detail: Text
    volume_e8: Count
    price_e8: Int64
    profit_e8: Int64
    order_ticket: Count
    position_ticket: Count
    deal_ticket: Count
    called_ns: Count
    answered_ns: Count
    market_ns: Int64
    last_error: Text = ""


class VenueRead(Msg, tag=144):
    """Read account, positions, orders and deals since ``deals_from_ns`` (server history, inclusive). ``block``: passed through.

    Deals come as many as a state carries, each once: ``after`` is the ``call`` of the newest state that was taken, and what it and
    those it went on after have told is not told again; 0: all are. ``anew``: a way through the deals of its own.
    """

    call: Count
    block: Count
    deals_from_ns: Int64
    anew: bool = False
    after: Count = 0


class VenueState(Msg, tag=145):
    """What the terminal shows. ``revision``: the broker's change count of this account, 0 with a real terminal."""

    call: Count
    block: Count
    revision: Count
    market_ns: Int64
    balance_e8: Int64
    equity_e8: Int64
    margin_e8: Int64
    margin_free_e8: Int64
    margin_level_e8: Int64
    connected: bool
    trade_allowed: bool
    positions: Annotated[list[Position], Meta(max_length=512)]
    orders: Annotated[list[PendingOrder], Meta(max_length=512)]
    deals: Annotated[list[DealReport], Meta(max_length=512)]
    symbols: Annotated[list[SymbolSpec], Meta(max_length=128)] = []
    """Those that are new or changed since they were last told."""
    more_deals: bool = False
    """There may be deals that were not told yet: to be asked for after these."""
    remark: Text = ""
    """What an operator should know of this terminal: trading switched off in it, its clock another than configured; empty when fine."""
    is_partial: bool = False
    """The terminal has more positions or orders than are told here: what is not among them is not gone."""
    ping_us: Count = 0
    """Between the terminal and its server, as it measured last; 0: not known."""


class VenueMark(Msg):
    """What an attempt left at the venue if it was executed: its magic, then its comment, then its order.

    ``order_ticket``: the order that the attempt's answer named; 0: there was none, or it named none.
    """

    attempt: Count
    magic: Count
    comment: Text
    order_ticket: Count = 0


class VenueFind(Msg, tag=146):
    """Reconcile an order: look for the marks of its attempts in positions, orders, order history and deals.

    ``action``: what it was; the deals a stop or a hand made of its position later are not its own. ``unmarked_ticket``: a position of a
    hedging account that a full CLOSE was to end and that is gone: where no mark is found, the deal by which an expert took
    ``unmarked_e8`` lots out of it and that bears nobody's mark is the CLOSE's own; 0: no such deal is looked for.
    """

    call: Count
    oid: Oid
    since_ns: Int64
    action: Code
    marks: Annotated[list[VenueMark], Meta(min_length=1, max_length=MARKS_MAX)]
    unmarked_ticket: Count = 0
    unmarked_e8: Count = 0


class VenueFound(Msg, tag=147):
    """``attempt``: the first one of which something is there, else the last one asked for. ``hits``: 0 not (yet) found, 1 found, more:
    quarantined. Numbers are those of the one hit.

    ``rejected``: its order ended without a fill. ``resting_ticket``: its order is still live, so it is neither found nor absent; 0: none
    is. ``connected``: the terminal sees its server; where it does not, absence says nothing.
    """

    call: Count
    oid: Oid
    attempt: Count
    hits: Count
    volume_e8: Count
    price_e8: Int64
    order_ticket: Count
    position_ticket: Count
    deal_ticket: Count
    rejected: bool
    market_ns: Int64
    resting_ticket: Count = 0
    connected: bool = True
    profit_e8: Int64 = 0
    """Of its deals; 0 where they are not shown (yet)."""


class VenueWatch(Msg, tag=148):
    """Ask the market to stop where this account's equity falls to ``equity_below_e8`` (simulated venue; ignored by a real one)."""

    equity_below_e8: Int64


class VenueLost(Msg, tag=149):
    """The worker's own word, or the local's about a dead worker: what was in the call is UNKNOWN."""

    reason: Text


class VenueLatch(Msg, tag=150):
    """Set the latch word that the worker compares directly before ``order_send``. Shared memory: it overtakes a call in hand."""

    latch_count: Count


class TerminalCall(Msg, tag=160):
    """Facade → broker: call a function of the terminal for one login. ``args`` is MessagePack of plain values.

    Besides the package's functions there are ``watch_equity`` (equity_below_e8,), the market stops where it falls below, 0 for no
    watch; and ``several`` (revision, reads, reads where changed), reads answered together.
    """

    sequence: Count
    login: Count
    name: Name
    args: Annotated[bytes, Meta(max_length=60_000)]


class TerminalReply(Msg, tag=161):
    """Broker → facade. ``value`` is MessagePack of plain values; ``error_code`` / ``error_text`` as ``last_error`` gives them.

    ``block``, ``revision`` (change count of the account) and ``market_ns`` say at which point of the market it was read.
    """

    sequence: Count
    value: Annotated[bytes, Meta(max_length=2_000_000)]
    error_code: Int64
    error_text: Text
    block: Count
    revision: Count
    market_ns: Int64
