"""The MetaTrader5 package's functions about orders, positions and history. Docstrings are the package's own."""

from typing import Any

from mesh.units import E8
from nodes.io import mt5structs
from nodes.io.mt5arguments import (
    GROUP_UNITS_MAX,
    TEXT_UNITS_MAX,
    BadArgument,
    date_s,
    e8_of,
    parsed,
    request_from,
    symbol_of,
)
from nodes.io.mt5call import KEYWORDS, NOARGS, VARARGS, Keywords, function, keyword_int, keyword_text, structs
from nodes.io.mt5session import SESSION
from nodes.io.mt5structs import struct_from_row


def _requested(args: tuple[Any, ...], keywords: Keywords) -> tuple[list[Any], list[Any]]:
    if keywords and args:
        raise BadArgument("Unnamed arguments not allowed")
    if not keywords and len(args) != 1:
        raise BadArgument("Invalid number of arguments")
    return request_from(keywords or args[0])


@function(KEYWORDS)
def order_check(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """order_check(request)

    Check if there are enough funds to execute required trading operation"""
    values, sent = _requested(args, keywords)
    row = SESSION.ask_row("order_check", sent)
    return row and struct_from_row(mt5structs.OrderCheckResult, row, mt5structs.TradeRequest(values))


@function(KEYWORDS)
def order_send(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """order_send(request)

    Send trading requests to server"""
    values, sent = _requested(args, keywords)
    row = SESSION.ask_row("order_send", sent)
    return row and struct_from_row(mt5structs.OrderSendResult, row, mt5structs.TradeRequest(values))


def _money(amount_e8: int | None) -> float | None:
    return None if amount_e8 is None else amount_e8 / E8


@function(VARARGS)
def order_calc_margin(args: tuple[Any, ...]) -> float | None:
    """order_calc_margin(action, symbol, volume, price,)

    Calculate margin required for specified order"""
    action, symbol, volume, price = parsed("kOdd", args)
    return _money(SESSION.ask("order_calc_margin", action, symbol_of(symbol), e8_of(volume), e8_of(price)))


@function(VARARGS)
def order_calc_profit(args: tuple[Any, ...]) -> float | None:
    """order_calc_profit(action, symbol, volume, price_open, price_close)

    Calculate profit for the current account in the current market conditions based on parameters passed"""
    action, symbol, volume, price_open, price_close = parsed("kOddd", args)
    prices_e8 = e8_of(price_open), e8_of(price_close)
    return _money(SESSION.ask("order_calc_profit", action, symbol_of(symbol), e8_of(volume), *prices_e8))


@function(NOARGS)
def positions_total() -> int | None:
    """positions_total()

    Return the number of open positions"""
    count: int | None = SESSION.ask("positions_total")
    return count


@function(KEYWORDS)
def positions_get(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """positions_get([symbol="SYMBOL"],[ticket=TICKET],[group="GROUP"])

    Return all open positions, can be filtered by symbol, group or ticket"""
    return _live("positions_get", mt5structs.TradePosition, args, keywords)


@function(NOARGS)
def orders_total() -> int | None:
    """orders_total()

    Return the number of orders"""
    count: int | None = SESSION.ask("orders_total")
    return count


@function(KEYWORDS)
def orders_get(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """orders_get([symbol="SYMBOL"],[ticket=TICKET],[group="GROUP"])

    Return all orders, can be filtered by symbol, group or ticket"""
    return _live("orders_get", mt5structs.TradeOrder, args, keywords)


def _live(name: str, kind: Any, args: tuple[Any, ...], keywords: Keywords) -> Any:
    """By ticket, else by symbol, else by group: the first that is given counts, the others are not looked at."""
    if args:
        raise BadArgument("Unnamed arguments not allowed")
    ticket, symbol, group = 0, "", ""
    if "ticket" in keywords:
        ticket = keyword_int(keywords, "ticket")
        if ticket == 0:
            return ()
    elif "symbol" in keywords:
        symbol = keyword_text(keywords, "symbol", TEXT_UNITS_MAX)
        if not symbol:
            return ()
    elif "group" in keywords:
        group = keyword_text(keywords, "group", GROUP_UNITS_MAX)
    return structs(kind, SESSION.ask(name, ticket, symbol), group)


@function(VARARGS)
def history_orders_total(args: tuple[Any, ...]) -> int | None:
    """history_orders_total(date_from, date_to)

    Return the number of orders in selected range from history"""
    return _history_total("history_orders_total", args)


@function(KEYWORDS)
def history_orders_get(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """history_orders_get([date_from, date_to, [group="GROUP"]],[position=POSITION],[ticket=TICKET])

    Return orders in selected range from history or filtered by position id, ticket"""
    return _history("history_orders_get", mt5structs.TradeOrder, args, keywords)


@function(VARARGS)
def history_deals_total(args: tuple[Any, ...]) -> int | None:
    """history_deals_total(date_from, date_to)

    Return the number of deals in selected range from history"""
    return _history_total("history_deals_total", args)


@function(KEYWORDS)
def history_deals_get(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """history_deals_get([date_from, date_to, [group="GROUP"]],[position=POSITION],[ticket=TICKET])

    Return deals in selected range from history or filtered by position id, ticket"""
    return _history("history_deals_get", mt5structs.TradeDeal, args, keywords)


def _history_total(name: str, args: tuple[Any, ...]) -> int | None:
    date_from, date_to = parsed("OO", args)
    count: int | None = SESSION.ask(name, date_s(date_from), date_s(date_to))
    return count


def _history(name: str, kind: Any, args: tuple[Any, ...], keywords: Keywords) -> Any:
    """By two dates, with a group; else by ticket, else by position."""
    if len(args) == 2:
        from_s, to_s = date_s(args[0]), date_s(args[1])
        group = keyword_text(keywords, "group", GROUP_UNITS_MAX)
        return structs(kind, SESSION.ask(name, from_s, to_s, 0, 0), group)
    for at, key in enumerate(("ticket", "position")):
        if key in keywords:
            if args:
                raise BadArgument("Unnamed arguments not allowed")
            number = keyword_int(keywords, key)
            ids = (number, 0) if at == 0 else (0, number)
            return structs(kind, SESSION.ask(name, 0, 0, *ids)) if number else ()
    raise BadArgument("Invalid arguments")
