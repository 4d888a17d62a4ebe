"""A store rewritten by one hand, with everything on its host that remembers it: the heads that other nodes keep find it out."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mesh.audit import HEAD
from mesh.codec import decode_record_untrusted, encode
from mesh.io import auditwalk
from mesh.io.headwalk import kept_heads
from nodes.io.cli.client import Client
from nodes.io.keylog import KeyRecord
from tests.e2e.meshrig import Rig
from tests.mesh.io.headrig import rewrite

pytestmark = [pytest.mark.wire, pytest.mark.slow]
LIMIT_S = 60.0


def keepers_of(state: Path, node: str) -> set[str]:
    """Who keeps a head of a node now."""
    found = set()
    for path in state.glob("*.db"):
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT count(*) FROM row WHERE kind = ? AND key = ?", (HEAD, node.encode())).fetchone()
        found |= {path.stem} if rows[0] else set()
    return found


def audit(rig: Rig, *words: str) -> tuple[int, str]:
    """A verb of `mesh audit` on the state of the run: its exit code and what it said."""
    done = rig.run("audit", *words, "--config", str(rig.config_path), "--state", str(rig.folder / "live"))
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_store_rewritten_by_one_hand_is_named_by_the_head_that_others_keep(tmp_path: Path) -> None:
    """Real processes exchange heads; then a record of a local's audit is forged, and its chain, head and marks are made anew."""
    rig = Rig(tmp_path)
    state = rig.folder / "live"
    with rig.started("live") as process:
        rig.wait_ready("live")
        routers = {"router-1", "router-2"}
        wanted = {"local-1": routers, "router-1": {"master-1", "router-2"}, "master-1": {"market-1", *routers}}
        with Client(rig.config, state) as client:
            for _ in range(int(LIMIT_S * 10)):
                keepers = {name: keepers_of(state, name) for name in rig.config.node}
                kept = {name: keepers[name] for name in wanted}
                if kept == wanted and all(keepers.values()):
                    break
                client.pump_for(0.1)
            assert kept == wanted
        code, said = rig.finish("live", process)
        assert code == 0, said[-2000:]
    code, said = audit(rig, "verify")
    assert code == 0, said
    assert "BAD" not in said
    told_of = {kept.head.node for path in state.glob("*.db") for kept in kept_heads(path)}
    assert told_of == set(rig.config.node), "every node's head is with somebody else"
    code, lines = audit(rig, "heads", "local-1")
    assert {json.loads(line)["keeper"] for line in lines.splitlines()} == wanted["local-1"]
    row = next(row for row in auditwalk.records(state / "local-1.db") if row.kind == "_keys")
    forged = decode_record_untrusted(row.record, KeyRecord)
    rewrite(state / "local-1.db", row.seq, encode(KeyRecord("ADDED", forged.name, forged.use, forged.role, "00" * 32)))
    assert auditwalk.verify(state / "local-1.db").bad == "", "on its own host nothing shows it"
    code, said = audit(rig, "verify")
    assert code == 1
    (line,) = [line for line in said.splitlines() if line.startswith("local-1: ")]
    assert "its audit is not the one it told others of: router-" in line
    assert "signed by it" in line
    assert [line.split()[0] for line in said.splitlines() if "BAD" in line] == ["local-1"]
