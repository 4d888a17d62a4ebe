"""Connections of a simulated mesh that lose as ZeroMQ's do.

Measured for the notes on reliability the project began with: a send says nothing of arrival; a queue dies with its connection,
from some message on; a subscriber misses what is published before its subscription is known, and what finds its queue full;
nothing is taken for a peer that is not there; each reconnection is another peer number, while the old one may go on taking
messages that nobody gets; where nothing comes through any more TCP ends the connection after ``MAXRT_NS``. Within one
connection order is kept, and nothing is lost in the middle.
"""

from collections import deque
from collections.abc import Iterable

from mesh.core import Envelope, LinkDown, LinkUp, PeerLost, Send
from mesh.links import FRONT, ORDERS, STATUS
from mesh.messages.base import Msg
from mesh.simlinks import HOP_NS, Net, Wire
from mesh.units import MS_NS, NEVER, SECOND_NS

UP, DOWN = 0, 1
"""From the dialling side to the listening one, and back."""
QUEUE_MAX = 1_000
"""Messages on their way on one connection, each way: high-water marks and the kernel's buffers together."""
MAXRT_NS = 5 * SECOND_NS
HANDSHAKE_NS = MS_NS
_PUBLISHES = (ORDERS, FRONT)


class Connection:
    """One wire and what is on it. ``generation`` counts its connections: a message of an older one is lost."""

    __slots__ = (
        "cut_at_ns", "dials", "generation", "is_up", "last_at_ns", "peer", "queue_max", "queued", "since_ns", "slow_ns", "stalled",
        "stalled_from_ns", "wire",
    )  # fmt: skip

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.is_up = False
        self.peer = 0
        """The listening side's number for it."""
        self.generation = 0
        self.since_ns = NEVER
        """When the listening side knows all of it: what is published before misses a subscriber."""
        self.cut_at_ns = [0, 0]
        """What was to arrive later than this of the last generation was lost with it."""
        self.last_at_ns = [0, 0]
        self.queued = [0, 0]
        self.queue_max = QUEUE_MAX
        self.slow_ns = 0
        """Each message takes up to so much longer."""
        self.stalled: tuple[deque[Stalled], deque[Stalled]] = (deque(), deque())
        self.stalled_from_ns = NEVER
        self.dials = 0
        """The newest attempt to connect; an older one's time is over."""


Stalled = tuple[str, Envelope]


class Way:
    """A message on its way: it arrives if its connection lasts, or had brought it before it ended."""

    __slots__ = ("at_ns", "connection", "generation", "way")

    def __init__(self, connection: Connection, way: int, at_ns: int) -> None:
        self.connection = connection
        self.generation = connection.generation
        self.way = way
        self.at_ns = at_ns

    def arrives(self) -> bool:
        """Whether it gets there."""
        connection = self.connection
        if connection.generation == self.generation:
            connection.queued[self.way] -= 1
            return True
        return connection.generation == self.generation + 1 and self.at_ns <= connection.cut_at_ns[self.way]


