"""A module with MetaTrader5's functions of market data, over ticks and bars that a test writes down."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from nodes.io.mt5market import RATES_DTYPE, TICKS_DTYPE
from tests.smallmesh import small_mesh

SUCCESS = (1, "Success")
HEAD = """
[market]
symbols = ["EURUSD"]
[strategy.swing]
kind = "reversion"
"""


def real_mesh(terminal: str) -> str:
    """One real account, whose terminal there is none of here."""
    return small_mesh(HEAD, {"one": f'server = "real"\nterminal = "{terminal}"'}, broker=False)


CONFIG = real_mesh("C:/terminal64.exe")


class FakeTerminal:
    """``ticks`` by symbol: (server ms, bid, ask), in order. ``bars``: (server seconds, open, high, low, close, spread)."""

    def __init__(self, **ticks: list[tuple[int, float, float]]) -> None:
        self.ticks = ticks
        self.bars: dict[str, list[tuple[float, ...]]] = {}
        self.login, self.server = 5001, "real"
        self.connected = True
        self.error = SUCCESS
        self.opened: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.calls: list[tuple[Any, ...]] = []
        self.failing: dict[str, tuple[int, str]] = {}
        """Function or symbol → the last_error it gives."""

    def initialize(self, *path: str, **words: Any) -> bool:
        self.opened.append((path, words))
        return "initialize" not in self.failing

    def last_error(self) -> tuple[int, str]:
        return self.error

    def account_info(self) -> Any:
        return SimpleNamespace(login=self.login, server=self.server)

    def terminal_info(self) -> Any:
        return None if self._fails("terminal_info") else SimpleNamespace(connected=self.connected)

    def symbol_select(self, symbol: str, enable: bool) -> bool:
        self.calls.append(("symbol_select", symbol))
        return True

    def symbol_info(self, symbol: str) -> Any:
        return SimpleNamespace(point=0.00001)

    def symbol_info_tick(self, symbol: str) -> Any:
        rows = self.ticks[symbol]
        return SimpleNamespace(time_msc=rows[-1][0]) if rows else None

    def copy_rates_from_pos(self, symbol: str, timeframe: int, start: int, count: int) -> Any:
        rows = self.bars.get(symbol, [])
        rows = rows[: len(rows) - start][-count:]
        self.error = SUCCESS if rows else (-1, "Terminal: Call failed")
        bars = np.zeros(len(rows), RATES_DTYPE)
        for index, (time_s, opened, high, low, close, spread) in enumerate(rows):
            bars[index] = (time_s, opened, high, low, close, 1, spread, 0)
        return bars if rows else None

    def copy_ticks_from(self, symbol: str, date_s: int, count: int, flags: int) -> Any:
        self.calls.append(("copy_ticks_from", symbol, date_s, count))
        if self._fails(symbol):
            return None
        rows = [row for row in self.ticks[symbol] if row[0] >= date_s * 1_000][:count]
        found = np.zeros(len(rows), TICKS_DTYPE)
        found["time_msc"] = [row[0] for row in rows]
        found["bid"] = [row[1] for row in rows]
        found["ask"] = [row[2] for row in rows]
        return found

    def _fails(self, name: str) -> bool:
        self.error = self.failing.get(name, SUCCESS)
        return self.error != SUCCESS
