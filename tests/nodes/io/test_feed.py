"""Feeds from small hand-made files: layouts, guesses, bars as ticks, and every kind of bad row."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mesh.errors import BadConfig, BadFeed
from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS, MS_NS, SECOND_NS, text_from_e8
from nodes.contracts import contract_of
from nodes.io import feedfile
from nodes.io.feed import Feed, merge_feeds, read_feed
from nodes.io.feedspec import parse_feed_spec

START_NS = 1_704_672_000 * SECOND_NS
"""2024-01-08 00:00 UTC, a Monday."""

Make = Callable[..., Feed]


@pytest.fixture
def feed(tmp_path: Path) -> Make:
    """Writes a file and reads it as a feed: ``feed(text, "tz=UTC", name="EURUSD.csv", strict=True)``."""

    def make(text: str, options: str = "", *, name: str = "EURUSD.csv", **keywords: object) -> Feed:
        path = tmp_path / name
        path.write_bytes(text.encode())
        spec = parse_feed_spec(f"{path},{options}" if options else str(path))
        return read_feed(spec, **keywords)  # type: ignore[arg-type]

    return make


def quotes(feed: Feed) -> list[tuple[int, str, str]]:
    """(ms since START_NS, bid, ask) of each tick."""
    columns = feed.columns
    times_ms = ((columns.time_ns - START_NS) // MS_NS).tolist()
    bids, asks = ([text_from_e8(price_e8, 5) for price_e8 in side_e8.tolist()] for side_e8 in (columns.bid_e8, columns.ask_e8))
    return list(zip(times_ms, bids, asks, strict=True))


def test_mt5_ticks_fill_empty_cells_forward(feed: Make) -> None:
    """An empty cell means unchanged, with CRLF and a byte order mark, on the server's clock."""
    text = (
        "\ufeff<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\r\n"
        "2024.01.08\t02:00:00.715\t1.10001\t1.10014\t\t\t6\r\n"
        "2024.01.08\t02:00:01.000\t1.10002\t\t\t\t2\r\n"
        "2024.01.08\t02:00:01.000\t\t1.10013\t\t\t4\r\n"
        "2024.01.08\t02:00:02.000\t\t\t\t\t0\r\n"
    )
    read = feed(text)
    assert quotes(read) == [
        (715, "1.10001", "1.10014"),
        (1_000, "1.10002", "1.10014"),
        (1_000, "1.10002", "1.10013"),
        (2_000, "1.10002", "1.10013"),
    ]
    assert (read.timeframe, read.bar_count, read.digits) == ("ticks", 0, 5)
    assert read.zone == "America/New_York + 7 h"
    assert read.end_ns == START_NS + 2 * SECOND_NS
    assert any("New York + 7 h" in guess for guess in read.guesses)


