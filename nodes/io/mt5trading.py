"""The MetaTrader5 package's functions about orders, positions and history, and its three helpers written in Python."""

from typing import Any

from mesh.units import E8
from nodes.io import mt5structs
from nodes.io.mt5arguments import GROUP_UNITS_MAX, BadArgument, date_s, e8_of, parsed, request_from, symbol_of
from nodes.io.mt5call import KEYWORDS, NOARGS, VARARGS, Keywords, function, keyword_int, keyword_text, structs
