"""Those who knock at the ports of a mesh and are not of it: bytes that are no ZeroMQ, ZeroMQ that is no mesh, connections that say nothing.

Each knocks in small steps, so that a test decides for how long; what it holds open is bounded, and closed with it.
"""

import random
import socket as plain_socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import zmq
from zmq.utils.monitor import recv_monitor_message

from mesh.codec import FRAME_BYTES_MAX, encode
from mesh.config import Config
from mesh.links import LINKS
from mesh.messages import MESSAGE_TYPES
from tests.message_values import sample_of

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48)
"""How ZMTP 3 begins: signature, version, mechanism, as server, filler."""
READY = b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
HUGE = b"\x02" + (2**63 - 1).to_bytes(8, "big")
"""A frame that announces more than there is memory."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: a close sends a reset, and the port is free at once."""
OPPOSITE = {"ROUTER": zmq.DEALER, "PULL": zmq.PUSH, "PUB": zmq.XSUB}
ANOTHER = {"ROUTER": zmq.PUSH, "PULL": zmq.DEALER, "PUB": zmq.PUSH}
HELD_MAX = 60
"""Raw connections that stay open at once."""


class Door:
    """A port of a mesh, and what kind of socket listens there."""

    def __init__(self, host: str, port: int, kind: str) -> None:
        self.address = (host, port)
        self.kind = kind

    @property
    def endpoint(self) -> str:
        """As ZeroMQ names it."""
        return f"tcp://{self.address[0]}:{self.address[1]}"


def doors_of(config: Config, names: Sequence[str]) -> list[Door]:
    """Every port these nodes listen at."""
    found = []
    for name in names:
        for link in LINKS.values():
            if link.bind_role == config.role_of(name):
                host, port = config.endpoint(name, link.name).removeprefix("tcp://").rsplit(":", 1)
                found.append(Door(host, int(port), link.bind_kind))
    return found


class RawBytes:
    """Connections that send bytes: random ones, greetings cut off anywhere, frames of no length there is; some stay, some are reset."""

    def __init__(self, doors: Sequence[Door], seed: int = 1) -> None:
        self._doors = doors
        self._draw = random.Random(seed)
        self._held: deque[plain_socket.socket] = deque()
        self.made_count = 0

    def step(self) -> None:
        """One connection to each port."""
        for door in self._doors:
            connection = plain_socket.create_connection(door.address)
            self.made_count += 1
            with suppress(OSError):  # it may have been closed on us
                connection.sendall(self._bytes())
            self._held.append(connection)
        while len(self._held) > HELD_MAX:
            _end(self._held.popleft(), is_reset=self._draw.random() < 0.5)

    def close(self) -> None:
        """Go away."""
        for connection in self._held:
            _end(connection, is_reset=False)

    def _bytes(self) -> bytes:
        draw = self._draw
        kind = draw.randrange(6)
        if kind == 0:
            return draw.randbytes(draw.randint(0, 5_000))
        if kind == 1:
            return GREETING[: draw.randint(0, len(GREETING))]
        if kind == 2:
            return b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        if kind == 3:
            return GREETING + draw.randbytes(draw.randint(1, 2_000))
        if kind == 4:
            return GREETING + READY + HUGE + draw.randbytes(500)
        return GREETING + READY[: draw.randint(1, len(READY))]


class Silent:
    """So many connections that say nothing but a byte of the greeting now and then; who is closed on comes again."""

    def __init__(self, doors: Sequence[Door], count: int) -> None:
        self._doors = doors
        self._turn = 0
        self._held: list[tuple[plain_socket.socket, int]] = [(self._dialled(number), 0) for number in range(count)]
        self.again_count = 0

    def _dialled(self, number: int) -> plain_socket.socket:
        connection = plain_socket.create_connection(self._doors[number % len(self._doors)].address)
        connection.setblocking(False)
        return connection

    def step(self) -> None:
        """A tenth of them send one byte more."""
        self._turn += 1
        for number in range(self._turn % 10, len(self._held), 10):
            connection, sent_count = self._held[number]
            if _is_over(connection):
                connection.close()
                self._held[number] = (self._dialled(number), 0)
                self.again_count += 1
                continue
            with suppress(OSError):
                connection.send(GREETING[sent_count : sent_count + 1])
            self._held[number] = (connection, min(sent_count + 1, len(GREETING) - 2))

    def close(self) -> None:
        """Go away."""
        for connection, _ in self._held:
            _end(connection, is_reset=True)


class Coming:
    """Connections that are made and reset at once, as fast as one thread can."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = doors
        self.made_count = 0

    def step(self) -> None:
        """Ten to each port."""
        for door in self._doors:
            for _ in range(10):
                _end(plain_socket.create_connection(door.address), is_reset=True)
                self.made_count += 1

    def close(self) -> None:
        """They have gone."""


class Zmtp:
    """Real ZeroMQ sockets without any key that send frames which are no message of ours, every message there is on every link, or frames
    above the limit. ``joined_count``: connections whose handshake was accepted: what they said is heard.
    """

    def __init__(self, doors: Sequence[Door], what: str, seed: int = 1) -> None:
        self._draw = random.Random(seed)
        self._what = what
        self._context = zmq.Context()
        self._monitors: list[zmq.Socket[bytes]] = []
        self._sockets = [self._dialled(door, kind) for door in doors for kind in (OPPOSITE[door.kind], ANOTHER[door.kind])]
        self._samples = [encode(sample_of(kind)) for kind in MESSAGE_TYPES]
        self.joined_count = 0
        self.sent_count = 0

    def _dialled(self, door: Door, kind: int) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        socket.linger = 0
        socket.reconnect_ivl = 20
        self._monitors.append(socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED))
        socket.connect(door.endpoint)
        return socket

    def step(self) -> None:
        """One message from each."""
        for monitor in self._monitors:
            while monitor.poll(0):
                recv_monitor_message(monitor, zmq.NOBLOCK)
                self.joined_count += 1
        for socket in self._sockets:
            with suppress(zmq.Again):
                socket.send_multipart(self._frames(), zmq.NOBLOCK)
                self.sent_count += 1

    def close(self) -> None:
        """Go away."""
        for socket in self._sockets:
            socket.disable_monitor()
        self._context.destroy(0)

    def _frames(self) -> list[bytes]:
        draw = self._draw
        if self._what == "messages":
            return [draw.choice(self._samples)]
        if self._what == "too long":
            return [bytes(FRAME_BYTES_MAX + draw.choice((1, 1_000, 3_000_000)))]
        return [draw.choice((b"\xc1", b"", b"\x93\x6d", b"\xdc\x20\x00" * 20_000, draw.randbytes(draw.randint(0, 900))))] * draw.randint(
            1, 4
        )


Attack = RawBytes | Silent | Coming | Zmtp


def _end(connection: plain_socket.socket, is_reset: bool) -> None:
    if is_reset:
        with suppress(OSError):
            connection.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_LINGER, RESET)
    connection.close()


def _is_over(connection: plain_socket.socket) -> bool:
    """Whether the other side has closed it."""
    try:
        while connection.recv(4_096):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
