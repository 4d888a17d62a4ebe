"""The stops that were told, each once; one whose level is of a newer version binds all the same, and is never taken for ACTIVE."""

import msgspec

from mesh.errors import BadFrame
from mesh.killset import ALL, KillSet, item_of
from mesh.messages.control import LADDER, STAGE_OF, Entry, Item

UNKNOWN_LEVEL = "LEVEL UNKNOWN"
"""In place of a level that this version does not know."""


def rank_of(level: str) -> int:
    """How much a level stops: of one that nobody here knows, more than of all that are known."""
    return LADDER.index(level) if level in LADDER else len(LADDER)


def shown(item: Item) -> Item:
    """An item as it is shown: what a level says that is not known here stands in the reason."""
    if not isinstance(item, Entry) or item.level in STAGE_OF:
        return item
    reason = f"{item.reason or 'no reason'} (its level {item.level} is of a newer version)"
    return msgspec.structs.replace(item, level=UNKNOWN_LEVEL, reason=reason)


class StopSet:
    """Entries and undos by their ids, for whoever shows them."""

    def __init__(self) -> None:
        self._set = KillSet()
        self._known: set[bytes] = set()
        self._newer: set[bytes] = set()

    def take(self, raw: bytes) -> Item | None:
        """What a ``Signed`` holds, where it is told for the first time; None for one that was, or that is none."""
        if raw in self._known:
            return None
        try:
            key, item = item_of(raw)
        except BadFrame:
            return None
        self._known.add(raw)
        if (seen := shown(item)) is not item:
            self._newer.add(raw)
            item = seen
        self._set.add(key, raw, item)
        return item

    def is_newer(self, raw: bytes) -> bool:
        """Whether it is a stop of a level that is not known here."""
        return raw in self._newer

    def live(self) -> list[tuple[bytes, Entry]]:
        """Stops no undo has ended."""
        return self._set.live()

    def entries(self) -> list[tuple[bytes, Entry]]:
        """Every stop, the newest last."""
        return self._set.entries()

    def ladder(self) -> str:
        """The highest live stop over everything, with ``+`` where a narrower one binds too."""
        levels = [entry.level for _, entry in self.live() if entry.scope == ALL]
        narrower = "+" if len(levels) < len(self.live()) else ""
        return max(levels, key=rank_of, default=LADDER[0]) + narrower
