"""A router is drained in the middle of the flow: its locals move before it ends, and no order is late, lost or doubled by it."""

import pytest

from mesh.core import Effect, Halt, Note, Send
from mesh.messages.orders import LocalHello
from mesh.simnet import Place
from mesh.units import MS_NS, SECOND_NS
from tests.sim.faultplan import WARM_NS
from tests.sim.fleet import MASTER
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


def test_hellos_go_at_their_pace_while_a_router_leaves_and_no_master_welcomes() -> None:
    """A hello is answered with a heartbeat, and a heartbeat of a router that leaves with a look: not with the next hello, without end."""
    simulation = Simulation(5, off=frozenset(KINDS))
    fleet, net = simulation.fleet, simulation.fleet.net
    told_ns: list[int] = []
    checks = net.on_effect

    def on_effect(place: Place, effect: Effect) -> None:
        if isinstance(effect, Send) and isinstance(effect.message, LocalHello) and place.name in fleet.locals:
            told_ns.append(net.now_ns)
        if checks is not None:
            checks(place, effect)

    net.on_effect = on_effect
    at_ns = net.now_ns + WARM_NS
    fleet.gone.add(MASTER)
    for name in (MASTER, *fleet.locals):  # these come back, and nobody welcomes them
        net.call(at_ns, lambda name=name: net.crash(name))
    net.call(at_ns + 3 * SECOND_NS // 2, lambda: net.stop("router-1"))
    net.run(at_ns + 4 * SECOND_NS)
    looks_count = 4 * SECOND_NS // (fleet.config.settings.timers.heartbeat_ms * MS_NS)
    assert 0 < sum(told > at_ns for told in told_ns) <= 2 * 2 * len(fleet.locals) * looks_count
