"""A secret is shown by nothing, and goes over a stream before everything else."""

import copy
import logging
import pickle
import socket
import traceback
from collections.abc import Iterator
from contextlib import ExitStack

import msgspec
import pytest

from mesh.errors import BadFrame
from mesh.messages.control import Ping
from nodes.io.pipe import Pipe
from nodes.io.secret import HEAD, SECRET_BYTES_MAX, Secret, hand_over, taken_over

WORD = "planted-Wörd-81"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a stream."""
    with ExitStack() as stack:
        yield tuple(stack.enter_context(each) for each in socket.socketpair())  # type: ignore[misc]


def test_nothing_shows_it() -> None:
    """Neither a text made of it, nor one of what holds it, nor a log, nor a traceback, nor a copy on disk."""
    secret = Secret(WORD)
    record = logging.LogRecord("a", 20, "b", 1, "given %s %r", (secret, [secret]), None)
    shown = [repr(secret), str(secret), f"{secret}", f"{[secret]} { {'a': secret} }", record.getMessage()]
    shown.append(msgspec.json.encode({"password": secret}, enc_hook=repr).decode())
    try:
        raise ValueError(secret)
    except ValueError as error:
        shown += [*traceback.format_exception(error), repr(error)]
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    # the test's own word is in the test's own locals, under its own name
    assert [line for text in shown for line in text.splitlines() if WORD in line and "WORD" not in line] == []
    for write in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a secret is written nowhere"):
            write(secret)
    assert secret.reveal() == WORD


def test_it_comes_before_the_first_message(ends: tuple[socket.socket, socket.socket]) -> None:
    """Exactly its bytes are taken: the message behind it, sent at once, is whole."""
    ours, theirs = ends
    hand_over(ours, Secret(WORD))
    Pipe(ours).send(Ping("a", 1))
    taken = taken_over(theirs)
    assert taken is not None
    assert taken.reveal() == WORD
    assert Pipe(theirs).receive() == [Ping("a", 1)]


def test_that_there_is_none_is_said_too(ends: tuple[socket.socket, socket.socket]) -> None:
    """Whoever waits for it goes on; so does who waits at a stream that has ended, whole or half-way."""
    ours, theirs = ends
    hand_over(ours, None)
    assert taken_over(theirs) is None
    ours.sendall(HEAD.pack(10) + b"half")
    ours.shutdown(socket.SHUT_WR)
    assert taken_over(theirs) is None
    assert taken_over(theirs) is None


def test_absurd_length_is_refused(ends: tuple[socket.socket, socket.socket]) -> None:
    """Nobody waits for four gigabytes."""
    ours, theirs = ends
    ours.sendall(HEAD.pack(SECRET_BYTES_MAX + 1))
    with pytest.raises(BadFrame, match="begins with a secret of 1025 bytes"):
        taken_over(theirs)
