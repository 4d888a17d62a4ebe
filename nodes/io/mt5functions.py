"""The 32 functions of the MetaTrader5 package's C module, with its rules for arguments and its answers for failures.

Docstrings are the package's own. ``_function`` does what each of them does first: refuse keywords or arguments by the kind of
function, reset last_error, turn a refused argument into -2 and an answer that says so.
"""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from mesh.units import E8
from nodes.io import mt5structs
from nodes.io.mt5arguments import (
    GROUP_UNITS_MAX,
    NAME_UNITS_MAX,
    PATH_UNITS_MAX,
    BadArgument,
    Unfit,
    date_s,
    e8_of,
    is_text,
    parsed,
    request_from,
    sent_text,
    symbol_of,
    unsigned,
)
from nodes.io.mt5session import SESSION
from nodes.io.mt5structs import struct_from_row
from nodes.terminal.calls import SUCCESS

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

VARARGS, KEYWORDS, NOARGS = 1, 3, 4
"""METH_VARARGS, METH_VARARGS | METH_KEYWORDS, METH_NOARGS."""

_INVALID_PARAMS = -2
_Keywords = dict[str, Any]


def _function(kind: int, refused: Any = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of the package. ``refused``: what it answers when an argument is refused."""

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        name = body.__name__

        def called(*args: Any, **keywords: Any) -> Any:
            if keywords and kind != KEYWORDS:
                raise TypeError(f"MetaTrader5._core.{name}() takes no keyword arguments")
            if args and kind == NOARGS:
                raise TypeError(f"MetaTrader5._core.{name}() takes no arguments ({len(args)} given)")
            SESSION.error = SUCCESS
            try:
                if kind == KEYWORDS:
                    return body(args, keywords)
                return body(*args) if kind == NOARGS else body(args)
            except BadArgument as error:
                SESSION.error = (_INVALID_PARAMS, str(error))
                return refused
            except Unfit as error:
                SESSION.error = (_INVALID_PARAMS, "Invalid arguments")
                text = f"<built-in function {name}> returned a result with an exception set"
                raise SystemError(text) from error.cause

        functools.update_wrapper(called, body)
        del called.__wrapped__  # type: ignore[attr-defined]
        called.__doc__ = inspect.cleandoc(body.__doc__ or "")
        called.__module__ = "MetaTrader5._core"
        called.kind = kind  # type: ignore[attr-defined]
        return called

    return decorate


def _keyword_text(keywords: _Keywords, key: str, units_max: int) -> str:
    value = keywords.get(key, "")
    if not is_text(value, units_max):
        raise BadArgument(f'Invalid "{key}" argument')
    return sent_text(value)


def _keyword_int(keywords: _Keywords, key: str, bits: int = 64) -> int:
    try:
        return unsigned(keywords.get(key, 0), bits)
    except BadArgument:
        raise BadArgument(f'Invalid "{key}" argument') from None


# --- session --------------------------------------------------------------------------------------------------------


@_function(KEYWORDS, refused=False)
def initialize(args: tuple[Any, ...], keywords: _Keywords) -> bool:
    """initialize([path],[server="SERVER"],[login=LOGIN],[password="PASSWORD"])

    Establish connection to MetaTrader 5 terminal"""
    SESSION.close()
    if len(args) > 1:
        raise BadArgument("Invalid number of arguments")
    if args and not is_text(args[0], PATH_UNITS_MAX):
        raise BadArgument("Invalid 1st unnamed argument")
    login = _keyword_int(keywords, "login")
    server = _keyword_text(keywords, "server", NAME_UNITS_MAX)
    password = _keyword_text(keywords, "password", NAME_UNITS_MAX)
    timeout_ms = _keyword_int(keywords, "timeout", 32)
    path = _keyword_text(keywords, "path", PATH_UNITS_MAX) or (sent_text(args[0]) if args else "")
    return SESSION.open(path, login, password, server, timeout_ms)


@_function(KEYWORDS, refused=False)
def login(args: tuple[Any, ...], keywords: _Keywords) -> bool:
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
    number = _keyword_int(given, "login")
    if number == 0:
        raise BadArgument('Invalid "login" argument')
    _keyword_int(keywords, "timeout", 32)
    server = _keyword_text(given, "server", NAME_UNITS_MAX)
    return SESSION.log_in(number, _keyword_text(given, "password", NAME_UNITS_MAX), server)


@_function(NOARGS)
def shutdown() -> bool:
    """shutdown()

    Disconnect from MetaTrader 5 terminal"""
    SESSION.close()
    return True


def last_error() -> tuple[int, str]:
    """last_error()

    Return last error code and description"""
    return SESSION.error


last_error.__module__ = "MetaTrader5._core"
last_error.kind = NOARGS  # type: ignore[attr-defined]


@_function(NOARGS)
def version() -> tuple[int, int, str] | None:
    """version()

    Get MetaTrader 5 terminal version"""
    row = SESSION.ask("version")
    return None if row is None else tuple(row)


def _struct(kind: Any, row: Any) -> Any:
    return None if row is None else struct_from_row(kind, row)


@_function(NOARGS)
def terminal_info() -> Any:
    """terminal_info()

    Get parameters of MetaTrader 5 terminal"""
    return _struct(mt5structs.TerminalInfo, SESSION.ask("terminal_info"))


@_function(NOARGS)
def account_info() -> Any:
    """account_info()

    Return information on the current account"""
    return _struct(mt5structs.AccountInfo, SESSION.ask("account_info"))


# --- symbols --------------------------------------------------------------------------------------------------------


def _matcher(group: str) -> Callable[[str], bool]:
    """A filter: comma list of ``*`` patterns; one must match, and none that begins with ``!``. Case counts."""
    patterns = group.split(",")

    def any_of(texts: list[str]) -> re.Pattern[str]:
        return re.compile("|".join(".*".join(map(re.escape, text.split("*"))) for text in texts) if texts else r"(?!)")

    wanted = any_of([text for text in patterns if not text.startswith("!")])
    unwanted = any_of([text[1:] for text in patterns if text.startswith("!")])
    return lambda symbol: bool(wanted.fullmatch(symbol)) and not unwanted.fullmatch(symbol)


def _structs(kind: Any, rows: Any, group: str = "", name: str = "symbol") -> Any:
    """A tuple of structures, of a group of symbols where one is given; None stays None."""
    if rows is None:
        return None
    found = tuple([struct_from_row(kind, row) for row in rows])
    if not group:
        return found
    matches = _matcher(group)
    return tuple([struct for struct in found if matches(getattr(struct, name))])


@_function(NOARGS)
def symbols_total() -> int | None:
    """symbols_total()

    Return the number of all available symbols"""
    count: int | None = SESSION.ask("symbols_total")
    return count


@_function(KEYWORDS, refused=False)
def symbols_get(args: tuple[Any, ...], keywords: _Keywords) -> Any:
    """symbols_get([group="GROUP"])

    Return all available symbols or filtred by group"""
    if len(args) > 1:
        raise BadArgument("Invalid number of arguments")
    if args and not is_text(args[0], GROUP_UNITS_MAX):
        raise BadArgument("Invalid 1st unnamed argument")
    group = _keyword_text(keywords, "group", GROUP_UNITS_MAX) or (args[0] if args else "")
    return _structs(mt5structs.SymbolInfo, SESSION.ask("symbols_get"), group, "name")


def _one_symbol(args: tuple[Any, ...]) -> str:
    return symbol_of(*parsed("O", args))


@_function(VARARGS)
def symbol_info(args: tuple[Any, ...]) -> Any:
    """symbol_info(symbol)

    Return full information for specified symbol"""
    return _struct(mt5structs.SymbolInfo, SESSION.ask("symbol_info", _one_symbol(args)))


@_function(VARARGS)
def symbol_info_tick(args: tuple[Any, ...]) -> Any:
    """symbol_info_tick(symbol)

    Return current prices of specified symbol"""
    return _struct(mt5structs.Tick, SESSION.ask("symbol_info_tick", _one_symbol(args)))


@_function(VARARGS, refused=False)
def symbol_select(args: tuple[Any, ...]) -> bool:
    """symbol_select(symbol,[enable])

    Select symbol in Market Watch window or remove symbol from the window"""
    symbol, enable = parsed("Op", args if len(args) != 1 else (*args, True))
    return bool(SESSION.ask("symbol_select", symbol_of(symbol), enable))


@_function(VARARGS)
def market_book_add(args: tuple[Any, ...]) -> bool:
    """market_book_add(symbol)

    Opens Depth of Market for a selected symbol"""
    return bool(SESSION.ask("market_book_add", _one_symbol(args)))


@_function(VARARGS)
def market_book_release(args: tuple[Any, ...]) -> bool:
    """market_book_release(symbol)

    Closes Depth of Market for a selected symbol"""
    return bool(SESSION.ask("market_book_release", _one_symbol(args)))


@_function(VARARGS)
def market_book_get(args: tuple[Any, ...]) -> Any:
    """market_book_get(symbol)

    Returns Depth of Market structures of a specified symbol"""
    return _structs(mt5structs.BookInfo, SESSION.ask("market_book_get", _one_symbol(args)))


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


@_function(VARARGS)
def copy_rates_from(args: tuple[Any, ...]) -> Any:
    """copy_rates_from(symbol, timeframe, date_from, count)

    Get bars starting from specific date"""
    symbol, timeframe, date_from, count = parsed("OiOi", args)
    return _rates("copy_rates_from", symbol_of(symbol), timeframe, date_s(date_from), count)


@_function(VARARGS)
def copy_rates_from_pos(args: tuple[Any, ...]) -> Any:
    """copy_rates_from_pos(symbol, timeframe, start_pos, count)

    Get bars starting from specified position"""
    symbol, timeframe, start, count = parsed("Oiii", args)
    return _rates("copy_rates_from_pos", symbol_of(symbol), timeframe, start, count)


@_function(VARARGS)
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


@_function(VARARGS)
def copy_ticks_from(args: tuple[Any, ...]) -> Any:
    """copy_ticks_from(symbol, date_from, count, flags)

    Get ticks starting from specific date"""
    symbol, date_from, count, flags = parsed("OOii", args)
    return _ticks("copy_ticks_from", symbol_of(symbol), date_s(date_from), count, flags)


@_function(VARARGS)
def copy_ticks_range(args: tuple[Any, ...]) -> Any:
    """copy_ticks_range(symbol, date_from, date_to, flags)

    Get ticks from specified period"""
    symbol, date_from, date_to, flags = parsed("OOOi", args)
    return _ticks("copy_ticks_range", symbol_of(symbol), date_s(date_from), date_s(date_to), flags)
