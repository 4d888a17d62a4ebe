"""The MetaTrader5 package's functions about the session, symbols and market data. Docstrings are the package's own."""

from typing import Any

import numpy as np

from mesh.units import E8
from nodes.io import mt5structs
from nodes.io.mt5arguments import (
    GROUP_UNITS_MAX,
    NAME_UNITS_MAX,
    PATH_UNITS_MAX,
    BadArgument,
    date_s,
    is_text,
    parsed,
    sent_text,
    symbol_of,
)
from nodes.io.mt5call import KEYWORDS, NOARGS, VARARGS, Keywords, function, keyword_int, keyword_text, struct, structs
from nodes.io.mt5session import SESSION

RATES_DTYPE = np.dtype(
    [
        ("time", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("tick_volume", "<u8"),
        ("spread", "<i4"),
        ("real_volume", "<u8"),
    ]
)
TICKS_DTYPE = np.dtype(
    [
        ("time", "<i8"),
        ("bid", "<f8"),
        ("ask", "<f8"),
        ("last", "<f8"),
        ("volume", "<u8"),
        ("time_msc", "<i8"),
        ("flags", "<u4"),
        ("volume_real", "<f8"),
    ]
)

# --- session --------------------------------------------------------------------------------------------------------


@function(KEYWORDS, refused=False)
def initialize(args: tuple[Any, ...], keywords: Keywords) -> bool:
    """initialize([path],[server="SERVER"],[login=LOGIN],[password="PASSWORD"])

    Establish connection to MetaTrader 5 terminal"""
    SESSION.close()
    if len(args) > 1:
        raise BadArgument("Invalid number of arguments")
    if args and not is_text(args[0], PATH_UNITS_MAX):
        raise BadArgument("Invalid 1st unnamed argument")
    login = keyword_int(keywords, "login")
    server = keyword_text(keywords, "server", NAME_UNITS_MAX)
    password = keyword_text(keywords, "password", NAME_UNITS_MAX)
    timeout_ms = keyword_int(keywords, "timeout", 32)
    path = keyword_text(keywords, "path", PATH_UNITS_MAX) or (sent_text(args[0]) if args else "")
    return SESSION.open(path, login, password, server, timeout_ms)


@function(KEYWORDS, refused=False)
def login(args: tuple[Any, ...], keywords: Keywords) -> bool:
    """login(login,[server="SERVER"],[password="PASSWORD"])

    Log in to specific account"""
    if len(args) > 3:
        raise BadArgument("Invalid number of arguments")
    given = dict(zip(("login", "password", "server"), args, strict=False))
    if "login" in given and not isinstance(given["login"], int):
        raise BadArgument("Invalid 1st unnamed argument")
    for ordinal, key in (("2nd", "password"), ("3rd", "server")):
        if key in given and not is_text(given[key], NAME_UNITS_MAX):
            raise BadArgument(f"Invalid {ordinal} unnamed argument")
    given = keywords | given
    number = keyword_int(given, "login")
    if number == 0:
        raise BadArgument('Invalid "login" argument')
    timeout_ms = keyword_int(keywords, "timeout", 32)
    server = keyword_text(given, "server", NAME_UNITS_MAX)
    return SESSION.log_in(number, keyword_text(given, "password", NAME_UNITS_MAX), server, timeout_ms)


@function(NOARGS)
def shutdown() -> bool:
    """shutdown()

    Disconnect from MetaTrader 5 terminal"""
    SESSION.close()
    return True


def last_error() -> tuple[int, str]:
    """last_error()

    Return last error code and description"""
    with SESSION.lock:
        return SESSION.error


last_error.__module__ = "MetaTrader5._core"
last_error.kind = NOARGS  # type: ignore[attr-defined]


@function(NOARGS)
def version() -> tuple[int, int, str] | None:
    """version()

    Get MetaTrader 5 terminal version"""
    row = SESSION.ask("version")
    return None if row is None else tuple(row)


@function(NOARGS)
def terminal_info() -> Any:
    """terminal_info()

    Get parameters of MetaTrader 5 terminal"""
    return struct(mt5structs.TerminalInfo, SESSION.ask("terminal_info"))


@function(NOARGS)
def account_info() -> Any:
    """account_info()

    Return information on the current account"""
    return struct(mt5structs.AccountInfo, SESSION.ask("account_info"))


# --- symbols --------------------------------------------------------------------------------------------------------


@function(NOARGS)
def symbols_total() -> int | None:
    """symbols_total()

    Return the number of all available symbols"""
    count: int | None = SESSION.ask("symbols_total")
    return count


@function(KEYWORDS, refused=False)
def symbols_get(args: tuple[Any, ...], keywords: Keywords) -> Any:
    """symbols_get([group="GROUP"])

    Return all available symbols or filtred by group"""
    if len(args) > 1:
        raise BadArgument("Invalid number of arguments")
    if args and not is_text(args[0], GROUP_UNITS_MAX):
        raise BadArgument("Invalid 1st unnamed argument")
    group = keyword_text(keywords, "group", GROUP_UNITS_MAX) or (args[0] if args else "")
    return structs(mt5structs.SymbolInfo, SESSION.ask("symbols_get"), group, "name")


def _one_symbol(args: tuple[Any, ...]) -> str:
    return symbol_of(*parsed("O", args))


@function(VARARGS)
def symbol_info(args: tuple[Any, ...]) -> Any:
    """symbol_info(symbol)

    Return full information for specified symbol"""
    return struct(mt5structs.SymbolInfo, SESSION.ask("symbol_info", _one_symbol(args)))


@function(VARARGS)
def symbol_info_tick(args: tuple[Any, ...]) -> Any:
    """symbol_info_tick(symbol)

    Return current prices of specified symbol"""
    return struct(mt5structs.Tick, SESSION.ask("symbol_info_tick", _one_symbol(args)))


@function(VARARGS, refused=False)
def symbol_select(args: tuple[Any, ...]) -> bool:
    """symbol_select(symbol,[enable])

    Select symbol in Market Watch window or remove symbol from the window"""
    symbol, enable = parsed("Op", args if len(args) != 1 else (*args, True))
    return bool(SESSION.ask("symbol_select", symbol_of(symbol), enable))


@function(VARARGS)
def market_book_add(args: tuple[Any, ...]) -> bool:
    """market_book_add(symbol)

    Opens Depth of Market for a selected symbol"""
    return bool(SESSION.ask("market_book_add", _one_symbol(args)))


@function(VARARGS)
def market_book_release(args: tuple[Any, ...]) -> bool:
    """market_book_release(symbol)

    Closes Depth of Market for a selected symbol"""
    return bool(SESSION.ask("market_book_release", _one_symbol(args)))


@function(VARARGS)
def market_book_get(args: tuple[Any, ...]) -> Any:
    """market_book_get(symbol)

    Returns Depth of Market structures of a specified symbol"""
    return structs(mt5structs.BookInfo, SESSION.ask("market_book_get", _one_symbol(args)))


# --- bars and ticks -------------------------------------------------------------------------------------------------


def _rates(name: str, *args: Any) -> Any:
    packed = SESSION.ask(name, *args)
    if packed is None:
        return None
    count, *columns = packed
    rates = np.zeros(count, RATES_DTYPE)
    names = ("time", "open", "high", "low", "close", "tick_volume", "spread")
    for name, column in zip(names, columns, strict=True):
        values = np.frombuffer(column, "<i8")
        rates[name] = values / E8 if name in ("open", "high", "low", "close") else values
    return rates


@function(VARARGS)
def copy_rates_from(args: tuple[Any, ...]) -> Any:
    """copy_rates_from(symbol, timeframe, date_from, count)

    Get bars starting from specific date"""
    symbol, timeframe, date_from, count = parsed("OiOi", args)
    return _rates("copy_rates_from", symbol_of(symbol), timeframe, date_s(date_from), count)


@function(VARARGS)
def copy_rates_from_pos(args: tuple[Any, ...]) -> Any:
    """copy_rates_from_pos(symbol, timeframe, start_pos, count)

    Get bars starting from specified position"""
    symbol, timeframe, start, count = parsed("Oiii", args)
    return _rates("copy_rates_from_pos", symbol_of(symbol), timeframe, start, count)


@function(VARARGS)
def copy_rates_range(args: tuple[Any, ...]) -> Any:
    """copy_rates_range(symbol, timeframe, date_from, date_to)

    Get bars from specified period"""
    symbol, timeframe, date_from, date_to = parsed("OiOO", args)
    return _rates("copy_rates_range", symbol_of(symbol), timeframe, date_s(date_from), date_s(date_to))


def _ticks(name: str, *args: Any) -> Any:
    packed = SESSION.ask(name, *args)
    if packed is None:
        return None
    count, times_ms, bids_e8, asks_e8, flags = packed
    ticks = np.zeros(count, TICKS_DTYPE)
    ticks["time_msc"] = np.frombuffer(times_ms, "<i8")
    ticks["time"] = ticks["time_msc"] // 1_000
    ticks["bid"] = np.frombuffer(bids_e8, "<i8") / E8
    ticks["ask"] = np.frombuffer(asks_e8, "<i8") / E8
    ticks["flags"] = np.frombuffer(flags, "<i8")
    return ticks


@function(VARARGS)
def copy_ticks_from(args: tuple[Any, ...]) -> Any:
    """copy_ticks_from(symbol, date_from, count, flags)

    Get ticks starting from specific date"""
    symbol, date_from, count, flags = parsed("OOii", args)
    return _ticks("copy_ticks_from", symbol_of(symbol), date_s(date_from), count, flags)


@function(VARARGS)
def copy_ticks_range(args: tuple[Any, ...]) -> Any:
    """copy_ticks_range(symbol, date_from, date_to, flags)

    Get ticks from specified period"""
    symbol, date_from, date_to, flags = parsed("OOOi", args)
    return _ticks("copy_ticks_range", symbol_of(symbol), date_s(date_from), date_s(date_to), flags)
