"""Whether the wall clock has stepped against the monotonic one: the sign of a machine that was suspended while the latter stood still."""

from collections.abc import Callable

from mesh.units import SECOND_NS

STEP_NS = SECOND_NS
"""A step of more than this counts (DESIGN §6.5): what sets clocks gently stays far below it between two looks."""

DRIFT_NS = SECOND_NS // 10
"""Clocks that are set gently, or run at another pace than the monotonic one, are told again when they are so far from what was told."""


class WallWatch:
    """The difference of the two clocks at the last look, and as it was told last."""

    def __init__(self, monotonic: Callable[[], int], wall: Callable[[], int]) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._difference_ns = self._told_ns = wall() - monotonic()

    def step_ns(self, now_ns: int) -> int:
        """How far the wall clock has stepped since the last look, either way; 0 where it has not. ``now_ns``: monotonic, just read."""
        difference_ns = self._wall() - now_ns
        if abs(difference_ns - self._difference_ns) > STEP_NS:
            # read close together: this process may have been stopped between its two looks at clocks that are both right
            difference_ns = self._wall() - self._monotonic()
        moved_ns, self._difference_ns = difference_ns - self._difference_ns, difference_ns
        if abs(moved_ns) <= STEP_NS:
            return 0
        self._told_ns += moved_ns
        return moved_ns

    def drift_ns(self) -> int:
        """How far the difference has crept since it was told last, steps apart; 0 while that is little. What it tells counts as told."""
        moved_ns = self._difference_ns - self._told_ns
        if abs(moved_ns) <= DRIFT_NS:
            return 0
        self._told_ns = self._difference_ns
        return moved_ns
