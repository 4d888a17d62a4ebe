"""A program of somebody else: pyzmq, msgpack and mesh/PROTOCOL.md are all it knows."""

from typing import Any

import msgpack
import zmq

LIMIT_MS = 10_000


class Foreigner:
    """Sockets of its own, plain arrays in and out."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.sockets: list[Any] = []

    def bind(self, kind: int, endpoint: str) -> Any:
        self.sockets.append(self.context.socket(kind))
        self.sockets[-1].bind(endpoint)
        return self.sockets[-1]

    def connect(self, kind: int, endpoint: str) -> Any:
        self.sockets.append(self.context.socket(kind))
        self.sockets[-1].connect(endpoint)
        return self.sockets[-1]

    def send(self, socket: Any, fields: list[Any], peer: bytes = b"", body: bytes = b"") -> None:
        """One message: an array that begins with its tag."""
        frames = [msgpack.packb(fields)] + ([body] if body else [])
        socket.send_multipart([peer, *frames] if peer else frames)

    def take(self, socket: Any) -> tuple[bytes, list[Any]]:
        """The next message, and on a ROUTER who sent it."""
        assert socket.poll(LIMIT_MS), "no answer"
        frames = socket.recv_multipart()
        peer = frames.pop(0) if socket.type == zmq.ROUTER else b""
        return peer, msgpack.unpackb(frames[0])

    def close(self) -> None:
        for socket in self.sockets:
            socket.close(linger=0)
        self.context.term()
