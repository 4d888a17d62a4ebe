"""supervisord as ``mesh up`` asks it: whatever goes wrong on the way is one error, and its last words are at hand."""

import http.client
import os
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import pytest
from supervisor.xmlrpc import Faults

from mesh.config import parse
from nodes.io import fleet as fleet_module
from nodes.io.fleet import Fleet, FleetDown
from nodes.io.locate import demo_text

ENDING = xmlrpc.client.Fault(Faults.SHUTDOWN_STATE, "SHUTDOWN_STATE")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(parse(demo_text()), tmp_path)


def raising(error: BaseException) -> Any:
    def question(_rpc: Any) -> Any:
        raise error

    return question


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("no socket"),
        http.client.IncompleteRead(b"<?xml"),
        http.client.BadStatusLine(""),
        ExpatError("unclosed token"),
        xmlrpc.client.ResponseError(),
        xmlrpc.client.ProtocolError("unix", 500, "oops", {}),
        ENDING,
    ],
)
def test_supervisord_that_ends_while_it_is_asked_is_down(fleet: Fleet, error: Exception) -> None:
    """An answer cut short, none at all, or the word that it is ending: the same to whoever asked."""
    with pytest.raises(FleetDown):
        fleet._ask(raising(error))


def test_fault_means_that_a_process_is_as_wanted_already(fleet: Fleet) -> None:
    """Stopping what does not run is fine; a supervisord that ends is not."""
    fleet._ask_quietly(raising(xmlrpc.client.Fault(Faults.NOT_RUNNING, "NOT_RUNNING")))
    with pytest.raises(FleetDown):
        fleet._ask_quietly(raising(ENDING))


def test_shutdown_of_what_is_not_there_raises_nothing(fleet: Fleet) -> None:
    """The end of a run comes to its summary in any case."""
    fleet.shutdown()


@pytest.fixture
def talkative(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """A stand-in for supervisord that says more than a pipe holds, and ends."""
    script = "import sys; sys.stderr.write('no space left on device\\n' * 9_000); sys.exit('the disk is full')"
    monkeypatch.setattr(fleet_module, "COMMAND", (sys.executable, "-c", script))
    fleet.start()
    yield fleet
    fleet.shutdown()


def test_last_words_of_supervisord_need_no_disk(talkative: Fleet) -> None:
    """It never waits for its own complaints to be taken, and the newest one is told."""
    assert talkative._child is not None
    assert talkative._child.wait(20) == 1
    assert talkative.last_words() == "the disk is full"
    assert not talkative.alive()


def test_nodes_of_a_killed_supervisord_are_waited_for(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """They drain after it is gone and hold their stores meanwhile: what is read of them next must be all of it."""
    node = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    row = {"name": "master-1", "statename": "RUNNING", "pid": node.pid, "exitstatus": 0, "start": 0}
    monkeypatch.setattr(fleet_module, "COMMAND", (sys.executable, "-c", ""))
    monkeypatch.setattr(fleet, "_ask", lambda _question: [row])
    assert node.stdin is not None
    fleet.start()
    assert fleet._child is not None
    fleet._child.wait(20)
    fleet.states()
    monkeypatch.setattr(fleet_module.psutil, "wait_procs", partial(ended_by, node, fleet_module.psutil.wait_procs))
    fleet.shutdown()
    assert node.returncode == 0


def ended_by(node: "subprocess.Popen[bytes]", wait: Any, processes: list[Any], limit_s: float) -> Any:
    """The drain comes to its end only after somebody has begun to wait for it."""
    assert [process.pid for process in processes] == [node.pid]
    node.communicate()
    return wait(processes, limit_s)


def test_how_a_process_runs_is_in_the_configuration_alone(tmp_path: Path) -> None:
    """Its command line names its nodes and the configuration, as of any other; supervisord has it under the section's name."""
    section = '[process.brain]\nnodes = ["cci-1", "signals-1"]\nidle = "spin"\ncpus = [0, 1]\nscheduler = "batch"\n'
    tuned = Fleet(parse(demo_text() + section), tmp_path)
    tuned.write_conf(tmp_path / "mesh.json", events=False)
    programs = tuned.conf.read_text().split("[program:")[1:]
    commands = {program.partition("]")[0]: program.split("command=")[1].splitlines()[0] for program in programs}
    tail = f'"--config" "{tmp_path / "mesh.json"}" "--state" "{tmp_path}"'
    assert commands["brain"] == f'"{sys.executable}" "-m" "nodes.io.run" "signals-1" "cci-1" {tail}'
    assert commands["local-1"] == f'"{sys.executable}" "-m" "nodes.io.run" "local-1" {tail}'
    assert commands.keys() == tuned.processes().keys()


@pytest.mark.skipif(sys.platform == "win32", reason="platform: there is no supervisord on Windows")
def test_supervisord_ends_by_itself_however_many_programs_it_has(fleet: Fleet) -> None:
    """It has done with one of them each time it looks around, once a second: with a dozen it was killed before it had come to the last."""
    programs = [f"[program:p{number}]\ncommand=sleep 1000\npriority={number}\nautostart=false" for number in range(12)]
    root = "user=root\n" if os.geteuid() == 0 else ""
    fleet.socket.parent.mkdir(parents=True, exist_ok=True)
    fleet.conf.write_text(
        "\n".join([
            f"[unix_http_server]\nfile={fleet.socket}",
            f"[supervisord]\nlogfile={fleet.conf}.log\npidfile={fleet.conf}.pid\nsilent=true\n{root}",
            "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
            *programs,
            "[program:last]\ncommand=sleep 1000\npriority=0",
        ])
    )  # fmt: skip
    fleet.start()
    assert fleet._child is not None
    try:
        while fleet._child.poll() is None and not is_running(fleet, "last"):
            pass
        fleet.shutdown()
        assert fleet._child.returncode == 0, "killed"
    finally:
        fleet._child.kill()


def is_running(fleet: Fleet, program: str) -> bool:
    """Whether supervisord says so; until it listens it says nothing."""
    with suppress(FleetDown):
        rows: list[dict[str, Any]] = fleet._ask(lambda rpc: rpc.getAllProcessInfo())
        return any(row["name"] == program and row["pid"] for row in rows)
    return False
