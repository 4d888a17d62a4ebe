"""What a local may take as true of its account: what is closed, whose a deal is, which levels are the newest, when it is latched."""

from typing import Any

import msgspec
import pytest

from mesh.core import Envelope
from mesh.ids import oid_of
from mesh.links import WORKER
from mesh.messages.base import Msg
from mesh.messages.control import Latched
from mesh.messages.venue import VenueFind, VenueLost, VenueRead, VenueSend, VenueState
from mesh.units import E8, text_from_e8
from nodes.terminal import names
from tests.nodes.local.fakevenue import POINT_E8, PRICE_E8
from tests.nodes.local.localrig import Rig
from tests.nodes.local.terminalvenue import rig_with
from tests.nodes.local.test_local_faults import LOST, fault
from tests.nodes.local.test_local_hands import Desk, command, freeze
from tests.nodes.local.test_lostattempts import seen

TRAILING = "manage = {trailing_points = 100, trailing_step_points = 10}"


def opened(rig: Rig) -> bytes:
    """A filled open whose position was read."""
    opening = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(2_000)
    return opening


def lose_worker(rig: Rig) -> None:
    """The terminal is lost just now."""
    rig.net.deliver("local-1", rig.net.now_ns + 1, Envelope(WORKER, 0, VenueLost("another account")))


def reads_as(rig: Rig, **changes: Any) -> None:
    """What each read shows from now on."""
    real = rig.venue.read

    def read(ask: VenueRead) -> VenueState:
        return msgspec.structs.replace(real(ask), **changes)

    rig.venue.read = read  # type: ignore[method-assign]


# closed


def test_close_is_not_over_because_an_older_read_lacked_the_position() -> None:
    """One false read, then the terminal is lost: the close waits for a read that begins after it came, and closes."""
    rig = Rig().ready()
    opening = opened(rig)
    rig.venue.shows_positions = False
    rig.until(lambda: not [state for state in rig.master.states if state.account == "one"][-1].positions)
    lose_worker(rig)
    rig.venue.shows_positions = True
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert (rig.master.outcomes[-1].detail, rig.venue.held) == ("", {})


@pytest.mark.parametrize("nth", [4, 7])
def test_close_during_an_account_switch_closes_when_ours_is_back(nth: int) -> None:
    """Another account is logged in between two calls of a read: nothing of it is ours, and the position is closed in the end."""
    with rig_with(fault("switch_account", call="positions_get", nth=nth, to_login=5002, for_ms=15_000)) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"], 40_000)
        rig.until(lambda: rig.local().facts()["terminal"] != "attached", 15_000)
        rig.close(opening)
        rig.run(60_000)
        assert rig.master.codes() == ["FILLED", "CLOSED"]
        assert not venue.terminal.positions(5001)


@pytest.mark.parametrize("changes", [{"connected": False}, {"is_partial": True}])
def test_read_without_its_server_or_in_part_proves_nothing_gone(changes: dict[str, bool]) -> None:
    """The opening stays open however often it is not shown; its close goes to the venue."""
    rig = Rig().ready()
    opening = opened(rig)
    reads_as(rig, positions=[], **changes)
    rig.run(10_000)
    kept = rig.local()._state.openings.of_oid(opening)
    assert kept is not None
    assert kept.left_e8 == E8 // 10
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert (rig.master.outcomes[-1].detail, rig.venue.held) == ("", {})


CLOSED_BY_A_LOST_ATTEMPT = [
    ("seen late", (fault("hide", nth=2, for_ms=3_000), fault("lose_reply", nth=2))),
    ("history late", (fault("hide", nth=2, of="history", for_ms=3_000), fault("retcode", nth=2, retcode=10012, executed=True))),
    ("seen very late", (fault("hide", nth=2, for_ms=25_000), fault("lose_reply", nth=2))),
]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("faults", [pytest.param(case[1], id=case[0]) for case in CLOSED_BY_A_LOST_ATTEMPT])
def test_close_done_by_its_lost_attempt_has_its_numbers(faults: tuple[Any, ...], restarts: bool) -> None:
    """Nothing was left to close, because the attempt that was lost had closed it: that one is looked for, also by another life."""
    with rig_with(*faults) as (rig, venue):
        opening = opened(rig)
        venue.terminal.on_tick("EURUSD", venue.now_ns(), PRICE_E8 + 300 * POINT_E8, PRICE_E8 + 310 * POINT_E8)
        rig.close(opening)
        if restarts:
            rig.run(1_500)
            rig.net.crash("local-1")
            rig.net.restart("local-1")
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 60_000)
        (deal,) = venue.deals(names.DEAL_ENTRY_OUT)
        told = rig.master.outcomes[-1]
        assert (told.volume_e8, told.price_e8, told.profit_e8) == (deal.volume_e8, deal.price_e8, deal.profit_e8)
        assert told.profit_e8 > 0


