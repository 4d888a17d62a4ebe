"""What a request that passed the checks does: one function for each trade action."""

from collections.abc import Callable

import msgspec

from nodes.terminal import names
from nodes.terminal.book import SymbolBook
from nodes.terminal.checks import Asked, is_priced
from nodes.terminal.funds import margin_after_close_by_e8, margin_after_e8
from nodes.terminal.levels import expires_ns
from nodes.terminal.matching import close_by, fill, fillable_e8, is_buy_order, position_id_of, position_of
from nodes.terminal.records import CheckResult, Order, OrderResult
from nodes.terminal.retcodes import OK, TEXTS

_DONE = names.TRADE_RETCODE_DONE
_DONE_TEXT = TEXTS[_DONE]


def execute(asked: Asked, book: SymbolBook, slippage_points: int, request_id: int) -> OrderResult:
    """Do what a request asks for. ``slippage_points``: how much worse than the quote a market order fills."""
    return _ACTIONS[asked.request.action](asked, book, slippage_points, request_id)


def place(asked: Asked, book: SymbolBook, placed_ns: int, request_id: int) -> OrderResult:
    """A deal request is accepted, and filled later at the quote of that time: PLACED, no deal yet."""
    order = _market_order(asked, asked.request.volume_e8, 0, names.ORDER_STATE_PLACED)
    asked.account.put_order(msgspec.structs.replace(order, execution_ns=placed_ns))
    code = names.TRADE_RETCODE_PLACED
    return OrderResult(code, 0, order.ticket, order.volume_initial_e8, 0, 0, 0, TEXTS[code], request_id)


def refused(code: int, request_id: int, bid_e8: int = 0, ask_e8: int = 0) -> OrderResult:
    """The result of a request that was not executed: zeros, with the quote for a requote."""
    return OrderResult(code, bid_e8=bid_e8, ask_e8=ask_e8, comment=TEXTS.get(code, ""), request_id=request_id)


def checked(asked: Asked, book: SymbolBook, code: int) -> CheckResult:
    """What order_check answers: the account as the request would leave it; only the code where it is refused for its form."""
    if code not in (OK, names.TRADE_RETCODE_NO_MONEY):
        return CheckResult(code, comment=TEXTS[code])
    account, request = asked.account, asked.request
    margin_e8 = account.margin_e8
    if request.action == names.TRADE_ACTION_DEAL:
        position = position_of(account, request.symbol, request.position)
        is_buy = request.type == names.ORDER_TYPE_BUY
        price_e8 = book.ask_e8 if is_buy else book.bid_e8
        margin_e8 = margin_after_e8(account, book, is_buy, request.volume_e8, price_e8, position)
    elif request.action == names.TRADE_ACTION_CLOSE_BY:
        margin_e8 = margin_after_close_by_e8(account, *(account.positions[at] for at in (request.position, request.position_by)))
    state = account.state()
    return CheckResult(
        code,
        state.balance_e8,
        state.equity_e8,
        state.profit_e8,
        margin_e8,
        state.equity_e8 - margin_e8,
        account.margin_level_e8(state.equity_e8, margin_e8),
        TEXTS[code],
    )


def _deal(asked: Asked, book: SymbolBook, slippage_points: int, request_id: int) -> OrderResult:
    account, request, spec = asked.account, asked.request, book.spec
    is_buy = request.type == names.ORDER_TYPE_BUY
    price_e8 = book.ask_e8 if is_buy else book.bid_e8
    shown_bid_e8 = shown_ask_e8 = 0
    if is_priced(spec):
        shown_bid_e8, shown_ask_e8 = book.bid_e8, book.ask_e8
        if abs(request.price_e8 - price_e8) > request.deviation_points * spec.point_e8:
            return refused(names.TRADE_RETCODE_REQUOTE, request_id, shown_bid_e8, shown_ask_e8)
    elif slippage_points:
        worse_e8 = slippage_points * spec.price_step_e8
        price_e8 = price_e8 + worse_e8 if is_buy else max(spec.price_step_e8, price_e8 - worse_e8)
    volume_e8 = fillable_e8(book, request.volume_e8)
    rest_e8 = request.volume_e8 - volume_e8
    if rest_e8 and request.type_filling == names.ORDER_FILLING_FOK:
        return refused(names.TRADE_RETCODE_REJECT, request_id, shown_bid_e8, shown_ask_e8)
    state = names.ORDER_STATE_FILLED
    if rest_e8:
        is_kept = request.type_filling == names.ORDER_FILLING_RETURN
        state = names.ORDER_STATE_PARTIAL if is_kept else names.ORDER_STATE_CANCELED
    order = _market_order(asked, rest_e8, price_e8, state)
    if order.state == names.ORDER_STATE_PARTIAL:
        account.put_order(order)
    else:
        account.finish_order(order)
    deal = fill(account, book, order, volume_e8, price_e8, asked.now_ns)
    code = names.TRADE_RETCODE_DONE_PARTIAL if rest_e8 else _DONE
    return OrderResult(
        code, deal.ticket, order.ticket, volume_e8, price_e8, shown_bid_e8, shown_ask_e8, TEXTS[code], request_id
    )


