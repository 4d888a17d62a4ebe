"""Reads one feed file, or a bid and an ask file, into ticks on the UTC market clock.

``read_feed`` goes: open and unpack (``feedfile.py``), then with the modules of ``nodes/feeds``: recognise the layout
(``layout.py``), read the rows (``rows.py``), settle what the file does not say (``guess.py``: each guess is a line for the user
to read), refuse what cannot be (``checks.py``), play bars as ticks (``bars.py``), count and treat crossed quotes. What it does
to each bad row is in the feed's report (``report.py``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PureWindowsPath

import numpy as np

from mesh.errors import BadConfig, BadFeed
from nodes.contracts import Contract, contract_of
from nodes.feeds.bars import Bars, absurd_bars, bar_ends_ns, ended_by_next, paired, played, timeframe_of
from nodes.feeds.checks import Int64s, RowChecker, Series, filled_forward
from nodes.feeds.guess import ZONES, Settlement, settled
from nodes.feeds.layout import BAR_COLUMNS, Layout, layout_of
from nodes.feeds.report import FeedReport, ProblemLog
from nodes.feeds.rows import RowReader, Rows, joined_rows
from nodes.io.feedfile import Progress, blocks_of
from nodes.io.feedspec import Crossed, FeedSpec
from nodes.ticks import TickColumns, merged
from nodes.zones import Zone
from nodes.zonetimes import utc_from_local

JUMP_PPM = 100_000
"""10 %: how far a price may be from the one before it unless set otherwise."""
TREATED: dict[Crossed, str] = {"keep": "kept", "swap": "swapped", "skip": "skipped"}
"""What is done with crossed quotes, for people."""


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """One symbol's market data."""

    symbol: str
    columns: TickColumns
    timeframe: str
    """``ticks``, or the timeframe of the bars that were played."""
    bar_count: int
    """Bars that were played; 0 for ticks."""
    end_ns: int
    """The end of the last bar, or the time of the last tick."""
    digits: int
    zone: str
    """The clock of the file."""
    guesses: tuple[str, ...]
    """What the file did not say and was settled here, a line each, to be shown to the user."""
    problems: FeedReport
    crossed_count: int
    """Ticks with bid > ask, before they were kept, swapped or skipped."""
    locked_count: int
    """Ticks with bid = ask."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The rows of one file, and where they came from."""

    file: str
    file_number: int
    layout: Layout
    rows: Rows
    time_ns: Int64s
    zone: Zone

    def __len__(self) -> int:
        return len(self.rows)


class _Reading:
    """What is known while one feed is read."""

    __slots__ = ("contract", "guesses", "jump_ppm", "log", "progress", "spec")

    def __init__(self, spec: FeedSpec, contract: Contract | None, jump_ppm: int, progress: Progress | None) -> None:
        self.spec = spec
        self.contract = contract
        self.jump_ppm = jump_ppm
        self.progress = progress
        self.log = ProblemLog()
        self.guesses: list[str] = []

    def guess(self, text: str) -> None:
        """Remember what was settled without the user's word."""
        self.guesses.append(f"{PureWindowsPath(self.spec.file).name}: {text}")

    def table(self, file: str, file_number: int) -> _Table:
        """Read one file. Raises BadFeed."""
        layout, rows = _read_rows(file, file_number, self.log, self.progress)
        if not len(rows):
            problems = self.log.report().first_problems
            why = f"no row could be read; the first: {problems[0].text()}" if problems else "has a header but no rows"
            raise BadFeed(f"{file}: {why}")
        if np.count_nonzero(np.diff(rows.clock_ns) < 0) * 2 > len(rows):
            self.guess("rows run from the newest to the oldest: read backwards")
            rows = rows[np.arange(len(rows) - 1, -1, -1)]
        zone = self._zone(layout, rows)
        time_ns = utc_from_local(zone, rows.clock_ns)
        if self.spec.tz is None:
            time_ns = np.where(rows.has_offset, rows.clock_ns - rows.offset_ns, time_ns)
        return _Table(file, file_number, layout, rows, time_ns, zone)

    def _zone(self, layout: Layout, rows: Rows) -> Zone:
        if self.spec.tz is not None:
            if rows.has_offset.any():
                self.guess(f"rows carry an offset of their own; tz={self.spec.tz} stands over it")
            return _parsed_zone(self.spec)
        if rows.has_offset.all():
            return Zone.parse("UTC")
        name, why = ZONES[layout.style]
        self.guess(f"time zone {name}, {why}; tz= says another")
        return Zone.parse(name)

    def bad(self, table: _Table, line: int, reason: str, detail: str) -> None:
        """Log one bad row of a table."""
        self.log.add(table.file_number, table.file, line, reason, detail)


def _parsed_zone(spec: FeedSpec) -> Zone:
    assert spec.tz is not None, "asked only when there is one"
    try:
        return Zone.parse(spec.tz)
    except ValueError as error:
        raise BadConfig(f"feed {spec.file}: tz={spec.tz}: {error}") from None


