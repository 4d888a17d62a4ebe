"""Whether a ticket that an operator names is what became of an order's lost attempt: looked up in the venue's own books, never believed.

The ticket may be a deal's, an order's or a position's. What it names has to be of the order's symbol and side, of no more lots than
were asked for, of the time of the attempt, and nobody else's: no stop's, no other expert's, no other order's of ours, nor what is
counted already.
"""

import re

import msgspec

from mesh.ids import comment_of, magic_of
from mesh.messages.accounts import Position
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueFound
from mesh.units import text_from_e8
from nodes.local.accountbook import TRADE_KINDS
from nodes.local.attempts import OrderRecord, intended_ns, rest_e8
from nodes.local.openings import CLOCKS_NS, IN, LATE_NS, Openings

SERVER_CAUSES = ("SL", "TP", "STOP_OUT")
"""Of deals the server made by itself."""
OUR_COMMENT = re.compile(r"tm[0-9a-f]{16}\.\d+")
"""What ``mesh.ids.comment_of`` makes."""


class Statement(msgspec.Struct, frozen=True):
    """What the venue states of an account: positions now, trades since a moment."""

    positions: list[Position]
    deals: list[DealReport]


def books_from_ns(record: OrderRecord, openings: Openings) -> int:
    """Market time from which the deals have to be known: those of the order, and those that are counted already in its position."""
    if record.action == CLOSE:
        numbers = _closes(record, openings)
        sharing = [each.record for each in openings.known() if each.position_id in numbers]
    else:
        # on a hedging account an opening has a position of its own
        sharing = [each.record for each in openings.known() if each.record.symbol == record.symbol and not openings.is_hedging]
    return min([record.decided_market_ns, *(each.decided_ns for each in sharing)]) - CLOCKS_NS


def evidence_of(record: OrderRecord, ticket: int, statement: Statement, openings: Openings, account: str) -> VenueFound | str:
    """What a ticket shows of an order's attempt; in words, why it shows nothing of it. The statement begins at ``books_from_ns``."""
    is_open = record.action == OPEN
    trades = [deal for deal in statement.deals if deal.kind in TRADE_KINDS and _may_be(deal, is_open, openings.is_hedging)]
    timely = [deal for deal in trades if not _objection_to_time("", deal.market_ns, record)]
    orders = _orders_of(timely, ticket) or _orders_of(trades, ticket)
    if len(orders) > 1:
        return f"ticket={ticket} is of the orders {', '.join(map(str, orders))}: name one of them"
    deals = [deal for deal in trades if deal.order_ticket in orders]
    if deals:
        found = _of_deals(record, deals)
        objections = (_objection(record, deal, openings) for deal in deals)
        objection = next(filter(None, objections), "") or _objection_to_shown(record, found, statement, openings, account)
        return objection or _objection_to_volume(record, found) or _objection_to_count(record, found, statement, openings) or found
    position = next((item for item in statement.positions if is_open and ticket in (item.ticket, item.position_id)), None)
    if position is None:
        looked_at = f"deals={len(statement.deals)} positions={len(statement.positions)}"
        return f"ticket={ticket} is no {'opening' if is_open else 'closing'} deal here: looked_at {looked_at} since the decision"
    found = _of_position(record, position)
    return _objection_to_position(record, position, openings, account) or _objection_to_volume(record, found) or found


def _orders_of(deals: list[DealReport], ticket: int) -> dict[int, None]:
    """The orders of the deals that a ticket names."""
    return dict.fromkeys(deal.order_ticket for deal in deals if ticket in (deal.deal_ticket, deal.order_ticket, deal.position_id))


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
    if objection := _objection_to_time(what, deal.market_ns, record):
        return objection
    if record.action == CLOSE and deal.position_id not in _closes(record, openings):
        return f"{what} closes position {deal.position_id}, the order another"
    return _objection_to(what, deal.symbol, deal.comment, record) or _objection_to_owner(what, deal.position_id, record, openings)


def _objection_to_position(record: OrderRecord, position: Position, openings: Openings, account: str) -> str:
    what = f"position={position.ticket}"
    if (position.side > 0) != (record.side > 0):
        return f"{what} is on the other side"
    if objection := _objection_to_time(what, position.opened_ns, record) or _objection_to_magic(position, record, account):
        return objection
    objection = _objection_to(what, position.symbol, position.comment, record)
    objection = objection or _objection_to_owner(what, position.position_id, record, openings)
    counted_e8 = sum(each.left_e8 for each in openings.known() if each.position_id == position.position_id)
    return objection or _objection_to_lots(what, counted_e8, position.volume_e8, position.volume_e8)


