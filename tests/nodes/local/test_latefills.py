"""Opens that ended NOT_FOUND and turn up after all: told once as FILLED_LATE, theirs from then on, closed where a close stood over them."""

from typing import Any

import pytest

from mesh.messages.accounts import PendingOrder, Position
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueState
from mesh.units import E8
from nodes.local.attempts import OrderRecord, named
from nodes.local.latefills import WATCHED_MAX, LateFills
from nodes.terminal import names
from tests.nodes.local.localrig import Boundary, Rig
from tests.nodes.local.terminalvenue import TerminalVenue, rig_with
from tests.nodes.local.test_local_faults import LOST, fault

SOON = "[timers]\nunknown_settle_ms = 3_000\nunknown_read_ms = 500"
HIDDEN_MS = 8_000
LATE = (fault("hide", for_ms=HIDDEN_MS), LOST)
"""Executed, but nothing at the terminal shows it until well after the settle window."""


def restart(rig: Rig, venue: TerminalVenue) -> None:
    """The local dies with its worker and comes back."""
    rig.net.crash("local-1")
    venue.restart()
    rig.net.restart("local-1")


def shown(rig: Rig) -> list[bytes]:
    """Whose the positions of account one are."""
    return [position.oid for position in [state for state in rig.master.states if state.account == "one"][-1].positions]


def notes(rig: Rig) -> int:
    """How often a late fill was alarmed."""
    return sum(note.name == "filled_late" and note.level == "error" for _, _, note in rig.net.notes)


def lots(venue: TerminalVenue, entry: int) -> int:
    """Lots dealt at the terminal."""
    return sum(deal.volume_e8 for deal in venue.deals(entry))


@pytest.mark.parametrize("restarts", [False, True])
def test_open_that_turns_up_is_told_once_and_can_be_closed(restarts: bool) -> None:
    """NOT_FOUND, then FILLED_LATE with its numbers; its position is ours; a restart before and after tells nothing twice."""
    with rig_with(*LATE, more=SOON) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 7_000)
        if restarts:
            restart(rig, venue)
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND", "FILLED_LATE"], 60_000)
        told = rig.master.outcomes[-1]
        (deal,) = venue.deals()
        assert (told.oid, told.final, told.volume_e8, told.price_e8) == (opening, True, deal.volume_e8, deal.price_e8)
        assert told.position_ticket == deal.position_id
        assert told.detail.startswith("filled=0.10 of=0.10 late_ms=")
        assert notes(rig) == 1
        if restarts:
            restart(rig, venue)
        rig.run(3_000)
        assert shown(rig) == [opening]
        rig.close(opening)
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND", "FILLED_LATE", "CLOSED"], 20_000)
        rig.run(3_000)
        assert (notes(rig), len(rig.master.codes())) == (1, 3)
        assert lots(venue, names.DEAL_ENTRY_OUT) == lots(venue, names.DEAL_ENTRY_IN)
        assert [report.oid for report in rig.master.deals if report.deal_ticket == deal.ticket][-1] == opening


def test_open_whose_position_was_closed_meanwhile_turns_up_in_its_deals() -> None:
    """Verified and stopped out unseen, and the local was down when it showed: the deals of the next life's first read tell it."""
    with rig_with(*LATE, more=SOON) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 7_000)
        rig.net.crash("local-1")
        venue.terminal.on_tick("EURUSD", venue.now_ns(), 109_000_000, 109_010_000)
        assert not venue.terminal.positions(5001)
        rig.run(6_000)
        venue.restart()
        rig.net.restart("local-1")
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND", "FILLED_LATE"], 10_000)
        rig.close(opening)
        rig.until(lambda: rig.master.codes()[2:] == ["CLOSED"], 10_000)
        assert rig.master.outcomes[-1].detail == "already=closed"
        rig.until(lambda: {report.oid for report in rig.master.deals[-2:]} == {opening}, 1_000)


def test_full_close_stands_over_an_open_that_was_not_found() -> None:
    """The close ends as of an opening that never was; what turns up is closed all the same, also by another life."""
    with rig_with(*LATE, more=SOON) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 7_000)
        rig.close(opening)
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND", "CLOSED"], 10_000)
        assert rig.master.outcomes[-1].detail == "already=never_opened"
        restart(rig, venue)
        rig.until(lambda: rig.master.codes()[2:] == ["FILLED_LATE", "CLOSED"], 60_000)
        assert rig.master.outcomes[-1].cause == "STANDING_CLOSE"
        assert not venue.terminal.positions(5001)


