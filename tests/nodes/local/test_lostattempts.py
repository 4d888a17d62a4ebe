"""Attempts whose result was lost, at the pure local: resting ones, found ones, and what an absence needs to count."""

from typing import Any

import msgspec
import pytest

from mesh.core import Envelope
from mesh.links import WORKER
from mesh.messages.accounts import PendingOrder
from mesh.messages.venue import VenueFind, VenueFound, VenueLost
from mesh.units import E8
from nodes.terminal import names
from tests.nodes.local.fakevenue import PRICE_E8, FakeVenue
from tests.nodes.local.localrig import Rig
from tests.nodes.local.terminalvenue import rig_with
from tests.nodes.local.test_local_faults import fault

LOTS_E8 = E8 // 10
TICKET = 700


def lost(venue: FakeVenue, *actions: str) -> None:
    """Have the first call of these actions answered UNKNOWN, and not executed."""
    waiting = list(actions)

    def script(send: Any) -> Any:
        if send.action in waiting:
            waiting.remove(send.action)
            return venue.result(send, "UNKNOWN", 10008)
        return True

    venue.script = script


def seen(ask: VenueFind, **changes: Any) -> VenueFound:
    """What a look shows: nothing, but for these fields."""
    return msgspec.structs.replace(VenueFound(ask.call, ask.oid, ask.marks[0].attempt, 0, 0, 0, 0, 0, 0, False, 0), **changes)


def rests(venue: FakeVenue, filled_e8: int) -> None:
    """Its order rests, filled in part; once it is cancelled, that part is what was done."""
    venue.resting[TICKET] = PendingOrder(TICKET, "EURUSD", "TYPE_0", LOTS_E8 - filled_e8, PRICE_E8, 0, 0, 0, False)

    def look(ask: VenueFind) -> VenueFound:
        done = dict(hits=1, volume_e8=filled_e8, price_e8=PRICE_E8, order_ticket=TICKET, position_ticket=TICKET) if filled_e8 else {}
        if TICKET in venue.resting:
            return seen(ask, resting_ticket=TICKET, **done)
        return seen(ask, **done) if done else seen(ask, rejected=True)

    venue.look = look


