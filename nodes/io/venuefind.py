"""Reconciling: what became of an attempt whose result nobody heard.

Its magic is looked for in live orders, history, deals and positions; where the magic is nowhere, the comment is the second
witness, and where a server kept neither, the order that the attempt's answer named is the third. A full close of a position that is
gone may have lost them all: then the deal that emptied it and is nobody's else is its own. Deals decide. A done order proves it too,
where its deals come late. A live order is neither found nor absent.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mesh.ids import COMMENT_PREFIX
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.venue import VenueFind, VenueFound, VenueMark
from mesh.units import e8_from_float
from nodes.terminal import names

FINAL_STATES = (names.ORDER_STATE_CANCELED, names.ORDER_STATE_REJECTED, names.ORDER_STATE_EXPIRED)
SERVER_REASONS = (names.DEAL_REASON_SL, names.DEAL_REASON_TP, names.DEAL_REASON_SO)
"""The same numbers as ORDER_REASON_*: what the server did by itself keeps the magic of the position it closed."""
CLOSING_ENTRIES = (names.DEAL_ENTRY_OUT, names.DEAL_ENTRY_OUT_BY)


class Books(NamedTuple):
    """What the terminal shows; live orders were read first: one that is filled meanwhile is in the deals, too."""

    live: Iterable[Any]
    orders: Iterable[Any]
    deals: Iterable[Any]
    positions: Iterable[Any]


Mark = Callable[[Any, int], bool]
"""Whether a row of the books bears it; the ticket is that of the order which the row is, or came of."""


class Traces(NamedTuple):
    """What of the books is the attempt's own."""

    live: list[Any]
    done: list[Any]
    deals: list[Any]
    positions: list[Any]


def traces_of(wanted: VenueFind, books: Books, is_hedging: bool) -> tuple[int, Traces]:
    """The first attempt that left rows, and those: by its magic, else by its comment, else by its order."""
    for mark in wanted.marks:
        for matches in _witnesses(mark):
            traces = _traces(wanted.action, books, is_hedging, matches)
            if any(traces):
                return mark.attempt, traces
    deals = [deal for deal in books.deals if _is_unmarked(wanted, deal)] if wanted.unmarked_ticket else []
    return (wanted.marks[0] if deals else wanted.marks[-1]).attempt, Traces([], [], deals, [])


def _witnesses(mark: VenueMark) -> list[Mark]:
    witnesses: list[Mark] = [lambda row, _ticket: bool(row.magic == mark.magic)]
    if mark.comment:
        witnesses.append(lambda row, _ticket: bool(row.comment == mark.comment))
    if mark.order_ticket:
        witnesses.append(lambda _row, ticket: ticket == mark.order_ticket)
    return witnesses


def _is_unmarked(wanted: VenueFind, deal: Any) -> bool:
    """Whether a deal took the lots asked for out of the position asked for, made by an expert that left no mark."""
    is_nobodys = not deal.magic and not deal.comment.startswith(COMMENT_PREFIX) and deal.reason == names.DEAL_REASON_EXPERT
    is_out = deal.entry in CLOSING_ENTRIES and deal.position_id == wanted.unmarked_ticket
    return is_nobodys and is_out and e8_from_float(deal.volume) == wanted.unmarked_e8


def _traces(action: str, books: Books, is_hedging: bool, matches: Mark) -> Traces:
    is_open, is_close = action == OPEN, action == CLOSE

    def is_own_deal(deal: Any) -> bool:
        if not matches(deal, deal.order) or deal.reason in SERVER_REASONS:
            return False
        # on a netting account an opening may reduce what is held
        return not (is_open and is_hedging and deal.entry in CLOSING_ENTRIES)

    def is_own_order(order: Any) -> bool:
        if not matches(order, order.ticket) or order.reason in SERVER_REASONS:
            return False
        return not (is_open and is_hedging and order.position_id not in (0, order.ticket))

    return Traces(
        [order for order in books.live if is_own_order(order)],
        [order for order in books.orders if is_own_order(order)],
        [deal for deal in books.deals if is_own_deal(deal)],
        # a position keeps the magic of what opened it, never of what closes it
        [] if is_close else [position for position in books.positions if matches(position, position.identifier)],
    )


def found_in(wanted: VenueFind, attempt: int, traces: Traces, market_ns: int, connected: bool) -> VenueFound:
    """What the traces of an attempt say of it."""
    deals = traces.deals
    executed = [order for order in traces.done if _executed(order) > 0]
    tickets = dict.fromkeys([item.order for item in deals] + [item.ticket for item in (*executed, *traces.live)])
    is_dealt = bool(deals or executed)
    hits = len(tickets) if is_dealt or len(tickets) > 1 else len(traces.positions)
    dealt, ordered = sum(deal.volume for deal in deals), sum(_executed(order) for order in executed)
    lots, price, position_ticket = max(dealt, ordered), 0.0, 0
    if deals:
        price, position_ticket = sum(deal.price * deal.volume for deal in deals) / dealt, deals[0].position_id
    elif executed:
        price, position_ticket = executed[0].price_current, executed[0].position_id
    elif traces.positions:
        shown = traces.positions[0]
        lots, price, position_ticket = shown.volume, shown.price_open, shown.ticket
    is_over = any(order.state in FINAL_STATES for order in traces.done)
    return VenueFound(
        call=wanted.call,
        oid=wanted.oid,
        attempt=attempt,
        hits=hits,
        volume_e8=e8_from_float(lots),
        price_e8=e8_from_float(price),
        order_ticket=next(iter(tickets), 0),
        position_ticket=position_ticket,
        deal_ticket=deals[0].ticket if deals else 0,
        rejected=is_over and not is_dealt and not traces.live and not traces.positions,
        market_ns=market_ns,
        resting_ticket=traces.live[0].ticket if traces.live else 0,
        connected=connected,
        profit_e8=e8_from_float(sum(deal.profit for deal in deals)),
    )


def _executed(order: Any) -> float:
    """Lots of a done order that were executed."""
    if order.state == names.ORDER_STATE_FILLED:
        return float(order.volume_initial)
    return float(order.volume_initial - order.volume_current)
