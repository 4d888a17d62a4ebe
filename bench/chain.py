"""Chains that carry a message over hops from one process to the last, ours and others', measured by turns in one run.

All chains of a comparison are up at the same time and carry nothing while another one is measured: what the machine does meanwhile hits
all alike. A figure is the median of the ratios of neighbouring segments, never the ratio of two medians of different minutes.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.latencies import Latencies
from bench.pace import rate_warning
from bench.results import FAILS, HOLDS, UNDECIDED, Counted, Measured, Stage
from bench.scenario import Progress

Durations = NDArray[np.int64]


class NotInstalled(Exception):
    """What a chain needs is not on this machine; its text says what, and how to get it."""


class Segment(msgspec.Struct, frozen=True):
    """What one chain did in one turn, its warm-up left out. ``whole_ns``: from when each message was due to when the last process had it,
    in the order in which they were due; ``stages_ns``: parts of that, by name; lost ones are in none of them.
    """

    whole_ns: Durations
    counted: Counted
    rate_reached: float
    stages_ns: dict[str, Durations] = {}


class Chain(Protocol):
    """Processes in a row. ``name``: the variant, as it is shown."""

    name: str

    def start(self) -> None:
        """Have every process up and joined. Raises NotInstalled; RuntimeError, with what it said last, where one does not come up."""

    def segment(self, rate: float, count: int, warmup_count: int) -> Segment:
        """Send ``warmup_count`` and then ``count`` messages at ``rate`` a second, and wait for the last one."""

    def stop(self) -> None:
        """End what was started, also after a ``start`` that failed."""


class Ratio(msgspec.Struct, frozen=True):
    """One chain against another: the median of the ratios of neighbouring segments and the middle half of them."""

    median: float
    low: float
    high: float
    count: int

    def holds(self, limit: float, by_spread: bool = False) -> str:
        """Whether it is at most ``limit``; ``by_spread``: undecided while the limit lies within the middle half."""
        if by_spread and self.low <= limit < self.high:
            return UNDECIDED
        return HOLDS if self.median <= limit else FAILS


def interleaved(
    chains: Sequence[Chain], rate: float, count: int, warmup_count: int, rounds: int, progress: Progress
) -> dict[str, list[Segment]]:
    """``rounds`` segments of each chain, by turns; each round begins with another one. They are to be up."""
    found: dict[str, list[Segment]] = {chain.name: [] for chain in chains}
    for number in range(rounds):
        first = number % len(chains)
        for chain in (*chains[first:], *chains[:first]):
            found[chain.name].append(chain.segment(rate, count, warmup_count))
            progress.advance()
    return found


def ratio_of(ours: Sequence[Segment], theirs: Sequence[Segment], percentile: float) -> Ratio:
    """A percentile of ours against theirs, round by round."""
    pairs = zip(ours, theirs, strict=True)
    ratios = [np.percentile(one.whole_ns, percentile) / np.percentile(other.whole_ns, percentile) for one, other in pairs]
    low, median, high = np.percentile(ratios, (25, 50, 75))
    return Ratio(float(median), float(low), float(high), len(ratios))


def told(
    scenario: str, variant: str, segment: Segment, rate: float, warmup_count: int, settings: dict[str, int | float | str]
) -> Measured:
    """A segment as it is kept."""
    stages = {name: Stage.of(Latencies(values_ns)) for name, values_ns in {"whole": segment.whole_ns, **segment.stages_ns}.items()}
    counted = segment.counted
    warnings = rate_warning(rate, segment.rate_reached)
    for name in ("lost", "doubled", "damaged", "out_of_order"):
        if count := getattr(counted, name):
            warnings.append(f"{count} messages {name.replace('_', ' ')}")
    return Measured(scenario, variant, settings, rate, segment.rate_reached, warmup_count, counted, stages, warnings=warnings)


@contextmanager
def up(chains: Sequence[Chain]) -> Iterator[tuple[list[Chain], dict[str, str]]]:
    """Chains brought up, and for those that cannot be, why; all of them are ended afterwards."""
    with ExitStack() as stack:
        ready: list[Chain] = []
        missing: dict[str, str] = {}
        for chain in chains:
            stack.callback(chain.stop)
            try:
                chain.start()
            except NotInstalled as error:
                missing[chain.name] = str(error)
            else:
                ready.append(chain)
        yield ready, missing
