"""A mesh on UNIX sockets whose processes run as their sections say trades as any other."""

import json
import sys
from pathlib import Path

import pytest

from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="platform: abstract names and processors are asked of Linux alone"),
]
HEAD = """
[mesh]
ipc = true
[market]
speed = "max"
minutes = 60
backfill_minutes = 200
[strategy.reversion]
[process.brain]
nodes = ["cci-1", "signals-1", "master-1"]
idle = "yield"
scheduler = "batch"
[process.router-1]
nodes = ["router-1"]
cpus = [1_023]
"""


def test_mesh_on_unix_sockets_trades(tmp_path: Path) -> None:
    """Every line ends, some are filled; what was given is in the summary, what was refused in `mesh up`'s words and the node's log."""
    rig = Rig(tmp_path, small_mesh(HEAD))
    done = rig.run(*rig.up_words("tuned"))
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}\n{rig.logs('tuned')}"
    summary = rig.summary("tuned")
    assert summary["adds_up"]
    assert summary["lines"]["by_code"].get("FILLED", 0) > 0
    assert summary["market"]["notes"]["tuning"] == "ipc"
    assert "mesh: process.router-1.cpus = [1023]: 1023 not there or not allowed here" in done.stderr
    notes = [json.loads(line) for line in (tmp_path / "tuned" / "log" / "router-1.log").read_text().splitlines()]
    assert [note["key"] for note in notes if note["event"] == "cpus_refused"] == ["process.router-1.cpus = [1023]"]