def _market_order(asked: Asked, rest_e8: int, price_e8: int, state: int) -> Order:
    """The order of a deal request, with what rests of it."""
    account, request, now_ns = asked.account, asked.request, asked.now_ns
    done_ns = 0 if state in (names.ORDER_STATE_PLACED, names.ORDER_STATE_PARTIAL) else now_ns
    ticket = account.next_ticket()
    return Order(
        ticket,
        request.symbol,
        request.type,
        state,
        names.ORDER_TIME_GTC,
        request.type_filling,
        request.magic,
        names.ORDER_REASON_EXPERT,
        position_id_of(account, request.symbol, request.position, ticket),
        0,
        request.volume_e8,
        rest_e8,
        request.price_e8,
        request.sl_e8,
        request.tp_e8,
        price_e8,
        0,
        now_ns,
        done_ns,
        0,
        request.comment,
    )


def _pending(asked: Asked, book: SymbolBook, _slippage_points: int, request_id: int) -> OrderResult:
    account, request = asked.account, asked.request
    order = Order(
        account.next_ticket(),
        request.symbol,
        request.type,
        names.ORDER_STATE_PLACED,
        request.type_time,
        request.type_filling,
        request.magic,
        names.ORDER_REASON_EXPERT,
        0,
        0,
        request.volume_e8,
        request.volume_e8,
        request.price_e8,
        request.sl_e8,
        request.tp_e8,
        book.ask_e8 if is_buy_order(request.type) else book.bid_e8,
        request.stoplimit_e8,
        asked.now_ns,
        0,
        expires_ns(asked.clock, request, asked.now_ns),
        request.comment,
    )
    account.put_order(order)
    # recorded: order and volume, no price, and the quote (mt5.md §1, "Recorded results")
    return OrderResult(_DONE, 0, order.ticket, request.volume_e8, 0, book.bid_e8, book.ask_e8, _DONE_TEXT, request_id)


def _exits(asked: Asked, _book: SymbolBook, _slippage_points: int, request_id: int) -> OrderResult:
    account, request = asked.account, asked.request
    position = position_of(account, request.symbol, request.position)
    assert position is not None, "the check found it"
    account.put_position(
        msgspec.structs.replace(
            position, sl_e8=request.sl_e8, tp_e8=request.tp_e8, time_update_ns=asked.now_ns
        )
    )
    return OrderResult(_DONE, comment=_DONE_TEXT, request_id=request_id)


def _modify(asked: Asked, book: SymbolBook, _slippage_points: int, request_id: int) -> OrderResult:
    account, request = asked.account, asked.request
    order = account.orders[request.order]
    account.put_order(
        msgspec.structs.replace(
            order,
            price_open_e8=request.price_e8,
            price_stoplimit_e8=request.stoplimit_e8,
            sl_e8=request.sl_e8,
            tp_e8=request.tp_e8,
            type_time=request.type_time,
            expiration_ns=expires_ns(asked.clock, request, asked.now_ns),
        )
    )
    return _order_result(order, book, request_id)


def _remove(asked: Asked, book: SymbolBook, _slippage_points: int, request_id: int) -> OrderResult:
    order = asked.account.orders[asked.request.order]
    end_order(asked, order, names.ORDER_STATE_CANCELED)
    return _order_result(order, book, request_id)


def end_order(asked: Asked, order: Order, state: int) -> None:
    """A live order ends without a (further) fill."""
    asked.account.finish_order(msgspec.structs.replace(order, state=state, time_done_ns=asked.now_ns))


def _order_result(order: Order, book: SymbolBook, request_id: int) -> OrderResult:
    return OrderResult(_DONE, 0, order.ticket, 0, 0, book.bid_e8, book.ask_e8, _DONE_TEXT, request_id)


def _close_by(asked: Asked, _book: SymbolBook, _slippage_points: int, request_id: int) -> OrderResult:
    account, request, now_ns = asked.account, asked.request, asked.now_ns
    position, other = account.positions[request.position], account.positions[request.position_by]
    volume_e8 = min(position.volume_e8, other.volume_e8)
    order = Order(
        account.next_ticket(),
        position.symbol,
        names.ORDER_TYPE_CLOSE_BY,
        names.ORDER_STATE_FILLED,
        names.ORDER_TIME_GTC,
        request.type_filling,
        request.magic,
        names.ORDER_REASON_EXPERT,
        position.identifier,
        other.identifier,
        volume_e8,
        0,
        other.price_open_e8,
        0,
        0,
        other.price_open_e8,
        0,
        now_ns,
        now_ns,
        0,
        request.comment,
    )
    account.finish_order(order)
    deal = close_by(account, order, position, other, now_ns)
    return OrderResult(
        _DONE, deal.ticket, order.ticket, volume_e8, other.price_open_e8, 0, 0, _DONE_TEXT, request_id
    )


_ACTIONS: dict[int, Callable[[Asked, SymbolBook, int, int], OrderResult]] = {
    names.TRADE_ACTION_DEAL: _deal,
    names.TRADE_ACTION_PENDING: _pending,
    names.TRADE_ACTION_SLTP: _exits,
    names.TRADE_ACTION_MODIFY: _modify,
    names.TRADE_ACTION_REMOVE: _remove,
    names.TRADE_ACTION_CLOSE_BY: _close_by,
}
