"""Which file is what, and the symbol in its name."""

import pytest

from nodes.feeds.layout import layout_of, symbol_from_name

MT5_TICKS = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>"
MT5_BARS = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
MT5_DAYS = "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"


@pytest.mark.parametrize(
    ("line", "style", "is_bars", "delimiter", "moment", "clock", "prices", "spread"),
    [
        (MT5_TICKS, "mt5", False, "\t", 0, 1, (2, 3), None),
        (MT5_BARS, "mt5", True, "\t", 0, 1, (2, 3, 4, 5), 8),
        (MT5_DAYS, "mt5", True, "\t", 0, None, (1, 2, 3, 4), 7),
        ("20180101 170000;1.2;1.3;1.1;1.2;0", "histdata", True, ";", 0, None, (1, 2, 3, 4), None),
        ("20200101 170000065,1.121200,1.121720,0", "histdata", False, ",", 0, None, (1, 2), None),
        ("time,bid,ask", "csv", False, ",", 0, None, (1, 2), None),
        ("Gmt time;Ask;Bid;AskVolume;BidVolume", "csv", False, ";", 0, None, (2, 1), None),
        ("Timestamp\tBid Price\tAsk Price", "csv", False, "\t", 0, None, (1, 2), None),
        ("timestamp,open,high,low,close", "csv", True, ",", 0, None, (1, 2, 3, 4), None),
        ('"Date","Time","Open","High","Low","Close","Volume"', "csv", True, ",", 0, 1, (2, 3, 4, 5), None),
        ("Date,open,high,low,close,tick_volume,spread", "csv", True, ",", 0, None, (1, 2, 3, 4), 6),
        (
            "time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close",
            "csv",
            True,
            ",",
            0,
            None,
            (1, 2, 3, 4, 5, 6, 7, 8),
            None,
        ),
        ("DateTime,BidOpen,BidHigh,BidLow,BidClose", "csv", True, ",", 0, None, (1, 2, 3, 4), None),
    ],
)
def test_layout_is_recognised_from_the_first_line(
    line: str,
    style: str,
    is_bars: bool,
    delimiter: str,
    moment: int,
    clock: int | None,
    prices: tuple[int, ...],
    spread: int | None,
) -> None:
    """Each known layout is told by its first line, its columns by their names."""
    layout = layout_of(line)
    assert (layout.style, layout.is_bars, layout.delimiter) == (style, is_bars, delimiter)
    assert (layout.moment_column, layout.clock_column) == (moment, clock)
    assert (layout.price_columns, layout.spread_column) == (prices, spread)
    assert layout.field_count == line.count(delimiter) + 1
    assert layout.header_count == (0 if style == "histdata" else 1)
    assert layout.is_empty_unchanged == (line == MT5_TICKS)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "layout is not known"),
        ("1,2,3", "layout is not known"),
        ("2018.01.01,17:00,1.2,1.2,1.2,1.2,0", "layout is not known"),
        ("just words", "layout is not known"),
        ("bid,ask", "no time column"),
        ("time,price", "neither bid and ask nor open"),
        ("time,bid", "neither bid and ask nor open"),
    ],
)
def test_unknown_layout_says_what_is_missing(line: str, why: str) -> None:
    """The refusal names what the first line lacks."""
    with pytest.raises(ValueError, match=why):
        layout_of(line)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("bars_EURUSD_H1_bidask_oanda_2007-2018.csv.gz", "EURUSD"),
        ("bars_USDJPY_H1_points_2012-2022.csv.gz", "USDJPY"),
        ("mt5layout_ticks_EURUSD_20140508.csv.gz", "EURUSD"),
        ("mt5_EURUSD_H1_20240102-20250328.csv.gz", "EURUSD"),
        ("HISTDATA_COM_ASCII_XAUUSD_M12018.csv", "XAUUSD"),
        ("DAT_ASCII_GBPUSD_T_202001.csv", "GBPUSD"),
        ("EURUSD_202401020000_202503282300.csv", "EURUSD"),
        ("US500_M1.csv", "US500"),
        ("GOLD.i#_M1_202401020000.csv", "GOLD.i#"),
        ("GOLD.i#.csv", "GOLD.i#"),
        ("EURUSDm_H1.csv.gz", "EURUSDm"),
        ("eurusd.csv", "EURUSD"),
        ("eurusd-2024-01.csv", "EURUSD"),
        ("EURUSD.M15.csv", "EURUSD"),
        ("EURUSD240.csv", "EURUSD"),
        ("USDJPYh1.csv", "USDJPY"),
        ("EURUSDmH4.csv", "EURUSDm"),
        ("NDX100_M5_2024.csv", "NDX100"),
        ("DAT_ASCII_AAPL_M1_2018.csv", "AAPL"),
        ("ticks.csv", None),
        ("data_2024.csv", None),
        ("M1_20240101.csv", None),
        (".csv", None),
    ],
)
def test_symbol_is_in_the_name_of_the_file(name: str, symbol: str | None) -> None:
    """A known symbol anywhere in the name, else a word in capitals, else nothing is made up."""
    assert symbol_from_name(name) == symbol
