"""A node's own log file: structlog, one JSON object a line, off the path of an order.

A note is held as it is, and turned into a line and written once a second, or at once from ``warning`` upwards. The first of several
identical notes is written, the rest of the same second is counted: one line says how often, first and last. Lines that cannot be
written are counted and dropped: a full log disk stops no trade. Never to stdout, which is a pipe supervisord may stop reading.
"""

from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from mesh.core import Note
from mesh.counters import Counters
from mesh.io.clock import wall_ns
from mesh.messages.health import NoteTold
from mesh.noteboard import NoteBoard
from mesh.texts import iso_of
from mesh.units import SECOND_NS

FILE_BYTES_MAX = 10_000_000
FILES_MAX = 3
"""The newest two of before are kept as ``.1`` and ``.2``."""
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
        self._path = path
        self.counters = counters or Counters()
        self._board = NoteBoard()
        self._buffer = _Buffer()
        self._held: list[tuple[Note, int, dict[str, Any]]] = []
        self._repeats: dict[str, _Repeats] = {}
        self._collapse_from_ns = wall_ns()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._size_bytes = path.stat().st_size
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
        """Tell of repeats and write everything."""
        self._tell_repeats(wall_ns())
        self._write_out()

    def close(self) -> None:
        """Flush and close the file."""
        self.flush()
        self._file.close()

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
        try:
            if self._size_bytes + len(whole) > FILE_BYTES_MAX:
                self._rotate()
            self._file.write(whole)
            self._size_bytes += len(whole)
        except (OSError, ValueError):  # ValueError: a rotation that failed half-way left the file closed
            self.counters.add("dropped_log_count", whole.count(b"\n"))

    def _rotate(self) -> None:
        self._file.close()
        for number in range(FILES_MAX - 1, 0, -1):
            older = self._path if number == 1 else self._path.with_name(f"{self._path.name}.{number - 1}")
            if older.exists():
                older.replace(self._path.with_name(f"{self._path.name}.{number}"))
        self._file = self._path.open("ab", buffering=0)
        self._size_bytes = 0


_RESERVED = frozenset(("event", "level", "ts", "node", "count", "first", "last"))
"""Keys a line has of its own; a note that uses one of them has its fields inside ``fields``."""


def _json(fields: Any, **_options: Any) -> bytes:
    """JSON by msgspec; what it does not know is shown as text (a log never fails)."""
    return msgspec.json.encode(fields, enc_hook=repr)
