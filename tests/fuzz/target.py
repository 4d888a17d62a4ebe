"""What is fuzzed: a reader of bytes of others, the one error it may raise, and valid input to begin from.

One harness, run two ways: by Hypothesis in ``make test`` (``test_targets.py``), led by coverage with Atheris in ``make fuzz``
(``python -m tests.fuzz``).
"""

import statistics
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

import msgspec

CHECKOUT = Path(__file__).resolve().parents[2]
MEASURED_COUNT = 21
Mutate = Callable[[bytes, Random], bytes]
"""Input that is nearly the one given."""


class Target(msgspec.Struct, frozen=True):
    """One reader. ``read`` returns for whatever was read, raises one of ``errors`` for what is refused, and nothing else.

    It asserts what must hold of a value: an AssertionError is a finding as any other exception is.
    """

    name: str
    errors: tuple[type[Exception], ...]
    """What it may raise; none: it takes anything."""
    seeds: Callable[[], list[bytes]]
    """Valid input, all that it has to be able to read."""
    read: Callable[[bytes], object]
    mutate: Mutate
    limit_ms: int = 1
    """The most that one input may take of the processor; more than 1 only where files are written and opened again."""
    bytes_max: int = 4_096
    """The longest input that is tried."""


class Finding(msgspec.Struct, frozen=True):
    """What should not have happened. ``place`` tells two bugs apart: the kind of exception, and the line of ours it came through last."""

    place: str
    what: str
    raw: bytes


class Tally(msgspec.Struct):
    """What a target came to in one run."""

    executed_count: int = 0
    spent_s: float = 0.0
    slowest_ms: float = 0.0
    """Processor time of one input."""
    rss_start_mb: float = 0.0
    rss_peak_mb: float = 0.0
    findings: dict[str, list[str]] = {}
    """Place → what was raised, and the file with the input."""
    slow: list[str] = []
    """Files of the slowest inputs."""


def finding_of(target: Target, raw: bytes) -> Finding | None:
    """Let a target read an input; None where it gave a value or raised what it may."""
    try:
        target.read(raw)
    except target.errors:
        return None
    except Exception as error:  # whatever else there is is what is looked for
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).is_relative_to(CHECKOUT)] or frames
        near = Path(ours[-1].filename)
        name = near.relative_to(CHECKOUT) if near.is_relative_to(CHECKOUT) else near.name
        kind = type(error).__name__
        return Finding(f"{kind} at {name}:{ours[-1].lineno}", f"{kind}: {str(error)[:300]}", raw)
    return None


def median_ms(target: Target, raw: bytes) -> float:
    """Processor time of one input: the median of many, so that a busy machine hardly shows."""
    spent_ns: list[int] = []
    for _ in range(MEASURED_COUNT):
        began_ns = time.thread_time_ns()
        finding_of(target, raw)
        spent_ns.append(time.thread_time_ns() - began_ns)
    return statistics.median(spent_ns) / 1e6
