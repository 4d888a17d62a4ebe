"""What goes wrong in a simulated mesh, and when: each seed draws a subset of the kinds, their rates, and every single fault.

Each kind draws from a generator of its own, so that turning one off leaves the others as they were: that is what the shrinker does.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import get_args

from mesh.core import Halt
from mesh.faults import FaultSection, Kind
from mesh.messages.control import CANCEL, FREEZE
from mesh.simdisk import Rows
from mesh.simnet import Place
from mesh.units import MS_NS, SECOND_NS
from nodes.terminal.faults import FaultPlan as VenueFaults
from tests.sim.fleet import MASTER, ROUTERS, Fleet

FENCED = 70
STAY_DOWN = (FENCED, 78)
"""Exit codes after which nobody starts a node again."""
RATE_MS = (300, 5_000)
"""Between two faults of one kind, on average."""
VENUE_KINDS = tuple(kind for kind in get_args(Kind) if kind not in ("switch_account", "disable_api", "error"))


class FaultPlan:
    """The faults of one seed. ``off``: kinds it may not have; ``only``: those it may have at most (empty: any)."""

    def __init__(self, fleet: Fleet, seed: int, off: frozenset[str] = frozenset(), only: frozenset[str] = frozenset()) -> None:
        self.fleet = fleet
        self.is_over = False
        self.log: list[tuple[int, str, str]] = []
        """(when, kind, what) of every fault."""
        self.ends: list[Callable[[], None]] = []
        """What an operator puts right at the end."""
        self.snapshots: dict[str, Rows] = {}
        """Backups of stores."""
        self._net = fleet.net
        chosen = Random(f"{seed}/kinds")
        share = chosen.choice((0.15, 0.3, 0.5))
        picked = [kind for kind in KINDS if chosen.random() < share]
        self.kinds = [kind for kind in picked if kind not in off and (not only or kind in only)]
        self._random: dict[str, Random] = {kind: Random(f"{seed}/{kind}") for kind in (*KINDS, "restart")}
        fleet.net.on_end = self._on_end
        for kind in self.kinds:
            mean_ms = self._random[kind].uniform(*RATE_MS)
            self._next(kind, mean_ms, SECOND_NS // 2)

    def _next(self, kind: str, mean_ms: float, least_ns: int = 0) -> None:
        wait_ns = least_ns + int(self._random[kind].expovariate(1 / mean_ms) * MS_NS)
        self._net.call(self._net.now_ns + wait_ns, lambda: self._strike(kind, mean_ms))

    def _strike(self, kind: str, mean_ms: float) -> None:
        if self.is_over:
            return
        what = KINDS[kind](self, self._random[kind])
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
        fleet.service._faults = VenueFaults((), 0)
        for login in fleet.server.accounts:
            fleet.service.session(login).outages.clear()
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


# the kinds: each does one fault and says what it did


def crash(plan: FaultPlan, random: Random) -> str:
    """kill -9 at any moment."""
    name = plan.node(random)
    plan.fleet.net.crash(name)
    return name


def crash_midway(plan: FaultPlan, random: Random) -> str:
    """kill -9 between two effects of one turn."""
    name = plan.node(random)
    place = plan.fleet.net.places[name]
    place.crash_after = random.randint(0, 5)
    return f"{name} after {place.crash_after} effects"


def crash_all(plan: FaultPlan, random: Random) -> str:
    """The power of every host."""
    for name in (MASTER, *ROUTERS, *plan.fleet.locals):
        if random.random() < 0.8:
            plan.fleet.net.crash(name)
    return "most nodes"


def restart(plan: FaultPlan, random: Random) -> str:
    """An operator restarts a node in order."""
    name = plan.node(random)
    if plan.fleet.net.is_alive(name):
        plan.fleet.net.stop(name)
    return name


def pause(plan: FaultPlan, random: Random) -> str:
    """SIGSTOP, and SIGCONT a while later; a machine that sleeps."""
    name = plan.node(random)
    wait_ms = random.choice((random.randint(5, 100), random.randint(100, 3_000)))
    place = plan.fleet.net.places[name]
    place.paused_until_ns = max(place.paused_until_ns, plan.fleet.net.now_ns + wait_ms * MS_NS)
    return f"{name} for {wait_ms} ms"


def reset(plan: FaultPlan, random: Random) -> str:
    """Connections break; the listening side may not notice for a while."""
    connections = plan.fleet.links.all()
    for connection in random.sample(connections, random.randint(1, 4)):
        plan.fleet.links.end(connection, random.choice((0, 0, random.randint(1, 2_000) * MS_NS)))
    return "some connections"


def blackhole(plan: FaultPlan, random: Random) -> str:
    """Nothing comes through between two nodes, or from one to the other."""
    links = plan.fleet.links
    wire = random.choice(links.all()).wire
    ways = random.choice((((0, 1),), ((1, 0),), ((0, 1), (1, 0))))
    ends = (wire.from_node, wire.to_node)
    for one, other in ways:
        links.block(ends[one], ends[other])
    wait_ms = plan.later(random, 50, 4_000, lambda: [links.unblock(ends[one], ends[other]) for one, other in ways] and None)
    return f"{ends[0]} and {ends[1]}, {len(ways)} ways, {wait_ms} ms"


def isolate(plan: FaultPlan, random: Random) -> str:
    """Nothing comes through to one node, nor from it."""
    links, name = plan.fleet.links, plan.node(random)
    others = [other for other in plan.fleet.net.places if other != name]
    for other in others:
        links.block(name, other)
        links.block(other, name)

    def end() -> None:
        for other in others:
            links.unblock(name, other)
            links.unblock(other, name)

    return f"{name} for {plan.later(random, 100, 3_500, end)} ms"


def slow_link(plan: FaultPlan, random: Random) -> str:
    """Messages of some connections take up to a second."""
    connections = random.sample(plan.fleet.links.all(), random.randint(1, 8))
    most_ms = random.choice((5, 50, 400, 1_000))
    for connection in connections:
        connection.slow_ns = most_ms * MS_NS

    def end() -> None:
        for connection in connections:
            connection.slow_ns = 0

    return f"up to {most_ms} ms, for {plan.later(random, 200, 3_000, end)} ms"


def full_queue(plan: FaultPlan, random: Random) -> str:
    """High-water marks are reached: what comes then is dropped."""
    connections = random.sample(plan.fleet.links.all(), random.randint(2, 10))
    for connection in connections:
        connection.queue_max = random.randint(0, 2)

    def end() -> None:
        for connection in connections:
            connection.queue_max = 1_000

    return f"for {plan.later(random, 50, 1_500, end)} ms"


def slow_disk(plan: FaultPlan, random: Random) -> str:
    """Commits take long."""
    name = plan.node(random)
    disk = plan.fleet.net.places[name].disk
    disk.commit_ns = random.randint(1, 500) * MS_NS

    def end() -> None:
        disk.commit_ns = 120_000

    return f"{name} {disk.commit_ns // MS_NS} ms, for {plan.later(random, 200, 3_000, end)} ms"


def full_disk(plan: FaultPlan, random: Random) -> str:
    """Commits fail."""
    name = plan.node(random)
    disk = plan.fleet.net.places[name].disk
    disk.is_failing = True

    def end() -> None:
        disk.is_failing = False

    return f"{name} for {plan.later(random, 20, 2_500, end)} ms"


def clocks(plan: FaultPlan, random: Random) -> str:
    """A node's clock goes wrong by up to 200 ppm and shows any time; the wall clock jumps by up to an hour."""
    net = plan.fleet.net
    plan.fleet.wall_offset_ns = random.randint(-3_600, 3_600) * SECOND_NS
    name = plan.node(random)
    place = net.places[name]
    net.crash(name)  # a monotonic clock is another one only after a start
    place.clock.drift_ppm = random.randint(-200, 200)
    place.clock.offset_ns = random.randint(0, 10_000) * SECOND_NS
    return f"{name} {place.clock.drift_ppm} ppm"


