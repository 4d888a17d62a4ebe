"""A router that is asked to stop has its locals move first: none is served by nobody, and nothing has to be found silent."""

from mesh.core import Effects, Envelope, Halt, PeerLost, Send, Stop
from mesh.links import LOCALS, SHELL
from mesh.messages.orders import Order, RouterHeartbeat
from mesh.units import MS_NS
from nodes.router.core import LEAVE_NS
from tests.nodes.router.test_router import Wired, hello, kinds

NOBODY_LEFT = "stopped: no local is home here that could be elsewhere"


def stop(router: Wired) -> Effects:
    """The shell asks it to stop."""
    return router.core.handle(Envelope(SHELL, 0, Stop()), router.now_ns)


def halts(effects: Effects) -> list[str]:
    """Whether it ends, and what it says."""
    return [effect.reason for effect in effects if isinstance(effect, Halt)]


def test_it_says_so_and_ends_when_the_last_one_has_moved() -> None:
    """Until then it goes on handing orders on."""
    router = Wired()
    effects = stop(router)
    said = [effect.message for effect in effects if isinstance(effect, Send) and isinstance(effect.message, RouterHeartbeat)]
    assert (len(said), {beat.is_leaving for beat in said}, halts(effects)) == (2, {True}, [])
    assert router.core.phase() == "DRAINING"
    assert len(kinds(router.order(1, {"one": 1, "two": 1}), Order)) == 2
    first = router.core.handle(Envelope(LOCALS, 1, hello("one", home=False)), router.now_ns)
    assert halts(first) == []
    last = router.core.handle(Envelope(LOCALS, 2, hello("two", home=False)), router.now_ns)
    assert halts(last) == [NOBODY_LEFT]


def test_who_is_gone_is_not_waited_for() -> None:
    """A connection that ends frees its place."""
    router = Wired(1)
    assert halts(stop(router)) == []
    assert halts(router.core.handle(Envelope(LOCALS, 1, PeerLost()), router.now_ns)) == [NOBODY_LEFT]


def test_router_without_locals_ends_at_once() -> None:
    """There is nobody to wait for."""
    assert halts(stop(Wired(0))) == [NOBODY_LEFT]


def test_locals_that_do_not_move_are_left_in_time() -> None:
    """Their other router may be down: they find this one silent, as they would have."""
    router = Wired()
    stop(router)
    early = router.core.on_deadline(router.now_ns + LEAVE_NS - MS_NS)
    late = router.core.on_deadline(router.now_ns + LEAVE_NS)
    assert (halts(early), halts(late)) == ([], ["stopped: 2 locals have not moved"])
