"""The clocks and the only randomness of a process: what cores are given as arguments."""

import secrets
import time

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
    return time.time_ns()


def random_life() -> int:
    """A life of a node: random at each start, 63 bits, never 0."""
    return secrets.randbits(63) or 1
