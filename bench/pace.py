"""When messages are to be sent: an open loop, so that a stall shows in every message it delayed (no coordinated omission).

The n-th message is due at ``begin + n / rate``, whatever became of those before it. A latency counts from when it was due, not from when
the sender got round to it. The sender sleeps up to a little before a message is due and never spins: on a machine with two
processors a spinning sender takes one from what is measured. What it oversleeps counts, for every variant alike.
"""

import time
from collections.abc import Iterator

from mesh.io.clock import monotonic_ns
from mesh.units import SECOND_NS

MISSED_SHARE = 0.01
"""A rate that is missed by more than this is warned of."""


def due_ns(begin_ns: int, rate: float, count: int) -> Iterator[int]:
    """When each of ``count`` messages is due, on the monotonic clock; yields at that time or, where the sender is late, at once."""
    for number in range(count):
        due = begin_ns + int(number * SECOND_NS / rate)
        left_ns = due - monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / SECOND_NS)
        yield due


def rate_warning(asked: float, reached: float) -> list[str]:
    """A warning where the rate was not reached."""
    if asked and reached < asked * (1 - MISSED_SHARE):
        return [f"rate {reached:.0f}/s reached, {asked:.0f}/s asked: latencies are those of an overloaded sender"]
    return []