def test_close_that_lost_to_a_stop_loss_ends_when_the_deals_say_so() -> None:
    """Its attempt was lost and never executed; once all closing deals are known and none is its own, nobody waits longer."""
    with rig_with(fault("lose_request", nth=2)) as (rig, venue):
        opening = opened(rig)
        rig.close(opening)
        rig.until(lambda: rig.local()._desk.jobs.unknown() != [], 1_000)
        venue.terminal.on_tick("EURUSD", venue.now_ns(), 109_000_000, 109_010_000)
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 15_000)
        assert (rig.master.outcomes[-1].detail, rig.master.outcomes[-1].volume_e8) == ("already=closed", 0)
        assert len(venue.deals(names.DEAL_ENTRY_OUT)) == 1


def test_close_whose_position_is_back_after_the_search_closes_it() -> None:
    """A refusal said that it was gone, the lost attempt was nowhere for the settle window, and a read shows it all the same."""
    rig = Rig().ready()
    opening = opened(rig)
    answers = [("CHANGED", 10036), ("UNKNOWN", 10031)]
    rig.venue.script = lambda send: rig.venue.result(send, *answers.pop()) if answers else True
    rig.venue.look = seen
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 70_000)
    assert (rig.master.outcomes[-1].volume_e8, rig.venue.held) == (E8 // 10, {})


# orders that rest


def test_resting_open_is_cancelled_though_no_read_shows_its_order() -> None:
    """The look finds it live, the reads do not: its ticket is enough."""
    rig = Rig().ready()
    rig.venue.script = lambda send: rig.venue.result(send, *(("UNKNOWN", 10008) if send.action == "OPEN" else ("ACCEPTED", 10009)))

    def look(ask: VenueFind) -> Msg:
        is_cancelled = any(send.action == "CANCEL" for send in rig.venue.sends)
        return seen(ask, rejected=True) if is_cancelled else seen(ask, resting_ticket=700)

    rig.venue.look = look  # type: ignore[assignment]
    rig.open()
    rig.until(lambda: rig.master.codes() == ["CANCELLED", "EXPIRED"], 10_000)
    assert [(send.action, send.position_ticket) for send in rig.venue.sends] == [("OPEN", 0), ("CANCEL", 700)]


def test_resting_open_whose_order_is_shown_late_is_cancelled_at_its_deadline() -> None:
    """PLACED, unseen for 3 s, the answer lost: gone at its deadline, and never filled after it."""
    with rig_with(fault("place", for_ms=60_000), fault("hide", for_ms=3_000), LOST) as (rig, venue):
        rig.open()
        rig.until(lambda: rig.master.codes() == ["CANCELLED", "EXPIRED"], 15_000)
        rig.run(60_000)
        assert (venue.deals(), rig.master.codes()) == ([], ["CANCELLED", "EXPIRED"])


# levels


@pytest.mark.parametrize("lost", [fault("lose_request", nth=2), fault("hang", nth=2), fault("retcode", nth=2, retcode=10031)])
def test_trailing_stop_that_was_lost_never_moves_what_a_hand_set_since(lost: Any) -> None:
    """The SL was tightened and a TP set meanwhile: both stay."""
    with rig_with(lost, more=TRAILING) as (rig, venue):
        opened(rig)
        venue.terminal.on_tick("EURUSD", venue.now_ns(), PRICE_E8 + 150 * POINT_E8, PRICE_E8 + 160 * POINT_E8)
        jobs = rig.local()._desk.jobs
        rig.until(lambda: any(job.record.action == "MODIFY" and job.record.state in ("CALLED", "UNKNOWN") for job in jobs), 3_000)
        (position,) = venue.terminal.accounts[5001].positions.values()
        levels = (PRICE_E8 + 100 * POINT_E8, PRICE_E8 + 900 * POINT_E8)
        hand = [6, 0, 0, "EURUSD", 0, 0, 0, *levels, 0, 0, 0, 0, 0, "", position.ticket, 0]
        assert venue._service.call(5001, "order_send", hand, venue.now_ns()).value
        rig.run(60_000)
        assert [(item.sl_e8, item.tp_e8) for item in venue.terminal.accounts[5001].positions.values()] == [levels]
        acts = [outcome.code for outcome in rig.master.outcomes if outcome.cause == "TRAILING" and outcome.final]
        assert acts == ["SUPERSEDED"]


def test_change_by_hand_that_was_lost_is_superseded_by_a_later_one() -> None:
    """The first is still looked for when the second is done: it is not sent again over it."""
    desk = Desk()
    desk.filled()
    (held,) = desk.venue.held.values()
    first, second = PRICE_E8 - 300 * POINT_E8, PRICE_E8 - 100 * POINT_E8
    desk.venue.script = lambda send: desk.venue.result(send, "UNKNOWN", 10031) if send.sl_e8 == first else True
    desk.venue.look = lambda ask: seen(ask, connected=False)
    desk.say(command(1, "modify", f"one:{held.ticket}", sl_e8=first))
    desk.until(lambda: desk.local()._desk.jobs.unknown() != [])
    desk.say(command(2, "modify", f"one:{held.ticket}", sl_e8=second))
    desk.until(lambda: len(desk.answers(bytes([1]) * 16)) == len(desk.answers(bytes([2]) * 16)) == 1)
    assert [desk.answers(bytes([number]) * 16)[0].code for number in (1, 2)] == ["SUPERSEDED", "MODIFIED"]
    desk.venue.look = seen
    desk.run(10_000)
    assert (held.sl_e8, len(desk.venue.sends)) == (second, 3)


@pytest.mark.parametrize("faults", [(fault("hide", of="positions", for_ms=6_000),), (LOST, fault("hide", for_ms=12_000))])
def test_change_that_names_an_opening_waits_until_its_position_is_seen(faults: tuple[Any, ...]) -> None:
    """Filled and shown late, or not yet known to be filled: the position is not closed."""
    with rig_with(*faults) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: len(venue.deals()) == 1)
        body = msgspec.structs.replace(rig.body("MODIFY", 1), sl_distance_e8=150 * POINT_E8)
        oid = oid_of("demo", "run", "source", "m", "swing", "modify")
        rig.send("master-1", rig.master.order(oid, ["one"], body, 0, opening))
        rig.until(lambda: rig.master.codes() == ["FILLED", "MODIFIED"], 40_000)
        (position,) = venue.terminal.accounts[5001].positions.values()
        assert position.price_open_e8 - position.sl_e8 == 150 * POINT_E8
        assert rig.master.outcomes[-1].detail == f"sl={text_from_e8(position.sl_e8, 5)} tp={text_from_e8(0, 5)}"


