"""A word nobody is to see, and how a node hands one to a process of its own: over their private socket, before the first message.

Not by command line or environment, which others can read, nor in the settings, which lie on disk. And it is no message: no table of
messages, no log and no recording knows it.
"""

import socket
import struct
from typing import NoReturn

from mesh.errors import BadFrame

HEAD = struct.Struct("<I")
SECRET_BYTES_MAX = 1_024


class Secret:
    """A word that no repr, no log and no pickle shows; only who calls ``reveal`` has it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The word itself: call it where it is used, and give the value no name."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is written nowhere")


def hand_over(stream: socket.socket, secret: Secret | None) -> None:
    """Begin a stream with a secret, or with the word that there is none. Raises OSError where nobody is there."""
    raw = b"" if secret is None else secret.reveal().encode()
    stream.sendall(HEAD.pack(len(raw)) + raw)


def taken_over(stream: socket.socket) -> Secret | None:
    """The secret a stream begins with; None where there is none, or where the stream has ended. Raises BadFrame."""
    head = _exactly(stream, HEAD.size)
    length_bytes = HEAD.unpack(head)[0] if head else 0
    if length_bytes > SECRET_BYTES_MAX:
        raise BadFrame(f"a pipe that begins with a secret of {length_bytes} bytes; the limit is {SECRET_BYTES_MAX}")
    raw = _exactly(stream, length_bytes)
    return Secret(raw.decode()) if raw else None


def _exactly(stream: socket.socket, count: int) -> bytes:
    """So many bytes and not one of what follows them; none where the stream ends before."""
    raw = b""
    while len(raw) < count:
        try:
            part = stream.recv(count - len(raw))
        except OSError:
            return b""
        if not part:
            return b""
        raw += part
    return raw
