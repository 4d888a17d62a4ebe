"""Ticks and bars of a MetaTrader 5 terminal: the same code for the real package and for ours (``nodes/io/package.py``).

Ticks are asked for at whole seconds of the server's clock, so an answer begins with ticks that are known; a cursor says how many. Times
become market time (UTC) by the server's zone. A symbol that cannot be read is told and goes on from its cursor the next time; for some
seconds the others wait for it, because what comes after theirs would be too late. Where the link to the terminal is broken, or another
account is logged in at it, nothing is told but that.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mesh.config import Config
from mesh.messages.base import Msg
from mesh.messages.feed import FeedAsk, FeedCursor, FeedLost, FeedTicks, FeedTold
from mesh.units import E8, MINUTE_NS, MS_NS, SECOND_NS
from nodes.feeds.bars import Bars, played
from nodes.io.livespec import KEY, LiveSpec
from nodes.io.package import INITIALIZE_MS, package_of
from nodes.io.ticktimes import TickTimes
from nodes.market.livefeed import BARS_COUNT_MIN
from nodes.market.ticklog import no_ticks_of
from nodes.tape import CHUNK_TICKS_MAX
from nodes.terminal import names
from nodes.ticks import TickColumns, concatenated

PAGE_TICKS = 2_000
"""Ticks of a symbol in one call: enough for any 100 ms, and a gap of a day takes some fifty calls."""
FIRST_PAGE_TICKS = 20_000
BARS_COUNT_MAX = 99_000
"""The package refuses more in one call."""
LINK_BROKEN = -10_000
"""last_error codes from here down are about the link, not about what was asked."""
MINUTE_MS = MINUTE_NS // MS_NS
HISTORY_TRIES = 5
"""A terminal that is just loading its history shows less of it at first."""
WAIT_NS = 5 * SECOND_NS
"""So long the others wait for a symbol that cannot be read."""


class NotYet(Exception):
    """The terminal is not ready; its text says what for."""


class LinkBroken(Exception):
    """The terminal cannot be asked; its text says why."""


class Page(NamedTuple):
    """Ticks of a symbol after its cursor: the server's times in ms, the same as UTC, prices, and whether there may be more."""

    server_ms: npt.NDArray[np.int64]
    time_ns: npt.NDArray[np.int64]
    bids: npt.NDArray[np.float64]
    asks: npt.NDArray[np.float64]
    is_full: bool = False

    def until(self, time_ns: int) -> "Page":
        """Those not later than this."""
        count = int(np.searchsorted(self.time_ns, time_ns, side="right"))
        return Page(self.server_ms[:count], self.time_ns[:count], self.bids[:count], self.asks[:count])


EMPTY = Page(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))


