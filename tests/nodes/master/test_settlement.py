"""The master's answers to the market: whose state is missing, who is busy, and whom nobody waits for."""

from mesh.links import MARKET, REPLAY
from mesh.messages.market import Settle, Settled
from mesh.messages.orders import StateAsk
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.master.masterrig import ROUTER, Rig, config_of


def test_the_market_hears_who_is_missing_and_who_is_busy() -> None:
    """Asked after a block: states that lack are asked for every 100 ms; open lines are named until they end."""
    rig = Rig().ready()
    rig.next_block()
    rig.give(MARKET, Settle(rig.block, ["a1", "a2"]))
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, ["a1", "a2"], [], [])]
    asks = [StateAsk(rig.block, ["a1", "a2"])]
    assert [send.message for send in rig.take(StateAsk)] == asks
    rig.wait(100 * MS_NS)
    assert [send.message for send in rig.take(StateAsk)] == asks
    rig.state("a1")
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, ["a2"], [], [])]
    rig.state("a2", block=rig.block - 1)
    assert rig.take(Settled) == []
    rig.state("a2", managed=True)
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, [], [], ["a2"])]
    rig.signal()
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, [], ["a1", "a2"], ["a2"])]
    first, second = rig.orders()
    rig.give(REPLAY, rig.outcome(first), ROUTER)
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, [], ["a2"], ["a2"])]
    rig.give(REPLAY, rig.outcome(second), ROUTER)
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, [], [], ["a2"])]


def test_a_state_is_missing_until_its_outcomes_have_come() -> None:
    """A state that includes outcome 1 says nothing to a master that has not seen it."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.next_block()
    rig.give(MARKET, Settle(rig.block, ["a1"]))
    rig.state("a1", f=1)
    rig.take(Settled)
    rig.give(REPLAY, rig.outcome(order), ROUTER)
    assert [send.message for send in rig.take(Settled)][-1] == Settled(rig.block, [], [], [])


def test_a_question_waits_for_its_block() -> None:
    """Settle for a block whose ticks have not come is answered when the clock is there."""
    rig = Rig().ready()
    rig.give(MARKET, Settle(rig.block + 1, []))
    assert rig.take(Settled) == []
    rig.next_block()
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, [], [], [])]


def test_the_first_question_waits_for_every_local() -> None:
    """While a mesh starts, an asked account is missing until its local is ready; one that never comes is let go after 15 s."""
    rig = Rig()
    rig.boot()
    rig.welcome()
    rig.router_up()
    rig.tick()
    rig.local_up("a1")
    rig.give(MARKET, Settle(rig.block, ["a1", "a2"]))
    rig.state("a1")
    assert [send.message for send in rig.take(Settled)][-1] == Settled(rig.block, ["a2"], [], [])
    rig.wait(15 * SECOND_NS - 1)
    assert rig.take(Settled) == []
    rig.wait(1)
    assert [send.message for send in rig.take(Settled)] == [Settled(rig.block, [], [], [])]


def test_an_older_question_is_passed_over() -> None:
    """Questions may overtake nothing: the newest number is the one that is answered."""
    rig = Rig().ready()
    rig.next_block()
    rig.give(MARKET, Settle(rig.block, []))
    rig.give(MARKET, Settle(rig.block - 1, ["a1"]))
    assert {send.message.number for send in rig.take(Settled)} == {rig.block}  # type: ignore[attr-defined]
