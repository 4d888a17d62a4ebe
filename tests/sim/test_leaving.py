"""A router is drained in the middle of the flow: its locals move before it ends, and no order is late, lost or doubled by it."""

import pytest

from mesh.core import Effect, Halt, Note
from mesh.simnet import Place
from mesh.units import MS_NS, SECOND_NS
from tests.sim.faultplan import WARM_NS
from tests.sim.kinds import KINDS
from tests.sim.simulate import Simulation

STOPPED_MS = 4_000


@pytest.mark.parametrize("seed", range(3, 7))
def test_drained_router_is_left_before_it_ends(seed: int) -> None:
    """Without any fault: every local of it says that it has moved before the router halts, and nobody waits for its limit."""
    simulation = Simulation(seed, off=frozenset(KINDS))
    net, checks = simulation.fleet.net, simulation.fleet.net.on_effect
    moved_ns: dict[str, int] = {}
    halted: list[tuple[int, str]] = []

    def on_effect(place: Place, effect: Effect) -> None:
        if isinstance(effect, Note) and effect.name == "home_moved":
            moved_ns[place.name] = net.now_ns
        if isinstance(effect, Halt) and place.name == "router-1":
            halted.append((net.now_ns, effect.reason))
        if checks is not None:
            checks(place, effect)

    net.on_effect = on_effect
    at_ns = net.now_ns + WARM_NS + STOPPED_MS * MS_NS
    net.call(at_ns, lambda: net.stop("router-1"))
    simulation.run()
    (first, *_) = halted
    assert first[1] == "stopped: no local is home here that could be elsewhere"
    assert len(moved_ns) >= 4, "half of the locals were home there"
    assert max(moved_ns.values()) <= first[0] < at_ns + SECOND_NS // 2
    master = simulation.fleet.master()
    assert master is not None
    _, codes, states = master.totals()
    assert not any(states.values())
    assert not [code for code in codes if code.startswith(("EXPIRED", "KILLED"))]
