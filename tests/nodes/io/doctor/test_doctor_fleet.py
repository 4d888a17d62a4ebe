"""Nodes of all hosts by what they tell, ports, and terminals: what differs, who is there, what does not answer."""

import json
import socket
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.config import parse
from mesh.messages.health import NodeHealth
from mesh.view import View
from nodes.io.cli import doctoring
from nodes.io.cli.doctoring import run_doctor
from nodes.io.doctor import fleet, ports, terminals
from nodes.io.doctor.finding import Finding
from nodes.io.locate import write_effective
from nodes.io.mt5run import BUILT_IN
from tests.message_values import sample_of
from tests.smallmesh import small_mesh


def health(node: str, **more: Any) -> NodeHealth:
    known = {"phase": "READY", "version": "1.0", "config_hash": "aa", "facts": {}}
    return msgspec.structs.replace(sample_of(NodeHealth), node=node, **(known | more))


NO_CHANGES = fleet.Live("aa")


def look(*healths: NodeHealth, live: fleet.Live = NO_CHANGES) -> dict[str, Finding]:
    findings = fleet.look(["local-1", "router-1"], list(healths), "1.0", "aa", live)
    return {finding.what: finding for finding in findings if finding.level != "ok"}


def test_one_version_and_one_configuration() -> None:
    """The same everywhere is fine; who has another is named with what he has."""
    assert look(health("local-1"), health("router-1")) == {}
    found = look(health("local-1", version="0.9"), health("router-1", config_hash="bb"))
    assert found["version"].value == "here 1.0; local-1 0.9"
    assert found["configuration"].value == "here aa; router-1 bb"


def test_after_a_live_change_two_kinds_are_right() -> None:
    """Master, routers and locals run what it makes of the file, all others the file itself, be it from before; another is named."""
    live = fleet.Live("bb", frozenset({"aa", "bb"}))
    signals = health("signals-1", role="signals")
    right = (health("local-1", role="local", config_hash="bb"), health("router-1", role="router", config_hash="bb"))
    assert look(*right, signals, live=live) == {}
    found = look(right[0], health("router-1", role="router"), signals, live=live)
    assert found["configuration"].value == "here bb; router-1 aa"
    found = look(*right, health("signals-1", role="signals", config_hash="cc"), live=live)
    assert found["configuration"].value == "here aa; signals-1 cc"


def test_who_is_silent_or_down() -> None:
    """Not seen, or told by its supervisor: bad, and where to look."""
    found = look(health("router-1", phase="FATAL", facts={"ended": "exit status 78"}))
    assert (found["local-1"].level, found["local-1"].value) == ("bad", "not seen")
    assert (found["router-1"].level, found["router-1"].value) == ("bad", "FATAL exit status 78")


@pytest.mark.parametrize("phase", ["STARTING", "READY", "DRAINING", "DONE", "A_LATER_VERSIONS"])
def test_who_speaks_for_itself_is_not_down(phase: str) -> None:
    """Whatever phase it says."""
    assert look(health("router-1", phase=phase), health("local-1")) == {}


def test_nodes_are_told_of_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in that in which they were heard: two looks give the same rows. Who is not of this mesh is left out."""
    config = parse(small_mesh("[mesh]"))

    class Heard:
        def __init__(self, *_: object) -> None:
            self.view = View()
            for name in ("stranger-1", *reversed(config.node)):
                self.view.nodes[name] = (0, health(name))

        def __enter__(self) -> "Heard":
            return self

        def __exit__(self, *_: object) -> None:
            """It has nothing to close."""

        def wait_whole(self, limit_s: float) -> None:
            assert limit_s > 0

    monkeypatch.setattr(doctoring, "Client", Heard)
    assert [each.node for each in doctoring._told(config, tmp_path)[0]] == list(config.node)


def test_no_mesh_is_no_failure() -> None:
    """Only what is here can be looked at."""
    assert look()["nodes"].level == "unknown"


# ports


def test_port_of_somebody_else_is_bad() -> None:
    """A free one is fine, one that a stranger holds is named with him; another machine's is its own business."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        found = {finding.level: finding for finding in ports.look([("router-1", "127.0.0.1", port), ("far-1", "192.0.2.1", port)])}
    assert found["bad"].what == f"router-1 port {port}"
    assert "in use by" in found["bad"].value
    assert "those of far-1 are on other machines" in found["ok"].value
    assert not [finding for finding in ports.look([("router-1", "127.0.0.1", port)]) if finding.level == "bad"]


