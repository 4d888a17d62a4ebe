"""A mesh in virtual time: the real cores and the real codec on a heap of what happens next, one seed, no sockets and no clock.

Used by tests, the fault simulator (``tests/sim``) and later the backtester; never by live code. What travels is up to its links
(``mesh/simlinks.py``: whole ones, ``mesh/simzmq.py``: as ZeroMQ's), what is durable to each node's disk (``mesh/simdisk.py``).
Each node has its own clock; it may be paused, crash between any two effects, and start again from its store.
"""

from collections.abc import Callable
from hashlib import sha256
from heapq import heappop, heappush
from typing import Protocol

import msgspec

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import Config
from mesh.core import (
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
    HostStop,
    LinkDown,
    LinkUp,
    Note,
    PeerLost,
    Send,
    Single,
    Stop,
    WallStep,
    singly,
)
from mesh.messages.base import Msg
from mesh.simdisk import Disk
from mesh.simlinks import Links, Passage, WholeLinks, wires_of
from mesh.units import NEVER, SECOND_NS

NOTICES = (LinkUp, LinkDown, PeerLost, Stop, WallStep, HostStop)
"""What a shell tells only those who want to know."""
STORE_FAILED = 74
_MULTIPLIER, _INCREMENT, _MASK = 6_364_136_223_846_793_005, 1_442_695_040_888_963_407, (1 << 64) - 1
"""Knuth's MMIX generator: one state, pure, the same everywhere."""


class Attachment(Protocol):
    """What sits at the other end of a local's WORKER link: takes a message, answers with messages and delays."""

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """Messages for the local, each with the delay in ns after which it comes."""


class Clock(msgspec.Struct):
    """A node's monotonic clock against virtual time."""

    offset_ns: int = 0
    drift_ppm: int = 0

    def local_ns(self, true_ns: int) -> int:
        """What it shows at a virtual time."""
        return true_ns + self.offset_ns + true_ns * self.drift_ppm // 1_000_000

    def true_ns(self, local_ns: int) -> int:
        """The first virtual time at which it shows this."""
        if local_ns >= NEVER:
            return NEVER
        if not self.drift_ppm:
            return local_ns - self.offset_ns
        true_ns = (local_ns - self.offset_ns) * 1_000_000 // (1_000_000 + self.drift_ppm) - 1
        while self.local_ns(true_ns) < local_ns:
            true_ns += 1
        return true_ns


class Place:
    """One node of the simulated mesh."""

    def __init__(self, name: str, build: Callable[[int], Core]) -> None:
        self.name = name
        self.build = build
        self.life = 0
        self.core: Core | None = None
        self.disk = Disk()
        self.clock = Clock()
        self.halted: Halt | None = None
        self.paused_until_ns = 0
        """It does nothing before; what comes meanwhile waits."""
        self.crash_after: int | None = None
        """At its next turn it does so many effects, then it is gone."""
        self.is_failing = False
        """A commit failed in this turn: it ends after it."""
        self.stored_at_ns = 0
        """When the newest commit is durable that somebody waits for."""
        self.timer_ns = NEVER


Item = tuple[int, int, Place | None, int, Envelope | None, Passage | Callable[[], None] | None]
"""When, number, whose, of which life, what (None: the timer), over which way (of nobody: what is to be done)."""


