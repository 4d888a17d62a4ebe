"""The terminal's functions about an account: its money, positions, orders and history."""

from collections.abc import Iterable

from mesh.units import SECOND_NS
from nodes.terminal import names
from nodes.terminal.calls import NO_ARGUMENTS, Call, Failure, Function, arguments
from nodes.terminal.export import Row, account_row, deal_row, order_row, position_row
from nodes.terminal.lasterror import FAILED, INVALID_PARAMS
from nodes.terminal.records import DEAL, HISTORY_ORDER, ORDER, POSITION, Deal, Order, Position

_MONEY_LIMIT_E8 = 2**63
"""What is sent as a number has 64 bits."""


def account_info(call: Call) -> Row:
    """An AccountInfo."""
    return account_row(call.account)


def _positions(call: Call) -> list[Position]:
    if not call.session.hides:
        return list(call.account.positions.values())
    return [position for position in call.account.positions.values() if call.sees(POSITION, position.ticket)]


def _orders(call: Call) -> list[Order]:
    if not call.session.hides:
        return list(call.account.orders.values())
    return [order for order in call.account.orders.values() if call.sees(ORDER, order.ticket)]


def _done(call: Call, orders: Iterable[Order]) -> list[Order]:
    return [order for order in orders if call.sees(HISTORY_ORDER, order.ticket)]


def _dealt(call: Call, deals: Iterable[Deal]) -> list[Deal]:
    return [deal for deal in deals if call.sees(DEAL, deal.ticket)]


def positions_total(call: Call) -> int:
    """How many positions are open."""
    return len(_positions(call)) if call.session.hides else len(call.account.positions)


def positions_get(call: Call, ticket: int, symbol: str) -> list[Row]:
    """Positions of a ticket, else of a symbol, else all; 0 and "" are not given."""
    if ticket:
        named = call.account.positions.get(ticket)
        found = [] if named is None or not call.sees(POSITION, ticket) else [named]
    else:
        found = [position for position in _positions(call) if symbol in ("", position.symbol)]
    return [position_row(call.terminal.clock, call.account, position) for position in found]


def orders_total(call: Call) -> int:
    """How many orders are live."""
    return len(_orders(call)) if call.session.hides else len(call.account.orders)


def orders_get(call: Call, ticket: int, symbol: str) -> list[Row]:
    """Live orders of a ticket, else of a symbol, else all; 0 and "" are not given."""
    if ticket:
        named = call.account.orders.get(ticket)
        found = [] if named is None or not call.sees(ORDER, ticket) else [named]
    else:
        found = [order for order in _orders(call) if symbol in ("", order.symbol)]
    return [order_row(call.terminal.clock, order, call.terminal.books[order.symbol]) for order in found]


def _history_orders(call: Call, from_s: int, to_s: int) -> list[Order]:
    return _done(call, call.terminal.history_orders(call.account.login, *_span_ns(call, from_s, to_s)))


def _deals(call: Call, from_s: int, to_s: int) -> list[Deal]:
    return _dealt(call, call.terminal.deals(call.account.login, *_span_ns(call, from_s, to_s)))


def _span_ns(call: Call, from_s: int, to_s: int) -> tuple[int, int]:
    """Whole seconds of server time, both included, as market time."""
    clock = call.terminal.clock
    return clock.market_ns(from_s * SECOND_NS), clock.market_ns((to_s + 1) * SECOND_NS) - 1


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
        found = _done(call, account.history_positions.get(position, []))
    else:
        found = _history_orders(call, from_s, to_s)
    return [order_row(call.terminal.clock, order, None) for order in found]


def history_deals_get(call: Call, from_s: int, to_s: int, ticket: int, position: int) -> list[Row]:
    """Deals of an order's ticket, else of a position, else of a span of server time."""
    account = call.account
    if ticket:
        order = account.history_tickets.get(ticket) or account.orders.get(ticket)
        ids = () if order is None else (order.position_id, order.position_by_id)
        found = _dealt(call, [deal for id_ in ids for deal in account.deals_of_position.get(id_, []) if deal.order == ticket])
    elif position:
        found = _dealt(call, account.deals_of_position.get(position, []))
    else:
        found = _deals(call, from_s, to_s)
    return [deal_row(call.terminal.clock, deal) for deal in found]


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
