"""Bad rows and bad files: each kind is reported with file, line and reason, counted and skipped, or stops a strict read."""

from pathlib import Path

import numpy as np
import pytest

from mesh.errors import BadFeed
from nodes.io.feed import read_feed
from nodes.io.feedspec import parse_feed_spec
from tests.nodes.io.feedrig import GOOD_TICKS, FeedMaker, quotes


@pytest.fixture
def feed(tmp_path: Path) -> FeedMaker:
    """Reads small files as feeds."""
    return FeedMaker(tmp_path)


def test_bad_row_is_not_what_the_next_empty_cell_repeats(feed: FeedMaker) -> None:
    """After a refused bid an empty cell takes the last good one."""
    text = (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2024.01.08\t00:00:00.000\t1.10000\t1.10010\t\t\t6\n"
        "2024.01.08\t00:00:01.000\t11.0000\t\t\t\t2\n"
        "2024.01.08\t00:00:02.000\t\t1.10020\t\t\t4\n"
    )
    assert quotes(feed(text, "tz=UTC"))[1:] == [(2_000, "1.10000", "1.10020")]


BAD_ROWS = [
    ("fields", "2024-01-08T00:00:04Z,1.1", "2 fields, expected 3"),
    ("fields", "2024-01-08T00:00:04Z,1.1,1.2,", "4 fields, expected 3"),
    ("time", "2024-01-38T00:00:04Z,1.1,1.2", "2024-01-38T00:00:04Z"),
    ("time", ",1.1,1.2", "'' is not a time"),
    ("number", "2024-01-08T00:00:04Z,abc,1.2", "'abc' is not a number"),
    ("number", "2024-01-08T00:00:04Z,,1.2", "'' is not a number"),
    ("price", "2024-01-08T00:00:04Z,0,1.2", "zero"),
    ("price", "2024-01-08T00:00:04Z,0.00000,1.2", "zero"),
    ("price", "2024-01-08T00:00:04Z,1.1,-1.2", "negative"),
    ("price", "2024-01-08T00:00:04Z,NaN,1.2", "'NaN' is not a finite number"),
    ("price", "2024-01-08T00:00:04Z,1.1,inf", "'inf' is not a finite number"),
    ("price", "2024-01-08T00:00:04Z,99999999999,1.2", "over a billion"),
    ("order", "2024-01-08T00:00:02Z,1.10000,1.10010", "1.000 s before the row before"),
    ("order", "2024-03-08T00:00:02Z,1.10000,1.10010", "comes back"),
    ("jump", "2024-01-08T00:00:04Z,1.40000,1.40010", "more than 10 %"),
    ("jump", "2024-01-08T00:00:04Z,1.10000,0.9", "more than 10 %"),
]


@pytest.mark.parametrize(("reason", "row", "detail"), BAD_ROWS)
def test_bad_tick_row_is_reported_counted_and_skipped(feed: FeedMaker, reason: str, row: str, detail: str) -> None:
    """Each kind of bad row costs itself alone and is told with file, line and reason."""
    lines = ["time,bid,ask", *GOOD_TICKS[:4], row, *GOOD_TICKS[4:]]
    read = feed("\n".join(lines) + "\n")
    assert quotes(read) == quotes(feed("\n".join(["time,bid,ask", *GOOD_TICKS])))
    assert read.problems.bad_by_reason == {reason: 1}
    assert read.problems.row_count == 11
    (problem,) = read.problems.first_problems
    assert problem.line == 6
    assert problem.file.endswith("EURUSD.csv")
    assert detail in problem.detail


@pytest.mark.parametrize(("reason", "row", "detail"), BAD_ROWS)
def test_strict_stops_at_the_bad_row(feed: FeedMaker, reason: str, row: str, detail: str) -> None:
    """With strict the first bad row is the error, with file and line."""
    with pytest.raises(BadFeed, match=f"EURUSD.csv:6: {reason}: ") as caught:
        feed("\n".join(["time,bid,ask", *GOOD_TICKS[:4], row, *GOOD_TICKS[4:]]), strict=True)
    assert detail in str(caught.value)