class SimNet:
    """The world: places, links, a heap of what happens next, and a hash of all that happened."""

    def __init__(self, config: Config, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.now_ns = SECOND_NS
        self.places: dict[str, Place] = {}
        self.attachments: dict[str, Attachment] = {}
        self.events: list[Emit] = []
        self.notes: list[tuple[int, str, Note]] = []
        whole = WholeLinks(self, wires_of(config))
        self.cut = whole.cut
        self.wires = whole.wires
        self.links: Links = whole
        self.on_effect: Callable[[Place, Effect], None] | None = None
        """Sees each effect before it is done."""
        self.on_turn: Callable[[Place, Envelope | None], None] | None = None
        """Sees each message (None: a deadline) before its node does."""
        self.on_end: Callable[[Place], None] | None = None
        """Hears of each life that ended."""
        self.turn_count = 0
        self._heap: list[Item] = []
        self._number = 0
        self._state = (seed * _MULTIPLIER + _INCREMENT) & _MASK
        self._trace = sha256()
        self._encoded: tuple[Msg | None, bytes, Msg | None] = (None, b"", None)

    # what links, faults and tests do to the world

    def draw(self, below: int) -> int:
        """A number of the seed, 0 … below − 1."""
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return (self._state >> 33) % below

    def add(self, name: str, build: Callable[[int], Core]) -> None:
        """Put a node there and start its first life; ``build`` gets the life number."""
        self.places[name] = Place(name, build)
        self.restart(name)

    def restart(self, name: str) -> None:
        """Start a node's next life from its store."""
        place = self.places[name]
        place.life += 1
        place.halted = place.crash_after = None
        place.stored_at_ns = 0
        place.is_failing = False
        place.timer_ns = NEVER
        core = place.build(place.life)
        place.core = core
        place.disk.write()  # a life that ended in order has written everything
        local_ns = place.clock.local_ns(self.now_ns)
        self.links.up(name)
        self._do(place, core.recover(place.disk.sorted_rows(), local_ns))
        if place.core is core:
            self._do(place, core.start(local_ns))
        self._arm(place)

    def crash(self, name: str) -> None:
        """End a node's life at once; its store stays as it is durable."""
        place = self.places[name]
        if place.core is None:
            return
        place.disk.crash(self.now_ns, self.draw(len(place.disk.unwritten) + 1) if self.on_end else 0)
        self._ended(place)

    def stop(self, name: str) -> None:
        """Ask a node to end in order."""
        self.deliver(name, self.now_ns, Envelope(links.SHELL, 0, Stop()))

    def wake(self, name: str, slept_ns: int) -> None:
        """A node's machine was suspended, its monotonic clock with it: the node is told before it hears anything else."""
        place = self.places[name]
        place.clock.offset_ns -= slept_ns
        place.timer_ns = NEVER
        if place.core is not None and place.halted is None:
            self._turn(place, Envelope(links.SHELL, 0, WallStep(slept_ns)), None)
            self._arm(place)

    def is_alive(self, name: str) -> bool:
        """Whether a node runs."""
        place = self.places.get(name)
        return place is not None and place.core is not None and place.halted is None

    def call(self, at_ns: int, action: Callable[[], None]) -> None:
        """Do something at a time."""
        self._number += 1
        heappush(self._heap, (max(at_ns, self.now_ns), self._number, None, 0, None, action))

    def deliver(self, name: str, at_ns: int, envelope: Envelope, passage: Passage | None = None) -> None:
        """Hand a message to a node's present life at a time."""
        self._push(at_ns, self.places[name], envelope, passage)

    def trace(self) -> str:
        """SHA-256 of every delivery and its time so far."""
        return self._trace.hexdigest()

    # its course

    def run(self, until_ns: int, done: Callable[[], bool] = lambda: False) -> bool:
        """Run to virtual time ``until_ns`` or until ``done``; True where ``done`` came true."""
        heap = self._heap
        while heap and heap[0][0] <= until_ns:
            at_ns, _number, place, life, envelope, way = heappop(heap)
            self.now_ns = max(self.now_ns, at_ns)
            if place is None:
                way()  # type: ignore[operator,misc]
            elif place.life == life and place.core is not None and place.halted is None:
                if self.now_ns < place.paused_until_ns:
                    self._push(place.paused_until_ns, place, envelope, way)  # type: ignore[arg-type]
                    continue
                self._turn(place, envelope, way)  # type: ignore[arg-type]
            if done():
                return True
        self.now_ns = max(self.now_ns, until_ns)
        return False

    def _turn(self, place: Place, envelope: Envelope | None, passage: Passage | None) -> None:
        core = place.core
        assert core is not None
        local_ns = place.clock.local_ns(self.now_ns)
        place.disk.write(self.now_ns)
        if envelope is None:
            place.timer_ns = NEVER
            if core.deadline_ns > local_ns:
                self._arm(place)
                return
            if self.on_turn is not None:
                self.on_turn(place, None)
            effects = core.on_deadline(local_ns)
        else:
            if passage is not None and not passage.arrives():
                return
            if type(envelope.message) in NOTICES and type(envelope.message) not in core.handlers:
                return
            said = envelope.frames[0] if envelope.frames else msgspec.msgpack.encode(envelope.message)
            self._trace.update(f"{self.now_ns} {place.name} {envelope.link} {envelope.peer} ".encode() + said)
            if self.on_turn is not None:
                self.on_turn(place, envelope)
            effects = core.handle(envelope, local_ns)
        self.turn_count += 1
        self._do(place, effects)
        self._arm(place)

    def _arm(self, place: Place) -> None:
        """Have the node's deadline on the heap, once."""
        core = place.core
        if core is None or core.deadline_ns >= NEVER or core.deadline_ns >= place.timer_ns:
            return
        place.timer_ns = core.deadline_ns
        self._push(max(place.clock.true_ns(core.deadline_ns), self.now_ns), place, None, None)

    def _push(self, at_ns: int, place: Place, envelope: Envelope | None, passage: Passage | None) -> None:
        self._number += 1
        heappush(self._heap, (at_ns, self._number, place, place.life, envelope, passage))

    # what a node does

    def _do(self, place: Place, effects: Effects) -> None:
        if not effects:
            return
        left = place.crash_after
        asked = len(place.disk.unwritten)
        for effect in singly(effects):
            if left is not None:
                if left == 0:
                    del place.disk.unwritten[asked:]  # the pass they belong to never came to its commit
                    self.crash(place.name)
                    return
                left -= 1
            if self.on_effect is not None:
                self.on_effect(place, effect)
            self._one(place, effect)
        place.crash_after = None
        if place.is_failing:
            place.is_failing = False
            self._halt(place, Halt(STORE_FAILED, "a commit failed"))

    def _one(self, place: Place, effect: Single) -> None:
        if isinstance(effect, Send):
            self._send(place, effect)
        elif isinstance(effect, Commit):
            self._commit(place, effect)
        elif isinstance(effect, Fetch):
            place.disk.write()
            rows = place.disk.fetch(effect.kind, effect.prefix, effect.limit)
            self._from_store(place, Fetched(effect.token, effect.kind, rows))
        elif isinstance(effect, Note):
            self.notes.append((self.now_ns, place.name, effect))
        elif isinstance(effect, Emit):
            self.events.append(effect)
        else:
            self._halt(place, effect)

    def _commit(self, place: Place, commit: Commit) -> None:
        disk = place.disk
        if disk.is_failing:
            place.is_failing = True
            return
        if commit.token:
            self._from_store(place, Durable(commit.token))
            disk.ask(commit, self.now_ns, place.stored_at_ns)
        else:
            disk.ask(commit, self.now_ns)

    def _from_store(self, place: Place, message: Msg) -> None:
        """After the time of a commit, and after the one before it."""
        place.stored_at_ns = max(place.stored_at_ns, self.now_ns + place.disk.commit_ns)
        self._push(place.stored_at_ns, place, Envelope(links.STORE, 0, message), None)

    def _halt(self, place: Place, halt: Halt) -> None:
        place.halted = halt
        if halt.code != STORE_FAILED:
            place.disk.write()
        if self.on_end is not None:
            self._ended(place)

    def _ended(self, place: Place) -> None:
        place.core = None
        place.disk.unwritten.clear()
        self.links.down(place.name)
        if self.on_end is not None:
            self.on_end(place)

    def _send(self, place: Place, effect: Send) -> None:
        if effect.link == links.WORKER:
            for delay_ns, answer in self.attachments[place.name].handle(effect.message, place.clock.local_ns(self.now_ns)):
                self._push(self.now_ns + delay_ns, place, Envelope(links.WORKER, 0, answer), None)
            return
        known, raw, decoded = self._encoded
        if known is not effect.message or decoded is None:  # the same object to many is encoded once
            raw = encode(effect.message)
            decoded = decode_untrusted(raw)
            self._encoded = (effect.message, raw, decoded)
        frames = (raw, effect.body) if effect.body else (raw,)
        self.links.send(place.name, effect, decoded, frames)
