"""Feeds from the real files beside the checkout: each is read whole, and its traps are where its README says."""

import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from mesh.errors import BadFeed
from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.io.feed import Feed, merge_feeds, read_feed
from nodes.io.feedspec import parse_feed_spec
from nodes.ticks import TickColumns
from nodes.zones import Zone
from nodes.zonetimes import offsets_at
from tests.nodes.tickrows import same

pytestmark = pytest.mark.slow

Read = Callable[..., Feed]

SERVER_ZONE = "America/New_York + 7 h"


@pytest.fixture(scope="module")
def read(data_dir: Path) -> Read:
    """Reads a file of the folder strictly, once for all tests that ask for it the same way."""
    known: dict[tuple[str, str], Feed] = {}

    def once(name: str, options: str = "") -> Feed:
        if (name, options) not in known:
            path = data_dir / f"{name}.csv.gz"
            # Two files are one feed: the ask lies beside the bid.
            spec = f"{path},{options}".replace("ask=", f"ask={data_dir}/").rstrip(",")
            known[name, options] = read_feed(parse_feed_spec(spec), strict=True)
        return known[name, options]

    return once


def between(ticks: TickColumns, start_ns: int, end_ns: int) -> TickColumns:
    """The ticks with ``start_ns <= time < end_ns``."""
    return ticks[(ticks.time_ns >= start_ns) & (ticks.time_ns < end_ns)]


def utc_ns(text: str) -> int:
    """``2014-05-01 00:00:00[.fraction]`` in ns."""
    return np.datetime64(text.replace(" ", "T"), "ns").astype(np.int64).item()


FILES = [
    # name, options, symbol, timeframe, rows, first and last tick or bar in UTC, digits, zone
    (
        "ticks_EURUSD_oanda_20140501-15",
        "",
        ("EURUSD", "ticks", 532_903, "2014-05-01 00:00:00.292", "2014-05-15 23:59:56", 5, "UTC"),
    ),
    (
        "ticks_EURUSD_fxcm_20140507-09",
        "",
        ("EURUSD", "ticks", 359_092, "2014-05-07 05:00:01.014", "2014-05-09 20:59:11", 5, "UTC"),
    ),
    (
        "ticks_XAUUSD_oanda_20140505-07",
        "",
        ("XAUUSD", "ticks", 567_565, "2014-05-05 00:00:00.040187", "2014-05-07 23:59:59", 3, "UTC"),
    ),
    (
        "ticks_EURUSD_histdata_20200101",
        "",
        ("EURUSD", "ticks", 9_500, "2020-01-01 22:00:00.065", "2020-01-02 04:00:52", 5, "America/New_York"),
    ),
    (
        "mt5layout_ticks_EURUSD_20140508",
        "tz=UTC",
        ("EURUSD", "ticks", 87_802, "2014-05-08 00:00:08.715", "2014-05-08 23:59:49", 5, "UTC"),
    ),
    (
        "bars_EURUSD_H1_bidask_oanda_2007-2018",
        "",
        ("EURUSD", "H1", 74_439, "2007-01-01 21:00:00", "2018-12-31 21:00:00", 5, "UTC"),
    ),
    (
        "bars_EURUSD_M1_histdata_2018",
        "",
        ("EURUSD", "M1", 372_607, "2018-01-01 22:00:00", "2018-12-31 21:59:00", 5, "America/New_York"),
    ),
    (
        "bars_USDJPY_M1_histdata_2018",
        "",
        ("USDJPY", "M1", 371_800, "2018-01-01 22:00:00", "2018-12-31 21:58:00", 3, "America/New_York"),
    ),
    (
        "bars_XAUUSD_M1_histdata_2018",
        "",
        ("XAUUSD", "M1", 353_778, "2018-01-01 23:01:00", "2018-12-31 21:58:00", 3, "America/New_York"),
    ),
    (
        "bars_USDJPY_H1_points_2012-2022",
        "tz=New York + 7 h",
        ("USDJPY", "H1", 57_600, "2012-11-16 10:00:00", "2022-03-04 21:00:00", 3, SERVER_ZONE),
    ),
    (
        "bars_GBPUSD_M1_bid_fxcm_201202",
        "",
        ("GBPUSD", "M1", 30_117, "2012-02-01 00:00:00", "2012-03-01 00:00:00", 5, "UTC"),
    ),
    (
        "bars_GBPUSD_M1_ask_fxcm_201202",
        "",
        ("GBPUSD", "M1", 30_117, "2012-02-01 00:00:00", "2012-03-01 00:00:00", 5, "UTC"),
    ),
    (
        "mt5_EURUSD_H1_20240102-20250328",
        "",
        ("EURUSD", "H1", 7_728, "2024-01-01 22:00:00", "2025-03-28 20:00:00", 5, SERVER_ZONE),
    ),
]


