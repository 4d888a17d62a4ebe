"""How long orders wait at a router, and how far its clock is from the master's, told in its health."""

from mesh.clockoffset import UNKNOWN
from mesh.core import WallStep
from mesh.links import LOCALS, REPLAY, SHELL
from mesh.messages.health import StageSummary
from mesh.messages.orders import Grant, GrantAsk, OrderAck
from mesh.stages import FORWARD, INTERVAL_NS
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.router.test_router import E, Wired


def test_an_order_is_handed_on_at_once_or_waits_for_credit() -> None:
    """Each target counts: 0 where it went in the pass in which it came, else until its local had room."""
    router = Wired(credit=1)
    assert router.core.stages(router.now_ns) == []
    began_ns = router.now_ns
    router.order(1, {"one": 1, "two": 1, "three": 1})
    assert router.order(2, {"one": 2}) == []
    router.now_ns += 7 * MS_NS
    assert len(router.take(LOCALS, 1, OrderAck("one", E, 1, 8))) == 1
    router.now_ns = began_ns + INTERVAL_NS
    longest_ns = 7 * MS_NS
    assert router.core.stages(router.now_ns) == [
        StageSummary(FORWARD, 3, 0, longest_ns, longest_ns, longest_ns, longest_ns, INTERVAL_NS)
    ]


def test_grants_tell_how_far_the_masters_clock_is() -> None:
    """Its reading lies between our asking and our hearing; an answer to no question of ours says nothing."""
    router = Wired()
    assert router.core.clock_offset(router.now_ns) == UNKNOWN
    router.take(REPLAY, 0, Grant("one", 9, E, 0, 0, b"", 1, 0))
    assert router.core.clock_offset(router.now_ns) == UNKNOWN
    router.take(LOCALS, 1, GrantAsk("one", 1, b"s", 9, 77))
    asked_ns = router.now_ns
    router.now_ns += 4 * MS_NS
    router.take(REPLAY, 0, Grant("one", 9, E, 0, 0, b"", asked_ns + 1_000 * SECOND_NS, 0))
    offset_ns, error_ns = router.core.clock_offset(router.now_ns)
    assert (offset_ns, error_ns // 1_000) == (1_000 * SECOND_NS - 2 * MS_NS, 2_000)
    router.take(SHELL, 0, WallStep(2 * SECOND_NS))
    assert router.core.clock_offset(router.now_ns) == UNKNOWN
