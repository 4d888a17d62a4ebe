"""How long signals and outcomes take at the master, told in its health."""

from mesh.links import REPLAY
from mesh.messages.health import StageSummary
from mesh.messages.outcomes import OutcomeAck
from mesh.stages import ACK, INTERVAL_NS, PUBLISH
from mesh.units import MS_NS
from tests.nodes.master.masterrig import ROUTER, Rig


def told(rig: Rig) -> dict[str, StageSummary]:
    """The stages of the interval that ends now."""
    rig.now_ns += INTERVAL_NS
    return {summary.name: summary for summary in rig.master.stages(rig.now_ns)}


def test_a_signal_and_an_outcome_take_until_they_are_durable() -> None:
    """From their coming to what is sent because of them, the commit between."""
    rig = Rig().ready()
    rig.master.stages(rig.now_ns)
    rig.held = []
    rig.signal()
    rig.now_ns += 2 * MS_NS
    assert not rig.orders()
    rig.release()
    order = rig.orders()[0]
    rig.held = []
    rig.give(REPLAY, rig.outcome(order), ROUTER)
    rig.now_ns += 5 * MS_NS
    assert not rig.take(OutcomeAck)
    rig.release()
    assert rig.take(OutcomeAck)
    stages = told(rig)
    assert {name: (stage.count, stage.p50_ns, stage.max_ns) for name, stage in stages.items()} == {
        PUBLISH: (1, 2 * MS_NS, 2 * MS_NS), ACK: (1, 5 * MS_NS, 5 * MS_NS),
    }  # fmt: skip


def test_what_a_new_epoch_sends_again_is_no_signal() -> None:
    """Its stamps are of another life, perhaps of another boot of the machine: a new life has told nothing yet."""
    rig = Rig().ready()
    rig.signal()
    rig.fill(rig.orders()[0])
    rig.boot()
    rig.master.stages(rig.now_ns)
    rig.welcome()
    rig.router_up()
    assert told(rig) == {}


def test_what_the_master_was_told_before_is_acked_at_once_and_not_counted() -> None:
    """A repeat waits for no disk."""
    rig = Rig().ready()
    rig.signal()
    outcome = rig.outcome(rig.orders()[0])
    rig.master.stages(rig.now_ns)
    for _ in range(3):
        rig.give(REPLAY, outcome, ROUTER)
    assert told(rig)[ACK].count == 1
