"""What a bench run found, as it is kept: one JSON file, whatever the scenario.

A ``Run`` has the machine, the commit and its ``Measured``: one for each variant (ours, a peer, the bare floor) and setting. Times are ns,
rates messages a second. A variant that cannot run here has ``not_run`` and no numbers.
"""

from pathlib import Path

import msgspec

from bench.latencies import Latencies
from bench.machine import Machine

FORMAT = 1
HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"


class Stage(msgspec.Struct, frozen=True):
    """One part of the way, or the whole of it: its histogram, encoded, and the percentiles one reads first."""

    histogram: str
    ns: dict[str, int]

    @classmethod
    def of(cls, latencies: Latencies) -> "Stage":
        """From latencies."""
        return cls(latencies.encoded(), latencies.summary())


class Counted(msgspec.Struct, frozen=True):
    """What became of the messages. All but ``sent`` and ``received`` must be 0; a bench that finds otherwise says so."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    doubled: int = 0
    damaged: int = 0
    """The checksum did not fit."""
    out_of_order: int = 0


class Measured(msgspec.Struct, frozen=True):
    """One variant under one setting. ``settings``: what the operator may vary. ``values``: numbers that are no latencies, by name
    and unit.
    """

    scenario: str
    variant: str
    settings: dict[str, int | float | str] = {}
    rate_asked: float = 0.0
    rate_reached: float = 0.0
    warmup_count: int = 0
    counted: Counted = Counted()
    stages: dict[str, Stage] = {}
    """``whole`` is from the intended send time to the end; the others are parts of it."""
    values: dict[str, float] = {}
    warnings: list[str] = []
    not_run: str = ""
    """Why there are no numbers, such as ``not installed: nats-server``."""


class Figure(msgspec.Struct, frozen=True):
    """One row of the table of figures: ``value`` against ``limit``, both in ``unit``; ``spread``: the middle half of its repetitions."""

    id: str
    value: float
    unit: str
    against: str
    limit: float
    holds: str
    spread: tuple[float, float]
    repeats: int
    how: str


class Run(msgspec.Struct, frozen=True):
    """One call of the bench."""

    format: int
    command: str
    began: str
    """ISO 8601, UTC."""
    took_s: float
    commit: str
    machine: Machine
    measured: list[Measured] = []
    figures: list[Figure] = []


def save(run: Run, path: Path) -> None:
    """Write a run as JSON for people and programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(run), indent=1))


def load(path: Path) -> Run:
    """Read a run. Raises ValueError, with the path, for anything that is none."""
    try:
        run = msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"{path}: no bench run: {error}") from None
    if run.format != FORMAT:
        raise ValueError(f"{path}: format {run.format}, this bench reads {FORMAT}")
    return run
