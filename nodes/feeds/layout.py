"""Recognises what kind of market data file it is from its first rows, and the symbol from its name.

Known: MetaTrader 5's exports of ticks and bars (``<DATE>`` in the header), HistData's two ASCII layouts (no header),
and text with a header that names its columns. A layout says which column is what; ``nodes/feeds/rows.py`` reads rows by it.
"""

import re
from typing import Literal

import msgspec

from nodes.contracts import contract_of
from nodes.timeframes import TIMEFRAMES

Style = Literal["mt5", "histdata", "csv"]

KNOWN_LAYOUTS = (
    "MetaTrader 5 exports of ticks or bars (<DATE> <TIME> ...), HistData ASCII ticks or bars, "
    "or text with a header such as time,bid,ask or time,open,high,low,close"
)

BAR_COLUMNS = ("open", "high", "low", "close")
_ASK_BAR_COLUMNS = ("askopen", "askhigh", "asklow", "askclose")
_BID_BAR_COLUMNS = ("bidopen", "bidhigh", "bidlow", "bidclose")
_PRICE_COLUMNS: tuple[tuple[str, ...], ...] = (
    (*_BID_BAR_COLUMNS, *_ASK_BAR_COLUMNS),
    (*BAR_COLUMNS, *_ASK_BAR_COLUMNS),
    BAR_COLUMNS,
    _BID_BAR_COLUMNS,
    ("bid", "ask"),
)
"""What a header may name, the richest first; MetaTrader's <BID> <ASK> and its like are the last."""

_DELIMITERS = ("\t", ";", ",")
_HISTDATA_BAR = re.compile(r"\d{8} \d{6}(;[^;]*){5}")
_HISTDATA_TICK = re.compile(r"\d{8} \d{9}(,[^,]*){3}")
_MOMENT_NAMES = ("timestamp", "datetime", "time", "date", "gmttime", "localtime", "timeutc", "utctime", "opentime")
_OTHER_NAMES = {"offer": "ask", "askprice": "ask", "bidprice": "bid"}


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Which column is what."""

    style: Style
    is_bars: bool
    delimiter: str
    field_count: int
    header_count: int
    """Lines before the first row: 0 or 1."""
    moment_column: int
    clock_column: int | None
    """The time of day when it stands in a column of its own."""
    price_columns: tuple[int, ...]
    """Ticks: bid, ask. Bars: open, high, low, close of the bid, then of the ask when the file has them."""
    spread_column: int | None
    """The bar's spread in points."""

    @property
    def is_empty_unchanged(self) -> bool:
        """Whether an empty cell means that the price did not change (MetaTrader 5's ticks)."""
        return self.style == "mt5" and not self.is_bars

    @property
    def is_comma_decimal(self) -> bool:
        """Whether a comma may stand for the decimal point: it does not separate the cells."""
        return self.delimiter != ","

    @property
    def has_ask(self) -> bool:
        """Whether bars carry ask prices of their own."""
        return self.is_bars and len(self.price_columns) == 8


def _histdata(first_line: str) -> Layout | None:
    is_bars = _HISTDATA_BAR.fullmatch(first_line) is not None
    if not is_bars and not _HISTDATA_TICK.fullmatch(first_line):
        return None
    delimiter = ";" if is_bars else ","
    return Layout(
        style="histdata",
        is_bars=is_bars,
        delimiter=delimiter,
        field_count=first_line.count(delimiter) + 1,
        header_count=0,
        moment_column=0,
        clock_column=None,
        price_columns=(1, 2, 3, 4) if is_bars else (1, 2),
        spread_column=None,
    )


def _column_name(text: str) -> str:
    name = re.sub(r"[<>\"'\s_.\-()]", "", text).lower()
    return _OTHER_NAMES.get(name, name)


def _moment_columns(names: list[str]) -> tuple[int, int | None] | None:
    """The column of the moment, and of the time of day when that is a second one."""
    if "date" in names and "time" in names:
        return names.index("date"), names.index("time")
    for name in _MOMENT_NAMES:
        if name in names:
            return names.index(name), None
    return None


