"""What became of an attempt: by magic, comment, then order, over live orders, history, deals, positions; its own traces and no others."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mesh.faults import FaultSection
from mesh.messages.venue import VenueFind, VenueFound, VenueMark
from nodes.io.venuefind import Books, found_in, traces_of
from nodes.terminal import names
from tests.nodes.io.venuerig import LOT_E8, MONDAY_NS, desk_of

WANTED = VenueFind(1, bytes(16), 0, "OPEN", [VenueMark(1, 77, "tm.1")])
MINE = dict(magic=77, comment="tm.1", symbol="EURUSD", reason=names.DEAL_REASON_EXPERT)


def deal(**changes: Any) -> SimpleNamespace:
    """A deal of 0.1 lots that opened a position."""
    fields = dict(ticket=9, order=5, entry=names.DEAL_ENTRY_IN, volume=0.1, price=1.1, profit=0.0, position_id=5)
    return SimpleNamespace(**{**MINE, **fields, **changes})


def order(**changes: Any) -> SimpleNamespace:
    """A filled order of 0.1 lots."""
    fields = dict(ticket=5, state=names.ORDER_STATE_FILLED, volume_initial=0.1, volume_current=0.0, price_current=1.1, position_id=5)
    return SimpleNamespace(**{**MINE, **fields, **changes})


def position(**changes: Any) -> SimpleNamespace:
    """A position of 0.1 lots."""
    return SimpleNamespace(**{**MINE, "ticket": 5, "identifier": 5, "volume": 0.1, "price_open": 1.1, **changes})


def named_by(ticket: int) -> VenueFind:
    """The answer to the attempt named an order."""
    return msgspec.structs.replace(WANTED, marks=[msgspec.structs.replace(WANTED.marks[0], order_ticket=ticket)])


def look(
    live: Any = (), orders: Any = (), deals: Any = (), positions: Any = (), wanted: VenueFind = WANTED, is_hedging: bool = True
) -> VenueFound:
    """What these books say of the attempt."""
    return found_in(wanted, *traces_of(wanted, Books(live, orders, deals, positions), is_hedging), 1, True)


def test_nothing_is_found_in_foreign_books() -> None:
    """Other magics and other comments are not ours."""
    other = dict(magic=1, comment="hand")
    found = look([order(**other)], [order(**other)], [deal(**other)], [position(**other)])
    assert (found.hits, found.rejected, found.resting_ticket) == (0, False, 0)


def test_deals_of_one_order_are_one_hit_at_their_average() -> None:
    """Filled in two parts: the lots add up, the price is weighted."""
    found = look(deals=[deal(volume=0.1, price=1.1), deal(ticket=10, volume=0.3, price=1.2)])
    assert (found.hits, found.volume_e8, found.price_e8) == (1, 40 * LOT_E8, 117_500_000)
    assert (found.order_ticket, found.position_ticket, found.deal_ticket) == (5, 5, 9)


def test_profit_of_a_found_attempt_is_that_of_its_deals() -> None:
    """Summed over them; the deals of another attempt do not count."""
    found = look(deals=[deal(profit=1.5), deal(ticket=10, profit=-4.0), deal(order=6, magic=1, comment="hand", profit=9.0)])
    assert (found.hits, found.profit_e8) == (1, -250_000_000)


@pytest.mark.parametrize(
    "books",
    [
        {"deals": [deal(magic=0)]},
        {"orders": [order(magic=0)]},
        {"positions": [position(magic=0)]},
        {"positions": [position(comment="by the broker")]},
        {"orders": [order(state=names.ORDER_STATE_PARTIAL, volume_initial=0.2, volume_current=0.1)]},
    ],
)
def test_one_trace_is_enough(books: dict[str, Any]) -> None:
    """Magic forgotten: the comment tells. Deals or history late: what is shown already tells."""
    found = look(**books)
    assert (found.hits, found.volume_e8) == (1, 10 * LOT_E8)


def test_comment_is_asked_only_where_the_magic_is_nowhere() -> None:
    """The magic is the better witness: a comment that somebody copied makes no second hit."""
    assert look(deals=[deal(), deal(order=6, magic=1)]).hits == 1


FORGOTTEN = dict(magic=0, comment="by the broker")


@pytest.mark.parametrize(
    "books",
    [
        {"deals": [deal(**FORGOTTEN)]},
        {"orders": [order(**FORGOTTEN)]},
        {"positions": [position(**FORGOTTEN)]},
        {"positions": [position(ticket=8, **FORGOTTEN)]},
    ],
)
def test_order_of_the_answer_tells_where_magic_and_comment_were_forgotten(books: dict[str, Any]) -> None:
    """By the order a row is or came of, also where the position has another ticket by now; without an answer nothing is known."""
    named = named_by(5)
    found = look(**books, wanted=named)
    assert (found.hits, found.volume_e8) == (1, 10 * LOT_E8)
    assert look(**books).hits == 0
    assert look(**books, wanted=named_by(6)).hits == 0


def test_order_of_the_answer_is_asked_last() -> None:
    """Where the magic is, the order is not asked for: one hit, not two."""
    named = named_by(6)
    assert look(deals=[deal(), deal(order=6, **FORGOTTEN)], wanted=named).order_ticket == 5
    live = order(ticket=6, state=names.ORDER_STATE_PLACED, volume_current=0.1, position_id=0, **FORGOTTEN)
    assert look(live=[live], wanted=named).resting_ticket == 6


def test_two_orders_are_two_hits() -> None:
    """By deals, by history, or one of them still live."""
    assert look(deals=[deal(), deal(order=6)]).hits == 2
    assert look(orders=[order(), order(ticket=6, position_id=6)]).hits == 2
    assert look(live=[order(ticket=6, position_id=6)], deals=[deal()]).hits == 2
    assert look(positions=[position(), position(ticket=6)]).hits == 2


def test_live_order_is_neither_found_nor_absent() -> None:
    """It rests, filled in part or not at all."""
    rests = dict(state=names.ORDER_STATE_PLACED, volume_current=0.1)
    found = look(live=[order(**rests)])
    assert (found.resting_ticket, found.hits, found.rejected) == (5, 0, False)
    part = look(live=[order(state=names.ORDER_STATE_PARTIAL, volume_initial=0.3, volume_current=0.2)], deals=[deal()])
    assert (part.resting_ticket, part.hits, part.volume_e8) == (5, 1, 10 * LOT_E8)


@pytest.mark.parametrize("state", [names.ORDER_STATE_CANCELED, names.ORDER_STATE_REJECTED, names.ORDER_STATE_EXPIRED])
def test_order_that_ended_unfilled_proves_that_nothing_happened(state: int) -> None:
    """Its whole volume is left."""
    assert look(orders=[order(state=state, volume_current=0.1)]).rejected


def test_order_cancelled_in_part_was_executed_in_part() -> None:
    """Its deals may come late; the order itself says how much."""
    found = look(orders=[order(state=names.ORDER_STATE_CANCELED, volume_initial=0.3, volume_current=0.2)])
    assert (found.hits, found.rejected, found.volume_e8) == (1, False, 10 * LOT_E8)


@pytest.mark.parametrize("is_hedging", [True, False])
@pytest.mark.parametrize("reason", [names.DEAL_REASON_SL, names.DEAL_REASON_TP, names.DEAL_REASON_SO])
def test_what_the_server_closed_is_not_the_attempt(reason: int, is_hedging: bool) -> None:
    """A stop's order and deal carry the magic of the position."""
    stop = dict(reason=reason, position_id=5)
    by_deals = look(deals=[deal(), deal(order=8, entry=names.DEAL_ENTRY_OUT, **stop)], is_hedging=is_hedging)
    by_orders = look(orders=[order(), order(ticket=8, **stop)], is_hedging=is_hedging)
    assert [(found.hits, found.volume_e8) for found in (by_deals, by_orders)] == [(1, 10 * LOT_E8)] * 2


