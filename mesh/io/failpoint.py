"""Failpoints: places between two effects at which a process dies, hangs or fails on purpose, named in its environment.

``MESH_FAILPOINT=NAME:ACTION[:AFTER],…`` is read once, when the process puts its nodes together; without it nothing here is in the way of
anything. ``MESH_FAILPOINT=@FOLDER`` reads the same from ``FOLDER/PROCESS`` and removes that file: it holds for one life, though a
supervisor gives each life the same environment. Only `make chaos` and tests set it; a process that has one says so on stderr when it has
read it and when it is there, and every node where the variable is set says so in its log (``test_switches``).

Names say what is about to be done or was just done: ``commit.KIND`` and ``committed.KIND`` around a transaction with rows of a kind,
``send.MESSAGE`` and ``sent.MESSAGE`` around a message (``send.VenueSend``: INTENT is durable, the call is not handed over), and in a
worker ``handle.MESSAGE`` and ``handled.MESSAGE`` around a request (``handled.VenueSend``: executed, and nobody knows). ``AFTER``: so many
times it passes first. Actions: ``kill`` (SIGKILL), ``hang`` (for ever), ``exit=CODE``, ``full`` (the disk takes no more), ``slow=MS``
(each time from there on).
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from mesh.errors import BadConfig, StoreFailed
from mesh.io import system
from mesh.messages.base import Msg

VARIABLE = "MESH_FAILPOINT"
KILL, HANG, EXIT, FULL, SLOW = "kill", "hang", "exit", "full", "slow"
_TAKES = {KILL: False, HANG: False, EXIT: True, FULL: False, SLOW: True}
"""Action → whether it takes a number."""
HANG_S = 3_600.0


class Failpoint(msgspec.Struct):
    """One place: what happens there once it was passed ``after_count`` times. ``number``: an exit code, or milliseconds."""

    name: str
    action: str
    number: int = 0
    after_count: int = 0
    is_told: bool = False


class Failpoints:
    """Those of one process."""

    def __init__(self, process: str, points: list[Failpoint]) -> None:
        self._process = process
        self._points = {point.name: point for point in points}

    def reach(self, name: str) -> None:
        """The process is at this place. Raises StoreFailed for a disk that is full there."""
        point = self._points.get(name)
        if point is None:
            return
        if point.after_count > 0:
            point.after_count -= 1
            return
        if not point.is_told:
            point.is_told = True
            os.write(2, f"mesh: failpoint {self._process} {name}: {point.action}\n".encode())
        if point.action == SLOW:
            time.sleep(point.number / 1_000)
            return
        del self._points[name]
        if point.action == FULL:
            raise StoreFailed(f"failpoint {name}: database or disk is full; free its disk, the node recovers when it starts again")
        _end(point)

    def around(self, handle: Callable[[Msg], Msg | None]) -> Callable[[Msg], Msg | None]:
        """A worker's handler with places before and after it."""

        def handled(message: Msg) -> Msg | None:
            name = type(message).__name__
            self.reach(f"handle.{name}")
            answer = handle(message)
            self.reach(f"handled.{name}")
            return answer

        return handled


def _end(point: Failpoint) -> None:
    if point.action == EXIT:
        os._exit(point.number)
    if point.action == KILL:
        system.die()
    while True:  # the loop stands still, other threads go on: the watchdog is one of them
        time.sleep(HANG_S)


def failpoints_of(process: str) -> Failpoints | None:
    """What the environment has for a process, told in a line on stderr; None where there is nothing. Raises BadConfig for what cannot
    be read.
    """
    text = os.environ.get(VARIABLE, "")
    if text.startswith("@"):
        path = Path(text[1:]) / process
        try:
            text = path.read_text(encoding="utf-8").strip()
            path.unlink()
        except FileNotFoundError:
            return None
    if not text:
        return None
    points = Failpoints(process, points_of(text))
    os.write(2, f"mesh: {VARIABLE} of {process}: {text}; unset it for real trading\n".encode())
    return points


def points_of(text: str) -> list[Failpoint]:
    """The places in a text. Raises BadConfig naming the one that cannot be read and what is allowed."""
    return [_point_of(part) for part in text.split(",")]


def _point_of(text: str) -> Failpoint:
    name, _, rest = text.partition(":")
    words, _, after = rest.partition(":")
    action, _, number = words.partition("=")
    is_right = bool(name) and action in _TAKES and number.isdecimal() == _TAKES[action] and (not after or after.isdecimal())
    if not is_right or (bool(number) and not _TAKES[action]):
        allowed = ", ".join(f"{word}=NUMBER" if takes else word for word, takes in _TAKES.items())
        raise BadConfig(f"{VARIABLE}: {text!r} is no NAME:ACTION[:AFTER]; actions: {allowed}; AFTER: a number; unset it for real trading")
    return Failpoint(name, action, int(number or 0), int(after or 0))
