"""The life of a run: which dead node ends it, who ended it, and who is missed at its end."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from mesh.config import parse
from nodes.io.cli import watching
from nodes.io.cli.watching import END_OF_FEED, Ending, Run
from nodes.io.fleet import ASK_TO_END
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient, health
from tests.nodes.io.cli.test_rollcall import StillFleet

CONFIG = parse(demo_text())


class Screen:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def tell(self, words: str) -> None:
        self.told.append(words)


class Watched:
    """A run whose fleet and mesh are said to be in given states."""

    def __init__(self, state: Path) -> None:
        self.fleet = StillFleet(state)
        self.ending = Ending()
        self.client: Any = FakeClient(CONFIG, lambda node, message: [])
        self.client.pump = lambda limit_ms: []
        self.run = Run(CONFIG, self.fleet, self.client, self.ending)
        self.screen: Any = Screen()

    def up(self, *names: str) -> None:
        for name in names:
            assert self.fleet.pids is not None
            self.fleet.pids[name] = 7
            self.client.view.nodes[name] = (0, health(CONFIG, name))


@pytest.mark.parametrize(
    ("phase", "name", "is_end"),
    [("", "master-1", True), ("STARTING", "cci-1", True), ("", "local-1", False), ("READY", "master-1", False), ("", "router-1", False)],
)
def test_dead_node_ends_a_mesh_that_could_never_begin(tmp_path: Path, phase: str, name: str, is_end: bool) -> None:
    """One that all need, before the market has opened; any other leaves the rest to its work, and is told once."""
    watched = Watched(tmp_path)
    if phase:
        watched.client.view.nodes["market-1"] = (0, health(CONFIG, "market-1", phase=phase))
    watched.fleet.ends(name, "exit status 78", "mesh: store is damaged\n")
    watched.run.look(watched.screen)
    watched.run.look(watched.screen)
    words = watched.run.roll.down[name]
    assert watched.screen.told == [words]
    assert (watched.ending.reason, watched.ending.exit_code) == ((words, 78) if is_end else ("", 0))


def test_crash_is_told_and_ends_nothing(tmp_path: Path) -> None:
    """It is started again; a supervisord that is silent is nothing either."""
    watched = Watched(tmp_path)
    watched.fleet.ends("master-1", "exit status 1")
    watched.run.look(watched.screen)
    watched.fleet.pids = None
    watched.run.look(watched.screen)
    assert (len(watched.screen.told), watched.ending.reason) == (1, "")


@pytest.mark.parametrize(
    ("reason", "elapsed_s", "is_missed"),
    [("Ctrl-C", 2.0, False), ("mesh down", 2.0, False), ("Ctrl-C", 40.0, True), ("--for 2", 2.0, True), (END_OF_FEED, 2.0, True)],
)
def test_nodes_that_never_came_up_are_missed_where_they_had_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, elapsed_s: float, is_missed: bool
) -> None:
    """An operator who ends the run during its start misses nobody; any other end names the market that never started."""
    watched = Watched(tmp_path)
    watched.up(*(name for name in CONFIG.node if name != "market-1"))
    watched.ending.ask(reason)
    monkeypatch.setattr(Run, "elapsed_s", elapsed_s)
    monkeypatch.setattr(watching, "COME_UP_S", 0.0)
    watched.run._call_the_roll(watched.screen)
    assert list(watched.run.roll.down) == (["market-1"] if is_missed else [])


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (ASK_TO_END, "mesh down")])
def test_who_ended_the_run_is_told(monkeypatch: pytest.MonkeyPatch, number: signal.Signals, reason: str) -> None:
    """`mesh down` has a signal of its own; the first reason stands."""
    before = {other: signal.getsignal(other) for other in watching.BY_HAND}
    ending = Ending()
    ending.listen()
    try:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        for other, handler in before.items():
            signal.signal(other, handler)
    assert (ending.reason, ending.exit_code, ending.is_by_hand) == (reason, 0, True)
