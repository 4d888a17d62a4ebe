"""Nodes of one process: why they ended is their last word."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mesh.config import parse
from mesh.core import Halt
from nodes.io import run
from nodes.io.keymaking import make_keys
from nodes.io.lastconfig import NAME, ran_before
from nodes.io.locate import demo_text, load
from nodes.io.run import config_watch, phase_watch
from tests.ports import free_base_port
from tests.wire.rig import Told

pytestmark = pytest.mark.wire


def test_node_that_halts_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`mesh up` shows the last line of a process that stays down: it must hold the reason."""
    monkeypatch.setattr(run, "core_of", lambda *_: Told(at_start=(Halt(70, "epoch 8 is another master's"),)))
    config = parse(demo_text().replace("[mesh]", f"[mesh]\nplain = true\nbase_port = {free_base_port()}", 1))
    assert run.run_nodes(["signals-1"], config, tmp_path) == 70
    assert capsys.readouterr().err == "mesh: signals-1: epoch 8 is another master's\n"


@pytest.mark.parametrize("variables", [(), ("MESH_FAILPOINT",), ("MESH_DETOUR", "MESH_WALL_STEP"), run.TEST_SWITCHES])
def test_switches_for_tests_are_told_in_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: tuple[str, ...]) -> None:
    """One warning that names each one set, and none where none is."""
    monkeypatch.setattr(run, "core_of", lambda *_: Told())
    for variable in run.TEST_SWITCHES:
        monkeypatch.delenv(variable, raising=False)
    for variable in variables:
        monkeypatch.setenv(variable, f"@{tmp_path}")
    run.build_node("signals-1", parse(demo_text()), tmp_path, False).close()
    notes = [json.loads(line) for line in (tmp_path / "log" / "signals-1.log").read_text().splitlines()]
    told = [note for note in notes if note["event"] == "test_switches"]
    assert [sorted(note.keys() & set(run.TEST_SWITCHES)) for note in told] == ([sorted(variables)] if variables else [])
    assert {note["level"] for note in told} <= {"warning"}


def test_a_wall_clock_that_cannot_be_read_ends_a_node_as_a_wrong_configuration_does(tmp_path: Path) -> None:
    """Exit 78 and one line that names the variable: it stays down, and nobody reads a traceback."""
    (tmp_path / "mesh.toml").write_text(demo_text().replace("[mesh]", f"[mesh]\nplain = true\nbase_port = {free_base_port()}", 1))
    (tmp_path / "step").touch()
    words = ["-m", "nodes.io.run", "signals-1", "--config", str(tmp_path / "mesh.toml"), "--state", str(tmp_path)]
    environment = {**os.environ, "MESH_WALL_STEP": str(tmp_path / "step")}
    done = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78, done.stderr
    assert done.stderr.startswith("mesh: signals-1: MESH_WALL_STEP=")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="platform: a device that is always full")
def test_a_disk_that_is_full_at_the_start_ends_a_node_as_a_full_store_does(tmp_path: Path) -> None:
    """Whatever file it meets first: exit 74 and one line, for supervisord starts it again; other errors are ours."""
    (tmp_path / "mesh.toml").write_text(demo_text().replace("[mesh]", f"[mesh]\nbase_port = {free_base_port()}", 1))
    make_keys(load(tmp_path / "mesh.toml"), tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "latch-demo-1.bin").symlink_to("/dev/full")
    words = ["-m", "nodes.io.run", "local-1", "--config", str(tmp_path / "mesh.toml"), "--state", str(tmp_path)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 74, done.stderr
    says = "No space left on device; free or repair its disk, the node recovers when it starts again"
    assert done.stderr == f"mesh: local-1: {tmp_path}: {says}\n"


def test_what_is_no_disk_error_is_no_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours crashes with its traceback."""

    def fails(*_: object) -> int:
        raise ConnectionResetError("ours")

    monkeypatch.setattr(run, "_run", fails)
    with pytest.raises(ConnectionResetError):
        run.run_nodes(["local-1"], parse(demo_text()), tmp_path)


def test_phases_of_a_node_are_told_as_they_come() -> None:
    """`mesh node NAME` says when it is READY: each phase once."""
    node: Any = SimpleNamespace(shown_phase="")
    told: list[str] = []
    look = phase_watch({"local-1": node}, told.append)
    for phase in ("", "STARTING", "STARTING", "READY", "READY"):
        node.shown_phase = phase
        look()
    assert told == ["local-1 STARTING", "local-1 READY"]


def test_live_change_is_written_down_for_who_starts_later(tmp_path: Path) -> None:
    """Once, by whichever node of the process takes such changes; a disk that takes nothing is tried again at the next look."""
    file, newer = "a" * 16, "b" * 16
    told = {"market-1": "", "local-1": file}
    nodes: Any = {name: SimpleNamespace(core=SimpleNamespace(config_hash=lambda name=name: told[name])) for name in told}
    state = tmp_path / "state"
    ran_before(state, file)
    look = config_watch(nodes, file, state)
    look()
    assert (state / NAME).read_text() == f"{file}\n\n"
    told["local-1"] = newer
    state.rename(tmp_path / "away")
    state.touch()
    look()
    state.unlink()
    (tmp_path / "away").rename(state)
    look()
    assert (state / NAME).read_text() == f"{newer} {file}\n\n"
    (state / NAME).unlink()
    look()
    assert not (state / NAME).exists()
