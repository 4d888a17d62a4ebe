"""The sockets that the bare ZeroMQ chains stand on: the kinds of the mesh's own path, hop by hop, and who binds as there.

No limit on queues, as the mesh has none that counts here; else plain sockets. ``receiving`` and ``sending`` give one call a message. They
use the methods below pyzmq's convenience layer, as ours do (``mesh/io/sockets.py``), so that the floor is no higher than it has to be.
"""

from collections.abc import Callable

import zmq
from zmq.backend import Socket as PlainSocket

from bench.chains.control import Control
from bench.chains.place import HOST, Place

PATTERN = (("DEALER", "ROUTER"), ("DEALER", "ROUTER"), ("PUB", "SUB"), ("ROUTER", "DEALER"))
"""Who sends and who receives on source → signals → master → router → local; a shorter chain is the end of it."""
_BINDS_TO_RECEIVE = ("ROUTER",)
_BINDS_TO_SEND = ("PUB", "ROUTER")
NOWAIT = int(zmq.NOBLOCK)


class Ends:
    """A stage's sockets, connected. ``inbound`` or ``outbound`` is None at the ends of the chain; ``peer``: whom a ROUTER sends to."""

    def __init__(self, place: Place, control: Control) -> None:
        kinds = PATTERN[-place.hops :]
        context = zmq.Context()
        self.inbound = None if place.is_source else _socket(context, kinds[place.index - 1][1])
        self.outbound = None if place.is_sink else _socket(context, kinds[place.index][0])
        self.peer = b""
        self._attach(place, binds=True)
        control.join()
        self._attach(place, binds=False)
        if self.inbound is not None and self.inbound.socket_type == zmq.DEALER:
            self.inbound.send(b"")  # a ROUTER sends to nobody it has not heard
        if self.outbound is not None and self.outbound.socket_type == zmq.ROUTER:
            self.peer = self.outbound.recv_multipart()[0]

    def _attach(self, place: Place, binds: bool) -> None:
        """Bind what is to be bound, or connect the rest."""
        for socket, port, binding in (
            (self.inbound, place.port_in, _BINDS_TO_RECEIVE),
            (self.outbound, place.port_out, _BINDS_TO_SEND),
        ):
            if socket is not None and (zmq.SocketType(socket.socket_type).name in binding) == binds:
                (socket.bind if binds else socket.connect)(f"tcp://{HOST}:{port}")


def _socket(context: "zmq.Context[zmq.Socket[bytes]]", kind: str) -> "zmq.Socket[bytes]":
    socket = context.socket(getattr(zmq, kind))
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)
    if kind == "SUB":
        socket.set(zmq.SUBSCRIBE, b"")
    return socket


def receiving(socket: "zmq.Socket[bytes]", flags: int = 0) -> Callable[[], bytes]:
    """What receives one message; a ROUTER's peer is left out."""
    receive: Callable[[int], bytes] = PlainSocket.recv.__get__(socket)
    if socket.socket_type != zmq.ROUTER:
        return lambda: receive(flags)

    def receive_body() -> bytes:
        receive(flags)
        return receive(flags)

    return receive_body


def sending(socket: "zmq.Socket[bytes]", peer: bytes, flags: int = 0) -> Callable[[bytes], None]:
    """What sends one message."""
    send = PlainSocket.send.__get__(socket)
    if socket.socket_type != zmq.ROUTER:
        return lambda message: send(message, flags)
    flags_more = flags | int(zmq.SNDMORE)

    def send_to_peer(message: bytes) -> None:
        send(peer, flags_more)
        send(message, flags)

    return send_to_peer