def test_open_filled_in_part_is_cancelled_at_its_deadline_and_told_in_part() -> None:
    """What rests past the deadline is cancelled by an order of its own; what was filled stays, and is ours."""
    rig = Rig().ready()
    lost(rig.venue, "OPEN")
    rests(rig.venue, LOTS_E8 * 4 // 10)
    rig.open()
    rig.run(4_500)
    assert [send.action for send in rig.venue.sends] == ["OPEN"]
    assert [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN", "WORKING"]
    rig.until(lambda: rig.master.codes() == ["CANCELLED", "PARTIAL"], 5_000)
    assert [(send.action, send.position_ticket) for send in rig.venue.sends] == [("OPEN", 0), ("CANCEL", TICKET)]
    told = rig.master.outcomes[-1]
    assert told.detail.startswith("filled=0.04 of=0.10")
    assert (told.volume_e8, told.position_ticket) == (LOTS_E8 * 4 // 10, TICKET)


def test_open_that_rested_in_vain_has_expired() -> None:
    """Cancelled without a fill past its deadline: EXPIRED, with the ticket that rested."""
    rig = Rig().ready()
    lost(rig.venue, "OPEN")
    rests(rig.venue, 0)
    rig.open()
    rig.until(lambda: rig.master.codes() == ["CANCELLED", "EXPIRED"])
    assert f"rested={TICKET}" in rig.master.outcomes[-1].detail


def test_resting_open_that_the_broker_refuses_in_time_is_rejected() -> None:
    """Its order ended before the deadline, and not by us."""
    rig = Rig().ready()
    lost(rig.venue, "OPEN")
    rests(rig.venue, 0)
    rig.open()
    rig.run(1_000)
    rig.venue.resting.clear()
    rig.until(lambda: rig.master.codes() == ["REJECTED"], 2_000)


def test_resting_order_never_counts_as_absent() -> None:
    """A broker that cancels nothing: far beyond the settle window the order is still waited for."""
    rig = Rig().ready()
    rests(rig.venue, 0)
    rig.venue.script = lambda send: rig.venue.result(send, *(("UNKNOWN", 10008) if send.action == "OPEN" else ("BUG", 10035)))
    rig.open()
    rig.run(150_000)
    assert "NOT_FOUND" not in rig.master.codes()
    assert [state for state in rig.master.states if state.account == "one"][-1].unknown_count == 1
    rig.venue.look = lambda ask: seen(ask, hits=1, volume_e8=LOTS_E8, price_e8=PRICE_E8, position_ticket=TICKET)
    rig.until(lambda: rig.master.codes()[-1] == "FILLED", 2_000)


def test_resting_close_is_waited_for() -> None:
    """No second close while the first is live, however long that takes; then the line ends with what was closed."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    lost(rig.venue, "CLOSE")
    rig.venue.look = lambda ask: seen(ask, resting_ticket=TICKET)
    rig.close(opening)
    rig.run(100_000)
    assert [send.action for send in rig.venue.sends] == ["OPEN", "CLOSE"]
    assert rig.master.codes() == ["FILLED"]
    rig.venue.held.clear()
    rig.venue.look = lambda ask: seen(ask, hits=1, volume_e8=LOTS_E8, price_e8=PRICE_E8)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 2_000)
    assert len(rig.venue.sends) == 2


def test_time_without_a_worker_does_not_count_to_the_settle_window() -> None:
    """The worker is gone for most of a minute: the window begins anew when there is one again."""
    rig = Rig().ready()
    lost(rig.venue, "OPEN")
    rig.open()
    rig.run(50_000)
    rig.net.deliver("local-1", rig.net.now_ns + 1, Envelope(WORKER, 0, VenueLost("killed")))
    rig.run(50_000)
    assert rig.master.codes() == []
    rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 20_000)


def test_looks_without_the_server_do_not_count() -> None:
    """However often: the terminal must see its server."""
    rig = Rig().ready()
    lost(rig.venue, "OPEN")
    rig.venue.look = lambda ask: seen(ask, connected=False)
    rig.open()
    rig.run(120_000)
    assert rig.master.codes() == []
    rig.venue.look = seen
    rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 70_000)


def test_order_seen_live_begins_the_settle_window_anew() -> None:
    """Nowhere, then live, then nowhere: only the time since it was live counts."""
    rig = Rig().ready()
    lost(rig.venue, "CLOSE")
    opening = rig.open(volume_e8=2 * LOTS_E8)
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.venue.look = seen
    rig.close(opening, left_e8=LOTS_E8)
    rig.run(40_000)
    rig.venue.look = lambda ask: seen(ask, resting_ticket=TICKET)
    rig.run(10_000)
    rig.venue.look = seen
    rig.run(50_000)
    assert [send.action for send in rig.venue.sends] == ["OPEN", "CLOSE"]
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 20_000)


@pytest.mark.parametrize("detail", ["TERMINAL last_error=-10004", "ACCOUNT login=5002 x attached=5001 x"])
def test_open_kept_back_at_the_terminal_is_tried_again_in_its_time(detail: str) -> None:
    """The link broke, or another account was logged in just then: nothing was sent, and in a moment it may be fine again."""
    rig = Rig().ready()
    answers = [rig.venue.result]
    rig.venue.script = lambda send: answers.pop()(send, "UNSENT", detail=detail) if answers else True
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert [send.attempt for send in rig.venue.sends] == [1, 2]


def test_what_is_amiss_at_the_terminal_is_noted_once_and_shown() -> None:
    """Said when it begins and when it is over; in between the facts of the node have it."""
    rig = Rig().ready()
    rig.venue.remark = "terminal.trade_allowed=False: switch it on"
    rig.run(3_000)
    assert rig.local().facts()["terminal"] == rig.venue.remark
    rig.venue.remark = ""
    rig.run(3_000)
    assert rig.local().facts()["terminal"] == "attached"
    assert [note.name for _, _, note in rig.net.notes if note.name in ("terminal_remark", "terminal_fine")] == [
        "terminal_remark", "terminal_fine",
    ]  # fmt: skip


@pytest.mark.parametrize("ticket", [TICKET, 0])
def test_order_that_the_answer_named_is_looked_for_also_by_another_life(ticket: int) -> None:
    """10008 with a ticket: the third mark, kept with the attempt; an answer without one names nothing."""
    rig = Rig().ready()
    rig.venue.script = lambda send: msgspec.structs.replace(rig.venue.result(send, "UNKNOWN", 10008), order_ticket=ticket)
    asked: list[VenueFind] = []

    def look(ask: VenueFind) -> VenueFound:
        asked.append(ask)
        return seen(ask, connected=False)

    rig.venue.look = look
    rig.open()
    for _life in range(2):
        asked.clear()
        rig.until(lambda: bool(asked))
        assert {(mark.attempt, mark.order_ticket) for ask in asked for mark in ask.marks} == {(1, ticket)}
        rig.run(100)  # what the answer named is durable
        rig.net.crash("local-1")
        rig.net.restart("local-1")


def test_close_that_left_no_mark_at_all_is_told_with_its_lots() -> None:
    """Its answer is lost, its magic dropped, its comment rewritten: the deal that emptied the position is its own."""
    with rig_with() as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        rig.run(2_000)
        venue.afflict(fault("lose_reply", nth=1), fault("drop_magic"), fault("rewrite_comment", comment="by the broker"))
        rig.close(opening)
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 150_000)
        (deal,) = venue.deals(names.DEAL_ENTRY_OUT)
        told = rig.master.outcomes[-1]
        assert (told.volume_e8, told.price_e8, told.order_ticket) == (LOTS_E8, deal.price_e8, deal.order)
        assert (deal.magic, deal.comment) == (0, "by the broker")


def test_close_whose_marks_were_forgotten_is_told_with_its_lots() -> None:
    """A close answered PLACED, its magic dropped and its comment rewritten: CLOSED with what its order did, not with nothing."""
    forgets = (fault("drop_magic"), fault("rewrite_comment", comment="by the broker"))
    with rig_with() as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        venue.afflict(fault("place", nth=1, for_ms=1_500), *forgets)
        rig.close(opening)
        for _ in range(8):
            rig.run(500)
            venue.terminal.on_tick("EURUSD", venue.now_ns(), PRICE_E8, PRICE_E8 + 10_000)
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 150_000)
        (deal,) = venue.deals(names.DEAL_ENTRY_OUT)
        told = rig.master.outcomes[-1]
        assert (told.volume_e8, told.price_e8, told.order_ticket) == (deal.volume_e8, deal.price_e8, deal.order)
        assert (deal.magic, deal.comment) == (0, "by the broker")
