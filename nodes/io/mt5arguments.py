"""Arguments of the MetaTrader5 package's functions, taken and refused as its C module does.

Read from ``_core.pyd`` 5.0.6231. Some calls check types themselves and answer -2 with a text (``BadArgument`` here); others use
PyArg_ParseTuple or PyLong_As…, whose exception stays set while the function returns: Python makes a SystemError of that, and
so does this (``broken``).
"""

import datetime
import math
import operator
import struct
from collections.abc import Callable
from itertools import repeat
from typing import Any

from mesh.units import E8

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


class Unfit(Exception):
    """A conversion of the C interface failed; its exception stays set and comes up as the cause of a SystemError."""

    def __init__(self, cause: TypeError | ValueError | OverflowError | OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def is_text(value: object, units_max: int = TEXT_UNITS_MAX) -> bool:
    """Whether a value is a text of at most so many UTF-16 units."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return len(value) <= units_max
    return len(value.encode("utf-16-le", "surrogatepass")) // 2 <= units_max


def sent_text(value: str) -> str:
    """A text as it can be sent: up to its first NUL, lone surrogates replaced."""
    if "\0" in value:
        value = value.split("\0", 1)[0]
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def symbol_of(value: object) -> str:
    """A symbol's name. Raises BadArgument."""
    if not is_text(value):
        raise BadArgument("Invalid arguments")
    return sent_text(str(value))


def unsigned(value: object, bits: int) -> int:
    """A Python int as an unsigned C integer. Raises BadArgument (without text) for another type, Unfit where it does not fit."""
    if not isinstance(value, int):
        raise BadArgument
    if value < 0:
        raise Unfit(OverflowError("can't convert negative int to unsigned"))
    if value >> bits:
        raise Unfit(OverflowError("Python int too large to convert to C unsigned long"))
    return int(value)


def parsed(kinds: str, args: tuple[Any, ...]) -> list[Any]:
    """Arguments by PyArg_ParseTuple's letters O, i, k, d, p. Raises BadArgument for their number, Unfit for a type."""
    if len(args) != len(kinds):
        raise BadArgument("Invalid arguments")
    try:
        return [_PARSERS[kind](value) for kind, value in zip(kinds, args, strict=True)]
    except (TypeError, ValueError, OverflowError) as error:
        raise Unfit(error) from None


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


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "O": lambda value: value,
    "i": _parse_int,
    "k": _parse_unsigned,
    "d": lambda value: math.ldexp(value, 0),  # takes what PyFloat_AsDouble takes, and no text
    "p": bool,
}


def date_s(value: object) -> int:
    """Seconds of a date: int, float or datetime, cut to 32 bits as the package's compiler does.

    Raises BadArgument for another type, Unfit for an int beyond 32 bits and a datetime without a timestamp.
    """
    if isinstance(value, int):
        if not _INT32_MIN <= value <= _INT32_MAX:
            raise Unfit(OverflowError("Python int too large to convert to C long"))
        return int(value)
    if isinstance(value, datetime.datetime):
        try:
            value = value.timestamp()
        except (ValueError, OverflowError, OSError) as error:  # years that the host's zone does not know
            raise Unfit(error) from None
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


_U32, _U64, _I64, _TEXT, _FLOAT = range(5)
_REQUEST_KINDS: tuple[tuple[str, int], ...] = (
    ("action", _U32),
    ("magic", _U64),
    ("order", _U64),
    ("symbol", _TEXT),
    ("volume", _FLOAT),
    ("price", _FLOAT),
    ("stoplimit", _FLOAT),
    ("sl", _FLOAT),
    ("tp", _FLOAT),
    ("deviation", _U64),
    ("type", _U32),
    ("type_filling", _U32),
    ("type_time", _U32),
    ("expiration", _I64),
    ("comment", _TEXT),
    ("position", _U64),
    ("position_by", _U64),
)
"""The keys of a trade request in the order in which the package looks for them, which is that of the structure."""
_ABSENT = object()
_KEYS = tuple(key for key, _ in _REQUEST_KINDS)
_PLAIN: dict[int, Any] = {_TEXT: "", _FLOAT: 0.0}
_DEFAULTS: list[Any] = [_PLAIN.get(kind, 0) for _, kind in _REQUEST_KINDS]
_PLAIN_TYPES: list[type] = [type(value) for value in _DEFAULTS]
_INT_RANGES = {_U32: (0, 2**32 - 1), _U64: (0, 2**64 - 1), _I64: (-(2**63), 2**63 - 1)}
_INTEGERS = struct.Struct("<I2Q Q3I q2Q")
"""The C types of a request's numbers: action, magic, order; deviation, type, type_filling, type_time; expiration, positions."""


def request_from(given: object) -> tuple[list[Any], list[Any]]:
    """A trade request's values, as the package understands them and as they are sent (fractions in e8).

    Keys that are missing count as zero or no text, unknown ones are ignored. Raises BadArgument and Unfit.
    """
    if not isinstance(given, dict):
        raise BadArgument("Invalid arguments")
    values: list[Any] = list(map(dict.get, repeat(given), _KEYS, _DEFAULTS))
    # nearly every request is of plain types, which are looked over together
    if list(map(type, values)) != _PLAIN_TYPES or not _fits(values):
        values = _looked_over(given)
    action, magic, order, symbol, volume, price, stoplimit, sl, tp, *rest = values
    sent = [action, magic, order, symbol, e8_of(volume), e8_of(price)]
    sent += (e8_of(stoplimit) if stoplimit else 0, e8_of(sl) if sl else 0, e8_of(tp) if tp else 0, *rest)
    return values, sent


def _fits(values: list[Any]) -> bool:
    """Whether the numbers of a request fit their C types and its texts can be sent as they are."""
    action, magic, order, symbol, _, _, _, _, _, deviation, type_, filling, time, expiration, comment, position, by = values
    try:
        _INTEGERS.pack(action, magic, order, deviation, type_, filling, time, expiration, position, by)
    except struct.error:
        return False
    texts = symbol + comment
    return (
        texts.isascii()
        and "\0" not in texts
        and len(symbol) <= TEXT_UNITS_MAX
        and len(comment) <= TEXT_UNITS_MAX
    )


def _looked_over(given: dict[Any, Any]) -> list[Any]:
    """The values of a request one by one, in the order in which the package looks at them. Raises BadArgument and Unfit."""
    values = _DEFAULTS.copy()
    for at, (key, kind) in enumerate(_REQUEST_KINDS):
        value = dict.get(given, key, _ABSENT)
        if value is _ABSENT:
            continue
        if kind == _FLOAT and isinstance(value, float):
            values[at] = float(value)
        elif kind == _TEXT and is_text(value):
            values[at] = sent_text(str(value))
        elif kind in _INT_RANGES and isinstance(value, int):
            least, most = _INT_RANGES[kind]
            if not least <= value <= most:
                raise Unfit(OverflowError(f"{key} = {value} does not fit its C type"))
            values[at] = int(value)
        else:
            raise BadArgument(f'Invalid "{key}" argument')
    return values
