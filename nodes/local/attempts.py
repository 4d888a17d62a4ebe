"""The life of one order at a local: what is stored of it, and the literal table of where it can go.

An order is QUEUED until its turn comes. INTENT: an attempt with its own number and magic is written down; it is durable
before the call. CALLED: the call was handed to the worker. What comes back either proves that nothing happened (then, and
only then, it may be QUEUED again for the next attempt), or ends it, or leaves it UNKNOWN: looked for by that attempt's magic,
never sent again. After a restart an INTENT without a result is UNKNOWN, because nobody knows how far it got.

A close whose position is gone is UNKNOWN, too, while an attempt of its own may be what closed it. An open that ended NOT_FOUND and
turns up at the venue after all is looked for once more (``nodes.local.latefills``).

Only QUEUED closes, INTENT, UNKNOWN and ENDED are ever on disk; a queued open is not, the master still has it.
"""

import msgspec

from mesh.codec import decode_record_untrusted
from mesh.ids import comment_of, magic_of
from mesh.messages.base import NO_OID, Code, Count, Int64, Msg, Name, Oid, Sid, Text
from mesh.messages.outcomes import Stamps
from mesh.messages.venue import MARKS_MAX
from mesh.units import DAY_NS
from nodes.local.retcodes import ACCEPTED, BACKOFF, BUG, CHANGED, HALT, PARTIAL, RETRY, UNSENT
from nodes.local.retcodes import UNKNOWN as UNKNOWN_CLASS

QUEUED, INTENT, CALLED, UNKNOWN, ENDED = "QUEUED", "INTENT", "CALLED", "UNKNOWN", "ENDED"
LOST_MAX = MARKS_MAX
"""Lost attempts of one order that are looked for."""
LOOK_BACK_NS = DAY_NS
"""How long before its INTENT traces of an attempt are looked for."""
LEAVE = -1
"""SL or TP of a MODIFY that stays as it is."""
ORDER, ACT, MANUAL = "ORDER", "ACT", "MANUAL"
"""Who wants it: the master, local management, an operator's hand."""

TRANSITIONS: dict[tuple[str, str], str] = {
    (QUEUED, "intend"): INTENT,
    (QUEUED, "end"): ENDED,  # refused, expired, superseded, nothing left to do
    (QUEUED, "search"): UNKNOWN,  # nothing is left to close: which of its lost attempts did it; an open another life may have had
    (INTENT, "call"): CALLED,  # its intent is durable
    (INTENT, "withdraw"): QUEUED,  # durable, but what allowed it is gone: nothing was handed over
    (INTENT, "restart"): UNKNOWN,
    (CALLED, "again"): QUEUED,  # the result proves that nothing happened, or a close has more to do
    (CALLED, "end"): ENDED,
    (CALLED, "lose"): UNKNOWN,
    (CALLED, "search"): UNKNOWN,  # as from QUEUED; the venue has refused this attempt, the position being gone
    (UNKNOWN, "found"): ENDED,
    (UNKNOWN, "absent"): ENDED,
    (UNKNOWN, "again"): QUEUED,  # closes alone: found done in part, surely not done, or a full close of a hedging position
    (UNKNOWN, "restart"): UNKNOWN,
    (QUEUED, "restart"): QUEUED,
    (ENDED, "turn_up"): UNKNOWN,  # opens alone that ended NOT_FOUND: their mark is at the venue
}
"""(state, event) → state. What is not here cannot happen."""

EVENT_OF_CLASS: dict[str, str] = {
    ACCEPTED: "end",
    PARTIAL: "end",
    RETRY: "again",
    BACKOFF: "again",
    CHANGED: "again",
    UNSENT: "again",
    BUG: "end",
    HALT: "end",
    UNKNOWN_CLASS: "lose",
}
"""Class of a result (``nodes.local.retcodes``) → event. A further attempt is bounded by who asks for it."""


class NamedOrder(Msg):
    """The order that the answer to an attempt named."""

    attempt: Count
    ticket: Count


