"""CONFIRMED is never said where some process of the account could still open past the stop."""

import pytest

from mesh.config import parse
from mesh.confirmations import Confirmations, Verdict
from mesh.messages.control import CANCELLED, FLAT, KNOWN, LATCHED, TAKEN, Drilled, GrantedLife, Held, Latched, StopAnswer
from mesh.units import MS_NS, SECOND_NS
from tests.smallmesh import small_mesh

CONFIG = parse(small_mesh(routers_count=2))
KEY = b"k" * 32
BEGUN_NS = 100 * SECOND_NS
GRANT_NS = CONFIG.settings.timers.grant_ms * MS_NS


class Asked:
    """One account's answer, as words come."""

    def __init__(self, stage: str | None = LATCHED, is_drill: bool = False) -> None:
        self.now_ns = BEGUN_NS
        self.confirmations = Confirmations(KEY, stage, CONFIG, ["one"], BEGUN_NS, is_drill)

    def latched(self, life: int = 1, stage: str = LATCHED, holds: bool = True, judged: bool = True, number: int = 1) -> "Asked":
        """A life says so."""
        self.confirmations.take(word(life, stage, holds, judged, number), "router-1", self.now_ns)
        return self

    def taken(self, *nodes: str, lives: tuple[int, ...] = (), code: str = TAKEN, watched_ms: int = 60_000) -> "Asked":
        """Nodes have it, and had handed leave to these lives a tenth of a second ago."""
        granted = [GrantedLife("one", life, 100) for life in lives]
        for node in nodes:
            answer = StopAnswer(KEY, node, code, "", 0, 1, watched_ms, granted if node != "master-1" else [])
            self.confirmations.take(answer, node, self.now_ns)
        return self

    def wait(self, span_ns: int) -> "Asked":
        self.now_ns += span_ns
        return self

    @property
    def verdict(self) -> Verdict:
        (verdict,) = self.confirmations.verdicts(self.now_ns)
        return verdict


def word(life: int = 1, stage: str = LATCHED, holds: bool = True, judged: bool = True, number: int = 1) -> Latched:
    """LATCHED of a life. ``judged``: it tells how far it is with the stop."""
    held = [Held(KEY, stage, 0, 0, "left=2")] if holds and judged else []
    return Latched("one", life, "FREEZE", [KEY] if holds else [], [], number, held)


def usual(stage: str | None = LATCHED) -> Asked:
    """Both routers have the stop, and the one life has leave."""
    return Asked(stage).taken("router-1", "router-2", "master-1", lives=(1,))


def test_usual_case_is_confirmed_at_once_and_keeps_its_time() -> None:
    """Both routers know, the one life latched."""
    asked = usual().wait(5 * MS_NS).latched()
    assert (asked.verdict.is_confirmed, asked.verdict.after_ns) == (True, 5 * MS_NS)
    asked.wait(SECOND_NS)
    assert asked.verdict.after_ns == 5 * MS_NS
    assert asked.confirmations.times_ns(LATCHED) == [5 * MS_NS]


def test_without_latched_nothing_is_confirmed() -> None:
    """However sure the routers are, and however long it takes."""
    assert usual().wait(60 * SECOND_NS).verdict.why == "no LATCHED"


def test_life_that_holds_other_stops_alone_does_not_count() -> None:
    """LATCHED has to name this one."""
    assert usual().latched(holds=False).verdict.why == "no LATCHED"


def test_entry_that_an_undo_has_ended_is_not_confirmed() -> None:
    """A local still names it as known, and not as live: while one operator waits another one has resumed."""
    assert usual().latched(judged=False).verdict.why == "it holds the stop as one that was ended, or has not judged it yet"
    assert usual(stage=None).latched(judged=False).verdict.is_confirmed, "an undo is no stop: it has only to be held"


def test_other_life_with_leave_has_to_latch_too() -> None:
    """A router handed it leave before it had the stop; it counts until that has run out."""
    asked = usual().taken("router-2", lives=(2,)).latched()
    assert asked.verdict.is_confirmed, "what a router hands on after its first answer serves only who holds the stop"
    early = Asked().taken("router-1", "master-1", lives=(1,)).taken("router-2", lives=(2,)).latched()
    assert early.verdict.why == "life 2 of its local may open and has not said LATCHED"
    assert early.wait(GRANT_NS - 100 * MS_NS - 1).verdict.why
    assert early.wait(1).verdict.is_confirmed
    assert Asked().taken("router-1", "router-2", lives=(1, 2)).latched().latched(life=2).verdict.is_confirmed


