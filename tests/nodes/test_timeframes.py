"""Timeframes: names and lengths, alignment on a fixed clock, and alignment across changes of the server clock."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.barstarts import bar_span_ns, bar_starts_ns, zone_bar_starts_ns
from nodes.timeframes import TIMEFRAMES, length_ns, timeframe_of
from nodes.zones import Zone
from nodes.zonetimes import columns_of

MT5_NAMES = "M1 M2 M3 M4 M5 M6 M10 M12 M15 M20 M30 H1 H2 H3 H4 H6 H8 H12 D1 W1 MN1"
SERVER = "New York + 7 h"
ZONES = (SERVER, "UTC", "UTC+5:30", "Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca")
times_ns = st.integers(-(10**17), 4 * 10**18)
timeframes = st.sampled_from(tuple(TIMEFRAMES))


def ns(text: str) -> int:
    """Nanoseconds of an ISO time read as UTC."""
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp()) * SECOND_NS


def server_start(server_ns: int, timeframe: str) -> int:
    """The start of a bar on the server clock by way of datetime: the plain twin of the integer calendar."""
    server = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=server_ns // 1_000)
    midnight = server.replace(hour=0, minute=0, second=0, microsecond=0)
    if timeframe == "MN1":
        start = midnight.replace(day=1)
    elif timeframe == "W1":
        start = midnight - datetime.timedelta(days=server.isoweekday() % 7)
    else:
        length = datetime.timedelta(microseconds=TIMEFRAMES[timeframe] // 1_000)
        start = midnight + (server - midnight) // length * length
    return (start - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1) * 1_000


def test_timeframes_are_those_of_mt5() -> None:
    """All 21, shortest first, each with its length."""
    assert " ".join(TIMEFRAMES) == MT5_NAMES
    assert list(TIMEFRAMES.values()) == sorted(TIMEFRAMES.values())
    assert length_ns("M12") == 12 * MINUTE_NS
    assert length_ns("H8") == 8 * HOUR_NS
    assert (length_ns("D1"), length_ns("W1"), length_ns("MN1")) == (DAY_NS, 7 * DAY_NS, 30 * DAY_NS)


@pytest.mark.parametrize("name", ["", "M7", "m1", "H24", "MN", "D"])
def test_timeframe_refuses_an_unknown_name(name: str) -> None:
    """The error names the value and all that is allowed."""
    with pytest.raises(ValueError, match=rf"timeframe '{name}' is not known; allowed are M1, .*, MN1"):
        length_ns(name)


@given(st.lists(times_ns, min_size=1, max_size=5), timeframes)
def test_bar_starts_on_the_server_clock_equal_datetime(server_ns: list[int], timeframe: str) -> None:
    """Starts are the calendar's own for any time and timeframe."""
    starts_ns = bar_starts_ns(np.array(server_ns, dtype=np.int64), timeframe)
    assert starts_ns.tolist() == [server_start(time_ns, timeframe) for time_ns in server_ns]


@given(times_ns, timeframes, st.sampled_from(ZONES))
def test_bar_spans_tile_time(time_ns: int, timeframe: str, zone_name: str) -> None:
    """On any clock, changes and all, each time lies in exactly one bar, and a bar ends where the next begins."""
    zone = Zone.parse(zone_name)
    start_ns, end_ns = bar_span_ns(time_ns, timeframe, zone)
    assert start_ns <= time_ns < end_ns
    assert bar_span_ns(start_ns, timeframe, zone) == (start_ns, end_ns)
    assert bar_span_ns(end_ns - 1, timeframe, zone) == (start_ns, end_ns)
    assert bar_span_ns(end_ns, timeframe, zone)[0] == end_ns


