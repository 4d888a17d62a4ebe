"""``tcp``: raw sockets, blocking, without Nagle's delay, each message behind its length: the floor of any transport in Python."""

import socket
import struct
from collections.abc import Iterator

from bench.chains.control import Control
from bench.chains.place import HOST, Place
from bench.chains.turn import send_blocking

_LENGTH = struct.Struct("<I")
_READ_BYTES = 65_536


def run(place: Place, control: Control) -> None:
    """One stage."""
    listener = None if place.is_source else socket.create_server((HOST, place.port_in))
    control.join()
    outbound = None if place.is_sink else _undelayed(socket.create_connection((HOST, place.port_out)))
    inbound = None if listener is None else _undelayed(listener.accept()[0])
    if inbound is None:
        assert outbound is not None
        send_blocking(control, place.payload_bytes, lambda message: _send(outbound, message))
    control.up()
    if outbound is None:
        for message in messages(inbound):
            control.tally.take(message)
    else:
        for message in messages(inbound):
            _send(outbound, message)


def messages(connection: socket.socket) -> Iterator[bytes]:
    """Each whole message, as soon as it is there, until the connection ends."""
    pending = b""
    while chunk := connection.recv(_READ_BYTES):
        pending = pending + chunk if pending else chunk
        while len(pending) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(pending)[0]
            if len(pending) < end:
                break
            yield pending[_LENGTH.size : end]
            pending = pending[end:]


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(_LENGTH.pack(len(message)) + message)


def _undelayed(connection: socket.socket) -> socket.socket:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
