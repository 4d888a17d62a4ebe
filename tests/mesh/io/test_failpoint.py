"""Failpoints: what the environment asks for happens at its place, after its count, in one life; without it there are none."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mesh import links
from mesh.core import Commit, Put, Send
from mesh.errors import BadConfig, StoreFailed
from mesh.io.failpoint import VARIABLE, Failpoint, Failpoints, failpoints_of, points_of
from mesh.io.store import create
from mesh.io.trippingnode import TrippingNode
from mesh.messages.control import Ping, Pong
from tests.wire.rig import Told, node_of

IDENTITY = node_of(Told()).identity


def tripping(points: str, path: Path) -> TrippingNode:
    """A node with a store and these failpoints."""
    store = create(path, "demo", "node-1")
    return TrippingNode(Failpoints("node-1", points_of(points)), IDENTITY, Told(), node_of(Told()).log, store)


def test_without_the_variable_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment: no failpoints, and a plain node is run."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert failpoints_of("local-1") is None


def test_a_text_is_read_as_it_is_said() -> None:
    """Names, actions with and without numbers, counts."""
    assert points_of("send.Order:kill,commit.order:slow=20:3,x:exit=7") == [
        Failpoint("send.Order", "kill"),
        Failpoint("commit.order", "slow", 20, 3),
        Failpoint("x", "exit", 7),
    ]


@pytest.mark.parametrize("text", ["kill", ":kill", "a:die", "a:kill:x", "a:exit", "a:slow=x", "a:kill=3", "a:kill,"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """Anything else is the operator's mistake, told with what is allowed."""
    with pytest.raises(BadConfig, match=r"NAME:ACTION\[:AFTER\]"):
        points_of(text)


def test_a_folder_gives_one_life_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """The file of a process is read once and gone, and said on stderr; others have none, and nothing to say."""
    (tmp_path / "local-1").write_text("send.Order:kill\n")
    monkeypatch.setenv(VARIABLE, f"@{tmp_path}")
    assert failpoints_of("local-2") is None
    assert capfd.readouterr().err == ""
    assert failpoints_of("local-1") is not None
    assert failpoints_of("local-1") is None
    assert capfd.readouterr().err == f"mesh: {VARIABLE} of local-1: send.Order:kill; unset it for real trading\n"


def test_a_place_that_is_slow_each_time_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    """One line, however often it is passed: the report counts it, and no log is filled."""
    points = Failpoints("broker-1", points_of("commit.deal:slow=0:1"))
    for told in ("", "mesh: failpoint broker-1 commit.deal: slow\n", ""):
        points.reach("commit.deal")
        assert capfd.readouterr().err == told


def test_a_full_disk_fails_before_anything_is_written(tmp_path: Path) -> None:
    """``commit.KIND:full`` after one commit: the second raises, and nothing of it is there."""
    node = tripping("commit.order:full:1", tmp_path / "node-1.db")
    for key in (b"1", b"2"):
        node.do((Commit(1, (Put("order", key, b"x"),)),))
        if key == b"1":
            node.commit_all()
    with pytest.raises(StoreFailed, match="full"):
        node.commit_all()
    assert node.store is not None
    assert node.store.fetch("order", b"", 10) == [(b"1", b"x")]
    node.close()


def test_places_around_sends_and_commits_are_passed_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before and after each commit by kind and each send by message; other effects have no place."""
    passed: list[str] = []
    node = tripping("x:kill", tmp_path / "node-1.db")
    monkeypatch.setattr(node._failpoints, "reach", passed.append)
    other = node_of(Told())
    node.join(links.CONTROL, other, links.LOCALS)
    node.do((Send(links.CONTROL, 0, Ping("", 1)), Commit(1, (Put("order", b"1", b"x"), Put("meta", b"", b"y")))))
    node.commit_all()
    assert passed == ["send.Ping", "sent.Ping", "commit.order", "commit.meta", "committed.order", "committed.meta"]
    node.close()


def test_a_workers_requests_have_places_before_and_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler runs between the two."""
    points = Failpoints("worker-one", [])
    passed: list[str] = []
    monkeypatch.setattr(points, "reach", passed.append)

    def answer(message: object) -> Pong:
        passed.append("handled")
        return Pong("", "", 1)

    assert points.around(answer)(Ping("", 1)) == Pong("", "", 1)
    assert passed == ["handle.Ping", "handled", "handled.Ping"]


@pytest.mark.slow
@pytest.mark.parametrize(("action", "code"), [("kill", -signal.SIGKILL), ("exit=7", 7)])
def test_a_process_ends_at_its_place(action: str, code: int) -> None:
    """After its count, at once, with a line that says where."""
    begin = "from mesh.io.failpoint import failpoints_of as of\npoints = of('n')\n"
    script = begin + "for number in range(9):\n    print(number, flush=True)\n    points.reach('here')\n"
    environment = {**os.environ, VARIABLE: f"here:{action}:2"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split()) == (code, ["0", "1", "2"]), done.stderr
    assert done.stderr.splitlines()[1].startswith("mesh: failpoint n here: ")
