"""Tick columns compared as a whole."""

import numpy as np

from nodes.ticks import TickColumns


def same(first: TickColumns, second: TickColumns) -> bool:
    """Whether both hold the same ticks of the same symbols in the same order."""
    columns = ("symbol_index", "time_ns", "bid_e8", "ask_e8")
    return first.symbols == second.symbols and all(
        np.array_equal(getattr(first, column), getattr(second, column)) for column in columns
    )