class TerminalTicks:
    """One terminal's ticks. ``clock``: UTC now, where the terminal does not say which market time it is.

    ``module`` takes the place of the package that the terminal's word asks for. Raises BadConfig where that cannot be had here.
    """

    def __init__(self, spec: LiveSpec, config: Config, module: Any, clock: Callable[[], int]) -> None:
        self._spec = spec
        self._package = package_of(config, f"{KEY}: terminal", spec.terminal, module)
        self._module = self._package.module
        self._clock = clock
        self._names = {symbol: spec.broker_symbol(config, symbol) for symbol in config.settings.market.symbols}
        self._times = TickTimes(spec.zone(config))
        self._unread: dict[str, str] = {}
        self._failed_ns: dict[str, int] = {}
        """Since when the ticks of a symbol cannot be read (market time)."""
        self._is_attached = False
        self._history_tries = 0

    def answer(self, ask: FeedAsk) -> Iterator[Msg]:
        """The parts of an answer and its end, or why there is none."""
        self._unread = {}
        try:
            self._attach()
            if ask.bars_count:
                ticks, cursors, has_more = self._history(ask)
            else:
                ticks, cursors, has_more = self._news(ask.cursors, PAGE_TICKS)
            is_linked = bool(len(ticks)) or self._is_linked()
            self._check_account()  # after all reads: what another account's server shows is not taken
        except LinkBroken as broken:
            self._is_attached = False
            yield FeedLost(str(broken)[:500])
            return
        except NotYet as early:
            yield FeedLost(str(early))
            return
        for first in range(0, len(ticks), CHUNK_TICKS_MAX):
            yield _part(ask.number, ticks[first : first + CHUNK_TICKS_MAX])
        why = "; ".join(f"{symbol}: {reason}" for symbol, reason in self._unread.items())
        yield FeedTold(ask.number, cursors, self._package.market_ns(self._clock), is_linked, has_more, why[:512])

    # the link

    def _attach(self) -> None:
        """Link to the terminal, check whose it is, show its symbols. Raises LinkBroken."""
        if self._is_attached:
            return
        module, spec = self._module, self._spec
        words: dict[str, Any] = {"timeout": INITIALIZE_MS}
        if spec.login:
            words |= {"login": spec.login, "server": spec.server}
        if not module.initialize(self._package.path, **words):
            raise LinkBroken(f"initialize {spec.terminal}: {module.last_error()}")
        self._check_account()
        for symbol in self._names.values():
            module.symbol_select(symbol, True)
        self._failed_ns = {}
        self._is_attached = True

    def _check_account(self) -> None:
        """Where an account is named, it is the one that is logged in. Raises LinkBroken."""
        spec = self._spec
        if not spec.login:
            return
        info = self._module.account_info()
        if info is None or (info.login, info.server) != (spec.login, spec.server):
            seen = f"{info.login} at {info.server}" if info is not None else str(self._module.last_error())
            raise LinkBroken(f"account {spec.login} at {spec.server} is configured, the terminal shows {seen}")

    def _is_linked(self) -> bool:
        """Whether the terminal has its server; asked where no tick shows that it has."""
        info = self._module.terminal_info()
        if info is None:
            self._failed("")
            return False
        return bool(info.connected)

    def _failed(self, symbol: str) -> None:
        """A call gave None. Raises LinkBroken where that is the link's fault; else the symbol is told as unread."""
        code, text = self._module.last_error()
        if code <= LINK_BROKEN:
            raise LinkBroken(f"({code}, {text!r})")
        if symbol:
            self._unread[symbol] = f"last_error=({code}, {text!r})"

    # ticks

    def _news(self, cursors: list[FeedCursor], page_count: int) -> tuple[TickColumns, list[FeedCursor], bool]:
        """Ticks after the cursors, merged; where a page was full or could not be read, none later than its end, and there is more."""
        symbols = tuple(self._names)
        found = [self._page(cursor, page_count) for cursor in cursors]
        ends_ns = [int(page.time_ns[-1]) for page in found if page is not None and page.is_full]
        ends_ns += [self._time_ns(cursor) for cursor, page in zip(cursors, found, strict=True) if self._is_waited_for(cursor, page)]
        end_ns = min(ends_ns, default=None)
        parts: list[TickColumns] = []
        moved: list[FeedCursor] = []
        for index, (cursor, page) in enumerate(zip(cursors, found, strict=True)):
            taken = page or EMPTY
            if end_ns is not None:
                taken = taken.until(end_ns)
            moved.append(self._moved(cursor, taken))
            parts.append(_columns(symbols, index, taken))
        return _merged(symbols, parts), moved, end_ns is not None

    def _is_waited_for(self, cursor: FeedCursor, page: Page | None) -> bool:
        """Whether a symbol's page is missing, and for so short a time that the others do not go on without it."""
        symbol = cursor.symbol
        if page is not None or not cursor.server_ms:
            self._failed_ns.pop(symbol, None)
            return False
        now_ns = self._package.market_ns(self._clock)
        silent_ns = now_ns - self._failed_ns.setdefault(symbol, now_ns)
        if silent_ns < WAIT_NS:
            return True
        self._unread[symbol] += f": the others go on without it after {WAIT_NS // SECOND_NS} s, its ticks meanwhile will be missing"
        return False

    def _page(self, cursor: FeedCursor, count: int) -> Page | None:
        """The ticks of a symbol after its cursor; None where they could not be read."""
        if not cursor.server_ms:
            cursor = self._first_cursor(cursor)
            if not cursor.server_ms:
                return EMPTY
        name, taken_ns = self._names[cursor.symbol], self._time_ns(cursor)
        from_s = self._times.from_ms(cursor.server_ms) // 1_000
        while True:
            rows = self._module.copy_ticks_from(name, from_s, count, names.COPY_TICKS_ALL)
            if rows is None:
                self._failed(cursor.symbol)
                return None
            server_ms = rows["time_msc"].astype(np.int64)
            times_ns = self._times.utc_ns(server_ms)
            known = int(np.searchsorted(times_ns, taken_ns, side="left"))
            same = int(np.searchsorted(times_ns, taken_ns, side="right")) - known
            known += min(same, cursor.count)
            is_full = len(rows) >= count
            if known < len(rows) or not is_full:
                return Page(server_ms[known:], times_ns[known:], rows["bid"][known:], rows["ask"][known:], is_full)
            count *= 2  # one second holds more ticks than a page

    def _first_cursor(self, cursor: FeedCursor) -> FeedCursor:
        """A symbol without history begins with its newest tick."""
        tick = self._module.symbol_info_tick(self._names[cursor.symbol])
        if tick is None or not tick.time_msc:
            return cursor
        return FeedCursor(cursor.symbol, tick.time_msc, 0)

    def _time_ns(self, cursor: FeedCursor) -> int:
        """UTC of a cursor."""
        return cursor.time_ns or int(self._times.utc_ns(np.array([cursor.server_ms], np.int64))[0])

    def _moved(self, cursor: FeedCursor, page: Page) -> FeedCursor:
        """The cursor after these ticks."""
        if not len(page.time_ns):
            return cursor
        last_ns = int(page.time_ns[-1])
        count = len(page.time_ns) - int(np.searchsorted(page.time_ns, last_ns, side="left"))
        is_same = cursor.server_ms and self._time_ns(cursor) == last_ns
        return FeedCursor(cursor.symbol, int(page.server_ms[-1]), count + (cursor.count if is_same else 0), last_ns)

    # history

    def _history(self, ask: FeedAsk) -> tuple[TickColumns, list[FeedCursor], bool]:
        """Bars as ticks, then what came since the last of them."""
        symbols = tuple(self._names)
        parts: list[TickColumns] = []
        begun: list[FeedCursor] = []
        self._history_tries += 1
        for index, cursor in enumerate(ask.cursors):
            bars, begin = self._bars(cursor.symbol, ask.bars_count)
            bars_count = len(bars) if bars is not None else 0
            if bars_count < min(ask.bars_count, BARS_COUNT_MIN) and self._history_tries < HISTORY_TRIES:
                raise NotYet(f"{cursor.symbol} shows {bars_count} M1 bars of {ask.bars_count} so far: asked again")
            if bars is not None:
                times_ns, bids_e8, asks_e8 = played(bars)
                parts.append(TickColumns(symbols, np.full(len(times_ns), index, np.uint16), times_ns, bids_e8, asks_e8))
            begun.append(begin)
        ticks, moved, has_more = self._news(begun, FIRST_PAGE_TICKS)
        return _merged(symbols, [*parts, ticks]), moved, has_more

    def _bars(self, symbol: str, count: int) -> tuple[Bars | None, FeedCursor]:
        """Whole M1 bars of a symbol, and a cursor at the end of the last one; None and none where there are none."""
        name, nowhere = self._names[symbol], FeedCursor(symbol, 0, 0)
        rows = self._module.copy_rates_from_pos(name, names.TIMEFRAME_M1, 1, min(count, BARS_COUNT_MAX))
        info = self._module.symbol_info(name)
        if rows is None or info is None:
            self._failed(symbol)
            return None, nowhere
        bids_e8 = np.stack([_e8(rows[column]) for column in ("open", "high", "low", "close")])
        good = bids_e8.min(axis=0, initial=E8) > 0
        rows, bids_e8 = rows[good], bids_e8[:, good]
        if not len(rows):
            return None, nowhere
        spreads_e8 = rows["spread"].astype(np.int64) * round(info.point * E8)
        opens_ns = self._times.utc_ns(rows["time"].astype(np.int64) * 1_000)
        opens_ns, first_rows = np.unique(opens_ns, return_index=True)
        bids_e8, spreads_e8 = bids_e8[:, first_rows], spreads_e8[first_rows]
        bars = Bars(first_rows, opens_ns, opens_ns + MINUTE_NS, bids_e8, bids_e8 + spreads_e8, spreads_e8)
        return bars, FeedCursor(symbol, int(rows["time"][-1]) * 1_000 + MINUTE_MS, 0, int(opens_ns[-1]) + MINUTE_NS)


