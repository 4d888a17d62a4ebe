"""Tick columns: slicing, joining and the stable merge on one clock."""

import numpy as np
import pytest

from nodes.ticks import NO_TICKS, SYMBOL_COUNT_MAX, TickColumns, concatenated, merged
from tests.nodes.tickrows import same


def make_ticks(symbol: str, *times_ns: int, bid_e8: int = 100) -> TickColumns:
    bids_e8 = bid_e8 + np.arange(len(times_ns), dtype=np.int64)
    return TickColumns.of_symbol(symbol, np.array(times_ns, dtype=np.int64), bids_e8, bids_e8 + 2)


def rows(ticks: TickColumns) -> list[tuple[str, int, int]]:
    """(symbol, time, bid) of each tick."""
    columns = zip(ticks.symbol_index.tolist(), ticks.time_ns.tolist(), ticks.bid_e8.tolist(), strict=True)
    return [(ticks.symbols[index], time_ns, bid_e8) for index, time_ns, bid_e8 in columns]


def test_merge_orders_by_time_and_ties_by_source_then_row() -> None:
    """Ties go to the earlier source, and within a source rows keep their order."""
    first = make_ticks("A", 10, 20, 20, 30, bid_e8=100)
    second = make_ticks("B", 5, 20, 20, 40, bid_e8=200)
    assert rows(merged([first, second])) == [
        ("B", 5, 200),
        ("A", 10, 100),
        ("A", 20, 101),
        ("A", 20, 102),
        ("B", 20, 201),
        ("B", 20, 202),
        ("A", 30, 103),
        ("B", 40, 203),
    ]
    assert rows(merged([second, first]))[2][0] == "B"


def test_merge_keeps_types() -> None:
    """Merged columns have the widths the wire sends."""
    ticks = merged([make_ticks("A", 1), make_ticks("B", 2)])
    assert (ticks.symbol_index.dtype, ticks.time_ns.dtype) == (np.uint16, np.int64)
    assert (ticks.bid_e8.dtype, ticks.ask_e8.dtype) == (np.int64, np.int64)


def test_concatenation_unites_symbols_by_name() -> None:
    """The same symbol in two parts is one symbol, numbered by first appearance."""
    joined = concatenated([make_ticks("A", 1), make_ticks("B", 2), make_ticks("A", 3)])
    assert joined.symbols == ("A", "B")
    assert joined.symbol_index.tolist() == [0, 1, 0]


def test_concatenation_of_nothing_is_no_ticks() -> None:
    """No part at all, and parts without ticks, make empty columns."""
    assert concatenated([]) is NO_TICKS
    assert len(merged([NO_TICKS, NO_TICKS])) == 0
    assert merged([NO_TICKS, make_ticks("A", 1)]).symbols == ("A",)


def test_slice_shares_memory_and_keeps_symbols() -> None:
    """A slice is a view: replaying a year does not copy it."""
    ticks = make_ticks("A", 1, 2, 3)
    part = ticks[1:]
    assert rows(part) == [("A", 2, 101), ("A", 3, 102)]
    assert np.shares_memory(part.bid_e8, ticks.bid_e8)


def test_of_takes_one_symbol_out() -> None:
    """What goes in by merging comes out by symbol; an unknown one is refused."""
    first, second = make_ticks("A", 1, 4), make_ticks("B", 2, 3)
    together = merged([first, second])
    assert same(together.of("A"), first)
    assert same(together.of("B"), second)
    with pytest.raises(ValueError, match="not in tuple"):
        together.of("C")


def test_columns_of_different_length_are_refused() -> None:
    """A missing price cannot be hidden."""
    three = np.zeros(3, dtype=np.int64)
    with pytest.raises(ValueError, match="ask_e8 2"):
        TickColumns.of_symbol("A", three, three, three[:2])


def test_symbols_are_unique_and_fit_sixteen_bits() -> None:
    """The index of a symbol is a uint16 and means one symbol."""
    none = np.empty(0, dtype=np.int64)
    index = np.empty(0, dtype=np.uint16)
    with pytest.raises(ValueError, match="named twice"):
        TickColumns(("A", "A"), index, none, none, none)
    with pytest.raises(ValueError, match="at most"):
        TickColumns(tuple(f"S{number}" for number in range(SYMBOL_COUNT_MAX + 1)), index, none, none, none)
