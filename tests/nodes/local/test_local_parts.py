"""The small machines of a local and a router: streams of numbers, outcomes to be acked, whose a position is, jobs in turn."""

from decimal import Decimal

import pytest
from msgspec import structs

from mesh.core import Put
from mesh.messages.accounts import Position
from mesh.messages.outcomes import DealReport, Outcome, Stamps
from mesh.messages.venue import VenueState
from mesh.units import E8, MINUTE_NS, SECOND_NS
from nodes.local.accountbook import OVERLAP_NS, TICKETS_MAX, AccountBook
from nodes.local.attempts import OrderRecord
from nodes.local.equitystop import EquityStop
from nodes.local.jobs import Job, Jobs
from nodes.local.openings import LATE_NS, OpeningRecord, Openings
from nodes.local.orderstream import OrderStream
from nodes.local.reports import ARCHIVE, KNOWN, OUTCOME, Reports
from nodes.local.revival import Revival
from nodes.router.recordstream import ASKS_MAX, HOLES_MAX, RecordStream

# orders by k


def test_order_stream_acks_only_what_is_settled_without_a_hole() -> None:
    """An ack covers no number that has not come, and none that came and is not stored."""
    stream = OrderStream()
    stream.restart(1, 0)
    assert stream.receive(1)
    assert stream.receive(3)
    assert not stream.settle(3)
    assert stream.settle(1)
    assert (stream.acked_k, stream.received_k, stream.gaps(5)) == (1, 1, [(2, 2), (4, 5)])
    stream.receive(2)
    assert (stream.received_k, stream.acked_k) == (3, 1)
    assert stream.settle(2)
    assert (stream.acked_k, stream.waiting_count) == (3, 0)


def test_order_stream_knows_what_came_before() -> None:
    """A number is new once."""
    stream = OrderStream()
    stream.restart(1, 5)
    assert not stream.receive(5)
    assert stream.receive(6)
    assert not stream.receive(6)
    stream.settle(6)
    assert not stream.receive(6)


# records by n


def test_record_stream_bounds_its_holes_and_its_patience() -> None:
    """So many holes are remembered, and each asked for so often; then it is given up."""
    stream = RecordStream()
    stream.begin(1, 1)
    stream.expect(3 * HOLES_MAX)
    for _ in range(ASKS_MAX):
        ranges, given_up_count = stream.ask()
        assert given_up_count == 0
        assert ranges == [(2 * HOLES_MAX + 1, 3 * HOLES_MAX)]
    assert stream.ask() == ([], HOLES_MAX)
    assert stream.is_whole


def test_record_stream_takes_each_record_once() -> None:
    """A record that fills a hole is new, one that came before is not."""
    stream = RecordStream()
    stream.begin(1, 1)
    assert stream.take(1)
    assert stream.take(4)
    assert not stream.take(4)
    assert stream.take(2)
    stream.fill(3, 3)
    assert not stream.take(3)
    assert stream.is_whole


# outcomes by f


def outcome(number: int, final: bool = True) -> Outcome:
    """An outcome without its number."""
    return Outcome(
        "one", 1, 1, 0, bytes([number]) * 16, "sid", "swing", "open", "OPEN", "FILLED" if final else "UNKNOWN", final, "open", "",
        "EURUSD", 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, Stamps(),
    )  # fmt: skip


def stored(reports: Reports, puts: list[Put], rows: dict[tuple[str, bytes], bytes]) -> None:
    """Apply rows."""
    for put in puts:
        if put.record is None:
            rows.pop((put.kind, put.key))
        else:
            rows[(put.kind, put.key)] = put.record


def test_outcomes_move_to_the_archive_when_acked_and_survive_a_restart() -> None:
    """f is dense; acked ones leave memory, unacked ones are there after a restart, and ended oids are known for ever."""
    reports, rows = Reports("one", 1), {}
    for number in (1, 2, 3):
        numbered, puts = reports.number(outcome(number, final=number != 2))
        assert numbered.f == number
        stored(reports, puts, rows)
        reports.durable(numbered)
    stored(reports, reports.ack(1), rows)
    assert [item.f for item in reports.oldest()] == [2, 3]
    again = Reports("one", 1)
    for (kind, key), record in rows.items():
        if kind in (OUTCOME, KNOWN):
            again.restore(kind, key, record)
    again.restored(3)
    assert (again.f, again.acked_f, [item.f for item in again.oldest()]) == (3, 1, [2, 3])
    assert [again.known_f(bytes([number]) * 16) for number in (1, 2, 3, 4)] == [1, 0, 3, 0]
    assert [key for kind, key in rows if kind == ARCHIVE] == [(1).to_bytes(8, "big")]