class OrderRecord(Msg):
    """One order as stored. ``volume_e8``: lots to open, or lots to be left of the position a CLOSE names.

    ``sl_e8``, ``tp_e8``: absolute, for MODIFY. ``deadline_ns``: of the master's clock in epoch ``e``, 0: none. ``goal_e8``:
    lots a CLOSE is to close, fixed at its first attempt; ``done_e8``: lots its attempts have closed, at ``price_e8`` on average
    for ``profit_e8``. ``since_ns``: market time before which its attempt cannot have happened. ``command``: of an operator.
    """

    oid: Oid
    kind: Code
    e: Count
    n: Count
    k: Count
    sid: Sid
    strategy: Name
    leg: Code
    cause: Code
    action: Code
    symbol: Name
    side: Int64
    volume_e8: Count
    ref_oid: Oid = NO_OID
    ref_ticket: Count = 0
    sl_distance_e8: Count = 0
    tp_distance_e8: Count = 0
    sl_e8: Int64 = 0
    tp_e8: Int64 = 0
    deviation_points: Count = 0
    seen_price_e8: Int64 = 0
    """The price the decision saw."""
    deadline_ns: Count = 0
    decided_market_ns: Int64 = 0
    state: Code = QUEUED
    attempt: Count = 0
    position_ticket: Count = 0
    goal_e8: Count = 0
    asked_e8: Count = 0
    """Lots of the attempt under way."""
    done_e8: Count = 0
    price_e8: Int64 = 0
    profit_e8: Int64 = 0
    since_ns: Int64 = 0
    command: Oid = NO_OID
    stamps: Stamps = Stamps()
    detail: Text = ""
    resting_ticket: Count = 0
    """The live order of a lost attempt, once it was seen."""
    lost: list[Count] = []
    """Attempts whose result nobody heard and that were neither found nor proven absent."""
    is_gone: bool = False
    """Nothing is left of what a CLOSE is to close: its lost attempts are still looked for, none is made any more."""
    not_found_ns: Int64 = 0
    """Market time at which an OPEN ended NOT_FOUND; 0: it did not."""
    named: list[NamedOrder] = []
    """Orders that the answers to lost attempts named: their third mark beside magic and comment."""
    lost_ns: Int64 = 0
    """Market time since when it has a lost attempt, at the latest; 0: it never had one."""
    unrun: str = ""
    """Of an OPEN that another life may have had and this store knows nothing of: the code it ends with once one look, after this life got
    leave, has found nothing; empty: it is looked for as long as any lost attempt.
    """
    is_doubted: bool = False
    """Of an OPEN that a person said was not executed: its settle window is not over, it may still be shown."""


def decoded(raw: bytes) -> OrderRecord:
    """The record in a row."""
    return decode_record_untrusted(raw, OrderRecord)


def moved(record: OrderRecord, event: str, **changes: object) -> OrderRecord:
    """The record after an event of its life."""
    following = TRANSITIONS.get((record.state, event))
    assert following is not None, f"order {record.oid.hex()} is {record.state}: {event} cannot happen to it"
    return msgspec.structs.replace(record, state=following, **changes)


def intended(record: OrderRecord, asked_e8: int, position_ticket: int, since_ns: int) -> OrderRecord:
    """The record of the next attempt, to be durable before its call."""
    return moved(
        record,
        "intend",
        attempt=record.attempt + 1,
        asked_e8=asked_e8,
        position_ticket=position_ticket,
        since_ns=since_ns,
        is_gone=False,
    )


def searched(record: OrderRecord, unrun: str, detail: str) -> OrderRecord:
    """An open that another life or store may have executed, to be looked for by every attempt there may have been after its last one."""
    following = record.attempt + LOST_MAX
    return moved(
        record,
        "search",
        detail=detail,
        attempt=following,
        lost=list(range(record.attempt + 1, following)),
        since_ns=max(1, record.decided_market_ns - LOOK_BACK_NS),
        lost_ns=max(1, record.decided_market_ns),
        unrun=unrun,
    )


def intended_ns(record: OrderRecord) -> int:
    """Market time of the INTENT of the newest attempt, as far as it is known: not before the decision."""
    return max(record.decided_market_ns, record.since_ns + LOOK_BACK_NS)


def lost(record: OrderRecord) -> list[int]:
    """The lost attempts of an order whose attempt under way is one of them, too."""
    return [*(number for number in record.lost if number != record.attempt), record.attempt][-LOST_MAX:]


def named(record: OrderRecord, ticket: int) -> OrderRecord:
    """The record once an answer to the attempt under way, which is lost all the same, named an order (0: it named none)."""
    if not ticket:
        return record
    return msgspec.structs.replace(record, named=[*record.named, NamedOrder(record.attempt, ticket)][-LOST_MAX:])


def order_ticket(record: OrderRecord, attempt: int) -> int:
    """The order that the answer to an attempt named; 0: none."""
    return next((order.ticket for order in record.named if order.attempt == attempt), 0)


def magic(record: OrderRecord, account: str) -> int:
    """The magic number of the attempt under way."""
    return magic_of(record.oid, account, record.attempt)


def comment(record: OrderRecord) -> str:
    """The comment of the attempt under way."""
    return comment_of(record.oid, record.attempt)


def filled(record: OrderRecord, volume_e8: int, price_e8: int, profit_e8: int) -> OrderRecord:
    """The record with lots that an attempt executed: prices by volume, profits as a sum."""
    done_e8 = record.done_e8 + volume_e8
    if volume_e8 <= 0:
        return record
    average_e8 = (record.price_e8 * record.done_e8 + price_e8 * volume_e8) // done_e8
    return msgspec.structs.replace(
        record, done_e8=done_e8, price_e8=average_e8, profit_e8=record.profit_e8 + profit_e8
    )


def rest_e8(record: OrderRecord) -> int:
    """Lots a CLOSE still has to close."""
    return max(0, record.goal_e8 - record.done_e8)
