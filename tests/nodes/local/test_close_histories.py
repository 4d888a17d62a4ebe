"""Histories by seed: openings, closes, lost answers, lots of others, and a local that dies at its commits.

Whatever happens, lots that are closed are lots that were opened, nobody else's lots are touched, and a line ends once.
"""

import random

import pytest

from mesh.messages.base import Msg
from mesh.messages.venue import VenueLost, VenueSend
from mesh.units import E8
from tests.nodes.local.fakevenue import FakeVenue
from tests.nodes.local.localrig import Boundary, Rig
from tests.nodes.local.nettingvenue import LOTS_E8, NettingVenue, netting_rig

STEPS = 14


class History:
    """One history, and what is known of it from outside."""

    def __init__(self, kind: str, seed: int) -> None:
        self.chance = random.Random(f"{kind} {seed}")
        self.venue: FakeVenue
        if kind == "netting":
            self.rig, self.venue = netting_rig()
        else:
            self.rig = Rig().ready()
            self.venue = self.rig.venue
        self.venue.script = self.executed
        self.trouble = 0.2
        """How often an answer is lost, or a close is done in part."""
        self.openings: list[bytes] = []
        self.closes: list[bytes] = []
        self.foreign_e8 = self.closed_e8 = 0
        """Lots of others that are held; lots our closes have closed."""

    def executed(self, send: VenueSend) -> Msg:
        """What is asked is done, in part or as a whole; the answer may be lost."""
        is_in_part = send.action == "CLOSE" and send.volume_e8 > E8 // 50 and self.chance.random() < self.trouble
        before_e8 = self.held_e8
        answer = self.venue.execute(send, E8 // 100 if is_in_part else 0)
        if send.action == "CLOSE":
            self.closed_e8 += before_e8 - self.held_e8
        assert self.held_e8 >= self.foreign_e8, "lots of somebody else were closed"
        return VenueLost("killed") if self.chance.random() < self.trouble else answer

    @property
    def held_e8(self) -> int:
        """Lots held in all."""
        return sum(held.volume_e8 for held in self.venue.held.values())

    @property
    def opened_e8(self) -> int:
        """Lots opened by us."""
        return LOTS_E8 * sum(self.venue.opened_count(oid) for oid in self.openings)

    def step(self, number: int) -> None:
        """One thing happens."""
        rig, chance = self.rig, self.chance
        what = chance.choice(("open", "open", "close", "part", "foreign", "crash", "crash"))
        if what == "open":
            self.openings.append(rig.open(f"o{number}"))
        elif what in ("close", "part") and self.openings:
            left_e8 = LOTS_E8 // 2 if what == "part" else 0
            self.closes.append(rig.close(chance.choice(self.openings), f"c{number}", left_e8))
        elif what == "foreign" and isinstance(self.venue, NettingVenue):
            self.foreign_e8 += LOTS_E8
            self.venue.add_foreign(LOTS_E8)
        elif what == "crash":
            commit = rig.net.commits.get("local-1", 0) + chance.randint(1, 4)
            rig.net.boundary = Boundary("local-1", commit, chance.random() < 0.5)
        rig.run(chance.choice((1, 20, 700)))
        if rig.net.places["local-1"].core is None:
            rig.net.restart("local-1")
            rig.run(chance.choice((1, 4_000)))

    def end(self) -> None:
        """Nothing goes wrong any more: everything is closed, and every line has ended."""
        rig = self.rig
        rig.net.boundary, self.trouble = None, 0
        rig.until(lambda: self.are_ended(), 300_000)
        for number, oid in enumerate(self.openings):
            self.closes.append(rig.close(oid, f"end{number}"))
        rig.until(lambda: self.are_ended(), 300_000)
        rig.run(3_000)

    def are_ended(self) -> bool:
        """Whether every line has ended."""
        ended = {outcome.oid for outcome in self.rig.master.outcomes if outcome.final}
        return ended >= {*self.openings, *self.closes}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["hedging", "netting"])
def test_closes_are_exact(kind: str, seed: int) -> None:
    """At the end all of ours is closed and told so, and the rest stands."""
    history = History(kind, seed)
    for number in range(STEPS):
        history.step(number)
    history.end()
    final = [outcome for outcome in history.rig.master.outcomes if outcome.final]
    assert len({outcome.oid for outcome in final}) == len(final), "a line ended twice"
    assert history.held_e8 == history.foreign_e8
    assert history.closed_e8 == history.opened_e8
    assert sum(outcome.volume_e8 for outcome in final if outcome.action == "CLOSE") == history.closed_e8
    assert all(history.venue.opened_count(oid) <= 1 for oid in history.openings)
