"""What a terminal shows while it has lost its server: what it showed last, until it is connected again.

The server goes on meanwhile: stops are met, orders expire. Quotes, account, positions and live orders stand as they were, history, ticks
and bars end there (``Call.until_ns``). What the terminal works out itself (order_check, order_calc_*, the market book) does not stand.
"""

from collections.abc import Callable
from typing import Any

from nodes.terminal.calls import Call, Failure
from nodes.terminal.export import Row, symbol_row, tick_row
from nodes.terminal.fields import FIELDS
from nodes.terminal.lasterror import NOT_FOUND
from nodes.terminal.reads import account_info, orders_get, positions_get
from nodes.terminal.session import DISCONNECTED

_POSITION_SYMBOL_AT = FIELDS["TradePosition"].index("symbol")
_ORDER_SYMBOL_AT = FIELDS["TradeOrder"].index("symbol")
_SELECT_AT, _VISIBLE_AT = (FIELDS["SymbolInfo"].index(field) for field in ("select", "visible"))


class Standstill:
    """The rows of the moment at which the server was lost. ``functions`` answer in the place of those that look at the server."""

    def __init__(self, call: Call) -> None:
        books = call.terminal.books
        self.ns = call.now_ns
        self._account = account_info(call)
        self._positions = positions_get(call, 0, "")
        self._orders = orders_get(call, 0, "")
        self._ticks = {name: tick_row(call.terminal.clock, book) for name, book in books.items() if book.has_quote}
        self._symbols = {name: symbol_row(call.terminal, call.account, book, False) for name, book in books.items()}
        self.functions: dict[str, Callable[..., Any]] = {
            "account_info": lambda call: self._account,
            "positions_total": lambda call: len(self._positions),
            "positions_get": lambda call, *picked: _picked(self._positions, _POSITION_SYMBOL_AT, *picked),
            "orders_total": lambda call: len(self._orders),
            "orders_get": lambda call, *picked: _picked(self._orders, _ORDER_SYMBOL_AT, *picked),
            "symbol_info_tick": self._tick,
            "symbol_info": self._symbol,
            "symbols_get": lambda call: [self._symbol(call, name) for name in self._symbols],
        }

    def _tick(self, call: Call, symbol: str) -> Row:
        if not call.session.selected.get(symbol) or symbol not in self._ticks:
            raise Failure(NOT_FOUND)
        return self._ticks[symbol]

    def _symbol(self, call: Call, symbol: str) -> Row:
        call.book(symbol)
        row = list(self._symbols[symbol])
        row[_SELECT_AT] = row[_VISIBLE_AT] = call.session.selected[symbol]
        return row


def _picked(rows: list[Row], symbol_at: int, ticket: int, symbol: str) -> list[Row]:
    if ticket:
        return [row for row in rows if row[0] == ticket]
    return [row for row in rows if symbol in ("", row[symbol_at])]


def standing(call: Call) -> dict[str, Callable[..., Any]]:
    """The functions that show the past while the server is lost; none of them while it is there."""
    session = call.session
    if not call.is_in(DISCONNECTED):
        session.standstill = None
        return {}
    session.standstill = session.standstill or Standstill(call)
    return session.standstill.functions
