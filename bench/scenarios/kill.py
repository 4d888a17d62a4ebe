"""``kill``: from the operator's command to the word LATCHED of every account, each durable before it is said, while orders and states flow.

Real nodes with their disks: fifty locals in five processes and two routers, with orders to one of them, and states into both routers
from two that are played beside them. Each account's answer is one latency; ``last`` is the one the operator waits for. What is counted
are answers.

- ``drill``: what ``mesh kill --drill`` does, the whole way of a stop with nothing stopped.
- ``kill``: a FREEZE of everything, undone each time.
- ``flooded``: a drill while somebody floods every control socket with forged stops.
- ``router-killed``: a FREEZE said right after one of the two routers was killed, until every account is CONFIRMED.
"""

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from bench.latencies import Latencies
from bench.results import Counted, Measured, Stage
from bench.rig.layout import account_of
from bench.rig.meshchain import MeshChain
from bench.rig.processes import Asked, Processes
from bench.scenario import Options, Progress, Scenario
from mesh.codec import encode
from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.links import CONTROL
from mesh.messages.control import FREEZE, LATCHED, Entry, StopItem, Undo
from nodes.io.cli.client import Client
from nodes.io.cli.stoprun import StopEnd, StopRun
from nodes.io.keyfiles import operator_signer

GROUPS = (("signals-1",), ("master-1",), ("router-1",), ("router-2",))
LOCALS, SMOKE_LOCALS = 50, 4
CROWDS = 5
ROUNDS, SMOKE_ROUNDS = 200, 2
KILLS_SHARE, FLOODED_SHARE, CUTS_SHARE = 4, 4, 20
"""One kill for so many drills, one drill under a flood, and one kill with a router killed before it."""
DRILL, KILL, FLOODED, CUT = "drill", "kill", "flooded", "router-killed"
ROUTERS = ("router-1", "router-2")
RATE = 20.0
"""Orders a second."""
STATES_RATE = 2_000.0
"""States a second, into both routers together; those of the fifty locals come on top."""
LATCHED_S = 10.0
APART_S = 0.05
BACK_S = 7.0
"""A router that was started again has its locals by then: one that has moved does not move again for five seconds."""


class Flow:
    """Orders and states that go on beside what is measured."""

    def __init__(self, mesh: MeshChain, tellers: list[Asked], rate: float) -> None:
        self._mesh = mesh
        self._tellers = tellers
        self._rate = rate
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent_count = self.accepted_count = 0

    def __enter__(self) -> "Flow":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            count = max(1, int(self._rate))
            for teller in self._tellers:
                teller.say(f"states {self._states_rate} {int(self._states_rate * count / self._rate)}")
            self.accepted_count += self._mesh.load(self._rate, count)
            self.sent_count += count
            for teller in self._tellers:
                teller.answer()

    @property
    def _states_rate(self) -> float:
        return STATES_RATE / max(1, len(self._tellers))


class Stopper:
    """The operator. ``each_ns``: of each account and round; ``last_ns``: of rounds in which all answered."""

    def __init__(self, client: Client, signer: Signer, accounts: list[str]) -> None:
        self._client = client
        self._signer = signer
        self._accounts = accounts
        self.each_ns: list[int] = []
        self.last_ns: list[int] = []

    def round(self, is_drill: bool, is_confirmed: bool = False) -> None:
        """Stop everything, and let it go on. ``is_confirmed``: the time until CONFIRMED counts, not that until LATCHED."""
        entry = Entry(self._signer.name, secrets.randbits(62), time.time_ns(), FREEZE, "all", "bench")
        ended = self._run(entry, is_drill)
        times_ns = ended.times_ns[LATCHED]
        if is_confirmed:
            times_ns = sorted(verdict.after_ns for verdict in ended.verdicts if verdict.is_confirmed)
        self.each_ns += times_ns
        if len(times_ns) == len(self._accounts):
            self.last_ns.append(times_ns[-1])
        if not is_drill:
            self._run(Undo(self._signer.name, secrets.randbits(62), time.time_ns(), [entry_id(encode(entry))], "bench"), False)

    def _run(self, item: StopItem, is_drill: bool) -> StopEnd:
        stage = LATCHED if isinstance(item, Entry) else None
        run = StopRun(self._client, self._signer, item, self._accounts, stage, is_drill)
        return run.run(LATCHED_S, lambda _verdict: None)


