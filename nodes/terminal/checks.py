"""Whether a request may be executed: one retcode, the same for order_check and order_send.

``refusal`` answers 0 for a request that stands. The rules are those of the facts (mt5.md §2) and MQL5 article 2555 (stops and
freeze levels). Requotes are not here: order_check knows nothing of them.
"""

from collections.abc import Callable

import msgspec

from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.funds import has_money
from nodes.terminal.levels import (
    exit_refusal,
    expiration_refusal,
    expires_ns,
    is_frozen,
    is_order_frozen,
    pending_price_refusal,
)
from nodes.terminal.matching import is_buy_order, opposite, position_of
from nodes.terminal.records import Order, Position, TradeRequest
from nodes.terminal.retcodes import HEDGE_PROHIBITED, OK
from nodes.terminal.server_time import ServerClock
from nodes.terminal.symbols import (
    SYMBOL_FILLING_BOC,
    SYMBOL_FILLING_FOK,
    SYMBOL_FILLING_IOC,
    SYMBOL_ORDER_CLOSEBY,
    SymbolSpec,
)

_PRICED = (names.SYMBOL_TRADE_EXECUTION_REQUEST, names.SYMBOL_TRADE_EXECUTION_INSTANT)
"""Executions in which the request's price counts."""
_LIMITS = (
    names.ORDER_TYPE_BUY_LIMIT,
    names.ORDER_TYPE_SELL_LIMIT,
    names.ORDER_TYPE_BUY_STOP_LIMIT,
    names.ORDER_TYPE_SELL_STOP_LIMIT,
)
_FILLING_FLAGS = {
    names.ORDER_FILLING_FOK: SYMBOL_FILLING_FOK,
    names.ORDER_FILLING_IOC: SYMBOL_FILLING_IOC,
    names.ORDER_FILLING_BOC: SYMBOL_FILLING_BOC,
}


_ORDER_FLAGS = {
    names.ORDER_TYPE_BUY: 1,
    names.ORDER_TYPE_SELL: 1,
    names.ORDER_TYPE_BUY_LIMIT: 2,
    names.ORDER_TYPE_SELL_LIMIT: 2,
    names.ORDER_TYPE_BUY_STOP: 4,
    names.ORDER_TYPE_SELL_STOP: 4,
    names.ORDER_TYPE_BUY_STOP_LIMIT: 8,
    names.ORDER_TYPE_SELL_STOP_LIMIT: 8,
}
"""ORDER_TYPE_* to SYMBOL_ORDER_* of a symbol's order_mode."""


class Asked(msgspec.Struct, frozen=True):
    """A request with what it is about. ``book`` is None for a symbol the server does not know."""

    account: Account
    book: SymbolBook | None
    request: TradeRequest
    now_ns: int
    clock: ServerClock


def is_priced(spec: SymbolSpec) -> bool:
    """Whether a market order must carry the current price (instant and request execution)."""
    return spec.exemode in _PRICED


def refusal(asked: Asked) -> int:
    """The retcode a request is refused with, or 0."""
    account, request, book = asked.account, asked.request, asked.book
    config = account.config
    if not config.trade_allowed:
        return names.TRADE_RETCODE_TRADE_DISABLED
    if not config.trade_expert:
        return names.TRADE_RETCODE_SERVER_DISABLES_AT
    rule = _RULES.get(request.action)
    if rule is None:
        return names.TRADE_RETCODE_INVALID
    if book is None:
        return _bookless_refusal(account, request)
    if book.spec.trade_mode == names.SYMBOL_TRADE_MODE_DISABLED and request.action != names.TRADE_ACTION_REMOVE:
        return names.TRADE_RETCODE_TRADE_DISABLED
    return rule(asked, book) or _market_refusal(asked, book)


def _bookless_refusal(account: Account, request: TradeRequest) -> int:
    """A request without a symbol the server knows: what it is about brings its own, so that is gone, or nothing is said."""
    if request.action in (names.TRADE_ACTION_MODIFY, names.TRADE_ACTION_REMOVE):
        return names.TRADE_RETCODE_INVALID_ORDER
    is_of_position = request.action in (names.TRADE_ACTION_SLTP, names.TRADE_ACTION_CLOSE_BY)
    if is_of_position and request.position and request.position not in account.positions:
        return names.TRADE_RETCODE_POSITION_CLOSED
    return names.TRADE_RETCODE_INVALID


