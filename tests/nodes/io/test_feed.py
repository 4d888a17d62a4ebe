"""Feeds from small hand-made files: layouts, guesses, bars as ticks, crossed quotes."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from mesh.errors import BadConfig
from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.contracts import contract_of
from nodes.io import feedfile
from nodes.io.feed import merge_feeds
from tests.nodes.io.feedrig import GOOD_TICKS, START_NS, FeedMaker, quotes


@pytest.fixture
def feed(tmp_path: Path) -> FeedMaker:
    """Reads small files as feeds."""
    return FeedMaker(tmp_path)


def test_mt5_ticks_fill_empty_cells_forward(feed: FeedMaker) -> None:
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


def test_mt5_ticks_fill_forward_across_blocks(feed: FeedMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unchanged since an earlier block of the file is still known."""
    monkeypatch.setattr(feedfile, "BLOCK_BYTES", 64)
    rows = "".join(f"2024.01.08\t00:00:{second:02d}.000\t\t\t\t\t0\n" for second in range(1, 30))
    head = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n2024.01.08\t00:00:00.000\t1.1\t1.2\t\t\t6\n"
    read = feed(head + rows, "tz=UTC")
    assert [quote[1:] for quote in quotes(read)] == [("1.10000", "1.20000")] * 30


def test_ticks_before_both_sides_are_known_are_skipped_but_heard(feed: FeedMaker) -> None:
    """An export that begins with one side gives its first tick when the other comes."""
    text = (
        "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>\n"
        "2024.01.08\t00:00:00.000\t\t1.10010\t\t\t4\n"
        "2024.01.08\t00:00:01.000\t1.10000\t\t\t\t2\n"
    )
    read = feed(text, "tz=UTC")
    assert quotes(read) == [(1_000, "1.10000", "1.10010")]
    assert read.problems.bad_by_reason == {"incomplete": 1}


def test_mt5_bars_are_played_with_their_spread(feed: FeedMaker) -> None:
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


def test_mt5_days_have_no_time_column(feed: FeedMaker) -> None:
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