@pytest.mark.parametrize(("name", "options", "expected"), FILES, ids=[name for name, _, _ in FILES])
def test_file_is_read_whole(read: Read, name: str, options: str, expected: tuple[str, str, int, str, str, int, str]) -> None:
    """Every row of every file stands, with the first and last time of the README in UTC."""
    symbol, timeframe, row_count, first, last, digits, zone = expected
    feed = read(name, options)
    assert (feed.symbol, feed.timeframe, feed.digits, feed.zone) == (symbol, timeframe, digits, zone)
    assert feed.problems.row_count == row_count
    assert not feed.problems.bad_count
    ticks = feed.columns
    if timeframe == "ticks":
        assert (len(ticks), feed.bar_count) == (row_count, 0)
        assert ticks.time_ns[0] == utc_ns(first)
        assert ticks.time_ns[-1] // SECOND_NS == utc_ns(last) // SECOND_NS
        assert feed.end_ns == ticks.time_ns[-1]
    else:
        length_ns = HOUR_NS if timeframe == "H1" else MINUTE_NS
        assert (len(ticks), feed.bar_count) == (4 * row_count, row_count)
        assert ticks.time_ns[0] == utc_ns(first)
        assert ticks.time_ns[-4] == utc_ns(last)
        assert feed.end_ns == utc_ns(last) + length_ns
    assert np.all(np.diff(ticks.time_ns) >= 0)
    assert ticks.bid_e8.min() > 0
    assert np.all(np.abs(ticks.ask_e8 - ticks.bid_e8) < ticks.bid_e8 // 50)


def lines_of(data_dir: Path, name: str) -> list[str]:
    with gzip.open(data_dir / f"{name}.csv.gz", "rt", newline="") as file:
        return file.read().splitlines()


@pytest.mark.parametrize(
    ("name", "first_line", "bid_column"),
    [("ticks_XAUUSD_oanda_20140505-07", 1, 1), ("bars_EURUSD_M1_histdata_2018", 0, 1)],
)
def test_prices_are_exactly_those_of_the_file(read: Read, data_dir: Path, name: str, first_line: int, bid_column: int) -> None:
    """Every hundredth price, read again with Decimal, is the same integer."""
    feed = read(name)
    step = 1 if feed.timeframe == "ticks" else 4
    rows = lines_of(data_dir, name)[first_line:]
    for row in range(0, len(rows), 100):
        text = rows[row].replace(";", ",").split(",")[bid_column]
        assert feed.columns.bid_e8[row * step] == int(Decimal(text) * E8)


def test_fxcm_ticks_are_crossed_and_locked_as_counted(read: Read) -> None:
    """38,142 rows have bid > ask and 44,183 bid = ask; kept, swapped and skipped they are counted alike."""
    name = "ticks_EURUSD_fxcm_20140507-09"
    for crossed, tick_count in (("keep", 359_092), ("swap", 359_092), ("skip", 359_092 - 38_142)):
        feed = read(name, f"crossed={crossed}")
        assert (feed.crossed_count, feed.locked_count) == (38_142, 44_183)
        assert len(feed.columns) == tick_count
        still_crossed_count = np.count_nonzero(feed.columns.bid_e8 > feed.columns.ask_e8)
        assert still_crossed_count == (38_142 if crossed == "keep" else 0)


def test_oanda_ticks_of_one_time_keep_their_order(read: Read) -> None:
    """4,494 rows share a timestamp with the row before; nothing is crossed or locked."""
    feed = read("ticks_EURUSD_oanda_20140501-15")
    assert np.count_nonzero(np.diff(feed.columns.time_ns) == 0) == 4_494
    assert (feed.crossed_count, feed.locked_count) == (0, 0)


def test_mt5_ticks_filled_forward_are_the_ticks_they_were_made_from(read: Read) -> None:
    """The re-encoded day equals OANDA's ticks of that day without the 31 rows that change nothing."""
    filled = read("mt5layout_ticks_EURUSD_20140508", "tz=UTC").columns
    day_ns = utc_ns("2014-05-08 00:00:00")
    source = between(read("ticks_EURUSD_oanda_20140501-15").columns, day_ns, day_ns + DAY_NS)
    is_change = np.ones(len(source), dtype=np.bool_)
    is_change[1:] = (np.diff(source.bid_e8) != 0) | (np.diff(source.ask_e8) != 0)
    assert np.count_nonzero(~is_change) == 31
    assert same(filled, source[is_change])


@pytest.mark.parametrize("symbol", ["EURUSD", "USDJPY"])
def test_histdata_weeks_open_at_five_in_the_afternoon_in_new_york(read: Read, symbol: str) -> None:
    """Every Sunday opens at 17:00 New York, which is 22:00 UTC in winter and 21:00 in summer."""
    open_ns = read(f"bars_{symbol}_M1_histdata_2018").columns.time_ns[::4]
    weekly_ns = open_ns[1:][np.diff(open_ns) > 40 * HOUR_NS]
    local_ns = weekly_ns + offsets_at(Zone.parse("New York"), weekly_ns)
    is_sunday = (local_ns // DAY_NS + 4) % 7 == 0
    assert np.count_nonzero(is_sunday) >= 51
    assert np.all(local_ns[is_sunday] % DAY_NS // MINUTE_NS - 17 * 60 < 5)
    assert np.all(local_ns[is_sunday] % DAY_NS >= 17 * HOUR_NS)
    hours, counts = np.unique(weekly_ns[is_sunday] % DAY_NS // HOUR_NS, return_counts=True)
    assert hours.tolist() == [21, 22]
    assert counts.min() > 15


@pytest.mark.parametrize("month", [1, 4, 7, 10, 12])
def test_histdata_agrees_with_oanda_in_every_season(read: Read, month: int) -> None:
    """Hour closes of the HistData bars are OANDA's to a pip on the same UTC hour, and not an hour off."""
    minutes = read("bars_EURUSD_M1_histdata_2018").columns
    hours = read("bars_EURUSD_H1_bidask_oanda_2007-2018").columns
    start_ns, end_ns = utc_ns(f"2018-{month:02d}-02 00:00:00"), utc_ns(f"2018-{month:02d}-23 00:00:00")
    hourly = between(hours, start_ns, end_ns)
    closes_ns, closes_e8 = hourly.time_ns[3::4], hourly.bid_e8[3::4]
    pip_e8 = 10_000

    def median_gap_e8(shift_ns: int) -> int:
        rows = np.searchsorted(minutes.time_ns, closes_ns + shift_ns, side="right") - 1
        return int(np.median(np.abs(minutes.bid_e8[rows] - closes_e8)))

    assert median_gap_e8(0) < pip_e8
    assert median_gap_e8(-HOUR_NS) > 3 * pip_e8
    assert median_gap_e8(HOUR_NS) > 3 * pip_e8


def test_mt5_export_runs_from_sunday_evening_new_york(read: Read) -> None:
    """Server time New York + 7 h: each UTC week opens Sunday 17:00 and closes Friday 17:00 New York."""
    open_ns = read("mt5_EURUSD_H1_20240102-20250328").columns.time_ns[::4]
    local_ns = open_ns + offsets_at(Zone.parse("New York"), open_ns)
    weekly = np.flatnonzero(np.diff(open_ns) > 40 * HOUR_NS)
    assert len(weekly) > 60
    assert np.all(local_ns[weekly + 1] % DAY_NS == 17 * HOUR_NS)
    assert np.all(local_ns[weekly] % DAY_NS == 16 * HOUR_NS)


def test_mt5_spread_is_in_points(read: Read) -> None:
    """<SPREAD> runs from 2 to 45 points with a median of 12."""
    ticks = read("mt5_EURUSD_H1_20240102-20250328").columns
    spread_points = (ticks.ask_e8 - ticks.bid_e8)[::4] // 1_000
    assert (spread_points.min(), np.median(spread_points), spread_points.max()) == (2, 12, 45)


def test_points_file_guesses_its_scale(read: Read) -> None:
    """81121.0 means 81.121 yen, said aloud."""
    feed = read("bars_USDJPY_H1_points_2012-2022", "tz=New York + 7 h")
    assert feed.columns.bid_e8[0] == 8_112_100_000
    assert any("scale 1000" in guess for guess in feed.guesses)


def test_bid_and_ask_files_are_one_feed(read: Read) -> None:
    """All 30,117 bars pair; 347 of them close crossed."""
    feed = read("bars_GBPUSD_M1_bid_fxcm_201202", "ask=bars_GBPUSD_M1_ask_fxcm_201202.csv.gz")
    assert (feed.bar_count, feed.problems.bad_count, feed.problems.row_count) == (30_117, 0, 60_234)
    ticks = feed.columns
    assert np.count_nonzero(ticks.bid_e8[3::4] > ticks.ask_e8[3::4]) == 347
    assert feed.crossed_count > 347
    assert (ticks.bid_e8[0], ticks.ask_e8[0]) == (157_597_000, 157_608_000)


def test_oanda_bars_carry_their_own_ask(read: Read) -> None:
    """Bid and ask OHLC of one file: none crossed, and the guesses speak of no spread."""
    feed = read("bars_EURUSD_H1_bidask_oanda_2007-2018")
    assert (feed.crossed_count, feed.locked_count) == (0, 0)
    assert not any("no ask" in guess for guess in feed.guesses)
    assert (feed.columns.bid_e8[0], feed.columns.ask_e8[0]) == (131_927_000, 132_027_000)


def test_real_feeds_merge_on_one_clock(read: Read) -> None:
    """Gold and two brokers' euro on one clock: nothing lost, times in order, one euro."""
    feeds = [
        read("ticks_XAUUSD_oanda_20140505-07"),
        read("ticks_EURUSD_oanda_20140501-15"),
        read("ticks_EURUSD_fxcm_20140507-09", "crossed=keep"),
    ]
    together = merge_feeds(feeds)
    assert len(together) == sum(len(feed.columns) for feed in feeds)
    assert together.symbols == ("XAUUSD", "EURUSD")
    assert np.all(np.diff(together.time_ns) >= 0)
    assert same(together.of("XAUUSD"), feeds[0].columns)


def test_gzip_cut_short_is_refused(data_dir: Path, tmp_path: Path) -> None:
    """Half a download is an error, not half a year."""
    whole = (data_dir / "ticks_EURUSD_histdata_20200101.csv.gz").read_bytes()
    path = tmp_path / "EURUSD.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadFeed, match="cut short or damaged"):
        read_feed(parse_feed_spec(str(path)))
