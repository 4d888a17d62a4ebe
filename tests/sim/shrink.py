"""Which faults a failing seed needs: kinds are turned off one after the other, then the last faults, as long as it fails the same way.

Each kind draws from a generator of its own, so that turning one off leaves the others as they were.
"""

from collections.abc import Callable
from typing import Protocol

from mesh.units import MS_NS


class Failure(Protocol):
    """What became of a seed: which invariant broke (empty: none), the kinds of its faults, and when each of them struck."""

    broken: str
    kinds: list[str]
    struck_ns: list[int]


Run = Callable[[frozenset[str], int], Failure]
"""Runs the seed without these kinds and with no fault after so many ms of virtual time (0: to the end)."""


def shrink(run: Run, off: frozenset[str] = frozenset(), until_ms: int = 0) -> tuple[frozenset[str], int]:
    """The most kinds turned off, and then the earliest end of faults, with which the seed still breaks the same invariant.

    Raises ValueError where it breaks none to begin with.
    """
    failure = run(off, until_ms)
    if not failure.broken:
        raise ValueError("this seed breaks nothing: there is nothing to shrink")
    name, is_smaller = failure.broken, True
    while is_smaller:
        is_smaller = False
        for kind in failure.kinds:
            tried = run(off | {kind}, until_ms)
            if tried.broken == name:
                off, failure, is_smaller = off | {kind}, tried, True
                break
    times_ms = sorted({-(-at_ns // MS_NS) for at_ns in failure.struck_ns})
    least, most = 0, len(times_ms)
    while least < most:
        middle = (least + most) // 2
        if run(off, times_ms[middle]).broken == name:
            most, until_ms = middle, times_ms[middle]
        else:
            least = middle + 1
    return off, until_ms
