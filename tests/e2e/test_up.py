"""The whole mesh as its user runs it: real processes, real sockets, from `mesh up` to the summary."""

import json
import os
import signal
import subprocess
from importlib.resources import files
from pathlib import Path

import psutil
import pytest

from nodes.io.locate import demo_text
from tests.e2e.meshrig import Rig, entry_magics

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SHORT = 'speed = "max"\nminutes = 90\nbackfill_minutes = 300'


def short_demo() -> str:
    """The demo over 90 minutes of market."""
    return demo_text().replace("speed = 60", SHORT)


def check_sums(summary: dict) -> None:
    """Lines decided equal outcomes and states, and nothing is left open."""
    lines = summary["lines"]
    assert summary["adds_up"]
    assert lines["decided"] == sum(lines["by_code"].values()) + sum(lines["states"].values())
    assert lines["states"] == {}
    assert lines["by_code"].get("FILLED", 0) > 0


def node_of(rig: Rig, name: str) -> dict:
    """A node as `mesh status --json` shows it now."""
    document = json.loads(rig.run("status", "--config", str(rig.config_path), "--json").stdout)
    return next(node for node in document["nodes"] if node["name"] == name)


def workers_of(pid: int) -> list[int]:
    """Process ids of a local's workers."""
    return [child.pid for child in psutil.Process(pid).children() if "nodes.io.worker" in child.cmdline()]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """One run of the short demo at max, shared by the tests that look at it."""
    rig = Rig(tmp_path_factory.mktemp("up"), short_demo())
    rig.up("max")
    return rig


def test_feed_ends_by_itself_and_adds_up(whole_run: Rig) -> None:
    """A finite market at max ends, exit 0, and every line has its outcome."""
    summary = whole_run.summary("max")
    check_sums(summary)
    assert summary["ended_by"] == "end of the feed"
    assert summary["comparable"]


def test_events_tell_each_line_from_signal_to_outcome(whole_run: Rig) -> None:
    """Every published line has its decision, its order and one outcome; every event says when."""
    published = {
        (event["oid"], event["account"]) for event in whole_run.events("max", "decision") if event["code"] == "PUBLISHED"
    }
    ordered = {(event["oid"], event["account"]) for event in whole_run.events("max", "order")}
    ended = [(event["oid"], event["account"]) for event in whole_run.events("max", "outcome")]
    assert published
    assert published == ordered
    assert published <= set(ended)
    assert len(ended) == len(set(ended)), "a line ended twice"


def test_every_key_of_the_summary_is_documented(whole_run: Rig) -> None:
    """PROTOCOL.md names each key that occurs, those of an account and of a stage once."""
    text = files("mesh").joinpath("PROTOCOL.md").read_text(encoding="utf-8")
    section = text.split("### `--summary FILE.json`")[1].split("### ")[0]
    summary = whole_run.summary("max")
    keys = {*summary, *(key for name in ("market", "signals", "lines") for key in summary[name])}
    keys |= {key for name in ("accounts", "latency_us") for inner in summary[name].values() for key in inner}
    assert sorted(key for key in keys if f"`{key}`" not in section) == []


def test_no_opening_was_executed_twice(whole_run: Rig) -> None:
    """The broker's own books hold at most one entry deal for each magic, and as many as there are fills."""
    fills = [event for event in whole_run.events("max", "outcome") if event["code"] == "FILLED" and event["leg"] == "open"]
    magics = entry_magics(whole_run.folder / "max")
    assert len(magics) == len(set(magics)) == len(fills) > 0


def test_same_market_at_a_pace_gives_the_same_lines(whole_run: Rig) -> None:
    """At 1200x recorded pace the sorted lines are those of max."""
    paced = whole_run.up("paced", "--speed", "1200")
    assert paced["comparable"]
    assert whole_run.outcomes("paced") == whole_run.outcomes("max")


def test_router_killed_half_way_and_the_totals_agree(tmp_path: Path, whole_run: Rig) -> None:
    """kill -9 of a router in the middle: it comes back, no line is lost or doubled, the result is the same."""
    rig = Rig(tmp_path, short_demo())
    with rig.started("killed", "--speed", "1200") as process:
        rig.wait_ready("killed")
        document = json.loads(rig.run("status", "--config", str(rig.config_path), "--json").stdout)
        pids = {node["name"]: node["pid"] for node in document["nodes"]}
        os.kill(pids["router-1"], signal.SIGKILL)
        output, _ = process.communicate(timeout=150)
    assert process.returncode == 0, output[-3000:]
    summary = rig.summary("killed")
    check_sums(summary)
    assert summary["lines"]["decided"] == whole_run.summary("max")["lines"]["decided"]


