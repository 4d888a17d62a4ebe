"""What a process asks of its system, as ``[process.NAME]`` and ``mesh.ipc`` say: processors, scheduling class, UNIX sockets.

Given to the thread that will run the loop, before any other is begun: ZeroMQ's own thread, which moves the bytes, the watchdog, and a
local's worker, which makes the call, inherit both. That is meant, for they stand on the way of an order. So processors are to be enough
for them: a loop that spins leaves nothing of the only one it has.

What the system refuses is told, by `mesh up` before it starts anybody and in the log of each node, and the process runs without it.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import msgspec

from mesh.config import Config
from mesh.core import Note
from mesh.io import detour
from mesh.io.shell import Idle
from mesh.settings import ProcessSection

STARVING = (
    ("spin", 'idle = "spin"', "on its one processor ZeroMQ's thread waits for a loop that never does; give it two, or idle = \"yield\""),
    ("fifo", 'scheduler = "fifo"', "on its one processor a loop that hangs is not ended by its watchdog; give it two, or \"rr\""),
)
"""What leaves a process' other threads no time where it has one processor: (word, key, why)."""


class Tuning(msgspec.Struct, frozen=True):
    """``in_force``: what was asked for and given, for the node's facts; empty where nothing was. ``idle``: what the loop does between
    messages. ``warnings``: what was not given, and what will not do well.
    """

    in_force: str = ""
    idle: Idle = "wait"
    warnings: tuple[Note, ...] = ()


UNTUNED = Tuning()
DESCRIPTORS, DESCRIPTORS_FEW = 65_536, 8_192
"""How many a process asks for, and below how many it says so."""
UNNAMED = ""
"""Stands for every process that no section names."""


def raise_descriptors() -> int:
    """Ask for as many file descriptors as the system allows, up to ``DESCRIPTORS``; how many there may be now.

    Strangers who connect and say nothing take some until their handshake is given up: with few a node could not even read its own health.
    """
    if sys.platform == "win32":
        return DESCRIPTORS  # no such limit for sockets
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def tune(config: Config, process: str) -> Tuning:
    """Give the calling thread, and those it begins from now on, what the configuration asks for ``process``."""
    words: list[str] = []
    warnings: list[Note] = []
    idle: Idle = "wait"
    section = config.settings.process.get(process)
    if section is not None:
        idle = _idle(process, section, words, warnings)
        _place(process, section, words, warnings)
    allowed_count = raise_descriptors()
    if allowed_count < DESCRIPTORS_FEW:
        why = f"each connection takes one, and the system allows {allowed_count}; raise `ulimit -n` (LimitNOFILE, minfds) to {DESCRIPTORS}"
        warnings.append(_warning("descriptors_few", "file descriptors", why))
    if config.settings.mesh.ipc and not has_ipc(config):
        warnings.append(_warning("ipc_not_here", "mesh.ipc = true", f"{sys.platform} has no abstract names; all links go by TCP"))
    elif is_ipc_dialled(config):
        words.append("ipc")
    return Tuning(" ".join(words), idle, tuple(warnings))


def warnings_of(config: Config) -> list[str]:
    """What tuning each process would warn of here, in lines for people: it is tried in threads that end with it."""
    lines: dict[str, None] = {}
    for process in config.settings.process or [UNNAMED]:
        with ThreadPoolExecutor(1) as thread:
            for note in thread.submit(tune, config, process).result().warnings:
                lines[f"{note.fields['key']}: {note.fields['why']}"] = None
    return list(lines)


def has_ipc(config: Config) -> bool:
    """Whether nodes listen by UNIX sockets too."""
    return config.settings.mesh.ipc and sys.platform == "linux"  # elsewhere a name is a file, and stays after a crash


def is_ipc_dialled(config: Config) -> bool:
    """Whether nodes dial those of their host by UNIX sockets: not where links may be turned, for only TCP is."""
    return has_ipc(config) and not detour.is_set()


def _idle(process: str, section: ProcessSection, words: list[str], warnings: list[Note]) -> Idle:
    if section.idle == "yield" and not hasattr(os, "sched_yield"):
        warnings.append(_warning("yield_not_here", f'process.{process}.idle = "yield"', f"{sys.platform} has no such call; it waits"))
        return "wait"
    if section.idle != "wait":
        words.append(section.idle)
    return section.idle


def _place(process: str, section: ProcessSection, words: list[str], warnings: list[Note]) -> None:
    if section.cpus is not None:
        cpus = ",".join(map(str, sorted(section.cpus)))
        if why := _not_pinned(set(section.cpus)):
            warnings.append(_warning("cpus_refused", f"process.{process}.cpus = [{cpus}]", why))
        else:
            words.append(f"cpus={cpus}")
    if section.scheduler != "other":
        if why := _not_scheduled(section.scheduler, section.priority or 0):
            warnings.append(_warning("scheduler_refused", f'process.{process}.scheduler = "{section.scheduler}"', why))
        else:
            words += [section.scheduler, *([str(section.priority)] if section.priority else [])]
    if _processors_count() == 1:
        warnings += [_warning("one_processor", f"process.{process}.{key}", why) for word, key, why in STARVING if word in words]


def _not_pinned(cpus: set[int]) -> str:
    """Why this thread does not run on these processors; empty where it does from now on."""
    if sys.platform != "linux":
        return f"{sys.platform} is not asked for it; it runs on all"
    before = os.sched_getaffinity(0)
    with suppress(OSError):  # not one of them is there; where some are, the rest is left out without a word
        os.sched_setaffinity(0, cpus)
    found = os.sched_getaffinity(0)
    if found == cpus:
        return ""
    os.sched_setaffinity(0, before)
    missing = ", ".join(map(str, sorted(cpus - found)))
    return f"{missing} not there or not allowed here; it runs on {', '.join(map(str, sorted(before)))}"


def _not_scheduled(scheduler: str, priority: int) -> str:
    """Why this thread is not in the scheduling class; empty where it is from now on."""
    if sys.platform != "linux":
        return f"{sys.platform} is not asked for it; it runs as others do"
    policy = {"batch": os.SCHED_BATCH, "fifo": os.SCHED_FIFO, "rr": os.SCHED_RR}[scheduler]
    try:
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError as error:
        return f"{error.strerror}; it runs as others do; give it CAP_SYS_NICE, or a limit of RTPRIO of {priority} or more (ulimit -r)"
    return ""


def _processors_count() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _warning(name: str, key: str, why: str) -> Note:
    return Note("warning", name, {"key": key, "why": why})
