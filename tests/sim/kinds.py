"""The kinds of faults a simulated mesh may have: each function does one fault and says what it did, nothing where it could do nothing."""

from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, get_args

from mesh.audit import PRUNED
from mesh.faults import FaultSection, Kind
from mesh.messages.control import CANCEL, FLATTEN, FREEZE
from mesh.units import MS_NS, SECOND_NS
from nodes.terminal.faults import FaultPlan as VenueFaults
from tests.sim.fleet import MASTER, ROUTERS
from tests.sim.operatorkinds import flatten, forge, resolve, revise, rogue

if TYPE_CHECKING:
    from tests.sim.faultplan import FaultPlan

RETCODES = (
    (10004, False), (10020, False), (10006, False), (10012, False), (10031, False),
    (10012, True), (10012, True), (10011, True), (10031, True),
)  # fmt: skip
"""Answers of a faulty server, and whether it executes all the same; those that prove the contrary never do."""
UNHEARD = ("lose_reply", "retcode", "hang", "place")
"""What leaves nobody sure what became of an order: one of them is among the rules of a terminal that goes wrong."""
VENUE_KINDS = tuple(kind for kind in get_args(Kind) if kind not in ("switch_account", "disable_api", "error"))


def crash(plan: "FaultPlan", random: Random) -> str:
    """kill -9 at any moment."""
    name = plan.node(random)
    plan.fleet.net.crash(name)
    return name


def crash_midway(plan: "FaultPlan", random: Random) -> str:
    """kill -9 between two effects of one turn."""
    name = plan.node(random)
    place = plan.fleet.net.places[name]
    place.crash_after = random.randint(0, 5)
    return f"{name} after {place.crash_after} effects"


def crash_all(plan: "FaultPlan", random: Random) -> str:
    """The power of every host."""
    for name in (MASTER, *ROUTERS, *plan.fleet.locals):
        if random.random() < 0.8:
            plan.fleet.net.crash(name)
    return "most nodes"


def restart(plan: "FaultPlan", random: Random) -> str:
    """An operator restarts a node in order."""
    name = plan.node(random)
    if not plan.fleet.net.is_alive(name):
        return ""
    plan.fleet.net.stop(name)
    return name


def pause(plan: "FaultPlan", random: Random) -> str:
    """SIGSTOP, and SIGCONT a while later."""
    name = plan.node(random)
    wait_ms = random.choice((random.randint(5, 100), random.randint(100, 3_000)))
    place = plan.fleet.net.places[name]
    place.paused_until_ns = max(place.paused_until_ns, plan.fleet.net.now_ns + wait_ms * MS_NS)
    return f"{name} for {wait_ms} ms"


def suspend(plan: "FaultPlan", random: Random) -> str:
    """A virtual machine is suspended, its monotonic clock stands still meanwhile, and the wall clock is set right when it wakes."""
    fleet = plan.fleet
    name = plan.node(random)
    slept_ns = random.randint(1_100, 6_000) * MS_NS
    place, wakes_ns = fleet.net.places[name], fleet.net.now_ns + slept_ns
    if place.paused_until_ns > fleet.net.now_ns or not fleet.net.is_alive(name):
        return ""
    place.paused_until_ns = wakes_ns
    if name in fleet.workers:
        fleet.workers[name].paused_until_ns = wakes_ns
    fleet.net.call(wakes_ns, lambda: fleet.net.wake(name, slept_ns))
    return f"{name} for {slept_ns // MS_NS} ms"


def reset(plan: "FaultPlan", random: Random) -> str:
    """Connections break; the listening side may not notice for a while."""
    connections = plan.fleet.links.all()
    for connection in random.sample(connections, random.randint(1, 4)):
        plan.fleet.links.end(connection, random.choice((0, 0, random.randint(1, 2_000) * MS_NS)))
    return "some connections"


def blackhole(plan: "FaultPlan", random: Random) -> str:
    """Nothing comes through between two nodes, or from one to the other."""
    links = plan.fleet.links
    wire = random.choice(links.all()).wire
    ways = random.choice((((0, 1),), ((1, 0),), ((0, 1), (1, 0))))
    ends = (wire.from_node, wire.to_node)
    for one, other in ways:
        links.block(ends[one], ends[other])

    def end() -> None:
        for one, other in ways:
            links.unblock(ends[one], ends[other])

    wait_ms = plan.later(random, 50, 4_000, end)
    return f"{ends[0]} and {ends[1]}, {len(ways)} ways, {wait_ms} ms"


def isolate(plan: "FaultPlan", random: Random) -> str:
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


def slow_link(plan: "FaultPlan", random: Random) -> str:
    """Messages of some connections take up to a second."""
    connections = random.sample(plan.fleet.links.all(), random.randint(1, 8))
    most_ms = random.choice((5, 50, 400, 1_000))
    for connection in connections:
        connection.slow_ns = most_ms * MS_NS

    def end() -> None:
        for connection in connections:
            connection.slow_ns = 0

    return f"up to {most_ms} ms, for {plan.later(random, 200, 3_000, end)} ms"


def full_queue(plan: "FaultPlan", random: Random) -> str:
    """High-water marks are reached: what comes then is dropped."""
    connections = random.sample(plan.fleet.links.all(), random.randint(2, 10))
    for connection in connections:
        connection.queue_max = random.randint(0, 2)

    def end() -> None:
        for connection in connections:
            connection.queue_max = 1_000

    return f"for {plan.later(random, 50, 1_500, end)} ms"


