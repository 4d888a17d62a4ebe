"""The disk under the state directory: what a commit costs there, whether its word can be believed, and how much room is left."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import psutil

from mesh.units import MS_NS, SECOND_NS, US_NS
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding, text_in

AREA = "disk"
COMMITS = 50
COMMITS_NS_MAX = 3 * SECOND_NS
"""So many small commits are measured, or as many as there is time for: nodes that run on the same disk feel each of them once."""
COMMIT_BYTES = 4_096
SLOW_NS, STALL_NS = 5 * MS_NS, 100 * MS_NS
"""A median above the one, a longest above the other is worth a warning."""
HASTY_NS = 30 * US_NS
"""No disk that keeps what it says it kept was seen to be faster: 115 µs on the virtual disk the design was measured on."""
FREE_BYTES_FEW = 1_000_000_000
IN_MEMORY = ("tmpfs", "ramfs")
SYSTEM = Path("/sys")


class Device(msgspec.Struct, frozen=True):
    """What the system says of the disk: its name, the file system on it, whether it turns, how it caches writes. Empty: not known."""

    name: str = ""
    file_system: str = ""
    rotational: str = ""
    write_cache: str = ""


def commit_times(folder: Path, count: int = COMMITS, clock: Callable[[], int] = time.perf_counter_ns) -> list[int]:
    """ns of small appends, each made durable, in a file that is gone afterwards. Raises OSError."""
    found_ns: list[int] = []
    with tempfile.TemporaryFile(dir=folder, prefix="doctor-") as file:
        end_ns = clock() + COMMITS_NS_MAX
        while len(found_ns) < count and (began_ns := clock()) < end_ns:
            os.write(file.fileno(), bytes(COMMIT_BYTES))
            os.fsync(file.fileno())
            found_ns.append(clock() - began_ns)
    return found_ns


def device_of(folder: Path, system: Path = SYSTEM) -> Device:
    """The disk a folder lies on, as far as the system tells."""
    if sys.platform != "linux":
        return Device()
    number = folder.stat().st_dev
    place = (system / "dev" / "block" / f"{os.major(number)}:{os.minor(number)}").resolve()
    disk = place.parent if (place / "partition").exists() else place
    queue = disk / "queue"
    is_known = queue.is_dir()
    said = (disk.name, text_in(queue / "rotational"), text_in(queue / "write_cache")) if is_known else ("", "", "")
    return Device(said[0], _file_system(folder), said[1], said[2])


def _file_system(folder: Path) -> str:
    mounts = [part for part in psutil.disk_partitions(all=True) if folder.resolve().is_relative_to(part.mountpoint)]
    return max(mounts, key=lambda part: len(part.mountpoint)).fstype if mounts else ""


def latency(found_ns: Sequence[int]) -> Finding:
    """What each commit costs."""
    middle_ns, longest_ns = sorted(found_ns)[len(found_ns) // 2], max(found_ns)
    value = f"p50 {_span(middle_ns)}, max {_span(longest_ns)} of {len(found_ns)}"
    costs = (
        f"each order waits for one of them before its call (INTENT): {_span(middle_ns)} of its latency, {_span(longest_ns)} at the worst"
    )
    if middle_ns > SLOW_NS or longest_ns > STALL_NS:
        return Finding(
            WARN, AREA, "commit", value, costs, "put the state on a local SSD: mesh up --state DIR, or move it while the mesh is down"
        )
    return Finding(OK, AREA, "commit", value, costs)


def honesty(found_ns: Sequence[int], device: Device) -> Finding:
    """Whether a commit can be what it says. A suspicion, never a fact: only a pulled plug shows it."""
    told = ", ".join(filter(None, (device.name, device.file_system, device.write_cache)))
    if device.file_system in IN_MEMORY:
        costs = "the state is gone with the next start of the machine: no INTENT, no stop and no known oid outlives it"
        return Finding(BAD, AREA, "flush", f"{device.file_system}: in memory", costs, "name a --state directory on a disk")
    middle_ns = sorted(found_ns)[len(found_ns) // 2]
    if middle_ns < HASTY_NS or (device.rotational == "1" and middle_ns < MS_NS and device.write_cache == "write through"):
        value = f"suspicious: {_span(middle_ns)} on {told or 'a disk the system tells nothing of'}"
        costs = "it may say durable of what a power cut takes: an INTENT lost so is an order nobody looks for"
        do = "ask who rents out the machine whether flushes reach the disk (QEMU: cache=none or writethrough, never unsafe)"
        return Finding(WARN, AREA, "flush", value, costs, do)
    if not told:
        return Finding(UNKNOWN, AREA, "flush", "the system tells nothing of this disk")
    return Finding(OK, AREA, "flush", f"nothing speaks against it ({told})")


def room(folder: Path) -> Finding:
    """What is free."""
    free_bytes = psutil.disk_usage(str(folder)).free
    value = f"{free_bytes / 1e9:,.1f} GB free"
    if free_bytes < FREE_BYTES_FEW:
        costs = "a commit that finds no room ends its node (74), which comes up again only when there is some"
        return Finding(BAD, AREA, "room", value, costs, f"df -h {folder}; old runs are in {folder}.last")
    return Finding(OK, AREA, "room", value)


def look(state: Path) -> list[Finding]:
    """All of it; where the state directory is not there yet, its nearest parent that is."""
    folder = next((each for each in (state, *state.parents) if each.is_dir()), Path.cwd())
    try:
        found_ns = commit_times(folder)
        return [latency(found_ns), honesty(found_ns, device_of(folder)), room(folder)]
    except OSError as error:
        do = f"ls -ld {folder}; give the user of the nodes this directory, or free its disk"
        return [Finding(BAD, AREA, "commit", f"{folder}: {error.strerror}", "no node can keep anything there", do)]


def _span(span_ns: int) -> str:
    return f"{span_ns / US_NS:,.0f} µs" if span_ns < MS_NS else f"{span_ns / MS_NS:,.1f} ms"
