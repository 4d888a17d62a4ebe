"""What the store of a live market keeps: every tick once under its number, in whole chunks, the oldest dropped."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mesh.core import Put
from mesh.units import E8, SECOND_NS
from nodes.market.ticklog import TICKS, TickLog
from nodes.tape import CHUNK_TICKS_MAX
from nodes.ticks import TickColumns
from tests.nodes.tickrows import same

SYMBOLS = ("EURUSD", "USDJPY")


def ticks_from(first: int, count: int) -> TickColumns:
    numbers = np.arange(first, first + count, dtype=np.int64)
    return TickColumns(SYMBOLS, (numbers % 2).astype(np.uint16), numbers * SECOND_NS, E8 + numbers, E8 + numbers + 10)


def stored(rows: dict[bytes, bytes], puts: list[Put]) -> None:
    for put in puts:
        assert put.kind == TICKS
        if put.record is None:
            del rows[put.key]
        else:
            rows[put.key] = put.record


@given(st.lists(st.integers(1, 3 * CHUNK_TICKS_MAX), max_size=12), st.integers(0, 12))
def test_ticks_come_back_under_their_numbers(counts: list[int], restart_at: int) -> None:
    """However they came, and wherever the market was restarted, what is loaded is what was added."""
    log, rows, end = TickLog(SYMBOLS), {}, 0
    for index, count in enumerate(counts):
        if index == restart_at:
            log = TickLog(SYMBOLS)
            log.load(list(rows.values()))
        stored(rows, log.add(ticks_from(end, count)))
        end += count
        assert log.end_seq == end
    first_seq, loaded = TickLog(SYMBOLS).load(list(rows.values()))
    assert first_seq == 0
    assert same(loaded, ticks_from(0, end))
    assert len(rows) <= end // CHUNK_TICKS_MAX + len(counts)


def test_small_answers_become_whole_chunks() -> None:
    """A day of single ticks is some rows of a chunk each, not a row a tick."""
    log, rows = TickLog(SYMBOLS), {}
    for first in range(5 * CHUNK_TICKS_MAX + 3):
        stored(rows, log.add(ticks_from(first, 1)))
    assert len(rows) == 5 + 3


def test_oldest_chunks_are_dropped() -> None:
    """What is beyond the number kept goes; the rest begins at its own first number."""
    log, rows = TickLog(SYMBOLS, kept_count=2 * CHUNK_TICKS_MAX), {}
    for first in range(0, 10 * CHUNK_TICKS_MAX, 500):
        stored(rows, log.add(ticks_from(first, 500)))
    first_seq, loaded = TickLog(SYMBOLS).load(list(rows.values()))
    assert first_seq == 7 * CHUNK_TICKS_MAX
    assert same(loaded, ticks_from(first_seq, 3 * CHUNK_TICKS_MAX))
