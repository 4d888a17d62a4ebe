"""The kinds of faults: each a method that draws its target, does it, has it undone later, and says in words what it did.

A method returns an empty text where it cannot be done now (its target does not run). Failpoints are armed for the next life of a
process, which begins at once: it is killed.
"""

import random
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from mesh.io.clock import monotonic_ns
from mesh.units import SECOND_NS
from tests.chaos.figures import Figures
from tests.chaos.isolation import Isolation
from tests.chaos.proxies import BOTH, DOWN, UP, Route
from tests.chaos.running import Mesh
from tests.chaos.secondstart import Ended, SecondStart
from tests.chaos.stops import Stopper

KINDS: dict[str, float] = {
    "kill": 14, "kill_worker": 9, "failpoint": 18, "pause": 14, "pause_worker": 6, "hang": 2, "full_disk": 4, "slow_disk": 2, "reset": 14,
    "blackhole": 12, "one_way": 7, "slow_link": 6, "partition": 6, "wall_jump": 3, "second_start": 2, "second_worker": 1,
    "stop_supervisor": 1, "host_crash": 0.3, "stop": 16,
}  # fmt: skip
"""Kind → weight."""
ROLE_WEIGHTS = {"local": 50, "router": 16, "master": 13, "broker": 6, "signals": 6, "indicator": 4, "market": 5}
FAILPOINTS: dict[str, tuple[str, ...]] = {
    "master": (
        "committed.decision", "commit.decision", "send.Order", "sent.Order", "send.SignalAnswer", "sent.SignalAnswer", "commit.account",
        "committed.account", "send.OutcomeAck", "committed.epoch", "send.Grant", "committed._decision",
    ),
    "local": (
        "commit.order", "committed.order", "send.VenueSend", "sent.VenueSend", "commit.known", "committed.known", "send.Outcome",
        "sent.Outcome", "committed.meta", "commit.meta", "send.OrderAck", "committed.opening", "committed._outcome", "send.LocalHello",
        "send.Listed", "send.VenueFind",
    ),
    "worker": ("handle.VenueSend", "handled.VenueSend", "handle.VenueFind", "handled.VenueRead", "handle.VenueAttach"),
    "broker": ("commit.deal", "committed.deal", "commit.position", "send.TerminalReply", "sent.TerminalReply", "send.BrokerBlock"),
    "router": ("send.Order", "sent.Order", "send.Grant", "send.Outcome", "send.OutcomeAck", "send.Replay", "send.RouterHeartbeat"),
    "signals": ("send.Signal", "sent.Signal", "send.SignalAnswer"),
    "indicator": ("send.Signal", "send.IndicatorBlock", "send.IndicatorProgress"),
    "market": ("send.Block", "send.Settle", "commit.standing", "send.Ticks"),
}  # fmt: skip
WRITES = ("master", "local", "broker", "market")
"""Roles that write all the time."""
AFTER_MAX = 60
PAUSE_S = (0.1, 5.0)
HOLD_S = (0.3, 8.0)
GIVES_UP_S = 5.0
"""TCP gives a connection up whose data are not taken for so long (TCP_MAXRT): a longer hole ends with a reset."""
RECONNECT_S = 0.6
"""Who lost a connection dials again after half a second at the latest."""
SLOW_S = (0.02, 0.4)
SLOW_DISK_MS = (50, 600)
SLOW_DISK_FOR_S = (4.0, 12.0)
FILE_BYTES = 4_096
"""What a process may write of a file while its disk is full: less than any store has."""
JUMP_S = (2.0, 3_600.0)
LOOK_S = 0.5
UP_AGAIN_S = 1.0
Later = Callable[[float, Callable[[], None]], None]