def test_what_a_hand_closed_with_our_magic_is_not_the_opening() -> None:
    """On a hedging account an opening has deals IN only; on a netting account it may reduce what is held."""
    by_hand = [deal(), deal(order=8, entry=names.DEAL_ENTRY_OUT)]
    assert look(deals=by_hand).hits == 1
    assert look(deals=by_hand, is_hedging=False).hits == 2


def test_close_is_not_found_in_the_position_it_closes() -> None:
    """A position tells what opened it."""
    wanted = VenueFind(1, bytes(16), 0, "CLOSE", [VenueMark(1, 77, "tm.1")])
    assert look(positions=[position()], wanted=wanted).hits == 0


def test_first_attempt_that_shows_is_told() -> None:
    """Of many that are asked for at once; what another one left waits for the next look."""
    marks = [VenueMark(number, 70 + number, f"tm.{number}") for number in range(1, 9)]
    wanted = msgspec.structs.replace(WANTED, marks=marks)
    both = look(deals=[deal(ticket=8, order=8, magic=76, comment=""), deal(ticket=9, magic=1, comment="tm.4")], wanted=wanted)
    assert (both.attempt, both.hits, both.deal_ticket) == (4, 1, 9)
    nothing = look(deals=[deal(magic=1, comment="")], wanted=wanted)
    assert (nothing.attempt, nothing.hits) == (8, 0)


