"""The terminal's functions about an account: its money, positions, orders and history."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from mesh.units import NEVER, SECOND_NS
from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.calls import NO_ARGUMENTS, Call, Failure, Function, arguments
from nodes.terminal.export import Row, account_row, order_row, position_row
from nodes.terminal.lasterror import FAILED, INVALID_PARAMS
from nodes.terminal.records import DEAL, HISTORY_ORDER, ORDER, POSITION, Deal, Order
from nodes.terminal.session import Live

_MONEY_LIMIT_E8 = 2**63
"""What is sent as a number has 64 bits."""


def account_info(call: Call) -> Row:
    """An AccountInfo."""
    return account_row(call.account)


def positions_total(call: Call) -> int:
    """How many positions are open."""
    return len(call.shown(POSITION, call.account.positions))


def positions_get(call: Call, ticket: int, symbol: str) -> list[Row]:
    """Positions of a ticket, else of a symbol, else all; 0 and "" are not given."""
    clock, account = call.terminal.clock, call.account
    return [position_row(clock, account, position) for position in _picked(call.shown(POSITION, account.positions), ticket, symbol)]


def orders_total(call: Call) -> int:
    """How many orders are live."""
    return len(call.shown(ORDER, call.account.orders))


def orders_get(call: Call, ticket: int, symbol: str) -> list[Row]:
    """Live orders of a ticket, else of a symbol, else all; 0 and "" are not given."""
    found = _picked(call.shown(ORDER, call.account.orders), ticket, symbol)
    return [order_row(call.terminal.clock, order, call.terminal.books[order.symbol]) for order in found]


def _picked(rows: Mapping[int, Live], ticket: int, symbol: str) -> list[Live]:
    if ticket:
        return [rows[ticket]] if ticket in rows else []
    return [row for row in rows.values() if symbol in ("", row.symbol)]


def _done(call: Call, orders: Iterable[Order]) -> list[Order]:
    until_ns = call.until_ns
    return call.known(HISTORY_ORDER, [order for order in orders if order.time_done_ns <= until_ns])


def _dealt(call: Call, deals: Iterable[Deal]) -> list[Deal]:
    until_ns = call.until_ns
    return call.known(DEAL, [deal for deal in deals if deal.time_ns <= until_ns])


def _history_orders(call: Call, from_s: int, to_s: int) -> list[Order]:
    spans_ns, login = _spans_ns(call, from_s, to_s), call.account.login
    return _done(call, [order for span in spans_ns for order in call.terminal.history_orders(login, *span)])


def _deals(call: Call, from_s: int, to_s: int) -> list[Deal]:
    spans_ns, login = _spans_ns(call, from_s, to_s), call.account.login
    return _dealt(call, [deal for span in spans_ns for deal in call.terminal.deals(login, *span)])


def _spans_ns(call: Call, from_s: int, to_s: int) -> list[tuple[int, int]]:
    """Whole seconds of server time, both included, as market time."""
    return call.terminal.clock.spans_ns(from_s * SECOND_NS, (to_s + 1) * SECOND_NS)


def history_orders_total(call: Call, from_s: int, to_s: int) -> int:
    """How many orders were done in a span of server time."""
    return len(_history_orders(call, from_s, to_s))


def history_deals_total(call: Call, from_s: int, to_s: int) -> int:
    """How many deals there were in a span of server time."""
    return len(_deals(call, from_s, to_s))


def history_orders_get(call: Call, from_s: int, to_s: int, ticket: int, position: int) -> list[Row]:
    """Done orders of a ticket, else of a position, else of a span of server time."""
    account = call.account
    if ticket:
        found = _done(call, [account.history_tickets[ticket]] if ticket in account.history_tickets else [])
    elif position:
        found = _done(call, _orders_of(account, position))
    else:
        found = _history_orders(call, from_s, to_s)
    return [order_row(call.terminal.clock, order, None) for order in found]


def history_deals_get(call: Call, from_s: int, to_s: int, ticket: int, position: int) -> list[Row]:
    """Deals of an order's ticket, else of a position, else of a span of server time."""
    account = call.account
    if ticket:
        order = account.history_tickets.get(ticket) or account.orders.get(ticket)
        found = _dealt(call, [] if order is None else _deals_of(account, order))
    elif position:
        found = _dealt(call, account.deals_of_position.get(position, []))
    else:
        found = _deals(call, from_s, to_s)
    return call.session.deal_rows.of(found)


