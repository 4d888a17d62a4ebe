"""The mesh as a chain: a source, then real nodes in as many processes as asked, to the moment at which a local hands the order over.

Stages, each from one stamp to the next (``mesh.messages.outcomes.Stamps``): ``signal`` until the master has the signal, ``decide`` until
the order is published (durable before), ``fanout`` until the router sends it on, ``deliver`` until the local has it, ``intent`` until
its INTENT is durable, ``hand`` until the worker gets it. ``mesh`` is all of them, from the moment the signal was sent; ``whole`` is
from the moment it was due.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.chain import Durations, Segment
from bench.results import Counted
from bench.rig.layout import account_of, layout, local_of
from bench.rig.processes import Asked, Processes
from mesh.config import Config
from mesh.io.clock import monotonic_ns
from nodes.io.keyfiles import folder_of
from nodes.io.keymaking import make_keys

STAGES = ("signal_ns", "master_in_ns", "master_out_ns", "router_out_ns", "local_in_ns", "durable_ns", "called_ns")
STAGE_NAMES = ("signal", "decide", "fanout", "deliver", "intent", "hand")
APART = (("signals-1",), ("master-1",), ("router-1",))
"""Each node a process of its own."""
PROBE_RATE = 10.0
READY_S = 60.0
TELLING = ("signal_count", "denied_line_count", "order_count", "grant_count", "state_count", "searched_open_count", "venue_call_count")
SETTLE_S = 0.2
"""Between two looks for orders on their way; a look that finds nothing new is the last."""
BRAIN = (("signals-1", "master-1"), ("router-1",))
"""Who decides is one process."""


class MeshChain:
    """See ``bench.chain.Chain``. ``groups``: the nodes between source and local, by process. ``locals_count``: who gets each order, in
    ``crowds_count`` processes (``ordered_count``: only the first so many). ``is_ipc``: every hop by UNIX socket, the source's too;
    ``is_guarded``: every link with keys, and orders sealed.
    ``played_count``: accounts beside them whose locals are for others to play.
    """

    def __init__(
        self,
        name: str = "mesh",
        *,
        groups: Sequence[Sequence[str]] = APART,
        locals_count: int = 1,
        crowds_count: int = 1,
        played_count: int = 0,
        ordered_count: int = 0,
        is_durable: bool = False,
        is_ipc: bool = False,
        is_guarded: bool = False,
        idle: str = "wait",
    ) -> None:
        self.name = name
        self._groups = groups
        self._locals = [local_of(number) for number in range(1, locals_count + 1)]
        self._accounts = [account_of(number) for number in range(1, locals_count + 1)]
        self._crowds = [self._locals[number::crowds_count] for number in range(min(crowds_count, locals_count))]
        self._played_count = played_count
        self._ordered_count = ordered_count or locals_count
        self._is_durable = is_durable
        self._is_ipc = is_ipc
        self._is_guarded = is_guarded
        self._idle = idle
        self._processes = Processes()
        self._nodes: dict[str, Asked] = {}
        self._config: Config | None = None
        self._first = 0
        self._source: Asked | None = None
        self._sinks: list[Asked] = []
        self._options: list[str] = []

    def _begin(self, *names: str) -> Asked:
        """A process of these nodes."""
        asked = self._nodes["+".join(names)] = self._processes.start(", ".join(names), "bench.rig.process", *names, *self._options)
        return asked

    def kill(self, name: str) -> None:
        """End the process of a node that has one of its own, as kill -9 does."""
        process = self._nodes[name].process
        process.kill()
        process.wait()

    def restart(self, name: str) -> None:
        """Start it again; returns when it is ready."""
        self._begin(name).await_lines({f"{name} READY"})

    def again(self, name: str) -> tuple[int, list[int]]:
        """Kill a node that has a process of its own and start it again: ns from then until it is ready, and until each local is, which is
        not while that node is away.
        """
        for sink in self._sinks:
            sink.ask("cpu")  # what was said of phases so far is read
        began_ns = monotonic_ns()
        with ThreadPoolExecutor(len(self._sinks)) as threads:
            told = [
                threads.submit(sink.await_lines, {f"{local} READY" for local in crowd})
                for sink, crowd in zip(self._sinks, self._crowds, strict=True)
            ]
            self.kill(name)
            self.restart(name)
            ready_ns = monotonic_ns() - began_ns
            return ready_ns, [at_ns - began_ns for one in told for at_ns in one.result().values()]

    def start(self) -> None:
        """Bring all up; ready when every node says so, the source is welcome and an order has come through."""
        self._processes.open()
        folder = self._processes.folder
        routers_count = sum("router" in "+".join(names) for names in self._groups)
        self._config = config = layout(
            len(self._locals) + self._played_count,
            is_ipc=self._is_ipc,
            routers_count=routers_count,
            is_plain=not self._is_guarded,
        )
        path = folder / "mesh.json"
        path.write_bytes(config.effective())
        make_keys(config, folder)
        self._options = ["--config", str(path), "--state", str(folder), "--idle", self._idle, *["--durable"] * self._is_durable]
        for names in [("market-1",), *self._groups, *self._crowds]:
            self._begin(*names)
        for names, asked in self._nodes.items():
            asked.await_lines({f"{name} READY" for name in names.split("+")})
        self._sinks = [self._nodes["+".join(names)] for names in self._crowds]
        endpoint = (config.ipc_endpoint if self._is_ipc else config.endpoint)("signals-1", "signals")
        self._source = self._processes.start("the source", "bench.rig.source", endpoint, ",".join(self._ordered), *self._keys())
        self._source.await_lines({"up"})
        give_up_s = time.monotonic() + READY_S
        while self.segment(PROBE_RATE, 1, 0).counted.lost:
            # the first grants and states are on their way
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"{self.name}: no order has come through within {READY_S:g} s: {self._counted()}")

    def _keys(self) -> list[str]:
        """Where the source finds its own, where it needs one."""
        return [str(folder_of(self._processes.folder))] if self._is_guarded else []

    @property
    def _ordered(self) -> list[str]:
        """Whom each order is for."""
        return self._accounts[: self._ordered_count]

    @property
    def config(self) -> Config:
        """Of the mesh that is up."""
        assert self._config is not None, "start comes first"
        return self._config

    @property
    def state(self) -> Path:
        """Where its stores and keys are."""
        return self._processes.folder

    def segment(self, rate: float, count: int, warmup_count: int) -> Segment:
        """Send and collect. Raises RuntimeError where a process has gone."""
        assert self._source is not None, "start comes first"
        total = warmup_count + count
        took_s, _accepted_count, *dues = self._source.ask(f"{rate} {total} {self._first}").split()
        first, self._first = self._first + warmup_count, self._first + total
        ended = self._ended(total * len(self._ordered), first - warmup_count)
        return segment_of(ended, np.array(dues[warmup_count:], dtype=np.int64), first, len(self._ordered), total / float(took_s))

    def cpu_ns(self) -> dict[str, int]:
        """Processor time that the loop of each process has had so far, by its nodes; ZeroMQ's own threads are not in it."""
        return {names: int(asked.ask("cpu")) for names, asked in self._nodes.items()}

    def _counted(self) -> str:
        """How far orders come, by what the first node of each process has counted."""
        found = {names: {name: int(asked.ask(f"count {name}")) for name in TELLING} for names, asked in self._nodes.items()}
        return "; ".join(f"{names} {counts}" for names, counts in found.items())

    def load(self, rate: float, count: int) -> int:
        """Send signals and collect nothing; how many were accepted. For one thread, beside which another does what is measured."""
        assert self._source is not None, "start comes first"
        _took_s, accepted_count, *_dues = self._source.ask(f"{rate} {count} {self._first}").split()
        self._first += count
        return int(accepted_count)

    def counted(self, counter: str, role: str) -> int:
        """A counter summed over the processes of a role, of each its largest node's."""
        return sum(int(asked.ask(f"count {counter}")) for names, asked in self._nodes.items() if names.startswith(role))

    def largest(self, counter: str) -> int:
        """The largest of a counter over the processes, as their first nodes have it."""
        return max(int(asked.ask(f"count {counter}")) for asked in self._nodes.values())

    def pids(self) -> dict[str, int]:
        """Each process, by its nodes."""
        return {names: asked.process.pid for names, asked in self._nodes.items()}

    def stop(self) -> None:
        """End every process."""
        self._processes.close()
        self._nodes.clear()
        self._source = None
        self._sinks.clear()

    def _ended(self, count: int, first: int) -> dict[str, Durations]:
        """What the locals have told; asked for until it is as much as was sent, or no more comes."""
        parts: list[dict[str, Durations]] = []
        path = self._processes.folder / "ended.npz"
        while True:
            seen = len(parts)
            for sink in self._sinks:
                sink.ask(f"take {path}")
                with np.load(path) as arrays:
                    parts.append({name: arrays[name] for name in arrays.files})
            got = sum(int((part["number"] >= first).sum()) for part in parts)  # a word on an earlier signal may come late
            if got >= count or not any(len(part["number"]) for part in parts[seen:]):
                return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            time.sleep(SETTLE_S)


def segment_of(ended: dict[str, Durations], dues: Durations, first: int, copies: int, rate: float) -> Segment:
    """What came of signals ``first``, first + 1 … that were due at ``dues``, each for ``copies`` locals. Those before are the warm-up."""
    number = ended["number"]
    is_counted = number >= first
    ended = {name: values[is_counted] for name, values in ended.items()}
    order = np.argsort(ended["number"], kind="stable")
    ended = {name: values[order] for name, values in ended.items()}
    received = ended["called_ns"] > 0
    counts = np.bincount(ended["number"][received] - first, minlength=len(dues))
    counted = Counted(
        sent=len(dues) * copies,
        received=int(received.sum()),
        lost=int(np.maximum(copies - counts, 0).sum()),
        doubled=int(np.maximum(counts - copies, 0).sum()),
    )
    stamps = {name: ended[name][received] for name in STAGES}
    due = dues[ended["number"][received] - first]
    stages = {
        name: np.maximum(stamps[after] - stamps[before], 0)
        for name, before, after in zip(STAGE_NAMES, STAGES[:-1], STAGES[1:], strict=True)
    }
    stages["mesh"] = stamps["called_ns"] - stamps["signal_ns"]
    return Segment(stamps["called_ns"] - due, counted, rate, stages)
