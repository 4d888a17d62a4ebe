"""Where the blocks of a live market end: at what there is, at the time it is now."""

import numpy as np

from mesh.units import SECOND_NS
from nodes.market.blocks import LiveBounds, Plan, next_live_plan
from nodes.tape import BLOCK_TICKS_MAX, Tape
from nodes.ticks import TickColumns

NO_SIGNAL_SEQ = 2**62


def tape_of(count: int) -> Tape:
    """Ticks at 1 s, 2 s, 3 s …"""
    tape = Tape(("EURUSD",))
    times = (np.arange(count, dtype=np.int64) + 1) * SECOND_NS
    tape.append(TickColumns.of_symbol("EURUSD", times, times, times))
    return tape


def plan(
    count: int,
    released_seq: int,
    end_s: int,
    *,
    computed_seq: int = 0,
    signal_seq: int = NO_SIGNAL_SEQ,
    clock_s: int = 0,
    whole: bool = True,
) -> Plan | None:
    bounds = LiveBounds(computed_seq=computed_seq or count, signal_seq=signal_seq, clock_ns=clock_s * SECOND_NS, is_whole=whole)
    return next_live_plan(tape_of(count), released_seq, end_s * SECOND_NS, bounds)


def test_ticks_happen_as_soon_as_they_are_computed() -> None:
    """All of them in one block, at the last one's time where the clock is not ahead of it."""
    assert plan(5, 2, 2, clock_s=4) == Plan(5, 5 * SECOND_NS)
    assert plan(5, 2, 2, computed_seq=2) is None


def test_late_ticks_happen_now() -> None:
    """A signal of an old tick is told at the time it is now, so that whoever trades sees its age."""
    assert plan(5, 2, 2, signal_seq=3, clock_s=600) == Plan(4, 600 * SECOND_NS, has_signals=True)
    assert plan(5, 2, 700, clock_s=600) == Plan(5, 700 * SECOND_NS)


def test_time_goes_on_without_ticks_only_where_none_are_missing() -> None:
    """By the clock; not while the feed knows of more ticks, not while an indicator is behind, never back."""
    assert plan(5, 5, 5, clock_s=9) == Plan(5, 9 * SECOND_NS)
    assert plan(5, 5, 9, clock_s=9) is None
    assert plan(5, 5, 10, clock_s=9) is None
    assert plan(5, 5, 5, clock_s=9, whole=False) is None


def test_last_tick_stays_back_while_more_are_to_come() -> None:
    """In a gap that is being filled an indicator always has a tick beyond the block: the clock closes no bar there."""
    assert plan(5, 2, 2, clock_s=600, whole=False) == Plan(4, 600 * SECOND_NS)
    assert plan(5, 2, 2, computed_seq=4, clock_s=600) == Plan(3, 600 * SECOND_NS)
    assert plan(5, 4, 600, clock_s=600, whole=False) is None


def test_block_holds_no_more_than_others() -> None:
    """A gap of a day comes in blocks that fit the credit."""
    assert plan(9_000, 10, 10) == Plan(10 + BLOCK_TICKS_MAX, (10 + BLOCK_TICKS_MAX) * SECOND_NS)
