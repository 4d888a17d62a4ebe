"""What goes wrong in a simulated mesh, and when: each seed draws a subset of the kinds, their rates, and every single fault.

Each kind draws from a generator of its own, so that turning one off leaves the others as they were: that is what the shrinker does.
"""

from collections.abc import Callable
from random import Random

from mesh.core import Halt
from mesh.simdisk import Rows
from mesh.simnet import Place
from mesh.units import MS_NS, NEVER
from nodes.terminal.faults import FaultPlan as VenueFaults
from tests.sim.fleet import MASTER, ROUTERS, Fleet
from tests.sim.kinds import KINDS
from tests.sim.rogue import Rogue

FENCED = 70
STAY_DOWN = (FENCED, 78)
"""Exit codes after which nobody starts a node again."""
RATE_MS = (300, 5_000)
"""Between two faults of one kind, on average, where they are dense."""
SPARSE = (1, 3)
"""So many times longer in this seed and that: between two faults there has to be something that can break."""
WARM_NS = 1_500 * MS_NS
"""The mesh trades before the first of them."""


class FaultPlan:
    """The faults of one seed. ``off``: kinds it may not have; ``only``: those it may have at most (empty: any).

    ``until_ns``: virtual time after which none strikes.
    """

    def __init__(
        self, fleet: Fleet, seed: int, off: frozenset[str] = frozenset(), only: frozenset[str] = frozenset(), until_ns: int = NEVER
    ) -> None:
        self.fleet = fleet
        self.is_over = False
        self._until_ns = until_ns
        self.log: list[tuple[int, str, str]] = []
        """(when, kind, what) of every fault."""
        self.ends: list[Callable[[], None]] = []
        """What an operator puts right at the end."""
        self.rogues: dict[str, Rogue] = {}
        """Routers in a thief's hands."""
        self.snapshots: dict[str, Rows] = {}
        """Backups of stores."""
        self._net = fleet.net
        chosen = Random(f"{seed}/kinds")
        share = chosen.choice((0.15, 0.3, 0.5))
        sparse = chosen.choice(SPARSE)
        picked = [kind for kind in KINDS if chosen.random() < share]
        self.kinds = [kind for kind in picked if kind not in off and (not only or kind in only)]
        self._random: dict[str, Random] = {kind: Random(f"{seed}/{kind}") for kind in (*KINDS, "restart")}
        fleet.net.on_end = self._on_end
        for kind in self.kinds:
            mean_ms = sparse * self._random[kind].uniform(*RATE_MS)
            self._next(kind, mean_ms, WARM_NS)

    def _next(self, kind: str, mean_ms: float, least_ns: int = 0) -> None:
        wait_ns = least_ns + int(self._random[kind].expovariate(1 / mean_ms) * MS_NS)
        self._net.call(self._net.now_ns + wait_ns, lambda: self._strike(kind, mean_ms))

    def _strike(self, kind: str, mean_ms: float) -> None:
        if self.is_over or self._net.now_ns > self._until_ns:
            return
        what = KINDS[kind](self, self._random[kind])
        if what:
            self.log.append((self._net.now_ns, kind, what))
        self._next(kind, mean_ms)

    # supervisors

    def _on_end(self, place: Place) -> None:
        worker = self.fleet.workers.get(place.name)
        if worker is not None:
            worker.ended()
        halt = place.halted
        self.log.append((self._net.now_ns, "ended", f"{place.name} {_halt_text(halt)}"))
        is_fenced_alone = self.is_over and place.name == self.fleet.master_name and halt is not None and halt.code == FENCED
        if (halt is not None and halt.code in STAY_DOWN and not is_fenced_alone) or place.name in self.fleet.gone:
            return
        life = place.life
        wait_ns = self._random["restart"].randint(20, 900) * MS_NS

        def start() -> None:
            if place.core is None and place.life == life and place.name not in self.fleet.gone:
                self.log.append((self._net.now_ns, "started", place.name))
                self._net.restart(place.name)

        self._net.call(self._net.now_ns + wait_ns, start)

    # the end of all faults

    def heal(self) -> int:
        """From now on nothing new goes wrong; when the last pause is over."""
        self.is_over = True
        fleet, net = self.fleet, self._net
        for one, other in sorted(fleet.links.blocked):
            fleet.links.unblock(one, other)
        for connection in fleet.links.all():
            connection.slow_ns, connection.queue_max = 0, 1_000
        for place in net.places.values():
            place.crash_after = None
            place.disk.is_failing = False
            place.disk.commit_ns = 120_000
        for worker in fleet.workers.values():
            worker.pause_at_order_ns = 0
        fleet.service._faults = VenueFaults((), 0)
        for login in fleet.server.accounts:
            session = fleet.service.session(login)
            session.outages.clear()
            session.standstill = None  # without an outage nobody looks whether it is over
        for end in self.ends:
            end()
        if net.places[fleet.master_name].core is None:
            net.restart(fleet.master_name)
        self.undo_stops()
        self.log.append((net.now_ns, "healed", ""))
        paused = [place.paused_until_ns for place in net.places.values()]
        return max([net.now_ns, *paused, *(worker.paused_until_ns for worker in fleet.workers.values())])

    def undo_stops(self) -> None:
        """An operator ends every stop there is, also those nodes have set by themselves."""
        fleet = self.fleet
        keys = dict.fromkeys(fleet.operator.entries)
        for name in (fleet.master_name, *ROUTERS):
            core = fleet.net.places[name].core
            if core is not None:
                keys.update(dict.fromkeys(key for key, _ in core._state.stops.killset.live()))  # type: ignore[attr-defined]
        fleet.operator.undo(list(keys), fleet.net.now_ns)

    # picks

    def node(self, random: Random) -> str:
        """A node that may fail; the master and the routers as often as all locals together."""
        return random.choice((MASTER, *ROUTERS, random.choice(self.fleet.locals), random.choice(self.fleet.locals)))

    def later(self, random: Random, least_ms: int, most_ms: int, action: Callable[[], None]) -> int:
        """Do something after a while; the while in ms."""
        wait_ms = random.randint(least_ms, most_ms)
        self._net.call(self._net.now_ns + wait_ms * MS_NS, action)
        return wait_ms


def _halt_text(halt: Halt | None) -> str:
    return "killed" if halt is None else f"exit {halt.code}: {halt.reason}"
