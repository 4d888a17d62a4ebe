"""Market, indicator, broker and signals node joined in virtual time, with a fake master that trades through the broker.

Every hop goes through the codec and takes a drawn time; a connection keeps its order. Crashing a node loses what is on its
way to it and what was not durable; the others are told as their shells would tell them.
"""

from collections.abc import Callable
from hashlib import sha256
from heapq import heappop, heappush
from typing import Any

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import Config, parse
from mesh.core import Commit, Core, Durable, Effect, Effects, Emit, Envelope, Halt, LinkDown, LinkUp, Note, PeerLost, Send
from mesh.events import BAR
from mesh.messages.base import Msg
from mesh.messages.venue import TerminalCall
from mesh.units import NEVER, US_NS
from nodes.broker.core import Broker
from nodes.indicator.core import Indicator
from nodes.market.core import Market
from nodes.market.sources import SyntheticSource, TickSource
from nodes.signals.core import Signals
from tests.nodes.flow_master import FakeMaster
from tests.smallmesh import small_mesh

HOP_NS = 50 * US_NS
COMMIT_NS = 120 * US_NS

HEAD = """
[market]
symbols = [{symbols}]
speed = {speed}
backfill_minutes = {backfill}
minutes = {minutes}
[broker]
latency_ms = {latency_ms}
[strategy.reversion]
period = {period}
symbols = [{symbols}]
"""
ACCOUNTS = {"one": "", "two": 'balance = 25_000\ncurrency = "EUR"\nmargin_mode = "netting"'}


def config_of(
    *, speed: str = '"max"', symbols: str = '"EURUSD"', backfill: int = 20, minutes: int = 90, latency_ms: int = 400,
    period: int = 5, more: str = "",
) -> Config:
    """A configuration with two simulated accounts; ``more``: sections of the test's own."""
    head = HEAD.format(speed=speed, symbols=symbols, backfill=backfill, minutes=minutes, latency_ms=latency_ms, period=period)
    return parse(small_mesh(head, ACCOUNTS) + more)


class Wire:
    """One connection: who dials, on which link, whom, and the number the listener gave it."""

    def __init__(self, dialler: str, link: str, listener: str) -> None:
        self.dialler = dialler
        self.link = link
        self.listener = listener
        self.peer = 0


WIRES = (
    ("cci-1", links.MARKET, "market-1"),
    ("broker-1", links.MARKET, "market-1"),
    ("master-1", links.MARKET, "market-1"),
    ("cci-1", links.SIGNALS, "signals-1"),
    ("signals-1", links.DECIDE, "master-1"),
    ("master-1", links.VENUE, "broker-1"),
)


