"""Verbs that run things, where there is nothing (any more) to run them on: what is so, and the command that helps."""

import subprocess
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest

from mesh.config import parse
from mesh.errors import NoMesh
from nodes.io.cli import operate
from nodes.io.cli.operate import LOOK_S, UP_S, ended_again, restart_node, stop_mesh, wait_until_ready
from nodes.io.fleet import Fleet, ProcessState
from nodes.io.locate import demo_text, remember, running_now
from tests.ports import free_base_port


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a mesh whose `mesh up` has ended."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "fleet.toml"
    path.write_text(demo_text().replace("[mesh]", f"[mesh]\nplain = true\nbase_port = {free_base_port()}", 1))
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    remember(msgspec.structs.replace(running_now(path, path, "demo", tmp_path / "state"), pid=process.pid))
    return path


def test_verbs_on_a_mesh_that_has_ended_say_so(ended: Path) -> None:
    """Exit 69, and the command line that starts this one again."""
    with pytest.raises(NoMesh, match=rf"mesh demo has ended already: there is nothing to stop; `mesh up --config {ended}` starts one"):
        stop_mesh(ended)
    with pytest.raises(NoMesh, match=rf"mesh demo has ended: `mesh up --config {ended}` starts it, local-1 with it") as caught:
        restart_node(ended, "local-1")
    assert caught.value.exit_code == 69


class StartedFleet(Fleet):
    """A fleet whose process, once started, is in given states, one at each look; the last one stays."""

    def __init__(self, state: Path, seen: list[tuple[str, int]]) -> None:
        super().__init__(parse(demo_text()), state)
        self._seen = seen

    def restart(self, process: str) -> None:
        self.output(process).parent.mkdir()
        self.output(process).write_text("key of local-1 is missing\n")

    def states(self) -> list[ProcessState]:
        word, pid = self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]
        if word == "EXITED":
            (self.state / "log" / "supervisord.log").write_text("x WARN exited: local-1 (exit status 78; expected)\n")
        return [ProcessState("local-1", word, pid), ProcessState("local-2", "EXITED", 0)]


def restarted(state: Path, monkeypatch: pytest.MonkeyPatch, *seen: tuple[str, int]) -> tuple[int, float]:
    """The exit code of `mesh restart local-1`, and how long it looked, by a clock that only a rest moves."""
    fleet, times = StartedFleet(state, list(seen)), [0.0]
    monkeypatch.setattr(operate, "running_fleet", lambda _path: (fleet, None))
    looked_at = partial(ended_again, clock=lambda: times[-1], rest=lambda for_s: times.append(times[-1] + for_s))
    monkeypatch.setattr(operate, "ended_again", looked_at)
    return restart_node(None, "local-1"), times[-1]


def test_restarted_is_who_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With one pid, for two seconds from when supervisord says RUNNING; others' states do not matter."""
    code, looked_s = restarted(tmp_path, monkeypatch, *[("STARTING", 7)] * 20, ("RUNNING", 7))
    assert (code, capsys.readouterr().out) == (0, "restarted local-1\n")
    assert UP_S + 20 * LOOK_S <= looked_s < UP_S + 25 * LOOK_S


@pytest.mark.parametrize(
    ("seen", "how"),
    [
        ([("STARTING", 7), ("BACKOFF", 0)], "BACKOFF"),
        ([("STARTING", 7), ("RUNNING", 7), ("EXITED", 0)], "exit status 78"),
        ([("STARTING", 7), ("STARTING", 8), ("RUNNING", 8)], "STARTING"),
        ([("STOPPED", 0)], "STOPPED"),
    ],
)
def test_who_ends_again_was_not_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seen: list[tuple[str, int]], how: str
) -> None:
    """Exit 3 with how it ended, its last words and where they are."""
    code, looked_s = restarted(tmp_path, monkeypatch, *seen)
    told = capsys.readouterr()
    assert (code, told.out) == (3, "")
    assert told.err == f"local-1: started and ended again ({how}): key of local-1 is missing (log: {tmp_path}/log/local-1.out)\n"
    assert looked_s < UP_S


@pytest.mark.wire
def test_waiting_for_nobody_is_no_mesh_and_takes_no_longer_than_said(ended: Path) -> None:
    """No router answered: 69, not 3; where no mesh is known at all nothing is waited for."""
    with pytest.raises(NoMesh, match=r"no router of mesh demo answered within 0\.1 s"):
        wait_until_ready(ended, 0.1)
    (ended.parent / "xdg" / "trademesh" / "last.json").unlink()
    with pytest.raises(NoMesh, match="no mesh is known"):
        wait_until_ready(None, 1_000_000.0)
