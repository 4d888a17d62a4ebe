"""The contract between what decides and what touches the world.

A core is a plain class: ``handle(envelope, now_ns)`` and ``on_deadline(now_ns)`` return effects in the order in
which they are to be done; ``deadline_ns`` says when it wants to be called without a message. No sockets, clocks,
randomness, files, logging or async inside. What must be durable before it is sent is sent by the handler of ``Durable``.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from mesh.carriers import FROM_PEERS, FROM_ZERO
from mesh.clockoffset import UNKNOWN
from mesh.counters import Counters, is_told
from mesh.messages.base import Count, Msg
from mesh.messages.health import StageSummary
from mesh.messages.orders import Order
from mesh.phases import READY
from mesh.units import MS_NS, NEVER

COMMIT_LATER_NS = 100 * MS_NS
"""At the latest so long after it was asked for, a commit that nobody waits for is durable."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A message as it reached a core.

    ``link``: the core's own name of the socket it came from (``mesh.links``). ``peer``: a small number the shell gave that
    connection on a binding socket, 0 on a connecting one. ``frames``: the raw bytes (empty for messages made here).
    """

    link: str
    peer: int
    message: Msg
    frames: tuple[bytes, ...] = ()


class PeerLost(Msg):
    """From the shell: nothing can be sent to this peer any more (its connection is gone)."""


class LinkDown(Msg):
    """From the shell: the connection of a connecting link is gone; it reconnects by itself."""


class LinkUp(Msg):
    """From the shell: the connection of a connecting link is there (again)."""


class Durable(Msg):
    """From the shell: the Commit with this token is on disk."""

    token: Count


class Fetched(Msg):
    """From the shell: the records a Fetch asked for, oldest key first, as (key, raw record)."""

    token: Count
    kind: str
    rows: list[tuple[bytes, bytes]]


class Stop(Msg):
    """From the shell: the process was asked to end; finish what is in flight, then return ``Halt(0, …)``."""


class WallStep(Msg):
    """From the shell: the wall clock moved so far against the monotonic one at once. A machine that was suspended, or whose clock was
    set: what was reckoned by the monotonic clock may be older than it seems.
    """

    step_ns: int


class WallDrift(Msg):
    """From the shell: the wall clock has crept so far against the monotonic one. Nothing is older for it: only what is said of
    the time is put right.
    """

    moved_ns: int


class HostStop(Msg):
    """From the shell: somebody on this host wants what runs here stopped (a flag file, a signal), as long as it is said."""

    level: str
    why: str


class Send(msgspec.Struct, frozen=True, gc=False):
    """Send a message on a link. ``peer`` 0 on connecting and PUB links. ``body``: raw second frame, forwarded untouched."""

    link: str
    peer: int
    message: Msg
    body: bytes = b""


class FanOut(msgspec.Struct, frozen=True, gc=False):
    """Send each of many peers an order with its own target alone: ``peers[i]`` gets ``order.targets[i]``, and all the same ``body``.

    One effect for all of them, so that what they share is packed once.
    """

    link: str
    peers: list[int]
    order: Order
    body: bytes

    def sends(self) -> list[Send]:
        """The same, one by one."""
        order = self.order
        return [
            Send(self.link, peer, Order(order.e, order.n, order.oid, [target], order.stamp_router_ns), self.body)
            for peer, target in zip(self.peers, order.targets, strict=True)
        ]


class Put(msgspec.Struct, frozen=True, gc=False):
    """One row: ``record`` encoded by the core's own record type, or None to delete the key."""

    kind: str
    key: bytes
    record: bytes | None


class Commit(msgspec.Struct, frozen=True, gc=False):
    """Make rows durable in one transaction (grouped with others of the same pass); ``Durable(token)`` follows.

    Token 0: nobody waits. Such rows are written with the next commit that somebody waits for, or after ``COMMIT_LATER_NS``, in
    the order in which they were asked for: a crash may lose the last of them, never one of the middle.
    """

    token: int
    puts: tuple[Put, ...]


class Fetch(msgspec.Struct, frozen=True, gc=False):
    """Read rows of a kind whose key starts with ``prefix``; ``Fetched`` follows with at most ``limit`` rows."""

    token: int
    kind: str
    prefix: bytes
    limit: int


