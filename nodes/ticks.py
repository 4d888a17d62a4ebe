"""Ticks in columns: the form in which market data leaves the feed and the synthetic market.

A million ticks are a million rows of four numpy columns, not a million objects. Times are UTC market time; prices are
fixed-point with eight decimals. The columns are never changed in place: slices share memory with their source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from mesh.messages.market import Ticks

SYMBOL_COUNT_MAX = 65_535
"""``symbol_index`` is sixteen bits wide."""


@dataclass(frozen=True, slots=True, eq=False)
class TickColumns:
    """Ticks of one or more symbols, in order of time (ties keep the order of their source).

    Raises ValueError when the columns differ in length, a symbol is named twice, or there are too many symbols.
    """

    symbols: tuple[str, ...]
    symbol_index: npt.NDArray[np.uint16]
    """Position in ``symbols``."""
    time_ns: npt.NDArray[np.int64]
    bid_e8: npt.NDArray[np.int64]
    ask_e8: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check what every reader of the columns relies on."""
        count = len(self.time_ns)
        if not (len(self.symbol_index) == len(self.bid_e8) == len(self.ask_e8) == count):
            raise ValueError(
                f"columns differ in length: symbol_index {len(self.symbol_index)}, time_ns {count}, "
                f"bid_e8 {len(self.bid_e8)}, ask_e8 {len(self.ask_e8)}"
            )
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError(f"a symbol is named twice in {self.symbols}")
        if len(self.symbols) > SYMBOL_COUNT_MAX:
            raise ValueError(f"{len(self.symbols)} symbols; at most {SYMBOL_COUNT_MAX}")

    @classmethod
    def of_symbol(
        cls,
        symbol: str,
        time_ns: npt.NDArray[np.int64],
        bid_e8: npt.NDArray[np.int64],
        ask_e8: npt.NDArray[np.int64],
    ) -> "TickColumns":
        """Columns of one symbol."""
        return cls((symbol,), np.zeros(len(time_ns), dtype=np.uint16), time_ns, bid_e8, ask_e8)

    def __len__(self) -> int:
        """The number of ticks."""
        return len(self.time_ns)

    @overload
    def __getitem__(self, key: slice) -> "TickColumns": ...
    @overload
    def __getitem__(self, key: npt.NDArray[Any]) -> "TickColumns": ...
    def __getitem__(self, key: slice | npt.NDArray[Any]) -> "TickColumns":
        """The ticks of a slice (shares memory), a mask or an array of positions (copies)."""
        return TickColumns(self.symbols, self.symbol_index[key], self.time_ns[key], self.bid_e8[key], self.ask_e8[key])

    def of(self, symbol: str) -> "TickColumns":
        """The ticks of one symbol, as columns of that symbol alone. Raises ValueError for a symbol not in here."""
        rows = self.symbol_index == self.symbols.index(symbol)
        return TickColumns.of_symbol(symbol, self.time_ns[rows], self.bid_e8[rows], self.ask_e8[rows])


NO_TICKS = TickColumns(
    (),
    np.empty(0, dtype=np.uint16),
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.int64),
)
"""Columns without a symbol and without a tick."""


def concatenated(parts: Sequence[TickColumns]) -> TickColumns:
    """The parts one after the other; symbols in the order in which they first appear, equal names become one symbol."""
    if not parts:
        return NO_TICKS
    symbols = tuple(dict.fromkeys(symbol for part in parts for symbol in part.symbols))
    position_of = {symbol: position for position, symbol in enumerate(symbols)}
    indexes = []
    for part in parts:
        renumbered = np.array([position_of[symbol] for symbol in part.symbols], dtype=np.uint16)
        indexes.append(renumbered[part.symbol_index] if len(part) else part.symbol_index)
    return TickColumns(
        symbols,
        np.concatenate(indexes),
        np.concatenate([part.time_ns for part in parts]),
        np.concatenate([part.bid_e8 for part in parts]),
        np.concatenate([part.ask_e8 for part in parts]),
    )


def merged(parts: Sequence[TickColumns]) -> TickColumns:
    """The parts on one clock. Ties: the earlier part first, and within a part its own order."""
    joined = concatenated(parts)
    if len(parts) < 2:
        return joined
    return joined[np.argsort(joined.time_ns, kind="stable")]


def columns_of(ticks: Ticks) -> TickColumns:
    """The columns of a message. Raises ValueError where they do not fit together or name no symbol of the message."""
    index = np.frombuffer(ticks.symbol_index, dtype="<u2")
    if len(index) and int(index.max()) >= len(ticks.symbols):
        raise ValueError(f"symbol_index {int(index.max())} of {len(ticks.symbols)} symbols")
    return TickColumns(
        tuple(ticks.symbols),
        index.astype(np.uint16, copy=False),
        np.frombuffer(ticks.time_ns, dtype="<i8").astype(np.int64, copy=False),
        np.frombuffer(ticks.bid_e8, dtype="<i8").astype(np.int64, copy=False),
        np.frombuffer(ticks.ask_e8, dtype="<i8").astype(np.int64, copy=False),
    )