def venue(plan: FaultPlan, random: Random) -> str:
    """The terminals go wrong by other rules from now on."""
    rules = []
    for kind in random.sample(VENUE_KINDS, random.randint(1, 4)):
        call = "order_send"
        if kind in ("lose_request", "lose_reply", "send_failed", "hang", "restart", "disconnect") and random.random() < 0.3:
            call = random.choice(("positions_get", "history_deals_get", "orders_get", "account_info"))
        retcode, executed = random.choice(((10004, False), (10020, False), (10012, True), (10012, False), (10031, False), (10011, True), (10006, False)))
        rules.append(
            FaultSection(
                kind=kind, call=call, chance=Decimal(str(random.choice((0.05, 0.2, 0.5)))), for_ms=random.randint(50, 1_500),
                retcode=retcode if kind == "retcode" else 0, executed=executed, comment="from broker"[: random.randint(0, 11)],
                of=random.choice(("all", "positions", "history")),
            )
        )  # fmt: skip
    plan.fleet.service._faults = VenueFaults(tuple(rules), random.randint(0, 2**31))
    return ", ".join(rule.kind for rule in rules)


def worker_kill(plan: FaultPlan, random: Random) -> str:
    """kill -9 of a worker."""
    name = random.choice(plan.fleet.locals)
    if plan.fleet.net.is_alive(name):
        plan.fleet.workers[name].kill()
    return name


