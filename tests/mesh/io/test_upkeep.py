"""What a shell does when there is time: garbage collections that interrupt the trading are measured, those of idle moments are not."""

import gc

from mesh.io.upkeep import COLLECT_NS, COLLECT_NS_MAX, Upkeep
from mesh.units import SECOND_NS


def pause_us(upkeep: Upkeep) -> int:
    """The longest so far."""
    return upkeep._pause_us_max


def test_collection_in_the_middle_of_something_is_measured() -> None:
    """The interpreter's own collections count, up to the end of the trading."""
    upkeep = Upkeep(SECOND_NS)
    upkeep.start(0)
    try:
        kept = [[number] for number in range(200_000)]
        gc.collect()
        assert pause_us(upkeep) > 0
        assert len(kept) == 200_000
    finally:
        upkeep.stop()
        gc.unfreeze()
    before_us = pause_us(upkeep)
    upkeep._pause_us_max = 0
    gc.collect()
    assert (before_us > 0, pause_us(upkeep)) == (True, 0)


def test_collection_of_an_idle_moment_is_no_pause() -> None:
    """Nothing waited for it; one that could not wait any longer counts."""
    upkeep = Upkeep(SECOND_NS)
    upkeep.start(0)
    try:
        upkeep._pause_us_max = 0
        gc.disable()
        upkeep.turn([], [], COLLECT_NS + 1, is_idle=True, is_quiet=True)
        assert pause_us(upkeep) == 0
        last_ns = COLLECT_NS + 1 + COLLECT_NS_MAX
        upkeep.turn([], [], last_ns - 1, is_idle=False, is_quiet=True)
        assert pause_us(upkeep) == 0
        upkeep.turn([], [], last_ns, is_idle=False, is_quiet=True)
        assert pause_us(upkeep) > 0
    finally:
        gc.enable()
        upkeep.stop()
        gc.unfreeze()