def _market_refusal(asked: Asked, book: SymbolBook) -> int:
    """Closed hours hold for every action, and so does the end of a symbol whose quotes have ended."""
    if asked.now_ns > book.spec.end_ns:
        return names.TRADE_RETCODE_MARKET_CLOSED
    if book.spec.sessions and not book.spec.is_open(asked.clock.server_ns(asked.now_ns)):
        return names.TRADE_RETCODE_MARKET_CLOSED
    return OK


def _deal(asked: Asked, book: SymbolBook) -> int:
    account, request, spec = asked.account, asked.request, book.spec
    if request.type > names.ORDER_TYPE_SELL or not spec.order_mode & _ORDER_FLAGS.get(request.type, 0):
        return names.TRADE_RETCODE_INVALID
    position = position_of(account, request.symbol, request.position)
    is_reducing = position is not None and position.type != request.type
    is_whole = position is not None and is_reducing and request.volume_e8 == position.volume_e8
    code = _volume_refusal(spec, request, is_whole) or _filling_refusal(spec, request)
    if code:
        return code
    if request.price_e8 < 0 or (spec.exemode in _PRICED and not _is_price(spec, request.price_e8)):
        return names.TRADE_RETCODE_INVALID_PRICE
    if not book.has_quote:
        return names.TRADE_RETCODE_PRICE_OFF
    if request.position:
        code = _named_refusal(asked, position)
        if code:
            return code
    if position is not None and is_reducing and is_frozen(book, position):
        return names.TRADE_RETCODE_FROZEN
    opening_e8 = opening_volume_e8(account, position, request)
    if opening_e8 == 0:
        return OK
    return _opening_refusal(asked, book, opening_e8, position)


def _named_refusal(asked: Asked, position: Position | None) -> int:
    """Rules for a deal that names the position it closes (needed when hedging, optional when netting)."""
    account, request = asked.account, asked.request
    if position is None or position.ticket != request.position:
        return names.TRADE_RETCODE_POSITION_CLOSED
    if position.symbol != request.symbol:
        return names.TRADE_RETCODE_INVALID
    if not account.is_hedging:
        return OK
    if position.type == request.type:
        return names.TRADE_RETCODE_INVALID
    if request.volume_e8 > position.volume_e8:
        return names.TRADE_RETCODE_INVALID_CLOSE_VOLUME
    return _closing_refusal(account, position)


def _closing_refusal(account: Account, *closed: Position) -> int:
    """What stands against closing these: a close that is only placed yet, or by FIFO an older position of their symbol."""
    if not account.orders and not account.config.fifo_close:
        return OK
    identifiers = [position.identifier for position in closed]
    if any(order.execution_ns and order.position_id in identifiers for order in account.orders.values()):
        return names.TRADE_RETCODE_CLOSE_ORDER_EXIST
    if account.config.fifo_close:
        others = [position for position in account.positions.values() if position.symbol == closed[0].symbol and position not in closed]
        if any(other.identifier < max(identifiers) for other in others):
            return names.TRADE_RETCODE_FIFO_CLOSE
    return OK


def opening_volume_e8(account: Account, position: Position | None, request: TradeRequest) -> int:
    """How much of a deal adds exposure: none of a close, what is left over of a netting reversal."""
    if position is None or position.type == request.type:
        return request.volume_e8
    if account.is_hedging:
        return 0
    return max(0, request.volume_e8 - position.volume_e8)


def _opening_refusal(asked: Asked, book: SymbolBook, opening_e8: int, position: Position | None) -> int:
    account, request, spec = asked.account, asked.request, book.spec
    is_buy = is_buy_order(request.type)
    code = OK
    if spec.trade_mode != names.SYMBOL_TRADE_MODE_FULL:
        code = _direction_refusal(spec, is_buy)
    if not code and spec.volume_limit_e8:
        code = _limit_refusal(account, spec, is_buy, opening_e8)
    if code:
        return code
    if account.is_hedging and 0 < account.config.limit_positions <= len(account.positions):
        return names.TRADE_RETCODE_LIMIT_POSITIONS
    if account.is_hedging and not account.config.hedge_allowed and _holds_opposite(account, request):
        return HEDGE_PROHIBITED
    if request.sl_e8 or request.tp_e8:
        code = exit_refusal(spec, is_buy, book.bid_e8 if is_buy else book.ask_e8, request.sl_e8, request.tp_e8)
        if code:
            return code
    price_e8 = book.ask_e8 if is_buy else book.bid_e8
    if not account.route(spec.currency_profit).is_ready or not account.route(spec.currency_margin).is_ready:
        return names.TRADE_RETCODE_PRICE_OFF
    return OK if has_money(account, book, is_buy, request.volume_e8, price_e8, position) else names.TRADE_RETCODE_NO_MONEY


