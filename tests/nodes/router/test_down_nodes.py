"""A listener's word that a node is down is shown while the node says nothing itself, and no longer."""

from mesh.codec import decode_untrusted
from mesh.links import FRONT, STATUS
from mesh.messages.health import NodeHealth, Snapshot
from mesh.phases import BACKOFF
from mesh.units import SECOND_NS
from nodes.router.snapshot import SNAPSHOT_NS, SPEAKS_NS
from tests.nodes.router.test_router import Wired

NODE = "cci-1"
ALIVE = NodeHealth(NODE, "indicator", 1, 41, "READY", 0, 0, 0, 0, 0, "", "", {}, {})
DOWN = NodeHealth(NODE, "indicator", 2, 0, BACKOFF, 0, 0, 0, 0, 0, "", "", {}, {"ended": "exit 70"})


def shown(router: Wired) -> str:
    """The node's phase in the router's next whole snapshot."""
    sends = router.wait(2 * SNAPSHOT_NS // 1_000_000)
    frames = [send.message for send in sends if send.link == FRONT and isinstance(send.message, Snapshot)]
    items = [decode_untrusted(frame.item) for frame in frames if frame.id == frames[-1].id]
    return next(item.phase for item in items if isinstance(item, NodeHealth) and item.node == NODE)


def test_a_node_that_speaks_for_itself_is_not_shown_down() -> None:
    """Its copy may run elsewhere or was started by hand: what this host's supervisord says of its own is not the truth of the node."""
    router = Wired()
    router.take(STATUS, 0, ALIVE)
    router.now_ns += SPEAKS_NS - 1
    router.take(STATUS, 0, DOWN)
    assert shown(router) == ALIVE.phase


def test_a_node_that_fell_silent_is_shown_down_and_up_again_with_its_first_word() -> None:
    """Once it has said nothing for two seconds the listener is believed, until the node speaks."""
    router = Wired()
    router.take(STATUS, 0, ALIVE)
    router.now_ns += SPEAKS_NS
    router.take(STATUS, 0, DOWN)
    assert shown(router) == DOWN.phase
    router.take(STATUS, 0, ALIVE)
    assert shown(router) == ALIVE.phase


def test_a_node_nobody_heard_yet_is_shown_down_at_once() -> None:
    """A router that began after the node had ended has only the listener's word."""
    router = Wired()
    router.now_ns += SECOND_NS
    router.take(STATUS, 0, DOWN)
    assert shown(router) == DOWN.phase
