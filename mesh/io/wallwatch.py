"""Whether the wall clock has stepped against the monotonic one: the sign of a machine that was suspended while the latter stood still."""

from collections.abc import Callable

from mesh.units import SECOND_NS

STEP_NS = SECOND_NS
"""A step of more than this counts (DESIGN §6.5): what sets clocks gently stays far below it between two looks."""


class WallWatch:
    """The difference of the two clocks at the last look."""

    def __init__(self, monotonic: Callable[[], int], wall: Callable[[], int]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._difference_ns = wall() - monotonic()

    def step_ns(self, now_ns: int) -> int:
        """How far the wall clock has stepped since the last look, either way; 0 where it has not. ``now_ns``: monotonic, just read."""
        difference_ns = self._wall() - now_ns
        if abs(difference_ns - self._difference_ns) > STEP_NS:
            # read close together: this process may have been stopped between its two looks at clocks that are both right
            difference_ns = self._wall() - self._monotonic()
        moved_ns, self._difference_ns = difference_ns - self._difference_ns, difference_ns
        return moved_ns if abs(moved_ns) > STEP_NS else 0
