"""A person's word that an open was not executed: nothing is said to be flat by it before the settle window is over."""

from mesh.units import MS_NS
from tests.nodes.local.test_local_hands import freeze
from tests.nodes.local.test_resolving import LostDesk


def test_a_wrong_word_makes_nothing_flat() -> None:
    """Said not to be executed, and shown later than reads wait for: FLATTEN waits for the settle window all the same, and closes it."""
    desk = LostDesk()
    oid = desk.lost_open(executed=True)
    hidden = dict(desk.venue.held)
    desk.venue.held.clear()
    assert desk.resolve(oid).code == "NOT_FOUND"
    desk.say(freeze(9, level="FLATTEN"))
    clearance = desk.local()._stopping._clearance
    desk.until(lambda: any(held.detail == f"open={oid.hex()} said=not_executed" for held in clearance.held), 5_000)
    desk.run(8_000)
    assert {held.stage for held in clearance.held} == {"LATCHED"}
    desk.venue.held.update(hidden)
    desk.until(lambda: not desk.venue.held and {held.stage for held in clearance.held} == {"FLAT"}, 120_000)
    assert [send.action for send in desk.venue.sends] == ["OPEN", "CLOSE"]


def test_a_right_word_is_flat_after_the_settle_window() -> None:
    """Nothing turns up: what was said is believed then, with no further word."""
    desk = LostDesk()
    oid = desk.lost_open(executed=False)
    assert desk.resolve(oid).code == "NOT_FOUND"
    began_ns = desk.net.now_ns
    desk.say(freeze(9, level="FLATTEN"))
    clearance = desk.local()._stopping._clearance
    desk.until(lambda: {held.stage for held in clearance.held} == {"FLAT"}, 90_000)
    assert desk.net.now_ns - began_ns >= 60_000 * MS_NS
