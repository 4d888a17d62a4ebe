"""What becomes of processes that supervisord watches, from its events: which are down, since when, and how they ended.

Who is told of it, and asked how a process ended, is ``nodes.io.fleetwatch``'s business.
"""

from collections.abc import Callable

import msgspec

from mesh.messages.health import NodeHealth, NoteTold
from mesh.phases import DOWN_PHASES, EXITED, FATAL
from mesh.texts import iso_of

EVENTS = "PROCESS_STATE"
"""What supervisord is asked to tell."""
NOTE = "node_down"


class Ending(msgspec.Struct, frozen=True):
    """How a process ended, as supervisord tells it: ``code`` -1 where it never began; ``why``: in words."""

    code: int
    why: str


class Down(msgspec.Struct, frozen=True):
    """A process that is down. ``since_ns``: when it was last up, by this host's wall clock; ``count``: so often it ended since."""

    process: str
    phase: str
    since_ns: int
    count: int
    ending: Ending
    number: int
    """Of what is told of it: it grows with each event."""
    is_trying: bool = False
    """It is being started: it may speak for itself in a moment."""


HowEnded = Callable[[str], Ending]


class DownNodes:
    """Those of one host. ``how_ended`` is asked how a process ended: the events do not say it."""

    def __init__(self, how_ended: HowEnded) -> None:
        self._how_ended = how_ended
        self._down: dict[str, Down] = {}
        self._number = 0

    @property
    def all(self) -> list[Down]:
        """Those that cannot speak for themselves now."""
        return [each for each in self._down.values() if not each.is_trying]

    def take(self, event: str, process: str, now_ns: int) -> None:
        """One event of supervisord, such as ``PROCESS_STATE_BACKOFF``."""
        state = event.removeprefix(f"{EVENTS}_")
        known = self._down.get(process)
        if state in DOWN_PHASES:
            ending = self._how_ended(process)
            if state == EXITED and ending.code == 0:
                self._down.pop(process, None)  # it was told to end, or had come to its end
                return
            since_ns, count = (known.since_ns, known.count) if known is not None else (now_ns, 0)
            self._number += 1
            self._down[process] = Down(process, state, since_ns, count + (state != FATAL), ending, self._number)
        elif known is not None and state == "STARTING":
            self._down[process] = msgspec.structs.replace(known, is_trying=True)
        elif state == "RUNNING" or (state == "STOPPED" and (known is None or known.ending.code not in (70, 78))):
            # who stops one that stays down anyway has seen why; it is still down
            self._down.pop(process, None)
        elif known is not None:
            self._down[process] = msgspec.structs.replace(known, is_trying=False)


def health_of_down(down: Down, node: str, role: str, life: int, version: str, config_hash: str) -> NodeHealth:
    """What a node would say of itself if it could: that it is down, since when and why, as its facts and as a note of its log."""
    ended = f"{down.ending.why} since {iso_of(down.since_ns)}"
    told = f"phase={down.phase} why={down.ending.why} since={iso_of(down.since_ns)} ended_count={down.count} process={down.process}"
    level = "critical" if down.phase == FATAL else "error"
    return NodeHealth(
        node=node,
        role=role,
        life=life,
        pid=0,
        phase=down.phase,
        market_ns=0,
        loop_lag_us=0,
        cpu_percent=0,
        rss_bytes=0,
        uptime_ms=0,
        version=version,
        config_hash=config_hash,
        counters={},
        facts={"ended": ended[:512], "ended_count": str(down.count), "process": down.process},
        notes=[NoteTold(down.number, down.since_ns, level, NOTE, told[:240])],
    )