def test_histdata_bars_are_new_york_with_daylight_saving(feed: FeedMaker) -> None:
    """17:00 New York is 22:00 UTC in winter and 21:00 in summer."""
    winter = "20180107 170000;1.2;1.2;1.2;1.2;0\n20180107 170100;1.2;1.2;1.2;1.2;0\n"
    summer = "20180708 170000;1.2;1.2;1.2;1.2;0\n20180708 170100;1.2;1.2;1.2;1.2;0\n"
    read = feed(winter + summer)
    opens_ns = read.columns.time_ns[::4] % DAY_NS
    assert (opens_ns // MINUTE_NS).tolist() == [22 * 60, 22 * 60 + 1, 21 * 60, 21 * 60 + 1]
    assert any("daylight saving" in guess for guess in read.guesses)
    assert any("10 points" in guess for guess in read.guesses)
    assert np.all(read.columns.ask_e8 - read.columns.bid_e8 == 10_000)


def test_histdata_ticks_have_milliseconds_without_a_point(feed: FeedMaker) -> None:
    """The time of a HistData tick is HHMMSSmmm."""
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
def test_csv_of_ticks_in_many_hands(feed: FeedMaker, text: str) -> None:
    """Delimiters, quotes, decimal commas, column orders, offsets and epochs all give the same tick."""
    assert quotes(feed(text)) == [(1_500, "1.10000", "1.20000")]


def test_csv_of_bars_with_bid_and_ask(feed: FeedMaker) -> None:
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


def test_ask_file_is_joined_by_time(feed: FeedMaker, tmp_path: Path) -> None:
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
def test_crossed_quotes_are_counted_and_treated_as_set(feed: FeedMaker, options: str, expected: list[tuple[int, str, str]]) -> None:
    """Crossed quotes are kept, swapped or skipped, and counted as they were in the file."""
    text = "time,bid,ask\n1704672000,1.002,1.001\n1704672001,1.001,1.001\n1704672002,1.001,1.002\n"
    read = feed(text, options)
    assert quotes(read) == [(second * 1_000, f"1.00{bid}00", f"1.00{ask}00") for second, bid, ask in expected]
    assert (read.crossed_count, read.locked_count) == (1, 1)


def test_crossed_of_the_configuration_holds_where_the_spec_is_silent(feed: FeedMaker) -> None:
    """The caller's default is used unless the feed says otherwise."""
    text = "time,bid,ask\n1704672000,1.002,1.001\n1704672001,1.001,1.002\n"
    assert len(feed(text, crossed="skip").columns) == 1
    assert len(feed(text, "crossed=keep", crossed="skip").columns) == 2


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
    feed: FeedMaker, name: str, price: str, options: str, expected: str, digits: int, said: str
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
def test_digits_follow_contract_rows_or_word(feed: FeedMaker, bid: str, options: str, expected: str, digits: int) -> None:
    """The contract's digits, one more when the rows use it, rounding where it is noise; the user's word stands."""
    read = feed(f"time,bid,ask\n1704672000,{bid},1.2\n", options)
    assert (quotes(read)[0][1], read.digits) == (expected, digits)


def test_prices_that_would_become_zero_are_refused(feed: FeedMaker) -> None:
    """A scale or digits that wipe prices out are the user's mistake."""
    with pytest.raises(BadConfig, match="scale=1000 and digits=0 make the price of line 2 zero"):
        feed("time,bid,ask\n1704672000,1.1,1.2\n", "scale=1000,digits=0")


def test_contract_of_the_configuration_goes_first(feed: FeedMaker) -> None:
    """The user's own contract gives digits and spread to bars without an ask; without any the spread is 0, said."""
    gold = contract_of("XAUUSD")
    assert gold is not None
    text = "time,open,high,low,close\n1704672000,10.5,10.5,10.5,10.5\n1704672060,10.5,10.5,10.5,10.5\n"
    read = feed(text, name="NOSUCH.csv", contracts={"NOSUCH": gold})
    assert (read.digits, quotes(read)[0]) == (2, (0, "10.50000", "10.75000"))
    bare = feed(text, name="NOSUCH.csv")
    assert quotes(bare)[0] == (0, "10.50000", "10.50000")
    assert any("bid + 0 points" in guess for guess in bare.guesses)


def test_time_zone_of_the_user_stands_over_the_rows(feed: FeedMaker) -> None:
    """tz= is the user's word, also against a Z that the exporter put there; it is said."""
    read = feed("time,bid,ask\n2024-01-08T02:00:00Z,1.1,1.2\n", "tz=UTC+2")
    assert quotes(read)[0][0] == 0
    assert any("stands over it" in guess for guess in read.guesses)


def test_rows_with_and_without_offset_are_each_read_as_they_say(feed: FeedMaker) -> None:
    """In a mixed file the offset counts where it is written, the zone elsewhere."""
    read = feed("time,bid,ask\n2024-01-08T00:00:00,1.1,1.2\n2024-01-08T02:00:01+02:00,1.1,1.2\n")
    assert [quote[0] for quote in quotes(read)] == [0, 1_000]


def test_newest_first_is_read_backwards(feed: FeedMaker) -> None:
    """A file in falling order is turned round, said aloud; its lines keep their numbers."""
    lines = ["time,bid,ask", *GOOD_TICKS[::-1]]
    lines.insert(4, "rubbish")
    read = feed("\n".join(lines))
    assert quotes(read) == quotes(feed("\n".join(["time,bid,ask", *GOOD_TICKS])))
    assert any("backwards" in guess for guess in read.guesses)
    assert read.problems.first_problems[0].line == 5


def test_timeframe_comes_from_the_rows_or_the_user(feed: FeedMaker) -> None:
    """The commonest distance is the timeframe; the user's word stands over it; one bar cannot tell."""
    assert feed(BID_BARS).timeframe == "M1"
    longer = feed(BID_BARS, "timeframe=M5")
    assert (longer.timeframe, longer.end_ns) == ("M5", START_NS + 7 * MINUTE_NS)
    assert np.all(np.diff(longer.columns.time_ns) > 0)
    one = "\n".join(BID_BARS.split("\n")[:2])
    assert feed(one, "timeframe=H1").end_ns == START_NS + HOUR_NS
    with pytest.raises(BadConfig, match="say timeframe="):
        feed(one)


def test_ask_file_must_be_bars_of_one_side(feed: FeedMaker, tmp_path: Path) -> None:
    """Ticks have no ask file, and an ask file has no ticks."""
    ticks = "time,bid,ask\n1704672000,1.1,1.2\n1704672001,1.1,1.2\n"
    (tmp_path / "ask.csv").write_text(ticks)
    with pytest.raises(BadConfig, match="this one holds ticks"):
        feed(ticks, f"ask={tmp_path / 'ask.csv'}")
    with pytest.raises(BadConfig, match="bars of one side"):
        feed(BID_BARS, f"ask={tmp_path / 'ask.csv'}")


def test_several_feeds_merge_on_one_clock(feed: FeedMaker) -> None:
    """Symbols are merged by time; ties go to the feed named first."""
    euro = feed("time,bid,ask\n1704672000,1.1,1.2\n1704672002,1.1,1.2\n")
    yen = feed("time,bid,ask\n1704672001,110,110\n1704672002,110,110\n", "scale=1", name="USDJPY.csv")
    together = merge_feeds([euro, yen])
    assert together.symbols == ("EURUSD", "USDJPY")
    assert together.symbol_index.tolist() == [0, 1, 0, 1]
    assert merge_feeds([yen, euro]).symbol_index.tolist() == [1, 0, 0, 1]


def test_progress_is_told_of_both_files(feed: FeedMaker, tmp_path: Path) -> None:
    """A long read can be shown."""
    ask_path = tmp_path / "ask.csv.gz"
    ask_path.write_bytes(gzip.compress(ASK_BARS.encode()))
    told: list[tuple[int, int]] = []
    feed(BID_BARS, f"ask={ask_path}", progress=lambda done_bytes, total_bytes: told.append((done_bytes, total_bytes)))
    assert told[-1] == (ask_path.stat().st_size, ask_path.stat().st_size)
    assert (len(BID_BARS), len(BID_BARS)) in told


def test_prices_of_a_feed_are_exact(feed: FeedMaker) -> None:
    """Every five-digit price of a figure is the integer it says, none a float's neighbour."""
    rows = [f"{1_704_672_000 + number},{1 + number / 1e5:.5f},{1 + number / 1e5:.5f}" for number in range(1_000)]
    read = feed("\n".join(["time,bid,ask", *rows]))
    assert read.columns.bid_e8.tolist() == [E8 + number * 1_000 for number in range(1_000)]