def _e8(prices: Any) -> npt.NDArray[np.int64]:
    return np.rint(np.asarray(prices, np.float64) * E8).astype(np.int64)


def _columns(symbols: tuple[str, ...], index: int, page: Page) -> TickColumns:
    """Ticks in our units; those without both prices are left out."""
    bids_e8, asks_e8 = _e8(page.bids), _e8(page.asks)
    whole = (bids_e8 > 0) & (asks_e8 > 0)
    count = int(whole.sum())
    return TickColumns(symbols, np.full(count, index, np.uint16), page.time_ns[whole], bids_e8[whole], asks_e8[whole])


def _merged(symbols: tuple[str, ...], parts: list[TickColumns]) -> TickColumns:
    """The parts by time; ties in their order."""
    joined = concatenated([no_ticks_of(symbols), *parts])
    return joined[np.argsort(joined.time_ns, kind="stable")]


def _part(number: int, ticks: TickColumns) -> FeedTicks:
    return FeedTicks(
        number,
        ticks.symbol_index.astype("<u2", copy=False).tobytes(),
        ticks.time_ns.astype("<i8", copy=False).tobytes(),
        ticks.bid_e8.astype("<i8", copy=False).tobytes(),
        ticks.ask_e8.astype("<i8", copy=False).tobytes(),
    )
