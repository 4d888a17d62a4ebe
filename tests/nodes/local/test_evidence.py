"""A ticket as evidence of what became of an attempt: what speaks for it, what against it, each rule alone."""

from typing import Any

import msgspec
import pytest

from mesh.messages.venue import VenueFound
from nodes.local.attempts import LOOK_BACK_NS
from nodes.local.evidence import Statement, books_from_ns, evidence_of
from nodes.local.openings import CLOCKS_NS, Openings
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8
from tests.nodes.local.test_resolving import LOTS_E8, LostDesk


def open_record(**changes: Any) -> Any:
    """An open of a tenth of a lot, bought, lost."""
    desk = LostDesk()
    oid = desk.lost_open(executed=True)
    job = desk.local()._desk.jobs.get(oid)
    assert job is not None
    return desk, msgspec.structs.replace(job.record, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbol": "GBPUSD"}, "is of GBPUSD, the order of EURUSD"),
        ({"kind": "SELL"}, "is a SELL, the order is not"),
        ({"volume_e8": 2 * LOTS_E8}, "more than the order can have done"),
        ({"market_ns": MARKET_NS - 120 * 10**9}, "is older than the order"),
        ({"cause": "SL"}, "was made by the server: SL"),
        ({"market_ns": MARKET_NS + 181 * 10**9}, "is later than the order's attempt can have done it"),
        ({"comment": "tm0123456789abcdef.1"}, "is of another order of ours: tm0123456789abcdef.1"),
        ({"entry": "OUT"}, "is no opening deal here"),
    ],
)
def test_deal_that_cannot_be_the_orders_is_no_evidence(changes: dict[str, Any], words: str) -> None:
    """Each rule alone."""
    desk, record = open_record()
    deal = msgspec.structs.replace(desk.venue.deals[-1], **changes)
    found = evidence_of(record, deal.deal_ticket, Statement([], [deal]), Openings(), "one")
    assert isinstance(found, str)
    assert words in found


def test_fills_of_one_order_count_together_and_those_of_two_do_not() -> None:
    """An order in two deals is one execution; a position two orders went into names neither."""
    desk, record = open_record()
    whole = desk.venue.deals[-1]
    parts = [msgspec.structs.replace(whole, deal_ticket=number, volume_e8=LOTS_E8 // 2, price_e8=PRICE_E8 + number) for number in (1, 3)]
    found = evidence_of(record, 1, Statement([], parts), Openings(), "one")
    assert isinstance(found, VenueFound)
    assert (found.volume_e8, found.price_e8, found.deal_ticket, found.attempt) == (LOTS_E8, PRICE_E8 + 2, 3, 1)
    other = msgspec.structs.replace(parts[1], order_ticket=99)
    said = evidence_of(record, whole.position_id, Statement([], [parts[0], other]), Openings(), "one")
    assert isinstance(said, str)
    assert "name one of them" in said


def test_position_alone_is_evidence_where_its_deals_are_not_shown() -> None:
    """Of its side, its symbol, its lots; on the other side it is none."""
    desk, record = open_record()
    desk.run(1_200)
    (position,) = desk.local()._state.book.positions
    found = evidence_of(record, position.ticket, Statement([position], []), Openings(), "one")
    assert isinstance(found, VenueFound)
    assert (found.volume_e8, found.price_e8, found.position_ticket) == (LOTS_E8, PRICE_E8, position.ticket)
    turned = msgspec.structs.replace(position, side=-1)
    said = evidence_of(record, position.ticket, Statement([turned], []), Openings(), "one")
    assert said == f"position={position.ticket} is on the other side"


@pytest.mark.parametrize(
    ("changes", "at_s", "said"),
    [
        ({}, -61, "older"),  # decided long before, it was written down only now
        ({}, -59, ""),
        ({"attempt": 2, "lost": [1, 2], "lost_ns": MARKET_NS - 600 * 10**9}, -601, ""),  # the older attempt's
        ({"attempt": 2, "lost": [1, 2], "lost_ns": MARKET_NS - 600 * 10**9}, -661, "older"),
        ({}, 181, "later"),
        ({"lost_ns": MARKET_NS + 60 * 10**9}, 181, ""),
        ({"resting_ticket": 7}, 9_000, ""),
    ],
)
def test_time_of_a_deal_is_that_of_the_attempt(changes: dict[str, Any], at_s: int, said: str) -> None:
    """Not before the INTENT, whenever it was decided, and not long after the result was lost, unless its order rested."""
    written = {"decided_market_ns": MARKET_NS - 7_200 * 10**9, "since_ns": MARKET_NS - LOOK_BACK_NS, "lost_ns": MARKET_NS}
    desk, record = open_record(**written | changes)
    deal = msgspec.structs.replace(desk.venue.deals[-1], market_ns=MARKET_NS + at_s * 10**9, comment="")
    found = evidence_of(record, deal.deal_ticket, Statement([], [deal]), Openings(), "one")
    assert said in found if isinstance(found, str) and said else isinstance(found, VenueFound) and not said


def test_position_names_the_deal_of_its_time() -> None:
    """Though deals of other times are of the same position."""
    desk, record = open_record()
    deal = msgspec.structs.replace(desk.venue.deals[-1], comment="")
    older = msgspec.structs.replace(deal, deal_ticket=5, order_ticket=5, market_ns=MARKET_NS - 7_200 * 10**9)
    found = evidence_of(record, deal.position_id, Statement([], [older, deal]), Openings(), "one")
    assert isinstance(found, VenueFound)
    assert found.deal_ticket == deal.deal_ticket


def test_books_are_read_from_where_the_position_of_a_close_began() -> None:
    """What is counted of it already has its deals there."""
    desk = LostDesk()
    opening = desk.filled()
    openings = desk.local()._state.openings
    decided_ns = openings.known()[0].record.decided_ns
    _, record = open_record(decided_market_ns=decided_ns + 7_200 * 10**9)
    assert books_from_ns(record, openings) == record.decided_market_ns - CLOCKS_NS
    assert books_from_ns(msgspec.structs.replace(record, action="CLOSE", ref_oid=opening), openings) == decided_ns - CLOCKS_NS
    openings.is_hedging = False
    assert books_from_ns(record, openings) == decided_ns - CLOCKS_NS
