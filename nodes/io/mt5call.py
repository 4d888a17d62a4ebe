"""What all functions of the MetaTrader5 package do: refuse arguments by their kind, reset last_error, answer in structures."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from nodes.io.mt5arguments import BadArgument, Unfit, is_text, sent_text, unsigned
from nodes.io.mt5session import SESSION
from nodes.io.mt5structs import struct_from_row
from nodes.terminal.lasterror import SUCCESS, refused_argument

VARARGS, KEYWORDS, NOARGS = 1, 3, 4
"""METH_VARARGS, METH_VARARGS | METH_KEYWORDS, METH_NOARGS."""

_LOCK = SESSION.lock
Keywords = dict[str, Any]


def function(kind: int, refused: Any = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of the package. ``refused``: what it answers when an argument is refused."""

    def decorate(body: Callable[..., Any]) -> Callable[..., Any]:
        name = body.__name__

        def called(*args: Any, **keywords: Any) -> Any:
            if keywords and kind != KEYWORDS:
                raise TypeError(f"MetaTrader5._core.{name}() takes no keyword arguments")
            if args and kind == NOARGS:
                raise TypeError(f"MetaTrader5._core.{name}() takes no arguments ({len(args)} given)")
            with _LOCK:  # one call at a time, whatever thread it comes from
                SESSION.error = SUCCESS
                try:
                    if kind == KEYWORDS:
                        return body(args, keywords)
                    return body(*args) if kind == NOARGS else body(args)
                except BadArgument as error:
                    SESSION.error = refused_argument(str(error))
                    return refused
                except Unfit as error:
                    SESSION.error = refused_argument("Invalid arguments")
                    text = f"<built-in function {name}> returned a result with an exception set"
                    raise SystemError(text) from error.cause

        functools.update_wrapper(called, body)
        del called.__wrapped__  # type: ignore[attr-defined]
        called.__doc__ = inspect.cleandoc(body.__doc__ or "")
        called.__module__ = "MetaTrader5._core"
        called.kind = kind  # type: ignore[attr-defined]
        return called

    return decorate


def keyword_text(keywords: Keywords, key: str, units_max: int) -> str:
    """A text given by keyword, or no text. Raises BadArgument."""
    value = keywords.get(key, "")
    if not is_text(value, units_max):
        raise BadArgument(f'Invalid "{key}" argument')
    return sent_text(value)


def keyword_int(keywords: Keywords, key: str, bits: int = 64) -> int:
    """An unsigned number given by keyword, or 0. Raises BadArgument and Unfit."""
    try:
        return unsigned(keywords.get(key, 0), bits)
    except BadArgument:
        raise BadArgument(f'Invalid "{key}" argument') from None


def struct(kind: Any, row: Any) -> Any:
    """A structure of a row; None stays None."""
    return None if row is None else struct_from_row(kind, row)


def _matcher(group: str) -> Callable[[str], bool]:
    """A filter: comma list of ``*`` patterns; one must match, and none that begins with ``!``. Case counts."""
    patterns = group.split(",")
    wanted = [text.split("*") for text in patterns if not text.startswith("!")]
    unwanted = [text[1:].split("*") for text in patterns if text.startswith("!")]

    def matches(symbol: str) -> bool:
        return any(_has(parts, symbol) for parts in wanted) and not any(_has(parts, symbol) for parts in unwanted)

    return matches


def _has(parts: list[str], symbol: str) -> bool:
    """Whether a symbol is made of what stands between the ``*`` of a pattern, in that order; in time that is linear in both."""
    first, *rest = parts
    if not rest:
        return symbol == first
    *inner, last = rest
    at, end = len(first), len(symbol) - len(last)
    if at > end or not symbol.startswith(first) or not symbol.endswith(last):
        return False
    for part in inner:
        at = symbol.find(part, at, end) + len(part)
        if at < len(part):
            return False
    return True


def structs(kind: Any, rows: Any, group: str = "", name: str = "symbol") -> Any:
    """A tuple of structures, of a group of symbols where one is given; None stays None."""
    if rows is None:
        return None
    found = tuple([struct_from_row(kind, row) for row in rows])
    if not group:
        return found
    matches = _matcher(group)
    return tuple([struct for struct in found if matches(getattr(struct, name))])