def test_port_of_a_node_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a node listens on is as it should be."""
    monkeypatch.setattr(ports, "is_free", lambda _host, _port: False)
    monkeypatch.setattr(ports, "holder_of", lambda _port: "pid 7 (python3 -m nodes.io.run router-1)")
    found = ports.look([("router-1", "127.0.0.1", 7_410)])
    assert [finding.value for finding in found] == ["0 free, 1 held by nodes"]


# terminals


def test_terminal_that_answers(tmp_path: Path) -> None:
    """A simulated server, attached in another process: whose account it is; a login it does not know is bad."""
    accounts = {"one": f'terminal = "{BUILT_IN}"\nserver = "trademesh-Demo"', "two": f'terminal = "{BUILT_IN}"'}
    config = parse(small_mesh("[mesh]", accounts))
    effective = write_effective(config, tmp_path)
    one, two = (terminals.verdict(name, terminals.asked(name, effective, tmp_path)) for name in accounts)
    assert (one.level, one.value.partition(",")[0]) == ("ok", "5001 at trademesh-Demo")
    assert (two.level, "Authorization failed" in two.value) == ("bad", True)


def test_terminal_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    """The process that asks is ended in time: a terminal that hangs hangs nobody else."""
    config = parse(small_mesh("[mesh]"))
    said = terminals.asked("one", write_effective(config, tmp_path), tmp_path, limit_s=0.01)
    assert said == {"failed": "did not answer within 0.01 s"}
    assert terminals.verdict("account one", said).level == "bad"


def test_broker_of_this_mesh_that_does_not_run_is_not_asked(tmp_path: Path) -> None:
    """Not known, and no process is started for it."""
    (finding,) = terminals.look(parse(small_mesh("[mesh]")), tmp_path / "none", tmp_path, is_up=False)
    assert finding.level == "unknown"


@pytest.mark.parametrize(
    ("refused", "off", "level"),
    [("", [], "ok"), ("", ["terminal.trade_allowed=False: switch Algo Trading on"], "warn"), ("login=1 configured=2", [], "bad")],
)
def test_what_a_terminal_says(refused: str, off: list[str], level: str) -> None:
    """Another account is bad, orders that would be refused a warning."""
    said = {"login": 1, "server": "s", "call_us": 5, "refused": refused, "off": off}
    assert terminals.verdict("account one", said).level == level


# the whole


def test_without_a_configuration_the_machine_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No mesh is known here: said, and disk, machine and clock are told all the same; as JSON too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("MESH_CONFIG", raising=False)
    run_doctor(None, tmp_path, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert {finding["area"] for finding in document["findings"]} == {"configuration", "disk", "host", "clock"}
    assert document["findings"][0]["level"] == "unknown"


def test_findings_are_shown_with_what_mends_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each; those that matter once more with cost and command; data cannot paint the terminal. The exit code is the worst."""
    bad = Finding("bad", "keys", "k\x1b[31m", "mode 644", "it costs", "chmod 600 k")
    found = [Finding("ok", "disk", "commit", "fast", "a number"), bad]
    monkeypatch.setattr(doctoring, "examined", lambda _config, _state: iter(found))
    assert run_doctor(None, None, as_json=False) == 1
    told = capsys.readouterr().out
    assert "costs: it costs\n  do: chmod 600 k" in told
    assert "disk, commit: a number" in told
    assert "1 ok, 1 bad" in told
    assert "\x1b" not in told


def test_wrong_configuration_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad, in its own words; the rest is looked at all the same."""
    wrong = tmp_path / "mesh.toml"
    wrong.write_text("[nonsense]")
    assert run_doctor(wrong, tmp_path, as_json=False) == 1
    assert "nonsense" in capsys.readouterr().out
