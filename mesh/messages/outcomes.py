"""Locals → routers → master: what became of each line, repeated until acked.

Each line (sid, strategy, leg, account) ends in exactly one code; ``final=False`` carries the states WORKING and UNKNOWN.
"""

from mesh.messages.base import Code, Count, Digest, Int64, Life, Msg, Name, Oid, Sid, Text

FINAL_CODES = (
    "FILLED",
    "PARTIAL",
    "DENIED",
    "SKIPPED",
    "REJECTED",
    "EXPIRED",
    "KILLED",
    "SUPERSEDED",
    "NOT_FOUND",
    "CLOSED",
    "MODIFIED",
    "CANCELLED",
    "FILLED_LATE",
)
"""How a line can end. CLOSED: a close reached the volume to be left (or nothing was left to close). FILLED_LATE: an open that had ended
NOT_FOUND turned up executed, the one code that takes the place of another."""
STATE_CODES = ("WORKING", "UNKNOWN", "UNCONFIRMED")
"""What a line can be in before it ends; counted apart."""


class Stamps(Msg):
    """The eight stages of an order, monotonic ns of the node named; 0 where the stage was not reached.

    Mesh time is from ``signal_ns`` to ``called_ns``, broker time from ``called_ns`` to ``answered_ns``.
    """

    signal_ns: Count = 0
    master_in_ns: Count = 0
    master_out_ns: Count = 0
    router_out_ns: Count = 0
    local_in_ns: Count = 0
    durable_ns: Count = 0
    called_ns: Count = 0
    answered_ns: Count = 0


class Outcome(Msg, tag=60):
    """One line's code with its numbers. ``f`` is dense for the account's store: the ack's number.

    ``cause``: the order's own leg, or a local act (``SL``, ``TP``, ``TRAILING``, ``BREAK_EVEN``, ``TIME_STOP``, ``PARTIAL_TP``,
    ``EQUITY_STOP``, ``MANUAL`` …). ``detail``: ``key=value`` words. ``retcode``: MetaTrader's, 0 where none was given.
    """

    account: Name
    life: Life
    e: Count
    f: Count
    oid: Oid
    sid: Sid
    strategy: Name
    leg: Code
    action: Code
    code: Code
    final: bool
    cause: Code
    detail: Text
    symbol: Name
    side: Int64
    volume_e8: Count
    price_e8: Int64
    profit_e8: Int64
    order_ticket: Count
    position_ticket: Count
    deal_ticket: Count
    retcode: Count
    attempt: Count
    market_ns: Int64
    stamps: Stamps


class OutcomeAck(Msg, tag=61):
    """Master → router → local: every outcome up to ``f`` is durable at the master. To the ``life`` that speaks for the account: under
    another, whose store need not be the same, these numbers may have told something else.
    """

    account: Name
    f: Count
    life: Life = 0
    mac: Digest = b""


class DealReport(Msg, tag=62):
    """Every deal of the account, ours or not, with its position, commission and swap. Telemetry, newest may be lost."""

    account: Name
    deal_ticket: Count
    order_ticket: Count
    position_id: Count
    symbol: str
    kind: Code
    """BUY, SELL, BALANCE, CREDIT, CHARGE, CORRECTION or BONUS; of another type its number."""
    entry: Code
    """IN, OUT, INOUT, OUT_BY."""
    cause: Code
    volume_e8: Count
    price_e8: Int64
    profit_e8: Int64
    commission_e8: Int64
    swap_e8: Int64
    market_ns: Int64
    oid: Oid
    comment: Text
