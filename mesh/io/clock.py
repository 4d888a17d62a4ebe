"""The clocks and the only randomness of a process: what cores are given as arguments.

``MESH_WALL_STEP=FILE`` names eight bytes (int64, little endian): the nanoseconds by which the wall clock of this process is off, at any
moment. For `make chaos` and tests: a wall clock that jumps while the machine's own stays right.
"""

import mmap
import os
import secrets
import struct
import sys
import time
from collections.abc import Callable
from functools import cache

from mesh.errors import BadConfig

VARIABLE = "MESH_WALL_STEP"
_STEP = struct.Struct("<q")

if sys.platform == "linux":
    _CLOCK = time.CLOCK_BOOTTIME

    def monotonic_ns() -> int:
        """Monotonic nanoseconds that go on while the machine is suspended: a deadline does not survive a sleep."""
        return time.clock_gettime_ns(_CLOCK)

else:

    def monotonic_ns() -> int:
        """Monotonic nanoseconds; this system has no clock that also counts its own suspension."""
        return time.monotonic_ns()


def wall_clock(path: str) -> Callable[[], int]:
    """A wall clock that is off by what lies in the file at ``path``; for an empty path the machine's own. The clock raises BadConfig where
    the file cannot be read: at its first use, where somebody can tell of it, not at an import.
    """
    return time.time_ns if not path else lambda: time.time_ns() + int(_STEP.unpack_from(_mapped(path))[0])


@cache
def _mapped(path: str) -> mmap.mmap:
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), _STEP.size, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadConfig(f"{VARIABLE}={path}: {error}; unset it for real trading, or name a file of {_STEP.size} bytes") from None


wall_ns: Callable[[], int] = wall_clock(os.environ.get(VARIABLE, ""))
"""UTC nanoseconds of the wall clock, for labels only: it may jump. A shell reads it in every round."""


def random_life() -> int:
    """A life of a node: random at each start, 63 bits, never 0."""
    return secrets.randbits(63) or 1
