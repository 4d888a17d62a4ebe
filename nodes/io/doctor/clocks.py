"""Clocks: whether this host's is kept right, and how well others know the master's."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence

from mesh.messages.health import NodeHealth
from mesh.texts import offset_text
from mesh.units import MS_NS
from nodes.io.doctor.finding import OK, UNKNOWN, WARN, Finding

AREA = "clock"
ASK_S = 5
FAR_NS = 250 * MS_NS
"""Half of a way there and back of half a second."""
COSTS = "a wall clock only labels (logs, audit, when keys begin and end): wrong ones put the story of several hosts in a wrong order"
CLOCKED = ("router", "local")


def synchronised() -> Finding:
    """Whether the system keeps the wall clock right; not known where nobody here can tell."""
    timedatectl = _said(("timedatectl", "show", "-p", "NTPSynchronized", "--value"))
    if timedatectl in ("yes", "no"):
        return _verdict(timedatectl == "yes", f"timedatectl: NTPSynchronized={timedatectl}", "timedatectl set-ntp true")
    fields = _said(("chronyc", "-c", "tracking")).split(",")
    if len(fields) > 4:
        return _verdict(fields[-1] == "Normal", f"chronyc: {fields[-1]}, off by {fields[4]} s", "chronyc makestep; chronyc sources")
    return Finding(
        UNKNOWN, AREA, "wall clock", "nobody here tells whether it is kept right", COSTS, "apt-get install chrony (Windows: w32tm /resync)"
    )


def offsets(healths: Iterable[NodeHealth]) -> list[Finding]:
    """How well each node that needs leave of the master knows its clock: half the way there and back is the error."""
    found: list[Finding] = []
    for health in healths:
        if health.role not in CLOCKED:
            continue
        what = f"{health.node} to the master"
        if not health.clock_error_ns:
            found.append(Finding(UNKNOWN, AREA, what, "no answer of the master yet"))
            continue
        value = offset_text(health.clock_offset_ns, health.clock_error_ns)
        if health.clock_error_ns > FAR_NS:
            costs = "so much of each opening's deadline is lost on the way: it is mapped to be never late"
            found.append(
                Finding(WARN, AREA, what, value, costs, f"mesh ping; look at the line between the host of {health.node} and the master")
            )
        else:
            found.append(Finding(OK, AREA, what, value))
    return found


def _verdict(is_right: bool, value: str, do: str) -> Finding:
    return Finding(OK, AREA, "wall clock", value) if is_right else Finding(WARN, AREA, "wall clock", value, COSTS, do)


def _said(words: Sequence[str]) -> str:
    """What a program of the system says; empty where there is none, or where it fails or takes too long."""
    if shutil.which(words[0]) is None:
        return ""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
