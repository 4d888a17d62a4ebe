"""The clocks a shell hands to its cores."""

import time

import pytest

from mesh.io.clock import monotonic_ns, random_life, wall_ns


def test_monotonic_never_goes_back() -> None:
    """A thousand readings never fall, and are integers of nanoseconds."""
    readings = [monotonic_ns() for _ in range(1_000)]
    assert readings == sorted(readings)
    assert type(readings[0]) is int


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="platform: no CLOCK_BOOTTIME here")
def test_monotonic_counts_suspension() -> None:
    """Where the system has a clock that goes on while it is suspended, that clock it is."""
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before <= monotonic_ns() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_wall_is_utc() -> None:
    """The wall clock counts nanoseconds since 1970."""
    before = time.time_ns()
    assert before <= wall_ns() <= time.time_ns()


def test_lives_differ() -> None:
    """No two lives are alike; each fits the wire and is never 0."""
    lives = [random_life() for _ in range(1_000)]
    assert len(set(lives)) == 1_000
    assert min(lives) > 0
    assert max(lives) < 2**63
