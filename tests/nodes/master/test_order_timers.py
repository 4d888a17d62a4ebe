"""How long the master watches an order for its locals' word, and when it has no more reason to."""

from mesh.links import REPLAY
from mesh.units import SECOND_NS
from nodes.master.deciding import ORDER_TIMER
from tests.nodes.master.masterrig import ROUTER, Rig, config_of

WATCHED = (ORDER_TIMER, "", 1)


def test_an_order_is_watched_until_all_its_lines_have_ended() -> None:
    """One local's word does not speak for the other; after both the master is not woken for this order any more."""
    rig = Rig().ready()
    rig.signal()
    first, second = rig.orders()
    rig.give(REPLAY, rig.outcome(first), ROUTER)
    assert rig.master._state.timers.is_set(WATCHED)
    rig.give(REPLAY, rig.outcome(second), ROUTER)
    assert not rig.master._state.timers.is_set(WATCHED)


def test_an_older_orders_end_leaves_the_watch_of_a_new_one() -> None:
    """Numbers begin anew with each epoch: what ends of the one before says nothing of the order that has its number now."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (older,) = rig.orders()
    rig.seq = 0
    rig.ready()
    rig.wait(3 * SECOND_NS)
    rig.grant("a1")
    rig.settle()
    rig.signal(sid="s2", symbol="GBPUSD", close_e8=130_000_000)
    (newer,) = rig.orders()
    assert (older.order.n, newer.order.n) == (1, 1)
    rig.give(REPLAY, rig.outcome(older), ROUTER)
    assert rig.master.totals()[1:] == ({"FILLED": 1}, {"WORKING": 1, "UNKNOWN": 0, "UNCONFIRMED": 0})
    rig.wait(5 * SECOND_NS)
    assert rig.master.totals()[2] == {"WORKING": 0, "UNKNOWN": 0, "UNCONFIRMED": 1}