def slow_disk(plan: "FaultPlan", random: Random) -> str:
    """Commits take long."""
    name = plan.node(random)
    disk = plan.fleet.net.places[name].disk
    disk.commit_ns = random.randint(1, 500) * MS_NS

    def end() -> None:
        disk.commit_ns = 120_000

    return f"{name} {disk.commit_ns // MS_NS} ms, for {plan.later(random, 200, 3_000, end)} ms"


def full_disk(plan: "FaultPlan", random: Random) -> str:
    """Commits fail."""
    name = plan.node(random)
    disk = plan.fleet.net.places[name].disk
    disk.is_failing = True

    def end() -> None:
        disk.is_failing = False

    return f"{name} for {plan.later(random, 20, 2_500, end)} ms"


def clocks(plan: "FaultPlan", random: Random) -> str:
    """A node's clock goes wrong by up to 200 ppm and shows any time; the wall clock jumps by up to an hour."""
    net = plan.fleet.net
    plan.fleet.wall_offset_ns = random.randint(-3_600, 3_600) * SECOND_NS
    name = plan.node(random)
    place = net.places[name]
    net.crash(name)  # a monotonic clock is another one only after a start
    place.clock.drift_ppm = random.randint(-200, 200)
    place.clock.offset_ns = random.randint(0, 10_000) * SECOND_NS
    return f"{name} {place.clock.drift_ppm} ppm"


def venue(plan: "FaultPlan", random: Random) -> str:
    """The terminals go wrong by other rules from now on."""
    rules = []
    for kind in (random.choice(UNHEARD), *random.sample(VENUE_KINDS, random.randint(0, 3))):
        call = "order_send"
        if kind in ("lose_request", "lose_reply", "send_failed", "hang", "restart", "disconnect") and random.random() < 0.3:
            call = random.choice(("positions_get", "history_deals_get", "orders_get", "account_info"))
        retcode, executed = random.choice(RETCODES)
        rules.append(
            FaultSection(
                kind=kind, call=call, chance=Decimal(str(random.choice((0.05, 0.2, 0.5)))), for_ms=random.randint(50, 1_500),
                retcode=retcode if kind == "retcode" else 0, executed=executed, comment="from broker"[: random.randint(0, 11)],
                of=random.choice(("all", "positions", "history")),
            )
        )  # fmt: skip
    plan.fleet.service._faults = VenueFaults(tuple(rules), random.randint(0, 2**31))
    return ", ".join(rule.kind for rule in rules)


def worker_kill(plan: "FaultPlan", random: Random) -> str:
    """kill -9 of a worker."""
    name = random.choice(plan.fleet.locals)
    if not plan.fleet.net.is_alive(name):
        return ""
    plan.fleet.workers[name].kill()
    return name


def worker_pause(plan: "FaultPlan", random: Random) -> str:
    """A worker does nothing for a while, from now on or from the next order on that it gets; its local may be killed meanwhile."""
    name = random.choice(plan.fleet.locals)
    wait_ms = random.choice((random.randint(10, 500), random.randint(500, 4_000)))
    worker, is_at_order = plan.fleet.workers[name], random.random() < 0.7
    if is_at_order:
        worker.pause_at_order_ns = wait_ms * MS_NS
    else:
        worker.paused_until_ns = plan.fleet.net.now_ns + wait_ms * MS_NS
    if random.random() < 0.3:
        plan.later(random, 5, wait_ms, lambda: plan.fleet.net.crash(name))
    return f"{name} for {wait_ms} ms{' at its next order' if is_at_order else ''}"


def stops(plan: "FaultPlan", random: Random) -> str:
    """An operator stops something, and lets it go on later."""
    fleet = plan.fleet
    scope = random.choice(("all", "symbol:EURUSD", "strategy:hand", f"account:{random.choice(list(fleet.config.account))}"))
    level = random.choice((FREEZE, FREEZE, CANCEL, FLATTEN))
    fleet.operator.stop(level, scope, fleet.net.now_ns)
    wait_ms = plan.later(random, 200, 3_000, plan.undo_stops)
    return f"{level} {scope} for {wait_ms} ms"


def clone(plan: "FaultPlan", random: Random) -> str:
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


def backup(plan: "FaultPlan", random: Random) -> str:
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
    fleet.watch.rolled_back(node)
    return f"{node} is rolled back"


def prune(plan: "FaultPlan", random: Random) -> str:
    """What is in a node's archives now goes once it is old (``store.keep_days``, on the scale of these timers)."""
    name = random.choice((MASTER, random.choice(plan.fleet.locals), random.choice(plan.fleet.locals)))
    disk = plan.fleet.net.places[name].disk
    kinds = PRUNED[plan.fleet.config.role_of(name)]
    old = {key: record for key, record in disk.rows.items() if key[0] in kinds}

    def end() -> None:
        disk.prune(old)

    wait_ms = plan.later(random, 2_000, 4_000, end)
    return f"{len(old)} rows of {name}, in {wait_ms} ms"


def master_backup(plan: "FaultPlan", random: Random) -> str:
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


def two_masters(plan: "FaultPlan", random: Random) -> str:
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


KINDS: dict[str, Callable[["FaultPlan", Random], str]] = {
    kind.__name__: kind
    for kind in (
        crash, crash_midway, crash_all, restart, pause, reset, blackhole, isolate, slow_link, full_queue, slow_disk, full_disk,
        clocks, venue, worker_kill, worker_pause, stops, clone, backup, master_backup, two_masters, prune, resolve, suspend, forge, flatten,
        rogue, revise,
    )
}  # fmt: skip
