"""A server whose clock is not the configured one is found out by its fresh ticks, and by nothing else."""

import pytest

from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.clockdrift import DRIFT_NS, FRESH_COUNT, ClockDrift, offset_text

NOW_NS = 1_767_600_000 * SECOND_NS


def seen(off_ns: int, looks: int = FRESH_COUNT + 1, step_ns: int = SECOND_NS) -> str:
    """The remark after so many looks at ticks that come ``step_ns`` apart, off by so much; configured is UTC+2."""
    drift = ClockDrift("UTC+2")
    for number in range(looks):
        drift.look(NOW_NS + number * step_ns + off_ns, 2 * HOUR_NS, NOW_NS + number * SECOND_NS)
    return drift.remark


def test_server_an_hour_ahead_is_named_with_both_offsets() -> None:
    """Three fresh ticks in a row that are an hour ahead: the zone is another one."""
    said = "server clock seen=UTC+03:00 configured=UTC+02:00 (UTC+2): set account.zone (or broker.zone) to the zone of this server"
    assert seen(HOUR_NS) == said
    assert "seen=UTC-05:00" in seen(-7 * HOUR_NS)


@pytest.mark.parametrize("off_ns", [0, DRIFT_NS, -DRIFT_NS])
def test_clock_within_the_limit_is_fine(off_ns: int) -> None:
    """Ticks are late, computers' clocks are off by seconds: neither is another zone."""
    assert seen(off_ns) == ""


def test_few_ticks_say_nothing() -> None:
    """The first tick may be old, and two fresh ones are too few."""
    assert seen(HOUR_NS, FRESH_COUNT) == ""


def test_quiet_market_says_nothing() -> None:
    """On a Sunday the newest tick is two days old, however often it is looked at."""
    assert seen(-48 * HOUR_NS, 50, step_ns=0) == ""


def test_zone_that_is_right_again_is_no_longer_complained_of() -> None:
    """One fresh tick at the right time ends it."""
    drift = ClockDrift("UTC+2")
    for number in range(FRESH_COUNT + 1):
        drift.look(NOW_NS - HOUR_NS + number, 2 * HOUR_NS, NOW_NS)
    assert drift.remark
    assert drift.look(NOW_NS, 2 * HOUR_NS, NOW_NS) == ""


@pytest.mark.parametrize(
    ("offset_ns", "text"), [(0, "UTC+00:00"), (-SECOND_NS, "UTC+00:00"), (330 * MINUTE_NS, "UTC+05:30"), (-5 * HOUR_NS, "UTC-05:00")]
)
def test_offset_is_told_in_hours_and_minutes(offset_ns: int, text: str) -> None:
    """To the nearest minute, with its sign."""
    assert offset_text(offset_ns) == text
