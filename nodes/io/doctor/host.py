"""The machine: descriptors, processors, swap. What it is not asked for costs nothing, and is not complained about."""

import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from mesh.settings import ProcessSection
from nodes.io.doctor.finding import OK, UNKNOWN, WARN, Finding, text_in
from nodes.io.tuning import DESCRIPTORS, DESCRIPTORS_FEW

AREA = "host"
CPUS = Path("/sys/devices/system/cpu")
MEMORY = Path("/proc/sys/vm")
SWAPPINESS = 10


def descriptors(allowed_count: int) -> Finding:
    """How many files a process may have open."""
    value = f"{allowed_count:,} a process"
    if allowed_count < DESCRIPTORS_FEW:
        costs = "each connection takes one: with none left a node lets nobody in and cannot read its own health"
        return Finding(WARN, AREA, "file limit", value, costs, f"ulimit -n {DESCRIPTORS} (LimitNOFILE={DESCRIPTORS} under systemd)")
    return Finding(OK, AREA, "file limit", value)


def allowed_descriptors() -> int:
    """The hard limit, which nodes raise theirs to."""
    if sys.platform == "win32":
        return DESCRIPTORS
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return DESCRIPTORS if hard == resource.RLIM_INFINITY else hard


def governor(cpus: Path = CPUS) -> Finding:
    """Whether processors are let down while there is nothing to do."""
    found = sorted({text for path in cpus.glob("cpu[0-9]*/cpufreq/scaling_governor") if (text := text_in(path))})
    if not found:
        return Finding(UNKNOWN, AREA, "CPU governor", "none here: a virtual machine has what its host gives")
    if found != ["performance"]:
        costs = "a processor that sleeps deep or runs slow wakes late: tens to hundreds of µs for each of an order's ten wake-ups"
        return Finding(WARN, AREA, "CPU governor", ", ".join(found), costs, "cpupower frequency-set -g performance")
    return Finding(OK, AREA, "CPU governor", "performance")


def isolation(processes: Mapping[str, ProcessSection], cpus: Path = CPUS) -> list[Finding]:
    """Whether processors that the configuration gives to a process are kept free of everybody else."""
    isolated = _numbers(text_in(cpus / "isolated"))
    tickless = _numbers(text_in(cpus / "nohz_full"))
    wanted = sorted({cpu for section in processes.values() for cpu in section.cpus or ()})
    seen = f"isolated: {_listed(isolated)}; nohz_full: {_listed(tickless)}"
    if not wanted:
        return [Finding(OK, AREA, "CPU isolation", f"{seen}; no process is pinned")]
    open_cpus = [cpu for cpu in wanted if cpu not in isolated]
    if open_cpus:
        costs = (
            "other work runs on them too: under load an order's p99 was 13.6 ms unpinned and 5.0 ms pinned (bench/NOTES.md), and only "
            "an isolated processor is left alone"
        )
        listed = ",".join(map(str, open_cpus))
        do = f"boot with isolcpus={listed} nohz_full={listed}, or take [process] cpus out"
        return [Finding(WARN, AREA, "CPU isolation", f"{seen}; pinned: {_listed(wanted)}", costs, do)]
    return [Finding(OK, AREA, "CPU isolation", f"{seen}; pinned: {_listed(wanted)}")]


def swap(total_bytes: int, used_bytes: int, swappiness: str) -> Finding:
    """Whether memory of a node can be on a disk when an order comes."""
    value = f"{used_bytes / 1e6:,.0f} of {total_bytes / 1e6:,.0f} MB in use, swappiness {swappiness or 'not known'}"
    if used_bytes and (not swappiness.isdecimal() or int(swappiness) > SWAPPINESS):
        costs = "a page of a node that was put aside comes back when it is needed: 0.1 to 10 ms each, in the middle of an order"
        return Finding(WARN, AREA, "swap", value, costs, f"sysctl vm.swappiness={SWAPPINESS}; swapoff -a && swapon -a in a quiet hour")
    return Finding(OK, AREA, "swap", value)


def look(processes: Mapping[str, ProcessSection]) -> list[Finding]:
    """All of it."""
    found = [descriptors(allowed_descriptors())]
    if sys.platform == "linux":
        found += [governor(), *isolation(processes)]
    else:
        found.append(Finding(UNKNOWN, AREA, "CPU governor", f"not looked at on {sys.platform}", do="powercfg /getactivescheme"))
    memory = psutil.swap_memory()
    return [*found, swap(memory.total, memory.used, text_in(MEMORY / "swappiness"))]


def _numbers(text: str) -> list[int]:
    """Numbers of a list such as ``2-3,6``, as the kernel writes it."""
    found: list[int] = []
    for part in filter(str.strip, text.split(",")):
        first, _, last = part.strip().partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found += range(int(first), int(last or first) + 1)
    return found


def _listed(cpus: list[int]) -> str:
    return ",".join(map(str, cpus)) or "none"