def worker_pause(plan: FaultPlan, random: Random) -> str:
    """A worker does nothing for a while."""
    name = random.choice(plan.fleet.locals)
    wait_ms = random.randint(10, 3_000)
    plan.fleet.workers[name].paused_until_ns = plan.fleet.net.now_ns + wait_ms * MS_NS
    return f"{name} for {wait_ms} ms"


def stops(plan: FaultPlan, random: Random) -> str:
    """An operator stops something, and lets it go on later."""
    fleet = plan.fleet
    scope = random.choice(("all", "symbol:EURUSD", "strategy:hand", f"account:{random.choice(list(fleet.config.account))}"))
    level = random.choice((FREEZE, FREEZE, CANCEL))
    fleet.operator.stop(level, scope, fleet.net.now_ns)
    wait_ms = plan.later(random, 200, 3_000, plan.undo_stops)
    return f"{level} {scope} for {wait_ms} ms"


def clone(plan: FaultPlan, random: Random) -> str:
    """A second process for one account on another host, with a copy of the first one's store; later it is ended."""
    fleet = plan.fleet
    node = random.choice(fleet.locals)
    name = f"{node}+"
    if name in fleet.net.places and name not in fleet.gone:
        fleet.end_copy(name)
        return f"{name} is ended"
    fleet.watch.exempted(fleet.account(node))
    fleet.add_copy(node, fleet.net.places[node].disk.rows)

    def end() -> None:
        fleet.end_copy(name)
        fleet.net.crash(node)  # what was replaced once gets its grants back only as another life

    plan.ends.append(end)
    return name


def backup(plan: FaultPlan, random: Random) -> str:
    """A backup of a local's store is made, or put back."""
    fleet = plan.fleet
    node = random.choice(fleet.locals)
    rows = plan.snapshots.pop(node, None)
    if rows is None:
        plan.snapshots[node] = dict(fleet.net.places[node].disk.rows)
        return f"of {node}"
    fleet.watch.exempted(fleet.account(node))
    fleet.net.crash(node)
    fleet.net.places[node].disk.rows = rows
    return f"{node} is rolled back"


def master_backup(plan: FaultPlan, random: Random) -> str:
    """A backup of the master's store is made, or put back."""
    fleet = plan.fleet
    rows = plan.snapshots.pop(MASTER, None)
    disk = fleet.net.places[MASTER].disk
    if rows is None:
        plan.snapshots[MASTER] = dict(disk.rows)
        return "is made"
    fleet.watch.master_changed()
    fleet.net.crash(MASTER)
    disk.rows = rows
    return "is put back"


def two_masters(plan: FaultPlan, random: Random) -> str:
    """A second master with a copy of the store; every dialler reaches one of them, now this and now that; at last one is ended."""
    fleet = plan.fleet
    other = f"{MASTER}+"
    if other not in fleet.net.places:
        fleet.watch.master_changed()
        fleet.add_copy(MASTER, fleet.net.places[MASTER].disk.rows)

        def end() -> None:
            fleet.master_name = random.choice((MASTER, other))
            fleet.end_copy(other if fleet.master_name == MASTER else MASTER)
            for connection in fleet.links.all():
                if connection.wire.to_node in (MASTER, other) and connection.wire.to_node != fleet.master_name:
                    fleet.links.redial(connection, fleet.master_name)
            if fleet.net.places[fleet.master_name].core is None:
                fleet.net.restart(fleet.master_name)

        plan.ends.append(end)
    moved = [connection for connection in fleet.links.all() if connection.wire.to_node in (MASTER, other) and random.random() < 0.5]
    for connection in moved:
        fleet.links.redial(connection, random.choice((MASTER, other)))
    return f"{len(moved)} connections move"


KINDS: dict[str, Callable[[FaultPlan, Random], str]] = {
    kind.__name__: kind
    for kind in (
        crash, crash_midway, crash_all, restart, pause, reset, blackhole, isolate, slow_link, full_queue, slow_disk, full_disk, clocks, venue,
        worker_kill, worker_pause, stops, clone, backup, master_backup, two_masters,
    )
}  # fmt: skip
