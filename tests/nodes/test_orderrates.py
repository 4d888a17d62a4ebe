"""Orders as rates and the duplicate window count them."""

from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.orderrates import OrderRates

NOON_NS = 12 * HOUR_NS


def test_orders_count_for_their_minute_and_hour() -> None:
    """An order counts for less than a minute, and for less than an hour; one that comes late takes its place in time."""
    rates = OrderRates()
    for ago_ns in (HOUR_NS, HOUR_NS - 1, MINUTE_NS, 0, MINUTE_NS - 1):
        rates.add(NOON_NS - ago_ns)
    assert rates.counts(NOON_NS) == (2, 4)
    assert rates.counts(NOON_NS + HOUR_NS) == (0, 0)


def test_window_is_since_the_newest_of_the_same() -> None:
    """Only the same strategy, symbol and side; an older one learnt of later changes nothing."""
    rates = OrderRates()
    rates.add_opening(NOON_NS, "rev", "EURUSD", 1)
    rates.add_opening(NOON_NS - SECOND_NS, "rev", "EURUSD", 1)
    assert rates.since_same_ns(NOON_NS + SECOND_NS, "rev", "EURUSD", 1) == SECOND_NS
    assert rates.since_same_ns(NOON_NS, "rev", "EURUSD", -1) is None
    assert rates.counts(NOON_NS) == (2, 2)


def test_orders_of_long_ago_are_forgotten() -> None:
    """What is kept is of two hours at most; what counts is the last hour, also while older ones are still here."""
    rates = OrderRates()
    for minute in range(10 * 60):
        now_ns = NOON_NS + minute * MINUTE_NS
        rates.add(now_ns)
        assert rates.counts(now_ns) == (1, min(minute + 1, 60))
        assert len(rates._times_ns) <= 2 * 60