def _holds_opposite(account: Account, request: TradeRequest) -> bool:
    exposure = account.exposures.get(request.symbol)
    if exposure is None:
        return False
    return bool(exposure.short_volume_e8 if is_buy_order(request.type) else exposure.long_volume_e8)


def _pending(asked: Asked, book: SymbolBook) -> int:
    account, request, spec = asked.account, asked.request, book.spec
    if request.type < names.ORDER_TYPE_BUY_LIMIT or not spec.order_mode & _ORDER_FLAGS.get(request.type, 0):
        return names.TRADE_RETCODE_INVALID
    code = _volume_refusal(spec, request, is_whole=False) or _filling_refusal(spec, request)
    if code:
        return code
    code = expiration_refusal(spec, asked.clock, request, asked.now_ns)
    code = code or _direction_refusal(spec, is_buy_order(request.type))
    if code:
        return code
    if not book.has_quote:
        return names.TRADE_RETCODE_PRICE_OFF
    code = pending_price_refusal(book, request.type, request)
    if code:
        return code
    if len(account.orders) >= account.config.limit_orders > 0:
        return names.TRADE_RETCODE_LIMIT_ORDERS
    return _limit_refusal(account, spec, is_buy_order(request.type), request.volume_e8)


def _exits(asked: Asked, book: SymbolBook) -> int:
    """SLTP: both levels of a position, 0 takes one away."""
    account, request = asked.account, asked.request
    position = position_of(account, request.symbol, request.position)
    if position is None or (request.position and position.ticket != request.position):
        return names.TRADE_RETCODE_POSITION_CLOSED
    if position.symbol != book.spec.name:
        return names.TRADE_RETCODE_INVALID
    if (position.sl_e8, position.tp_e8) == (request.sl_e8, request.tp_e8):
        return names.TRADE_RETCODE_NO_CHANGES
    if not book.has_quote:
        return names.TRADE_RETCODE_PRICE_OFF
    if is_frozen(book, position):
        return names.TRADE_RETCODE_FROZEN
    is_buy = position.type == names.POSITION_TYPE_BUY
    # a level that stays as it is may be nearer to the market by now than a new one may be set
    sl_e8 = request.sl_e8 if request.sl_e8 != position.sl_e8 else 0
    tp_e8 = request.tp_e8 if request.tp_e8 != position.tp_e8 else 0
    return exit_refusal(book.spec, is_buy, book.bid_e8 if is_buy else book.ask_e8, sl_e8, tp_e8)


def _modify(asked: Asked, book: SymbolBook) -> int:
    request = asked.request
    order = asked.account.orders.get(request.order)
    if order is None or order.state != names.ORDER_STATE_PLACED or order.execution_ns:
        return names.TRADE_RETCODE_INVALID_ORDER
    if not book.has_quote:
        return names.TRADE_RETCODE_PRICE_OFF
    if is_order_frozen(book, order.type, order.price_open_e8):
        return names.TRADE_RETCODE_FROZEN
    if _is_unchanged(order, asked):
        return names.TRADE_RETCODE_NO_CHANGES
    code = expiration_refusal(book.spec, asked.clock, request, asked.now_ns)
    return code or pending_price_refusal(book, order.type, request)


def _is_unchanged(order: Order, asked: Asked) -> bool:
    request = asked.request
    return (
        order.price_open_e8 == request.price_e8
        and order.sl_e8 == request.sl_e8
        and order.tp_e8 == request.tp_e8
        and order.price_stoplimit_e8 == request.stoplimit_e8
        and order.type_time == request.type_time
        and order.expiration_ns == expires_ns(asked.clock, request, asked.now_ns)
    )


def _remove(asked: Asked, book: SymbolBook) -> int:
    order = asked.account.orders.get(asked.request.order)
    if order is None:
        return names.TRADE_RETCODE_INVALID_ORDER
    is_waiting = order.state == names.ORDER_STATE_PLACED and not order.execution_ns
    if is_waiting and book.has_quote and is_order_frozen(book, order.type, order.price_open_e8):
        return names.TRADE_RETCODE_FROZEN
    return OK