def test_mt5_ticks_fill_forward_across_blocks(feed: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unchanged since an earlier block of the file is still known."""
    monkeypatch.setattr(feedfile, "BLOCK_BYTES", 64)
    rows = "".join(f"2024.01.08\t00:00:{second:02d}.000\t\t\t\t\t0\n" for second in range(1, 30))
    head = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n2024.01.08\t00:00:00.000\t1.1\t1.2\t\t\t6\n"
    read = feed(head + rows, "tz=UTC")
    assert [quote[1:] for quote in quotes(read)] == [("1.10000", "1.20000")] * 30


def test_bad_row_is_not_what_the_next_empty_cell_repeats(feed: Make) -> None:
    """After a refused bid an empty cell takes the last good one."""
    text = (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2024.01.08\t00:00:00.000\t1.10000\t1.10010\t\t\t6\n"
        "2024.01.08\t00:00:01.000\t11.0000\t\t\t\t2\n"
        "2024.01.08\t00:00:02.000\t\t1.10020\t\t\t4\n"
    )
    assert quotes(feed(text, "tz=UTC"))[1:] == [(2_000, "1.10000", "1.10020")]


def test_ticks_before_both_sides_are_known_are_skipped_but_heard(feed: Make) -> None:
    """An export that begins with one side gives its first tick when the other comes."""
    text = (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2024.01.08\t00:00:00.000\t\t1.10010\t\t\t4\n"
        "2024.01.08\t00:00:01.000\t1.10000\t\t\t\t2\n"
    )
    read = feed(text, "tz=UTC")
    assert quotes(read) == [(1_000, "1.10000", "1.10010")]
    assert read.problems.bad_by_reason == {"incomplete": 1}


def test_mt5_bars_are_played_with_their_spread(feed: Make) -> None:
    """A rising bar is O-L-H-C, a falling one O-H-L-C; the ask is the bid plus <SPREAD> points."""
    text = (
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2024.01.08\t00:00:00\t1.10409\t1.10439\t1.10400\t1.10432\t167\t0\t15\n"
        "2024.01.08\t01:00:00\t1.10430\t1.10436\t1.10350\t1.10359\t563\t0\t11\n"
    )
    read = feed(text, "tz=UTC")
    assert quotes(read) == [
        (0, "1.10409", "1.10424"),
        (1_200_000, "1.10400", "1.10415"),
        (2_400_000, "1.10439", "1.10454"),
        (3_599_999, "1.10432", "1.10447"),
        (3_600_000, "1.10430", "1.10441"),
        (4_800_000, "1.10436", "1.10447"),
        (6_000_000, "1.10350", "1.10361"),
        (7_199_999, "1.10359", "1.10370"),
    ]
    assert (read.timeframe, read.bar_count) == ("H1", 2)
    assert read.end_ns == START_NS + 2 * HOUR_NS


def test_mt5_days_have_no_time_column(feed: Make) -> None:
    """D1 exports name only the date; a day is that of the server's clock."""
    text = (
        "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
        "2024.01.08\t1.10409\t1.10439\t1.10400\t1.10432\t167\t0\t15\n"
        "2024.01.09\t1.10430\t1.10436\t1.10350\t1.10359\t563\t0\t11\n"
    )
    read = feed(text)
    assert (read.timeframe, read.bar_count) == ("D1", 2)
    assert read.columns.time_ns[0] == START_NS - 2 * HOUR_NS
    assert read.end_ns == START_NS - 2 * HOUR_NS + 2 * DAY_NS


def test_histdata_bars_are_new_york_with_daylight_saving(feed: Make) -> None:
    """17:00 New York is 22:00 UTC in winter and 21:00 in summer."""
    winter = "20180107 170000;1.2;1.2;1.2;1.2;0\n20180107 170100;1.2;1.2;1.2;1.2;0\n"
    summer = "20180708 170000;1.2;1.2;1.2;1.2;0\n20180708 170100;1.2;1.2;1.2;1.2;0\n"
    read = feed(winter + summer)
    opens_ns = read.columns.time_ns[::4] % DAY_NS
    assert (opens_ns // MINUTE_NS).tolist() == [22 * 60, 22 * 60 + 1, 21 * 60, 21 * 60 + 1]
    assert any("daylight saving" in guess for guess in read.guesses)
    assert any("10 points" in guess for guess in read.guesses)
    assert np.all(read.columns.ask_e8 - read.columns.bid_e8 == 10_000)


def test_histdata_ticks_have_milliseconds_without_a_point(feed: Make) -> None:
    """HHMMSSmmm."""
    read = feed("20240108 000000065,1.121200,1.121720,0\n20240108 000010447,1.121200,1.121920,0\n", "tz=UTC")
    assert quotes(read) == [(65, "1.12120", "1.12172"), (10_447, "1.12120", "1.12192")]


@pytest.mark.parametrize(
    "text",
    [
        "time,bid,ask\n2024-01-08T00:00:01.500Z,1.1,1.2\n",
        "time;bid;ask\n2024-01-08 02:00:01,500+02:00;1,1;1,2\n",
        'Time,Ask,Bid\n"2024-01-08T00:00:01.500000","1.2","1.1"\n',
        "timestamp\tbid\task\tvolume\n1704672001500\t1.1\t1.2\t7\n",
        "epoch,timestamp,bid,ask\nx,1704672001.5, 1.1 ,1.2\n",
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n08.01.2024 00:00:01.500,1.2,1.1,1,1",
    ],
)
def test_csv_of_ticks_in_many_hands(feed: Make, text: str) -> None:
    """Delimiters, quotes, decimal commas, column orders, offsets and epochs all give the same tick."""
    assert quotes(feed(text)) == [(1_500, "1.10000", "1.20000")]


def test_csv_of_bars_with_bid_and_ask(feed: Make) -> None:
    """Bars with eight prices: the ask plays in the order of the bid."""
    text = (
        "time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close\n"
        "2024-01-08T00:00:00Z,1.10,1.14,1.08,1.12,1.11,1.16,1.09,1.13\n"
        "2024-01-08T00:01:00Z,1.12,1.12,1.12,1.12,1.13,1.13,1.13,1.13\n"
    )
    read = feed(text)
    assert [quote[1:] for quote in quotes(read)][:4] == [
        ("1.10000", "1.11000"),
        ("1.08000", "1.09000"),
        ("1.14000", "1.16000"),
        ("1.12000", "1.13000"),
    ]
    assert read.zone == "UTC"


BID_BARS = (
    "time,open,high,low,close\n"
    "2024-01-08T00:00:00Z,1.10,1.14,1.08,1.12\n"
    "2024-01-08T00:01:00Z,1.12,1.13,1.11,1.12\n"
    "2024-01-08T00:02:00Z,1.12,1.13,1.11,1.12\n"
)
ASK_BARS = (
    "time,open,high,low,close\n"
    "2024-01-08T00:01:00Z,1.13,1.14,1.12,1.13\n"
    "2024-01-08T00:02:00Z,1.12,1.13,1.11,1.11\n"
    "2024-01-08T00:03:00Z,1.13,1.14,1.12,1.13\n"
)


def test_ask_file_is_joined_by_time(feed: Make, tmp_path: Path) -> None:
    """Bars in both files are played with both prices; those in only one are reported with file and line."""
    ask_path = tmp_path / "ask.csv"
    ask_path.write_text(ASK_BARS)
    read = feed(BID_BARS, f"ask={ask_path}")
    assert (read.bar_count, len(read.columns)) == (2, 8)
    assert quotes(read)[0] == (60_000, "1.12000", "1.13000")
    assert read.problems.bad_by_reason == {"unpaired": 2}
    shown = [problem.text() for problem in read.problems.first_problems]
    assert shown[0].startswith(f"{tmp_path / 'EURUSD.csv'}:2: unpaired")
    assert shown[1].startswith(f"{ask_path}:4: unpaired")
    assert read.problems.row_count == 6
    assert (read.crossed_count, read.locked_count) == (1, 3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("crossed=keep", [(0, "2", "1"), (1, "1", "1"), (2, "1", "2")]),
        ("crossed=swap", [(0, "1", "2"), (1, "1", "1"), (2, "1", "2")]),
        ("crossed=skip", [(1, "1", "1"), (2, "1", "2")]),
    ],
)
def test_crossed_quotes_are_counted_and_treated_as_set(feed: Make, options: str, expected: list[tuple[int, str, str]]) -> None:
    """Crossed quotes are kept, swapped or skipped, and counted as they were in the file."""
    text = "time,bid,ask\n1704672000,1.002,1.001\n1704672001,1.001,1.001\n1704672002,1.001,1.002\n"
    read = feed(text, options)
    assert quotes(read) == [(second * 1_000, f"1.00{bid}00", f"1.00{ask}00") for second, bid, ask in expected]
    assert (read.crossed_count, read.locked_count) == (1, 1)


def test_crossed_of_the_configuration_holds_where_the_spec_is_silent(feed: Make) -> None:
    """The caller's default is used unless the feed says otherwise."""
    text = "time,bid,ask\n1704672000,1.002,1.001\n1704672001,1.001,1.002\n"
    assert len(feed(text, crossed="skip").columns) == 1
    assert len(feed(text, "crossed=keep", crossed="skip").columns) == 2


GOOD = [f"2024-01-08T00:00:{second:02d}Z,1.1000{second % 10},1.1001{second % 10}" for second in range(10)]
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
def test_bad_tick_row_is_reported_counted_and_skipped(feed: Make, reason: str, row: str, detail: str) -> None:
    """Each kind of bad row costs itself alone and is told with file, line and reason."""
    lines = ["time,bid,ask", *GOOD[:4], row, *GOOD[4:]]
    read = feed("\n".join(lines) + "\n")
    assert quotes(read) == quotes(feed("\n".join(["time,bid,ask", *GOOD])))
    assert read.problems.bad_by_reason == {reason: 1}
    assert read.problems.row_count == 11
    (problem,) = read.problems.first_problems
    assert problem.line == 6
    assert problem.file.endswith("EURUSD.csv")
    assert detail in problem.detail


@pytest.mark.parametrize(("reason", "row", "detail"), BAD_ROWS)
def test_strict_stops_at_the_bad_row(feed: Make, reason: str, row: str, detail: str) -> None:
    """With strict the first bad row is the error, with file and line."""
    with pytest.raises(BadFeed, match=f"EURUSD.csv:6: {reason}: ") as caught:
        feed("\n".join(["time,bid,ask", *GOOD[:4], row, *GOOD[4:]]), strict=True)
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
def test_bad_bar_row_is_reported_counted_and_skipped(feed: Make, reason: str, row: str) -> None:
    """High below low, a bar twice, a jump, a zero: each costs that bar alone."""
    read = feed("\n".join(["time,open,high,low,close", *BAR_ROWS[:4], row, *BAR_ROWS[4:]]))
    assert quotes(read) == quotes(feed("\n".join(["time,open,high,low,close", *BAR_ROWS])))
    assert read.problems.bad_by_reason == {reason: 1}
    assert read.problems.first_problems[0].line == 6


def test_first_twenty_problems_in_full_then_counts(feed: Make) -> None:
    """A file of rubbish is told in twenty lines, a count and a sum."""
    rows = [row for good in GOOD for row in (good, "rubbish", "also,bad,row", "")]
    read = feed("\n".join(["time,bid,ask", *rows, *(["x"] * 30)]))
    assert len(read.columns) == 10
    assert read.problems.bad_by_reason == {"fields": 40, "time": 10}
    lines = read.problems.lines()
    assert lines[0].endswith("EURUSD.csv:3: fields: 1 fields, expected 3, in 'rubbish'")
    assert lines[1].endswith("EURUSD.csv:4: time: 'also' is not a time")
    assert lines[20:] == ("... and 30 more bad rows", "50 of 60 rows skipped (fields 40, time 10)")


def test_jump_bound_is_set_by_spec_or_caller(feed: Make) -> None:
    """The spec goes before the caller's bound; off lets everything pass."""
    text = "time,bid,ask\n1704672000,1.0,1.0\n1704672001,1.3,1.3\n1704672002,1.0,1.0\n"
    assert feed(text).problems.bad_by_reason == {"jump": 1}
    assert feed(text, jump_ppm=400_000).problems.bad_by_reason == {}
    assert feed(text, "jump=50").problems.bad_by_reason == {}
    assert feed(text, "jump=off").problems.bad_by_reason == {}
    assert feed(text, "jump=1", jump_ppm=0).problems.bad_by_reason == {"jump": 1}


@pytest.mark.parametrize(
    ("name", "price", "options", "expected", "digits", "said"),
    [
        ("USDJPY.csv", "81121.0", "", "81.12100", 3, "scale 1000 (81121 is 81.121)"),
        ("EURUSD.csv", "110409", "", "1.10409", 5, "scale 100000"),
        ("EURUSD.csv", "11041", "", "1.10410", 5, "scale 10000"),
        ("XAUUSD.csv", "1302", "", "1302.00000", 2, ""),
        ("XAUUSD.csv", "1302345", "", "1302.34500", 3, "scale 1000"),
        ("US500.csv", "450025", "", "4500.25000", 2, "scale 100"),
        ("EURUSD.csv", "7", "", "7.00000", 5, "none near EURUSD's"),
        ("BTCUSD.csv", "64000", "", "64000.00000", 2, "taken as they are"),
        ("NOSUCH.csv", "64000", "", "64000.00000", 0, "taken as they are"),
        ("NOSUCH.csv", "64000", "scale=1000,digits=3", "64.00000", 3, ""),
        ("EURUSD.csv", "110409", "scale=10", "11040.90000", 5, ""),
    ],
)
def test_integer_points_are_recognised_where_the_price_is_known(
    feed: Make, name: str, price: str, options: str, expected: str, digits: int, said: str
) -> None:
    """All prices whole and the class known: the scale that makes them typical, said aloud; else as told."""
    read = feed(f"time,bid,ask\n1704672000,{price},{price}\n", options, name=name)
    assert quotes(read) == [(0, expected, expected)]
    assert read.digits == digits
    assert any("scale" in guess for guess in read.guesses) == bool(said)
    assert any(said in guess for guess in read.guesses)


@pytest.mark.parametrize(
    ("bid", "options", "expected", "digits"),
    [
        ("1.1", "", "1.10000", 5),
        ("1.100001", "", "1.10000", 6),
        ("1.1000099999999999", "", "1.10001", 5),
        ("1.10000012", "", "1.10000", 5),
        ("1.10000012", "digits=8", "1.10000", 8),
        ("1.10006", "digits=4", "1.10010", 4),
    ],
)
def test_digits_follow_contract_rows_or_word(feed: Make, bid: str, options: str, expected: str, digits: int) -> None:
    """The contract's digits, one more when the rows use it, rounding where it is noise; the user's word stands."""
    read = feed(f"time,bid,ask\n1704672000,{bid},1.2\n", options)
    assert (quotes(read)[0][1], read.digits) == (expected, digits)


def test_prices_that_would_become_zero_are_refused(feed: Make) -> None:
    """A scale or digits that wipe prices out are the user's mistake."""
    with pytest.raises(BadConfig, match="scale=1000 and digits=0 make the price of line 2 zero"):
        feed("time,bid,ask\n1704672000,1.1,1.2\n", "scale=1000,digits=0")


def test_contract_of_the_configuration_goes_first(feed: Make) -> None:
    """The user's own contract gives digits and spread to bars without an ask; without any the spread is 0, said."""
    gold = contract_of("XAUUSD")
    assert gold is not None
    text = "time,open,high,low,close\n1704672000,10.5,10.5,10.5,10.5\n1704672060,10.5,10.5,10.5,10.5\n"
    read = feed(text, name="NOSUCH.csv", contracts={"NOSUCH": gold})
    assert (read.digits, quotes(read)[0]) == (2, (0, "10.50000", "10.75000"))
    bare = feed(text, name="NOSUCH.csv")
    assert quotes(bare)[0] == (0, "10.50000", "10.50000")
    assert any("bid + 0 points" in guess for guess in bare.guesses)


def test_time_zone_of_the_user_stands_over_the_rows(feed: Make) -> None:
    """tz= is the user's word, also against a Z that the exporter put there; it is said."""
    read = feed("time,bid,ask\n2024-01-08T02:00:00Z,1.1,1.2\n", "tz=UTC+2")
    assert quotes(read)[0][0] == 0
    assert any("stands over it" in guess for guess in read.guesses)


def test_rows_with_and_without_offset_are_each_read_as_they_say(feed: Make) -> None:
    """In a mixed file the offset counts where it is written, the zone elsewhere."""
    read = feed("time,bid,ask\n2024-01-08T00:00:00,1.1,1.2\n2024-01-08T02:00:01+02:00,1.1,1.2\n")
    assert [quote[0] for quote in quotes(read)] == [0, 1_000]


def test_newest_first_is_read_backwards(feed: Make) -> None:
    """A file in falling order is turned round, said aloud; its lines keep their numbers."""
    lines = ["time,bid,ask", *GOOD[::-1]]
    lines.insert(4, "rubbish")
    read = feed("\n".join(lines))
    assert quotes(read) == quotes(feed("\n".join(["time,bid,ask", *GOOD])))
    assert any("backwards" in guess for guess in read.guesses)
    assert read.problems.first_problems[0].line == 5


def test_timeframe_comes_from_the_rows_or_the_user(feed: Make) -> None:
    """The commonest distance is the timeframe; the user's word stands over it; one bar cannot tell."""
    assert feed(BID_BARS).timeframe == "M1"
    longer = feed(BID_BARS, "timeframe=M5")
    assert (longer.timeframe, longer.end_ns) == ("M5", START_NS + 7 * MINUTE_NS)
    assert np.all(np.diff(longer.columns.time_ns) > 0)
    one = "\n".join(BID_BARS.split("\n")[:2])
    assert feed(one, "timeframe=H1").end_ns == START_NS + HOUR_NS
    with pytest.raises(BadConfig, match="say timeframe="):
        feed(one)


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
def test_file_without_a_usable_row_is_refused(feed: Make, text: str, why: str) -> None:
    """Nothing to play is an error that says what was there instead."""
    with pytest.raises(BadFeed, match=why):
        feed(text)


def test_ask_file_must_be_bars_of_one_side(feed: Make, tmp_path: Path) -> None:
    """Ticks have no ask file, and an ask file has no ticks."""
    ticks = "time,bid,ask\n1704672000,1.1,1.2\n1704672001,1.1,1.2\n"
    (tmp_path / "ask.csv").write_text(ticks)
    with pytest.raises(BadConfig, match="this one holds ticks"):
        feed(ticks, f"ask={tmp_path / 'ask.csv'}")
    with pytest.raises(BadConfig, match="bars of one side"):
        feed(BID_BARS, f"ask={tmp_path / 'ask.csv'}")


def test_binary_rubbish_is_an_error_and_nothing_worse(tmp_path: Path) -> None:
    """Any bytes end in a BadFeed or in counted bad rows, never in another exception."""
    path = tmp_path / "EURUSD.csv"
    for seed in range(20):
        noise = np.random.Generator(np.random.PCG64(seed)).bytes(3_000)
        path.write_bytes(noise)
        with pytest.raises(BadFeed):
            read_feed(parse_feed_spec(str(path)))
        path.write_bytes("\n".join(["time,bid,ask", *GOOD, ""]).encode() + noise)
        read = read_feed(parse_feed_spec(str(path)))
        assert len(read.columns) == 10
        assert read.problems.bad_count == read.problems.row_count - 10


def test_rows_read_alone_and_by_column_are_the_same_feed(feed: Make) -> None:
    """Rows in unusual dress (signs, exponents, quotes) stand at their place among the others."""
    dressed = [row.replace(",1.1000", ",+1.1000") if number % 3 else row for number, row in enumerate(GOOD)]
    assert quotes(feed("\n".join(["time,bid,ask", *dressed]))) == quotes(feed("\n".join(["time,bid,ask", *GOOD])))


def test_several_feeds_merge_on_one_clock(feed: Make) -> None:
    """Symbols are merged by time; ties go to the feed named first."""
    euro = feed("time,bid,ask\n1704672000,1.1,1.2\n1704672002,1.1,1.2\n")
    yen = feed("time,bid,ask\n1704672001,110,110\n1704672002,110,110\n", "scale=1", name="USDJPY.csv")
    together = merge_feeds([euro, yen])
    assert together.symbols == ("EURUSD", "USDJPY")
    assert together.symbol_index.tolist() == [0, 1, 0, 1]
    assert merge_feeds([yen, euro]).symbol_index.tolist() == [1, 0, 0, 1]


def test_progress_is_told_of_both_files(feed: Make, tmp_path: Path) -> None:
    """A long read can be shown."""
    ask_path = tmp_path / "ask.csv.gz"
    ask_path.write_bytes(gzip.compress(ASK_BARS.encode()))
    told: list[tuple[int, int]] = []
    feed(BID_BARS, f"ask={ask_path}", progress=lambda done_bytes, total_bytes: told.append((done_bytes, total_bytes)))
    assert told[-1] == (ask_path.stat().st_size, ask_path.stat().st_size)
    assert (len(BID_BARS), len(BID_BARS)) in told


def test_prices_of_a_feed_are_exact(feed: Make) -> None:
    """Every five-digit price of a figure is the integer it says, none a float's neighbour."""
    rows = [f"{1_704_672_000 + number},{1 + number / 1e5:.5f},{1 + number / 1e5:.5f}" for number in range(1_000)]
    read = feed("\n".join(["time,bid,ask", *rows]))
    assert read.columns.bid_e8.tolist() == [E8 + number * 1_000 for number in range(1_000)]
