"""The life of a run from its start to its end: watched until something ends it, then drained and stopped in order."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from mesh.config import Config
from mesh.phases import DONE, UP_PHASES
from nodes.io.cli import screen
from nodes.io.cli.client import Client
from nodes.io.cli.rollcall import RollCall
from nodes.io.fleet import ASK_TO_END, Fleet, FleetDown

LOOK_S = 1.0
"""How often supervisord is asked for processes that ended."""
START_S = 30.0
"""So long every node has to come up: who ends the run before that by hand misses nobody."""
COME_UP_S = 5.0
"""After a feed that was over before all were seen to be up, the rest is waited for so long."""
NEEDED_ROLES = {"market", "broker", "indicator", "signals", "master"}
"""Without one of them nothing is decided or executed."""
SETTLE_S = 1.5
"""After the feed's end: one more snapshot, so that the last numbers shown are those after the last trade."""
END_OF_FEED = "end of the feed"
HANGUP = getattr(signal, "SIGHUP", None)
"""The terminal it was started on is gone; Windows has no such signal."""
BY_HAND = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM", ASK_TO_END: "mesh down"} | (
    {HANGUP: "SIGHUP (its terminal was closed)"} if HANGUP is not None else {}
)
"""Signals that end a run, by what they are called."""
CONSOLE_LEFT = "the console"
"""The run was shown on a console, which was left."""


class Ending:
    """Why and when the run is to end; signals only set it."""

    def __init__(self) -> None:
        self.reason = ""
        self.exit_code = 0

    def ask(self, reason: str, exit_code: int = 0) -> None:
        """Remember the first reason."""
        if not self.reason:
            self.reason, self.exit_code = reason, exit_code

    def listen(self) -> None:
        """Take the signals that end a run. Whoever had a hang-up ignored (``nohup``) wants it to go on after that."""
        shown_on = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]
        for number in BY_HAND:
            if number != HANGUP:
                signal.signal(number, lambda number, _frame: self.ask(BY_HAND[signal.Signals(number)]))
            elif signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, lambda number, _frame: self._hang_up(shown_on))

    def _hang_up(self, shown_on: list[int]) -> None:
        """Nobody reads any more: what is said goes nowhere, for a write to a terminal that is gone would end the run before its drain."""
        assert HANGUP is not None
        self.ask(BY_HAND[HANGUP])
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in shown_on:
            os.dup2(nowhere, stream)
        os.close(nowhere)

    @property
    def is_by_hand(self) -> bool:
        """Whether an operator asked for it."""
        return self.reason == CONSOLE_LEFT or self.reason in BY_HAND.values()


class Run:
    """A mesh that was started."""

    def __init__(self, config: Config, fleet: Fleet, client: Client, ending: Ending) -> None:
        self._config = config
        self._fleet = fleet
        self._client = client
        self._ending = ending
        self._started_s = time.monotonic()
        self.roll = RollCall(fleet)

    @property
    def elapsed_s(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started_s

    def watch(self, for_s: float | None, shown_on: screen.Screen) -> None:
        """Show the mesh until something ends it."""
        ending, looked_s = self._ending, 0.0
        with shown_on as show:
            while not ending.reason:
                self._client.pump(100)
                if for_s is not None and self.elapsed_s >= for_s:
                    ending.ask(f"--for {for_s:g}")
                if self._market_phase() == DONE:
                    ending.ask(END_OF_FEED)
                if not self._fleet.alive():
                    ending.ask(f"the end of supervisord: {self._fleet.last_words()}", 1)
                if self.elapsed_s >= looked_s + LOOK_S:
                    looked_s = self.elapsed_s
                    self.look(show)
                show.update(self.elapsed_s)
            if ending.reason == END_OF_FEED:
                self._client.pump_for(SETTLE_S)
                show.update(self.elapsed_s)
            self._call_the_roll(show)

    def look(self, show: screen.Screen) -> None:
        """Tell of processes that ended. Before the market has opened it never will without those all need.

        Later the rest goes on: closes, stops and local management must not end with one node.
        """
        try:
            for words in self.roll.look(self._client.view):
                show.tell(words)
        except FleetDown:
            return  # not up yet, or ended: the watch sees that itself
        is_open = self._market_phase() in UP_PHASES
        processes = self._fleet.processes()
        for process, code in self.roll.given_up.items():
            roles = {self._config.role_of(node) for node in processes[process]}
            if not is_open and roles & NEEDED_ROLES:
                self._ending.ask(self.roll.down[process], code)

    def _call_the_roll(self, show: screen.Screen) -> None:
        """Who is up at the end, and who never was though there was time."""
        self.look(show)
        if self._ending.is_by_hand and self.elapsed_s < START_S:
            return
        if self._ending.reason == END_OF_FEED:
            _until(self._all_came_up, self._client, COME_UP_S)
        self.roll.miss(self._client.view)

    def _all_came_up(self) -> bool:
        """Whether everybody is up, also who was started again just before the end, but for those that stay down."""
        with suppress(FleetDown):
            self.roll.look(self._client.view)
        return not self.roll.absent() and self.roll.down.keys() <= self.roll.given_up.keys()

    def _market_phase(self) -> str:
        """What the market says of itself; DONE: all is played and settled."""
        seen = self._client.view.nodes.get(self._config.nodes_of("market")[0])
        return seen[1].phase if seen else ""

    def drain(self) -> None:
        """Stop the feed, wait for open lines (timers.drain_ms at most), then stop the rest in order."""
        if not self._fleet.alive():
            return
        with suppress(FleetDown):  # it may end at any moment: then there is nothing left to stop
            first, *groups = self._fleet.stop_groups()
            self._stop(first)
            _until(lambda: self._open_lines() == 0, self._client, self._config.settings.timers.drain_ms / 1_000)
            self._client.pump_for(0.3)
            for group in groups:
                self._stop(group)

    def _stop(self, processes: list[str]) -> None:
        self._fleet.stop(processes)
        _until(partial(self._fleet.are_stopped, processes), self._client, self._fleet.stop_s + 1)

    def _open_lines(self) -> int:
        """Lines the master says are not terminal yet."""
        seen = self._client.view.nodes.get(self._config.nodes_of("master")[0])
        return int(seen[1].facts.get("open_lines", "0")) if seen else 0


def _until(done: Callable[[], bool], client: Client, limit_s: float) -> bool:
    end_s = time.monotonic() + limit_s
    while not done():
        if time.monotonic() >= end_s:
            return False
        client.pump(50)
    return True
