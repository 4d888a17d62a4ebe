"""The newest notes of a node, for frontends: its log file has all of them, but stands on another host.

What is worth a warning stays on the board for ten minutes, the rest for ten seconds. A frontend knows notes by their numbers: where
one is missing, more was noted than the board holds.
"""

from typing import Any

import msgspec

from mesh.bounded import keep
from mesh.core import Note
from mesh.messages.base import NAME_MAX
from mesh.messages.health import NOTES_MAX, NoteTold
from mesh.units import MINUTE_NS, SECOND_NS

SHORT_NS, LONG_NS = 10 * SECOND_NS, 10 * MINUTE_NS
"""How long a note is told, by whether it is worth a warning."""
REPEAT_NS = SECOND_NS
TEXT_MAX = 240
UNTOLD = ("debug",)
WORTH = ("warning", "error", "critical")


class NoteBoard:
    """That of one node."""

    def __init__(self) -> None:
        self._number = 0
        self._told: dict[int, NoteTold] = {}

    def take(self, note: Note, wall_ns: int) -> None:
        """Put up a note; one that says the same as the newest, within a second, is counted."""
        if note.level in UNTOLD:
            return
        told = NoteTold(self._number + 1, wall_ns, note.level, note.name[:NAME_MAX], _text_of(note.fields))
        last = self._told.get(self._number)
        if last is not None and _is_same(last, told):
            self._told[self._number] = msgspec.structs.replace(last, count=last.count + 1)
            return
        self._number = told.number
        keep(self._told, told.number, told, NOTES_MAX)

    def told(self, wall_ns: int) -> list[NoteTold]:
        """What is on the board now, oldest first."""
        self._told = {
            number: note
            for number, note in self._told.items()
            if wall_ns - note.wall_ns < (LONG_NS if note.level in WORTH else SHORT_NS)
        }
        return list(self._told.values())


def _is_same(last: NoteTold, told: NoteTold) -> bool:
    is_soon = 0 <= told.wall_ns - last.wall_ns < REPEAT_NS
    return is_soon and (last.level, last.name, last.text) == (told.level, told.name, told.text)


def _text_of(fields: dict[str, Any]) -> str:
    words = " ".join(f"{key}={value.hex() if type(value) is bytes else value}" for key, value in fields.items())
    words = words.encode("utf-8", "replace").decode()  # a broker's words may hold halves of signs, which no message can
    return words if len(words) <= TEXT_MAX else words[: TEXT_MAX - 1] + "…"
