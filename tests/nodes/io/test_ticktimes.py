"""UTC of a terminal's ticks around the hour that its clock shows twice, and the one it leaves out."""

import numpy as np
import pytest

from mesh.units import MS_NS
from nodes.io.ticktimes import TickTimes

BACK_MS = 1_793_512_800_000
"""2026-11-01 06:00 UTC: the server shows 09:00, then 08:00 again."""
FORTH_MS = 1_772_953_200_000
"""2026-03-08 07:00 UTC: the server shows 09:00, then 10:00."""
HOUR_MS = 3_600_000
ZONE = "New York + 7 h"


def utc_ms(*server_ms: int) -> list[int]:
    return (TickTimes(ZONE).utc_ns(np.array(server_ms, np.int64)) // MS_NS).tolist()


def test_times_that_run_back_are_the_second_pass() -> None:
    """Also where they run back by a moment only: a terminal gives ticks in the order they came."""
    shown = BACK_MS + 3 * HOUR_MS
    assert utc_ms(shown - HOUR_MS, shown - 1, shown - HOUR_MS, shown - 1, shown) == [
        BACK_MS - HOUR_MS, BACK_MS - 1, BACK_MS, BACK_MS + HOUR_MS - 1, BACK_MS + HOUR_MS,
    ]  # fmt: skip
    assert utc_ms(shown - 5_000, shown - 5_001) == [BACK_MS - 5_000, BACK_MS + HOUR_MS - 5_001]


def test_ticks_in_order_are_the_first_pass_and_late_ones_of_another_hour_are_only_late() -> None:
    """A tick before the one before it is of the same moment where the clock shows its hour once."""
    shown = BACK_MS + 3 * HOUR_MS
    assert utc_ms(shown - HOUR_MS, shown - 1) == [BACK_MS - HOUR_MS, BACK_MS - 1]
    early = shown - 5 * HOUR_MS
    assert utc_ms(early + 7, early) == [early + 7 - 3 * HOUR_MS] * 2


def test_hour_that_is_left_out_goes_on() -> None:
    """No clock shows it; where a wrong zone makes it seem so, its ticks stay apart and in order."""
    shown = FORTH_MS + 2 * HOUR_MS
    assert utc_ms(shown - 1, shown + 7, shown + 8, shown + HOUR_MS) == [FORTH_MS - 1, FORTH_MS + 7, FORTH_MS + 8, FORTH_MS + 8]


@pytest.mark.parametrize(("shown_ms", "from_ms"), [(0, -HOUR_MS), (-1, -HOUR_MS), (-HOUR_MS, -HOUR_MS), (-HOUR_MS - 1, -HOUR_MS - 1)])
def test_doubled_hour_is_asked_for_from_its_beginning(shown_ms: int, from_ms: int) -> None:
    """Any time in it; what is shown once is asked for from itself."""
    end = BACK_MS + 3 * HOUR_MS
    assert TickTimes(ZONE).from_ms(end + shown_ms) == end + (from_ms if shown_ms else 0)


def test_fixed_clock_has_no_such_hours() -> None:
    """UTC+2 is always two hours ahead."""
    times = TickTimes("UTC+2")
    assert times.utc_ns(np.array([BACK_MS], np.int64)).tolist() == [(BACK_MS - 2 * HOUR_MS) * MS_NS]
    assert times.from_ms(BACK_MS) == BACK_MS
