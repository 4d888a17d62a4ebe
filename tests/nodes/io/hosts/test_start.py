"""A host's folder starts its own nodes: from anywhere, with its own configuration and keys, and says what stands in the way."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig, BadUsage
from nodes.io import runhost
from nodes.io.fleet import Fleet
from nodes.io.hosts import command
from nodes.io.hosts.folder import SUPERVISOR_CONF, write_desk, write_host
from nodes.io.hosts.hostfile import HOST_FILE
from nodes.io.hosts.hostkeys import fleet_keys
from nodes.io.hosts.plan import plans_of
from nodes.io.hosts.start import STATE_FOLDERS, prepared
from nodes.io.locate import find, recall
from tests.nodes.io.hosts.fleetfile import FLEET

VARIABLES = ("MESH_CONFIG", "MESH_KEYS", "MESH_OPERATOR", "XDG_STATE_HOME", "NUMBA_CACHE_DIR")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short path: supervisord's socket lies below it, and a test's own folder may be too long for one."""
    with TemporaryDirectory(prefix="mesh-") as folder:
        yield Path(folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The locals' host; what commands put into the environment is gone afterwards."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    config = parse(FLEET)
    plans = plans_of(config)
    fleet_keys(config, tmp_path / "office", plans)
    return write_host(plans["127.0.0.4"], config, FLEET.encode(), tmp_path / "office", tmp_path / "host", 7).folder


def test_supervisord_takes_the_place_of_the_command(folder: Path) -> None:
    """Its command names the folder's file; the state has what programs write into, for its owner alone."""
    assert prepared(folder) == [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(folder / SUPERVISOR_CONF)]
    assert {stat.S_IMODE((folder / "state" / name).stat().st_mode) for name in STATE_FOLDERS} == {0o700}


def test_what_stands_in_the_way_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is missing, a path too long for a socket, an operator's folder, Windows."""
    (folder / SUPERVISOR_CONF).rename(folder / "other.conf")
    with pytest.raises(BadConfig, match=r"supervisord\.conf: is not there"):
        prepared(folder)
    deep = tmp_path / ("d" * 90)
    folder.rename(deep)
    with pytest.raises(BadConfig, match="100 are allowed"):
        prepared(deep)
    desk = write_desk("operator", FLEET.encode(), tmp_path / "office", tmp_path / "desk").folder
    with pytest.raises(BadUsage, match="no node runs here"):
        prepared(desk)
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(BadUsage, match=r"start-NODE\.cmd"):
        prepared(deep)


def test_node_of_the_fleet_that_is_left_out_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer nodes than the fleet's file says are tighter, and allowed; nobody looks for them in vain."""
    own = folder / HOST_FILE
    own.write_text(own.read_text().replace('"local-1", ', ""))
    prepared(folder)
    assert capsys.readouterr().err == "mesh: local-1: in mesh.toml, not in this host's own file: not started\n"


def test_commands_mean_this_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one stands: configuration, state, keys and name are the folder's; its note is written once, and again where it has moved."""
    monkeypatch.chdir(tmp_path)
    command.stand_in(folder)
    config, running = find(None)
    assert running is not None
    assert (config.fingerprint, running.state, running.is_alive()) == (parse(FLEET).fingerprint, str(folder / "state"), False)
    assert (os.environ["MESH_OPERATOR"], os.environ["MESH_KEYS"]) == ("watch-127.0.0.4", str(folder / "state" / "keys"))
    notes = folder / "state" / "notes"
    written = {path: path.stat().st_mtime_ns for path in notes.rglob("*.json")}
    command.stand_in(folder)
    assert {path: path.stat().st_mtime_ns for path in notes.rglob("*.json")} == written
    moved = folder.rename(tmp_path / "moved")
    command.stand_in(moved)
    note = recall(moved / "mesh.toml")
    assert note is not None
    assert note.state == str(moved / "state")


def test_restart_of_another_host_s_node_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would say that it was done, and nothing would be."""
    fleet = Fleet(parse(FLEET), folder / "state")
    monkeypatch.setattr(fleet, "_ask", lambda _question: [{"name": "local-1", "statename": "RUNNING", "pid": 0}])
    fleet.restart("local-1")
    with pytest.raises(BadUsage, match=r"router-1: this host does not run it.*127\.0\.0\.3"):
        fleet.restart("router-1")


def test_node_runs_with_its_host_s_caps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a node is started with has the host's own narrower caps under the fleet's fingerprint."""
    started: list[tuple[list[str], Config, Path]] = []

    def run_nodes(names: list[str], config: Config, state: Path) -> int:
        started.append((names, config, state))
        return 0

    monkeypatch.setattr(runhost, "run_nodes", run_nodes)
    monkeypatch.setattr(runhost, "die_with_parent", lambda: None)
    own = folder / HOST_FILE
    own.write_text(own.read_text() + "[caps.demo-1]\npositions_count = 1\n")
    assert runhost.main(["local-1", "--folder", str(folder)]) == 0
    ((names, config, state),) = started
    assert (names, state, config.fingerprint) == (["local-1"], folder / "state", parse(FLEET).fingerprint)
    assert (config.caps_of("demo-1").positions_count, config.caps_of("demo-2").positions_count) == (1, None)


@pytest.mark.parametrize(("name", "damage"), [("router-1", ""), ("local-1", "nodes = 7")])
def test_node_that_is_not_this_host_s_stays_down(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, damage: str
) -> None:
    """78, in one line: so does every node of a host whose own file is damaged."""

    def never(*_: Any) -> int:
        raise AssertionError("it was started")

    monkeypatch.setattr(runhost, "run_nodes", never)
    monkeypatch.setattr(runhost, "die_with_parent", lambda: None)
    if damage:
        (folder / HOST_FILE).write_text(damage)
    assert runhost.main([name, "--folder", str(folder)]) == 78
    assert capsys.readouterr().err.startswith(f"mesh: {name}: {folder / HOST_FILE}: ")
