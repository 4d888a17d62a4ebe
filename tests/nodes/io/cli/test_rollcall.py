"""Who is up, who ends again and again, who never came up: told, and kept until it is mended."""

from pathlib import Path
from typing import Any

import pytest

from mesh.config import parse
from mesh.view import View
from nodes.io.cli.rollcall import RollCall
from nodes.io.fleet import Fleet, FleetDown, ProcessState
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import health

CONFIG = parse(demo_text())


class StillFleet(Fleet):
    """A fleet whose processes are said to be in given states, and to have ended as its log says."""

    def __init__(self, state: Path) -> None:
        super().__init__(CONFIG, state)
        self.pids: dict[str, int] | None = {}
        self.stopped: list[str] = []
        (state / "log").mkdir()

    def states(self) -> list[ProcessState]:
        if self.pids is None:
            raise FleetDown("supervisord does not answer")
        return [ProcessState(name, "RUNNING" if pid else "BACKOFF", pid) for name, pid in self.pids.items()]

    def stop(self, processes: Any) -> None:
        self.stopped += processes

    def ends(self, name: str, how: str, words: str = "") -> None:
        """A process ends: supervisord logs it, and what it said is in its own file."""
        self.output(name).write_text(words)
        with (self.state / "log" / "supervisord.log").open("a") as file:
            file.write(f"2026-01-05 10:00:00,000 WARN exited: {name} ({how}; not expected)\n")
        assert self.pids is not None
        self.pids[name] = 0


class Roll:
    """A roll call with what it looks at."""

    def __init__(self, state: Path) -> None:
        self.fleet = StillFleet(state)
        self.view = View()
        self.call = RollCall(self.fleet)

    def up(self, name: str, pid: int, phase: str = "READY") -> None:
        """A process runs, and its node says so."""
        assert self.fleet.pids is not None
        self.fleet.pids[name] = pid
        self.view.nodes[name] = (0, health(CONFIG, name, pid, phase))

    def look(self) -> list[str]:
        return self.call.look(self.view)


@pytest.fixture
def roll(tmp_path: Path) -> Roll:
    return Roll(tmp_path)


def test_process_that_keeps_ending_is_told_with_how_and_its_last_words(roll: Roll, tmp_path: Path) -> None:
    """The first time and whenever the number has doubled; it counts as down until it is up again."""
    told: list[str] = []
    for _ in range(9):
        roll.fleet.ends("cci-1", "exit status 1", "Traceback\nValueError: zone Mars\n")
        told += roll.look()
    log = f"(log: {tmp_path}/log/cci-1.out)"
    assert told[0] == f"cci-1 ended (exit status 1) and is started again: ValueError: zone Mars {log}"
    assert [words.split(" (the last")[0] for words in told[1:]] == [f"cci-1 ended {count} times" for count in (2, 4, 8)]
    assert roll.call.down["cci-1"].startswith("cci-1 ended 9 times (the last: exit status 1)")
    roll.up("cci-1", 7)
    assert (roll.look(), roll.call.down) == ([], {})


def test_signal_that_ended_a_process_is_named(roll: Roll) -> None:
    """kill -9 of a node: said once, over when its next life is up; the last life's word is not taken for it."""
    roll.up("local-1", 7)
    assert roll.look() == []
    roll.fleet.ends("local-1", "terminated by SIGKILL")
    assert roll.look()[0].startswith("local-1 ended (terminated by SIGKILL) and is started again: no output")
    assert roll.fleet.pids is not None
    roll.fleet.pids["local-1"] = 8
    assert (roll.look(), list(roll.call.down)) == ([], ["local-1"])
    roll.up("local-1", 8)
    assert (roll.look(), roll.call.down) == ([], {})


@pytest.mark.parametrize("code", [70, 78])
def test_process_that_may_not_come_back_is_stopped_and_told(roll: Roll, tmp_path: Path, code: int) -> None:
    """supervisord itself starts again whatever ends within its first second, 78 or not."""
    roll.fleet.ends("local-1", f"exit status {code}", "mesh: store is damaged")
    words = f"local-1 exited {code} and stays down: mesh: store is damaged (log: {tmp_path}/log/local-1.out)"
    assert roll.look() == [words]
    assert roll.look() == []
    assert (roll.fleet.stopped, roll.call.given_up, roll.call.down) == (["local-1"], {"local-1": code}, {"local-1": words})
    roll.up("local-1", 9)
    roll.look()
    assert (roll.call.given_up, roll.call.down) == ({}, {}), "an operator repaired it"


def test_who_was_started_again_before_anybody_looked_is_not_stopped(roll: Roll) -> None:
    """An operator has mended it meanwhile: the news of its end is older than what runs now."""
    roll.fleet.ends("local-1", "exit status 78", "mesh: others may read this private key")
    assert roll.fleet.pids is not None
    roll.fleet.pids["local-1"] = 9
    assert roll.look()[0].startswith("local-1 exited 78 and stays down")
    assert roll.fleet.stopped == []
    roll.up("local-1", 9)
    roll.look()
    assert (roll.call.given_up, roll.call.down) == ({}, {})


def test_supervisord_that_is_silent_proves_nothing_and_loses_no_news(roll: Roll) -> None:
    """What was read of its log is told at the next look."""
    roll.fleet.ends("local-1", "exit status 1")
    pids, roll.fleet.pids = roll.fleet.pids, None
    with pytest.raises(FleetDown):
        roll.look()
    roll.fleet.pids = pids
    assert [words.split(" ended")[0] for words in roll.look()] == ["local-1"]


def test_who_never_came_up_is_missed_at_the_end(roll: Roll) -> None:
    """Each with what it waited for; who was up once is not, and who is down already is told as that."""
    for name in CONFIG.node:
        roll.up(name, 7, "STARTING" if name == "master-1" else "READY")
    del roll.view.nodes["router-2"]
    roll.fleet.ends("local-4", "exit status 1")
    roll.look()
    assert roll.call.absent() == ["master-1", "router-2", "local-4"]
    roll.call.miss(roll.view)
    assert roll.call.down["master-1"].startswith("master-1 never came up (master-1 STARTING the broker): no output")
    assert roll.call.down["router-2"].startswith("router-2 never came up (router-2 was not seen): no output")
    assert roll.call.down["local-4"].startswith("local-4 ended")
    assert len(roll.call.down) == 3
