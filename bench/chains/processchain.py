"""A chain of stage processes, of any variant: see ``bench.chain.Chain``."""

import select
import time
from contextlib import ExitStack
from importlib.util import find_spec

import numpy as np

from bench.chain import NotInstalled, Segment
from bench.chains.payload import BYTES
from bench.chains.place import Place
from bench.chains.server import Server
from bench.chains.stageprocess import StageProcess
from bench.chains.tally import MISSING, PROBE
from bench.chains.variants import VARIANTS
from bench.results import Counted
from bench.rig.layout import free_ports
from mesh.units import SECOND_NS

UP_S = 30.0
"""Patience with a stage that is to come up."""
JOINED_S = 10.0
"""Patience with the first probe, from end to end; a new one is sent each PROBE_MS."""
PROBE_MS = 20
ANSWER_S = 10.0
BACKLOG_S = 60.0
"""Patience with what an overloaded chain still carries after the last message was sent."""


class ProcessChain:
    """``name``: one of VARIANTS. ``idle``: of our own shells. Raises ValueError for a chain longer than the variant can be."""

    def __init__(self, name: str, hops: int = 4, payload_bytes: int = BYTES, idle: str = "wait") -> None:
        self.name = name
        self._variant = VARIANTS[name]
        if not 1 <= hops <= self._variant.hops_max:
            raise ValueError(f"{name} over {hops} hops; 1 to {self._variant.hops_max} are possible")
        self._hops = hops
        self._payload_bytes = payload_bytes
        self._idle = idle
        self._next = PROBE + 1
        self._stack = ExitStack()
        self._stages: list[StageProcess] = []
        self._server = Server(self._variant.server) if self._variant.server else None

    def pids(self) -> list[int]:
        """Of every process that is up, the server among them."""
        servers = [self._server.pid] if self._server is not None and self._server.pid else []
        return [*(stage.pid for stage in self._stages), *servers]

    def start(self) -> None:
        """Have every process up and joined. Raises NotInstalled; RuntimeError, with what it said last, where one does not come up."""
        self._look_for_parts()
        port = free_ports(1 if self._server is not None else self._hops)
        if self._server is not None:
            self._stack.callback(self._server.stop)
            self._server.start(port)
        for index in range(self._hops + 1):
            stage = StageProcess(Place(self.name, index, self._hops, port, self._payload_bytes, self._idle))
            self._stack.callback(stage.end)
            self._stages.append(stage)
        self._all("", "bound", UP_S)
        self._all("join", "up", UP_S)
        self._probe()

    def segment(self, rate: float, count: int, warmup_count: int) -> Segment:
        """Send ``warmup_count`` and then ``count`` messages at ``rate`` a second, and wait for the last one. Raises RuntimeError where a
        stage has gone.
        """
        source, sink = self._stages[0], self._stages[-1]
        total = warmup_count + count
        first, self._next = self._next, self._next + total
        self._all("quiet", "quiet", ANSWER_S)
        sink.tell(f"expect {first} {total}")
        sink.answer("expect", ANSWER_S)
        source.tell(f"send {rate} {total} {first}")
        took_ns = int(source.answer("sent", total / rate + BACKLOG_S)[0])
        sink.tell("report")
        doubled, damaged, out_of_order, size_bytes = map(int, sink.answer("report", BACKLOG_S))
        delays_ns = np.frombuffer(sink.raw(size_bytes, ANSWER_S), dtype=np.int64)[warmup_count:]
        self._all("loud", "loud", ANSWER_S)
        whole_ns = delays_ns[delays_ns != MISSING]
        counted = Counted(count, len(whole_ns), count - len(whole_ns), doubled, damaged, out_of_order)
        return Segment(whole_ns, counted, rate if total == 1 else (total - 1) * SECOND_NS / took_ns)

    def stop(self) -> None:
        """End what was started, also after a ``start`` that failed."""
        self._stack.close()
        self._stages.clear()

    def _look_for_parts(self) -> None:
        if self._variant.package is not None:
            module, distribution = self._variant.package
            if find_spec(module) is None:
                raise NotInstalled(f"not installed: {distribution} (pip install {distribution})")
        if self._server is not None:
            self._server.path()

    def _all(self, line: str, answer: str, patience_s: float) -> None:
        """Tell every stage at once, then hear each, whichever is first: one that ended is named, not the one that waits for it."""
        for stage in self._stages:
            if line:
                stage.tell(line)
        give_up_s = time.monotonic() + patience_s
        waiting = list(self._stages)
        while waiting:
            ready = select.select(waiting, [], [], _left_s(give_up_s))[0]
            for stage in ready or waiting[:1]:  # nobody: the first of them says why
                stage.answer(answer, _left_s(give_up_s))
                waiting.remove(stage)

    def _probe(self) -> None:
        """Send probes until one has come through: only then does every subscription stand."""
        source, sink = self._stages[0], self._stages[-1]
        give_up_s = time.monotonic() + JOINED_S
        while True:
            source.tell(f"send 1 1 {PROBE}")
            source.answer("sent", ANSWER_S)
            sink.tell(f"joined {PROBE_MS}")
            if sink.answer("joined", ANSWER_S) == ["1"]:
                return
            if time.monotonic() > give_up_s:
                raise RuntimeError(f"{self.name}: no message came through within {JOINED_S:g} s")


def _left_s(give_up_s: float) -> float:
    return max(0.0, give_up_s - time.monotonic())
