"""The feed files of a run: read and checked once by whoever starts it, kept in the state directory for every life of the market.

So a bad file is reported before anything has started, and a restarted market has its ticks in a moment.
"""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.units import SECOND_NS, text_from_e8
from nodes.broker.setup import rates_told
from nodes.contractbook import contract_for
from nodes.io.feed import Feed, merge_feeds, read_feed
from nodes.io.feedspec import parse_feed_spec, ppm_from_percent
from nodes.market.sources import RecordedSource
from nodes.periods import total_limit_e8
from nodes.ticks import TickColumns
from nodes.timeframes import TIMEFRAMES, length_ns

FILE = "feed.npz"
Progress = Callable[[str, int, int], None]
"""Told a file's name, bytes read and bytes in all."""
_NOT_WHOLE = (
    OSError, EOFError, KeyError, ValueError, TypeError, RuntimeError, MemoryError, zlib.error, zipfile.BadZipFile, msgspec.MsgspecError,
)  # fmt: skip
"""What numpy, zip and JSON say of a file that is damaged, each in its own words: nothing it says is believed, and the feeds are there."""


class About(msgspec.Struct, frozen=True):
    """What is known of a recording beside its ticks."""

    feeds: tuple[str, ...]
    """What was read: a recording of other feeds is not used."""
    symbols: tuple[str, ...]
    timeframes: dict[str, str]
    """Bars of each symbol's file; M1 for ticks."""
    digits: dict[str, int]
    """Decimals of each symbol's prices: brokers differ, and prices must lie on the tick grid."""
    end_ns: int
    lines: tuple[str, ...]
    """What was guessed, and what was wrong with rows; for people."""
    crossed_count: int
    bad_row_count: int


class Recording:
    """Ticks of all feeds on one clock."""

    def __init__(self, columns: TickColumns, about: About) -> None:
        self.columns = columns
        self.about = about

    def source(self) -> RecordedSource:
        """As the market plays it."""
        return RecordedSource(self.columns, self.about.timeframes, self.about.end_ns)

    def save(self, state: Path) -> None:
        """Write it into a state directory, whole or not at all."""
        fresh = state / f"{FILE}.part"
        with fresh.open("wb") as file:
            np.savez(
                file,
                about=np.frombuffer(msgspec.json.encode(self.about), dtype=np.uint8),
                symbol_index=self.columns.symbol_index,
                time_ns=self.columns.time_ns,
                bid_e8=self.columns.bid_e8,
                ask_e8=self.columns.ask_e8,
            )
        fresh.replace(state / FILE)


def read_recording(config: Config, progress: Progress | None = None) -> Recording:
    """Read every feed of a configuration. Raises BadFeed or BadConfig, naming file, line and what is wrong."""
    market = config.settings.market
    try:
        jump_ppm = ppm_from_percent(market.jump_percent)
    except ValueError as error:
        raise BadConfig(f"market.jump_percent = {market.jump_percent}: {error}") from None
    feeds: list[Feed] = []
    for text in market.feeds:
        spec = parse_feed_spec(text)
        contract = contract_for(config, spec.symbol)
        told = (lambda done, total, file=spec.file: progress(Path(file).name, done, total)) if progress is not None else None
        feeds.append(
            read_feed(
                spec,
                strict=market.strict,
                progress=told,
                contracts={spec.symbol: contract},
                crossed=market.crossed,
                jump_ppm=jump_ppm,
            )
        )
    _check_prices(config, feeds)
    columns = merge_feeds(feeds)
    if not len(columns):
        raise BadConfig(f"market.feeds: no usable row in {', '.join(feed.symbol for feed in feeds)}")
    timeframes: dict[str, str] = {}
    for feed in feeds:
        own = feed.timeframe if feed.timeframe in TIMEFRAMES else "M1"
        known = timeframes.get(feed.symbol)
        # Two files of one symbol: the finer bars, which the coarser ones can be made from.
        timeframes[feed.symbol] = own if known is None or length_ns(own) < length_ns(known) else known
    about = About(
        feeds=_feeds_of(config),
        symbols=columns.symbols,
        timeframes=timeframes,
        digits={symbol: max(feed.digits for feed in feeds if feed.symbol == symbol) for symbol in columns.symbols},
        end_ns=max(feed.end_ns for feed in feeds),
        lines=(
            *(line for feed in feeds for line in (*feed.guesses, *feed.problems.lines())),
            *_overlaps(feeds),
            *rates_told(config, columns.symbols),
        ),
        crossed_count=sum(feed.crossed_count for feed in feeds),
        bad_row_count=sum(feed.problems.bad_count for feed in feeds),
    )
    return Recording(columns, about)


def _check_prices(config: Config, feeds: list[Feed]) -> None:
    """Every CCI asked for is exact at the highest price of its symbol. Raises BadConfig."""
    for name, strategy in config.strategy.items():
        for feed in feeds:
            highest_e8 = int(max(feed.columns.bid_e8.max(), feed.columns.ask_e8.max()))
            if config.symbols_of(name, [feed.symbol]) and 3 * highest_e8 > total_limit_e8(strategy.period):
                most_e8 = total_limit_e8(strategy.period) // 3
                raise BadConfig(
                    f"strategy.{name}.period = {strategy.period}: a CCI of so many bars is exact up to a price of "
                    f"{text_from_e8(most_e8, 2)}, {feed.symbol} reaches {text_from_e8(highest_e8, 2)}: take a shorter period"
                )


def _overlaps(feeds: list[Feed]) -> list[str]:
    """A line for each two feeds of one symbol whose times overlap: their prices alternate."""
    lines = []
    for later, feed in enumerate(feeds):
        for other in feeds[:later]:
            first_ns = max(int(feed.columns.time_ns[0]), int(other.columns.time_ns[0]))
            last_ns = min(int(feed.columns.time_ns[-1]), int(other.columns.time_ns[-1]))
            if feed.symbol == other.symbol and first_ns <= last_ns:
                span = " to ".join(str(np.datetime64(ns, "s")) for ns in (first_ns // SECOND_NS, last_ns // SECOND_NS))
                lines.append(f"{feed.symbol}: two files have quotes from {span} (UTC); both are played, merged by time")
    return lines


def load_recording(config: Config, state: Path) -> Recording:
    """The recording of this configuration kept in a state directory; read anew where there is none."""
    try:
        with (state / FILE).open("rb") as file, np.load(file, allow_pickle=False) as kept:  # numpy leaves open what it cannot read
            about = msgspec.json.decode(kept["about"].tobytes(), type=About)
            columns = TickColumns(about.symbols, kept["symbol_index"], kept["time_ns"], kept["bid_e8"], kept["ask_e8"])
    except _NOT_WHOLE:
        return read_recording(config)
    return Recording(columns, about) if about.feeds == _feeds_of(config) else read_recording(config)


def _feeds_of(config: Config) -> tuple[str, ...]:
    """The feeds and how they are to be read, as text."""
    market = config.settings.market
    return (*market.feeds, f"crossed={market.crossed} jump={market.jump_percent} strict={market.strict}")