def _close_by(asked: Asked, book: SymbolBook) -> int:
    account, request = asked.account, asked.request
    if not account.is_hedging:
        return names.TRADE_RETCODE_INVALID
    position, other = account.positions.get(request.position), account.positions.get(request.position_by)
    if position is None or other is None:
        return names.TRADE_RETCODE_POSITION_CLOSED
    if not position.symbol == other.symbol == book.spec.name or position.type != opposite(other.type):
        return names.TRADE_RETCODE_INVALID
    if not book.spec.order_mode & SYMBOL_ORDER_CLOSEBY:
        return names.TRADE_RETCODE_INVALID
    if is_frozen(book, position) or is_frozen(book, other):
        return names.TRADE_RETCODE_FROZEN
    return _closing_refusal(account, position, other)


_RULES: dict[int, Callable[[Asked, SymbolBook], int]] = {
    names.TRADE_ACTION_DEAL: _deal,
    names.TRADE_ACTION_PENDING: _pending,
    names.TRADE_ACTION_SLTP: _exits,
    names.TRADE_ACTION_MODIFY: _modify,
    names.TRADE_ACTION_REMOVE: _remove,
    names.TRADE_ACTION_CLOSE_BY: _close_by,
}


def _is_price(spec: SymbolSpec, price_e8: int) -> bool:
    return price_e8 > 0 and price_e8 % spec.price_step_e8 == 0


def _volume_refusal(spec: SymbolSpec, request: TradeRequest, is_whole: bool) -> int:
    """``is_whole``: the deal closes all there is of a position, be that less than the least or off the step."""
    volume_e8 = request.volume_e8
    is_stepped = is_whole or (spec.volume_min_e8 <= volume_e8 and volume_e8 % spec.volume_step_e8 == 0)
    return OK if is_stepped and volume_e8 <= spec.volume_max_e8 else names.TRADE_RETCODE_INVALID_VOLUME


def _filling_refusal(spec: SymbolSpec, request: TradeRequest) -> int:
    """Filling by execution and flags (MQL5 reference, ENUM_ORDER_TYPE_FILLING; MQL5 book, "Order execution modes by volume").

    Instant and request execution take all but BOC. RETURN: never for a market order in market execution, else always. BOC:
    limit and stop-limit orders only, where flagged.
    """
    filling, is_market = request.type_filling, request.action == names.TRADE_ACTION_DEAL
    if filling == names.ORDER_FILLING_RETURN:
        is_allowed = not (is_market and spec.exemode == names.SYMBOL_TRADE_EXECUTION_MARKET)
    elif filling == names.ORDER_FILLING_BOC:
        is_allowed = request.type in _LIMITS and bool(spec.filling_mode & SYMBOL_FILLING_BOC)
    elif filling in _FILLING_FLAGS:
        is_allowed = is_priced(spec) or bool(spec.filling_mode & _FILLING_FLAGS[filling])
    else:
        is_allowed = False
    return OK if is_allowed else names.TRADE_RETCODE_INVALID_FILL


def _direction_refusal(spec: SymbolSpec, is_buy: bool) -> int:
    """What the symbol's trade mode has against opening in a direction."""
    mode = spec.trade_mode
    if mode == names.SYMBOL_TRADE_MODE_FULL:
        return OK
    if mode == names.SYMBOL_TRADE_MODE_CLOSEONLY:
        return names.TRADE_RETCODE_CLOSE_ONLY
    if mode == names.SYMBOL_TRADE_MODE_LONGONLY and not is_buy:
        return names.TRADE_RETCODE_LONG_ONLY
    if mode == names.SYMBOL_TRADE_MODE_SHORTONLY and is_buy:
        return names.TRADE_RETCODE_SHORT_ONLY
    return OK


def _limit_refusal(account: Account, spec: SymbolSpec, is_buy: bool, volume_e8: int) -> int:
    """volume_limit: the most lots of positions and orders in one direction."""
    if not spec.volume_limit_e8:
        return OK
    exposure = account.exposures.get(spec.name)
    if exposure is not None:
        volume_e8 += exposure.long_volume_e8 if is_buy else exposure.short_volume_e8
    for order in account.orders.values():
        if order.symbol == spec.name and is_buy_order(order.type) == is_buy:
            volume_e8 += order.volume_current_e8
    return names.TRADE_RETCODE_LIMIT_VOLUME if volume_e8 > spec.volume_limit_e8 else OK
