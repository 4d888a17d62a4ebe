"""Rows as the MetaTrader5 package shows them: lists of plain values in its field order, in server time, fractions in e8."""

from typing import Any

import numpy as np

from mesh.units import DAY_NS, E8, MS_NS, SECOND_NS
from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.conversion import rounded_e8
from nodes.terminal.engine import Terminal
from nodes.terminal.fields import FIELDS
from nodes.terminal.matching import is_buy_order
from nodes.terminal.records import Deal, Order, Position
from nodes.terminal.server_time import ServerClock

Row = list[Any]

_SYMBOL_ZEROS: dict[str, Any] = dict.fromkeys(FIELDS["SymbolInfo"], 0)
_SYMBOL_ZEROS |= dict.fromkeys(("basis", "category", "bank", "exchange", "formula", "isin", "page"), "")
_DAY_BARS_COUNT_MAX = 2 * 1_440


def _times(clock: ServerClock, market_ns: int) -> tuple[int, int]:
    """Server time in whole seconds and in milliseconds; 0 stays 0."""
    if market_ns == 0:
        return 0, 0
    server_ns = clock.server_ns(market_ns)
    return server_ns // SECOND_NS, server_ns // MS_NS


def position_row(clock: ServerClock, account: Account, position: Position) -> Row:
    """A TradePosition."""
    price_e8 = account.closing_price_e8(position)
    return [
        position.ticket,
        *_times(clock, position.time_ns),
        *_times(clock, position.time_update_ns),
        position.type,
        position.magic,
        position.identifier,
        position.reason,
        position.volume_e8,
        position.price_open_e8,
        position.sl_e8,
        position.tp_e8,
        price_e8,
        position.swap_e8,
        account.profit_e8(position, position.volume_e8, price_e8),
        position.symbol,
        position.comment,
        position.external_id,
    ]


def order_row(clock: ServerClock, order: Order, book: SymbolBook | None) -> Row:
    """A TradeOrder; ``book`` for a live one, whose current price is the quote's."""
    price_e8 = order.price_current_e8
    if book is not None and book.has_quote:
        price_e8 = book.ask_e8 if is_buy_order(order.type) else book.bid_e8
    return [
        order.ticket,
        *_times(clock, order.time_setup_ns),
        *_times(clock, order.time_done_ns),
        _times(clock, order.expiration_ns)[0],
        order.type,
        order.type_time,
        order.type_filling,
        order.state,
        order.magic,
        order.position_id,
        order.position_by_id,
        order.reason,
        order.volume_initial_e8,
        order.volume_current_e8,
        order.price_open_e8,
        order.sl_e8,
        order.tp_e8,
        price_e8,
        order.price_stoplimit_e8,
        order.symbol,
        order.comment,
        order.external_id,
    ]


def deal_row(clock: ServerClock, deal: Deal) -> Row:
    """A TradeDeal."""
    return [
        deal.ticket,
        deal.order,
        *_times(clock, deal.time_ns),
        deal.type,
        deal.entry,
        deal.magic,
        deal.position_id,
        deal.reason,
        deal.volume_e8,
        deal.price_e8,
        deal.commission_e8,
        deal.swap_e8,
        deal.profit_e8,
        deal.fee_e8,
        deal.symbol,
        deal.comment,
        deal.external_id,
    ]


def account_row(account: Account) -> Row:
    """An AccountInfo."""
    config, state = account.config, account.state()
    return [
        config.login,
        config.trade_mode,
        config.leverage,
        config.limit_orders,
        config.margin_so_mode,
        config.trade_allowed,
        config.trade_expert,
        config.margin_mode,
        config.currency_digits,
        config.fifo_close,
        *state,
        config.margin_so_call_e8,
        config.margin_so_so_e8,
        0,
        0,
        0,
        0,
        0,
        config.name,
        config.server,
        config.currency,
        config.company,
    ]


def tick_row(clock: ServerClock, book: SymbolBook) -> Row:
    """A Tick; the flags say which side the last tick changed."""
    time_s, time_ms = _times(clock, book.time_ns)
    return [time_s, book.bid_e8, book.ask_e8, 0, 0, time_ms, book.history.last_flags(), 0]


