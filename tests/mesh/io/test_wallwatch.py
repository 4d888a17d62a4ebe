"""A step of the wall clock is told once, whichever way; what sets a clock gently is none, nor a process that stood still."""

import pytest

from mesh.io.wallwatch import WallWatch
from mesh.units import MS_NS, SECOND_NS

HOUR_NS = 3_600 * SECOND_NS


class Clocks:
    """Two clocks."""

    def __init__(self) -> None:
        self.monotonic_ns, self.wall_ns = 5 * SECOND_NS, 1_767_600_000 * SECOND_NS

    def go(self, monotonic_ns: int, wall_ns: int) -> None:
        self.monotonic_ns += monotonic_ns
        self.wall_ns += wall_ns

    def monotonic(self) -> int:
        return self.monotonic_ns

    def wall(self) -> int:
        return self.wall_ns


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS, 1_001 * MS_NS, -1_001 * MS_NS])
def test_step_is_told_once(step_ns: int) -> None:
    """More than a second at once, forwards or back."""
    clocks = Clocks()
    watch = WallWatch(clocks.monotonic, clocks.wall)
    clocks.go(SECOND_NS, SECOND_NS + step_ns)
    assert watch.step_ns(clocks.monotonic_ns) == step_ns
    clocks.go(SECOND_NS, SECOND_NS)
    assert watch.step_ns(clocks.monotonic_ns) == 0


def test_gentle_setting_is_no_step() -> None:
    """Half a second at each look adds up to more than a step, and is none."""
    clocks = Clocks()
    watch = WallWatch(clocks.monotonic, clocks.wall)
    for _ in range(5):
        clocks.go(SECOND_NS, 1_500 * MS_NS)
        assert watch.step_ns(clocks.monotonic_ns) == 0


def test_process_that_stood_still_between_its_two_looks_saw_no_step() -> None:
    """Both clocks went on for a minute after the first was read: the second look is taken close together."""
    clocks = Clocks()
    watch = WallWatch(clocks.monotonic, clocks.wall)
    now_ns = clocks.monotonic_ns
    clocks.go(60 * SECOND_NS, 60 * SECOND_NS)
    assert watch.step_ns(now_ns) == 0
    assert watch.step_ns(clocks.monotonic_ns) == 0


def test_clock_that_creeps_is_told_in_small_parts() -> None:
    """Each tenth of a second: what is said of the time is right again, and nothing is older for it."""
    clocks = Clocks()
    watch = WallWatch(clocks.monotonic, clocks.wall)
    told = []
    for _ in range(1_000):
        clocks.go(SECOND_NS, SECOND_NS + MS_NS)
        assert watch.step_ns(clocks.monotonic_ns) == 0
        told.append(watch.drift_ns())
    assert sum(told) == 909 * MS_NS
    assert {each for each in told if each} == {101 * MS_NS}


def test_step_that_was_told_is_no_drift() -> None:
    """It is told once, as what it is."""
    clocks = Clocks()
    watch = WallWatch(clocks.monotonic, clocks.wall)
    clocks.go(SECOND_NS, SECOND_NS + HOUR_NS)
    assert (watch.step_ns(clocks.monotonic_ns), watch.drift_ns()) == (HOUR_NS, 0)