def test_every_role_killed_in_turn_comes_back_and_the_flow_goes_on(tmp_path: Path) -> None:
    """kill -9 of every other role and of a worker: each is ready again, fills follow, sums agree."""
    rig = Rig(tmp_path, demo_text().replace("speed = 60", "speed = 300"))
    config = ("--config", str(rig.config_path))
    with rig.started("killed") as process:
        rig.wait_ready("killed")
        for name in ("local-2", "cci-1", "broker-1", "signals-1", "master-1", "market-1"):
            old_pid = node_of(rig, name)["pid"]
            os.kill(old_pid, signal.SIGKILL)
            looks = (node_of(rig, name) for _ in range(60))  # each look takes a snapshot's second at most
            is_back = any(node["pid"] not in (0, old_pid) and node["phase"] == "READY" for node in looks)
            assert is_back, f"{name}: {node_of(rig, name)}\n{rig.logs('killed')}"
        (worker,) = workers_of(node_of(rig, "local-1")["pid"])
        os.kill(worker, signal.SIGKILL)
        # two looks apart it has a new one and is ready: the local starts it again by itself
        looks = ((workers_of(node["pid"]), node["phase"]) for node in (node_of(rig, "local-1") for _ in range(30)))
        assert any(phase == "READY" and found and found != [worker] for found, phase in looks)
        verified = rig.run("verify", *config, "--timeout", "60")
        code, output = rig.finish("killed", process)
    assert verified.returncode == 0, verified.stdout
    assert code == 0, output[-3000:]
    assert rig.summary("killed")["adds_up"]
    last_market_ns = max(int(event["ts_ns"]) for event in rig.events("killed", "decision"))
    fills = [int(event["ts_ns"]) for event in rig.events("killed", "outcome") if event["code"] == "FILLED"]
    assert len(fills) > 0
    assert max(fills) > last_market_ns - 3_600 * 10**9
    tickets = [(e["account"], e["oid"]) for e in rig.events("killed", "outcome") if e["code"] == "FILLED"]
    assert len(tickets) == len(set(tickets))


def test_verify_walks_all_seven_steps(tmp_path: Path) -> None:
    """On a running mesh `mesh verify` proves each step, ping reaches each local, why tells the last story, Ctrl-C ends with 0."""
    rig = Rig(tmp_path, demo_text())
    config = ("--config", str(rig.config_path))
    with rig.started("live") as process:
        rig.wait_ready("live")
        verified = rig.run("verify", *config, "--timeout", "40")
        pinged = rig.run("ping", *config)
        told = rig.run("why", "last", *config)
        code, output = rig.finish("live", process)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert [line[:8] for line in verified.stdout.splitlines() if line[:1].isdigit()] == [f"{n}. ok   " for n in range(1, 8)]
    assert pinged.returncode == 0, pinged.stdout + pinged.stderr
    assert told.returncode == 0, told.stdout + told.stderr
    assert "each from the one before" in told.stdout
    assert "_ns=" not in told.stdout
    assert code == 0, output[-3000:]
    assert "adds up" in output
    assert "SIMULATED at 60x" in output


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [("speed = 60", "speed = 0", "speed = 0"), ('symbols = ["EURUSD"', 'symbols = ["NOSUCH1"', "[symbol.NOSUCH1]")],
)
def test_wrong_configuration_starts_nothing(tmp_path: Path, old: str, new: str, says: str) -> None:
    """One error naming the key, exit 78, no state made."""
    rig = Rig(tmp_path, demo_text())
    rig.config_path.write_text(rig.text.replace(old, new), encoding="utf-8")
    done = rig.run(*rig.up_words("none"))
    assert done.returncode == 78, done.stdout + done.stderr
    assert says in done.stderr
    assert not (tmp_path / "none").exists()


def test_port_in_use_says_which_and_by_whom(tmp_path: Path) -> None:
    """A second mesh on the same ports ends with 78 and names the port."""
    rig = Rig(tmp_path, demo_text())
    holder = subprocess.Popen(
        ["python3", "-c", f"import socket,sys\ns=socket.socket()\ns.bind(('127.0.0.1',{rig.config.settings.mesh.base_port}))\n"
         "s.listen()\nprint('held',flush=True)\nsys.stdin.read()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        done = rig.run(*rig.up_words("busy"))
    finally:
        holder.kill()
        holder.communicate()
    assert done.returncode == 78, done.stdout + done.stderr
    assert str(rig.config.settings.mesh.base_port) in done.stderr + done.stdout
    assert f"pid {holder.pid}" in done.stderr + done.stdout
