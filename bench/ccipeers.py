"""Who else computes a CCI: TA-Lib, tulipy, talipp, pandas-ta and its fork, each called as its own documentation does.

They take floats. Each is imported when it is asked for; one that is not installed says how it would be.
"""

import warnings
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.chain import NotInstalled

Column = NDArray[np.float64]
Prices = tuple[Column, Column, Column]
"""High, low, close."""
Batch = Callable[[ModuleType, Prices, int], Column]
"""All bars and a period into the values, the last of them at the last bar; how many are left out before the first one differs."""
Stream = Callable[[ModuleType, Prices, int], Callable[[], Column]]
"""All bars and a period: what pushes the bars after the first ``period`` one by one and gives the newest value, in a column of one."""


class Peer(msgspec.Struct, frozen=True):
    """A library: its module, what pip calls it, what it can do. ``is_slow``: µs a bar where the others take ns."""

    name: str
    module: str
    pip: str
    batch: Batch
    stream: Stream | None = None
    is_slow: bool = False

    def load(self) -> ModuleType:
        """Import it; what it warns of then is its own affair. Raises NotInstalled."""
        try:
            with warnings.catch_warnings(action="ignore"):
                return import_module(self.module)
        except ImportError as error:
            if error.name is not None and f"{self.module}.".startswith(f"{error.name}."):
                raise NotInstalled(f"not installed: pip install {self.pip}") from None
            raise NotInstalled(f"cannot be imported: {error}") from None


def _talib(talib: ModuleType, prices: Prices, period: int) -> Column:
    values: Column = talib.CCI(*prices, timeperiod=period)
    return values


def _talib_stream(talib: ModuleType, prices: Prices, period: int) -> Callable[[], Column]:
    high, low, close = (column[:period] for column in prices)
    update = talib.stream.CCI(high, low, close, timeperiod=period).update
    after = list(zip(*(column[period:].tolist() for column in prices), strict=True))

    def push() -> Column:
        value = 0.0
        for bar in after:
            value = update(*bar)
        return np.array([value])

    return push


def _tulipy(tulipy: ModuleType, prices: Prices, period: int) -> Column:
    values: Column = tulipy.cci(*prices, period)
    return values


def _candles(prices: Prices) -> list[object]:
    """talipp's own bars."""
    high, low, close = (column.tolist() for column in prices)
    return list(map(import_module("talipp.ohlcv").OHLCV, close, high, low, close))


def _talipp(indicators: ModuleType, prices: Prices, period: int) -> Column:
    return np.array(list(indicators.CCI(period, _candles(prices))), dtype=np.float64)


def _talipp_stream(indicators: ModuleType, prices: Prices, period: int) -> Callable[[], Column]:
    candles = _candles(prices)
    cci = indicators.CCI(period, candles[:period])
    add, after = cci.add, candles[period:]

    def push() -> Column:
        for candle in after:
            add(candle)
        return np.array([cci[-1]], dtype=np.float64)

    return push


def _pandas_ta(library: ModuleType, prices: Prices, period: int) -> Column:
    high, low, close = map(import_module("pandas").Series, prices)
    values: Column = library.cci(high, low, close, length=period, talib=False).to_numpy()
    return values


PEERS = (
    Peer("TA-Lib", "talib", "TA-Lib", _talib, _talib_stream),
    Peer("tulipy", "tulipy", "tulipy", _tulipy),
    Peer("talipp", "talipp.indicators", "talipp", _talipp, _talipp_stream, is_slow=True),
    Peer("pandas-ta", "pandas_ta", "pandas-ta, from Python 3.12 on", _pandas_ta, is_slow=True),
    Peer("pandas-ta-classic", "pandas_ta_classic", "pandas-ta-classic", _pandas_ta, is_slow=True),
)
