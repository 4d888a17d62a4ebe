"""Ticks and bars of a MetaTrader 5 terminal: the same code for the real package and for ours.

Ticks are asked for at whole seconds of the server's clock, so an answer begins with ticks that are known; a cursor says how many. Times
become market time (UTC) by the server's zone. A symbol that cannot be read is told and goes on from its cursor the next time; where
the link to the terminal is broken, nothing is told but that.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mesh.config import Config
from mesh.messages.base import Msg
from mesh.messages.feed import FeedAsk, FeedCursor, FeedLost, FeedTicks, FeedTold
from mesh.units import E8, MINUTE_NS, MS_NS, SECOND_NS
from nodes.feeds.bars import Bars, played
from nodes.io.livespec import LiveSpec
from nodes.market.livefeed import BARS_COUNT_MIN
from nodes.market.ticklog import no_ticks_of
from nodes.tape import CHUNK_TICKS_MAX
from nodes.terminal import names
from nodes.ticks import TickColumns, concatenated
from nodes.zones import Zone

PAGE_TICKS = 2_000
"""Ticks of a symbol in one call: enough for any 100 ms, and a gap of a day takes some fifty calls."""
FIRST_PAGE_TICKS = 20_000
BARS_COUNT_MAX = 99_000
"""The package refuses more in one call."""
LINK_BROKEN = -10_000
"""last_error codes from here down are about the link, not about what was asked."""
INITIALIZE_MS = 10_000
MINUTE_MS = MINUTE_NS // MS_NS
HISTORY_TRIES = 5
"""A terminal that is just loading its history shows less of it at first."""


class NotYet(Exception):
    """The terminal is not ready; its text says what for."""


class LinkBroken(Exception):
    """The terminal cannot be asked; its text says why."""


class TerminalTicks:
    """One terminal's ticks. ``clock``: UTC now, where the terminal does not say which market time it is."""

    def __init__(self, spec: LiveSpec, config: Config, module: Any, clock: Callable[[], int]) -> None:
        self._spec = spec
        self._module = module
        self._clock = clock
        self._names = {symbol: spec.broker_symbol(config, symbol) for symbol in config.settings.market.symbols}
        self._zone = Zone.parse(config.settings.broker.zone)
        self._last_ns: dict[str, int] = {}
        """The newest tick of each symbol, which tells the passes of an hour that comes twice apart."""
        self._unread: dict[str, str] = {}
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
        yield FeedTold(ask.number, cursors, self._market_ns(), is_linked, has_more, why[:512])

    # the link

    def _attach(self) -> None:
        """Link to the terminal, check whose it is, show its symbols. Raises LinkBroken."""
        if self._is_attached:
            return
        module, spec = self._module, self._spec
        words: dict[str, Any] = {"timeout": INITIALIZE_MS}
        if spec.login:
            words |= {"login": spec.login, "server": spec.server}
        path = (spec.terminal,) if spec.terminal else ()
        if not module.initialize(*path, **words):
            raise LinkBroken(f"initialize {spec.terminal}: {module.last_error()}")
        if spec.login:
            info = module.account_info()
            if info is None or (info.login, info.server) != (spec.login, spec.server):
                seen = f"{info.login} at {info.server}" if info is not None else str(module.last_error())
                raise LinkBroken(f"account {spec.login} at {spec.server} is configured, the terminal shows {seen}")
        for symbol in self._names.values():
            module.symbol_select(symbol, True)
        self._is_attached = True

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

    def _market_ns(self) -> int:
        stamp = getattr(self._module, "_stamp", None)
        return int(stamp()[2]) if stamp is not None else self._clock()

    # ticks

    def _news(self, cursors: list[FeedCursor], page_count: int) -> tuple[TickColumns, list[FeedCursor], bool]:
        """Ticks after the cursors, merged; where a page was full, none later than its end, and there is more."""
        found = [self._page(cursor, page_count) for cursor in cursors]
        ends_ms = [int(times_ms[-1]) for times_ms, _bids, _asks, is_full in found if is_full]
        last_ms = min(ends_ms, default=None)
        parts: list[TickColumns] = []
        moved: list[FeedCursor] = []
        for index, (cursor, (times_ms, bids, asks, _)) in enumerate(zip(cursors, found, strict=True)):
            if last_ms is not None:
                taken = int(np.searchsorted(times_ms, last_ms, side="right"))
                times_ms, bids, asks = times_ms[:taken], bids[:taken], asks[:taken]
            moved.append(_moved(cursor, times_ms))
            parts.append(self._columns(tuple(self._names), index, times_ms, bids, asks))
        return _merged(tuple(self._names), parts), moved, last_ms is not None

    def _page(self, cursor: FeedCursor, count: int) -> tuple[npt.NDArray[np.int64], Any, Any, bool]:
        """Times in server ms, bids and asks of the ticks after a cursor, and whether there may be more."""
        nothing = np.empty(0, np.int64), np.empty(0), np.empty(0), False
        if not cursor.server_ms:
            cursor = self._first_cursor(cursor)
            if not cursor.server_ms:
                return nothing
        name = self._names[cursor.symbol]
        while True:
            rows = self._module.copy_ticks_from(name, cursor.server_ms // 1_000, count, names.COPY_TICKS_ALL)
            if rows is None:
                self._failed(cursor.symbol)
                return nothing
            times_ms = rows["time_msc"].astype(np.int64)
            known = int(np.searchsorted(times_ms, cursor.server_ms, side="left"))
            same = int(np.searchsorted(times_ms, cursor.server_ms, side="right")) - known
            known += min(same, cursor.count)
            is_full = len(rows) >= count
            if known < len(rows) or not is_full:
                return times_ms[known:], rows["bid"][known:], rows["ask"][known:], is_full
            count *= 2  # one second holds more ticks than a page

    def _first_cursor(self, cursor: FeedCursor) -> FeedCursor:
        """A symbol without history begins with its newest tick."""
        tick = self._module.symbol_info_tick(self._names[cursor.symbol])
        if tick is None or not tick.time_msc:
            return cursor
        return FeedCursor(cursor.symbol, tick.time_msc, 0)

    def _columns(self, symbols: tuple[str, ...], index: int, times_ms: npt.NDArray[np.int64], bids: Any, asks: Any) -> TickColumns:
        """Ticks in our units; those without both prices are left out."""
        if not len(times_ms):
            return no_ticks_of(symbols)
        symbol = symbols[index]
        times_ns = self._utc_ns(symbol, times_ms)
        bids_e8, asks_e8 = _e8(bids), _e8(asks)
        whole = (bids_e8 > 0) & (asks_e8 > 0)
        count = int(whole.sum())
        return TickColumns(symbols, np.full(count, index, np.uint16), times_ns[whole], bids_e8[whole], asks_e8[whole])

    def _utc_ns(self, symbol: str, server_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        times_ns = np.maximum.accumulate(self._zone.utc_from_local(server_ms * MS_NS, self._last_ns.get(symbol, -(2**62))))
        self._last_ns[symbol] = int(times_ns[-1])
        return times_ns

    # history

    def _history(self, ask: FeedAsk) -> tuple[TickColumns, list[FeedCursor], bool]:
        """Bars as ticks, then what came since the last of them."""
        symbols = tuple(self._names)
        parts: list[TickColumns] = []
        begun: list[FeedCursor] = []
        self._history_tries += 1
        for index, cursor in enumerate(ask.cursors):
            bars, end_ms = self._bars(cursor.symbol, ask.bars_count)
            bars_count = len(bars) if bars is not None else 0
            if bars_count < min(ask.bars_count, BARS_COUNT_MIN) and self._history_tries < HISTORY_TRIES:
                raise NotYet(f"{cursor.symbol} shows {bars_count} M1 bars of {ask.bars_count} so far: asked again")
            if bars is not None:
                times_ns, bids_e8, asks_e8 = played(bars)
                self._last_ns[cursor.symbol] = int(times_ns[-1])
                parts.append(TickColumns(symbols, np.full(len(times_ns), index, np.uint16), times_ns, bids_e8, asks_e8))
            begun.append(FeedCursor(cursor.symbol, end_ms, 0))
        ticks, moved, has_more = self._news(begun, FIRST_PAGE_TICKS)
        return _merged(symbols, [*parts, ticks]), moved, has_more

    def _bars(self, symbol: str, count: int) -> tuple[Bars | None, int]:
        """Whole M1 bars of a symbol, and the end of the last one in server ms; None and 0 where there are none."""
        name = self._names[symbol]
        rows = self._module.copy_rates_from_pos(name, names.TIMEFRAME_M1, 1, min(count, BARS_COUNT_MAX))
        info = self._module.symbol_info(name)
        if rows is None or info is None:
            self._failed(symbol)
            return None, 0
        bids_e8 = np.stack([_e8(rows[column]) for column in ("open", "high", "low", "close")])
        good = bids_e8.min(axis=0, initial=E8) > 0
        rows, bids_e8 = rows[good], bids_e8[:, good]
        if not len(rows):
            return None, 0
        spreads_e8 = rows["spread"].astype(np.int64) * round(info.point * E8)
        opens_ns = self._zone.utc_from_local(rows["time"].astype(np.int64) * SECOND_NS)
        opens_ns, first_rows = np.unique(opens_ns, return_index=True)
        bids_e8, spreads_e8 = bids_e8[:, first_rows], spreads_e8[first_rows]
        bars = Bars(first_rows, opens_ns, opens_ns + MINUTE_NS, bids_e8, bids_e8 + spreads_e8, spreads_e8)
        return bars, int(rows["time"][-1]) * 1_000 + MINUTE_MS


def _e8(prices: Any) -> npt.NDArray[np.int64]:
    return np.rint(np.asarray(prices, np.float64) * E8).astype(np.int64)


def _moved(cursor: FeedCursor, times_ms: npt.NDArray[np.int64]) -> FeedCursor:
    """The cursor after these ticks."""
    if not len(times_ms):
        return cursor
    last_ms = int(times_ms[-1])
    count = len(times_ms) - int(np.searchsorted(times_ms, last_ms, side="left"))
    return FeedCursor(cursor.symbol, last_ms, count + (cursor.count if cursor.server_ms == last_ms else 0))


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
