"""One symbol on the server: its quote, and the price levels at which something of somebody triggers.

Levels wait in four heaps, one for each way a quote can reach them, so that a tick looks at four numbers and a change
costs O(log n). A level that was moved or is gone stays in its heap until it is met or swept: each entry is checked
against the books when it is met.
"""

import heapq
from collections.abc import Callable

from nodes.terminal import names
from nodes.terminal.history import History
from nodes.terminal.symbols import SymbolSpec

STOP_LOSS = 1
TAKE_PROFIT = 2
ACTIVATION = 3
"""A pending order's own price."""
STOP_STAGE = 4
"""The stop price of a stop-limit order, at which it becomes a limit order: what is left of it in a heap is no limit price."""

Level = tuple[int, int, int, int, int]
"""(heap key, login, ticket, one of the kinds above, price_e8)."""

BID_FALLS, BID_RISES, ASK_FALLS, ASK_RISES = 0, 1, 2, 3
"""The heaps, in the order in which a tick works them: down to a level on the bid, up to it, the same on the ask."""

_SWEEP_COUNT = 64
"""A heap is swept of dead entries when it has doubled since, but never below this size."""

_PENDING_HEAPS: dict[int, int] = {
    names.ORDER_TYPE_BUY_LIMIT: ASK_FALLS,
    names.ORDER_TYPE_BUY_STOP: ASK_RISES,
    names.ORDER_TYPE_BUY_STOP_LIMIT: ASK_RISES,
    names.ORDER_TYPE_SELL_LIMIT: BID_RISES,
    names.ORDER_TYPE_SELL_STOP: BID_FALLS,
    names.ORDER_TYPE_SELL_STOP_LIMIT: BID_FALLS,
}
"""Buys are triggered by the ask, sells by the bid (MetaTrader 5 help, "Types of orders")."""


def activation_kind(order_type: int) -> int:
    """As what a pending order's price waits: ``ACTIVATION`` or ``STOP_STAGE``."""
    return STOP_STAGE if order_type in (names.ORDER_TYPE_BUY_STOP_LIMIT, names.ORDER_TYPE_SELL_STOP_LIMIT) else ACTIVATION


def exit_heap(position_type: int, kind: int) -> int:
    """Where a position's stop loss or take profit waits: longs leave at the bid, shorts at the ask."""
    if position_type == names.POSITION_TYPE_BUY:
        return BID_FALLS if kind == STOP_LOSS else BID_RISES
    return ASK_RISES if kind == STOP_LOSS else ASK_FALLS


class SymbolBook:
    """Quote, levels and history of one symbol.

    ``bid_low_e8`` … ``ask_high_e8`` are the range of the quote: one point in time, except while a block of ticks is looked
    over as a whole. ``is_live`` tells whether (login, ticket, kind, price) still stands in somebody's books.
    """

    __slots__ = (
        "_heaps",
        "_is_live",
        "_sweep_at",
        "ask_e8",
        "ask_high_e8",
        "ask_low_e8",
        "bid_e8",
        "bid_high_e8",
        "bid_low_e8",
        "exposed",
        "history",
        "resting",
        "spec",
        "time_ns",
    )

    def __init__(self, spec: SymbolSpec, history: History, is_live: Callable[[int, int, int, int], bool]) -> None:
        self.spec = spec
        self.history = history
        self._is_live = is_live
        self._heaps: tuple[list[Level], ...] = ([], [], [], [])
        self._sweep_at = [_SWEEP_COUNT] * 4
        self.bid_e8 = self.ask_e8 = self.time_ns = 0
        self.bid_low_e8 = self.bid_high_e8 = self.ask_low_e8 = self.ask_high_e8 = 0
        self.exposed: dict[int, int] = {}
        """Login → how many of its symbols in use are valued with this quote."""
        self.resting: dict[tuple[int, int], None] = {}
        """(login, ticket) of orders filled in part whose rest takes what each quote brings."""

    def quote(self, time_ns: int, bid_e8: int, ask_e8: int) -> None:
        """Take a new quote."""
        self.time_ns = time_ns
        self.bid_e8 = self.bid_low_e8 = self.bid_high_e8 = bid_e8
        self.ask_e8 = self.ask_low_e8 = self.ask_high_e8 = ask_e8

    def widen(self, bid_low_e8: int, bid_high_e8: int, ask_low_e8: int, ask_high_e8: int) -> None:
        """Let the range also cover quotes still to come; ``narrow`` takes it back."""
        self.bid_low_e8 = min(self.bid_e8, bid_low_e8)
        self.bid_high_e8 = max(self.bid_e8, bid_high_e8)
        self.ask_low_e8 = min(self.ask_e8, ask_low_e8)
        self.ask_high_e8 = max(self.ask_e8, ask_high_e8)

    def narrow(self) -> None:
        """The range is the quote again."""
        self.bid_low_e8 = self.bid_high_e8 = self.bid_e8
        self.ask_low_e8 = self.ask_high_e8 = self.ask_e8

    @property
    def has_quote(self) -> bool:
        """Whether a tick has come since the start."""
        return self.bid_e8 != 0

    @property
    def is_idle(self) -> bool:
        """Nobody holds, waits for or is valued by this symbol."""
        return not (self.exposed or self.resting or any(self._heaps))

    def put_exit(self, login: int, ticket: int, position_type: int, kind: int, price_e8: int) -> None:
        """A position's stop loss or take profit waits at a price."""
        self._put(exit_heap(position_type, kind), login, ticket, kind, price_e8)

    def put_activation(self, login: int, ticket: int, order_type: int, price_e8: int) -> None:
        """A pending order waits at its price."""
        self._put(_PENDING_HEAPS[order_type], login, ticket, activation_kind(order_type), price_e8)

    def _put(self, which: int, login: int, ticket: int, kind: int, price_e8: int) -> None:
        heap = self._heaps[which]
        if len(heap) >= self._sweep_at[which]:
            heap[:] = [level for level in heap if self._is_live(*level[1:])]
            heapq.heapify(heap)
            self._sweep_at[which] = max(_SWEEP_COUNT, 2 * len(heap))
        key = -price_e8 if which in (BID_FALLS, ASK_FALLS) else price_e8
        heapq.heappush(heap, (key, login, ticket, kind, price_e8))

    @property
    def is_quiet(self) -> bool:
        """No level lies within the range of the quote."""
        bid_falls, bid_rises, ask_falls, ask_rises = self._heaps
        return not (
            (bid_falls and bid_falls[0][0] <= -self.bid_low_e8)
            or (bid_rises and bid_rises[0][0] <= self.bid_high_e8)
            or (ask_falls and ask_falls[0][0] <= -self.ask_low_e8)
            or (ask_rises and ask_rises[0][0] <= self.ask_high_e8)
        )

    def take_met(self) -> tuple[int, int, int] | None:
        """The next level the quote has reached, as (login, ticket, kind), out of its heap; None when there is none."""
        limits_e8 = (-self.bid_e8, self.bid_e8, -self.ask_e8, self.ask_e8)
        for heap, limit_e8 in zip(self._heaps, limits_e8, strict=True):
            while heap and heap[0][0] <= limit_e8:
                _, login, ticket, kind, price_e8 = heapq.heappop(heap)
                if self._is_live(login, ticket, kind, price_e8):
                    return login, ticket, kind
        return None
