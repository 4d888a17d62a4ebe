"""Whether a ticket that an operator names is what became of an order's lost attempt: looked up in the venue's own books, never believed.

The ticket may be a deal's, an order's or a position's. What it names has to be of the order's symbol and side, of no more lots than
were asked for, not from before the decision, and nobody else's: no stop's, no other order's of ours.
"""

import re

import msgspec

from mesh.ids import comment_of
from mesh.messages.accounts import Position
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueFound
from mesh.units import text_from_e8
from nodes.local.accountbook import TRADE_KINDS
from nodes.local.attempts import OrderRecord, rest_e8
from nodes.local.openings import CLOCKS_NS, IN, Openings

SERVER_CAUSES = ("SL", "TP", "STOP_OUT")
"""Of deals the server made by itself."""
OUR_COMMENT = re.compile(r"tm[0-9a-f]{16}\.\d+")
"""What ``mesh.ids.comment_of`` makes."""


class Statement(msgspec.Struct, frozen=True):
    """What the venue states of an account: positions now, trades since a moment."""

    positions: list[Position]
    deals: list[DealReport]


def evidence_of(record: OrderRecord, ticket: int, statement: Statement, openings: Openings) -> VenueFound | str:
    """What a ticket shows of an order's attempt; in words, why it shows nothing of it."""
    is_open = record.action == OPEN
    trades = [deal for deal in statement.deals if deal.kind in TRADE_KINDS and _may_be(deal, is_open, openings.is_hedging)]
    named = [deal for deal in trades if ticket in (deal.deal_ticket, deal.order_ticket, deal.position_id)]
    orders = dict.fromkeys(deal.order_ticket for deal in named)
    if len(orders) > 1:
        return f"ticket={ticket} is of the orders {', '.join(map(str, orders))}: name one of them"
    deals = [deal for deal in trades if deal.order_ticket in orders]
    if deals:
        objection = next(filter(None, (_objection(record, deal, openings) for deal in deals)), "")
        return objection or _plausible(record, _of_deals(record, deals))
    position = next((item for item in statement.positions if is_open and ticket in (item.ticket, item.position_id)), None)
    if position is None:
        looked_at = f"deals={len(statement.deals)} positions={len(statement.positions)}"
        return f"ticket={ticket} is no {'opening' if is_open else 'closing'} deal here: looked_at {looked_at} since the decision"
    return _objection_to_position(record, position, openings) or _plausible(record, _of_position(record, position))


def _may_be(deal: DealReport, is_open: bool, is_hedging: bool) -> bool:
    """Whether a deal's entry is one an opening, or a close, has; on a netting account an opening may reduce what is held."""
    return (deal.entry == IN or not is_hedging) if is_open else deal.entry != IN


def _objection(record: OrderRecord, deal: DealReport, openings: Openings) -> str:
    """Why a deal cannot be the attempt's; empty where nothing speaks against it."""
    what = f"deal={deal.deal_ticket}"
    if deal.cause in SERVER_CAUSES:
        return f"{what} was made by the server: {deal.cause}"
    if (deal.kind == "BUY") != (record.side > 0):
        return f"{what} is a {deal.kind}, the order is not"
    if deal.market_ns < record.decided_market_ns - CLOCKS_NS:
        return f"{what} is older than the order"
    if record.action == CLOSE and deal.position_id not in _closes(record, openings):
        return f"{what} closes position {deal.position_id}, the order another"
    return _objection_to(what, deal.symbol, deal.comment, record) or _objection_to_owner(what, deal.position_id, record, openings)


def _objection_to_position(record: OrderRecord, position: Position, openings: Openings) -> str:
    what = f"position={position.ticket}"
    if (position.side > 0) != (record.side > 0):
        return f"{what} is on the other side"
    if position.opened_ns < record.decided_market_ns - CLOCKS_NS:
        return f"{what} is older than the order"
    objection = _objection_to(what, position.symbol, position.comment, record)
    return objection or _objection_to_owner(what, position.position_id, record, openings)


def _objection_to(what: str, symbol: str, comment: str, record: OrderRecord) -> str:
    if symbol != record.symbol:
        return f"{what} is of {symbol}, the order of {record.symbol}"
    if OUR_COMMENT.fullmatch(comment) and attempt_of(record, comment) == 0:
        return f"{what} is of another order of ours: {comment}"
    return ""


def _objection_to_owner(what: str, position_id: int, record: OrderRecord, openings: Openings) -> str:
    """On a hedging account an opening has a position of its own."""
    owner = openings.of_position_id(position_id)
    if record.action == OPEN and openings.is_hedging and owner is not None and owner.record.oid != record.oid:
        return f"{what} is of another order of ours: {owner.record.oid.hex()}"
    return ""


def _closes(record: OrderRecord, openings: Openings) -> tuple[int, ...]:
    """The position a close is of, by every number it may have."""
    opening = openings.of_oid(record.ref_oid)
    known = (opening.position_id, opening.position_ticket) if opening is not None else ()
    return tuple(number for number in (*known, record.position_ticket, record.ref_ticket) if number)


def attempt_of(record: OrderRecord, comment: str) -> int:
    """Which of the attempts of an order bears a comment; 0: none."""
    return next((number for number in range(1, record.attempt + 1) if comment_of(record.oid, number) == comment), 0)


def _plausible(record: OrderRecord, found: VenueFound) -> VenueFound | str:
    """What was found, unless it is more than was asked for."""
    asked_e8 = rest_e8(record) if record.action == CLOSE else record.volume_e8
    if not 0 < found.volume_e8 <= asked_e8:
        return f"lots={text_from_e8(found.volume_e8, 2)} asked={text_from_e8(asked_e8, 2)}: more than the order can have done"
    return found


def _of_deals(record: OrderRecord, deals: list[DealReport]) -> VenueFound:
    volume_e8, last = sum(deal.volume_e8 for deal in deals), deals[-1]
    return msgspec.structs.replace(
        _found(record, last.comment, volume_e8, last.market_ns),
        price_e8=sum(deal.price_e8 * deal.volume_e8 for deal in deals) // max(1, volume_e8),
        order_ticket=last.order_ticket,
        position_ticket=last.position_id,
        deal_ticket=last.deal_ticket,
        profit_e8=sum(deal.profit_e8 for deal in deals),
    )


def _of_position(record: OrderRecord, position: Position) -> VenueFound:
    found = _found(record, position.comment, position.volume_e8, position.opened_ns)
    return msgspec.structs.replace(found, price_e8=position.price_open_e8, position_ticket=position.ticket)


def _found(record: OrderRecord, comment: str, volume_e8: int, market_ns: int) -> VenueFound:
    """One hit, of the attempt that bears the comment, or of the oldest that is looked for."""
    attempt = attempt_of(record, comment)
    if attempt not in record.lost:
        attempt = next(iter(record.lost), record.attempt)
    return VenueFound(0, record.oid, attempt, 1, volume_e8, 0, 0, 0, 0, False, market_ns)