class Note(msgspec.Struct, frozen=True, gc=False):
    """Something worth a line in the node's log. ``name`` is a snake_case constant, ``fields`` its values."""

    level: str
    name: str
    fields: dict[str, Any]


class Emit(msgspec.Struct, frozen=True, gc=False):
    """One line of the events file (``--events``). ``stage`` orders lines of one moment: see ``mesh.events``.

    ``told``: its fields, or what makes them of values that do not change: without an events file nobody needs them.
    """

    market_ns: int
    sid: str
    stage: int
    told: dict[str, Any] | Callable[[], dict[str, Any]]

    @property
    def event(self) -> dict[str, Any]:
        """The fields of the line."""
        return self.told if isinstance(self.told, dict) else self.told()


class Halt(msgspec.Struct, frozen=True, gc=False):
    """End the process with an exit code of ``mesh.errors.EXIT_CODES`` and a reason for the log."""

    code: int
    reason: str


Single: TypeAlias = Send | Commit | Fetch | Note | Emit | Halt
Effect: TypeAlias = Single | FanOut
Effects: TypeAlias = Sequence[Effect]
"""In the order in which they are to be done."""
NOTHING: Effects = ()


def singly(effects: Effects) -> Iterator[Single]:
    """The same effects with each FanOut as its single sends, for whoever looks at them or may stop between any two."""
    for effect in effects:
        if isinstance(effect, FanOut):
            yield from effect.sends()
        else:
            yield effect


class Core:
    """Base of every role: dispatch by exact message type, count what nobody handles.

    A subclass fills ``self.handlers`` (type → bound method ``(envelope, now_ns) -> Effects``) in ``__init__``, sets
    ``deadline_ns`` and overrides ``on_deadline``, ``facts`` and ``phase`` where it has something to say.
    """

    deadline_ns: int
    counters: Counters
    handlers: dict[type[Msg], Callable[[Envelope, int], Effects]]

    def __init__(self) -> None:
        self.deadline_ns = NEVER
        self.counters = Counters()
        self.handlers = {}

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message at monotonic time ``now_ns``; nothing where its link carries no such message from that side."""
        kind = type(envelope.message)
        links = (FROM_PEERS if envelope.peer else FROM_ZERO).get(kind)
        if links is not None and envelope.link not in links:
            return self._passed_over(envelope, "stranger_count", "stranger_message")
        handler = self.handlers.get(kind)
        if handler is None:
            return self._passed_over(envelope, "unhandled_count", "unhandled_message")
        return handler(envelope, now_ns)

    def _passed_over(self, envelope: Envelope, counter: str, name: str) -> Effects:
        """Counted; told as often as a log can bear."""
        self.counters.add(counter)
        count = self.counters.totals[counter]
        if not is_told(count):
            return NOTHING
        told = {"type": type(envelope.message).__name__, "link": envelope.link, "peer": envelope.peer, "count_so_far": count}
        return (Note("warning", name, told),)

    def on_deadline(self, now_ns: int) -> Effects:
        """Effects of ``deadline_ns`` having passed."""
        raise AssertionError(f"{type(self).__name__} set a deadline at {self.deadline_ns} but does nothing at it ({now_ns})")

    def start(self, now_ns: int) -> Effects:
        """Effects before the first message (hellos, first deadline)."""
        return NOTHING

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Take the store's rows (kind, key, record) at start. Called once, before ``start``; also with no rows."""
        return NOTHING

    def phase(self) -> str:
        """STARTING, READY, DRAINING or DONE (see NodeHealth)."""
        return READY

    def market_ns(self) -> int:
        """Market time as this node knows it, 0 where it knows none."""
        return 0

    def facts(self) -> dict[str, str]:
        """Short texts for the node's health, shown to people."""
        return {}

    def stages(self, now_ns: int) -> list[StageSummary]:
        """What its stages took in the last complete interval (``mesh.stages``)."""
        return []

    def config_hash(self) -> str:
        """Fingerprint of the configuration it runs, where live changes can make that another one than its file's; else empty."""
        return ""

    def clock_offset(self, now_ns: int) -> tuple[int, int]:
        """The master's clock less this node's, and the error of that (``mesh.clockoffset``)."""
        return UNKNOWN
