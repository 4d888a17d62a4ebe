"""A mesh that runs, as its operator looks after it: the doctor finds it well, one id finds its whole story."""

import json
import time
from pathlib import Path

import pytest

from nodes.io.cli.client import Client
from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh

pytestmark = [pytest.mark.wire, pytest.mark.slow]
LIMIT_S = 60.0
TEXT = small_mesh("[mesh]\n[strategy.reversion]", {"one": "", "two": ""}, plain=False)


def test_doctor_and_logs_of_a_mesh_that_runs(tmp_path: Path) -> None:
    """All nodes of one version and configuration, ports held by them, terminals attached; a signal's records of master and locals."""
    rig = Rig(tmp_path, TEXT)
    with rig.started("live") as process:
        rig.wait_ready("live")
        asked = ("--config", str(rig.config_path), "--state", str(tmp_path / "live"))
        document = json.loads(rig.run("doctor", "--json", *asked).stdout)
        levels = {(each["area"], each["what"]): (each["level"], each["value"]) for each in document["findings"]}
        assert levels["mesh", "version"][1].endswith("on all 8 nodes")
        assert levels["mesh", "configuration"][1].endswith("on all 8 nodes")
        assert levels["ports", "listening"] == ("ok", "0 free, 11 held by nodes")
        assert {levels["terminal", f"account {name}"][0] for name in ("one", "two")} == {"ok"}
        assert levels["keys", "door keys"][0] == "ok"
        assert not [key for key, (level, _) in levels.items() if level == "bad"], document
        with Client(rig.config, tmp_path / "live") as client:
            end_s = time.monotonic() + LIMIT_S
            while client.counted("master", "line_count") < 2 and time.monotonic() < end_s:
                client.pump(50)
        sid = json.loads(rig.run("why", "last", "--json", "--config", str(rig.config_path)).stdout)["sid"]
        found = [json.loads(line) for line in rig.run("logs", "--json", "--id", sid, *asked).stdout.splitlines()]
        assert {(line["node"], line["event"]) for line in found} >= {
            ("master-1", "decision"), ("local-1", "order"), ("local-1", "outcome"), ("local-2", "order"), ("local-2", "outcome"),
        }  # fmt: skip
        assert [line["time"] for line in found] == sorted(line["time"] for line in found)
        oid = next(line["record"]["oid"] for line in found if line["event"] == "order")
        by_oid = [json.loads(line) for line in rig.run("logs", "--json", "--id", oid[:12], *asked).stdout.splitlines()]
        assert {line["node"] for line in by_oid} >= {"master-1", "local-1", "local-2"}
        told = rig.run("logs", "--since", "10m", "--level", "info", *asked).stdout
        assert all(f" {name} " in told for name in ("master-1", "router-1", "local-1", "supervisord"))
        code, output = rig.finish("live", process)
    assert code == 0, output
