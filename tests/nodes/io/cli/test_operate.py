"""Verbs that run things, where there is nothing (any more) to run them on: what is so, and the command that helps."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from mesh.errors import NoMesh
from nodes.io.cli.operate import restart_node, stop_mesh, wait_until_ready
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


@pytest.mark.wire
def test_waiting_for_nobody_is_no_mesh_and_takes_no_longer_than_said(ended: Path) -> None:
    """No router answered: 69, not 3; where no mesh is known at all nothing is waited for."""
    with pytest.raises(NoMesh, match=r"no router of mesh demo answered within 0\.1 s"):
        wait_until_ready(ended, 0.1)
    (ended.parent / "xdg" / "trademesh" / "last.json").unlink()
    with pytest.raises(NoMesh, match="no mesh is known"):
        wait_until_ready(None, 1_000_000.0)
