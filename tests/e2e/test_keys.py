"""Keys of a mesh that runs: changed without a lost order, struck with the link cut while it lives, and of no use to anybody else."""

import json
import time
from pathlib import Path

import pytest

from nodes.io.cli.client import Client
from tests.e2e.meshrig import Rig

pytestmark = [pytest.mark.wire, pytest.mark.slow]
LIMIT_S = 60.0


def keys(rig: Rig, *words: str) -> str:
    """A verb of `mesh keys`, and what it said."""
    verb, *rest = words
    done = rig.run("keys", verb, *rest, "--config", str(rig.config_path), "--state", str(rig.folder / "live"))
    assert done.returncode == 0, done.stderr
    return done.stdout


def seen_after(client: Client, account: str, is_there: bool, limit_s: float) -> float:
    """Seconds until every router that lives says of a local that it is there, or is not."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < limit_s:
        client.pump(20)
        states = [seen.state for (_, name), (_, seen) in client.view.locals.items() if name == account]
        if states and ("fresh" in states) == is_there:
            return time.monotonic() - began_s
    raise AssertionError(f"{account} is_there={is_there} not seen within {limit_s} s")


def test_keys_change_under_a_mesh_that_trades_and_nothing_is_lost(tmp_path: Path) -> None:
    """A router, a local and the master take new keys one after the other; it trades on, and every line has its end."""
    rig = Rig(tmp_path)
    with rig.started("live") as process:
        rig.wait_ready("live")
        for name in ("router-1", "local-1", "master-1"):
            assert "the old one opens doors till" in keys(rig, "rotate", name)
            restarted = rig.run("restart", name, "--config", str(rig.config_path))
            assert restarted.returncode == 0, restarted.stderr
            rig.wait_ready("live", 60)
        with Client(rig.config, rig.folder / "live") as client:
            decided_count = client.counted("master", "line_count")
            end_s = time.monotonic() + LIMIT_S
            while client.counted("master", "line_count") <= decided_count and time.monotonic() < end_s:
                client.pump(50)
            assert client.counted("master", "line_count") > decided_count, "it trades on"
        code, said = rig.finish("live", process)
        assert code == 0, said[-2000:]
    summary = rig.summary("live")
    assert summary["adds_up"], summary["lines"]
    assert not any(summary["lines"]["states"].values()), summary["lines"]
    refused = [note for note in notes(rig) if note["event"] in ("guest_refused", "word_forged", "inventory_refused")]
    assert refused == []


def test_struck_key_is_cut_off_and_a_new_one_lets_in_again(tmp_path: Path) -> None:
    """Its routers say that the local is gone, its tries to come back are on record, and a new key lets it in again."""
    rig = Rig(tmp_path)
    with rig.started("live") as process:
        rig.wait_ready("live")
        with Client(rig.config, rig.folder / "live") as client:
            seen_after(client, "demo-1", True, LIMIT_S)
            assert "1 door key struck" in keys(rig, "revoke", "local-1")
            took_s = seen_after(client, "demo-1", False, LIMIT_S)
            keys(rig, "rotate", "local-1")
            assert rig.run("restart", "local-1", "--config", str(rig.config_path)).returncode == 0
            seen_after(client, "demo-1", True, LIMIT_S)
        code, said = rig.finish("live", process)
        assert code == 0, said[-2000:]
    cut = [note for note in notes(rig) if note["event"] == "guest_refused"]
    assert {note["name"] for note in cut if "cut off" in note["why"]} == {"local-1"}
    assert {note["name"] for note in cut} <= {"local-1", ""}
    print(f"seen as cut off after {took_s:.2f} s")


def test_stranger_with_the_files_of_another_mesh_hears_nothing(tmp_path: Path) -> None:
    """He knows where the routers are and has keys, but not theirs: nothing is shown to him, and his tries are on record."""
    rig, stranger = Rig(tmp_path), Rig(tmp_path_of(tmp_path))
    keys(stranger, "init")
    with rig.started("live") as process:
        rig.wait_ready("live")
        with Client(rig.config, stranger.folder / "live") as client:
            client.pump_for(3.0)
            assert client.view.routers == {}
        with Client(rig.config, rig.folder / "live") as client:
            assert client.wait_whole(LIMIT_S)
        rig.finish("live", process)


def tmp_path_of(folder: Path) -> Path:
    """A folder of another mesh beside this one's."""
    other = folder / "other"
    other.mkdir()
    return other


def notes(rig: Rig) -> list[dict[str, str]]:
    """What all nodes have logged."""
    lines = [line for path in (rig.folder / "live" / "log").glob("*.log") for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]