def measure(
    mesh: MeshChain, client: Client, tellers: list[Asked], accounts: list[str], variant: str, rounds: int, rate: float, progress: Progress
) -> Measured:
    """So many rounds of one kind."""
    stopper = Stopper(client, operator_signer(mesh.config, mesh.state, None), accounts)
    began_s, states = time.monotonic(), mesh.counted("state_count", "router")
    with flooded(mesh) if variant == FLOODED else nullcontext(), Flow(mesh, tellers, rate) as flow:
        for _ in range(rounds):
            is_cut = variant == CUT
            if is_cut:
                mesh.kill(ROUTERS[0])
            stopper.round(variant in (DRILL, FLOODED), is_cut)
            if is_cut:
                mesh.restart(ROUTERS[0])
            client.pump_for(BACK_S if is_cut else APART_S)
            progress.advance()
        took_s = time.monotonic() - began_s
        states = mesh.counted("state_count", "router") - states
    sent = len(accounts) * rounds
    counted = Counted(sent=sent, received=len(stopper.each_ns), lost=sent - len(stopper.each_ns))
    stages = {"each": Stage.of(Latencies(stopper.each_ns)), "last": Stage.of(Latencies(stopper.last_ns))}
    values = {"states_a_second": max(0.0, states / took_s), "accepted_share": flow.accepted_count / max(1, flow.sent_count)}
    settings: dict[str, int | float | str] = {"locals": len(accounts), "rounds": rounds}
    return Measured("kill", variant, settings, rate, flow.sent_count / took_s, counted=counted, stages=stages, values=values)


@contextmanager
def flooded(mesh: MeshChain) -> Iterator[None]:
    """Somebody floods the control sockets of every router and the master meanwhile."""
    config, processes = mesh.config, Processes()
    nodes = (*config.nodes_of("router"), *config.nodes_of("master"))
    processes.open()
    try:
        processes.start("the flood", "bench.rig.flood", *(config.endpoint(node, CONTROL) for node in nodes)).await_lines({"up"})
        yield
    finally:
        processes.close()


def run(options: Options, progress: Progress) -> list[Measured]:
    """Drills, then kills."""
    drills = options.rounds or (SMOKE_ROUNDS if options.is_smoke else ROUNDS)
    shares = ((DRILL, 1), (KILL, KILLS_SHARE), (FLOODED, FLOODED_SHARE), (CUT, CUTS_SHARE))
    parts = [(name, drills // share or int(name != CUT)) for name, share in shares if name != CUT or drills >= share]
    count = options.locals or (SMOKE_LOCALS if options.is_smoke else LOCALS)
    accounts = [account_of(number) for number in range(1, count + 1)]
    beside = {"played_count": len(ROUTERS), "ordered_count": 1}
    mesh = MeshChain(groups=GROUPS, locals_count=count, crowds_count=CROWDS, is_durable=True, idle=options.idle, **beside)
    progress.begin("kill", sum(rounds for _, rounds in parts))
    processes, rate = Processes(), options.rate or RATE
    try:
        mesh.start()
        processes.open()
        with Client(mesh.config) as client:
            tellers = told_by(processes, mesh, count)
            return [measure(mesh, client, tellers, accounts, name, rounds, rate, progress) for name, rounds in parts]
    finally:
        processes.close()
        mesh.stop()


def told_by(processes: Processes, mesh: MeshChain, count: int) -> list[Asked]:
    """A local that is played at each router, beside the ``count`` real ones."""
    tellers = []
    for number, router in enumerate(ROUTERS, count + 1):
        endpoints = [mesh.config.endpoint(router, link) for link in ("locals", "status")]
        tellers.append(processes.start(f"a teller at {router}", "bench.rig.crowd", *endpoints, str(number), "1", mesh.config.fingerprint))
    for teller in tellers:
        teller.await_lines({"up"})
    return tellers


SCENARIO = Scenario("kill", "an operator's stop of everything, drilled and real, until every account has said LATCHED", run)
