"""When outcomes are acked: after quiet at once, in a rush several by one, each account by itself; again at once where one comes again."""

from mesh.links import REPLAY
from mesh.messages.outcomes import OutcomeAck
from mesh.units import MS_NS
from nodes.acks import REST_NS
from tests.nodes.master.masterrig import FREE, ROUTER, Rig, config_of


def acks(rig: Rig) -> list[tuple[str, int]]:
    return [(send.message.account, send.message.f) for send in rig.take(OutcomeAck)]  # type: ignore[attr-defined]


def test_outcomes_of_a_rush_share_an_ack_and_the_last_is_not_forgotten() -> None:
    """The first at once; what follows within the rest together, by the next outcome after it or by the timer."""
    rig = Rig(config_of(2, extra=FREE)).ready()
    for number in range(4):
        rig.signal(sid=f"s{number}")
    orders = rig.orders()
    first, *rest = [order for order in orders if order.target.account == "a1"]
    rig.give(REPLAY, rig.outcome(first), ROUTER)
    assert acks(rig) == [("a1", 1)]
    for order in rest[:2]:
        rig.wait(MS_NS)
        rig.give(REPLAY, rig.outcome(order), ROUTER)
    assert acks(rig) == []
    other = next(order for order in orders if order.target.account == "a2")
    rig.give(REPLAY, rig.outcome(other), ROUTER)
    assert acks(rig) == [("a2", 1)]
    rig.wait(2 * REST_NS)
    assert acks(rig) == [("a1", 3)]
    rig.wait(REST_NS)
    rig.give(REPLAY, rig.outcome(rest[2]), ROUTER)
    assert acks(rig) == [("a1", 4)]
    rig.wait(10 * REST_NS)
    assert acks(rig) == []


def test_ack_that_waits_names_nothing_that_is_not_durable() -> None:
    """The timer comes before the commit: what it names is what was durable then."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    for number in range(3):
        rig.signal(sid=f"s{number}")
    first, second, third = rig.orders()
    rig.give(REPLAY, rig.outcome(first), ROUTER)
    rig.give(REPLAY, rig.outcome(second), ROUTER)
    assert acks(rig) == [("a1", 1)]
    rig.held = []
    rig.give(REPLAY, rig.outcome(third), ROUTER)
    rig.wait(2 * REST_NS)
    assert acks(rig) == [("a1", 2)]
    rig.release()
    rig.wait(2 * REST_NS)
    assert acks(rig) == [("a1", 3)]


def test_an_outcome_that_comes_again_is_acked_at_once() -> None:
    """Its ack was lost: whoever repeats waits."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    (order,) = rig.orders()
    outcome = rig.outcome(order)
    rig.give(REPLAY, outcome, ROUTER)
    rig.give(REPLAY, outcome, ROUTER)
    assert acks(rig) == [("a1", 1), ("a1", 1)]
