"""A node that is down cannot say so: its supervisor's listener does. And supervisord may be killed: one copy of each node is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from mesh.config import parse
from nodes.io.fleet import COMMAND, Fleet
from nodes.io.keymaking import make_keys
from nodes.io.locate import write_effective
from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh

pytestmark = [pytest.mark.wire, pytest.mark.slow]
LIMIT_S = 60
TEXT = small_mesh("[mesh]\n[strategy.reversion]", plain=False)


def node_of(rig: Rig, name: str) -> dict[str, Any]:
    """A node as ``mesh status`` shows it; nothing while no router answers."""
    done = rig.run("status", "--json", "--config", str(rig.config_path))
    rows = json.loads(done.stdout)["nodes"] if done.returncode == 0 else []
    return next((row for row in rows if row["name"] == name), {})


def until(rig: Rig, name: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """A node's row once it is so."""
    end_s = time.monotonic() + LIMIT_S
    while not is_so(row := node_of(rig, name)):
        assert time.monotonic() < end_s, row
    return row


def test_node_that_stays_down_is_shown_with_its_reason(tmp_path: Path) -> None:
    """Killed, and refused at its new start (78, others may read its key): status has phase, code and words; mended, it is READY."""
    rig = Rig(tmp_path, TEXT)
    with rig.started("live") as process:
        rig.wait_ready("live")
        key = tmp_path / "live" / "keys" / "local-1.door"
        key.chmod(0o644)
        os.kill(node_of(rig, "local-1")["pid"], signal.SIGKILL)
        # what was told while the key could not be read is nobody's: the listener needs it as the node does
        down = until(rig, "local-1", lambda row: row.get("state") == "dead")
        assert down["name"] == "local-1"
        key.chmod(0o600)
        rig.run("restart", "local-1", "--config", str(rig.config_path))
        until(rig, "local-1", lambda row: row.get("phase") == "READY" and row.get("state") == "fresh")
        signing = tmp_path / "live" / "keys" / "local-1.key"
        signing.chmod(0o644)
        os.kill(node_of(rig, "local-1")["pid"], signal.SIGKILL)
        row = until(rig, "local-1", lambda row: row.get("phase") not in ("READY", "STARTING") and row.get("state") == "down")
        assert row["pid"] == 0
        assert "exit status 78" in row["health"]["facts"]["ended"]
        assert "chmod 600" in row["health"]["facts"]["ended"]
        refused = rig.run("restart", "local-1", "--config", str(rig.config_path))
        assert (refused.returncode, refused.stdout) == (3, ""), refused.stderr
        assert "local-1: started and ended again (" in refused.stderr
        assert "chmod 600" in refused.stderr
        signing.chmod(0o600)
        mended = rig.run("restart", "local-1", "--config", str(rig.config_path))
        assert mended.returncode == 0, mended.stderr
        until(rig, "local-1", lambda row: row.get("phase") == "READY")
        code, output = rig.finish("live", process)
    assert code == 0, output


@contextmanager
def supervisord(conf: Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A supervisord as a host starts one, without `mesh up`."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    words = [*COMMAND, "-n", "-c", str(conf)]
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(LIMIT_S)


def copies(state: Path) -> dict[str, int]:
    """Nodes that run on a state directory, and how many of each."""
    found: dict[str, int] = {}
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if str(state) in words and "nodes.io.run" in words:
            name = words[words.index("nodes.io.run") + 1]
            found[name] = found.get(name, 0) + 1
    return found


def test_killed_supervisord_started_again_leaves_one_copy_of_each_node(tmp_path: Path) -> None:
    """Without `mesh up`, as on a host of its own: kill -9, a new one at once; nodes of the old one end, each is there once and READY."""
    rig = Rig(tmp_path, TEXT)
    config, state = parse(rig.text), tmp_path / "live"
    state.mkdir()
    fleet = Fleet(config, state)
    fleet.write_conf(write_effective(config, state), events=False)
    make_keys(config, state)
    rig.environment["MESH_KEYS"] = str(state / "keys")
    with supervisord(fleet.conf, tmp_path) as first:
        rig.wait_ready("live")
        before = {each.name: each.pid for each in fleet.states()}
        first.kill()
        first.wait(LIMIT_S)
        with supervisord(fleet.conf, tmp_path):
            rig.wait_ready("live")
            after = {each.name: each.pid for each in fleet.states()}
            assert copies(state) == dict.fromkeys(config.node, 1)
            assert before.keys() == after.keys()
            assert not [pid for pid in before.values() if psutil.pid_exists(pid) and pid not in after.values()]
            assert all(before[name] != after[name] for name in before)


def test_listener_costs_little_while_all_is_well(tmp_path: Path) -> None:
    """What tells is loaded when the first node is down: until then it has neither sockets nor the mesh in memory."""
    script = "import sys, nodes.io.fleetwatch; print(*{'zmq', 'mesh.codec', 'structlog', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=LIMIT_S, check=True)
    assert done.stdout.strip() == ""
