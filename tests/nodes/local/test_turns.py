"""What the worker is at between orders: looks, reads and errands take turns, however long each takes and however many there are."""

from typing import Any

from mesh.messages.base import Msg
from mesh.messages.control import Command
from mesh.messages.venue import VenueFind, VenueRead
from mesh.units import E8, MS_NS
from tests.nodes.local.localrig import Rig, make_config
from tests.nodes.local.test_local_hands import freeze, operator_of
from tests.nodes.local.test_lostattempts import seen
from tests.nodes.local.test_resolving import LostDesk

RAILS = "\n".join(f'{rail} = "off"' for rail in ("duplicate_window_ms", "positions_per_symbol_count", "positions_count"))
LOST_COUNT = 8
LOOK_MS = 1_000
"""All looks together last longer than the pause after which one is looked for again."""


class BusyDesk(LostDesk):
    """Closes whose results are lost, and a terminal that needs a second for a look; one more position is free."""

    def __init__(self) -> None:
        Rig.__init__(self, make_config(rails=RAILS))
        self.operator = operator_of(self)
        self.number = 0
        self.venue.look = seen
        self.asked: list[Msg] = []
        """What the worker was asked, in order."""
        openings = [self._opened(f"o{number}") for number in range(LOST_COUNT + 1)]
        *_, self.free = self.venue.held
        self.venue.script = lambda send: send.position_ticket == self.free or self.venue.result(send, "UNKNOWN", 10012)
        handle = self.venue.handle

        def slow(message: Any, now_ns: int) -> Any:
            self.asked.append(message)
            after_ns = LOOK_MS * MS_NS if isinstance(message, VenueFind) else 0
            return [(after_ns + answer_ns, answer) for answer_ns, answer in handle(message, now_ns)]

        self.venue.handle = slow  # type: ignore[method-assign]
        self.lost = [self.close(opening, f"c{number}", left_e8=E8 // 200) for number, opening in enumerate(openings[:-1])]
        self.until(lambda: len(self.local()._desk.jobs.unknown()) == LOST_COUNT, 30_000)

    def _opened(self, word: str) -> bytes:
        oid = self.open(word, volume_e8=E8 // 100)
        self.until(lambda: any(outcome.oid == oid and outcome.code == "FILLED" for outcome in self.master.outcomes))
        self.run(600)
        return oid

    def finds(self) -> list[VenueFind]:
        """The looks that were asked for."""
        return [message for message in self.asked if isinstance(message, VenueFind)]

    def errand(self, verb: str, **changes: Any) -> list[Msg]:
        """What the worker is asked from a command on until its last answer."""
        fields: dict[str, Any] = {"oid": self.lost[0], "ticket": 50_101, "reason": "broker says so"} if verb == "resolve" else {}
        asked = Command(b"z" * 16, "ann@desk", verb, "account:one", 0, False, 0, 0, False, **fields)
        self.asked.clear()
        self.say(asked)
        self.until(lambda: any(answer.last for answer in self.answers(asked.id)), 120_000)
        return list(self.asked)


def test_a_read_that_is_wanted_goes_before_the_next_look() -> None:
    """A state is wanted more often than a look takes: no two looks follow each other, and states are told all the time."""
    desk = BusyDesk()
    desk.asked.clear()
    told = len(desk.master.states)
    desk.run(20_000)
    assert len(desk.finds()) >= 15
    pairs = zip(desk.asked, desk.asked[1:], strict=False)
    assert not any(isinstance(one, VenueFind) and isinstance(next_, VenueFind) for one, next_ in pairs)
    assert len([state for state in desk.master.states[told:] if state.account == "one"]) >= 15


def test_each_lost_attempt_has_its_look() -> None:
    """Who waits longest is next: the first ones, due again, do not keep the last ones waiting."""
    desk = BusyDesk()
    desk.asked.clear()
    desk.run(3 * LOST_COUNT * LOOK_MS)
    counts = [len([find for find in desk.finds() if find.oid == oid]) for oid in desk.lost]
    assert min(counts) >= 2
    assert max(counts) - min(counts) <= 1


def test_flatten_is_not_kept_waiting_by_looks() -> None:
    """The free position is closed after two looks at most, though eight attempts are being looked for."""
    desk = BusyDesk()
    desk.run(5_000)
    desk.asked.clear()
    desk.say(freeze(1, level="FLATTEN"))
    desk.until(lambda: desk.free not in desk.venue.held, 60_000)
    assert len(desk.finds()) <= 2


def test_resolve_is_not_kept_waiting_by_looks() -> None:
    """Its books are read after two looks at most."""
    desk = BusyDesk()
    asked = desk.errand("resolve")
    assert len([message for message in asked if isinstance(message, VenueFind)]) <= 2


def test_reconcile_reads_the_books_once_each_lost_attempt_was_looked_for() -> None:
    """Reads pass meanwhile; its own reading comes after a look for each."""
    desk = BusyDesk()
    under_way = desk.asked[-1:]
    asked = desk.errand("reconcile")
    first = next(index for index, message in enumerate(asked) if isinstance(message, VenueRead) and message.anew)
    before = under_way + asked[:first]
    assert {find.oid for find in before if isinstance(find, VenueFind)} == set(desk.lost)
    assert any(isinstance(message, VenueRead) for message in before)
