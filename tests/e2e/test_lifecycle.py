"""How a mesh begins and ends: interrupted early, started twice, meant by another configuration, with a store that is damaged."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from nodes.io.locate import demo_text
from tests.e2e.meshrig import Rig

pytestmark = pytest.mark.e2e
LOST = """
[timers]
unknown_settle_ms = 600_000
[[fault]]
kind = "lose_request"
login = 5004
nth = 1
"""
"""The first order of demo-4, whosever it is, is never executed, and nobody is told."""


def test_ctrl_c_during_the_start_has_a_summary(tmp_path: Path) -> None:
    """Before anything was decided: exit 0, and nothing is missing."""
    rig = Rig(tmp_path)
    with rig.started("early") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=40)
    assert process.returncode == 0, output
    assert rig.summary("early")["ended_by"] == "Ctrl-C"


def test_one_mesh_on_a_state_and_commands_for_it_alone(tmp_path: Path) -> None:
    """A second one on the same state is refused naming the first; another configuration's commands do not touch it; it ends well."""
    rig = Rig(tmp_path, demo_text().replace('kind = "reversion"', 'kind = "reversion"\nsymbols = ["XAUUSD"]') + LOST)
    with rig.started("only") as process:
        rig.wait_ready("only")
        (tmp_path / "other").mkdir()
        other = Rig(tmp_path / "other")
        second = other.run("up", "--config", str(other.config_path), "--state", str(tmp_path / "only"))
        assert (second.returncode, f"in use by pid {process.pid}" in second.stderr) == (75, True), second.stderr
        other.environment["XDG_STATE_HOME"] = rig.environment["XDG_STATE_HOME"]
        for verb in (("down",), ("restart", "local-1")):
            assert other.run(*verb, "--config", str(other.config_path)).returncode == 69
        check_lost(rig)
        check_acts(rig)
        check_stops(rig)
        check_flag(rig, tmp_path / "only")
        assert rig.run("down", "--config", str(rig.config_path)).returncode == 0
        process.communicate(timeout=40)
    assert process.returncode == 0
    assert rig.summary("only")["ended_by"] == "mesh down"
    assert rig.summary("only")["lines"]["by_reason"]["KILLED LADDER"] >= 2
    store = tmp_path / "only" / "local-2.db"
    store.write_bytes(store.read_bytes()[:100] + bytes(8_000))
    for side in ("-wal", "-shm"):
        store.with_name(store.name + side).unlink(missing_ok=True)
    (tmp_path / "only" / "log" / "local-3.log").rename(tmp_path / "only" / "log" / "before.log")
    (tmp_path / "only" / "log" / "local-3.log").mkdir()
    damaged = rig.run(*rig.up_words("only", "--for", "20"))
    assert damaged.returncode == 1, damaged.stderr
    document = json.loads((tmp_path / "only.json").read_text())
    assert document["ended_by"] == "--for 20"
    assert "exited 78 and stays down: mesh: local-2: store" in document["down"]["local-2"]
    assert "(the last: exit status 1) and is started again and again: IsADirectoryError" in document["down"]["local-3"]
    assert "local-3 ended (exit status 1) and is started again: IsADirectoryError" in damaged.stdout
    assert {"router-1", "local-1", "local-4", "signals-1"}.isdisjoint(document["down"]), "the others went on"


def check_lost(rig: Rig) -> None:
    """An order whose answer never came: on the operator's list with what it blocks, resolved by his word, and no difference any more."""
    config = ("--config", str(rig.config_path))
    rig.run("signal", "GBPUSD", "buy", "--accounts", "demo-4", "--volume", "0.01", "--yes", *config)
    listed = rig.run("unknown", "--json", *config)
    assert listed.returncode == 0, listed.stderr
    told = next(account for account in json.loads(listed.stdout)["accounts"] if account["account"] == "demo-4")
    order = next(order for order in told["orders"] if "IPC recv failed" in order["detail"])
    assert (order["code"], order["action"], order["blocks"]) == ("UNKNOWN", "OPEN", f"opens of {order['symbol']}")
    resolved = rig.run("resolve", order["order"], "not-executed", "--reason", "not on the broker's statement", "--yes", *config)
    assert (resolved.returncode, "✓ NOT_FOUND" in resolved.stdout) == (0, True), resolved.stdout
    assert order["oid"] not in rig.run("reconcile", "demo-4", *config).stdout


