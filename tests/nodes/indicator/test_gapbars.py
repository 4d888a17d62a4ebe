"""A gap that is being filled: the clock is far ahead of the ticks, and closes no bar whose ticks are still to come."""

from mesh.units import MINUTE_NS
from tests.nodes.indicator.indicator_desk import Desk
from tests.nodes.indicator.test_barclock import live_config, ticks_at


def test_clock_closes_no_bar_while_ticks_beyond_the_block_are_here() -> None:
    """A block of old ticks at the time it is now: the open bar waits for the rest of its ticks, which have come already."""
    desk = Desk(live_config(), ticks_at(60, 70, 80, 130))
    desk.welcome(recorded=False)
    desk.feed(2)
    desk.block(1, end_ns=60 * MINUTE_NS)
    assert desk.bars() == []
    desk.feed(4, 2)
    desk.block(3, end_ns=60 * MINUTE_NS)
    assert desk.bars() == []
    desk.block(4, end_ns=60 * MINUTE_NS)
    assert [bar["tick_volume"] for bar in desk.bars()] == [3, 1]
    assert desk.core.counters.totals["late_tick_count"] == 0
