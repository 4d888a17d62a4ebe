"""A mesh in virtual time: the real cores and the real codec on a heap of deliveries, one seed, no sockets and no clock.

Each link keeps its order (FIFO), as a ZeroMQ connection does; delays are drawn from (seed, delivery number). A store is a
dictionary whose commits become durable a moment later. Crashing a node drops what was on its way to it, what was not
durable, and its core; ``restart`` builds a new one from the store. Used by tests, later by the fault simulator and the
backtester; never by live code.
"""

from bisect import bisect_right
from collections.abc import Callable
from hashlib import sha256
from heapq import heappop, heappush
from typing import Protocol

import msgspec

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import Config
from mesh.core import (
    COMMIT_LATER_NS,
    Commit,
    Core,
    Durable,
    Effect,
    Effects,
    Emit,
    Envelope,
    Fetch,
    Fetched,
    Halt,
    Note,
    Put,
    Send,
)
from mesh.dials import dials_of
from mesh.messages.base import Msg
from mesh.units import NEVER, US_NS

HOP_NS = 50 * US_NS
COMMIT_NS = 120 * US_NS


class Attachment(Protocol):
    """What sits at the other end of a local's WORKER link: takes a message, answers with messages and delays."""

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """Messages for the local, each with the delay in ns after which it comes."""


class Wire(msgspec.Struct, frozen=True):
    """One connection: the dialling node and its link, the listening node, its link and the peer number it gave."""

    from_node: str
    from_link: str
    to_node: str
    to_link: str
    peer: int


class Place:
    """One node of the simulated mesh."""

    def __init__(self, name: str, build: Callable[[int], Core]) -> None:
        self.name = name
        self.build = build
        self.life = 0
        self.core: Core | None = None
        self.rows: dict[tuple[str, bytes], bytes] = {}
        """The store as it is durable."""
        self.unwritten: list[tuple[int, Put]] = []
        """Rows asked for, with the time at which they are durable; in order, and none earlier than the one before it."""
        self.halted: Halt | None = None
        self.timer_ns = NEVER

    def ask(self, commit: Commit, now_ns: int) -> None:
        """Have rows written: with all before them a moment later, or later where nobody waits."""
        if commit.token:
            at_ns = now_ns + COMMIT_NS
            self.unwritten = [(min(at_ns, due_ns), put) for due_ns, put in self.unwritten]
        else:
            at_ns = now_ns + COMMIT_LATER_NS
        self.unwritten += [(at_ns, put) for put in commit.puts]

    def write(self, until_ns: int) -> None:
        """Write the rows that are durable by then."""
        count = bisect_right(self.unwritten, until_ns, key=lambda row: row[0])
        for _, put in self.unwritten[:count]:
            if put.record is None:
                self.rows.pop((put.kind, put.key), None)
            else:
                self.rows[(put.kind, put.key)] = put.record
        del self.unwritten[:count]


def wires_of(config: Config) -> list[Wire]:
    """Every connection of the configured mesh. A PULL has no peers: whoever pushes is 0 there."""
    dials = [(name, dial) for name in config.node for dial in dials_of(config, name)]
    return [
        Wire(name, dial.own_link, dial.target, dial.link.name, 0 if dial.link.bind_kind == "PULL" else number)
        for number, (name, dial) in enumerate(dials, start=1)
    ]


