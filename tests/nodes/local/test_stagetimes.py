"""How long the stages of a local's orders take, broker and mesh apart, and how far its clock is from the master's; told in its health."""

import msgspec
import pytest

from mesh import links
from mesh.clockoffset import UNKNOWN
from mesh.core import Envelope, WallStep
from mesh.messages.base import Msg
from mesh.messages.health import StageSummary
from mesh.messages.venue import VenueSend
from mesh.stages import BROKER, HAND_OVER, INTENT, INTERVAL_NS, TOLD
from mesh.units import MS_NS, SECOND_NS, US_NS
from tests.nodes.local.localrig import Rig

HANDED_NS, CALL_NS = 150 * US_NS, 20 * MS_NS
"""From the INTENT to the terminal's call, and how long that takes."""
CLOCK_NS = 10_000 * SECOND_NS
"""What the master's clock is ahead of virtual time."""


class Timed(Rig):
    """A rig whose venue stamps its calls, by the clock of the first local."""

    def __init__(self) -> None:
        super().__init__()
        self.venue.script = self.stamped
        self.venue.delay_ns = HANDED_NS + CALL_NS
        self.refusals = 0

    def local_ns(self) -> int:
        """What the clock of the first local shows."""
        return self.net.places["local-1"].clock.local_ns(self.net.now_ns)

    def stamped(self, send: VenueSend) -> list[Msg]:
        """Requotes as often as there are refusals left, then what is asked; each as long as a call takes."""
        self.refusals -= 1
        result = self.venue.result(send, "RETRY", 10004) if self.refusals >= 0 else self.venue.execute(send)
        called_ns = self.local_ns() + HANDED_NS
        return [msgspec.structs.replace(result, called_ns=called_ns, answered_ns=called_ns + CALL_NS)]

    def begin(self) -> "Timed":
        """Both trade; an interval begins."""
        self.ready()
        self.local().stages(self.local_ns())
        return self

    def told(self) -> dict[str, StageSummary]:
        """The stages of the interval that ends now."""
        return {summary.name: summary for summary in self.local().stages(self.local_ns() + INTERVAL_NS)}


def test_an_order_passes_four_stages() -> None:
    """Each by the local's own clock; the broker's time is one of its own and in none of the others."""
    rig = Timed().begin()
    rig.open()
    rig.until(lambda: not rig.local()._state.reports.pending and rig.master.codes() == ["FILLED"])
    stages = rig.told()
    assert list(stages) == [INTENT, HAND_OVER, BROKER, TOLD]
    assert {stage.count for stage in stages.values()} == {1}
    commit_ns = rig.net.places["local-1"].disk.commit_ns
    assert (stages[INTENT].max_ns, stages[HAND_OVER].max_ns, stages[BROKER].max_ns) == (commit_ns, HANDED_NS, CALL_NS)
    assert 0 < stages[TOLD].max_ns < CALL_NS


def test_each_call_counts_and_an_order_comes_once() -> None:
    """Of an order that is tried again the pauses are nobody's; its INTENT stage is that of its first attempt."""
    rig = Timed().begin()
    rig.refusals = 2
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    stages = rig.told()
    assert {name: stages[name].count for name in (INTENT, HAND_OVER, BROKER)} == {INTENT: 1, HAND_OVER: 3, BROKER: 3}
    assert (stages[HAND_OVER].max_ns, stages[BROKER].max_ns) == (HANDED_NS, CALL_NS)


def test_an_intent_waits_for_a_read_after_it_is_durable() -> None:
    """That is the worker's time, not the disk's."""
    rig = Timed().begin()
    answer = rig.venue.handle
    rig.venue.handle = lambda message, now_ns: [(delay_ns * 20, said) for delay_ns, said in answer(message, now_ns)]  # type: ignore[method-assign]
    rig.until(lambda: rig.local()._desk.at == "READ")
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    stages = rig.told()
    assert stages[INTENT].max_ns == rig.net.places["local-1"].disk.commit_ns
    assert stages[HAND_OVER].max_ns > HANDED_NS + MS_NS


def test_call_that_was_not_made_took_no_time() -> None:
    """What the worker hands back unsent has no stamps."""
    rig = Timed().begin()
    rig.venue.script = lambda send: msgspec.structs.replace(
        rig.venue.result(send, "UNSENT", detail="DEADLINE late_ns=1"), called_ns=0, answered_ns=0
    )
    rig.open()
    rig.until(lambda: rig.master.codes() == ["EXPIRED"] and not rig.local()._state.reports.pending)
    assert list(rig.told()) == [TOLD]


def test_what_an_earlier_life_began_is_not_measured() -> None:
    """A close of the store has its call measured, not the time since it came: the clock it came by may be of another boot."""
    rig = Timed().begin()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.venue.script = lambda send: None
    rig.close(oid)
    rig.until(lambda: rig.local()._desk.at == "SEND")
    rig.net.crash("local-1")
    rig.venue.script = rig.stamped
    rig.net.restart("local-1")
    rig.begin()
    rig.until(lambda: len(rig.master.codes()) == 2, 200_000)
    stages = rig.told()
    assert INTENT not in stages
    assert stages[BROKER].count == stages[HAND_OVER].count > 0


def test_venue_of_another_clock_spoils_no_percentile() -> None:
    """A stamp before the INTENT is counted apart."""
    rig = Timed().begin()
    rig.venue.script = lambda send: True
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    stages = rig.told()
    assert HAND_OVER not in stages
    assert rig.local().counters.totals["negative_stage_count"] == 1


@pytest.mark.parametrize("ahead_ns", [-5 * SECOND_NS, 0, 3_600 * SECOND_NS])
def test_offset_of_the_masters_clock_is_within_its_error(ahead_ns: int) -> None:
    """From the grants that are asked for anyway; a clock that was moved is known no more until the next."""
    rig = Rig()
    assert rig.local().clock_offset(rig.net.now_ns) == UNKNOWN
    rig.net.places["local-1"].clock.offset_ns = CLOCK_NS - ahead_ns
    rig.net.places["master-1"].clock.offset_ns = CLOCK_NS
    rig.net.restart("local-1")
    rig.ready()
    local_ns = rig.net.places["local-1"].clock.local_ns(rig.net.now_ns)
    offset_ns, error_ns = rig.local().clock_offset(local_ns)
    assert abs(offset_ns - ahead_ns) <= error_ns < 5 * MS_NS
    rig.net.deliver("local-1", rig.net.now_ns, Envelope(links.SHELL, 0, WallStep(2 * SECOND_NS)))
    rig.until(lambda: rig.local().clock_offset(local_ns) == UNKNOWN, 5)
    rig.run(2_000)
    local_ns = rig.net.places["local-1"].clock.local_ns(rig.net.now_ns)
    assert rig.local().clock_offset(local_ns)[1] > 0
