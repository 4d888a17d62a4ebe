"""A frontend of the command line: SUB on every router's FRONT, DEALER on every control socket, blocking, one thread.

It only watches and asks; attaching costs the trading path nothing.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import Config
from mesh.errors import BadFrame, NoMesh
from mesh.io.clock import monotonic_ns
from mesh.io.hub import Hub
from mesh.io.sockets import SENT, Received, Socket
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.control import OperatorHello
from mesh.messages.health import FrontEvent, NodeHealth, Snapshot
from mesh.units import MS_NS, SECOND_NS
from mesh.view import SnapshotTally, View
from nodes.io.doorfiles import client_door, client_name
from nodes.io.locate import find

Listener = Callable[[str, Msg], None]
"""Told of what a router publishes: the router, the item."""
BATCH_COUNT = 256
CONNECT_NS = 2 * SECOND_NS
FOLLOW_NS = SECOND_NS
"""So often keys are looked at, those of whom is dialled and its own, and hello is said again."""
QUEUED_WAIT_MS = 2
"""While something waits for a connection, that is looked for this often."""
LOOK_S = 3.0
"""Routers publish a snapshot each second: two chances to catch a whole one, and a little."""


class Client:
    """What a command knows of a running mesh, and its way to ask."""

    def __init__(self, config: Config, state: Path | None = None) -> None:
        """``state``: where its keys are; None: they are looked for. Raises BadConfig where there are none."""
        self.config = config
        self._door = client_door(config, state)
        self.view = View()
        self.life = secrets.randbits(62)
        self._hub = Hub()
        self._fronts: dict[Socket, str] = {}
        self._controls: dict[str, Socket] = {}
        self._hellos: dict[Socket, OperatorHello] = {}
        """By control socket, what was said there first."""
        self._source: Socket | None = None
        self._queued: dict[str, deque[Msg]] = {}
        """By node, what goes out as soon as its control socket is connected."""
        self.listener: Listener | None = None
        self._tally = SnapshotTally()
        self._follow_ns = 0
        for router in config.nodes_of("router"):
            self._fronts[self._connect(links.FRONT, "SUB", router)] = router

    def _connect(self, link: str, kind: str, node: str) -> Socket:
        way = self._door.way(node) if self._door is not None else None
        return self._hub.connect(link, kind, self.config.endpoint(node, link), way)

    def now_ns(self) -> int:
        """The monotonic clock the view's ages are on."""
        return monotonic_ns()

    def health_of(self, node: str) -> NodeHealth | None:
        """The newest a node told of itself."""
        seen = self.view.nodes.get(node)
        return seen[1] if seen else None

    def counted(self, role: str, counter: str) -> int:
        """A counter summed over the nodes of a role, as last published."""
        healths = [self.health_of(node) for node in self.config.nodes_of(role)]
        return sum(health.counters.get(counter, 0) for health in healths if health)

    def nonce(self) -> int:
        """A number to know an answer by."""
        return secrets.randbits(62)

    def pump(self, limit_ms: int) -> list[tuple[str, Msg]]:
        """Take what is there, waiting ``limit_ms`` at most for the first; what control and signals sockets said, by node."""
        self._hub.wait(min(limit_ms, QUEUED_WAIT_MS) if self._queued else limit_ms)
        now_ns = self.now_ns()
        self._follow(now_ns)
        answers: list[tuple[str, Msg]] = []
        for socket in self._hub.sockets:
            for _, frames in self._received(socket, now_ns):
                if frames:
                    self._take(socket, frames[0], now_ns, answers)
        self._send_queued()
        return answers

    def drop(self) -> bool:
        """Keep connected and no more: what is there is not looked at, what waits for a connection is forgotten. True: more may be there."""
        self._queued.clear()
        now_ns = self.now_ns()
        self._follow(now_ns)
        return max(len(self._received(socket, now_ns)) for socket in self._hub.sockets) >= BATCH_COUNT

    def _follow(self, now_ns: int) -> None:
        """Dial anew where keys have changed: who is dialled with one that is good no more must not be believed, nor would we be heard."""
        if now_ns >= self._follow_ns:
            self._follow_ns = now_ns + FOLLOW_NS
            for socket in self._hub.sockets:
                socket.redial_if_changed()
            for socket, hello in self._hellos.items():  # again: one that was lost with its connection would leave us strangers there
                socket.send(0, (encode(hello),))

    def _look(self, socket: Socket, now_ns: int) -> None:
        """Take what became of a connection: to whom is greeted once, each new one says hello again, for another key or life is there."""
        if any(socket.changes(now_ns)) and (hello := self._hellos.get(socket)) is not None:
            socket.send(0, (encode(hello),))

    def _received(self, socket: Socket, now_ns: int) -> list[Received]:
        """What is there, at a socket that is connected again where libzmq gave up."""
        self._look(socket, now_ns)
        socket.renew(now_ns)
        return socket.receive(BATCH_COUNT) if socket.is_readable else []

    def _take(self, socket: Socket, frame: bytes, now_ns: int, answers: list[tuple[str, Msg]]) -> None:
        try:
            message = decode_untrusted(frame)
        except BadFrame:
            self.view.bad_frame_count += 1
            return
        if isinstance(message, Snapshot | FrontEvent):
            item = self.view.take(message, now_ns)
            if item is not None and self.listener is not None:
                self.listener(message.router, item)
            if isinstance(message, Snapshot):
                self._tally.take(message, now_ns)
        else:
            node = next((name for name, control in self._controls.items() if control is socket), "signals")
            answers.append((node, message))

    def pump_for(self, seconds: float) -> None:
        """Take what comes for a while."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self.pump(max(1, int(left_s * 1_000)))

    @property
    def is_seeing(self) -> bool:
        """Whether a whole snapshot of some router is fresh: without one nobody knows how the mesh is."""
        return self._tally.is_seeing(self.now_ns())

    def wait_whole(self, seconds: float) -> bool:
        """Until a whole snapshot of every router has come; False where some router stayed silent."""
        end_s = time.monotonic() + seconds
        routers = self.config.nodes_of("router")
        while not all(router in self._tally.whole_ns for router in routers):
            if time.monotonic() >= end_s:
                return False
            self.pump(50)
        return True

    def look_anew(self) -> None:
        """Leave what routers had said by now, which may be long ago where nobody looked meanwhile, and wait for what they show since."""
        while self.drop():
            pass
        self._tally = SnapshotTally()
        self.wait_whole(LOOK_S)

    def wait_for(self, done: Callable[[Msg], bool], seconds: float) -> bool:
        """Until ``done`` says so of an answer that came; False where none did in time."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            if any([done(message) for _, message in self.pump(20)]):
                return True
        return False

    def greet(self, operator: str) -> None:
        """Open the control sockets of every router and the master and say who is there."""
        for node in self._controlling:
            self._control(node, operator)

    def dial(self) -> None:
        """Open the same sockets and say nothing yet: nobody is waited for, and what is queued later goes out at once."""
        for node in self._controlling:
            self._dialled(node)

    @property
    def _controlling(self) -> list[str]:
        return [*self.config.nodes_of("router"), *self.config.nodes_of("master")]

    def _dialled(self, node: str) -> Socket:
        """A node's control socket, which may not be connected yet."""
        known = self._controls.get(node)
        if known is None:
            known = self._connect(links.CONTROL, "DEALER", node)
            self._controls[node] = known
        return known

    def _control(self, node: str, operator: str = "") -> Socket:
        known = self._controls.get(node)
        if known is not None:
            return known
        socket = self._dialled(node)
        hello = self._hellos[socket] = OperatorHello(operator or client_name(), self.life, PROTOCOL_VERSION)
        self._send(socket, hello)
        return socket

    def send(self, node: str, message: Msg) -> bool:
        """Send to a node's control socket; False where it cannot be reached."""
        return self._send(self._control(node), message)

    def queue(self, node: str, *messages: Msg) -> None:
        """Have messages sent to a node's control socket as soon as it is connected: nobody waits for a node that is not there."""
        self._dialled(node)
        self._queued.setdefault(node, deque()).extend(messages)
        self._send_queued()

    def _send_queued(self) -> None:
        for node, messages in list(self._queued.items()):
            while messages and self._controls[node].send(0, (encode(messages[0]),)) == SENT:
                messages.popleft()
            if not messages:
                del self._queued[node]

    @property
    def unreached(self) -> list[str]:
        """Nodes that something waits for."""
        return list(self._queued)

    def send_source(self, message: Msg) -> bool:
        """Send to the signals node, as a source; False where it cannot be reached."""
        if self._source is None:
            signals = self.config.nodes_of("signals")[0]
            self._source = self._connect(links.SIGNALS, "DEALER", signals)
        return self._send(self._source, message)

    def _send(self, socket: Socket, message: Msg) -> bool:
        """A connecting socket takes nothing before it is connected (IMMEDIATE): wait for that, not for ever."""
        end_ns = self.now_ns() + CONNECT_NS
        frame = encode(message)
        while socket.send(0, (frame,)) != SENT:
            left_ns = end_ns - self.now_ns()
            if left_ns <= 0:
                return False
            self._hub.wait(min(10, max(1, left_ns // MS_NS)))
            self._look(socket, self.now_ns())
        return True

    def close(self) -> None:
        """Leave."""
        self._hub.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@contextmanager
def attached(config_path: Path | None) -> Iterator[Client]:
    """A client of the mesh that is meant, which has seen a whole snapshot of each router that lives; it leaves at the end.

    Raises NoMesh where no router answers, saying where they were looked for.
    """
    config, _ = find(config_path)
    with attached_to(config) as client:
        yield client


@contextmanager
def attached_to(config: Config, state: Path | None = None) -> Iterator[Client]:
    """The same, of a mesh whose configuration is at hand. ``state``: where its keys are, where that is known."""
    with Client(config, state) as client:
        client.wait_whole(LOOK_S)
        if not client.view.routers:
            tried = ", ".join(config.endpoint(name, links.FRONT) for name in config.nodes_of("router"))
            raise NoMesh(f"no router answers within {LOOK_S:.0f} s at {tried}; start the mesh with `mesh up`")
        yield client
