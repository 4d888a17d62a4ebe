"""Small cores on real sockets: what the tests of the shell and of the sockets share."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mesh import links
from mesh.codec import encode
from mesh.core import NOTHING, Core, Effects, Envelope, Halt, LinkUp, Note, Send
from mesh.errors import MeshError
from mesh.io.clock import monotonic_ns
from mesh.io.eventfile import EventFile
from mesh.io.health import Identity
from mesh.io.hub import Hub
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.io.sockets import Socket
from mesh.io.store import Store
from mesh.messages.base import Msg
from mesh.messages.control import Ping, Pong
from mesh.messages.health import NoteTold

ANY_PORT = "tcp://127.0.0.1:0"
LIMIT_S = 10.0
"""Nothing here takes a hundredth of this; a test that waits in vain ends."""
CUT_SHORT = 99
DONE = (Halt(0, "done"),)

Handler = Callable[[Envelope, int], Effects]


class Told(Core):
    """A core that does what its test says, and remembers what it got."""

    def __init__(self, handlers: dict[type[Msg], Handler] | None = None, at_start: Effects = NOTHING) -> None:
        super().__init__()
        self.seen: list[Envelope] = []
        self.rows: list[tuple[str, bytes, bytes]] | None = None
        self.phase_word = "READY"
        self.on_due: Callable[[int], Effects] | None = None
        self._at_start = at_start
        for kind, handler in (handlers or {}).items():
            self.on(kind, handler)

    def on(self, kind: type[Msg], handler: Handler) -> None:
        def remember(envelope: Envelope, now_ns: int) -> Effects:
            self.seen.append(envelope)
            return handler(envelope, now_ns)

        self.handlers[kind] = remember

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Any message on any link: shells do not look inside, so these tests say all they have to say with pings."""
        handler = self.handlers.get(type(envelope.message))
        return handler(envelope, now_ns) if handler is not None else super().handle(envelope, now_ns)

    @property
    def messages(self) -> list[Msg]:
        return [envelope.message for envelope in self.seen]

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        self.rows = rows
        return NOTHING

    def start(self, now_ns: int) -> Effects:
        assert self.rows is not None, "recover comes before start"
        return self._at_start

    def on_deadline(self, now_ns: int) -> Effects:
        assert self.on_due is not None
        return self.on_due(now_ns)

    def phase(self) -> str:
        return self.phase_word

    def facts(self) -> dict[str, str]:
        return {"word": self.phase_word}


class Notebook:
    """A log that only remembers."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, note: Note) -> None:
        self.notes.append(note)

    def told(self) -> list[NoteTold]:
        """No frontend is told."""
        return []

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""

    def names(self) -> list[str]:
        return [note.name for note in self.notes]


def node_of(core: Core, name: str = "node-1", store: Store | None = None, events: EventFile | None = None) -> Node:
    return Node(Identity(name, "router", 1, "0", "", monotonic_ns()), core, Notebook(), store, events)


def names_of(node: Node) -> list[str]:
    assert isinstance(node.log, Notebook)
    return node.log.names()


def bind(node: Node, hub: Hub, link: str, kind: str = "ROUTER") -> Socket:
    """Have a node listen on a free port."""
    socket = hub.bind(link, kind, ANY_PORT)
    node.add_socket(link, socket)
    return socket


def connect(node: Node, hub: Hub, link: str, kind: str, to: Socket) -> Socket:
    """Have a node dial a socket."""
    socket = hub.connect(link, kind, to.endpoint)
    node.add_socket(link, socket)
    return socket


def run(hub: Hub, *nodes: Node, **options: Any) -> int:
    """Run nodes until they halt; fails where they do not."""
    shell = Shell(hub, **{"takes_signals": False, "drain_ms": 50, **options})
    for node in nodes:
        shell.add(node)
    guard = threading.Timer(LIMIT_S, shell.stop, (CUT_SHORT,))
    guard.start()
    try:
        code = shell.run()
    finally:
        guard.cancel()
        guard.join()
    assert code != CUT_SHORT, "the test waited in vain"
    return code


@contextmanager
def running(hub: Hub, *nodes: Node) -> Iterator[Shell]:
    """Nodes that run in a thread while a test talks to them; they are stopped at its end, and what they raised is raised."""
    shell = Shell(hub, takes_signals=False, drain_ms=50)
    for node in nodes:
        shell.add(node)
    failures: list[BaseException] = []

    def run_shell() -> None:
        try:
            shell.run()
        except (MeshError, AssertionError) as error:
            failures.append(error)

    thread = threading.Thread(target=run_shell, daemon=True)
    thread.start()
    try:
        yield shell
    finally:
        if thread.is_alive():
            shell.stop()
        thread.join(LIMIT_S)
    assert not thread.is_alive()
    if failures:
        raise failures[0]


def until(condition: Callable[[], Any], *hubs: Hub) -> Any:
    """Wait on sockets, not on the clock, until the condition gives something; what it gave."""
    end_s = time.monotonic() + LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < end_s, "the test waited in vain"
        for hub in hubs:
            hub.wait(5)
    return found


def quietly(_envelope: Envelope, _now_ns: int) -> Effects:
    return NOTHING


def ping_of(number: int) -> Send:
    return Send(links.CONTROL, 0, Ping("", number))


def echo() -> Told:
    """Answers each Ping with a Pong of its number, and ends with number 0."""

    def answer(envelope: Envelope, _now_ns: int) -> Effects:
        assert isinstance(envelope.message, Ping)
        pong = Send(envelope.link, envelope.peer, Pong("echo", "", envelope.message.nonce))
        return (pong, *DONE) if envelope.message.nonce == 0 else (pong,)

    return Told({Ping: answer})


def asker(count: int) -> Told:
    """Pings ``count`` times, one after the other; the last has number 0."""

    def after(envelope: Envelope, _now_ns: int) -> Effects:
        assert isinstance(envelope.message, Pong)
        number = envelope.message.nonce
        return (ping_of(number - 1),) if number else DONE

    return Told({LinkUp: lambda _envelope, _now_ns: (ping_of(count - 1),), Pong: after})


def pair(hub: Hub, there: Told, here: Told) -> tuple[Node, Node]:
    """``here`` dials ``there`` over TCP, both in one process, each with its own sockets."""
    listener, dialler = node_of(there, "there"), node_of(here, "here")
    connect(dialler, hub, links.CONTROL, "DEALER", bind(listener, hub, links.CONTROL))
    return listener, dialler


def fill(hub: Hub, other: Hub, node: Node, link: str, kinds: tuple[str, str], messages: int) -> None:
    """Have messages wait at a link of a node that does not run yet."""
    listener = bind(node, hub, link, kinds[0])
    dialler = other.connect(link, kinds[1], listener.endpoint)
    until(lambda: dialler.changes(0), other)
    for number in range(messages):
        dialler.send(0, (encode(Ping(link, number)),))
    until(listener.pending, hub)
