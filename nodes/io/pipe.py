"""Messages over a stream socket, each behind its length: what a node and a process of its own talk through."""

import socket
import struct

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.messages.base import Msg
from nodes.io.venuelimits import PIPE_BYTES_MAX

HEAD = struct.Struct("<I")


class Pipe:
    """One end."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self._buffer = bytearray()

    def send(self, message: Msg) -> None:
        """Hand a message over. Raises OSError where the other end is gone."""
        frame = encode(message)
        self.stream.sendall(HEAD.pack(len(frame)) + frame)

    def receive(self) -> list[Msg] | None:
        """What has come, waiting only on a blocking stream; None at the end of the pipe. Raises BadFrame."""
        try:
            data = self.stream.recv(1 << 16)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._buffer += data
        return self._messages()

    def _messages(self) -> list[Msg]:
        found: list[Msg] = []
        while len(self._buffer) >= HEAD.size:
            (length,) = HEAD.unpack_from(self._buffer)
            if length > PIPE_BYTES_MAX:
                raise BadFrame(f"a pipe message of {length} bytes; the limit is {PIPE_BYTES_MAX}")
            end = HEAD.size + length
            if len(self._buffer) < end:
                break
            found.append(decode_untrusted(bytes(self._buffer[HEAD.size : end]), PIPE_BYTES_MAX))
            del self._buffer[:end]
        return found