def _price_columns(names: list[str]) -> tuple[int, ...] | None:
    for wanted in _PRICE_COLUMNS:
        if all(name in names for name in wanted):
            return tuple(names.index(name) for name in wanted)
    return None


def layout_of(first_line: str) -> Layout:
    """The layout of a file whose first line this is (without byte order mark and line end).

    Raises ValueError saying what is missing.
    """
    histdata = _histdata(first_line)
    if histdata is not None:
        return histdata
    delimiter = max(_DELIMITERS, key=first_line.count)
    names = [_column_name(cell) for cell in first_line.split(delimiter)]
    if first_line.count(delimiter) == 0 or not any(character.isalpha() for character in first_line):
        raise ValueError(f"the layout is not known; known are {KNOWN_LAYOUTS}")
    moment = _moment_columns(names)
    if moment is None:
        raise ValueError(f"the header names no time column (one of {', '.join(_MOMENT_NAMES)}) among {names}")
    price_columns = _price_columns(names)
    if price_columns is None:
        raise ValueError(f"the header names neither bid and ask nor open, high, low and close, but {names}")
    is_bars = len(price_columns) > 2
    has_spread = is_bars and len(price_columns) == 4 and "spread" in names
    return Layout(
        style="mt5" if "<DATE>" in first_line.upper() else "csv",
        is_bars=is_bars,
        delimiter=delimiter,
        field_count=len(names),
        header_count=1,
        moment_column=moment[0],
        clock_column=moment[1],
        price_columns=price_columns,
        spread_column=names.index("spread") if has_spread else None,
    )


_ENDINGS = re.compile(r"(\.(gz|csv|txt|tsv|dat|log))+$", re.IGNORECASE)
_NAME_BREAKS = re.compile(r"[_\s,;()\[\]=\-]+")
_TRAILING_WORD = re.compile(r"\.(\d.*|M\d+|H\d+|D1|W1|MN1?|ticks?|bars?|bid|ask)$", re.IGNORECASE)
_TIMEFRAME = re.compile(r"([A-Za-z]{6,}?)((?:mn1|m\d{1,2}|h\d{1,2}|d1|w1)|1|5|15|30|60|240|1440|10080|43200)", re.IGNORECASE)
"""A name with its timeframe behind it, as words (USDJPYh1) or in minutes (EURUSD60)."""
_UNKNOWN_SYMBOL = re.compile(r"[A-Z][A-Z0-9.#]{1,15}")
_NO_SYMBOLS = (
    *TIMEFRAMES,
    "DAT",
    "ASCII",
    "MT",
    "MT4",
    "MT5",
    "NT",
    "HISTDATA",
    "COM",
    "CSV",
    "TICK",
    "TICKS",
    "BAR",
    "BARS",
    "BID",
    "ASK",
    "UTC",
    "GMT",
    "EST",
)


def _symbol_words(file_name: str) -> list[str]:
    words = [_TRAILING_WORD.sub("", word) for word in _NAME_BREAKS.split(_ENDINGS.sub("", file_name))]
    return [word for word in words if word]


def symbol_from_name(file_name: str) -> str | None:
    """The symbol in a file's name (no folder): a word whose contract is known, else the first in capitals, else None.

    ``GOLD.i#_M1_2024.csv`` is ``GOLD.i#``; ``EURUSD240.csv``, as MetaTrader 4 names its files, is ``EURUSD``.
    """
    words = _symbol_words(file_name)
    for word in words:
        with_timeframe = _TIMEFRAME.fullmatch(word)
        name = with_timeframe[1] if with_timeframe else word
        name = name.upper() if name.islower() else name
        if contract_of(name) is not None:
            return name
    for word in words:
        if _UNKNOWN_SYMBOL.fullmatch(word) and word not in _NO_SYMBOLS and not re.fullmatch(r"(M|H|D|W)\d+", word):
            return word
    return None
