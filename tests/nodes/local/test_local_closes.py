"""Closes whose worker finds something else than the local knew: nothing left, or a rest that cannot be closed."""

from mesh.faults import FaultSection
from mesh.messages.venue import VenueResult, VenueSend
from mesh.units import E8, MS_NS
from nodes.terminal import names
from tests.nodes.local.localrig import Rig
from tests.nodes.local.terminalvenue import rig_with


def test_close_whose_position_is_gone_at_the_venue_is_over() -> None:
    """The worker looked directly before the call and sent nothing: the goal is reached; what it could not read is tried again."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: len(rig.master.codes()) == 1)
    words = iter(["POSITIONS symbol=EURUSD last_error=-10002", "GONE ticket=1 symbol=EURUSD"])
    rig.venue.script = lambda send: rig.venue.result(send, "UNSENT", detail=next(words))
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert rig.master.outcomes[-1].detail == "already=closed"


def test_close_whose_rest_is_too_small_says_what_was_closed() -> None:
    """What was executed is never told as denied: the step of the symbol left a rest that cannot be closed."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: len(rig.master.codes()) == 1)
    answers = iter(["PARTIAL", "UNSENT"])

    def script(send: VenueSend) -> VenueResult:
        kind = next(answers)
        if kind == "UNSENT":
            return rig.venue.result(send, kind, detail="VOLUME lots_e8=500000 least_e8=1000000 step_e8=1000000")
        return rig.venue.result(send, kind, volume_e8=send.volume_e8 - E8 // 200)

    rig.venue.script = script
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "PARTIAL"])
    told = rig.master.outcomes[-1]
    assert told.volume_e8 == E8 // 10 - E8 // 200
    assert told.detail.startswith("filled=0.09500000 of=0.10000000 rest=DENIED VOLUME")


def test_close_whose_row_was_being_written_when_it_ended_ends_once() -> None:
    """It waits for its opening, which is refused just then: the row goes again, and a restart finds nothing."""
    for delay_us in range(20, 600, 20):
        rig = Rig().ready()
        rig.venue.script = lambda send, rig=rig: rig.venue.result(send, "HALT", 10019) if send.action == "OPEN" else True
        rig.venue.delay_ns = delay_us * MS_NS // 1_000
        opening = rig.open()
        rig.until(lambda rig=rig: bool(rig.venue.sends))
        rig.close(opening)
        rig.until(lambda rig=rig: len(rig.master.codes()) == 2)
        rig.run(100)
        place = rig.net.places["local-1"]
        place.disk.write()
        assert not [key for key in place.disk.rows if key[0] == "order"], f"a row is left: delay_us={delay_us}"


def test_close_of_a_position_that_is_shown_late_closes_it() -> None:
    """Filled, but in no read and no history for 20 s: it is not gone."""
    with rig_with(FaultSection(kind="hide", nth=1, for_ms=20_000)) as (rig, venue):
        opening = rig.open()
        rig.until(lambda: rig.master.codes() == ["FILLED"])
        rig.run(7_000)
        rig.close(opening)
        rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 40_000)
        rig.run(30_000)
        assert len(venue.deals(names.DEAL_ENTRY_OUT)) == 1
        assert not venue.terminal.positions(5001)


def test_close_that_is_stored_and_waits_for_its_turn_is_told() -> None:
    """The terminal is slow and takes one call at a time: after a second the master knows that those behind are kept, and not lost."""
    rig = Rig().ready()
    openings = [rig.open(word) for word in "abc"]
    rig.until(lambda: len(rig.master.codes()) == len(openings))
    rig.venue.delay_ns = 4_000 * MS_NS
    closes = [rig.close(opening, word) for opening, word in zip(openings, "abc", strict=True)]
    rig.run(1_500)
    assert {outcome.oid for outcome in rig.master.outcomes if outcome.code == "WORKING"} == set(closes)
    assert sum(send.action == "CLOSE" for send in rig.venue.sends) == 1, "only one of them is at the terminal"
    rig.until(lambda: rig.master.codes().count("CLOSED") == len(closes), 30_000)
