"""Messages over a stream: put together however they were cut, and refused where they are none."""

import socket
from collections.abc import Callable, Iterator

import pytest

from mesh.codec import encode
from mesh.errors import BadFrame
from mesh.messages.base import Msg
from mesh.messages.control import Ping
from nodes.io.pipe import HEAD, Pipe
from nodes.io.venuelimits import PIPE_BYTES_MAX


@pytest.fixture
def pipes() -> Iterator[tuple[socket.socket, Pipe]]:
    """Bytes in, messages out."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, Pipe(theirs)


@pytest.mark.parametrize("split", [1, 3, 4, 5, 11, 1_000])
def test_pipe_puts_messages_together_however_they_were_cut(pipes: tuple[socket.socket, Pipe], split: int) -> None:
    """Length and body may come in any pieces; several messages in one piece are several messages."""
    ours, pipe = pipes
    sent = [Ping("one", number) for number in range(5)]
    raw = b"".join(HEAD.pack(len(frame)) + frame for frame in map(encode, sent))
    found: list[Msg] = []
    for start in range(0, len(raw), split):
        ours.sendall(raw[start : start + split])
        found += pipe.receive() or []
    assert found == sent
    assert pipe.receive() == []


@pytest.mark.parametrize(
    "spoil", [lambda: HEAD.pack(PIPE_BYTES_MAX + 1), lambda: HEAD.pack(3) + b"abc"], ids=["too_long", "garbage"]
)
def test_pipe_refuses_what_is_no_message(pipes: tuple[socket.socket, Pipe], spoil: Callable[[], bytes]) -> None:
    """A length beyond the limit, or bytes that are no message, are an error of the other end."""
    ours, pipe = pipes
    ours.sendall(spoil())
    with pytest.raises(BadFrame):
        pipe.receive()


def test_pipe_says_when_it_has_ended(pipes: tuple[socket.socket, Pipe]) -> None:
    """The end of the other side is None, not silence."""
    ours, pipe = pipes
    ours.close()
    assert pipe.receive() is None