def _read_rows(file: str, file_number: int, log: ProblemLog, progress: Progress | None) -> tuple[Layout, Rows]:
    layout: Layout | None = None
    reader: RowReader | None = None
    parts: list[Rows] = []
    for block in blocks_of(file, progress):
        if layout is None or reader is None:
            first_line = block.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "backslashreplace")
            try:
                layout = layout_of(first_line)
            except ValueError as error:
                raise BadFeed(f"{file}:1: {error}; the first line is {first_line[:120]!r}") from None
            reader = RowReader(layout, log, file, file_number)
            block = block.split(b"\n", 1)[1] if layout.header_count and b"\n" in block else block
            block = b"" if layout.header_count and b"\n" not in block else block
        parts.append(reader.rows(block))
    if layout is None:
        raise BadFeed(f"{file}: is empty")
    return layout, joined_rows(parts, len(layout.price_columns))


def _settled(reading: _Reading, table: _Table) -> Settlement:
    """Scale and digits of the feed, as said or guessed."""
    spec = reading.spec
    settlement = settled(table.rows.prices_e8, reading.contract, spec.scale, spec.digits)
    for guess in settlement.guesses:
        reading.guess(guess)
    return settlement


def _prices(table: _Table, settlement: Settlement) -> Int64s:
    """The prices of a table in units. Raises BadConfig when one of them becomes zero."""
    prices_e8 = settlement.prices_e8(table.rows.prices_e8)
    vanished = np.flatnonzero(np.any((prices_e8 == 0) & (table.rows.prices_e8 > 0), axis=0))
    if len(vanished):
        raise BadConfig(
            f"feed {table.file}: scale={settlement.scale} and digits={settlement.digits} make the price of line "
            f"{table.rows.line[vanished[0]]} zero; say the right ones"
        )
    return prices_e8


