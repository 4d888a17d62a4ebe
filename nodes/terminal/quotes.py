"""The terminal's functions about symbols and market data: Market Watch, ticks, bars, depth of market."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mesh.units import MINUTE_NS, MS_NS, SECOND_NS
from nodes.barstarts import bar_starts_ns
from nodes.terminal import names
from nodes.terminal.calls import NO_ARGUMENTS, Call, Failure, Function, arguments
from nodes.terminal.export import Row, book_rows, symbol_row, tick_row
from nodes.terminal.history import Column, grouped, tick_flags
from nodes.terminal.lasterror import FAILED, INCOMPATIBLE, INVALID_PARAMS, NOT_FOUND
from nodes.timeframes import length_ns

ROWS_COUNT_LIMIT = 100_000
"""A request for this many bars or more is refused (measured on a live terminal: 99,999 pass)."""

OLDEST_BUILD = 2_364
TIMEFRAME_NAMES: dict[int, str] = {
    value: name.removeprefix("TIMEFRAME_") for name, value in vars(names).items() if name.startswith("TIMEFRAME_")
}
_DOUBLED_MINUTES = 60
"""Of a clock that is turned back by an hour."""
_TICK_FLAGS = {
    names.COPY_TICKS_INFO: names.TICK_FLAG_BID | names.TICK_FLAG_ASK,
    names.COPY_TICKS_TRADE: names.TICK_FLAG_LAST | names.TICK_FLAG_VOLUME,
}
_ALL_TICKS = (names.COPY_TICKS_ALL, 2**32 - 1)
"""Ticks that change nothing too; also as the unsigned number it is sent as."""

Columns = list[Any]
"""A count and that many rows as little-endian 64-bit columns."""


def _packed(count: int, *columns: NDArray[Any]) -> Columns:
    return [count, *(np.ascontiguousarray(column, dtype="<i8").tobytes() for column in columns)]


def _check_build(call: Call) -> None:
    """The package reads symbols of no terminal older than this (mt5.md, section 1)."""
    if call.terminal.config.build < OLDEST_BUILD:
        raise Failure(INCOMPATIBLE)


def symbols_total(call: Call) -> int:
    """How many symbols the server has."""
    _check_build(call)
    return len(call.terminal.books)


def symbols_get(call: Call) -> list[Row]:
    """A SymbolInfo of each symbol; groups are the caller's to filter."""
    _check_build(call)
    return [symbol_info(call, name) for name in call.terminal.books]


def symbol_info(call: Call, symbol: str) -> Row:
    """A SymbolInfo."""
    _check_build(call)
    book = call.book(symbol)
    return symbol_row(call.terminal, call.account, book, call.session.selected[symbol])


def symbol_info_tick(call: Call, symbol: str) -> Row:
    """A Tick of a selected symbol that has had one."""
    book = call.book(symbol)
    if not call.session.selected[symbol] or not book.has_quote:
        raise Failure(NOT_FOUND)
    return tick_row(call.terminal.clock, book)


def symbol_select(call: Call, symbol: str, enable: bool) -> bool:
    """Show a symbol in the Market Watch or hide it; one that is traded stays."""
    call.book(symbol)
    is_traded = symbol in call.account.exposures or any(
        order.symbol == symbol for order in call.account.orders.values()
    )
    if not enable and is_traded:
        raise Failure(FAILED)
    call.session.selected[symbol] = enable
    return True


def market_book_add(call: Call, symbol: str) -> bool:
    """Subscribe to a symbol's depth of market."""
    call.book(symbol)
    call.session.book_subscriptions[symbol] = None
    return True


def market_book_release(call: Call, symbol: str) -> bool:
    """End a subscription."""
    call.book(symbol)
    call.session.book_subscriptions.pop(symbol, None)
    return True


def market_book_get(call: Call, symbol: str) -> list[Row]:
    """The depth of market of a subscribed symbol."""
    book = call.book(symbol)
    if symbol not in call.session.book_subscriptions:
        raise Failure(FAILED)
    return book_rows(book)


def copy_rates_from_pos(call: Call, symbol: str, timeframe: int, start: int, count: int) -> Columns:
    """``count`` bars up to the one ``start`` bars before the current."""
    _check(timeframe, start, count)
    bars = _bars(call, symbol, timeframe, start + count)
    end = bars.shape[1] - start
    return _rates(call, symbol, bars[:, max(0, end - count) : max(0, end)])


def copy_rates_from(call: Call, symbol: str, timeframe: int, date_s: int, count: int) -> Columns:
    """The last ``count`` bars that began at a server time or before."""
    _check(timeframe, 0, count)
    bars = _bars(call, symbol, timeframe, None)
    end = int(np.searchsorted(bars[0], _date_ns(date_s), side="right"))
    return _rates(call, symbol, bars[:, max(0, end - count) : end])


