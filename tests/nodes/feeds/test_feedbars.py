"""Bars: their timeframe, their end, the ask beside them and the ticks that stand for them."""

import numpy as np
import pytest

from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS, MS_NS, SECOND_NS
from nodes.feeds.bars import Bars, absurd_bars, bar_ends_ns, ended_by_next, paired, played, timeframe_of
from nodes.timeframes import TIMEFRAMES, WEEK_NS
from nodes.zones import Zone
from nodes.zonetimes import utc_from_local

MONDAY_NS = 1_704_672_000 * SECOND_NS
"""2024-01-08 00:00 UTC."""


def make_bars(opens_ns: list[int], prices: list[tuple[int, int, int, int]], length_ns: int = MINUTE_NS) -> Bars:
    """Bars in whole units with an ask of one more."""
    open_ns = np.array(opens_ns, dtype=np.int64)
    bid_e8 = np.array(prices, dtype=np.int64).T * E8
    line = np.arange(2, len(opens_ns) + 2)
    return Bars(line, open_ns, open_ns + length_ns, bid_e8, bid_e8 + E8, np.zeros(len(opens_ns), dtype=np.int64))


def test_rising_bar_is_played_low_first_and_falling_bar_high_first() -> None:
    """O-L-H-C when close >= open, else O-H-L-C, at 0, 1/3, 2/3 and the end less a millisecond; the ask alike."""
    bars = make_bars([MONDAY_NS, MONDAY_NS + MINUTE_NS], [(10, 14, 8, 12), (12, 15, 7, 9)])
    times_ns, bid_e8, ask_e8 = played(bars)
    inside = [0, 20 * SECOND_NS, 40 * SECOND_NS, 60 * SECOND_NS - MS_NS]
    assert (times_ns - MONDAY_NS).tolist() == inside + [MINUTE_NS + at_ns for at_ns in inside]
    assert (bid_e8 // E8).tolist() == [10, 8, 14, 12, 12, 15, 7, 9]
    assert (ask_e8 - bid_e8 == E8).all()


def test_bar_that_closes_where_it_opened_is_rising() -> None:
    """close = open counts as rising."""
    assert (played(make_bars([0], [(10, 14, 8, 10)]))[1] // E8).tolist() == [10, 8, 14, 10]


@pytest.mark.parametrize("timeframe", [name for name in TIMEFRAMES if name != "MN1"])
def test_timeframe_is_the_commonest_step(timeframe: str) -> None:
    """Gaps and weekends do not hide the timeframe."""
    length_ns = TIMEFRAMES[timeframe]
    places = np.array([0, 1, 2, 5, 6, 7, 8, 40, 41, 42])
    assert timeframe_of(places * length_ns) == timeframe


def test_months_are_a_timeframe_of_unequal_steps() -> None:
    """Months of 28 to 31 days are MN1."""
    assert timeframe_of(np.cumsum([0, 31, 28, 31, 30, 31, 30]) * DAY_NS) == "MN1"


@pytest.mark.parametrize(("opens_ns", "why"), [([0], "fewer than two"), ([0, 0], "fewer than two"), ([0, 7 * SECOND_NS], "7000 ms apart")])
def test_timeframe_that_cannot_be_told_is_refused(opens_ns: list[int], why: str) -> None:
    """One bar tells nothing, and seven seconds is no timeframe."""
    with pytest.raises(ValueError, match=why):
        timeframe_of(np.array(opens_ns))


def test_bar_ends_by_the_clock_of_its_zone() -> None:
    """Days, weeks and months end where the clock says, across a change to daylight saving and from month to month."""
    zone = Zone.parse("New York + 7 h")
    week_ns = utc_from_local(zone, np.array([MONDAY_NS + 9 * WEEK_NS - DAY_NS]))  # clocks go forward on 2024-03-10
    assert (bar_ends_ns(week_ns, "W1", zone) - week_ns).tolist() == [WEEK_NS - HOUR_NS]
    assert (bar_ends_ns(week_ns, "H1", zone) - week_ns).tolist() == [HOUR_NS]
    january_ns = np.array([MONDAY_NS - 7 * DAY_NS])
    assert (bar_ends_ns(january_ns, "MN1", Zone.parse("UTC")) - january_ns).tolist() == [31 * DAY_NS]


def test_bar_ends_where_the_next_one_opens() -> None:
    """A bar that would reach into the next is cut, so that ticks never run backwards; gaps stay."""
    bars = ended_by_next(make_bars([0, 30 * SECOND_NS, 5 * MINUTE_NS], [(10, 11, 9, 10)] * 3))
    assert bars.end_ns.tolist() == [30 * SECOND_NS, 90 * SECOND_NS, 6 * MINUTE_NS]
    assert np.all(np.diff(played(bars)[0]) > 0)


def test_pairing_keeps_what_is_in_both() -> None:
    """Bars in only one of the files are named by their line and left out."""
    bid = make_bars([0, 1 * MINUTE_NS, 3 * MINUTE_NS], [(10, 11, 9, 10)] * 3)
    ask = make_bars([1 * MINUTE_NS, 2 * MINUTE_NS, 3 * MINUTE_NS], [(20, 21, 19, 20)] * 3)
    pairing = paired(bid, ask)
    assert pairing.bars.open_ns.tolist() == [MINUTE_NS, 3 * MINUTE_NS]
    assert (pairing.bars.ask_e8[0] // E8).tolist() == [20, 20]
    assert pairing.bid_only_line.tolist() == [2]
    assert pairing.ask_only_line.tolist() == [3]


def test_absurd_bar_is_far_from_its_own_open_or_side() -> None:
    """10 % inside an hour, more in a day by the root of its length, and bid beside ask."""
    bars = make_bars([0, 1, 2], [(100, 109, 91, 105), (100, 130, 99, 101), (100, 101, 70, 100)])
    assert absurd_bars(bars, "M1", 100_000).tolist() == [False, True, True]
    assert absurd_bars(bars, "D1", 100_000).tolist() == [False, False, False]
    assert absurd_bars(bars, "M1", 0).tolist() == [False, False, False]
    wide = Bars(bars.line, bars.open_ns, bars.end_ns, bars.bid_e8, bars.bid_e8 * 2, bars.spread_points)
    assert absurd_bars(wide, "D1", 100_000).tolist() == [True, True, True]