def _orders_of(account: Account, position: int) -> list[Order]:
    """The done orders of a position in the order in which they were done: those about it, and any with a deal in it."""
    orders = {order.ticket: order for order in account.history_positions.get(position, [])}
    for deal in account.deals_of_position.get(position, []):
        if deal.order in account.history_tickets:
            orders[deal.order] = account.history_tickets[deal.order]
    return sorted(orders.values(), key=lambda order: (order.time_done_ns, order.ticket))


def _deals_of(account: Account, order: Order) -> list[Deal]:
    """The deals of an order, whatever positions they are of: a netting order may close one position and open the next."""
    # they came after it, and none after its end
    first = bisect_right(account.deals, order.ticket, key=lambda deal: deal.ticket)
    end = bisect_right(account.deals, order.time_done_ns or NEVER, key=lambda deal: deal.time_ns)
    return [deal for deal in account.deals[first:end] if deal.order == order.ticket]


def order_calc_margin(call: Call, action: int, symbol: str, volume_e8: int, price_e8: int) -> int:
    """Margin of a volume at a price, in the deposit currency."""
    _check_calculation(action, volume_e8, price_e8)
    margin_e8 = call.terminal.order_calc_margin(call.account.login, symbol, volume_e8, price_e8)
    return _shown(margin_e8)


def order_calc_profit(call: Call, action: int, symbol: str, volume_e8: int, open_e8: int, close_e8: int) -> int:
    """What a volume makes from one price to another, in the deposit currency."""
    _check_calculation(action, volume_e8, min(open_e8, close_e8))
    is_buy = action == names.ORDER_TYPE_BUY
    profit_e8 = call.terminal.order_calc_profit(call.account.login, is_buy, symbol, volume_e8, open_e8, close_e8)
    return _shown(profit_e8)


def _shown(money_e8: int | None) -> int:
    """Money that could be worked out and can be sent."""
    if money_e8 is None or abs(money_e8) >= _MONEY_LIMIT_E8:
        raise Failure(FAILED)
    return money_e8


def _check_calculation(action: int, volume_e8: int, price_e8: int) -> None:
    if action not in (names.ORDER_TYPE_BUY, names.ORDER_TYPE_SELL) or volume_e8 <= 0 or price_e8 <= 0:
        raise Failure(INVALID_PARAMS)


_SPAN = arguments(from_s=int, to_s=int)
_LIVE = arguments(ticket=int, symbol=str)
_HISTORY = arguments(from_s=int, to_s=int, ticket=int, position=int)

FUNCTIONS: dict[str, Function] = {
    "account_info": (account_info, NO_ARGUMENTS),
    "positions_total": (positions_total, NO_ARGUMENTS),
    "positions_get": (positions_get, _LIVE),
    "orders_total": (orders_total, NO_ARGUMENTS),
    "orders_get": (orders_get, _LIVE),
    "history_orders_total": (history_orders_total, _SPAN),
    "history_orders_get": (history_orders_get, _HISTORY),
    "history_deals_total": (history_deals_total, _SPAN),
    "history_deals_get": (history_deals_get, _HISTORY),
    "order_calc_margin": (
        order_calc_margin,
        arguments(action=int, symbol=str, volume_e8=int, price_e8=int),
    ),
    "order_calc_profit": (
        order_calc_profit,
        arguments(action=int, symbol=str, volume_e8=int, open_e8=int, close_e8=int),
    ),
}
