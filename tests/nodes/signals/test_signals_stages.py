"""How long signals wait at the signals node, told in its health."""

from mesh.links import DECIDE
from mesh.messages.health import StageSummary
from mesh.messages.signals import SourceWelcome
from mesh.stages import INTERVAL_NS, TO_MASTER
from mesh.units import MS_NS
from tests.nodes.signals.test_signals import Node


def test_a_signal_waits_for_the_master_or_not_at_all() -> None:
    """0 where it is handed over in the pass in which it came; what is handed over again after a silence is not counted again."""
    node = Node(window=0)
    began_ns = node.now_ns
    assert node.core.stages(began_ns) == []
    node.signal("s1")
    node.now_ns += 3 * MS_NS
    node.give(DECIDE, SourceWelcome(64))
    node.signal("s2")
    assert node.passed() == ["s1", "s2"]
    node.wait(INTERVAL_NS)
    node.give(DECIDE, SourceWelcome(64))
    assert node.passed() == ["s1", "s2"], "again, for nobody has answered"
    (summary,) = node.core.stages(node.now_ns)
    waited_ns = 3 * MS_NS
    assert summary == StageSummary(TO_MASTER, 2, 0, waited_ns, waited_ns, waited_ns, waited_ns, node.now_ns - began_ns)
