"""``mesh``: one link of our own between two processes, router to local: shell, sockets, codec, and two cores that do nothing else.

As a router does, the sender encodes a header for each local and forwards the body as it came. The order's number is the message's, its
stamp of the router is when it was due, and the place of the MAC has the body's CRC32. The receiver has the order when header and body are
decoded and checked against their types.
"""

import os
from collections.abc import Iterator
from queue import SimpleQueue
from zlib import crc32

from msgspec.structs import replace

from bench.chains.control import Control
from bench.chains.place import HOST, Place
from bench.chains.turn import Turn
from bench.chains.variants import MESH_IPC
from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.core import NOTHING, Core, Effects, Envelope, LinkUp, Note, Send
from mesh.io.clock import monotonic_ns
from mesh.io.health import Identity
from mesh.io.hub import Hub
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Count, Msg
from mesh.messages.health import NoteTold
from mesh.messages.orders import OPEN, LocalHello, Order, OrderBody, Target
from mesh.units import E8, SECOND_NS

ACCOUNT, NODE = "bench-1", "local-1"
E_NUMBER = 1
OID = bytes(range(16))
BODY = OrderBody(
    "cci-1/EURUSD/M1/14/up/29459", "reversion", "open", OPEN, 1, 108_500_000, 400_000, 800_000, 20, 10**15, 1_767_600_000 * SECOND_NS,
    10**15, 10**15, 10**15,
)  # fmt: skip
CRC_BYTES = 4


class Due(Msg):
    """From the source's pace: this message is due now."""

    number: Count
    due_ns: Count


class Pace:
    """What is due, as an attachment of the source's node (``mesh.io.inlet.Attachment``). While a segment runs it is always readable, and
    sleeps until the next message is due: the loop has nothing else to do, as with every other source.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._turns: SimpleQueue[Turn] = SimpleQueue()
        self._turn: Turn | None = None
        self._dues: Iterator[tuple[int, int]] = iter(())
        self._readable, self._writable = os.pipe()

    def give(self, turn: Turn) -> None:
        """A segment, from another thread."""
        self._turns.put(turn)
        os.write(self._writable, b"1")

    def fileno(self) -> int:
        """Readable while a segment runs."""
        return self._readable

    def receive(self) -> list[Msg]:
        """The next message that is due, when it is."""
        if self._turn is None:
            if self._turns.empty():
                return []
            self._turn = self._turns.get()
            self._dues = self._turn.dues()
        if (due := next(self._dues, None)) is not None:
            return [Due(*due)]
        self._control.sent(self._turn)
        self._turn = None
        os.read(self._readable, 1)
        return []

    def send(self, message: Msg) -> None:
        """Nobody says anything to it."""
        raise AssertionError(f"{type(message).__name__} was sent to the pace")

    def started(self) -> None:
        """Nothing is to be spawned."""

    def close(self) -> None:
        """The node ends."""
        os.close(self._readable)
        os.close(self._writable)


class Sender(Core):
    """Sends an order when one is due, to the local that said hello last."""

    def __init__(self, control: Control, pace: Pace, payload_bytes: int) -> None:
        super().__init__()
        self._control = control
        self._pace = pace
        self._peer = 0
        self._body = body_for(payload_bytes)
        self._mac = crc32(self._body).to_bytes(CRC_BYTES, "little")
        self.handlers = {LocalHello: self._on_hello, Due: self._on_due}

    def _on_hello(self, envelope: Envelope, now_ns: int) -> Effects:
        if not self._peer:
            self._control.up(self._pace.give)
        self._peer = envelope.peer
        return NOTHING

    def _on_due(self, envelope: Envelope, now_ns: int) -> Effects:
        message = envelope.message
        assert isinstance(message, Due)
        return (Send(links.LOCALS, self._peer, order_of(message.number, message.due_ns, self._mac), self._body),)


class Receiver(Core):
    """Says hello and counts orders."""

    def __init__(self, control: Control) -> None:
        super().__init__()
        self._control = control
        self._is_up = False
        self.handlers = {LinkUp: self._on_link_up, Order: self._on_order}

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        if not self._is_up:
            self._is_up = True
            self._control.up()
        return (Send(envelope.link, 0, LocalHello(ACCOUNT, NODE, 1, b"", E_NUMBER, 0, 0, b"", PROTOCOL_VERSION, "")),)

    def _on_order(self, envelope: Envelope, now_ns: int) -> Effects:
        order, raw = envelope.message, envelope.frames[1]
        assert isinstance(order, Order)
        body = decode_untrusted(raw)
        there_ns = monotonic_ns()
        is_whole = isinstance(body, OrderBody) and order.targets[0].mac == crc32(raw).to_bytes(CRC_BYTES, "little")
        if is_whole:
            self._control.tally.note(order.n, order.stamp_router_ns, there_ns)
        else:
            self._control.tally.damaged += 1
        return NOTHING


class Unlogged:
    """A log that keeps nothing but what is wrong, on stderr, which the bench shows where a stage fails."""

    def note(self, note: Note) -> None:
        """Take one note."""
        if note.level in ("warning", "error", "critical"):
            os.write(2, f"{note.name} {note.fields}\n".encode())

    def told(self) -> list[NoteTold]:
        """No frontend is told."""
        return []

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""


def order_of(number: int, due_ns: int, mac: bytes) -> Order:
    """The header for one local."""
    return Order(E_NUMBER, number, OID, [Target(ACCOUNT, number, "EURUSD", E8 // 10, mac=mac)], due_ns)


def body_for(payload_bytes: int) -> bytes:
    """A body that makes header and body about as long as the payload of the others; longer where an order is longer by itself."""
    used = len(encode(order_of(10**6, monotonic_ns(), bytes(CRC_BYTES)))) + len(encode(BODY))
    return encode(replace(BODY, reason="." * max(0, payload_bytes - used)))


def run(place: Place, control: Control) -> None:
    """One of the two stages. Raises what the shell raised."""
    hub = Hub()
    pace = Pace(control)
    core = Sender(control, pace, place.payload_bytes) if place.is_source else Receiver(control)
    name, role = ("router-1", "router") if place.is_source else (NODE, "local")
    node = Node(Identity(name, role, 1, "", "", monotonic_ns()), core, Unlogged())
    endpoint = f"ipc://@trademesh-bench-{place.port}" if place.variant == MESH_IPC else f"tcp://{HOST}:{place.port}"
    if place.is_source:
        node.add_socket(links.LOCALS, hub.bind(links.LOCALS, "ROUTER", endpoint))
        node.attach(links.WORKER, pace)
    control.join()
    if place.is_sink:
        link = links.router_link(0)
        node.add_socket(link, hub.connect(link, "DEALER", endpoint))
    shell = Shell(hub, idle=place.idle, takes_signals=False)
    shell.add(node)
    shell.run()