def _ticks(reading: _Reading, table: _Table, prices_e8: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Times, bids and asks of a file of ticks; an empty cell takes the price before it."""
    bid_e8, ask_e8 = prices_e8
    sides = (bid_e8, ask_e8)
    checker = RowChecker(reading.log, table.file, table.file_number, jump_ppm=reading.jump_ppm)
    series = Series(table.rows.line, table.time_ns, sides, sides, is_time_unique=False)
    verdicts = checker.verdicts(series)
    is_heard = verdicts.is_accepted | verdicts.is_incomplete
    is_accepted = verdicts.is_accepted[is_heard]
    bid_e8, ask_e8 = (filled_forward(side_e8[is_heard], 0)[is_accepted] for side_e8 in sides)
    return table.time_ns[verdicts.is_accepted], bid_e8, ask_e8


def _bars(reading: _Reading, table: _Table, prices_e8: Int64s, timeframe: str) -> Bars:
    """The bars of one file that stand."""
    side_count = len(BAR_COLUMNS)
    bars = Bars(
        table.rows.line,
        table.time_ns,
        bar_ends_ns(table.time_ns, timeframe, table.zone),
        prices_e8[:side_count],
        prices_e8[side_count:],
        table.rows.spread_points,
    )
    checker = RowChecker(reading.log, table.file, table.file_number, jump_ppm=reading.jump_ppm)
    absurd = absurd_bars(bars, timeframe, reading.jump_ppm)
    for line in bars.line[absurd].tolist():
        reading.bad(table, line, "jump", "the bar's prices are too far from one another")
    bars = bars[~absurd]
    series = Series(bars.line, bars.open_ns, (bars.bid_e8[0],), (bars.bid_e8[-1],), is_time_unique=True)
    return bars[checker.verdicts(series).is_accepted]


def _timeframe(reading: _Reading, table: _Table) -> str:
    wanted = reading.spec.timeframe
    try:
        found = timeframe_of(table.rows.clock_ns)
    except ValueError as error:
        if wanted is None:
            raise BadConfig(f"feed {table.file}: no timeframe can be told ({error}); say timeframe=M1 … MN1") from None
        return wanted
    if wanted is not None:
        if wanted != found:
            reading.guess(f"most rows are {found} apart; timeframe={wanted} stands over it")
        return wanted
    reading.guess(f"timeframe {found}, from the rows")
    return found


def _with_ask_file(reading: _Reading, table: _Table, bars: Bars, timeframe: str, settlement: Settlement) -> Bars:
    """Bid bars joined with the bars of the ask file; those in only one are logged and left out."""
    ask_file = reading.spec.ask_file
    assert ask_file is not None, "asked only when there is one"
    ask = reading.table(ask_file, 1)
    if table.layout.has_ask or not ask.layout.is_bars or ask.layout.has_ask:
        raise BadConfig(f"feed {table.file}: ask={ask_file}: both files must hold bars of one side (open, high, low, close)")
    pairing = paired(bars, _bars(reading, ask, _prices(ask, settlement), timeframe))
    for line in pairing.bid_only_line.tolist():
        reading.bad(table, line, "unpaired", f"no bar of this time in {ask_file}")
    for line in pairing.ask_only_line.tolist():
        reading.bad(ask, line, "unpaired", f"no bar of this time in {table.file}")
    absurd = absurd_bars(pairing.bars, timeframe, reading.jump_ppm)
    for line in pairing.bars.line[absurd].tolist():
        reading.bad(table, line, "jump", "bid and ask of the bar are too far apart")
    return pairing.bars[~absurd]


def _with_spread(reading: _Reading, table: _Table, bars: Bars, digits: int) -> Bars:
    """Bars whose ask is the bid plus the file's spread, or the typical spread of the contract."""
    point_e8 = 10 ** (8 - digits)
    spread_points = bars.spread_points
    if table.layout.spread_column is None:
        points = reading.contract.with_digits(digits).spread_points if reading.contract is not None else 0
        spread_points = np.full(len(bars), points, dtype=np.int64)
        reading.guess(f"the file has no ask: ask = bid + {points} points, typical of {reading.spec.symbol}")
    return Bars(bars.line, bars.open_ns, bars.end_ns, bars.bid_e8, bars.bid_e8 + spread_points * point_e8, bars.spread_points)


def _treated(columns: TickColumns, crossed: Crossed) -> TickColumns:
    is_crossed = columns.bid_e8 > columns.ask_e8
    if crossed == "skip":
        return columns[~is_crossed]
    if crossed == "swap":
        bid_e8 = np.minimum(columns.bid_e8, columns.ask_e8)
        ask_e8 = np.maximum(columns.bid_e8, columns.ask_e8)
        return TickColumns(columns.symbols, columns.symbol_index, columns.time_ns, bid_e8, ask_e8)
    return columns


def _feed(reading: _Reading, crossed: Crossed) -> Feed:
    spec = reading.spec
    if spec.is_symbol_guessed:
        reading.guess(f"symbol {spec.symbol}, from the file's name; symbol= says another")
    table = reading.table(spec.file, 0)
    if spec.ask_file is not None and not table.layout.is_bars:
        raise BadConfig(f"feed {spec.file}: ask={spec.ask_file}: only bars have an ask file, this one holds ticks")
    settlement = _settled(reading, table)
    prices_e8 = _prices(table, settlement)
    timeframe, bar_count, end_ns = "ticks", 0, 0
    if table.layout.is_bars:
        timeframe = _timeframe(reading, table)
        bars = _bars(reading, table, prices_e8, timeframe)
        if spec.ask_file is not None:
            bars = _with_ask_file(reading, table, bars, timeframe, settlement)
        elif not table.layout.has_ask:
            bars = _with_spread(reading, table, bars, settlement.digits)
        bars = ended_by_next(bars)
        bar_count = len(bars)
        end_ns = int(bars.end_ns[-1]) if bar_count else 0
        times_ns, bid_e8, ask_e8 = played(bars)
    else:
        times_ns, bid_e8, ask_e8 = _ticks(reading, table, prices_e8)
        if spec.timeframe is None:
            reading.guess("timeframe M1, as the file holds ticks")
    columns = TickColumns.of_symbol(spec.symbol, times_ns, bid_e8, ask_e8)
    crossed_count = int(np.count_nonzero(columns.bid_e8 > columns.ask_e8))
    if crossed_count:
        words = f"{crossed_count} of {len(columns)} quotes are crossed (bid above ask) and {TREATED[crossed]}"
        reading.log.notes.append(f"{PureWindowsPath(spec.file).name}: {words}; crossed= says {', '.join(TREATED)}")
    treated = _treated(columns, crossed)
    if not len(treated):
        raise BadFeed(f"{spec.file}: no row stands; {'; '.join(reading.log.report().lines()[:3])}")
    return Feed(
        symbol=spec.symbol,
        columns=treated,
        timeframe=timeframe,
        bar_count=bar_count,
        end_ns=end_ns or int(treated.time_ns[-1]),
        digits=settlement.digits,
        zone=table.zone.name,
        guesses=tuple(reading.guesses),
        problems=reading.log.report(),
        crossed_count=crossed_count,
        locked_count=int(np.count_nonzero(columns.bid_e8 == columns.ask_e8)),
    )


def read_feed(
    spec: FeedSpec,
    *,
    strict: bool = False,
    progress: Progress | None = None,
    contracts: Mapping[str, Contract] | None = None,
    crossed: Crossed = "keep",
    jump_ppm: int = JUMP_PPM,
) -> Feed:
    """Read what ``spec`` names.

    ``contracts`` are the configuration's own and go before those known by class. ``crossed`` and ``jump_ppm`` (0: off)
    hold where the spec says nothing. ``progress`` is told bytes read and in all. Raises BadFeed for a file that cannot
    be read and, when ``strict``, for the first bad row; BadConfig for a spec the file contradicts.
    """
    contract = (contracts or {}).get(spec.symbol) or contract_of(spec.symbol)
    reading = _Reading(spec, contract, jump_ppm if spec.jump_ppm is None else spec.jump_ppm, progress)
    feed = _feed(reading, crossed if spec.crossed is None else spec.crossed)
    if strict and feed.problems.bad_count:
        raise BadFeed(feed.problems.first_problems[0].text())
    return feed


def merge_feeds(feeds: Sequence[Feed]) -> TickColumns:
    """All feeds on one clock; ties keep the order of the feeds. Feeds of one symbol become one symbol."""
    return merged([feed.columns for feed in feeds])
