"""Who tells of alerts: the one program whose end nobody is called for, because it is what calls."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from mesh.outlets import ALERTS_PROGRAM
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding
from nodes.io.fleet import Fleet, FleetDown

AREA = "alerts"
COSTS = "nobody is called when trading stops"
ANSWER_S = 2.0
"""A supervisord that stands still is not waited for longer."""


def look(fleet: Fleet) -> list[Finding]:
    """Whether it runs under the supervisord of this state; nothing where the configuration wants none."""
    if fleet.config.settings.alerts is None:
        return []
    try:
        with _patience():
            states = {process.name: process.state for process in fleet.states()} if fleet.socket.exists() else {}
    except FleetDown as error:
        return [Finding(UNKNOWN, AREA, ALERTS_PROGRAM, str(error), do="mesh status")]
    state = states.get(ALERTS_PROGRAM, "")
    if not state:
        return [Finding(UNKNOWN, AREA, ALERTS_PROGRAM, "no supervisord here runs it", do="mesh up, or mesh doctor on the master's host")]
    if state == "RUNNING":
        return [Finding(OK, AREA, ALERTS_PROGRAM, state)]
    if state == "STARTING":
        return [Finding(WARN, AREA, ALERTS_PROGRAM, state, COSTS, "look again in a second")]
    do = f"mesh logs {ALERTS_PROGRAM}, mesh alerts test, then supervisorctl -c {fleet.conf} restart {ALERTS_PROGRAM}"
    return [Finding(BAD, AREA, ALERTS_PROGRAM, state, COSTS, do)]


@contextmanager
def _patience() -> Iterator[None]:
    """Sockets made meanwhile give up; supervisor's transport makes its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(ANSWER_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