def _objection_to_time(what: str, market_ns: int, record: OrderRecord) -> str:
    """An attempt was made after its INTENT, and executed soon after its result was lost, unless its order rested."""
    first_ns, last_ns = intended_ns(record), max(intended_ns(record), record.lost_ns) + LATE_NS
    if _lost(record) != [record.attempt]:
        # of an older attempt than the newest
        first_ns = min(first_ns, record.lost_ns or record.decided_market_ns)
    if market_ns < first_ns - CLOCKS_NS:
        return f"{what} is older than the order's attempt"
    if market_ns > last_ns + CLOCKS_NS and not record.resting_ticket:
        return f"{what} is later than the order's attempt can have done it"
    return ""


def _objection_to_magic(position: Position, record: OrderRecord, account: str) -> str:
    """A venue may forget a magic, it makes none up."""
    if position.magic in (0, *(magic_of(record.oid, account, attempt) for attempt in _lost(record))):
        return ""
    return f"position={position.ticket} bears magic={position.magic}: it is somebody else's"


def _objection_to_shown(record: OrderRecord, found: VenueFound, statement: Statement, openings: Openings, account: str) -> str:
    """On a hedging account the position that an opening's deals made bears its magic; one on a netting account bears another's, too."""
    if record.action == CLOSE or not openings.is_hedging:
        return ""
    shown = (position for position in statement.positions if position.position_id == found.position_ticket)
    return next(filter(None, (_objection_to_magic(position, record, account) for position in shown)), "")


def _objection_to_count(record: OrderRecord, found: VenueFound, statement: Statement, openings: Openings) -> str:
    """A deal counts once: what is written down for its position and side, and this, are together no more than the deals there."""
    position_id, kind = found.position_ticket, "BUY" if record.side > 0 else "SELL"
    dealt = [deal for deal in statement.deals if deal.position_id == position_id and deal.kind == kind and deal.cause not in SERVER_CAUSES]
    known = [each.record for each in openings.known() if each.position_id == position_id]
    if record.action == OPEN:
        counted_e8 = sum(each.volume_e8 for each in known if each.side == record.side)
    else:
        counted_e8 = sum(each.closed_e8 for each in known if each.side != record.side)
    return _objection_to_lots(f"position={position_id}", counted_e8, found.volume_e8, sum(deal.volume_e8 for deal in dealt))


def _objection_to_lots(what: str, counted_e8: int, volume_e8: int, shown_e8: int) -> str:
    if counted_e8 + volume_e8 <= shown_e8:
        return ""
    counted, shown = text_from_e8(counted_e8, 2), text_from_e8(shown_e8, 2)
    return f"{what} counted={counted} shown={shown}: what it would prove is counted already as another attempt's of ours"


def _objection_to(what: str, symbol: str, comment: str, record: OrderRecord) -> str:
    if symbol != record.symbol:
        return f"{what} is of {symbol}, the order of {record.symbol}"
    if not OUR_COMMENT.fullmatch(comment):
        return ""
    attempt = attempt_of(record, comment)
    if attempt not in (0, *_lost(record)):
        return f"{what} is of attempt {attempt}, whose result is known: {comment}"
    if not attempt:
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


def _lost(record: OrderRecord) -> list[int]:
    """The attempts it may be of; of an open that ended NOT_FOUND its last one."""
    return record.lost or [record.attempt]


def _objection_to_volume(record: OrderRecord, found: VenueFound) -> str:
    """Why what was found is more than the order can have done; empty where it is not."""
    asked_e8 = rest_e8(record) if record.action == CLOSE else record.volume_e8
    if not 0 < found.volume_e8 <= asked_e8:
        return f"lots={text_from_e8(found.volume_e8, 2)} asked={text_from_e8(asked_e8, 2)}: more than the order can have done"
    return ""


def _of_deals(record: OrderRecord, deals: list[DealReport]) -> VenueFound:
    volume_e8, last = sum(deal.volume_e8 for deal in deals), deals[-1]
    return msgspec.structs.replace(
        _found(record, last.comment, volume_e8),
        price_e8=sum(deal.price_e8 * deal.volume_e8 for deal in deals) // max(1, volume_e8),
        order_ticket=last.order_ticket,
        position_ticket=last.position_id,
        deal_ticket=last.deal_ticket,
        profit_e8=sum(deal.profit_e8 for deal in deals),
    )


def _of_position(record: OrderRecord, position: Position) -> VenueFound:
    found = _found(record, position.comment, position.volume_e8)
    return msgspec.structs.replace(found, price_e8=position.price_open_e8, position_ticket=position.ticket)


def _found(record: OrderRecord, comment: str, volume_e8: int) -> VenueFound:
    """One hit, of the attempt that bears the comment, or of the oldest that is looked for. It is found now, whenever it happened."""
    attempt = attempt_of(record, comment) or _lost(record)[0]
    return VenueFound(0, record.oid, attempt, 1, volume_e8, 0, 0, 0, 0, False, 0)
