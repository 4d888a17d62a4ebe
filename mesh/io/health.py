"""How a node is, for ``NodeHealth``: the process as psutil sees it, the loop's lag, the core's counters and facts."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from mesh.core import Core
from mesh.messages.health import NodeHealth, NoteTold
from mesh.units import MS_NS, SECOND_NS

TEXT_MAX = 512
FACTS_MAX = 64


class ProcessMeter:
    """CPU and memory of this process, read at most once in ``READ_EVERY_NS`` however many nodes share it."""

    READ_EVERY_NS = 900 * MS_NS
    DISK_EVERY_NS = 5 * SECOND_NS

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.cpu_percent = 0
        """Of one processor, since the last reading."""
        self.rss_bytes = 0
        self._process = psutil.Process(self.pid)
        self._process.cpu_percent()
        self._read_at_ns = 0
        self._disks: dict[Path, tuple[int, int]] = {}
        """Folder → when its disk is looked at again, and what was free."""

    def disk_free_bytes(self, folder: Path | None, now_ns: int) -> int:
        """What is free on the disk of a folder, looked at each 5 s; 0 for none and for one that cannot be read."""
        if folder is None:
            return 0
        due_ns, free_bytes = self._disks.get(folder, (0, 0))
        if now_ns >= due_ns:
            try:
                free_bytes = psutil.disk_usage(str(folder)).free
            except OSError:
                free_bytes = 0
            self._disks[folder] = (now_ns + self.DISK_EVERY_NS, free_bytes)
        return free_bytes

    def read(self, now_ns: int) -> None:
        """Read anew where the last reading is old enough; where the system has no descriptor left for it, the last one stands."""
        if now_ns < self._read_at_ns:
            return
        self._read_at_ns = now_ns + self.READ_EVERY_NS
        with suppress(OSError), self._process.oneshot():
            self.cpu_percent = max(0, round(self._process.cpu_percent()))
            self.rss_bytes = self._process.memory_info().rss


class Identity:
    """What does not change in a node's life."""

    __slots__ = ("config_hash", "life", "name", "role", "started_ns", "tuning", "version")

    def __init__(
        self, name: str, role: str, life: int, version: str, config_hash: str, started_ns: int, tuning: str = ""
    ) -> None:
        self.name = name
        self.role = role
        self.life = life
        self.version = version
        self.config_hash = config_hash
        self.started_ns = started_ns
        self.tuning = tuning
        """What its process was given of the system, as people read it; told among the facts."""


def health_of(
    identity: Identity,
    core: Core,
    meter: ProcessMeter,
    loop_lag_us: int,
    now_ns: int,
    folder: Path | None = None,
    notes: Sequence[NoteTold] = (),
) -> NodeHealth:
    """A node's health now; ``folder``: where its store lies; ``notes``: the newest of its log.

    Facts longer than their field are cut, surplus ones left out: health is never refused.
    """
    meter.read(now_ns)
    told = {"tuning": identity.tuning} if identity.tuning else {}
    facts = {key: text[:TEXT_MAX] for key, text in list({**told, **core.facts()}.items())[:FACTS_MAX]}
    clock_offset_ns, clock_error_ns = core.clock_offset(now_ns)
    return NodeHealth(
        node=identity.name,
        role=identity.role,
        life=identity.life,
        pid=meter.pid,
        phase=core.phase(),
        market_ns=core.market_ns(),
        loop_lag_us=loop_lag_us,
        cpu_percent=meter.cpu_percent,
        rss_bytes=meter.rss_bytes,
        uptime_ms=(now_ns - identity.started_ns) // MS_NS,
        version=identity.version,
        config_hash=core.config_hash() or identity.config_hash,
        counters=dict(core.counters.totals),
        facts=facts,
        disk_free_bytes=meter.disk_free_bytes(folder, now_ns),
        stages=core.stages(now_ns),
        clock_offset_ns=clock_offset_ns,
        clock_error_ns=clock_error_ns,
        notes=list(notes),
    )