OUT = dict(entry=names.DEAL_ENTRY_OUT, magic=0, comment="by the broker", position_id=5)


@pytest.mark.parametrize(
    ("changes", "hits"),
    [
        ({}, 1),
        ({"magic": 9}, 0),
        ({"comment": "tm0011223344556677.1"}, 0),
        ({"reason": names.DEAL_REASON_SL}, 0),
        ({"reason": names.DEAL_REASON_CLIENT}, 0),
        ({"position_id": 6}, 0),
        ({"volume": 0.2}, 0),
        ({"entry": names.DEAL_ENTRY_IN}, 0),
    ],
)
def test_close_that_lost_every_mark_is_the_deal_that_emptied_its_position(changes: dict[str, Any], hits: int) -> None:
    """Made by an expert, of the lots it asked for, and nobody's else: anything else is not its own."""
    wanted = VenueFind(1, bytes(16), 0, "CLOSE", [VenueMark(1, 77, "tm.1")], 5, 10 * LOT_E8)
    assert look(deals=[deal(**{**OUT, **changes})], wanted=wanted).hits == hits
    assert look(deals=[deal(**{**OUT, **changes})], wanted=msgspec.structs.replace(wanted, unmarked_ticket=0)).hits == 0


def test_executed_attempt_is_found_at_the_terminal_and_another_is_not() -> None:
    """One hit with its numbers, none for a magic nobody used."""
    with desk_of() as desk:
        opened = desk.send()
        found = desk.find()
        assert (found.hits, found.volume_e8, found.price_e8) == (1, LOT_E8, 108_510_000)
        assert (found.position_ticket, found.connected) == (opened.position_ticket, True)
        assert desk.find(magic=9_999).hits == 0


def test_history_is_looked_through_to_beyond_the_servers_now() -> None:
    """The server's clock runs hours ahead of ours: a deal of this second is in its future, and found."""
    with desk_of() as desk:
        desk.send()
        desk.send(action="CLOSE", side=-1, position_ticket=desk.read().positions[0].ticket, magic=78)
        assert desk.find(magic=78, action="CLOSE").hits == 1


def test_placed_deal_is_unknown_and_then_seen_resting() -> None:
    """10008 for a deal: accepted and not filled; its order is live until it is."""
    with desk_of("demo-1", FaultSection(kind="place", nth=1, for_ms=1_500)) as desk:
        result = desk.send()
        assert (result.class_, result.retcode) == ("UNKNOWN", 10008)
        assert desk.find().resting_ticket == result.order_ticket
        desk.quote(108_500_000, 108_510_000)
        desk.quote(108_500_000, 108_510_000)
        found = desk.find()
        assert (found.resting_ticket, found.hits, found.volume_e8) == (0, 1, LOT_E8)


def test_close_that_was_placed_and_lost_its_marks_is_found_by_its_order() -> None:
    """A server that drops the magic of a close and rewrites its comment: the order that 10008 named leads to the deal."""
    forgets = (FaultSection(kind="drop_magic"), FaultSection(kind="rewrite_comment", comment="by the broker"))
    with desk_of() as desk:
        opened = desk.send()
        desk.afflict(FaultSection(kind="place", nth=1, for_ms=1_500), *forgets)
        result = desk.send(action="CLOSE", side=-1, position_ticket=opened.position_ticket, magic=78, comment="tm.2")
        assert (result.class_, result.retcode) == ("UNKNOWN", 10008)
        ask = VenueFind(1, bytes(16), MONDAY_NS, "CLOSE", [VenueMark(1, 78, "tm.2", result.order_ticket)])
        live = desk.answer(ask)
        assert isinstance(live, VenueFound)
        assert live.resting_ticket == result.order_ticket
        desk.quote(108_500_000, 108_510_000)
        desk.quote(108_500_000, 108_510_000)
        found = desk.answer(ask)
        assert isinstance(found, VenueFound)
        assert (found.hits, found.volume_e8, found.order_ticket) == (1, LOT_E8, result.order_ticket)
        assert desk.find(magic=78, comment="tm.2", action="CLOSE").hits == 0


def test_absence_without_the_server_is_told_as_such() -> None:
    """What the terminal does not show while it has lost its server proves nothing."""
    with desk_of("demo-1", FaultSection(kind="disconnect", nth=1, for_ms=5_000)) as desk:
        assert desk.send().class_ == "UNKNOWN"
        found = desk.find()
        assert (found.hits, found.connected) == (0, False)
