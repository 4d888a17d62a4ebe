"""A drill comes by both routers and is one drill; a stop that comes twice is said once, when it is durable."""

from typing import Any

from mesh.codec import encode
from mesh.core import Commit, Envelope, Send
from mesh.messages.control import FREEZE, Drill, Drilled, Entry, KillSetPart, Latched
from nodes.stops import DRILL_ROW, KILL_ITEM
from tests.nodes.local.localrig import Rig, make_config


class Brought(Rig):
    """A local whose words to its routers and rows are noted."""

    def __init__(self) -> None:
        super().__init__(make_config())
        self.ready()
        self.run(1_000)
        self.effects: list[Any] = []
        self.net.on_effect = lambda place, effect: self.effects.append(effect) if place.name == "local-1" else None

    def bring(self, link: str, message: Any) -> None:
        self.net.deliver("local-1", self.net.now_ns, Envelope(link, 0, message, (encode(message),)))

    def rows(self, kind: str) -> int:
        return sum(put.kind == kind for effect in self.effects if isinstance(effect, Commit) for put in effect.puts)

    def links(self, kind: type) -> list[str]:
        return [effect.link for effect in self.effects if isinstance(effect, Send) and isinstance(effect.message, kind)]


def entry(nonce: int) -> Entry:
    return Entry("operator", nonce, nonce, FREEZE, "all", "test")


def test_a_drill_that_both_routers_bring_is_durable_once_and_answered_once_to_each() -> None:
    """Asked for again, because its answer was lost, it is answered again there alone; another drill is another one."""
    rig = Brought()
    first = Drill(rig.keys.signer("operator").signed(entry(1), is_drill=True))
    rig.bring("locals.0", first)
    rig.bring("locals.1", first)
    rig.run(50)
    assert (rig.rows(DRILL_ROW), rig.links(Drilled)) == (1, ["locals.0", "locals.1"])
    rig.bring("locals.1", first)
    rig.run(50)
    assert (rig.rows(DRILL_ROW), rig.links(Drilled)[2:]) == (1, ["locals.1"])
    rig.bring("locals.1", Drill(rig.keys.signer("operator").signed(entry(2), is_drill=True)))
    rig.run(50)
    assert (rig.rows(DRILL_ROW), len(rig.links(Drilled))) == (2, 5)


def test_a_drill_that_is_refused_is_looked_at_again() -> None:
    """Nothing of it is remembered: the good one with the same body is taken."""
    rig = Brought()
    good = rig.keys.signer("operator").signed(entry(1), is_drill=True)
    bad = type(good)(good.body, bytes(64))
    rig.bring("locals.0", Drill(bad))
    rig.run(50)
    assert rig.links(Drilled) == []
    rig.bring("locals.0", Drill(good))
    rig.run(50)
    assert rig.links(Drilled) == ["locals.0", "locals.1"]


def test_the_other_routers_copy_of_a_stop_needs_no_word_before_the_first_is_durable() -> None:
    """Then LATCHED is said to both; asked again, it is said again."""
    rig = Brought()
    part = KillSetPart([rig.keys.signer("operator").sign(entry(1))])
    rig.bring("locals.0", part)
    rig.bring("locals.1", part)
    rig.run(1)
    assert (rig.rows(KILL_ITEM), rig.links(Latched)) == (1, ["locals.0", "locals.1"])
    rig.bring("locals.1", part)
    rig.run(1)
    assert len(rig.links(Latched)) == 4