class Faults:
    """All kinds. ``later``: have something undone after some seconds; ``figures``: told who stands still, is gone or cut off."""

    def __init__(self, mesh: Mesh, draw: random.Random, later: Later, figures: Figures, stopper: Stopper) -> None:
        self._stopper = stopper
        self.seconds: list[Ended] = []
        """How second copies of nodes ended."""
        self.isolations: list[Isolation] = []
        self._mesh = mesh
        self._draw = draw
        self._later = later
        self._figures = figures
        self._stopped: dict[int, None] = {}
        self._full: dict[int, None] = {}
        self._armed: dict[str, tuple[str, int]] = {}
        """Process → the file of its failpoint, and the pid of the life that has read it (0: not yet)."""
        self._looked_s = 0.0
        self.second: SecondStart | None = None
        """A second copy that runs."""

    # targets

    def _node(self) -> tuple[str, str, int]:
        """(node, its process, pid), by the weight of its role; pid 0 where it does not run."""
        config = self._mesh.config
        role = self._draw.choices(list(ROLE_WEIGHTS), list(ROLE_WEIGHTS.values()))[0]
        node = self._draw.choice(config.nodes_of(role))
        process = config.process_of(node)
        return node, process, self._mesh.pids().get(process, 0)

    def _local(self) -> tuple[str, str, int]:
        config = self._mesh.config
        node = self._draw.choice(config.nodes_of("local"))
        process = config.process_of(node)
        return node, process, self._mesh.pids().get(process, 0)

    def _kill(self, process: str, pid: int) -> None:
        self._stopped.pop(pid, None)
        self._full.pop(pid, None)
        self._figures.hindrances.killed(self._nodes(process), time.monotonic())
        self._mesh.kill(pid)

    def _nodes(self, process: str) -> list[str]:
        return self._mesh.fleet.processes()[process]

    # processes

    def kill(self, now_s: float) -> str:
        """kill -9."""
        _, process, pid = self._node()
        if pid:
            self._kill(process, pid)
        return process if pid else ""

    def kill_worker(self, now_s: float) -> str:
        """kill -9 of a local's worker."""
        node, _, pid = self._local()
        workers = self._mesh.workers(pid) if pid else []
        if workers:
            self._mesh.kill(self._draw.choice(workers))
        return f"a worker of {node}" if workers else ""

    def failpoint(self, now_s: float) -> str:
        """kill -9 at a named place, or an exit there."""
        node, process, pid = self._node()
        role = self._mesh.config.role_of(node)
        if role == "local" and self._draw.random() < 0.4:
            role, node = "worker", f"worker-{self._mesh.config.node[node].account}"
        action = self._draw.choice(("kill", "kill", "kill", "exit=1"))
        return self._arm(process, node, pid, f"{self._draw.choice(FAILPOINTS[role])}:{action}:{self._draw.randint(0, AFTER_MAX)}")

    def hang(self, now_s: float) -> str:
        """The loop stands still: its watchdog has to end it, a worker's local has to kill it."""
        node, process, pid = self._node()
        role = self._mesh.config.role_of(node)
        if role == "local" and self._draw.random() < 0.4:
            role, node = "worker", f"worker-{self._mesh.config.node[node].account}"
        return self._arm(process, node, pid, f"{self._draw.choice(FAILPOINTS[role])}:hang:{self._draw.randint(0, AFTER_MAX)}")

    def slow_disk(self, now_s: float) -> str:
        """Each commit of a kind takes longer, for one life."""
        node, process, pid = self._node()
        role = self._mesh.config.role_of(node)
        points = [point for point in FAILPOINTS[role] if point.startswith("commit.")]
        if not points:
            return ""
        told = self._arm(process, node, pid, f"{self._draw.choice(points)}:slow={self._draw.randint(*SLOW_DISK_MS)}")
        if told:
            self._later(self._draw.uniform(*SLOW_DISK_FOR_S), lambda: self._end_life(process))
        return told

    def _arm(self, process: str, name: str, pid: int, point: str) -> str:
        if not pid:
            return ""
        (self._mesh.armed / name).write_text(point, encoding="utf-8")
        self._armed[process] = (name, 0)
        self._kill(process, pid)
        return f"{name} {point}"

    def _end_life(self, process: str) -> None:
        if pid := self._mesh.pids().get(process, 0):
            self._kill(process, pid)
        self._armed.pop(process, None)

    def pause(self, now_s: float) -> str:
        """SIGSTOP, later SIGCONT."""
        _, process, pid = self._node()
        length_s = self._pause(pid)
        if not length_s:
            return ""
        self._figures.stopped(self._nodes(process), now_s, now_s + length_s)
        return f"{process} for {length_s:.1f} s"

    def pause_worker(self, now_s: float) -> str:
        """SIGSTOP of a worker: its terminal does not answer."""
        node, _, pid = self._local()
        workers = self._mesh.workers(pid) if pid else []
        length_s = self._pause(self._draw.choice(workers)) if workers else 0.0
        self._figures.hindrances.stopped([f"account.{self._mesh.config.node[node].account}.terminal"], now_s, now_s + length_s)
        return f"a worker of {node} for {length_s:.1f} s" if length_s else ""

    def _pause(self, pid: int) -> float:
        if not pid or pid in self._stopped or not self._mesh.kill(pid, signal.SIGSTOP):
            return 0.0
        length_s = self._draw.uniform(*PAUSE_S)
        self._stopped[pid] = None
        self._later(length_s, lambda: self._go_on(pid))
        return length_s

    def _go_on(self, pid: int) -> None:
        if pid in self._stopped:
            del self._stopped[pid]
            self._mesh.kill(pid, signal.SIGCONT)
            if pid in self._mesh.children_of_up():
                self._mesh.is_deaf = False

    def stop_supervisor(self, now_s: float) -> str:
        """supervisord stands still: who dies meanwhile stays dead until it goes on."""
        pids = [child for child in self._mesh.children_of_up() if child not in self._stopped]
        length_s = self._pause(pids[0]) if pids else 0.0
        self._mesh.is_deaf = length_s > 0
        return f"supervisord for {length_s:.1f} s" if length_s else ""

    def host_crash(self, now_s: float) -> str:
        """Every process dies at once, supervisord and `mesh up` too; then the operator starts the mesh on the same state."""
        if self._mesh.up is None:
            return ""
        self._mesh.crash()
        self._stopped.clear()
        self._full.clear()
        self._figures.hindrances.killed(list(self._mesh.config.node), now_s)
        self._later(UP_AGAIN_S, self._mesh.start)
        return "all"

    def second_start(self, now_s: float) -> str:
        """A local that runs is started once more, by hand: the store's lock holds it off."""
        node, _, pid = self._local()
        if not pid or self.second is not None or pid in self._stopped:
            return ""
        self.second = SecondStart(node, pid, self._mesh.second(node), now_s)
        return node

    def second_worker(self, now_s: float) -> str:
        """The same with its worker: the account's lock holds it off."""
        node, _, pid = self._local()
        account = self._mesh.config.node[node].account or ""
        workers = self._mesh.workers(pid, account) if pid and self.second is None else []
        if not workers or workers[0] in self._stopped:
            return ""
        name = f"worker-{account}"
        self.second = SecondStart(name, workers[0], self._mesh.second_worker(account), now_s)
        return name

    def look(self, now_s: float) -> None:
        """Which failpoints were reached, and how a second copy ended."""
        if self._armed and now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._look_at_armed()
        if self.second is not None and (ended := self.second.look(now_s)) is not None:
            self.seconds.append(ended)
            self.second = None

    def _look_at_armed(self) -> None:
        """Whose failpoint was read by which life; one whose life is over was reached, or its process was killed before."""
        pids = self._mesh.pids()
        for process, (name, pid) in list(self._armed.items()):
            if not pid and not (self._mesh.armed / name).exists():
                self._armed[process] = (name, pids.get(process, 0))
            elif pid and pids.get(process, 0) not in (0, pid):
                self._figures.hindrances.killed(self._nodes(process), time.monotonic())
                del self._armed[process]

    def stop(self, now_s: float) -> str:
        """An operator stops something, waits for the word of every account, and lets it go on."""
        return self._stopper.begin(now_s)

    # disks, clocks

    def full_disk(self, now_s: float) -> str:
        """A process can write no more: its files may not grow. It has to end with 74."""
        node, process, pid = self._node()
        if not pid or self._mesh.config.role_of(node) not in WRITES:
            return ""
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_BYTES, resource.RLIM_INFINITY))
        self._figures.hindrances.killed(self._nodes(process), now_s)
        self._full[pid] = None
        self._later(self._draw.uniform(*SLOW_DISK_FOR_S), lambda: self._grow(pid))
        return process

    def _grow(self, pid: int) -> None:
        if pid in self._full:
            del self._full[pid]
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def wall_jump(self, now_s: float) -> str:
        """Every wall clock of the host jumps, and later back."""
        step_s = self._draw.uniform(*JUMP_S) * self._draw.choice((1, -1))
        self._mesh.step_wall(int(step_s * SECOND_NS))
        self._later(self._draw.uniform(*HOLD_S), lambda: self._mesh.step_wall(0))
        return f"{step_s:+.0f} s"

    # links

    def _routes(self) -> tuple[str, list[Route]]:
        """One connection, in words too."""
        route = self._draw.choice(self._mesh.proxies.routes)
        return f"{route.dialler} → {route.target}", [route]

    def reset(self, now_s: float) -> str:
        """Connections are reset: one, or all of a node."""
        if self._draw.random() < 0.5:
            what, routes = self._routes()
        else:
            node, _, _ = self._node()
            what, routes = f"all of {node}", self._mesh.proxies.of(node)
        self._mesh.proxies.each(routes, Route.cut)
        return what

    def blackhole(self, now_s: float) -> str:
        """A connection takes everything and brings nothing."""
        what, routes = self._routes()
        return f"{what} for {self._hold(routes, BOTH):.1f} s"

    def one_way(self, now_s: float) -> str:
        """The same in one direction."""
        what, routes = self._routes()
        way = self._draw.choice((UP, DOWN))
        return f"{what}, {way} for {self._hold(routes, way):.1f} s"

    def partition(self, now_s: float) -> str:
        """All connections of a node; a local's worker still reaches its terminal."""
        node, _, _ = self._node()
        began_ns = monotonic_ns()
        length_s = self._hold(self._mesh.proxies.of(node), BOTH)
        account = self._mesh.config.node[node].account
        if account is not None:
            self.isolations.append(Isolation(account, began_ns, began_ns + int(length_s * SECOND_NS)))
        return f"{node} for {length_s:.1f} s"

    def _hold(self, routes: list[Route], way: str) -> float:
        length_s = self._draw.uniform(*HOLD_S)
        self._mark(routes, length_s)
        self._mesh.proxies.each(routes, lambda route: route.hold(way))

        def free() -> None:
            if length_s >= GIVES_UP_S:
                self._mesh.proxies.each(routes, Route.cut)
            self._mesh.proxies.each(routes, lambda route: route.free(way))

        self._later(length_s, free)
        return length_s

    def slow_link(self, now_s: float) -> str:
        """What passes a connection takes longer."""
        what, routes = self._routes()
        delay_s, length_s = self._draw.uniform(*SLOW_S), self._draw.uniform(*HOLD_S)
        self._mark(routes, length_s)
        self._mesh.proxies.each(routes, lambda route: route.slow(delay_s))
        self._later(length_s, lambda: self._mesh.proxies.each(routes, lambda route: route.slow(0.0)))
        return f"{what} by {delay_s * 1_000:.0f} ms for {length_s:.1f} s"

    def _mark(self, routes: list[Route], length_s: float) -> None:
        """These links bring nothing for so long, and have to be made anew."""
        now_s = time.monotonic()
        for route in routes:
            self._figures.hindrances.held((route.dialler, route.target), now_s, now_s + length_s + RECONNECT_S)

    # the end

    def heal(self, now_s: float) -> None:
        """No failpoint waits any more, nobody stands still, every clock is right, every link open."""
        for path in self._mesh.armed.iterdir():
            path.unlink()
        for pid in list(self._stopped):
            self._go_on(pid)
        for pid in list(self._full):
            self._grow(pid)
        self._look_at_armed()
        for process in list(self._armed):
            self._end_life(process)
        self._mesh.step_wall(0)
        self._mesh.proxies.heal()

    def close(self) -> None:
        """End what was started twice, let go on what stands still."""
        for pid in list(self._stopped):
            self._go_on(pid)
        if self.second is not None:
            self.second.close()