@pytest.mark.parametrize("zone_name", ZONES)
@pytest.mark.parametrize("timeframe", ["M1", "M30", "H1", "H2", "H4", "H12", "D1", "W1", "MN1"])
def test_bar_starts_of_a_zone_rise_and_equal_the_spans(timeframe: str, zone_name: str) -> None:
    """Through two years with changes the array of starts never falls and is what each span says."""
    zone = Zone.parse(zone_name)
    utc_ns = np.arange(ns("2010-01-01T00:00:00"), ns("2011-12-31T00:00:00"), 11 * HOUR_NS + 7 * MINUTE_NS)
    changes = columns_of(zone, int(utc_ns[0]), int(utc_ns[-1])).starts_ns[1:]
    near = (changes[:, None] + np.arange(-4, 5) * (HOUR_NS // 2)).ravel()
    utc_ns = np.sort(np.concatenate([utc_ns, near, near - 1]))
    starts = zone_bar_starts_ns(utc_ns, timeframe, zone)
    assert (np.diff(starts) >= 0).all()
    chosen = slice(None) if len(changes) < 30 else slice(None, None, 7)
    assert starts[chosen].tolist() == [bar_span_ns(int(time), timeframe, zone)[0] for time in utc_ns[chosen]]


def test_zone_bar_starts_of_nothing() -> None:
    """No times give no starts."""
    assert zone_bar_starts_ns(np.empty(0, dtype=np.int64), "H1", Zone.parse(SERVER)).size == 0


@pytest.mark.parametrize(
    ("timeframe", "time", "start", "end"),
    [
        # the server clock goes from 09:00 to 10:00 on Sunday 2018-03-11 (07:00 UTC)
        ("D1", "2018-03-11T12:00:00", "2018-03-10T22:00:00", "2018-03-11T21:00:00"),
        ("D1", "2018-03-11T21:00:00", "2018-03-11T21:00:00", "2018-03-12T21:00:00"),
        ("W1", "2018-03-10T21:59:59", "2018-03-03T22:00:00", "2018-03-10T22:00:00"),
        ("W1", "2018-03-10T22:00:00", "2018-03-10T22:00:00", "2018-03-17T21:00:00"),
        ("W1", "2018-03-14T12:00:00", "2018-03-10T22:00:00", "2018-03-17T21:00:00"),
        ("MN1", "2018-03-01T00:00:00", "2018-02-28T22:00:00", "2018-03-31T21:00:00"),
        ("MN1", "2018-03-30T12:00:00", "2018-02-28T22:00:00", "2018-03-31T21:00:00"),
        ("H4", "2018-03-11T08:30:00", "2018-03-11T06:00:00", "2018-03-11T09:00:00"),
        ("H1", "2018-03-11T07:30:00", "2018-03-11T07:00:00", "2018-03-11T08:00:00"),
        # and from 09:00 back to 08:00 on Sunday 2018-11-04 (06:00 UTC)
        ("D1", "2018-11-04T12:00:00", "2018-11-03T21:00:00", "2018-11-04T22:00:00"),
        ("W1", "2018-11-03T21:00:00", "2018-11-03T21:00:00", "2018-11-10T22:00:00"),
        ("W1", "2018-11-09T21:59:00", "2018-11-03T21:00:00", "2018-11-10T22:00:00"),
        ("MN1", "2018-11-29T12:00:00", "2018-10-31T21:00:00", "2018-11-30T22:00:00"),
        ("H4", "2018-11-04T06:30:00", "2018-11-04T05:00:00", "2018-11-04T10:00:00"),
        ("H1", "2018-11-04T05:30:00", "2018-11-04T05:00:00", "2018-11-04T06:00:00"),
        ("H1", "2018-11-04T06:30:00", "2018-11-04T06:00:00", "2018-11-04T07:00:00"),
        ("M30", "2018-11-04T06:29:00", "2018-11-04T06:00:00", "2018-11-04T06:30:00"),
        # years and months with their own ends
        ("MN1", "2024-02-29T23:59:59", "2024-02-29T22:00:00", "2024-03-31T21:00:00"),
        ("MN1", "2024-02-15T00:00:00", "2024-01-31T22:00:00", "2024-02-29T22:00:00"),
        ("W1", "2024-12-31T23:00:00", "2024-12-28T22:00:00", "2025-01-04T22:00:00"),
    ],
)
def test_bar_span_around_changes_of_the_server_clock(timeframe: str, time: str, start: str, end: str) -> None:
    """Days, weeks and months begin at the server's own midnight, with the offset of that midnight, on both ends."""
    zone = Zone.parse(SERVER)
    assert bar_span_ns(ns(time), timeframe, zone) == (ns(start), ns(end))
    assert zone_bar_starts_ns(np.array([ns(time)]), timeframe, zone).tolist() == [ns(start)]


def test_bar_of_a_clock_turned_back_over_midnight() -> None:
    """St. John's went from 00:01 back to 23:01: the day that had begun goes on, the day before does not come again."""
    zone = Zone.parse("America/St_Johns")
    change_ns = ns("2010-11-07T02:31:00")
    span = bar_span_ns(change_ns - 1, "D1", zone)
    assert span[0] == change_ns - MINUTE_NS
    assert bar_span_ns(change_ns + HOUR_NS // 2, "D1", zone) == span
    assert bar_span_ns(change_ns + HOUR_NS, "D1", zone) == span


@pytest.mark.parametrize(
    ("word", "name"),
    [
        *((word, name) for name in TIMEFRAMES for word in (name, name.lower(), f"PERIOD_{name}")),
        ("1", "M1"), ("15", "M15"), ("60", "H1"), ("240", "H4"), ("1440", "D1"), ("10080", "W1"), ("5m", "M5"), ("60m", "H1"), ("1h", "H1"),
        ("4H", "H4"), ("24h", "D1"), ("1d", "D1"), ("7d", "W1"), ("1w", "W1"), ("1mn", "MN1"), ("1mo", "MN1"), ("15min", "M15"),
        ("2hours", "H2"),        ("7", ""), ("M7", ""), ("0", ""), ("43200", ""), ("", ""), ("hour", ""), ("1x", ""),
    ],
)  # fmt: skip
def test_timeframes_are_known_by_many_names(word: str, name: str) -> None:
    """MetaTrader's own in any case, numbers of minutes, numbers with a unit; nothing is rounded to one that exists."""
    assert timeframe_of(word) == name
