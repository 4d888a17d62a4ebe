"""One campaign: a mesh comes up, faults and load for so long, then all heals, everything is closed, and the books are compared."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from mesh.config import Config
from mesh.view import freshness
from nodes.io.cli.client import Client
from nodes.io.cli.operate import unready
from nodes.io.doorfiles import client_door
from nodes.io.keyfiles import operator_signer
from tests.chaos.figures import Figures
from tests.chaos.load import Load
from tests.chaos.nemesis import Nemesis
from tests.chaos.proxies import OPERATOR
from tests.chaos.running import Mesh, running
from tests.chaos.stops import Stop, Stopper
from tests.e2e.meshrig import Rig

COME_UP_S = 240.0
MORE_S = 60.0
"""A short campaign goes on for so long at most until each kind of fault has been."""
HEAL_S = 60.0
"""Once all is healed every node is ready within this."""
SETTLE_S = 120.0
"""L1: UNKNOWN is over within this, and so is all else."""
PUMP_MS = 20
STILL_S = 3.0
"""So long nothing may be open in what is published before the books are taken."""


Found = TypeVar("Found")


class Wishes(msgspec.Struct, frozen=True):
    """What a campaign is to be."""

    seed: int
    seconds: float
    locals_count: int
    signal_rate: float
    kinds: list[str]
    apart_s: tuple[float, float] = (1.0, 2.0)
    """Between two faults: one every two seconds at least."""
    is_told: bool = False


class Course(msgspec.Struct):
    """What a campaign came to, before its books are read."""

    seconds: float
    load: Load
    nemesis: Nemesis
    figures: Figures
    stops: list[Stop]
    stuck: list[str]
    """Who was not done in time after all had healed."""
    exit_code: int | None
    """Of `mesh up` after Ctrl-C; None: it did not end."""
    output: str


class Campaign:
    """A mesh, its load, its nemesis and the client that watches."""

    def __init__(self, mesh: Mesh, wishes: Wishes) -> None:
        self._mesh = mesh
        self._wishes = wishes
        self._client = Client(mesh.config, mesh.state)
        self.figures = Figures(mesh.config, self._client)
        table = {(route.dialler, route.endpoint): route.detour for route in mesh.proxies.routes}
        (endpoint,) = [detour for (dialler, _), detour in table.items() if dialler == OPERATOR]
        door = client_door(mesh.config, mesh.state)
        self.load = Load(mesh.config, endpoint, door, random.Random(f"load {wishes.seed}"), wishes.signal_rate)
        self.stopper = Stopper(self._client, None, random.Random(f"stops {wishes.seed}"))
        self.nemesis = Nemesis(mesh, wishes.seed, wishes.kinds, wishes.apart_s, self.figures, self.stopper)
        self._told_s = 0.0

    def run(self) -> Course:
        """From the start to the end of `mesh up`."""
        began_s = time.monotonic()
        self._until(self._is_ready, COME_UP_S, False)
        assert self._is_ready(), f"the mesh did not come up: {unready(self._mesh.config, self._client)}"
        self.stopper.signer = operator_signer(self._mesh.config, self._mesh.state, None)
        self.nemesis.begin(time.monotonic())
        faults_s = time.monotonic()

        def is_over() -> bool:
            return time.monotonic() - faults_s >= self._wishes.seconds and self.nemesis.has_all

        self._until(is_over, self._wishes.seconds + MORE_S, True)
        self.nemesis.heal(time.monotonic())
        self.stopper.release(time.monotonic())
        lasted_s = time.monotonic() - faults_s
        stuck = self._settle()
        self.figures.end()
        code, output = self._mesh.finish()
        self._say(f"ended after {time.monotonic() - began_s:.0f} s, exit {code}")
        return Course(lasted_s, self.load, self.nemesis, self.figures, self.stopper.stops, stuck, code, output)

    def _settle(self) -> list[str]:
        """Nodes come back, what is open is closed, and then nothing is open any more; who is stuck."""
        if not self._until(lambda: self._is_ready() and not self.stopper.is_busy, HEAL_S, False):
            return [*unready(self._mesh.config, self._client), *["an undo is not taken everywhere"] * self.stopper.is_busy]
        self.load.close_all()
        still_s = [time.monotonic()]

        def is_still() -> bool:
            if self.open_words():
                still_s[0] = time.monotonic()
            return time.monotonic() - still_s[0] >= STILL_S

        self._until(is_still, SETTLE_S, False)
        return self.open_words()

    def open_words(self) -> list[str]:
        """What is not over yet, as the nodes publish it."""
        words = open_words(self._mesh.config, self._client, self.load)
        if self.nemesis.second_copy:
            words.append(f"a second copy of {self.nemesis.second_copy} runs")
        return words

    def _is_ready(self) -> bool:
        return not unready(self._mesh.config, self._client)

    def _until(self, done: Callable[[], bool], limit_s: float, is_open: bool) -> bool:
        """Turn the campaign's wheel until something is so; False where it was not in time."""
        end_s = time.monotonic() + limit_s
        while not done():
            now_s = time.monotonic()
            if now_s >= end_s:
                return False
            self._mesh.check()
            self.stopper.heard(self._client.pump(PUMP_MS))
            self.stopper.poll(now_s)
            self.figures.look(now_s)
            market = self._client.health_of(self._mesh.config.nodes_of("market")[0])
            self.load.market_ns = market.market_ns if market else 0
            self.load.poll(now_s, is_open)
            self.nemesis.poll(now_s, is_open)
            self._tell(now_s)
        return True

    def _tell(self, now_s: float) -> None:
        if now_s - self._told_s < 10:
            return
        self._told_s = now_s
        view = self._client.view
        states = [freshness(self._client.now_ns() - at_ns) for at_ns, _ in view.nodes.values()]
        master = self._client.health_of(self._mesh.config.nodes_of("master")[0])
        facts = master.facts if master else {}
        self._say(
            f"{len(self.nemesis.faults)} faults, {len(self.load.sent)} signals ({len(self.load.waiting)} unanswered), "
            f"lines {facts.get('lines', '?')}, {facts.get('states', '')}; "
            f"nodes fresh {states.count('fresh')} of {len(self._mesh.config.node)}"
        )

    def _say(self, words: str) -> None:
        if self._wishes.is_told:
            print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)

    def close(self) -> None:
        """Leave."""
        self.nemesis.close()
        self.load.close()
        self._client.close()


def open_words(config: Config, client: Client, load: Load) -> list[str]:
    """What is not over yet, as the nodes publish it: who is not ready, lines and orders without an end, signals without an answer."""
    words = unready(config, client) + [f"signal {sid} has no answer" for sid in load.waiting]
    for name in config.nodes_of("master"):
        health = client.health_of(name)
        facts = health.facts if health else {}
        if facts.get("open_lines", "?") != "0":
            words.append(f"{name} has {facts.get('open_lines', '?')} open lines: {facts.get('states', '')}")
    for name in config.nodes_of("local"):
        health = client.health_of(name)
        facts = health.facts if health else {}
        words += [f"{name} has {key} {facts.get(key, '?')}" for key in ("unknown", "unacked", "in_hand") if facts.get(key, "?") != "0"]
    return words


def run_campaign(folder: Path, text: str, wishes: Wishes, read: Callable[[Mesh, Course], Found]) -> Found:
    """Run a campaign in a folder; ``read`` is given the mesh that has ended and what it came to."""
    with running(Rig(folder, text)) as mesh:
        campaign = Campaign(mesh, wishes)
        try:
            course = campaign.run()
        finally:
            campaign.close()
        return read(mesh, course)
