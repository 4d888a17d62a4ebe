"""Runs that nobody ran: latencies drawn from a seed, on a machine that is not there."""

import random
from collections.abc import Sequence

from bench.latencies import Latencies
from bench.machine import Machine
from bench.results import FORMAT, Counted, Figure, Measured, Run, Stage

MACHINE = Machine(
    cpu="Made-up 1000", cpu_count=8, memory_gib=16.0, system="Linux 6.1 x86_64", is_virtual=False, clock_source="tsc",
    governor="performance", python="3.11.7", libzmq="4.3.5", packages={"pyzmq": "27.1.0"}, load_1min=0.1, work_us=100.0,
    clock_read_ns=40.0, wakeup_us=60.0,
)  # fmt: skip


def stage(median_us: float, count: int = 1_000, seed: int = 0) -> Stage:
    """A long-tailed distribution round a median."""
    draw = random.Random(seed)
    return Stage.of(Latencies(int(median_us * 1_000 * draw.lognormvariate(0, 0.3)) for _ in range(count)))


def measured(median_us: float, variant: str = "mesh", seed: int = 0, count: int = 1_000, lost: int = 0, **settings: int | str) -> Measured:
    """One round of ``hop`` at 1,000/s."""
    counted = Counted(count, count - lost, lost)
    return Measured("hop", variant, dict(settings), 1_000.0, 1_000.0, 100, counted, {"whole": stage(median_us, count, seed)})


def rounds(medians_us: Sequence[float], variant: str = "mesh", **settings: int | str) -> list[Measured]:
    """A round for each median."""
    return [measured(median_us, variant, seed, **settings) for seed, median_us in enumerate(medians_us)]


def figure(value: float, spread: float = 0.02, repeats: int = 15, name: str = "flow_bare_p50", unit: str = "×") -> Figure:
    """A figure whose middle half is so wide."""
    return Figure(name, value, unit, "the bare chain", 1.15, "holds", (value - spread / 2, value + spread / 2), repeats, "15 pairs")


def run(found: Sequence[Measured] = (), figures: Sequence[Figure] = (), machine: Machine = MACHINE, commit: str = "0123456789ab") -> Run:
    """A run of these."""
    return Run(FORMAT, "mesh bench run hop", "2026-01-05T10:00:00.000000Z", 12.0, commit, machine, list(found), list(figures))
