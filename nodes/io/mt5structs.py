"""The structures of the MetaTrader5 package, made as its C module makes them: as PyStructSequence types.

Such a type is a tuple with named fields, ``_asdict`` and nothing else of a namedtuple; its name has no module, so it cannot be
pickled. Python has no way to make one, but CPython's C interface has: ``PyStructSequence_NewType``. Here is also the one place
where the terminal's fixed-point integers become floats.
"""

import ctypes
import warnings
from typing import Any

from mesh.units import E8
from nodes.terminal.fields import FIELDS, FRACTIONS


class _Field(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("doc", ctypes.c_char_p))


class _Description(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("doc", ctypes.c_char_p),
        ("fields", ctypes.POINTER(_Field)),
        ("in_sequence_count", ctypes.c_int),
    )


_DOCS = {
    "TradePosition": "Trade position structure",
    "TradeOrder": "Trade order structure",
    "TradeDeal": "Trade deal structure",
    "TradeRequest": "Trade request structure",
    "OrderSendResult": "order_send result structure",
    "OrderCheckResult": "order_check result structure",
    "Tick": "This is a structure for storing latest symbol prices",
    "TerminalInfo": "This is a structure for storing terminal information",
    "SymbolInfo": "This is a structure for storing symbol information",
    "AccountInfo": "This is a structure for storing account information",
    "BookInfo": "This is a structure for storing Depth of Market information",
}
_new_type = ctypes.pythonapi.PyStructSequence_NewType
_new_type.restype = ctypes.py_object
_new_type.argtypes = (ctypes.POINTER(_Description),)
_kept_alive: list[Any] = []
"""A type points into its description for as long as it lives."""


def _asdict(self: Any) -> dict[str, Any]:
    """Convert named tuple object to dictionary"""
    return dict(zip(FIELDS[type(self).__name__], self, strict=True))


def _made(name: str) -> Any:
    fields = (_Field * (len(FIELDS[name]) + 1))(*(_Field(field.encode(), None) for field in FIELDS[name]))
    description = _Description(name.encode(), _DOCS[name].encode(), fields, len(FIELDS[name]))
    _kept_alive.append((fields, description))
    with warnings.catch_warnings():
        # "builtin type has no __module__ attribute": that is how the package's types are
        warnings.simplefilter("ignore", DeprecationWarning)
        made = _new_type(ctypes.byref(description))
    made.__module__ = "builtins"
    made._asdict = _asdict
    return made


TradePosition = _made("TradePosition")
TradeOrder = _made("TradeOrder")
TradeDeal = _made("TradeDeal")
TradeRequest = _made("TradeRequest")
OrderSendResult = _made("OrderSendResult")
OrderCheckResult = _made("OrderCheckResult")
Tick = _made("Tick")
TerminalInfo = _made("TerminalInfo")
SymbolInfo = _made("SymbolInfo")
AccountInfo = _made("AccountInfo")
BookInfo = _made("BookInfo")

_FRACTION_AT: dict[Any, tuple[int, ...]] = {
    globals()[name]: tuple(FIELDS[name].index(field) for field in fields) for name, fields in FRACTIONS.items()
}


def struct_from_row(kind: Any, row: list[Any], *more: Any) -> Any:
    """A structure of the terminal's plain values, fractions from e8; ``more`` goes behind them as it is."""
    values = [*row, *more]
    for at in _FRACTION_AT[kind]:
        values[at] = values[at] / E8
    return kind(values)