class Rig:
    """The world: cores by name, wires, a heap of what happens next."""

    def __init__(self, builds: dict[str, Callable[[int], Core]], seed: int = 1) -> None:
        self.now_ns = 1_000_000_000
        self.cores: dict[str, Core] = {}
        self.stores: dict[str, dict[tuple[str, bytes], bytes]] = {name: {} for name in builds}
        self.bars: dict[tuple[Any, ...], Any] = {}
        self.notes: list[Note] = []
        self.halts: dict[str, Halt] = {}
        self.step_count = 0
        self._builds = builds
        self._lives = dict.fromkeys(builds, 0)
        self._seed = seed
        self._heap: list[tuple[int, int, str, int, Envelope | None]] = []
        self._number = 0
        self._timers = dict.fromkeys(builds, NEVER)
        self._last_ns: dict[tuple[str, int], int] = {}
        self._queued: list[tuple[str, Envelope]] = []
        self.wires = [Wire(*wire) for wire in WIRES if wire[0] in builds and wire[2] in builds]
        for name in builds:
            self.start(name)

    def start(self, name: str) -> None:
        """Begin a node's next life from its store."""
        self._lives[name] += 1
        self._timers[name] = NEVER
        core = self.cores[name] = self._builds[name](self._lives[name])
        for wire in self.wires:
            if name in (wire.dialler, wire.listener):
                self._number += 1
                wire.peer = self._number
        rows = [(kind, key, record) for (kind, key), record in sorted(self.stores[name].items())]
        self._do(name, core.recover(rows, self.now_ns))
        self._do(name, core.start(self.now_ns))
        for wire in self.wires:
            if name in (wire.dialler, wire.listener) and wire.dialler in self.cores and wire.listener in self.cores:
                self._push(self.now_ns + HOP_NS, wire.dialler, Envelope(wire.link, 0, LinkUp()))
        for to, envelope in self._queued:
            wire = next(wire for wire in self.wires if wire.link == envelope.link)
            self._push(self.now_ns + 2 * HOP_NS, to, Envelope(wire.link, wire.peer, envelope.message, envelope.frames))
        self._queued = []
        self._arm(name)

    def crash(self, name: str) -> None:
        """End a node's life; the others see their connections go."""
        del self.cores[name]
        for wire in self.wires:
            if name == wire.listener and wire.dialler in self.cores:
                self._push(self.now_ns + HOP_NS, wire.dialler, Envelope(wire.link, 0, LinkDown()))
            elif name == wire.dialler and wire.listener in self.cores:
                self._push(self.now_ns + HOP_NS, wire.listener, Envelope(wire.link, wire.peer, PeerLost()))

    def send(self, name: str, message: Msg) -> None:
        """Something a node's shell tells it."""
        self._push(self.now_ns, name, Envelope(links.SHELL, 0, message))

    def run(self, until: Callable[[], bool], steps_max: int = 400_000) -> bool:
        """Go on until a condition holds; False where nothing happens any more or it took too long."""
        while not until():
            if not self._heap or steps_max <= 0:
                return False
            steps_max -= 1
            self._step()
        return True

    def is_quiet_at(self, name: str) -> bool:
        """Whether a node is READY and no call and no commit is on its way to it."""
        return self.cores[name].phase() == "READY" and not any(
            to == name and envelope is not None and isinstance(envelope.message, TerminalCall | Durable)
            for _, _, to, _, envelope in self._heap
        )

    def _step(self) -> None:
        at_ns, _, name, life, envelope = heappop(self._heap)
        if envelope is None and at_ns != self._timers[name]:
            return  # the deadline was moved to an earlier time since
        self.now_ns = max(self.now_ns, at_ns)
        core = self.cores.get(name)
        if core is None or self._lives[name] != life or name in self.halts:
            return
        self.step_count += 1
        if envelope is None:
            self._timers[name] = NEVER
            if core.deadline_ns <= self.now_ns:
                self._do(name, core.on_deadline(self.now_ns))
        else:
            self._do(name, core.handle(envelope, self.now_ns))
        self._arm(name)

    def _arm(self, name: str) -> None:
        core = self.cores.get(name)
        if core is not None and core.deadline_ns < self._timers[name]:
            self._timers[name] = max(core.deadline_ns, self.now_ns)
            self._push(self._timers[name], name, None)

    def _push(self, at_ns: int, name: str, envelope: Envelope | None) -> None:
        self._number += 1
        heappush(self._heap, (at_ns, self._number, name, self._lives[name], envelope))

    def _do(self, name: str, effects: Effects) -> None:
        for effect in effects:
            self._one(name, effect)

    def _one(self, name: str, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(name, effect)
        elif isinstance(effect, Commit):
            if effect.token:
                self._push(self.now_ns + COMMIT_NS, name, Envelope(links.STORE, 0, Durable(effect.token)))
            store = self.stores[name]
            for put in effect.puts:
                if put.record is None:
                    store.pop((put.kind, put.key), None)
                else:
                    store[put.kind, put.key] = put.record
        elif isinstance(effect, Note):
            self.notes.append(effect)
        elif isinstance(effect, Emit):
            if effect.stage == BAR:
                event = effect.event
                key = (event["symbol"], event["timeframe"], event["period"], effect.market_ns)
                assert self.bars.setdefault(key, event) == event, "a bar was told twice, and differently"
        elif isinstance(effect, Halt):
            self.halts[name] = effect

    def _send(self, name: str, effect: Send) -> None:
        raw = encode(effect.message)
        message = decode_untrusted(raw)
        for wire in self.wires:
            if wire.dialler == name and wire.link == effect.link:
                self._deliver(wire.peer, "up", wire.listener, Envelope(wire.link, wire.peer, message, (raw,)))
            elif wire.listener == name and wire.link == effect.link and effect.peer == wire.peer:
                self._deliver(wire.peer, "down", wire.dialler, Envelope(wire.link, 0, message, (raw,)))

    def _deliver(self, peer: int, way: str, to: str, envelope: Envelope) -> None:
        if to not in self.cores:
            if envelope.link == links.VENUE:
                self._queued.append((to, envelope))  # a dealing socket keeps what it could not send
            return
        drawn = int.from_bytes(sha256(f"{self._seed} {self._number}".encode()).digest()[:4], "big")
        at_ns = max(self.now_ns + HOP_NS + drawn % (10 * HOP_NS), self._last_ns.get((way, peer), 0))
        self._last_ns[way, peer] = at_ns
        self._push(at_ns, to, envelope)


def flow(config: Config, seed: int = 1, source: Callable[[], TickSource] | None = None) -> Rig:
    """The whole rig on the synthetic market, or on another source."""
    make = source or (lambda: SyntheticSource(config))
    return Rig(
        {
            "market-1": lambda life: Market("market-1", config, life, make()),
            "cci-1": lambda life: Indicator("cci-1", config, life),
            "broker-1": lambda life: Broker("broker-1", config, life),
            "signals-1": lambda life: Signals("signals-1", config, life),
            "master-1": lambda life: FakeMaster(config, life),
        },
        seed,
    )


def lines_of(rig: Rig) -> list[tuple[Any, ...]]:
    """What the run decided and what became of it, in an order that does not depend on time."""
    master = rig.cores["master-1"]
    assert isinstance(master, FakeMaster)
    return sorted(master.lines)
