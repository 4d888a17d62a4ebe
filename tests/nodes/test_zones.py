"""Named zones: the grammar, the offsets against zoneinfo, and what happens in missing and doubled hours."""

import datetime
import zoneinfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mesh.units import HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.zones import LAST_YEAR, Zone
from nodes.zonetimes import offsets_at, utc_from_local

NEW_YORK = "America/New_York"
KEYS = (NEW_YORK, "Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "Asia/Kathmandu")


def ns(text: str) -> int:
    """Nanoseconds of an ISO time read as it stands."""
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp()) * SECOND_NS


def times(*texts: str) -> np.ndarray:
    """An array of such times."""
    return np.array([ns(text) for text in texts], dtype=np.int64)


@pytest.mark.parametrize(
    ("text", "name", "hours"),
    [
        ("UTC", "UTC", 0),
        (" UTC+2 ", "UTC+2", 2),
        ("UTC-5", "UTC-5", -5),
        ("UTC+5:30", "UTC+5:30", 5.5),
        (NEW_YORK, NEW_YORK, -5),
        ("New York", NEW_YORK, -5),
        ("London", "Europe/London", 0),
        ("Tokyo", "Asia/Tokyo", 9),
        ("Sydney", "Australia/Sydney", 11),
        ("Frankfurt", "Europe/Berlin", 1),
        ("New York + 7 h", "America/New_York + 7 h", 2),
        ("America/New_York+7h", "America/New_York + 7 h", 2),
        ("New York - 1:30 h", "America/New_York - 1:30 h", -6.5),
        ("Etc/GMT+5", "Etc/GMT+5", -5),
        ("Etc/GMT+5 + 2 h", "Etc/GMT+5 + 2 h", -3),
        ("UTC + 3 h", "UTC + 3 h", 3),
    ],
)
def test_zone_names_are_understood(text: str, name: str, hours: float) -> None:
    """Each spelling of the grammar gives the zone it means, in winter, under one canonical name."""
    zone = Zone.parse(text)
    assert zone.name == name
    assert zone.offset_ns_at(ns("2024-01-15T12:00:00")) == int(hours * HOUR_NS)
    assert Zone.parse(zone.name).name == name


@pytest.mark.parametrize(
    "text",
    ["", "utc", "PST8", "America", "America/", "Nowhere/City", "../etc/passwd", "/etc/localtime", "zone.tab", "tzdata.zi",
     "leapseconds", "UTC+15", "UTC+2:75", "UTC+2h30", "New York + 15 h", "New York + 7", "Nowhere + 7 h"],
)  # fmt: skip
def test_zone_refuses_what_it_does_not_know(text: str) -> None:
    """Anything else is refused with the value and what is allowed."""
    with pytest.raises(ValueError, match=r"time zone '.*allowed is an IANA name \(America/New_York\), New York") as error:
        Zone.parse(text)
    assert text in str(error.value) or text.startswith("Nowhere")


@pytest.mark.parametrize("key", KEYS)
def test_zone_offsets_equal_zoneinfo(key: str) -> None:
    """At each hour of four unlike years the offset is zoneinfo's own, one by one and as an array."""
    zone, rules = Zone.parse(f"{key} + 7 h"), zoneinfo.ZoneInfo(key)
    for year in (1987, 2007, 2010, 2018):
        first_s = ns(f"{year}-01-01T00:00:00") // SECOND_NS
        seconds = range(first_s - 60, first_s + 366 * 86_400, 12 * 3_600 - 60)
        expected = []
        for second in seconds:
            offset = datetime.datetime.fromtimestamp(second, rules).utcoffset()
            assert offset is not None
            expected.append(int(offset.total_seconds()) * SECOND_NS + 7 * HOUR_NS)
        utc_ns = np.array(seconds, dtype=np.int64) * SECOND_NS
        assert offsets_at(zone, utc_ns).tolist() == expected
        assert [zone.offset_ns_at(int(time_ns)) for time_ns in utc_ns[::50]] == expected[::50]


def test_zone_changes_at_the_exact_second() -> None:
    """New York changes at 07:00:00 and 06:00:00 UTC, not a nanosecond before."""
    zone = Zone.parse("New York")
    for text, before, after in (("2018-03-11T07:00:00", -5, -4), ("2018-11-04T06:00:00", -4, -5)):
        assert zone.offset_ns_at(ns(text) - 1) == before * HOUR_NS
        assert zone.offset_ns_at(ns(text)) == after * HOUR_NS


@given(
    st.sampled_from(KEYS),
    st.lists(st.integers(ns("1971-01-01T00:00:00"), ns("2037-12-31T00:00:00")), min_size=1, max_size=20),
)
@example(NEW_YORK, [ns("2018-11-04T05:05:00"), ns("2018-11-04T06:05:00")])
def test_zone_local_and_back(key: str, utc: list[int]) -> None:
    """Local time of a UTC time is that UTC time again, in a doubled hour in one of its passes."""
    zone = Zone.parse(key)
    utc_ns = np.array(utc, dtype=np.int64)
    local_ns = utc_ns + offsets_at(zone, utc_ns)
    for time_ns, clock_ns in zip(utc, local_ns.tolist(), strict=True):
        row = np.array([clock_ns], dtype=np.int64)
        [first_ns] = utc_from_local(zone, row).tolist()
        [second_ns] = utc_from_local(zone, row, after_utc_ns=first_ns + 2 * MINUTE_NS).tolist()
        assert time_ns in (first_ns, second_ns)
        assert first_ns <= second_ns


