"""Arguments of the MetaTrader5 package's functions, taken and refused as its C module does.

Read from ``_core.pyd`` 5.0.6231. Some calls check types themselves and answer -2 with a text (``BadArgument`` here); others use
PyArg_ParseTuple or PyLong_As…, whose exception stays set while the function returns: Python makes a SystemError of that, and
so does this (``broken``).
"""

import datetime
import math
import operator
from typing import Any, NoReturn

from mesh.units import E8
from nodes.io.mt5structs import TradeRequest

TEXT_UNITS_MAX = 29
"""Symbols and comments: UTF-16 units."""
GROUP_UNITS_MAX = 1_997
NAME_UNITS_MAX = 253
"""Servers and passwords."""
PATH_UNITS_MAX = 258
"""MAX_PATH without drive and end."""
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_E8_MAX = 2**63 - 1


class BadArgument(Exception):
    """An argument was refused: the text goes to last_error with code -2."""


class _Broken(Exception):
    """A C conversion failed with an exception that the package does not clear."""


def broken(name: str, cause: BaseException) -> NoReturn:
    """Raise what Python makes of a C function that returns a result with an exception set."""
    raise SystemError(f"<built-in function {name}> returned a result with an exception set") from cause


def is_text(value: object, units_max: int = TEXT_UNITS_MAX) -> bool:
    """Whether a value is a text of at most so many UTF-16 units."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return len(value) <= units_max
    return len(value.encode("utf-16-le", "surrogatepass")) // 2 <= units_max


def sent_text(value: str) -> str:
    """A text as it can be sent: up to its first NUL, lone surrogates replaced."""
    return value.split("\0", 1)[0].encode("utf-8", "replace").decode("utf-8")


def symbol_of(value: object) -> str:
    """A symbol's name. Raises BadArgument."""
    if not is_text(value):
        raise BadArgument("Invalid arguments")
    return sent_text(str(value))


def unsigned(value: object, bits: int) -> int:
    """An unsigned Python int. Raises TypeError for another type, OverflowError where it does not fit."""
    if not isinstance(value, int):
        raise TypeError("an integer is required")
    number = int(value)
    if number < 0:
        raise OverflowError("can't convert negative int to unsigned")
    if number >> bits:
        raise OverflowError("Python int too large to convert to C unsigned long")
    return number


def parsed(kinds: str, args: tuple[Any, ...]) -> list[Any]:
    """Arguments by PyArg_ParseTuple's letters O, i, k, d, p. Raises BadArgument, TypeError and OverflowError."""
    if len(args) != len(kinds):
        raise BadArgument("Invalid arguments")
    return [_PARSERS[kind](value) for kind, value in zip(kinds, args, strict=True)]


def _parse_int(value: Any) -> int:
    number = operator.index(value)
    if number > _INT32_MAX:
        raise OverflowError("signed integer is greater than maximum")
    if number < _INT32_MIN:
        raise OverflowError("signed integer is less than minimum")
    return number


def _parse_unsigned(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"argument must be int, not {type(value).__name__}")
    return value & 0xFFFF_FFFF


_PARSERS: dict[str, Any] = {
    "O": lambda value: value,
    "i": _parse_int,
    "k": _parse_unsigned,
    "d": lambda value: math.ldexp(value, 0),  # takes what PyFloat_AsDouble takes, and no text
    "p": bool,
}


def date_s(value: object) -> int:
    """Seconds of a date: int, float or datetime, cut to 32 bits as the package's compiler does.

    Raises BadArgument for another type and OverflowError for an int beyond 32 bits.
    """
    if isinstance(value, int):
        if not _INT32_MIN <= value <= _INT32_MAX:
            raise OverflowError("Python int too large to convert to C long")
        return int(value)
    if isinstance(value, datetime.datetime):
        value = value.timestamp()
    if not isinstance(value, float):
        raise BadArgument("Invalid arguments")
    # cvttsd2si gives the least integer for NaN and for what does not fit
    return int(value) if _INT32_MIN - 1 < value < _INT32_MAX + 1 else _INT32_MIN


def e8_of(value: float) -> int:
    """The nearest fixed-point integer; NaN and what is too large become the nearest end, which every check refuses."""
    scaled = value * E8
    if -_E8_MAX < scaled < _E8_MAX:
        return round(scaled)
    return _E8_MAX if scaled > 0 else -_E8_MAX


_UNSIGNED_32, _UNSIGNED_64, _SIGNED_64, _TEXT, _FLOAT = "u32", "u64", "i64", "text", "float"
_REQUEST_KINDS: tuple[tuple[str, str], ...] = (
    ("action", _UNSIGNED_32),
    ("magic", _UNSIGNED_64),
    ("order", _UNSIGNED_64),
    ("symbol", _TEXT),
    ("volume", _FLOAT),
    ("price", _FLOAT),
    ("stoplimit", _FLOAT),
    ("sl", _FLOAT),
    ("tp", _FLOAT),
    ("deviation", _UNSIGNED_64),
    ("type", _UNSIGNED_32),
    ("type_filling", _UNSIGNED_32),
    ("type_time", _UNSIGNED_32),
    ("expiration", _UNSIGNED_32),
    ("comment", _TEXT),
    ("position", _UNSIGNED_64),
    ("position_by", _UNSIGNED_64),
)
"""The keys of a trade request in the order in which the package looks for them, which is that of the structure."""
