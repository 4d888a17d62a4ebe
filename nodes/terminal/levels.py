"""Distances: stop levels, freeze levels, the right side of the market, expirations (MQL5 article 2555)."""

from nodes.terminal import names
from nodes.terminal.book import SymbolBook
from nodes.terminal.records import Position, TradeRequest
from nodes.terminal.retcodes import OK
from nodes.terminal.server_time import ServerClock
from nodes.terminal.symbols import SymbolSpec

PRICE_MAX_E8 = 10**17
"""A thousand million: nothing costs more, and sums stay within 64 bits."""

_EXPIRATION_FLAGS = {
    names.ORDER_TIME_GTC: 1,
    names.ORDER_TIME_DAY: 2,
    names.ORDER_TIME_SPECIFIED: 4,
    names.ORDER_TIME_SPECIFIED_DAY: 8,
}
"""ORDER_TIME_* to SYMBOL_EXPIRATION_*."""


def exit_refusal(spec: SymbolSpec, is_buy: bool, price_e8: int, sl_e8: int, tp_e8: int) -> int:
    """Stops of a position seen from the price at which it would be left (or a pending order's own); 0 is no level."""
    step_e8 = spec.price_step_e8
    if not (0 <= sl_e8 <= PRICE_MAX_E8 and 0 <= tp_e8 <= PRICE_MAX_E8) or sl_e8 % step_e8 or tp_e8 % step_e8:
        return names.TRADE_RETCODE_INVALID_STOPS
    distance_e8 = max(1, spec.stops_level) * spec.point_e8
    sign = 1 if is_buy else -1
    if sl_e8 and sign * (price_e8 - sl_e8) < distance_e8:
        return names.TRADE_RETCODE_INVALID_STOPS
    if tp_e8 and sign * (tp_e8 - price_e8) < distance_e8:
        return names.TRADE_RETCODE_INVALID_STOPS
    return OK


def pending_price_refusal(book: SymbolBook, kind: int, request: TradeRequest) -> int:
    """Prices of a pending order: on the right side of the market (10015) and far enough from it (10016), stops too."""
    spec = book.spec
    step_e8 = spec.price_step_e8
    if not 0 < request.price_e8 <= PRICE_MAX_E8 or request.price_e8 % step_e8:
        return names.TRADE_RETCODE_INVALID_PRICE
    is_buy = kind % 2 == 0
    market_e8 = book.ask_e8 if is_buy else book.bid_e8
    is_limit = kind in (names.ORDER_TYPE_BUY_LIMIT, names.ORDER_TYPE_SELL_LIMIT)
    # a buy limit lies below the market and a buy stop above it; sells the other way round
    away_e8 = market_e8 - request.price_e8 if is_buy == is_limit else request.price_e8 - market_e8
    if away_e8 <= 0:
        return names.TRADE_RETCODE_INVALID_PRICE
    if away_e8 < spec.stops_level * spec.point_e8:
        return names.TRADE_RETCODE_INVALID_STOPS
    entry_e8 = request.price_e8
    if kind in (names.ORDER_TYPE_BUY_STOP_LIMIT, names.ORDER_TYPE_SELL_STOP_LIMIT):
        entry_e8 = request.stoplimit_e8
        below_e8 = request.price_e8 - entry_e8 if is_buy else entry_e8 - request.price_e8
        if entry_e8 <= 0 or entry_e8 % step_e8 or below_e8 < 0:
            return names.TRADE_RETCODE_INVALID_PRICE
    return exit_refusal(spec, is_buy, entry_e8, request.sl_e8, request.tp_e8)


def is_frozen(book: SymbolBook, position: Position) -> bool:
    """Whether a level of a position is so near that the position may not be touched any more."""
    freeze_e8 = book.spec.freeze_level * book.spec.point_e8
    if not freeze_e8 or not book.has_quote:
        return False
    market_e8 = book.bid_e8 if position.type == names.POSITION_TYPE_BUY else book.ask_e8
    return any(level_e8 and abs(market_e8 - level_e8) <= freeze_e8 for level_e8 in (position.sl_e8, position.tp_e8))


def is_order_frozen(book: SymbolBook, order_type: int, price_e8: int) -> bool:
    """Whether a pending order is so near to its activation that it may not be touched any more."""
    freeze_e8 = book.spec.freeze_level * book.spec.point_e8
    market_e8 = book.ask_e8 if order_type % 2 == 0 else book.bid_e8
    return bool(freeze_e8) and book.has_quote and abs(market_e8 - price_e8) <= freeze_e8


def expires_ns(clock: ServerClock, request: TradeRequest, now_ns: int) -> int:
    """When a pending order ends (0: never): DAY and SPECIFIED_DAY at the end of a day of the server's clock."""
    if request.type_time == names.ORDER_TIME_DAY:
        return clock.midnight_ns(clock.day(now_ns) + 1)
    if request.type_time == names.ORDER_TIME_SPECIFIED:
        return request.expiration_ns
    if request.type_time == names.ORDER_TIME_SPECIFIED_DAY:
        return clock.midnight_ns(clock.day(request.expiration_ns) + 1)
    return 0


def expiration_refusal(spec: SymbolSpec, clock: ServerClock, request: TradeRequest, now_ns: int) -> int:
    """How long a pending order stands: a kind the symbol allows, and an end still to come."""
    if not _EXPIRATION_FLAGS.get(request.type_time, 0) & spec.expiration_mode:
        return names.TRADE_RETCODE_INVALID_EXPIRATION
    if request.type_time != names.ORDER_TIME_GTC and expires_ns(clock, request, now_ns) <= now_ns:
        return names.TRADE_RETCODE_INVALID_EXPIRATION
    return OK
