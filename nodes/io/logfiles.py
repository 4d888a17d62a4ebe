"""The log files of one state directory, read back: each node's own (with the older ones beside it), and supervisord's.

Read line by line, so that files of any size cost no memory. What is followed is opened for moments only: on Windows who holds a log open
keeps its node from turning it.
"""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from mesh.io.logwriter import FILES_MAX
from mesh.units import SECOND_NS, US_NS

FOLDER = "log"
SUPERVISOR = "supervisord"
"""Whose log tells how processes began and ended."""
READ_BYTES = 1 << 20
LINE_BYTES_MAX = 1 << 20
"""What is longer is no line of ours, and is shown in pieces."""
SLACK_NS = 5 * SECOND_NS
"""Repeats are told behind what came after them, and clocks are set back a little: a file's times are in order but for so much."""
_SUPERVISOR_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) ([A-Z]{4}) (.*)")
_OPEN_SOCKET = "running without any HTTP authentication checking"
"""supervisord says so of each socket without a password, as critical. Ours has mode 0600: who may open it may kill the nodes anyway."""
_LEVELS = {"CRIT": "critical", "ERRO": "error", "WARN": "warning", "INFO": "info"}


class LogLine(msgspec.Struct, frozen=True):
    """One line. ``fields``: what stands in it beside the rest; ``raw``: as it stands in the file."""

    at_ns: int
    node: str
    level: str
    event: str
    fields: dict[str, Any]
    raw: str


def names_in(state: Path) -> list[str]:
    """Whose logs are there."""
    return sorted(path.stem for path in (state / FOLDER).glob("*.log"))


def files_of(state: Path, name: str) -> list[Path]:
    """The files of one log, the oldest first."""
    newest = state / FOLDER / f"{name}.log"
    older = [newest.with_name(f"{newest.name}.{number}") for number in range(FILES_MAX - 1, 0, -1)]
    return [path for path in (*older, newest) if path.exists()]


def lines_of(state: Path, name: str, since_ns: int = 0) -> Iterator[LogLine]:
    """The lines of one log, from a time on, as they stand in the files; a file written whole before that time is not read.

    All files are opened at once: one that is turned meanwhile is neither read twice nor passed over.
    """
    with ExitStack() as stack:
        files: list[BinaryIO] = []
        for path in files_of(state, name):
            with suppress(FileNotFoundError):  # turned away meanwhile
                files.append(stack.enter_context(path.open("rb")))
        for file in files:
            seen = os.fstat(file.fileno())
            if seen.st_mtime_ns < since_ns:
                continue
            file.seek(_first_near(file, seen.st_size, name, since_ns) if since_ns else 0)
            for raw in _raw_lines(file):
                line = line_of(name, raw)
                if line.at_ns >= since_ns:
                    yield line


def in_order(lines: Iterator[LogLine]) -> Iterator[tuple[int, str, LogLine]]:
    """(time, node, line), times never going back by less than ``SLACK_NS``: several logs can be merged, and each keeps its order.

    A clock that was set back by more takes the log with it.
    """
    last_ns = 0
    for line in lines:
        last_ns = line.at_ns if line.at_ns < last_ns - SLACK_NS else max(last_ns, line.at_ns)
        yield last_ns, line.node, line

LATEST_NS = 253_370_764_800 * 10**9
"""The year 9999: a time behind it is nobody's, and cannot be shown in UTC."""


def line_of(name: str, raw: bytes) -> LogLine:
    """What a line says; one that no node wrote is shown as it is, under the time 0."""
    text = raw.decode("utf-8", "replace")
    if name == SUPERVISOR and (found := _SUPERVISOR_LINE.fullmatch(text)):
        at_ns = round(datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").timestamp() * 1_000) * 1_000 * US_NS
        level = "debug" if found[3].endswith(_OPEN_SOCKET) else _LEVELS.get(found[2], "debug")
        return LogLine(at_ns, name, level, found[3], {}, text)
    try:
        fields = msgspec.json.decode(raw, type=dict[str, Any])
        at_ns = min(round(datetime.fromisoformat(fields.pop("ts")).timestamp() * 1_000_000) * US_NS, LATEST_NS)
        node, level, event = str(fields.pop("node")), str(fields.pop("level")), str(fields.pop("event"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, ValueError, TypeError):
        return LogLine(0, name, "error", "unreadable_line", {"text": text[:300]}, text)
    return LogLine(at_ns, node, level, event, fields, text)


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines from where the file stands; of what grows meanwhile nothing is torn."""
    while raw := file.readline(LINE_BYTES_MAX):
        if raw.endswith(b"\n") or len(raw) == LINE_BYTES_MAX:
            yield raw.rstrip(b"\n")


def _first_near(file: BinaryIO, size_bytes: int, name: str, since_ns: int) -> int:
    """A place in a file before which nothing is as new as a time, found by halves."""
    low, high = 0, size_bytes
    while high - low > READ_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline(LINE_BYTES_MAX)  # the rest of a line
        begin = file.tell()
        at_ns = line_of(name, file.readline(LINE_BYTES_MAX).rstrip(b"\n")).at_ns
        if begin < high and 0 < at_ns < since_ns - SLACK_NS:
            low = begin
        else:
            high = middle
    return low


class LogTail:
    """A log that is followed, through its turns. ``news`` gives the lines that have come since it was asked last."""

    def __init__(self, state: Path, name: str) -> None:
        self._state = state
        self._name = name
        self._inode = 0
        """Of the file that was read last; 0: there was none."""
        self._read_bytes = 0
        for path in files_of(state, name)[-1:]:
            seen = path.stat()
            self._inode, self._read_bytes = seen.st_ino, _end_of_lines(path, seen.st_size)

    def news(self) -> list[LogLine]:
        """Whole lines since the last time: the rest of the file that was read, then all of the newer ones."""
        found: list[LogLine] = []
        try:
            files = [(path, path.stat().st_ino) for path in files_of(self._state, self._name)]
            known = next((index for index, (_, inode) in enumerate(files) if inode == self._inode), None)
            for path, inode in files if known is None else files[known:]:
                if inode != self._inode or path.stat().st_size < self._read_bytes:
                    self._inode, self._read_bytes = inode, 0
                found += self._rest_of(path)
        except OSError:
            return found  # it was turned at this moment: the next look finds the rest
        return found

    def _rest_of(self, path: Path) -> list[LogLine]:
        with path.open("rb") as file:
            file.seek(self._read_bytes)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + len(newline)
        return [line_of(self._name, raw) for raw in whole.split(b"\n") if raw]


def _end_of_lines(path: Path, size_bytes: int) -> int:
    """Where the last whole line of a file ends."""
    begin = max(0, size_bytes - READ_BYTES)
    with path.open("rb") as file:
        file.seek(begin)
        return begin + file.read(size_bytes - begin).rfind(b"\n") + 1