BAR_ROWS = [f"2024-01-08T00:0{minute}:00Z,1.10,1.14,1.08,1.12" for minute in range(8)]


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        ("range", "2024-01-08T00:04:30Z,1.10,1.09,1.08,1.10"),
        ("range", "2024-01-08T00:04:30Z,1.10,1.14,1.11,1.12"),
        ("range", "2024-01-08T00:04:30Z,1.10,1.08,1.14,1.12"),
        ("order", "2024-01-08T00:03:00Z,1.10,1.14,1.08,1.12"),
        ("order", "2024-01-08T00:01:30Z,1.10,1.14,1.08,1.12"),
        ("jump", "2024-01-08T00:04:30Z,2.10,2.14,2.08,2.12"),
        ("jump", "2024-01-08T00:04:30Z,1.10,9.14,1.08,1.12"),
        ("price", "2024-01-08T00:04:30Z,1.10,1.14,0,1.12"),
    ],
)
def test_bad_bar_row_is_reported_counted_and_skipped(feed: FeedMaker, reason: str, row: str) -> None:
    """High below low, a bar twice, a jump, a zero: each costs that bar alone."""
    read = feed("\n".join(["time,open,high,low,close", *BAR_ROWS[:4], row, *BAR_ROWS[4:]]))
    assert quotes(read) == quotes(feed("\n".join(["time,open,high,low,close", *BAR_ROWS])))
    assert read.problems.bad_by_reason == {reason: 1}
    assert read.problems.first_problems[0].line == 6


def test_first_twenty_problems_in_full_then_counts(feed: FeedMaker) -> None:
    """A file of rubbish is told in twenty lines, a count and a sum."""
    rows = [row for good in GOOD_TICKS for row in (good, "rubbish", "also,bad,row", "")]
    read = feed("\n".join(["time,bid,ask", *rows, *(["x"] * 30)]))
    assert len(read.columns) == 10
    assert read.problems.bad_by_reason == {"fields": 40, "time": 10}
    lines = read.problems.lines()
    assert lines[0].endswith("EURUSD.csv:3: fields: 1 fields, expected 3, in 'rubbish'")
    assert lines[1].endswith("EURUSD.csv:4: time: 'also' is not a time")
    assert lines[20:] == ("... and 30 more bad rows", "50 of 60 rows skipped (fields 40, time 10)")


def test_jump_bound_is_set_by_spec_or_caller(feed: FeedMaker) -> None:
    """The spec goes before the caller's bound; off lets everything pass."""
    text = "time,bid,ask\n1704672000,1.0,1.0\n1704672001,1.3,1.3\n1704672002,1.0,1.0\n"
    assert feed(text).problems.bad_by_reason == {"jump": 1}
    assert feed(text, jump_ppm=400_000).problems.bad_by_reason == {}
    assert feed(text, "jump=50").problems.bad_by_reason == {}
    assert feed(text, "jump=off").problems.bad_by_reason == {}
    assert feed(text, "jump=1", jump_ppm=0).problems.bad_by_reason == {"jump": 1}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("time,bid,ask\n", "has a header but no rows"),
        ("time,bid,ask", "has a header but no rows"),
        ("time,bid,ask\nx\ny\n", "no row could be read; the first: .*EURUSD.csv:2: fields"),
        ("\n\n", "layout is not known"),
        ("2018.01.01,17:00,1.2,1.2,1.2,1.2,0\n", "EURUSD.csv:1: the layout is not known; known are MetaTrader 5"),
        ("time,bid,ask\n1704672000,1.1,9\n1704672001,1.1,9\n", "no row stands"),
    ],
)
def test_file_without_a_usable_row_is_refused(feed: FeedMaker, text: str, why: str) -> None:
    """Nothing to play is an error that says what was there instead."""
    with pytest.raises(BadFeed, match=why):
        feed(text)


def test_binary_rubbish_is_an_error_and_nothing_worse(tmp_path: Path) -> None:
    """Any bytes end in a BadFeed or in counted bad rows, never in another exception."""
    path = tmp_path / "EURUSD.csv"
    for seed in range(20):
        noise = np.random.Generator(np.random.PCG64(seed)).bytes(3_000)
        path.write_bytes(noise)
        with pytest.raises(BadFeed):
            read_feed(parse_feed_spec(str(path)))
        path.write_bytes("\n".join(["time,bid,ask", *GOOD_TICKS, ""]).encode() + noise)
        read = read_feed(parse_feed_spec(str(path)))
        assert len(read.columns) == 10
        assert read.problems.bad_count == read.problems.row_count - 10


def test_rows_read_alone_and_by_column_are_the_same_feed(feed: FeedMaker) -> None:
    """Rows in unusual dress (signs, exponents, quotes) stand at their place among the others."""
    dressed = [row.replace(",1.1000", ",+1.1000") if number % 3 else row for number, row in enumerate(GOOD_TICKS)]
    assert quotes(feed("\n".join(["time,bid,ask", *dressed]))) == quotes(feed("\n".join(["time,bid,ask", *GOOD_TICKS])))