def test_position_without_the_stop_loss_it_was_opened_with_is_noted_once() -> None:
    """A warning with its ticket; not again with each read."""
    rig = Rig().ready()
    opened(rig)
    (held,) = rig.venue.held.values()
    held.sl_e8 = 0
    rig.run(5_000)
    told = [note for _, _, note in rig.net.notes if note.name == "position_without_sl"]
    assert [(note.level, note.fields["ticket"]) for note in told] == [("warning", held.ticket)]


# deals


@pytest.mark.parametrize("restarts", [False, True])
def test_deal_read_before_its_open_was_found_is_told_again_with_its_order(restarts: bool) -> None:
    """It was nobody's when it was read, and is its order's as soon as that is known, in this life or the next; then never again."""
    rig = Rig().ready()
    execute, look = rig.venue.execute, rig.venue.look

    def lost(send: VenueSend) -> Msg:
        execute(send)
        return rig.venue.result(send, "UNKNOWN", 10012)

    rig.venue.script = lost
    rig.venue.look = lambda ask: seen(ask, connected=False)
    opening = rig.open()
    rig.run(3_000)
    if restarts:
        rig.net.crash("local-1")
        rig.net.restart("local-1")
        rig.run(3_000)
    assert rig.master.codes() == []
    rig.venue.look = look
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(5_000)
    assert [report.oid for report in rig.master.deals if report.account == "one" and report.kind == "BUY"] == [bytes(16), opening]


# latched


def test_latched_is_said_only_when_a_worker_of_this_life_holds_the_lock() -> None:
    """Another's worker may still be at the account: the stop binds at once and is confirmed when ours has answered."""
    desk = Desk()
    venue = desk.venue
    handle, venue.handle = venue.handle, lambda message, now_ns: []  # type: ignore[method-assign]
    desk.net.crash("local-1")
    desk.net.restart("local-1")
    desk.run(1_500)
    desk.say(freeze(1))
    desk.run(1_500)
    assert desk.local().facts()["ladder"] == "FREEZE"
    assert not [item for item in desk.operator.heard if isinstance(item, Latched) and item.account == "one"]
    venue.handle = handle  # type: ignore[method-assign]
    lose_worker(desk)
    desk.until(lambda: any(isinstance(item, Latched) and item.account == "one" for item in desk.operator.heard))
