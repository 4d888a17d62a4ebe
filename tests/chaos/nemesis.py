"""What goes wrong, when, and where: faults drawn one after the other from a seed, each undone in its time.

Fault number 17 of a seed is always drawn alike: its kind, its target, its length. What it hits in that moment is not; where its target
does not run, another kind is drawn. Every kind is a method of ``Faults``, so a campaign can be told to use some alone.
"""

import heapq
import random
from collections.abc import Callable
from contextlib import suppress

import msgspec

from nodes.io.exitlog import ExitLog
from tests.chaos.faults import KINDS, Faults
from tests.chaos.figures import Figures
from tests.chaos.isolation import Isolation
from tests.chaos.running import Mesh
from tests.chaos.secondstart import Ended
from tests.chaos.stops import Stopper

LOOK_S = 0.5
TRIES_MAX = 5
"""Kinds that are tried for one fault: the first may have no target that runs."""
OPERATOR_S = 3.0
"""So long after a process stayed down the operator starts it again."""


class Fault(msgspec.Struct):
    """One fault: when it began (seconds of the campaign), its kind, and in words whom it hit and how."""

    at_s: float
    kind: str
    what: str


class Nemesis:
    """Draws and undoes faults while the campaign's loop calls ``poll``."""

    def __init__(
        self, mesh: Mesh, seed: int, kinds: list[str], apart_s: tuple[float, float], figures: Figures, stopper: Stopper
    ) -> None:
        self.faults: list[Fault] = []
        self.restarted: list[str] = []
        """What the operator had to start again."""
        self._mesh = mesh
        self._seed = seed
        self._draw = draw = random.Random(f"faults {seed}")
        self._number = 0
        self._apart_s = apart_s
        self._kinds = {kind: KINDS[kind] for kind in kinds}
        self._rest: list[str] = []
        self._acts = Faults(mesh, draw, self._later, figures, stopper)
        self._undo: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._began_s = self._next_s = 0.0
        self._now_s = 0.0
        self._down: dict[str, float] = {}
        """Process that stays down → since when."""
        self._looked_s = 0.0
        self.exits: dict[str, int] = {}
        """How processes ended by themselves → how often."""
        self._exit_log: ExitLog | None = None

    def begin(self, now_s: float) -> None:
        """The first fault comes soon."""
        self._began_s = self._now_s = now_s
        self._next_s = now_s + self._apart_s[0]

    def poll(self, now_s: float, is_open: bool) -> None:
        """Undo what is over, look after what stays down, and where faults are on begin the next."""
        self._now_s = now_s
        while self._undo and self._undo[0][0] <= now_s:
            heapq.heappop(self._undo)[2]()
        self._count_exits()
        self._operate(now_s)
        self._acts.look(now_s)
        if is_open and now_s >= self._next_s:
            self._strike(now_s)
            self._next_s = now_s + self._draw.uniform(*self._apart_s)

    def _strike(self, now_s: float) -> None:
        """One fault of the next kind that can be done now. Each kind once, then by weight: a short round has them all."""
        if not self._number:
            self._rest = list(self._kinds)
            self._draw.shuffle(self._rest)
        self._number += 1
        self._draw.seed(f"fault {self._seed} {self._number}")
        for _ in range(TRIES_MAX):
            kind = self._rest.pop(0) if self._rest else self._draw.choices(list(self._kinds), list(self._kinds.values()))[0]
            what = getattr(self._acts, kind)(now_s)
            if what:
                self.faults.append(Fault(round(now_s - self._began_s, 3), kind, what))
                return
            if not self.counts[kind]:
                self._rest.append(kind)

    def _later(self, after_s: float, undo: Callable[[], None]) -> None:
        self._serial += 1
        heapq.heappush(self._undo, (self._now_s + after_s, self._serial, undo))

    def heal(self, now_s: float) -> None:
        """Undo everything; what was prepared and has not happened never will."""
        while self._undo:
            heapq.heappop(self._undo)[2]()
        self._acts.heal(now_s)

    def _operate(self, now_s: float) -> None:
        """Start what stays down again, as its operator would after a look at it."""
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        down = self._mesh.down()
        for process in down:
            since_s = self._down.setdefault(process, now_s)
            if now_s - since_s >= OPERATOR_S:
                del self._down[process]
                self.restarted.append(process)
                self._mesh.restart(process)
        for process in [process for process in self._down if process not in down]:
            del self._down[process]

    def _count_exits(self) -> None:
        if self._exit_log is None:
            if not self._mesh.state.exists():
                return
            self._exit_log = ExitLog(self._mesh.state / "log" / "supervisord.log")
        for item in self._exit_log.news():
            role = item.process.rstrip("0123456789").rstrip("-")
            key = f"{role} {item.how}"
            self.exits[key] = self.exits.get(key, 0) + 1

    @property
    def seconds(self) -> list[Ended]:
        """How second copies of nodes ended."""
        return self._acts.seconds

    @property
    def isolations(self) -> list[Isolation]:
        """When locals were cut off from everybody."""
        return self._acts.isolations

    @property
    def second_copy(self) -> str:
        """The node of which a second copy still runs; empty: none."""
        return self._acts.second.node if self._acts.second is not None else ""

    @property
    def counts(self) -> dict[str, int]:
        """Faults by kind."""
        counts: dict[str, int] = dict.fromkeys(self._kinds, 0)
        for fault in self.faults:
            counts[fault.kind] += 1
        return counts

    @property
    def has_all(self) -> bool:
        """Whether each kind has been."""
        return all(self.counts.values())

    def close(self) -> None:
        """Leave nothing of its own behind."""
        with suppress(OSError):
            self._acts.close()