def copy_rates_range(call: Call, symbol: str, timeframe: int, from_s: int, to_s: int) -> Columns:
    """Bars that began from one server time to another, both included."""
    _check(timeframe, 0, 1)
    bars = _bars(call, symbol, timeframe, None)
    first = int(np.searchsorted(bars[0], _date_ns(from_s), side="left"))
    return _rates(call, symbol, bars[:, first : int(np.searchsorted(bars[0], _date_ns(to_s), side="right"))])


def _date_ns(date_s: int) -> int:
    """A date in ns, cut to the 32 bits of seconds that the package sends."""
    return max(-(2**31), min(2**31 - 1, date_s)) * SECOND_NS


def _check(timeframe: int, start: int, count: int) -> None:
    if timeframe not in TIMEFRAME_NAMES or start < 0 or not 0 < count < ROWS_COUNT_LIMIT:
        raise Failure(INVALID_PARAMS)


def _bars(call: Call, symbol: str, timeframe: int, count: int | None) -> Column:
    """Bars of a timeframe in server time; at least the last ``count`` of those kept."""
    book = call.terminal.books.get(symbol)
    if book is None:
        raise Failure(FAILED)
    bars, name = book.history.bars(call.until_ns), TIMEFRAME_NAMES[timeframe]
    if count is not None:
        # each bar holds at most so many minutes of the server's clock, one more where a first one is cut
        bars = bars[:, -((count + 1) * (length_ns(name) // MINUTE_NS + 1) + _DOUBLED_MINUTES) :]
    # a clock that is turned back stands still until it is as far again: bars never run backwards
    times_ns = np.maximum.accumulate(call.terminal.clock.server_times_ns(bars[0]))
    return grouped(bars, bar_starts_ns(times_ns, name))


def _rates(call: Call, symbol: str, bars: Column) -> Columns:
    if not bars.shape[1]:
        raise Failure(FAILED)
    point_e8 = call.terminal.books[symbol].spec.point_e8
    times_ns, opens, highs, lows, closes, counts, spreads, _, _ = bars
    return _packed(bars.shape[1], times_ns // SECOND_NS, opens, highs, lows, closes, counts, spreads // point_e8)


def copy_ticks_from(call: Call, symbol: str, date_s: int, count: int, flags: int) -> Columns:
    """The first ``count`` ticks from a server time on."""
    if count <= 0:
        raise Failure(INVALID_PARAMS)
    return _ticks(call, symbol, date_s, None, count, flags)


def copy_ticks_range(call: Call, symbol: str, from_s: int, to_s: int, flags: int) -> Columns:
    """The ticks from one server time to another, both included."""
    return _ticks(call, symbol, from_s, to_s, None, flags)


def _ticks(call: Call, symbol: str, from_s: int, to_s: int | None, count: int | None, flags: int) -> Columns:
    ticks = call.book(symbol).history.ticks()
    if flags not in _ALL_TICKS and flags not in _TICK_FLAGS:
        raise Failure(INVALID_PARAMS)
    times_ns = call.terminal.clock.server_times_ns(ticks[0])
    shown = tick_flags(ticks)
    # by what each shows: in an hour that the clock shows twice the times of ticks run back
    is_kept = (times_ns >= _date_ns(from_s)) & (ticks[0] <= call.until_ns)
    if to_s is not None:
        is_kept &= times_ns <= _date_ns(to_s)
    if flags not in _ALL_TICKS:
        is_kept &= (shown & _TICK_FLAGS[flags]) != 0
    kept = np.flatnonzero(is_kept)[:count]
    return _packed(len(kept), times_ns[kept] // MS_NS, ticks[1, kept], ticks[2, kept], shown[kept])


_SYMBOL = arguments(symbol=str)

FUNCTIONS: dict[str, Function] = {
    "symbols_total": (symbols_total, NO_ARGUMENTS),
    "symbols_get": (symbols_get, NO_ARGUMENTS),
    "symbol_info": (symbol_info, _SYMBOL),
    "symbol_info_tick": (symbol_info_tick, _SYMBOL),
    "symbol_select": (symbol_select, arguments(symbol=str, enable=bool)),
    "market_book_add": (market_book_add, _SYMBOL),
    "market_book_release": (market_book_release, _SYMBOL),
    "market_book_get": (market_book_get, _SYMBOL),
    "copy_rates_from": (copy_rates_from, arguments(symbol=str, timeframe=int, date_s=int, count=int)),
    "copy_rates_from_pos": (copy_rates_from_pos, arguments(symbol=str, timeframe=int, start=int, count=int)),
    "copy_rates_range": (copy_rates_range, arguments(symbol=str, timeframe=int, from_s=int, to_s=int)),
    "copy_ticks_from": (copy_ticks_from, arguments(symbol=str, date_s=int, count=int, flags=int)),
    "copy_ticks_range": (copy_ticks_range, arguments(symbol=str, from_s=int, to_s=int, flags=int)),
}