def test_ack_never_goes_beyond_what_is_durable() -> None:
    """An ack of more than was told changes nothing that is not on disk."""
    reports = Reports("one", 1)
    numbered, _ = reports.number(outcome(1))
    assert reports.ack(9) == []
    assert not reports.is_settled
    reports.durable(numbered)
    reports.ack(9)
    assert (reports.acked_f, reports.is_settled) == (1, True)


def test_archive_is_read_back_where_the_master_forgot() -> None:
    """The blocks to fetch cover exactly what was acked above the master's number."""
    reports = Reports("one", 1)
    reports.restored(600)
    for master_f, lasts in ((600, b""), (254, b"\x00\x01\x02"), (511, b"\x02")):
        revival = Revival(reports, master_f)
        assert list(iter(revival.next_prefix, b"")) == [bytes(6) + bytes([last]) for last in lasts]


# whose a position is


def opening(number: int, f: int = 1) -> OpeningRecord:
    """An executed opening whose position has the same number."""
    return OpeningRecord(bytes([number]) * 16, number, "sid", "swing", "open", "EURUSD", 1, 10 * E8, 1, number, f)


def position(ticket: int, magic: int = 0, position_id: int = 0, volume_e8: int = 10 * E8) -> Position:
    """A position of the venue."""
    return Position(ticket, position_id or ticket, "EURUSD", 1, volume_e8, 1, 1, 0, 0, 0, 0, 0, False, magic=magic)


def test_opening_is_gone_once_it_was_seen_and_is_not_any_more() -> None:
    """Not before it was seen: a venue may show it late, and the state told meanwhile does not include it."""
    openings = Openings()
    openings.add(opening(1, f=7), 100)
    openings.rows()
    openings.look([], 50, 200)
    openings.look([], 150, 20 * SECOND_NS)
    assert openings.rows() == []
    assert openings.unseen_f() == 7
    openings.look([position(1, magic=1, volume_e8=4 * E8)], 210, 220)
    live = openings.live()[0]
    assert (live.left_e8, openings.unseen_f()) == (4 * E8, 0)
    openings.look([], 230, 240)
    assert openings.rows()
    assert openings.live() == []
    openings.add(opening(2), 1_000)
    openings.look([], 2_000, 1_000 + LATE_NS)
    assert openings.of_oid(b"\x02" * 16).record.is_gone  # type: ignore[union-attr]


def test_closing_deals_prove_that_the_absence_of_a_position_means_closed() -> None:
    """Verified and stopped out between two reads: gone at once. That it was opened, or closed in part, proves nothing."""
    openings = Openings()
    openings.add(opening(1), 100)
    for ticket, entry, lots_e8 in ((1, "IN", 10 * E8), (2, "OUT", 4 * E8)):
        openings.dealt(closing_deal(ticket, entry, lots_e8))
        openings.look([], 150, 200)
        assert len(openings.live()) == 1
    openings.dealt(closing_deal(3, "OUT", 6 * E8))
    openings.look([], 150, 200)
    assert openings.live() == []


def closing_deal(ticket: int, entry: str, volume_e8: int) -> DealReport:
    """A deal of position 1."""
    return DealReport("one", ticket, ticket, 1, "EURUSD", "SELL", entry, "SL", volume_e8, 1, 0, 0, 0, 1, bytes(16), "")


def test_position_that_was_not_shown_for_a_while_is_ours_again() -> None:
    """A terminal that has just found its server shows no positions at all."""
    openings = Openings()
    openings.add(opening(1), 0)
    held = [position(1, magic=1)]
    openings.look(held, 1, 2)
    openings.look([], 3, 4)
    assert openings.live() == []
    openings.look(held, 5, 6)
    assert [opening.left_e8 for opening in openings.live()] == [10 * E8]


def test_position_is_ours_by_magic_or_by_its_identifier() -> None:
    """A ticket may change and a broker may rewrite the magic; the identifier stays."""
    openings = Openings()
    openings.add(opening(1), 0)
    openings.look([position(1, magic=1)], 1, 2)
    assert openings.of_position(position(55, magic=0, position_id=1)) is openings.live()[0]
    assert openings.of_position(position(56, magic=9)) is None


# deals


def deal(ticket: int, market_ns: int, kind: str = "BUY", profit_e8: int = 0) -> DealReport:
    """A deal."""
    return DealReport("one", ticket, 0, ticket, "EURUSD", kind, "IN", "EXPERT", 1, 1, profit_e8, 0, 0, market_ns, bytes(16), "")


def read(deals: list[DealReport], more_deals: bool = False) -> VenueState:
    """A read with these deals."""
    return VenueState(1, 0, 0, 1, 1, 1, 0, 1, 0, True, True, [], [], deals, [], more_deals)


