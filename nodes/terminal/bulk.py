"""Many ticks at once: what nothing can happen in is taken as a whole, the rest tick by tick.

Ticks of each symbol are looked over by their lowest and highest quotes: where no level lies between them, and no account can
reach its stop-out or its watch even at the worst of them, only the last quote and the history remain to be kept. Else the
stretch is halved, down to a few ticks, which are then played one by one. The result is that of ``Terminal.on_tick`` for each.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nodes.terminal.book import SymbolBook
from nodes.terminal.history import Column

if TYPE_CHECKING:
    from nodes.terminal.engine import Terminal

_ONE_BY_ONE_COUNT = 8
"""Up to so many ticks, looking each over costs less than looking them over together."""


class Lane(NamedTuple):
    """The ticks of one symbol, and their numbers among all."""

    book: SymbolBook
    numbers: NDArray[np.intp]
    time_ns: Column
    bid_e8: Column
    ask_e8: Column


class Ticks(NamedTuple):
    """A stretch of ticks, as columns of all and split by symbol."""

    start: int
    stop: int
    symbols: tuple[str, ...]
    symbol_index: NDArray[np.uint16]
    time_ns: Column
    bid_e8: Column
    ask_e8: Column
    lanes: tuple[Lane, ...]


def split(
    books: Mapping[str, SymbolBook],
    symbol_index: NDArray[np.uint16],
    time_ns: Column,
    bid_e8: Column,
    ask_e8: Column,
    symbols: tuple[str, ...],
    start: int,
    stop: int,
) -> Ticks:
    """Columns with their ticks from ``start`` to ``stop`` split by symbol."""
    lanes = []
    if stop - start > _ONE_BY_ONE_COUNT:
        part = symbol_index[start:stop]
        for number, symbol in enumerate(symbols):
            numbers = np.arange(start, stop) if len(symbols) == 1 else np.flatnonzero(part == number) + start
            if len(numbers):
                lanes.append(Lane(books[symbol], numbers, time_ns[numbers], bid_e8[numbers], ask_e8[numbers]))
    return Ticks(start, stop, symbols, symbol_index, time_ns, bid_e8, ask_e8, tuple(lanes))


def play(terminal: "Terminal", ticks: Ticks, stop_at_change: bool = False) -> int:
    """Take the ticks; returns the index after the last one taken, less than ``stop`` where it stopped early.

    That is after the tick at which a watch fired, with ``stop_at_change`` also after one that changed any books.
    """
    at, span_count = ticks.start, ticks.stop - ticks.start
    while at < ticks.stop:
        end = min(at + span_count, ticks.stop)
        if int(ticks.time_ns[end - 1]) >= terminal.event_ns:
            # what time brings comes before the tick that is past it, which is played by itself
            end = max(at + 1, at + int(np.searchsorted(ticks.time_ns[at:end], terminal.event_ns, side="left")))
        if end - at <= _ONE_BY_ONE_COUNT:
            at = _one_by_one(terminal, ticks, at, end, stop_at_change)
            if terminal.has_fired or (stop_at_change and terminal.has_changes):
                return at
            span_count = max(span_count, 2 * _ONE_BY_ONE_COUNT)
        elif _is_quiet(terminal, ticks, at, end):
            _keep(ticks, at, end)
            terminal.now_ns = max(terminal.now_ns, int(ticks.time_ns[end - 1]))
            at, span_count = end, 2 * span_count
        else:
            span_count = (end - at) // 2
    return at


def _one_by_one(terminal: "Terminal", ticks: Ticks, at: int, end: int, stop_at_change: bool) -> int:
    for index in range(at, end):
        terminal.take_tick(
            ticks.symbols[ticks.symbol_index[index]],
            int(ticks.time_ns[index]),
            int(ticks.bid_e8[index]),
            int(ticks.ask_e8[index]),
        )
        if terminal.has_fired or (stop_at_change and terminal.has_changes):
            return index + 1
    return end


def _is_quiet(terminal: "Terminal", ticks: Ticks, at: int, end: int) -> bool:
    """Whether nothing can happen from tick ``at`` to ``end``."""
    held = []
    is_quiet = True
    for lane in ticks.lanes:
        if lane.book.is_idle:
            continue
        first, last = np.searchsorted(lane.numbers, (at, end))
        if first == last:
            continue
        bids, asks = lane.bid_e8[first:last], lane.ask_e8[first:last]
        lane.book.widen(int(bids.min()), int(bids.max()), int(asks.min()), int(asks.max()))
        held.append(lane.book)
        is_quiet = is_quiet and not lane.book.resting and lane.book.is_quiet
    if is_quiet:
        logins = dict.fromkeys(login for book in held for login in book.exposed)
        is_quiet = all(terminal.accounts[login].is_safe() for login in logins)
    for book in held:
        book.narrow()
    return is_quiet


def _keep(ticks: Ticks, at: int, end: int) -> None:
    """Keep the history and the last quote of each symbol."""
    for lane in ticks.lanes:
        first, last = np.searchsorted(lane.numbers, (at, end))
        if first < last:
            lane.book.history.extend(lane.time_ns[first:last], lane.bid_e8[first:last], lane.ask_e8[first:last])
            lane.book.quote(int(lane.time_ns[last - 1]), int(lane.bid_e8[last - 1]), int(lane.ask_e8[last - 1]))
