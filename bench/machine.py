"""How fast this machine is just now: figures of two runs compare when this one is about equal."""

import time

_REPEATS = 50
_WORK_COUNT = 1_000


def machine_us() -> float:
    """Microseconds of a fixed piece of plain Python, the best of many."""

    def once() -> int:
        began_ns = time.perf_counter_ns()
        made = {}
        for number in range(_WORK_COUNT):
            made[number] = (number, str(number))
        return time.perf_counter_ns() - began_ns

    return min(once() for _ in range(_REPEATS)) / 1_000


def machine_line() -> str:
    """What a bench says of it first."""
    return f"machine: {machine_us():.0f} µs for a fixed piece of Python\n"