def book_rows(book: SymbolBook) -> list[Row]:
    """BookInfo rows, the highest price first: ``book_depth`` levels a side from the quote on, a step of the price apart.

    Each shows the volume one quote has room for; an order is filled at the best of them alone.
    """
    spec = book.spec
    if not book.has_quote:
        return []
    volume_e8 = spec.depth_e8 or spec.volume_max_e8
    asks = [(names.BOOK_TYPE_SELL, book.ask_e8 + level * spec.price_step_e8) for level in reversed(range(spec.book_depth))]
    bids = [(names.BOOK_TYPE_BUY, book.bid_e8 - level * spec.price_step_e8) for level in range(spec.book_depth)]
    return [[kind, price_e8, volume_e8 // E8, volume_e8] for kind, price_e8 in asks + bids if price_e8 > 0]


def symbol_row(terminal: Terminal, account: Account, book: SymbolBook, is_selected: bool) -> Row:
    """A SymbolInfo."""
    values = _SYMBOL_ZEROS | _specified(book) | _quoted(terminal, book) | _tick_values(account, book)
    values["select"] = values["visible"] = is_selected
    return [values[name] for name in FIELDS["SymbolInfo"]]


def _specified(book: SymbolBook) -> dict[str, Any]:
    spec = book.spec
    return {
        "custom": False,
        "digits": spec.digits,
        "spread_float": True,
        "ticks_bookdepth": spec.book_depth,
        "trade_calc_mode": spec.calc_mode,
        "trade_mode": spec.trade_mode,
        "trade_stops_level": spec.stops_level,
        "trade_freeze_level": spec.freeze_level,
        "trade_exemode": spec.exemode,
        "swap_mode": spec.swap_mode,
        "swap_rollover3days": spec.swap_rollover3days,
        "margin_hedged_use_leg": spec.margin_hedged_use_leg,
        "expiration_mode": spec.expiration_mode,
        "filling_mode": spec.filling_mode,
        "order_mode": spec.order_mode,
        "point": spec.point_e8,
        "trade_tick_size": spec.price_step_e8,
        "trade_contract_size": spec.contract_size_e8,
        "volume_min": spec.volume_min_e8,
        "volume_max": spec.volume_max_e8,
        "volume_step": spec.volume_step_e8,
        "volume_limit": spec.volume_limit_e8,
        "swap_long": spec.swap_long_e8,
        "swap_short": spec.swap_short_e8,
        "margin_initial": spec.margin_initial_e8,
        "margin_hedged": spec.contract_size_e8 if spec.margin_hedged_e8 < 0 else spec.margin_hedged_e8,
        "currency_base": spec.currency_base,
        "currency_profit": spec.currency_profit,
        "currency_margin": spec.currency_margin,
        "description": spec.description,
        "name": spec.name,
        "path": spec.path,
    }


def _quoted(terminal: Terminal, book: SymbolBook) -> dict[str, Any]:
    """The quote and what the server's day has made of it so far."""
    if not book.has_quote:
        return {}
    values = {
        "time": _times(terminal.clock, book.time_ns)[0],
        "spread": (book.ask_e8 - book.bid_e8) // book.spec.point_e8,
        "bid": book.bid_e8,
        "ask": book.ask_e8,
    }
    bars = book.history.bars()[:, -_DAY_BARS_COUNT_MAX:]
    if not bars.shape[1]:
        return values
    days = terminal.clock.server_times_ns(bars[0]) // DAY_NS
    first = int(np.searchsorted(days, days[-1]))
    _, opens, highs, lows, closes, _, _, ask_highs, ask_lows = bars
    values |= {
        "bidhigh": int(highs[first:].max()),
        "bidlow": int(lows[first:].min()),
        "askhigh": int(ask_highs[first:].max()),
        "asklow": int(ask_lows[first:].min()),
        "session_open": int(opens[first]),
    }
    if first:
        close_e8 = int(closes[first - 1])
        values["session_close"] = close_e8
        values["price_change"] = (book.bid_e8 - close_e8) * 100 * E8 // close_e8
    return values


def _tick_values(account: Account, book: SymbolBook) -> dict[str, Any]:
    """What one tick of one lot is worth in the deposit currency, as a gain and as a loss."""
    spec = book.spec
    route = account.route(spec.currency_profit)
    if not route.is_ready:
        return {}
    scale, divisor = spec.profit_scale
    tick = spec.price_step_e8 * E8 * scale
    gain_e8 = rounded_e8(tick * route.least[0], divisor * route.least[1], 1)
    loss_e8 = rounded_e8(tick * route.most[0], divisor * route.most[1], 1)
    return {"trade_tick_value": gain_e8, "trade_tick_value_profit": gain_e8, "trade_tick_value_loss": loss_e8}
