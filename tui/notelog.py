"""The lines of the log page: what nodes noted, what operators did, what the console itself saw; each once, the newest last."""

from collections.abc import Iterator

import msgspec

from mesh.bounded import keep
from mesh.messages.control import Activation, Entry, Item, Revision
from mesh.messages.health import NodeHealth

LINES_MAX = 5_000
NODES_MAX = 4_096
"""Lives of nodes whose numbers are remembered."""
LEVELS = ("info", "audit", "warning", "error", "critical")
"""From what is worth least attention to what is worth most."""


class LogLine(msgspec.Struct, frozen=True):
    """``wall_ns``: by the clock of whoever said it. ``count``: so often within a second."""

    number: int
    wall_ns: int
    level: str
    source: str
    name: str
    text: str
    count: int = 1


class NoteLog:
    """The newest lines."""

    def __init__(self) -> None:
        self._lines: dict[int, LogLine] = {}
        self._number = 0
        self._newest: dict[tuple[str, int], int] = {}
        """(node, life) → number of its newest note that is here."""
        self._counted: dict[tuple[str, int], int] = {}
        """(node, life) → our number of that line: its count may still grow."""
        self.version = 0
        """Grows with each change."""

    def __iter__(self) -> Iterator[LogLine]:
        return iter(self._lines.values())

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def newest_number(self) -> int:
        """The number of the newest line; 0: there is none."""
        return self._number

    def add(self, wall_ns: int, level: str, source: str, name: str, text: str, count: int = 1) -> int:
        """A line; its number."""
        self._number += 1
        self.version += 1
        keep(self._lines, self._number, LogLine(self._number, wall_ns, level, source, name, text, count), LINES_MAX)
        return self._number

    def take(self, health: NodeHealth) -> None:
        """The notes of a node that are new; where numbers are missing, that is a line of its own."""
        key = health.node, health.life
        is_first = key not in self._newest  # what is missing then was noted before anybody was here
        for note in health.notes:
            newest = self._newest.get(key, 0)
            if note.number == newest:
                self._recount(key, note.count)
            if note.number <= newest:
                continue
            missing = note.number - newest - 1
            if missing and not is_first:
                self.add(note.wall_ns, "info", health.node, "notes_missed", f"count={missing}: they are in its own log")
            keep(self._newest, key, note.number, NODES_MAX)
            number = self.add(note.wall_ns, note.level, health.node, note.name, note.text, note.count)
            keep(self._counted, key, number, NODES_MAX)

    def _recount(self, key: tuple[str, int], count: int) -> None:
        line = self._lines.get(self._counted.get(key, 0))
        if line is not None and line.count < count:  # a slower router may tell an older word
            self._lines[line.number] = msgspec.structs.replace(line, count=count)
            self.version += 1

    def signed(self, item: Item) -> None:
        """A stop, the end of some, or a live change, that somebody signed."""
        who = item.by or item.issuer
        if isinstance(item, Entry):
            self.add(item.issued_ns, "audit", who, item.level.lower(), f"scope={item.scope} reason={item.reason or '-'}")
        elif isinstance(item, Revision):
            words = f"number={item.number} {item.before} → {item.after} reason={item.reason or '-'}"
            self.add(item.issued_ns, "audit", who, "change", words)
        elif isinstance(item, Activation):
            self.add(item.issued_ns, "audit", who, "in force", f"change={item.revision.hex()[:12]} reason={item.reason or '-'}")
        else:
            ended = " ".join(key.hex()[:12] for key in item.entries)
            self.add(item.issued_ns, "audit", who, "resume", f"ends={ended} reason={item.reason or '-'}")
