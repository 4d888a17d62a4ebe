"""What processes take of their machine, looked at again and again; and whether that grew."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from statistics import median

import msgspec
import psutil

MIB = 1 << 20
WARM_SHARE = 0.1
"""What comes before is warm-up."""
END_SHARE = 0.1
"""The medians of the first and the last so much of the rest are compared."""
LEAST_COUNT = 10
"""Fewer numbers have no first and last tenth."""


class Sample(msgspec.Struct, frozen=True):
    """One look at one process. ``cpu_s``: processor time since it began, on whatever processor. ``uss_bytes``: resident memory that it
    shares with nobody, which would come free if it ended.
    """

    at_s: float
    pid: int
    rss_bytes: int
    uss_bytes: int
    descriptors_count: int
    threads_count: int
    cpu_s: float


def sample_of(process: psutil.Process, at_s: float) -> Sample | None:
    """Look at a process; None where it has just ended."""
    with suppress(psutil.Error), process.oneshot():
        memory, times = process.memory_full_info(), process.cpu_times()
        return Sample(
            at_s, process.pid, memory.rss, memory.uss, process.num_fds(), process.num_threads(), times.user + times.system
        )  # fmt: skip
    return None


class Vitals:
    """Processes under lasting names, whichever has the name just then."""

    def __init__(self) -> None:
        self._samples: dict[str, list[Sample]] = {}
        self._pids: dict[str, int] = {}

    def look(self, processes: Mapping[str, psutil.Process], at_s: float) -> None:
        """One sample of each."""
        for name, process in processes.items():
            sample = sample_of(process, at_s)
            if sample is not None:
                self._samples.setdefault(name, []).append(sample)

    def take(self) -> dict[str, dict[str, float]]:
        """Of each process the medians since the last call, the processor time it had in per cent of one processor, and ``restarts``: how
        often another process had its name.
        """
        taken = {name: self._told(name, samples) for name, samples in self._samples.items()}
        self._samples = {name: samples[-1:] for name, samples in self._samples.items()}
        return taken

    def _told(self, name: str, samples: Sequence[Sample]) -> dict[str, float]:
        restarts = 0
        for sample in samples:
            restarts += self._pids.setdefault(name, sample.pid) != sample.pid
            self._pids[name] = sample.pid
        first = next(sample for sample in samples if sample.pid == samples[-1].pid)
        last, fresh = samples[-1], samples[1:] or samples
        passed_s = last.at_s - first.at_s
        return {
            "rss_mib": median(sample.rss_bytes for sample in fresh) / MIB,
            "uss_mib": median(sample.uss_bytes for sample in fresh) / MIB,
            "descriptors": median(sample.descriptors_count for sample in fresh),
            "threads": median(sample.threads_count for sample in fresh),
            "cpu_percent": 100 * (last.cpu_s - first.cpu_s) / passed_s if passed_s > 0 else 0.0,
            "restarts": restarts,
        }


def growth(values: Sequence[float]) -> float | None:
    """By how much a number grew after the warm-up: the median of the last tenth less that of the first; None where there are too few."""
    if len(values) < LEAST_COUNT:
        return None
    warm = values[int(len(values) * WARM_SHARE) :]
    tenth = max(1, int(len(warm) * END_SHARE))
    return median(warm[-tenth:]) - median(warm[:tenth])
