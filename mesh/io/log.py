"""A node's own log file: structlog, one JSON object a line, off the path of an order.

A note is held as it is, turned into a line once a second, or at once from ``warning`` upwards, and written by a thread of its own
(``mesh.io.logwriter``). The first of several identical notes is written, the rest of the same second is counted: one line says how often,
first and last. Lines that cannot be written are counted and dropped, and the log says so when it can again: a slow or full log disk
stops no trade. Never to stdout, which is a pipe supervisord may stop reading.
"""

import sys
from pathlib import Path
from typing import Any, Protocol

import msgspec

from mesh.core import Note
from mesh.counters import Counters
from mesh.io.clock import wall_ns
from mesh.io.logwriter import LogWriter
from mesh.messages.health import NoteTold
from mesh.noteboard import NoteBoard
from mesh.texts import iso_of
from mesh.units import SECOND_NS

if "rich" in sys.modules:
    import structlog
else:
    # It would import rich and pygments, to draw tracebacks on a console that no node has: 4 MB of each node, and 60 ms of its start.
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del sys.modules["rich"]

HELD_MAX = 1_000
"""Notes that wait for their second to end; one more and all are written."""
COLLAPSE_NS = SECOND_NS
COLLAPSED_MAX = 1_000
"""Different notes of one second that are looked after; more go to the file as they are."""
LEVELS = ("debug", "info", "warning", "error", "critical")
_AT_ONCE = ("warning", "error", "critical")


class Notes(Protocol):
    """Where a shell puts what cores note."""

    def note(self, note: Note) -> None:
        """Take one note."""

    def told(self) -> list[NoteTold]:
        """The newest, for frontends."""

    def flush(self) -> None:
        """Write what is held back. Called each second, and at the end."""

    def close(self) -> None:
        """Flush and close."""


class _Repeats:
    """Identical notes after the first."""

    __slots__ = ("count", "first_ns", "last_ns", "note")

    def __init__(self, note: Note, now_ns: int) -> None:
        self.note = note
        self.count = 0
        self.first_ns = self.last_ns = now_ns


class _Buffer:
    """What structlog writes to: it only collects."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def _keep(self, line: bytes) -> None:
        self.lines.append(line)

    debug = info = warning = error = critical = _keep

    def take(self) -> bytes:
        """All lines as one piece; empties the buffer."""
        whole = b"".join(line + b"\n" for line in self.lines)
        self.lines.clear()
        return whole


class Log:
    """The log of one node."""

    def __init__(self, path: Path, node: str, counters: Counters | None = None) -> None:
        self.counters = counters or Counters()
        self._board = NoteBoard()
        self._buffer = _Buffer()
        self._held: list[tuple[Note, int, dict[str, Any]]] = []
        self._repeats: dict[str, _Repeats] = {}
        self._collapse_from_ns = wall_ns()
        self._writer = LogWriter(path)
        self._lost_count = 0
        """Of the writer's, as counted so far."""
        self._untold_count = 0
        """Lines that were dropped and the log does not say so yet."""
        self._logger: Any = structlog.wrap_logger(
            self._buffer,
            processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer(serializer=_json)],
            wrapper_class=structlog.BoundLogger,
            node=node,
        )

    def note(self, note: Note) -> None:
        """Log a note, or count it where the same one was logged within the second."""
        now_ns = wall_ns()
        self._board.take(note, now_ns)
        if now_ns - self._collapse_from_ns >= COLLAPSE_NS or now_ns < self._collapse_from_ns:
            self._tell_repeats(now_ns)
        key = f"{note.level} {note.name} {note.fields}"
        repeats = self._repeats.get(key)
        if repeats is not None:
            repeats.count += 1
            repeats.last_ns = now_ns
            return
        if len(self._repeats) < COLLAPSED_MAX:
            self._repeats[key] = _Repeats(note, now_ns)
        assert note.level in LEVELS, f"note {note.name}: level {note.level!r} is not among {LEVELS}"
        self._held.append((note, now_ns, {}))
        if note.level in _AT_ONCE or len(self._held) > HELD_MAX:
            self._write_out()

    def told(self) -> list[NoteTold]:
        """The newest, for frontends."""
        return self._board.told(wall_ns())

    def flush(self) -> None:
        """Tell of repeats and hand everything over to be written."""
        now_ns = wall_ns()
        self._tell_repeats(now_ns)
        self._count_lost(now_ns)
        self._write_out()

    def drain(self, limit_s: float) -> bool:
        """Flush, and wait until all of it is written or lost; False where that takes longer."""
        self.flush()
        return self._writer.drain(limit_s)

    def close(self) -> None:
        """Flush and close the file; a disk that takes nothing is not waited for."""
        self.flush()
        self._writer.close()

    def _tell_repeats(self, now_ns: int) -> None:
        for repeats in self._repeats.values():
            if repeats.count:
                again = {"count": repeats.count, "first": iso_of(repeats.first_ns), "last": iso_of(repeats.last_ns)}
                self._held.append((repeats.note, repeats.last_ns, again))
        self._repeats.clear()
        self._collapse_from_ns = now_ns

    def _write_out(self) -> None:
        if not self._held:
            return
        for note, at_ns, again in self._held:
            values = {key: value.hex() if type(value) is bytes else value for key, value in note.fields.items()}
            fields = {"fields": values} if _RESERVED & values.keys() else values
            getattr(self._logger, note.level)(note.name, ts=iso_of(at_ns), **fields, **again)
        self._held.clear()
        whole = self._buffer.take()
        if not self._writer.put(whole):
            self._drop(whole.count(b"\n"))

    def _count_lost(self, now_ns: int) -> None:
        """What the disk did not take; a line says so as soon as it takes one again."""
        lost_count = self._writer.lost_count
        if lost_count > self._lost_count:
            self._drop(lost_count - self._lost_count)
            self._lost_count = lost_count
        if self._untold_count and self._writer.is_well:
            told = {"dropped_count": self._untold_count, "why": "the disk of this log was full, slow or gone"}
            self._held.append((Note("warning", "log_lines_dropped", told), now_ns, {}))
            self._untold_count = 0

    def _drop(self, count: int) -> None:
        self._untold_count += count
        self.counters.add("dropped_log_count", count)


_RESERVED = frozenset(("event", "level", "ts", "node", "count", "first", "last"))
"""Keys a line has of its own; a note that uses one of them has its fields inside ``fields``."""


def _json(fields: Any, **_options: Any) -> bytes:
    """JSON by msgspec; what it does not know is shown as text (a log never fails)."""
    return msgspec.json.encode(fields, enc_hook=repr)