def check_acts(rig: Rig) -> None:
    """By hand on the running mesh: done by all is 0, refused on some is 3, each told; a stop is confirmed by its own name."""
    config = ("--config", str(rig.config_path), "--yes")
    bought = rig.run("signal", "EURUSD", "buy", "--accounts", "demo-1,demo-2", "--volume", "0.02", *config)
    assert (bought.returncode, bought.stdout.count("✓ FILLED")) == (0, 2), bought.stdout
    bent = rig.run("close", "symbol:EURUSD", "--volume", "0.013", *config)
    assert (bent.returncode, bent.stdout.count("✗ BAD_VOLUME")) == (3, 2), bent.stdout
    frozen = rig.run("freeze", "symbol:EURUSD", *config)
    assert (frozen.returncode, frozen.stdout.count("FREEZE symbol:EURUSD LATCHED after")) == (0, 4), frozen.stdout
    killed = rig.run("signal", "EURUSD", "buy", "--accounts", "demo-3,demo-4", *config)
    assert (killed.returncode, killed.stdout.count("✗ KILLED")) == (3, 2), killed.stdout


def check_stops(rig: Rig) -> None:
    """A drill stops nothing; what stops is listed, ended by its scope, carried out to the end, and killed at once."""
    config = ("--config", str(rig.config_path))
    drill = rig.run("kill", "--drill", "--rounds", "3", "--json", *config)
    assert (drill.returncode, json.loads(drill.stdout)["latched"]) == (0, 12), drill.stdout + drill.stderr
    (entry,) = json.loads(rig.run("entries", "--json", *config).stdout)["entries"]
    assert (entry["level"], entry["scope"]) == ("FREEZE", "symbol:EURUSD")
    assert {account["stage"] for account in entry["accounts"]} == {"LATCHED"}
    resumed = rig.run("resume", "symbol:EURUSD", "--reason", "calm again", "--yes", *config)
    assert (resumed.returncode, resumed.stdout.count("CONFIRMED ")) == (0, 4), resumed.stdout
    flat = rig.run("flatten", "account:demo-1", "--reason", "test", "--yes", "--json", *config)
    (account,) = json.loads(flat.stdout)["accounts"]
    assert (flat.returncode, account["stage"], account["positions"]) == (0, "FLAT", 0), flat.stdout + flat.stderr
    killed = rig.run("kill", *config)
    assert (killed.returncode, "4 of 4 accounts confirmed" in killed.stdout) == (0, True), killed.stdout + killed.stderr
    for scope in ("all", "account:demo-1"):
        ended = rig.run("resume", scope, "--reason", "test", "--yes", *config)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert rig.run("entries", *config).stdout == "no stop binds\n"


def check_flag(rig: Rig, state: Path) -> None:
    """A file in the state directory stops all that runs there: each local its account, the master everything."""
    config = ("--config", str(rig.config_path))
    (state / "STOP").touch()
    give_up_s = time.monotonic() + 30
    entries: list[dict[str, Any]] = []
    while len(entries) < 5 and time.monotonic() < give_up_s:
        entries = json.loads(rig.run("entries", "--json", *config).stdout)["entries"]
    assert {entry["scope"] for entry in entries} == {"all", *(f"account:demo-{number}" for number in range(1, 5))}
    assert {entry["reason"] for entry in entries} == {"HOST flag file STOP"}


def test_end_of_supervisord_and_of_the_reader_still_has_a_summary(tmp_path: Path) -> None:
    """`| head` reads a line and goes, then supervisord is told to end: the run goes on to its files, and they say why."""
    rig = Rig(tmp_path)
    with rig.started("cut") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        rig.wait_ready("cut")
        os.kill(int((tmp_path / "cut" / "run" / "supervisord.pid").read_text()), signal.SIGTERM)
        assert process.wait(40) == 1
    assert rig.summary("cut")["ended_by"].startswith("the end of supervisord")
    assert rig.summary("cut")["adds_up"]
    assert rig.events("cut", "bar")
