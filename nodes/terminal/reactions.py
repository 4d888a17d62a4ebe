"""What the server does by itself: stops and pending orders that a quote reaches, rests of orders, stop-out.

Each function does one of these for one account and says nothing about when: the engine decides that.
"""

import msgspec

from mesh.units import text_from_e8
from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import ACTIVATION, STOP_LOSS, STOP_STAGE, SymbolBook
from nodes.terminal.funds import has_money
from nodes.terminal.matching import close, fill, fillable_e8, is_buy_order, opposite, position_id_of, position_of
from nodes.terminal.records import Order, Position

_LIMIT_OF = {
    names.ORDER_TYPE_BUY_STOP_LIMIT: names.ORDER_TYPE_BUY_LIMIT,
    names.ORDER_TYPE_SELL_STOP_LIMIT: names.ORDER_TYPE_SELL_LIMIT,
}


def meet_level(account: Account, book: SymbolBook, ticket: int, kind: int, now_ns: int) -> None:
    """A quote has reached a level: stops close at the quote (gaps included), pending orders activate."""
    if kind in (ACTIVATION, STOP_STAGE):
        _activate(account, book, account.orders[ticket], now_ns)
        return
    position = account.positions[ticket]
    if kind == STOP_LOSS:
        reason, word, level_e8 = names.ORDER_REASON_SL, "sl", position.sl_e8
    else:
        reason, word, level_e8 = names.ORDER_REASON_TP, "tp", position.tp_e8
    comment = f"[{word} {text_from_e8(level_e8, book.spec.digits)}]"
    close(account, book, position, reason, comment, account.closing_price_e8(position), now_ns)


def _activate(account: Account, book: SymbolBook, order: Order, now_ns: int) -> None:
    """A stop-limit order becomes a limit order; any other is filled at the quote: a stop with the gap, a limit no worse."""
    limit_type = _LIMIT_OF.get(order.type)
    if limit_type is not None:
        order = msgspec.structs.replace(order, type=limit_type, price_open_e8=order.price_stoplimit_e8)
        if order.type_filling == names.ORDER_FILLING_BOC and _is_met(book, order):
            _end(account, order, names.ORDER_STATE_CANCELED, now_ns)  # it may only wait in the book, never take from it
        else:
            account.put_order(order)
        return
    position_id = position_id_of(account, order.symbol, 0, order.ticket)
    _fill_first(account, book, msgspec.structs.replace(order, position_id=position_id), now_ns)


def _is_met(book: SymbolBook, limit: Order) -> bool:
    """Whether the quote is at a limit order's price or better."""
    return book.ask_e8 <= limit.price_open_e8 if is_buy_order(limit.type) else book.bid_e8 >= limit.price_open_e8


def fill_placed(account: Account, book: SymbolBook, order: Order, now_ns: int) -> None:
    """The time of a market order that was placed has come; a close whose position is gone by now is rejected."""
    order = msgspec.structs.replace(order, execution_ns=0)
    is_close = order.position_id != order.ticket
    position = position_of(account, order.symbol, order.position_id)
    if account.is_hedging and is_close and (position is None or position.volume_e8 < order.volume_current_e8):
        _end(account, order, names.ORDER_STATE_REJECTED, now_ns)
        return
    _fill_first(account, book, order, now_ns)


def _fill_first(account: Account, book: SymbolBook, order: Order, now_ns: int) -> None:
    """The first fill of a live order: all there is, or nothing where all or nothing was asked for."""
    volume_e8 = fillable_e8(book, order.volume_current_e8)
    if volume_e8 < order.volume_current_e8 and order.type_filling == names.ORDER_FILLING_FOK:
        _end(account, order, names.ORDER_STATE_CANCELED, now_ns)
        return
    _fill_order(account, book, order, volume_e8, now_ns)


def take_rest(account: Account, book: SymbolBook, ticket: int, now_ns: int) -> None:
    """An order filled in part takes what a new quote brings; a limit order only at its price or better."""
    order = account.orders[ticket]
    if order.type in (names.ORDER_TYPE_BUY_LIMIT, names.ORDER_TYPE_SELL_LIMIT) and not _is_met(book, order):
        return
    volume_e8 = fillable_e8(book, order.volume_current_e8)
    if account.is_hedging:
        # it has filled before: with its position gone there is no more to close, nor to add to
        position = position_of(account, order.symbol, order.position_id)
        if position is None:
            _end(account, order, names.ORDER_STATE_CANCELED, now_ns)
            return
        if position.type == opposite(names.ORDER_TYPE_BUY if is_buy_order(order.type) else names.ORDER_TYPE_SELL):
            volume_e8 = min(volume_e8, position.volume_e8)
    _fill_order(account, book, order, volume_e8, now_ns)


def _fill_order(account: Account, book: SymbolBook, order: Order, volume_e8: int, now_ns: int) -> None:
    """Fill a volume of a live order at the quote; it is rejected where its account cannot pay for it."""
    is_buy = is_buy_order(order.type)
    price_e8 = book.ask_e8 if is_buy else book.bid_e8
    if not account.is_hedging:
        # the symbol's position may be another one by now than when the order was made
        order = msgspec.structs.replace(order, position_id=position_id_of(account, order.symbol, 0, order.ticket))
    position = position_of(account, order.symbol, order.position_id)
    is_closing = position is not None and position.type != int(not is_buy) and volume_e8 <= position.volume_e8
    if not is_closing and not has_money(account, book, is_buy, volume_e8, price_e8, position):
        _end(account, order, names.ORDER_STATE_REJECTED, now_ns)
        return
    rest_e8 = order.volume_current_e8 - volume_e8
    order = msgspec.structs.replace(order, volume_current_e8=rest_e8, price_current_e8=price_e8)
    if rest_e8 == 0:
        _end(account, order, names.ORDER_STATE_FILLED, now_ns)
    elif order.type_filling == names.ORDER_FILLING_IOC:
        _end(account, order, names.ORDER_STATE_CANCELED, now_ns)
    else:
        account.put_order(msgspec.structs.replace(order, state=names.ORDER_STATE_PARTIAL))
    fill(account, book, order, volume_e8, price_e8, now_ns)


def _end(account: Account, order: Order, state: int, now_ns: int) -> None:
    account.finish_order(msgspec.structs.replace(order, state=state, time_done_ns=now_ns))


def expire(account: Account, order: Order, now_ns: int) -> None:
    """A pending order has come to its end."""
    _end(account, order, names.ORDER_STATE_EXPIRED, now_ns)


def stop_out(account: Account, books: dict[str, SymbolBook], now_ns: int) -> None:
    """Close the worst position until the equity is above the stop-out level again (MetaTrader 5 help, "Stop Out")."""
    while account.positions:
        equity_e8 = account.equity_e8()
        if equity_e8 > account.stop_out_e8():
            return
        worst = min(account.positions.values(), key=lambda position: _result_of(account, position))
        book = books[worst.symbol]
        if not book.has_quote:
            return
        level = text_from_e8(account.margin_level_e8(equity_e8, account.margin_e8), 2)
        comment = f"[so {level}%/{text_from_e8(equity_e8, 2)}/{text_from_e8(account.margin_e8, 2)}]"
        close(account, book, worst, names.ORDER_REASON_SO, comment, account.closing_price_e8(worst), now_ns)


def _result_of(account: Account, position: Position) -> tuple[int, int]:
    price_e8 = account.closing_price_e8(position)
    return account.profit_e8(position, position.volume_e8, price_e8) + position.swap_e8, position.ticket