def test_newest_life_speaks_for_the_account_beside_those_with_leave() -> None:
    """The life that came flat is dead, the next one has found something; or the other way round, and the dead one is waited for no more."""
    asked = usual(FLAT).latched(life=1, stage=FLAT).latched(life=2, stage=LATCHED)
    assert asked.verdict.why == "LATCHED, not FLAT: left=2"
    late = usual(FLAT).latched(life=1, stage=LATCHED).latched(life=2, stage=FLAT)
    assert not late.verdict.is_confirmed
    assert late.wait(GRANT_NS).verdict.is_confirmed


@pytest.mark.parametrize("code", [TAKEN, KNOWN])
def test_router_without_the_stop_may_have_handed_on_leave(code: str) -> None:
    """Until it says that it has it."""
    asked = Asked().taken("router-1", lives=(1,)).latched()
    assert asked.verdict.why == "router-2 has not said that it has the stop: a life may have leave from it"
    assert asked.taken("router-2", code=code).verdict.is_confirmed


def test_answer_in_parts_counts_when_all_have_come() -> None:
    """A router with very many locals."""
    asked = Asked().taken("router-1", lives=(1,)).latched()
    for index in (1, 0):
        assert not asked.verdict.is_confirmed
        asked.confirmations.take(StopAnswer(KEY, "router-2", TAKEN, "", index, 2, 60_000, []), "router-2", asked.now_ns)
    assert asked.verdict.is_confirmed


def test_silent_router_is_waited_for_until_leave_has_run_out_everywhere() -> None:
    """Since the master has the stop, new leave serves only who holds it; older leave lasts so long."""
    asked = Asked().taken("router-1", "master-1", lives=(1,)).latched()
    assert not asked.wait(GRANT_NS - 1).verdict.is_confirmed
    assert asked.wait(1).verdict.is_confirmed
    alone = Asked().taken("router-1", lives=(1,)).latched().wait(60 * SECOND_NS)
    assert not alone.verdict.is_confirmed, "nobody knows what the other router hands on, and the master may lack the stop"


def test_router_that_has_just_started_does_not_know() -> None:
    """Whom it handed leave in its life before; that has run out when it has been there for so long."""
    asked = Asked().taken("router-1", lives=(1,)).taken("router-2", watched_ms=500).latched()
    assert asked.verdict.why == "router-2 has just started: it does not know yet who may have leave from it"
    assert not asked.wait(GRANT_NS - 500 * MS_NS - 1).verdict.is_confirmed
    assert asked.wait(1).verdict.is_confirmed


@pytest.mark.parametrize(
    ("asked_for", "stage", "confirmed"), [(CANCELLED, LATCHED, False), (CANCELLED, FLAT, True), (FLAT, CANCELLED, False)]
)
def test_stage_that_was_asked_for_is_needed(asked_for: str, stage: str, confirmed: bool) -> None:
    """Each takes in those before it."""
    asked = usual(asked_for).latched(stage=stage)
    assert asked.verdict.is_confirmed is confirmed
    if not confirmed:
        assert asked.verdict.why == f"{stage}, not {asked_for}: left=2"


def test_stage_can_be_taken_back_and_older_words_do_not_count() -> None:
    """The newest number of a life stands."""
    asked = usual(FLAT).latched(stage=FLAT, number=3)
    assert asked.verdict.is_confirmed
    assert asked.latched(stage=LATCHED, number=2).verdict.is_confirmed
    assert not asked.latched(stage=CANCELLED, number=4).verdict.is_confirmed


def test_drill_hears_drills_alone_and_a_stop_hears_none() -> None:
    """What a router shows of a real stop is newer by its number; a drill's word is no LATCHED of anything."""
    drill = Asked(is_drill=True).taken("router-1", "router-2", lives=(1,)).latched(number=9)
    assert drill.verdict.why == "no LATCHED"
    drill.confirmations.take(Drilled("one", word(number=0)), "router-1", drill.now_ns)
    assert drill.verdict.is_confirmed
    stop = usual()
    stop.confirmations.take(Drilled("one", word()), "router-1", stop.now_ns)
    assert stop.verdict.why == "no LATCHED"


def test_refusals_are_kept_by_node() -> None:
    """With the code and what it was about; answers to other stops are nobody's here."""
    asked = usual().taken("router-2", code="NOT_ALLOWED")
    asked.confirmations.take(StopAnswer(b"x" * 32, "router-1", "FULL", ""), "router-1", asked.now_ns)
    assert {node: answer.code for node, answer in asked.confirmations.refusals.items()} == {"router-2": "NOT_ALLOWED"}
