"""The clocks and the only randomness of a process: what cores are given as arguments."""

import mmap
import os
import secrets
import struct
import time
from collections.abc import Callable

if hasattr(time, "CLOCK_BOOTTIME"):
    _CLOCK = time.CLOCK_BOOTTIME

    def monotonic_ns() -> int:
        """Monotonic nanoseconds that go on while the machine is suspended: a deadline does not survive a sleep."""
        return time.clock_gettime_ns(_CLOCK)

else:

    def monotonic_ns() -> int:
        """Monotonic nanoseconds; this system has no clock that also counts its own suspension."""
        return time.monotonic_ns()


def wall_ns() -> int:
    """UTC nanoseconds of the wall clock, for labels only: it may jump."""
    return time.time_ns() + _wall_step_ns()


def _wall_step() -> Callable[[], int]:
    """How far the wall clock is said to be off, in nanoseconds: what lies in the eight bytes of the file that ``MESH_WALL_STEP`` names.

    For `make chaos` and tests: a wall clock that jumps while the machine's own stays right. Without it: never.
    """
    path = os.environ.get("MESH_WALL_STEP", "")
    if not path:
        return int
    with open(path, "rb") as file:
        memory = mmap.mmap(file.fileno(), _STEP.size, access=mmap.ACCESS_READ)
    return lambda: int(_STEP.unpack_from(memory)[0])


_STEP = struct.Struct("<q")
_wall_step_ns = _wall_step()


def random_life() -> int:
    """A life of a node: random at each start, 63 bits, never 0."""
    return secrets.randbits(63) or 1
