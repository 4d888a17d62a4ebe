"""The machine a bench ran on: without it no number means anything, and two numbers compare only where it is the same."""

import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
import psutil
import zmq

_REPEATS = 50
_WORK_COUNT = 1_000
_PACKAGES = (
    "pyzmq", "msgpack", "msgspec", "uvloop", "winloop", "numpy", "numba", "hdrhistogram", "nats-py", "redis", "websockets", "TA-Lib",
)  # fmt: skip
_CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CPU_INFO = Path("/proc/cpuinfo")
ROOT = Path(__file__).resolve().parent.parent


class Machine(msgspec.Struct, frozen=True):
    """What it is, what runs on it, and how fast it was just then. Names of packages to their versions; no name of the host."""

    cpu: str
    cpu_count: int
    memory_gib: float
    system: str
    is_virtual: bool
    clock_source: str
    governor: str
    python: str
    libzmq: str
    packages: dict[str, str]
    load_1min: float
    work_us: float
    """Of a fixed piece of plain Python, the best of many: figures of two runs compare when this one is about equal."""
    clock_read_ns: float
    wakeup_us: float
    """Median of how much later than asked a sleep of a millisecond ends: what a waiting process pays for each message."""


def machine() -> Machine:
    """Look at it; about a quarter of a second."""
    return Machine(
        cpu=_cpu(),
        cpu_count=os.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        is_virtual=_CPU_INFO.exists() and "hypervisor" in _CPU_INFO.read_text("utf-8", errors="replace"),
        clock_source=_read(_CLOCK_SOURCE),
        governor=_read(_GOVERNOR),
        python=sys.version.split()[0],
        libzmq=zmq.zmq_version(),
        packages=_versions(),
        load_1min=round(psutil.getloadavg()[0], 2),
        work_us=round(machine_us(), 1),
        clock_read_ns=round(_clock_read_ns(), 1),
        wakeup_us=round(_wakeup_us(), 1),
    )


def commit_of(root: Path = ROOT) -> str:
    """The commit of the checkout, with ``+`` where something is changed; empty without git."""
    try:
        words = ["git", "-C", str(root)]
        found = subprocess.run([*words, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run([*words, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found + "+" * bool(changed)


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


def _cpu() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except OSError:
        return ""


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _clock_read_ns() -> float:
    began_ns = time.perf_counter_ns()
    for _ in range(10_000):
        time.monotonic_ns()
    return (time.perf_counter_ns() - began_ns) / 10_000


def _wakeup_us() -> float:
    late_us = []
    for _ in range(100):
        began_ns = time.perf_counter_ns()
        time.sleep(0.001)
        late_us.append((time.perf_counter_ns() - began_ns) / 1_000 - 1_000)
    return sorted(late_us)[len(late_us) // 2]
