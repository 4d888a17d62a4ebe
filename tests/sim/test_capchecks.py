"""The checks of hard caps see what they are to see: calls at the limit pass, one more does not; who has forgotten is not held to it."""

import pytest

from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.venue import VenueSend
from mesh.units import E8, MS_NS, SECOND_NS
from tests.sim.broken import Broken
from tests.sim.capchecks import CapChecks
from tests.sim.fleet import Fleet, Watch
from tests.sim.seen import Seen, Sent
from tests.sim.simulate import CAPPED_AT, CAPPED_EACH, Simulation


class Calls:
    """A checker of a capped fleet in which nothing happens but the calls of a test."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.seen.fleet = Fleet(1, Watch(), capped=True)
        self.checks = CapChecks(self.seen)
        self.place = self.seen.fleet.net.places["local-1"]

    def make(self, at_ms: int, action: str = OPEN, lots_e8: int = E8 // 100) -> None:
        send = VenueSend(1, bytes(16), 1, 1, action, "EURUSD", 1, lots_e8, 0, 0, 0, 0, 0, 20, 1, 0, 0, 0, 1, "")
        self.checks.called(self.place, Sent(at_ms * MS_NS, "local-1", 1, "a1", send))


def test_capped_fleet_trades_at_its_limits() -> None:
    """Without a fault its opens are the last ones a rate allows, and others are refused by each kind of cap."""
    simulation = Simulation(CAPPED_AT + CAPPED_EACH, only=frozenset(("none",)))
    simulation.run()
    assert simulation.checks.caps.full_count > 10
    said = {line.detail.partition(" ")[0] for line in simulation.checks._archived() if line.code == "DENIED"}
    assert {"CAP_RATE", "CAP_LOTS", "CAP_POSITIONS"} <= said


def test_one_call_too_many_in_a_second_or_a_minute_is_told() -> None:
    """Closes make opens too many, and are never too many themselves."""
    calls = Calls()
    for at_ms in (0, 500):
        calls.make(at_ms)
    with pytest.raises(Broken, match=r"C1: .* is call 3 of 1 s at a1, whose cap is 2"):
        calls.make(990)
    calls.make(1_005)
    calls.make(1_010, CLOSE)
    calls.make(1_020, CLOSE)
    with pytest.raises(Broken, match="is call 4 of 1 s"):
        calls.make(1_999)
    for at_ms in range(3_000, 13_000, 1_000):
        calls.make(at_ms)
    calls.make(13_500, CLOSE)
    with pytest.raises(Broken, match=r"is call 17 of 60 s at a1, whose cap is 16"):
        calls.make(20_000)
    calls.make(20_000, CLOSE)


def test_too_many_lots_are_told() -> None:
    """Of an open alone."""
    calls = Calls()
    calls.make(0, lots_e8=4 * E8 // 100)
    calls.make(0, CLOSE, lots_e8=5 * E8 // 100)
    with pytest.raises(Broken, match=r"C1: .* whose cap is 0.04 lots"):
        calls.make(0, lots_e8=5 * E8 // 100)


def test_account_that_may_have_forgotten_is_not_held_to_it() -> None:
    """A store that was put back; a clock that was set forward between two lives."""
    calls = Calls()
    for at_ms in (0, 1):
        calls.make(at_ms)
    calls.place.clock.offset_ns += 100 * SECOND_NS
    calls.make(4)
    calls.make(5)
    calls.place.clock.offset_ns -= 50 * SECOND_NS
    with pytest.raises(Broken):
        calls.make(6)
    calls.seen.exempt.add("a1")
    calls.make(6)
