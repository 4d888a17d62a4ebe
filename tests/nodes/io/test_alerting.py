"""The process that tells of alarms: what it hears, what it hands over, what it says of what nobody took; and how supervisord runs it."""

import json
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from mesh.alarms import DEAD_MAN_HOLD_NS
from mesh.codec import encode
from mesh.config import parse
from mesh.drawnkeys import DrawnKeys
from mesh.errors import BadConfig
from mesh.io.log import Log
from mesh.killset import entry_id
from mesh.messages.base import Msg
from mesh.messages.control import Entry, Undo
from mesh.messages.health import Snapshot
from mesh.outlets import ALERTS_PROGRAM
from mesh.settings import AlertsSection
from mesh.units import SECOND_NS
from mesh.view import View
from nodes.io.alerting import Alerting, run_alerting
from nodes.io.alertsender import AlertSender, Delivery
from nodes.io.cli.rollcall import RollCall
from nodes.io.fleet import Fleet, ProcessState
from tests.mesh.test_alarms import CONFIG as PLAIN
from tests.mesh.test_alarms import health, state
from tests.smallmesh import small_mesh

CONFIG = parse(small_mesh('[strategy.reversion]\n[alerts]\nwebhook = "https://alerts.example/s3cret"', {"a": "", "b": ""}))
SIGNER = DrawnKeys(CONFIG).signer("operator")
STOP = Entry("operator", 1, 0, "FREEZE", "all", "news", "ann@desk")


class FakeClient:
    """A client that has heard what a test says."""

    def __init__(self) -> None:
        self.at_ns = 1_000 * SECOND_NS
        self.view = View()
        self.is_seeing = True

    def now_ns(self) -> int:
        return self.at_ns


class FakeSender:
    """Takes what is handed over; ``delivered`` is what a test says has become of it."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.delivered: list[Delivery] = []

    def send(self, body: bytes) -> None:
        self.bodies.append(json.loads(body))

    def results(self) -> list[Delivery]:
        found, self.delivered = self.delivered, []
        return found

    def close(self, _limit_s: float) -> None:
        return None


class Rig:
    """The process's inner half, with a clock that stands unless it is moved."""

    def __init__(self, folder: Path) -> None:
        self.client, self.sender = FakeClient(), FakeSender()
        self.log_path = folder / "alerts.log"
        self.alerting = Alerting(CONFIG, cast(AlertSender, self.sender), Log(self.log_path, ALERTS_PROGRAM))

    def look(self, *items: Msg, s: int = 1) -> list[tuple[str, str]]:
        """So many seconds in which all is well but for these items; (event, kind) of what was handed over."""
        self.sender.bodies.clear()
        for _ in range(s):
            self.client.at_ns += SECOND_NS
            for item in (*(health(name) for name in CONFIG.node), state("a"), state("b"), *items):
                self.client.view.take(Snapshot("router-1", 1, 1, 0, 1, 0, encode(item)), self.client.at_ns)
                self.alerting.hear("router-1", item)
            self.alerting.look(cast(Any, self.client))
        return [(body["event"], body["kind"]) for body in self.sender.bodies]

    def logged(self) -> str:
        self.alerting.close()
        return self.log_path.read_text(encoding="utf-8")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_stop_is_told_at_once_and_its_end_too(rig: Rig) -> None:
    """By whom, why, and what to do; heard again and again it is told once."""
    assert rig.look() == []
    assert rig.look(SIGNER.signed(STOP)) == [("raised", "KILLED")]
    assert rig.sender.bodies[0]["alarms"][0]["words"] == "FREEZE all by ann@desk: news"
    assert rig.look(SIGNER.signed(STOP), s=20) == []
    undo = Undo("operator", 2, 0, [entry_id(encode(STOP))], "calm", "ann@desk")
    assert rig.look(SIGNER.signed(undo), s=10) == [("over", "KILLED")]


