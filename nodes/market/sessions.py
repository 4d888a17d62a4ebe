"""When a symbol is traded, as its ticks have shown: the package tells nothing about sessions.

The weekend of the server's clock is closed until a tick on it shows otherwise, and so is a break of the day: half an hour or
more without a tick in a day that was seen whole.
"""

import numpy as np

from mesh.units import DAY_NS, MINUTE_NS
from nodes.ticks import TickColumns
from nodes.zones import Zone
from nodes.zonetimes import offsets_at

BREAK_MINUTES = 30
_DAY_MINUTES = DAY_NS // MINUTE_NS
_THURSDAY = 3
"""1970-01-01, counted from Monday."""
_SATURDAY = 5


class Sessions:
    """By symbol: at which minutes of the server's day it has ticked, on which days, and since when it is known."""

    def __init__(self, symbols: tuple[str, ...], zone: Zone) -> None:
        self._zone = zone
        self._minutes = {symbol: np.zeros(_DAY_MINUTES, dtype=np.bool_) for symbol in symbols}
        self._is_weekend_traded = dict.fromkeys(symbols, False)
        self._first_ns: dict[str, int] = {}

    def learn(self, ticks: TickColumns) -> None:
        """Ticks show when their symbols are traded."""
        if not len(ticks):
            return
        server_ns = ticks.time_ns + offsets_at(self._zone, ticks.time_ns)
        minutes = server_ns // MINUTE_NS % _DAY_MINUTES
        weekdays = (server_ns // DAY_NS + _THURSDAY) % 7
        for index, symbol in enumerate(ticks.symbols):
            rows = np.flatnonzero(ticks.symbol_index == index)
            if len(rows):
                self._minutes[symbol][minutes[rows]] = True
                self._is_weekend_traded[symbol] |= bool((weekdays[rows] >= _SATURDAY).any())
                self._first_ns.setdefault(symbol, int(ticks.time_ns[rows[0]]))

    def is_open(self, symbol: str, market_ns: int) -> bool:
        """Whether ticks of a symbol are to be expected."""
        server_ns = market_ns + self._zone.offset_ns_at(market_ns)
        if (server_ns // DAY_NS + _THURSDAY) % 7 >= _SATURDAY:
            return self._is_weekend_traded[symbol]
        if market_ns - self._first_ns.get(symbol, market_ns) < DAY_NS:
            return True
        minute = server_ns // MINUTE_NS % _DAY_MINUTES
        if self._minutes[symbol][minute]:
            return True
        seen = np.flatnonzero(np.roll(self._minutes[symbol], -minute))
        silent_count = int(seen[0]) + _DAY_MINUTES - 1 - int(seen[-1])
        return silent_count < BREAK_MINUTES
