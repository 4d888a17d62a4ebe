"""Times of feed files: single and by column, which must agree."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.feeds.times import Moments, moment_from_text, moments_from_fields


def utc_ns(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    moment = datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    return int(moment.timestamp()) * SECOND_NS


def by_column(texts: list[str], *, is_clock_only: bool = False) -> Moments:
    """The texts read as one column."""
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    buffer = np.frombuffer(b"".join(encoded) + b"\0" * 64, dtype=np.uint8)
    return moments_from_fields(buffer, starts, lengths, is_clock_only=is_clock_only)


@pytest.mark.parametrize(
    ("text", "clock_ns", "offset_ns"),
    [
        ("2014-05-05T00:00:00.040187Z", utc_ns(2014, 5, 5) + 40_187_000, 0),
        ("2014-05-07T05:00:01.014Z", utc_ns(2014, 5, 7, 5, 0, 1) + 14_000_000, 0),
        ("2014-05-07T05:00:01Z", utc_ns(2014, 5, 7, 5, 0, 1), 0),
        ("2014-05-07T05:00:01", utc_ns(2014, 5, 7, 5, 0, 1), None),
        ("2012-02-01 00:01:00+00:00", utc_ns(2012, 2, 1, 0, 1), 0),
        ("2012-02-01 00:01:00-05:30", utc_ns(2012, 2, 1, 0, 1), -(5 * HOUR_NS + 30 * MINUTE_NS)),
        ("2012-02-01 00:01:00+0200", utc_ns(2012, 2, 1, 0, 1), 2 * HOUR_NS),
        ("2012-02-01 00:01 UTC", utc_ns(2012, 2, 1, 0, 1), 0),
        ("2024.01.02", utc_ns(2024, 1, 2), None),
        ("2024.01.02 01:00", utc_ns(2024, 1, 2, 1), None),
        ("2024/01/02 01:00:59", utc_ns(2024, 1, 2, 1, 0, 59), None),
        ("20180101 170000", utc_ns(2018, 1, 1, 17), None),
        ("20200101 170000065", utc_ns(2020, 1, 1, 17) + 65_000_000, None),
        ("20180101170000", utc_ns(2018, 1, 1, 17), None),
        ("31.12.2018 21:00:00.500", utc_ns(2018, 12, 31, 21) + 500_000_000, None),
        ("2016-02-29T23:59:59.123456789Z", utc_ns(2016, 2, 29, 23, 59, 59) + 123_456_789, 0),
        ("1399248000", utc_ns(2014, 5, 5), 0),
        ("1399248000.25", utc_ns(2014, 5, 5) + 250_000_000, 0),
        ("1399248000040", utc_ns(2014, 5, 5) + 40_000_000, 0),
        ("1399248000040187", utc_ns(2014, 5, 5) + 40_187_000, 0),
        ("1399248000040187123", utc_ns(2014, 5, 5) + 40_187_123, 0),
    ],
)
def test_moment_is_read_alone_and_by_column(text: str, clock_ns: int, offset_ns: int | None) -> None:
    """Each way of writing a time is read exactly, by both readers."""
    assert moment_from_text(text) == (clock_ns, offset_ns)
    column = by_column([text])
    assert column.is_read.all()
    assert (column.clock_ns[0], column.offset_ns[0]) == (clock_ns, offset_ns or 0)
    assert column.has_offset[0] == (offset_ns is not None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2014-13-01",
        "2014-02-29",
        "2014-04-31",
        "2014-00-01",
        "2014-01-00",
        "2014-05-05 24:00:00",
        "2014-05-05 10:60:00",
        "2014-05-05 10:00:60",
        "2014-05-05 10:00:00+15:00",
        "2014-05.05",
        "05/06/2014",
        "1969-12-31",
        "2201-01-01",
        "9999999999",
        "139924800",
        "2014-05-05T10",
        "２０１４-05-05",
    ],
)
def test_what_is_no_time_is_refused_alone_and_by_column(text: str) -> None:
    """Impossible dates and clocks, ambiguous dates and other digits are left to be reported."""
    with pytest.raises(ValueError, match="time"):
        moment_from_text(text)
    assert not by_column([text]).is_read.any()


def test_clock_alone_is_a_time_of_day() -> None:
    """MetaTrader's <TIME> column has no date."""
    assert moment_from_text("00:00:08.715", is_clock_only=True) == (8_715_000_000, None)
    column = by_column(["00:00:08.715", "23:59:59.999", "23:59", "24:00:00.000"], is_clock_only=True)
    assert column.is_read.tolist() == [True, True, True, False]
    assert column.clock_ns[1] == DAY_NS - 1_000_000


def test_column_of_mixed_shapes_is_read_row_by_shape() -> None:
    """Fractions of any length, offsets that change and a bad field between them do not disturb one another."""
    texts = [
        "2014-05-05T00:00:00Z",
        "2014-05-05T00:00:00.5Z",
        "2014-05-05T00:00:00+01:00",
        "2014-05-05T00:00:00-05:00",
        "2014-05-05T00:00:0xZ",
        "2014-05-05 00:00:00Z",
        "garbage.............",
    ]
    column = by_column(texts)
    assert column.is_read.tolist() == [True, True, True, True, False, True, False]
    assert column.offset_ns[2:4].tolist() == [HOUR_NS, -5 * HOUR_NS]


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2200, 12, 31)),
            st.sampled_from(["%Y-%m-%dT%H:%M:%S.%fZ", "%Y.%m.%d %H:%M:%S", "%Y%m%d %H%M%S", "%d.%m.%Y %H:%M", "%Y-%m-%d"]),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_column_reads_what_the_single_reader_reads(moments: list[tuple[datetime.datetime, str]]) -> None:
    """Any mixture of moments and ways to write them gives the same by column, alone and by the standard library."""
    texts = [moment.strftime(shape) for moment, shape in moments]
    column = by_column(texts)
    for row, text in enumerate(texts):
        clock_ns, offset_ns = moment_from_text(text)
        parsed = datetime.datetime.strptime(text, moments[row][1]).replace(tzinfo=datetime.UTC)
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        assert clock_ns == (parsed - epoch) // datetime.timedelta(microseconds=1) * 1_000
        assert column.is_read[row]
        assert (column.clock_ns[row], column.has_offset[row]) == (clock_ns, offset_ns is not None)