class SimNet:
    """The world: places, wires, a heap of what happens next, and a hash of all that happened."""

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.now_ns = 1_000_000_000
        self.places: dict[str, Place] = {}
        self.attachments: dict[str, Attachment] = {}
        self.events: list[Emit] = []
        self.notes: list[tuple[int, str, Note]] = []
        self.cut: dict[str, bool] = {}
        """Nodes that neither send nor receive now."""
        self._wires = wires_of(config)
        self._heap: list[tuple[int, int, str, int, Envelope | None]] = []
        self._number = 0
        self._last_at: dict[tuple[str, str, int], int] = {}
        self._trace = sha256()

    def add(self, name: str, build: Callable[[int], Core]) -> None:
        """Put a node there and start its first life; ``build`` gets the life number."""
        self.places[name] = Place(name, build)
        self.restart(name)

    def restart(self, name: str) -> None:
        """Start a node's next life from its store."""
        place = self.places[name]
        place.life += 1
        place.halted = None
        place.timer_ns = NEVER
        core = place.build(place.life)
        place.core = core
        place.write(NEVER)  # a life that ended in order has written everything
        rows = [(kind, key, record) for (kind, key), record in sorted(place.rows.items()) if not kind.startswith("_")]
        self._do(place, core.recover(rows, self.now_ns))
        self._do(place, core.start(self.now_ns))
        self._arm(place)

    def crash(self, name: str) -> None:
        """End a node's life at once; its store stays as it is durable."""
        place = self.places[name]
        place.core = None
        place.write(self.now_ns)
        place.unwritten.clear()

    def trace(self) -> str:
        """SHA-256 of every delivery and its time so far."""
        return self._trace.hexdigest()

    def run(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> bool:
        """Run to virtual time ``until_ns`` or until ``done``; True where ``done`` came true."""
        while self._heap and self._heap[0][0] <= until_ns:
            at_ns, number, name, life, envelope = heappop(self._heap)
            self.now_ns = max(self.now_ns, at_ns)
            self._step(self.places[name], number, life, envelope)
            if done():
                return True
        self.now_ns = max(self.now_ns, until_ns)
        return False

    def _step(self, place: Place, number: int, life: int, envelope: Envelope | None) -> None:
        core = place.core
        if core is None or place.life != life or place.halted is not None:
            return
        if envelope is None:
            if core.deadline_ns > self.now_ns:
                place.timer_ns = NEVER
                self._arm(place)
                return
            place.timer_ns = NEVER
            effects = core.on_deadline(self.now_ns)
        else:
            self._trace.update(f"{self.now_ns} {place.name} {envelope.link} {envelope.peer} ".encode())
            self._trace.update(repr(envelope.message).encode())
            effects = core.handle(envelope, self.now_ns)
        self._do(place, effects)
        self._arm(place)

    def _arm(self, place: Place) -> None:
        """Have the node's deadline on the heap, once."""
        core = place.core
        if core is None or core.deadline_ns >= NEVER or core.deadline_ns >= place.timer_ns:
            return
        place.timer_ns = core.deadline_ns
        self._push(max(core.deadline_ns, self.now_ns), place, None)

    def _push(self, at_ns: int, place: Place, envelope: Envelope | None) -> None:
        self._number += 1
        heappush(self._heap, (at_ns, self._number, place.name, place.life, envelope))

    def _do(self, place: Place, effects: Effects) -> None:
        for effect in effects:
            self._one(place, effect)

    def _one(self, place: Place, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(place, effect)
        elif isinstance(effect, Commit):
            place.ask(effect, self.now_ns)
            if effect.token:
                self._push(self.now_ns + COMMIT_NS, place, Envelope(links.STORE, 0, Durable(effect.token)))
        elif isinstance(effect, Fetch):
            place.write(NEVER)
            rows = [
                (key, record)
                for (kind, key), record in sorted(place.rows.items())
                if kind == effect.kind and key.startswith(effect.prefix)
            ]
            fetched = Fetched(effect.token, effect.kind, rows[: effect.limit])
            self._push(self.now_ns + COMMIT_NS, place, Envelope(links.STORE, 0, fetched))
        elif isinstance(effect, Note):
            self.notes.append((self.now_ns, place.name, effect))
        elif isinstance(effect, Emit):
            self.events.append(effect)
        else:
            place.halted = effect

    def _send(self, place: Place, effect: Send) -> None:
        if effect.link == links.WORKER:
            for delay_ns, answer in self.attachments[place.name].handle(effect.message, self.now_ns):
                self._push(self.now_ns + delay_ns, place, Envelope(links.WORKER, 0, answer))
            return
        raw = encode(effect.message)
        frames = (raw, effect.body) if effect.body else (raw,)
        for wire in self._wires:
            if wire.from_node == place.name and wire.from_link == effect.link:
                self._deliver(wire, wire.to_node, Envelope(wire.to_link, wire.peer, decode_untrusted(raw), frames), "up")
            elif wire.to_node == place.name and wire.to_link == effect.link and effect.peer in (0, wire.peer):
                self._deliver(wire, wire.from_node, Envelope(wire.from_link, 0, decode_untrusted(raw), frames), "down")

    def _deliver(self, wire: Wire, to: str, envelope: Envelope, way: str) -> None:
        """FIFO for each wire and direction; lost where either end is cut off or down."""
        place = self.places.get(to)
        if place is None or place.core is None or self.cut.get(wire.from_node) or self.cut.get(wire.to_node):
            return
        draw = int.from_bytes(sha256(f"{self.seed} {self._number}".encode()).digest()[:4], "big")
        key = (wire.from_node, f"{wire.from_link} {way}", wire.peer)
        at_ns = max(self.now_ns + HOP_NS + draw % HOP_NS, self._last_at.get(key, 0))
        self._last_at[key] = at_ns
        self._push(at_ns, place, envelope)
