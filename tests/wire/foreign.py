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

    def ask(self, socket: Any, tag: int) -> tuple[bytes, list[Any]]:
        """The next message of a tag, and on a ROUTER who sent it. Others are passed over: hellos are repeated."""
        while True:
            if not socket.poll(3000):
                import os; os.system("ss -tnp | grep python; tail -n 5 /tmp/pytest-of-*/pytest-*/*/state/log/signals-1.log | tail -4")
                raise AssertionError("no answer")
            frames = socket.recv_multipart()
            peer = frames.pop(0) if socket.type == zmq.ROUTER else b""
            fields = msgpack.unpackb(frames[0]); print(fields)
            if fields[0] == tag:
                return peer, fields

    def close(self) -> None:
        for socket in self.sockets:
            socket.close(linger=0)
        self.context.term()
