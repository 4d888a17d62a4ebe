"""A machine that slept while its monotonic clock stood still opens nothing by what it was granted before."""

from mesh import links
from mesh.core import Envelope, WallStep
from mesh.units import SECOND_NS
from tests.nodes.local.localrig import Rig


def test_grant_from_before_a_wall_step_opens_nothing() -> None:
    """It still seems to run; no open goes out until a grant asked for since is there, and then one does."""
    rig = Rig().ready()
    rig.master.grants = False
    rig.net.deliver("local-1", rig.net.now_ns, Envelope(links.SHELL, 0, WallStep(2 * SECOND_NS)))
    rig.run(5)
    oid = rig.open()
    rig.run(1_000)
    assert not rig.venue.sends
    rig.master.grants = True
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert rig.venue.opened_count(oid) == 1


def test_call_handed_over_before_a_wall_step_comes_back_unsent() -> None:
    """The latch word is another one: the worker compares it directly before the call."""
    rig = Rig().ready()
    before = rig.venue.latch_count
    rig.net.deliver("local-1", rig.net.now_ns, Envelope(links.SHELL, 0, WallStep(-2 * SECOND_NS)))
    rig.run(5)
    assert rig.venue.latch_count == before + 1