def test_order_that_turns_up_live_is_cancelled_and_its_line_stays() -> None:
    """Nothing was executed and nothing will be: no second outcome of the open."""
    with rig_with(fault("place", for_ms=30_000), *LATE, more=SOON) as (rig, venue):
        rig.open()
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 7_000)
        assert len(venue.terminal.accounts[5001].orders) == 1
        rig.run(8_000)
        restart(rig, venue)
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND", "CANCELLED"], 60_000)
        rig.run(20_000)
        assert (venue.deals(), rig.master.codes()) == ([], ["NOT_FOUND", "CANCELLED"])
        assert rig.local()._state.late.is_watched(rig.master.outcomes[0].oid)
        assert not rig.local()._desk.jobs.unknown()


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_crash_at_a_commit_of_a_late_fill_tells_it_once(number: int, kept: bool) -> None:
    """Before or after each commit, from the read that shows it to the end of its telling."""
    with rig_with(*LATE, more=SOON) as (rig, venue):
        rig.open()
        rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 7_000)
        rig.run(200)
        rig.net.boundary = Boundary("local-1", rig.net.commits["local-1"] + number, kept)
        rig.until(lambda: rig.net.places["local-1"].core is None, 60_000)
        venue.restart()
        rig.net.restart("local-1")
        rig.until(lambda: "FILLED_LATE" in rig.master.codes(), 60_000)
        rig.run(3_000)
        assert rig.master.codes() == ["NOT_FOUND", "FILLED_LATE"]


def record(number: int, **changes: Any) -> OrderRecord:
    """An open that ended NOT_FOUND."""
    oid = number.to_bytes(16, "big")
    fields: dict[str, Any] = {"attempt": 1, "state": "ENDED", "not_found_ns": number} | changes
    return OrderRecord(oid, "ORDER", 1, 1, 1, "sid", "swing", "open", "open", "OPEN", "EURUSD", 1, E8, **fields)


def test_order_that_the_answer_named_shows_it_too() -> None:
    """Neither magic nor comment was kept: the order of a deal, of a live order, of a position tells; taken once it is watched no more."""
    late = LateFills("one")
    late.watch(named(record(1), 700))
    late.watch(record(2))
    deal = DealReport("one", 9, 700, 700, "EURUSD", "BUY", "IN", "EXPERT", 1, 1, 0, 0, 0, 1, NO_OID, "by the broker")
    order = PendingOrder(700, "EURUSD", "TYPE_0", 1, 1, 0, 0, 0, False)
    position = Position(701, 700, "EURUSD", 1, 1, 1, 1, 0, 0, 0, 0, 0, False)
    shows: list[dict[str, Any]] = [{"deals": [deal]}, {"orders": [order]}, {"positions": [position]}]
    nothing: dict[str, Any] = {"positions": [], "orders": [], "deals": []}
    for shown in shows:
        read = VenueState(1, 0, 0, 0, 0, 0, 0, 0, 0, True, True, **(nothing | shown))
        assert [found.oid for found in late.turned_up(read)] == [record(1).oid]
    late.take(named(record(1), 700))
    assert late.turned_up(read) == []


def test_only_the_newest_are_watched_also_in_another_life() -> None:
    """Past the bound the oldest goes with its row; rows come back in the order in which they ended."""
    late = LateFills("one")
    rows = {put.key: put.record for number in range(1, WATCHED_MAX + 3) for put in late.watch(record(number))}
    assert [key for key, row in rows.items() if row is None] == [record(1).oid, record(2).oid]
    again = LateFills("one")
    again.restore([row for row in reversed(rows.values()) if row is not None])
    again.watch(record(WATCHED_MAX + 3))
    assert [again.is_watched(record(number).oid) for number in (2, 3, 4, WATCHED_MAX + 3)] == [False, False, True, True]


def test_a_persons_word_is_doubted_for_the_settle_window() -> None:
    """From a read that shows all there is, and anew where the terminal was gone, or in another life; a row says when it is over."""
    late = LateFills("one")
    (row,) = late.watch(record(1, is_doubted=True))
    late.watch(record(2))
    assert [each.oid for each in late.doubted()] == [record(1).oid]
    assert (late.settle(1_000, 50), late.settle(1_049, 50)) == ([], [])
    late.unsettle()
    assert (late.settle(1_050, 50), late.settle(1_099, 50)) == ([], [])
    again = LateFills("one")
    again.restore([row.record or b""])
    for each, at_ns in ((late, 1_100), (again, 5)):
        each.settle(at_ns - 100, 50)
        (over,) = each.settle(at_ns, 50)
        assert (over.key, each.doubted(), each.is_watched(over.key)) == (record(1).oid, [], True)
        settled = LateFills("one")
        settled.restore([over.record or b""])
        assert settled.doubted() == []
    late.watch(record(3, is_doubted=True))
    late.take(record(3, is_doubted=True))
    assert late.doubted() == []
