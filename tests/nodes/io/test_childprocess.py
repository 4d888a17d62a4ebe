"""A process of a node's own: what it said last of its loss is told once, and its pauses grow while it keeps ending."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.messages.control import Ping
from mesh.messages.venue import VenueLost
from mesh.units import MS_NS
from nodes.io.childprocess import RESTART_NS, RESTART_NS_MAX, ChildProcess
from nodes.io.pipe import HEAD, Pipe
from nodes.io.venuelimits import TEXT_MAX
from tests.nodes.io.faketicks import CONFIG


class Mute(ChildProcess):
    """The node's end; the process is this test, at ``theirs``."""

    def __init__(self, folder: Path) -> None:
        super().__init__("the child", ("no.module",), parse(CONFIG), folder / "run" / "child.json", VenueLost)
        self.theirs: Pipe | None = None
        self.starts_count = 0

    def start(self) -> None:
        self.starts_count += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._pipe, self.theirs = Pipe(ours), Pipe(theirs)

    def ends(self) -> list[str]:
        """The process is gone: what is told of it."""
        assert self.theirs is not None
        self.theirs.stream.close()
        return self.reasons()

    def reasons(self) -> list[str]:
        """What is told lost."""
        return [message.reason for message in self.receive() if isinstance(message, VenueLost)]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Mute]:
    made = Mute(tmp_path)
    made.start()
    yield made
    if made.theirs is not None:
        made.theirs.stream.close()
    made.close()


def say(child: Mute, *messages: Ping | VenueLost) -> None:
    assert child.theirs is not None
    for message in messages:
        child.theirs.send(message)


def test_end_is_told_once_and_who_asks_then_hears_why(child: Mute) -> None:
    """With the exit code, where there was a process to have one."""
    assert child.ends() == ["the child ended (exit None)"]
    assert child.reasons() == []
    child.send(Ping("a", 1), "Ping", 5)
    assert child.reasons() == ["the child ended (exit None); the child is started again"]


def test_process_that_said_why_is_not_told_in_other_words(child: Mute) -> None:
    """Its own reason is the better one; and who asks it meanwhile hears the same."""
    say(child, VenueLost("no terminal"))
    assert child.reasons() == ["no terminal"]
    assert child.ends() == []
    child.send(Ping("a", 1), "Ping", 5)
    assert child.reasons() == ["no terminal; the child is started again"]


def test_question_after_a_loss_is_answered_by_the_end(child: Mute) -> None:
    """What was asked since is not answered by what was said before."""
    say(child, VenueLost("no terminal"))
    child.receive()
    child.send(Ping("a", 1), "Ping", 5_000)
    assert child.ends() == ["the child ended (exit None)"]


def test_question_has_its_limit_and_any_answer_ends_it(child: Mute) -> None:
    """One question at a time."""
    child.send(Ping("a", 1), "Ping", 5_000)
    say(child, Ping("b", 1))
    assert child.receive() == [Ping("b", 1)]
    child._asked_ns -= 6_000 * MS_NS
    assert child.receive() == []
    child.send(Ping("a", 2), "Ping", 5_000)
    child._asked_ns -= 6_000 * MS_NS
    assert child.reasons() == ["Ping was not answered in 5000 ms, so the child was killed (exit None)"]


def test_what_is_no_message_costs_the_process_its_life(child: Mute) -> None:
    """Told once, cut to what a message can carry."""
    assert child.theirs is not None
    child.theirs.stream.sendall(HEAD.pack(3) + b"abc")
    (reason,) = child.reasons()
    assert reason.startswith("the child wrote what is no message: ")
    assert len(reason) <= TEXT_MAX
    assert child.fileno() == -1


def test_pauses_grow_while_it_keeps_ending(child: Mute) -> None:
    """Twice as long each time, up to a limit; started again when the pause is over and not before."""
    pauses_ns = []
    for _ in range(7):
        child._started_ns = 2**62  # it has just begun
        child.ends()
        pauses_ns.append(child._wait_ns)
        starts_count = child.starts_count
        child._start_at_ns = 2**62
        assert (child.receive(), child.starts_count) == ([], starts_count)
        child._start_at_ns = 0
        assert (child.receive(), child.starts_count) == ([], starts_count + 1)
    assert pauses_ns == [min(RESTART_NS << count, RESTART_NS_MAX) for count in range(1, 8)]


def test_descriptor_the_loop_waits_on_is_closed_where_it_is_told(child: Mute) -> None:
    """A broken pipe is found by sending: its descriptor stays until the next look, or the loop would abort; its end is told once."""
    assert child.theirs is not None
    child.theirs.stream.close()
    descriptor = child.fileno()
    child.send(Ping("a", 1), "Ping", 5_000)
    child.send(Ping("a", 2))
    assert child.fileno() == descriptor
    os.fstat(descriptor)  # raises where it is closed
    (reason,) = child.reasons()
    assert reason.startswith("the child ended: its pipe broke: ")
    assert child.fileno() == -1
    assert child.reasons() == []


def test_settings_that_are_written_already_are_not_written_again(tmp_path: Path) -> None:
    """A disk that is full by the next start does not keep the process from it; settings that changed are written."""
    settings = tmp_path / "run" / "child.json"
    Mute(tmp_path)
    told = settings.read_bytes()
    os.utime(settings, ns=(1, 1))
    Mute(tmp_path)
    assert settings.stat().st_mtime_ns == 1
    settings.write_bytes(b"{}")
    Mute(tmp_path)
    assert settings.read_bytes() == told