def test_zone_reads_a_missing_hour_with_the_offset_before() -> None:
    """02:30 on the day New York skips from 02:00 to 03:00 is read as 03:30, alone and in an array."""
    zone = Zone.parse("New York")
    assert utc_from_local(zone, times("2018-03-11T02:30:00")).tolist() == [ns("2018-03-11T07:30:00")]
    rows = times("2018-03-11T01:59:00", "2018-03-11T02:30:00", "2018-03-11T03:00:00")
    expected = times("2018-03-11T06:59:00", "2018-03-11T07:30:00", "2018-03-11T07:00:00")
    assert utc_from_local(zone, rows).tolist() == expected.tolist()


def test_zone_reads_a_doubled_hour_by_the_order_of_rows() -> None:
    """The first pass until the local clock runs backwards, then the second pass to the end of that hour."""
    zone = Zone.parse("New York")
    rows = times("2018-11-04T00:59:00", "2018-11-04T01:10:00", "2018-11-04T01:40:00", "2018-11-04T01:05:00",
                 "2018-11-04T01:50:00", "2018-11-04T02:00:00")  # fmt: skip
    expected = times("2018-11-04T04:59:00", "2018-11-04T05:10:00", "2018-11-04T05:40:00", "2018-11-04T06:05:00",
                     "2018-11-04T06:50:00", "2018-11-04T07:00:00")  # fmt: skip
    assert utc_from_local(zone, rows).tolist() == expected.tolist()


def test_zone_reads_each_doubled_hour_on_its_own() -> None:
    """A second pass in one autumn says nothing about the next autumn."""
    zone = Zone.parse("New York")
    rows = times("2017-11-05T01:40:00", "2017-11-05T01:05:00", "2018-11-04T01:10:00", "2018-11-04T01:40:00")
    expected = times("2017-11-05T05:40:00", "2017-11-05T06:05:00", "2018-11-04T05:10:00", "2018-11-04T05:40:00")
    assert utc_from_local(zone, rows).tolist() == expected.tolist()


def test_zone_takes_a_row_a_little_late_for_late() -> None:
    """A row up to a minute older than the one before stays in the first pass; equal rows do, too."""
    zone = Zone.parse("New York")
    rows = times("2018-11-04T01:10:00", "2018-11-04T01:09:00", "2018-11-04T01:10:00", "2018-11-04T01:11:00")
    assert utc_from_local(zone, rows).tolist() == (rows + 4 * HOUR_NS).tolist()
    rows[1] -= 1
    assert utc_from_local(zone, rows).tolist() == [
        rows[0] + 4 * HOUR_NS, *(rows[1:] + 5 * HOUR_NS).tolist()
    ]  # fmt: skip


@given(st.integers(0, 120), st.integers(1, 7))
def test_zone_reads_a_file_the_same_in_parts(cut: int, step: int) -> None:
    """Rows cut anywhere, each part told the last UTC before it, give the UTC of the whole file."""
    zone = Zone.parse("New York")
    utc_ns = np.arange(ns("2018-11-04T05:00:00"), ns("2018-11-04T07:01:00"), step * MINUTE_NS)
    rows = utc_ns + offsets_at(zone, utc_ns)
    first = utc_from_local(zone, rows[:cut])
    after = {"after_utc_ns": int(first[-1])} if len(first) else {}
    second = utc_from_local(zone, rows[cut:], **after)
    assert [*first.tolist(), *second.tolist()] == utc_ns.tolist()


def test_zone_of_no_rows_is_no_rows() -> None:
    """An empty array comes back empty from every array method."""
    zone, nothing = Zone.parse("New York"), np.empty(0, dtype=np.int64)
    assert offsets_at(zone, nothing).size == utc_from_local(zone, nothing).size == 0


def test_zone_table_grows_and_keeps_what_it_knew() -> None:
    """Asking for other years in any order changes no answer; beyond the last year the last offset stands."""
    zone, other = Zone.parse("London"), Zone.parse("London")
    years = [2024, 1975, 2050, 1999, 2024]
    asked = [zone.offset_ns_at(ns(f"{year}-07-01T00:00:00")) for year in years]
    assert asked == [HOUR_NS] * len(years)
    assert [other.offset_ns_at(ns(f"{year}-07-01T00:00:00")) for year in sorted(years)] == asked
    assert zone.offset_ns_at(ns("2200-07-01T00:00:00")) == zone.offset_ns_at(ns(f"{LAST_YEAR}-12-31T00:00:00")) == 0
    assert zone.offset_ns_at(-(2**62)) == HOUR_NS  # London kept summer time all through 1970


@given(
    st.sampled_from(KEYS),
    st.lists(st.integers(ns("1960-01-01T00:00:00"), ns("2110-01-01T00:00:00")), min_size=1, max_size=12),
    st.integers(0, 2),
)
@example(NEW_YORK, [ns("2018-03-11T07:00:00"), ns("2018-11-04T06:00:00")], 1)
@example(NEW_YORK, [ns("2018-12-31T23:59:59"), ns("2021-06-01T00:00:00")], 2)
def test_zone_offset_is_the_same_whatever_was_asked_before(key: str, utc: list[int], step: int) -> None:
    """One zone asked for times in any order, each with those right before and after it, says what one that was asked nothing says."""
    zone = Zone.parse(key)
    for time_ns in utc:
        for asked_ns in (time_ns, time_ns - step, time_ns + step, time_ns - 1):
            assert zone.offset_ns_at(asked_ns) == Zone.parse(key).offset_ns_at(asked_ns)


def test_zone_tells_its_name() -> None:
    """The representation names the zone, for messages and failing tests."""
    assert repr(Zone.parse("New York + 7 h")) == "Zone('America/New_York + 7 h')"