class ZmqLinks:
    """Every connection of a mesh, and what is done to them. ``maxrt_ns``: after so long without passage TCP gives up."""

    def __init__(self, net: Net, wires: Iterable[Wire], maxrt_ns: int = MAXRT_NS) -> None:
        self.blocked: set[tuple[str, str]] = set()
        """Directions (from node, to node) in which nothing comes through."""
        self._net = net
        self._maxrt_ns = maxrt_ns
        self._dialled: dict[tuple[str, str], Connection] = {}
        self._of: dict[str, list[Connection]] = {}
        self._bound: dict[tuple[str, str], list[Connection]] = {}
        self._peers: dict[tuple[str, str, int], Connection] = {}
        self._ghosts: dict[tuple[str, str, int], int] = {}
        """Numbers of connections that have ended unnoticed by the listening side → when it notices."""
        self._last_peer = 0
        for wire in wires:
            self.add(wire)

    def add(self, wire: Wire) -> Connection:
        """Another connection, dialled from the node's next life on."""
        connection = Connection(wire)
        self._dialled[wire.from_node, wire.from_link] = connection
        for name in (wire.from_node, wire.to_node):
            self._of.setdefault(name, []).append(connection)
        self._bound.setdefault((wire.to_node, wire.to_link), []).append(connection)
        return connection

    def all(self) -> list[Connection]:
        """Every connection."""
        return list(self._dialled.values())

    def between(self, one: str, other: str) -> list[Connection]:
        """Connections between two nodes."""
        return [connection for connection in self._of.get(one, ()) if other in (connection.wire.from_node, connection.wire.to_node)]

    # lives

    def up(self, name: str) -> None:
        """A node's life begins: it dials."""
        for connection in self._of.get(name, ()):
            if connection.wire.from_node == name:
                self._dial_in(connection, self._net.draw(5 * MS_NS))

    def down(self, name: str) -> None:
        """A node's life ended: so do its connections."""
        for connection in self._of.get(name, ()):
            self.end(connection)

    # connections

    def end(self, connection: Connection, unnoticed_ns: int = 0) -> None:
        """A connection breaks; the listening side may not notice for a while."""
        wire, net = connection.wire, self._net
        if not connection.is_up:
            return
        connection.is_up = False
        connection.generation += 1
        # all, none, or the first of what is on its way still arrives
        luck = (0, NEVER, net.now_ns + net.draw(2 * HOP_NS))[net.draw(3)]
        connection.cut_at_ns = [luck, luck]
        connection.last_at_ns = [0, 0]
        connection.queued = [0, 0]
        for stalled in connection.stalled:
            stalled.clear()
        connection.stalled_from_ns = NEVER
        key = (wire.to_node, wire.to_link, connection.peer)
        self._peers.pop(key, None)
        if unnoticed_ns:
            self._ghosts[key] = net.now_ns + unnoticed_ns
        if net.is_alive(wire.from_node):
            net.deliver(wire.from_node, net.now_ns, Envelope(wire.from_link, 0, LinkDown()))
            self._dial_in(connection, self._pace())

    def redial(self, connection: Connection, to_node: str) -> None:
        """The address leads to another node from now on."""
        self.end(connection)
        wire = connection.wire
        self._of[wire.to_node].remove(connection)
        self._bound[wire.to_node, wire.to_link].remove(connection)
        connection.wire = Wire(wire.from_node, wire.from_link, to_node, wire.to_link, wire.peer)
        self._of.setdefault(to_node, []).append(connection)
        self._bound.setdefault((to_node, wire.to_link), []).append(connection)

    def _pace(self) -> int:
        return (100 + self._net.draw(400)) * MS_NS

    def _dial_in(self, connection: Connection, wait_ns: int) -> None:
        connection.dials += 1
        dial = connection.dials
        self._net.call(self._net.now_ns + wait_ns, lambda: self._dial(connection, dial))

    def _dial(self, connection: Connection, dial: int) -> None:
        wire, net = connection.wire, self._net
        if connection.dials != dial or connection.is_up or not net.is_alive(wire.from_node):
            return
        ends = (wire.from_node, wire.to_node)
        if not net.is_alive(wire.to_node) or ends in self.blocked or ends[::-1] in self.blocked:
            self._dial_in(connection, self._pace())
            return
        connection.is_up = True
        if wire.to_link != STATUS:
            self._last_peer += 1
            connection.peer = self._last_peer
            self._peers[wire.to_node, wire.to_link, connection.peer] = connection
        connection.since_ns = net.now_ns + HANDSHAKE_NS + net.draw(2 * HANDSHAKE_NS)
        net.deliver(wire.from_node, net.now_ns + HANDSHAKE_NS, Envelope(wire.from_link, 0, LinkUp()))

    # partitions

    def block(self, one: str, other: str) -> None:
        """Nothing comes through from one node to another."""
        self.blocked.add((one, other))

    def unblock(self, one: str, other: str) -> None:
        """It comes through again: TCP sends what waited once more."""
        self.blocked.discard((one, other))
        for connection in self.between(one, other):
            ends = (connection.wire.from_node, connection.wire.to_node)
            if ends in self.blocked or ends[::-1] in self.blocked:
                continue
            connection.stalled_from_ns = NEVER
            for way, stalled in enumerate(connection.stalled):
                while stalled:
                    name, envelope = stalled.popleft()
                    self._put(connection, way, name, envelope)

    def _stall(self, connection: Connection) -> None:
        """Something got no acknowledgement: unless that changes TCP ends the connection."""
        if connection.stalled_from_ns < NEVER:
            return
        connection.stalled_from_ns = since_ns = self._net.now_ns

        def give_up() -> None:
            if connection.stalled_from_ns == since_ns:
                self.end(connection)

        self._net.call(since_ns + self._maxrt_ns, give_up)

    # messages

    def send(self, name: str, effect: Send, message: Msg, frames: tuple[bytes, ...]) -> None:
        """Hand a message to whoever it is for, if there is a connection; nobody is told what became of it."""
        connection = self._dialled.get((name, effect.link))
        if connection is not None:
            wire = connection.wire
            self._carry(connection, UP, wire.to_node, Envelope(wire.to_link, connection.peer, message, frames))
        elif effect.peer:
            self._answer(name, effect, message, frames)
        else:
            assert effect.link in _PUBLISHES or not self._bound.get((name, effect.link)), f"{name} sends to nobody on {effect.link}"
            for connection in self._bound.get((name, effect.link), ()):
                if connection.is_up and connection.since_ns <= self._net.now_ns:
                    wire = connection.wire
                    self._carry(connection, DOWN, wire.from_node, Envelope(wire.from_link, 0, message, frames))

    def _answer(self, name: str, effect: Send, message: Msg, frames: tuple[bytes, ...]) -> None:
        key = (name, effect.link, effect.peer)
        connection = self._peers.get(key)
        if connection is not None:
            wire = connection.wire
            self._carry(connection, DOWN, wire.from_node, Envelope(wire.from_link, 0, message, frames))
        elif self._ghosts.get(key, 0) <= self._net.now_ns:
            self._net.deliver(name, self._net.now_ns, Envelope(effect.link, effect.peer, PeerLost()))

    def _carry(self, connection: Connection, way: int, to: str, envelope: Envelope) -> None:
        if not connection.is_up or connection.queued[way] >= connection.queue_max:
            return
        if self.blocked:
            wire = connection.wire
            ends = (wire.from_node, wire.to_node)
            if way == DOWN:
                ends = ends[::-1]
            if ends in self.blocked:
                connection.queued[way] += 1
                connection.stalled[way].append((to, envelope))
                self._stall(connection)
                return
            if ends[::-1] in self.blocked:
                self._stall(connection)  # it comes through, its acknowledgement does not
        connection.queued[way] += 1
        self._put(connection, way, to, envelope)

    def _put(self, connection: Connection, way: int, to: str, envelope: Envelope) -> None:
        net = self._net
        at_ns = net.now_ns + HOP_NS + net.draw(HOP_NS)
        if connection.slow_ns:
            at_ns += net.draw(connection.slow_ns)
        at_ns = max(at_ns, connection.last_at_ns[way])
        connection.last_at_ns[way] = at_ns
        if net.is_alive(to):
            net.deliver(to, at_ns, envelope, Way(connection, way, at_ns))
