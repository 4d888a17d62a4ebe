"""Closes whose worker finds something else than the local knew: nothing left, or a rest that cannot be closed."""

from mesh.messages.venue import VenueResult, VenueSend
from mesh.units import E8
from tests.nodes.local.localrig import Rig


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