def test_dead_man_is_told_when_it_lasts(rig: Rig) -> None:
    """A master that comes back in time calls nobody."""
    cut_off = health("local-1", grant="none")
    hold_s = DEAD_MAN_HOLD_NS // SECOND_NS
    assert rig.look(cut_off, s=hold_s - 1) + rig.look() == []
    assert rig.look(cut_off, s=hold_s + 1) == [("raised", "DEAD_MAN")]
    (alarm,) = rig.sender.bodies[0]["alarms"]
    assert (alarm["account"], alarm["value"], alarm["lasted_s"]) == ("a", "none", hold_s)


def test_looks_are_a_second_apart(rig: Rig) -> None:
    """However often it is called."""
    rig.look(SIGNER.signed(STOP))
    rig.sender.bodies.clear()
    rig.alerting.look(cast(Any, rig.client))
    assert rig.sender.bodies == []


def test_what_nobody_took_is_logged_counted_and_told_with_the_next(rig: Rig) -> None:
    """So that who reads the next one knows that he missed some."""
    rig.sender.delivered = [Delivery("webhook", 5, "HTTP 500", b'{"text":"lost"}'), Delivery("command", 1, "", b"{}")]
    rig.look()
    rig.look(SIGNER.signed(STOP))
    assert rig.sender.bodies[0]["undelivered_count"] == 1
    rig.look(SIGNER.signed(STOP), state("a", trade_allowed=False), s=5)
    assert rig.sender.bodies[0]["undelivered_count"] == 0
    logged = rig.logged()
    (lost,) = [json.loads(line) for line in logged.splitlines() if '"undelivered"' in line]
    assert (lost["hook"], lost["why"], lost["undelivered_count"], "lost" in lost["notice"]) == ("webhook", "HTTP 500", 1, True)
    assert "s3cret" not in logged


def test_without_the_section_there_is_nothing_to_run(tmp_path: Path) -> None:
    """It says what is missing."""
    with pytest.raises(BadConfig, match=r"no \[alerts\]"):
        run_alerting(PLAIN, tmp_path, lambda: True)


def test_supervisord_runs_it_beside_the_nodes_and_ends_it_first(tmp_path: Path) -> None:
    """Its command line names no address; who ends a mesh on purpose calls nobody."""
    fleet, plain = Fleet(CONFIG, tmp_path), Fleet(PLAIN, tmp_path)
    fleet.write_conf(tmp_path / "mesh.json", events=True)
    (program,) = [part for part in fleet.conf.read_text().split("[program:") if part.startswith("alerts]")]
    tail = f'"--config" "{tmp_path / "mesh.json"}" "--state" "{tmp_path}"'
    assert program.split("command=")[1].splitlines()[0] == f'"{sys.executable}" "-m" "nodes.io.alerting" {tail}'
    assert "s3cret" not in fleet.conf.read_text()
    assert (fleet.stop_groups()[0], plain.stop_groups()[0]) == (["market-1", "alerts"], ["market-1"])
    assert "alerts" not in plain.processes()


def test_it_is_up_when_supervisord_says_so(tmp_path: Path) -> None:
    """It has no node that could say it."""

    class StillFleet(Fleet):
        said = "BACKOFF"

        def states(self) -> list[ProcessState]:
            return [ProcessState(ALERTS_PROGRAM, self.said, 42)]

    (tmp_path / "log").mkdir()
    fleet = StillFleet(CONFIG, tmp_path)
    roll = RollCall(fleet)
    roll.look(View())
    assert ALERTS_PROGRAM in roll.absent()
    fleet.said = "RUNNING"
    roll.look(View())
    assert ALERTS_PROGRAM not in roll.absent()


def test_defaults_call_nobody_too_often() -> None:
    """Ten messages a minute, and the same again after five minutes only."""
    defaults = AlertsSection()
    assert (defaults.per_minute_count, defaults.quiet_ms, defaults.unknown_ms) == (10, 300_000, 60_000)
