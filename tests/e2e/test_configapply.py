"""``mesh config apply`` on a mesh that trades: every node takes it, nobody is refused, every line ends, and the way back is a file."""

import json
import re
from pathlib import Path

from tests.e2e.meshrig import Rig
from tests.smallmesh import small_mesh


def hashes(rig: Rig) -> dict[str, str]:
    """Each node's configuration, as it says itself."""
    said = json.loads(rig.run("status", "--json", "--config", str(rig.config_path)).stdout)
    return {node["name"]: node["health"]["config_hash"] for node in said["nodes"]}


def test_mesh_takes_a_change_and_takes_it_back_while_it_trades(tmp_path: Path) -> None:
    """Orders go on meanwhile; what was decided adds up at the end."""
    rig = Rig(tmp_path, small_mesh('[strategy.rev]\nkind = "reversion"\n', plain=False))
    named = ("--config", str(rig.config_path))
    new = tmp_path / "new.toml"
    new.write_text(rig.text + "\n[rails]\npositions_count = 4\n", encoding="utf-8")
    with rig.started("run") as process:
        rig.wait_ready("run")
        before = hashes(rig)
        applied = rig.run("config", "apply", str(new), "--yes", *named)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        after = hashes(rig)
        assert len(set(after.values())) == 1
        assert set(after.values()) != set(before.values())
        done = rig.run("test-trade", "one", "--yes", *named)
        assert "ACCEPTED" in done.stdout, done.stdout + done.stderr
        back = re.search(r"the way back: mesh config apply (\S+)", applied.stdout)
        assert back is not None
        returned = rig.run("config", "apply", back[1], "--yes", *named)
        assert returned.returncode == 0, returned.stdout + returned.stderr
        assert hashes(rig) == before
        code, output = rig.finish("run", process)
        assert code == 0, output[-3_000:]
    summary = rig.summary("run")
    assert summary["adds_up"]
    assert not any(summary["lines"]["states"].values())
