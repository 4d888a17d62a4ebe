"""How a mesh begins and ends: interrupted early, started twice, meant by another configuration, with a store that is damaged."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.meshrig import Rig

pytestmark = pytest.mark.e2e


def test_ctrl_c_during_the_start_has_a_summary(tmp_path: Path) -> None:
    """Before anything was decided: exit 0, and nothing is missing."""
    rig = Rig(tmp_path)
    process = rig.start("early")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    assert rig.summary("early")["ended_by"] == "Ctrl-C"


def test_one_mesh_on_a_state_and_commands_for_it_alone(tmp_path: Path) -> None:
    """A second one on the same state is refused naming the first; another configuration's commands do not touch it; it ends well."""
    rig = Rig(tmp_path)
    process = rig.start("only")
    ready = rig.run("wait-ready", "--config", str(rig.config_path), "--timeout", "60")
    assert ready.returncode == 0, ready.stderr
    (tmp_path / "other").mkdir()
    other = Rig(tmp_path / "other")
    second = other.run("up", "--config", str(other.config_path), "--state", str(tmp_path / "only"))
    assert (second.returncode, f"in use by pid {process.pid}" in second.stderr) == (75, True), second.stderr
    other.environment["XDG_STATE_HOME"] = rig.environment["XDG_STATE_HOME"]
    for verb in (("down",), ("restart", "local-1")):
        assert other.run(*verb, "--config", str(other.config_path)).returncode == 69
    assert rig.run("down", "--config", str(rig.config_path)).returncode == 0
    process.communicate(timeout=40)
    assert process.returncode == 0
    store = tmp_path / "only" / "local-2.db"
    store.write_bytes(store.read_bytes()[:100] + bytes(8_000))
    for side in ("-wal", "-shm"):
        store.with_name(store.name + side).unlink(missing_ok=True)
    damaged = rig.run(*rig.up_words("only", "--for", "6"))
    assert damaged.returncode == 1, damaged.stderr
    document = json.loads((tmp_path / "only.json").read_text())
    assert document["ended_by"] == "--for 6"
    assert "is damaged" in document["down"]["local-2"]
    assert list(document["down"]) == ["local-2"], "the others went on"


def test_end_of_supervisord_and_of_the_reader_still_has_a_summary(tmp_path: Path) -> None:
    """`| head` reads a line and goes, then supervisord is told to end: the run goes on to its files, and they say why."""
    rig = Rig(tmp_path)
    process = rig.start("cut")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    ready = rig.run("wait-ready", "--config", str(rig.config_path), "--timeout", "60")
    assert ready.returncode == 0, ready.stderr
    os.kill(int((tmp_path / "cut" / "run" / "supervisord.pid").read_text()), signal.SIGTERM)
    assert process.wait(40) == 1
    assert rig.summary("cut")["ended_by"].startswith("the end of supervisord")
    assert rig.summary("cut")["adds_up"]
    assert rig.events("cut", "bar")
