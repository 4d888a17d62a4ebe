"""Whether the program that tells of alerts runs: nobody is called when it does not."""

import socket
from pathlib import Path

import pytest

from mesh.config import parse
from nodes.io.doctor import alerts
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN
from nodes.io.fleet import Fleet, FleetDown, ProcessState
from tests.smallmesh import small_mesh

HEAD = '[strategy.reversion]\n[alerts]\ncommand = ["true"]\n'


def fleet_of(folder: Path, *states: ProcessState, head: str = HEAD, is_deaf: bool = False) -> Fleet:
    """A mesh whose supervisord says this of its processes; none of them: there is no supervisord."""
    fleet = Fleet(parse(small_mesh(head, {"one": ""})), folder)
    fleet.socket.parent.mkdir(parents=True)
    if states or is_deaf:
        fleet.socket.touch()

    def told() -> list[ProcessState]:
        if is_deaf:
            raise FleetDown("supervisord does not answer")
        return list(states)

    fleet.states = told  # type: ignore[method-assign]
    return fleet


@pytest.mark.parametrize(("state", "level"), [("RUNNING", OK), ("FATAL", BAD), ("EXITED", BAD), ("BACKOFF", BAD), ("STARTING", WARN)])
def test_state_of_the_program_is_told(tmp_path: Path, state: str, level: str) -> None:
    """One that is not up tells nobody anything; what to do names its log, a try, and how to start it."""
    (found,) = alerts.look(fleet_of(tmp_path, ProcessState("local-1", "RUNNING", 7), ProcessState("alerts", state, 8)))
    assert (found.level, found.value) == (level, state)
    if level == BAD:
        assert found.costs == "nobody is called when trading stops"
        assert found.do == f"mesh logs alerts, mesh alerts test, then supervisorctl -c {tmp_path}/supervisord.conf restart alerts"


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    """Nothing runs here; the program is another host's; supervisord is deaf. Where nobody is to be called nothing is looked at."""
    for name, states in (("none", ()), ("other", (ProcessState("local-1", "RUNNING", 7),))):
        (found,) = alerts.look(fleet_of(tmp_path / name, *states))
        assert (found.level, found.value) == (UNKNOWN, "no supervisord here runs it")
    (found,) = alerts.look(fleet_of(tmp_path / "deaf", is_deaf=True))
    assert (found.level, found.value) == (UNKNOWN, "supervisord does not answer")
    assert alerts.look(fleet_of(tmp_path / "nobody", head="[strategy.reversion]\n")) == []


def test_supervisord_that_stands_still_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens and never answers: told so, and other sockets wait as before."""
    monkeypatch.setattr(alerts, "ANSWER_S", 0.05)
    fleet = Fleet(parse(small_mesh(HEAD, {"one": ""})), tmp_path)
    fleet.socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(fleet.socket))
        listener.listen()
        (found,) = alerts.look(fleet)
    assert (found.level, "does not answer" in found.value, "timed out" in found.value) == (UNKNOWN, True, True)
    assert socket.getdefaulttimeout() is None