def test_money_that_is_given_is_no_profit() -> None:
    """Balance operations, credit, corrections and bonuses move equity without trading; a charge is a cost like a loss."""
    book = AccountBook("one", 1)
    kinds = ("BALANCE", "CREDIT", "CORRECTION", "BONUS", "CHARGE", "SELL", "TYPE_7")
    book.take(read([deal(n, n * MINUTE_NS, kind, 10**n) for n, kind in enumerate(kinds)]), Openings(), 0, 0)
    assert book.deposit_e8 == 1_111


def test_deals_are_told_once_and_read_from_a_little_before() -> None:
    """Late deals within ten minutes are found, known ones not told again, deposits summed once."""
    book, openings = AccountBook("one", 1), Openings()
    first = [deal(1, 50 * MINUTE_NS, "BALANCE", 100), deal(2, 60 * MINUTE_NS)]
    assert len(book.take(read(first), openings, 0, 0)[0]) == 2
    assert book.deals_from_ns == 50 * MINUTE_NS
    late = deal(3, 55 * MINUTE_NS, "BALANCE", 20)
    told, puts = book.take(read([first[0], late, first[1]]), openings, 0, 0)
    assert (told, book.deposit_e8) == ([late], 120)
    again = AccountBook("one", 2)
    again.restore(puts[-1].record or b"")
    assert again.take(read([*first, late]), openings, 0, 0)[0] == []
    assert again.deposit_e8 == 120


def test_long_history_is_read_in_pages_before_anything_is_told() -> None:
    """While a page says that there is more the deposits are not known; each read goes on after the newest that was taken."""
    book, openings = AccountBook("one", 1), Openings()
    first = structs.replace(read([deal(1, 10 * SECOND_NS, "BALANCE", 100)], more_deals=True), call=7)
    _, puts = book.take(first, openings, 0, 0)
    assert (book.is_complete, book.deals_from_ns, book.taken) == (False, 1, 7)
    assert puts == [], "another life reads it all again: neither the sum of a half is kept nor what its closes took"
    _, puts = book.take(read([deal(2, 20 * MINUTE_NS)]), openings, 0, 0)
    assert (book.is_complete, book.deposit_e8, book.deals_from_ns, book.taken) == (True, 100, 10 * MINUTE_NS, 1)
    again = AccountBook("one", 2)
    again.restore(puts[-1].record or b"")
    assert (again.deposit_e8, again.deals_from_ns, again.taken) == (100, 10 * MINUTE_NS, 0)


def test_more_deals_of_one_moment_than_a_list_holds_are_all_remembered() -> None:
    """A market that stands still: another life tells none of them again, nor counts a deposit twice."""
    book, openings = AccountBook("one", 1), Openings()
    deals = [deal(0, MINUTE_NS, "BALANCE", 100), *(deal(n, MINUTE_NS, "SELL") for n in range(1, 2 * TICKETS_MAX + 10))]
    _, puts = book.take(read(deals), openings, 0, 0)
    again = AccountBook("one", 2)
    again.restore(puts[-1].record or b"")
    assert again.take(read(deals), openings, 0, 0)[0] == []
    assert again.deposit_e8 == 100
    later = deal(9_999, MINUTE_NS + OVERLAP_NS + 1)
    _, puts = again.take(read([later]), openings, 0, 0)
    assert again.take(read([deals[0], later]), openings, 0, 0)[0] == [], "told before the overlap moved on"
    assert len(puts[-1].record or b"") > TICKETS_MAX


def test_an_account_that_was_paid_out_more_than_it_got_opens_nothing() -> None:
    """A share of deposits that are less than nothing is no floor: said, and denied; without a stop nothing is said."""
    book = AccountBook("one", 1)
    book.take(read([deal(1, 1, "BALANCE", 100 * E8), deal(2, 2, "BALANCE", -120 * E8)]), Openings(), 0, 0)
    assert EquityStop(Decimal(60), book).objection() == "EQUITY_STOP deposits=-20.00 floor=none"
    assert EquityStop(None, book).objection() is None


# jobs


@pytest.mark.parametrize("actions", [("OPEN", "MODIFY", "CLOSE"), ("MODIFY", "CLOSE", "OPEN")])
def test_jobs_go_closes_first_then_opens_then_changes(actions: tuple[str, ...]) -> None:
    """Whatever came first, a close has its turn before an open, an open before a change."""
    jobs = Jobs()
    for number, action in enumerate(actions, start=1):
        record = OrderRecord(bytes([number]) * 16, "ORDER", 1, 1, 1, "s", "x", "l", "l", action, "EURUSD", 1, 1)
        jobs.add(Job(record, 0))
    assert [job.record.action for job in jobs] == ["CLOSE", "OPEN", "MODIFY"]
    assert len(jobs) == 3
