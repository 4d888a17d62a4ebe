"""The stop as state: a grow-only set of entries and of undos that name them (DESIGN §7).

Nothing is ever removed and merge is union, so duplicates, order and partitions do not matter; the digest covers both
kinds. An entry is known by the hash of its bytes. An undo may come before the entry it ends. The highest live entry
that matches binds.
"""

from hashlib import sha256

from mesh.codec import decode_untrusted
from mesh.errors import BadFrame
from mesh.messages.control import KILL_ITEMS_MAX, LADDER, Entry, Undo

SCOPE_KINDS = ("account", "symbol", "strategy")
ALL = "all"


def entry_id(raw: bytes) -> bytes:
    """The id of an entry or undo: SHA-256 of its encoded bytes."""
    return sha256(raw).digest()


def check_scope(scope: str) -> str:
    """The scope itself. Raises ValueError, saying what is allowed, for anything else than ``all`` and ``account:NAME`` and the like."""
    kind, _, name = scope.partition(":")
    if scope == ALL or (kind in SCOPE_KINDS and name):
        return scope
    raise ValueError(f"scope {scope!r}: all, account:NAME, symbol:NAME or strategy:NAME is allowed")


def scope_matches(scope: str, account: str, symbol: str, strategy: str) -> bool:
    """Whether an entry's scope covers an act on ``account`` in ``symbol`` by ``strategy`` (empty: not about any)."""
    if scope == ALL:
        return True
    kind, _, name = scope.partition(":")
    return bool(name) and name == {"account": account, "symbol": symbol, "strategy": strategy}.get(kind)


class KillSet:
    """All entries and undos this node has seen."""

    def __init__(self) -> None:
        self._raw: dict[bytes, bytes] = {}
        self._entries: dict[bytes, Entry] = {}
        self._ended: dict[bytes, bytes] = {}
        self._live: list[tuple[bytes, Entry]] = []
        self._digest = b""

    def add_untrusted(self, raw: bytes) -> bool:
        """Take an encoded Entry or Undo; False where it is already here. Raises BadFrame for anything else."""
        key = entry_id(raw)
        if key in self._raw:
            return False
        item = decode_untrusted(raw)
        if len(self._raw) >= KILL_ITEMS_MAX:
            raise BadFrame(f"the kill set holds {KILL_ITEMS_MAX} items; no more are taken")
        if isinstance(item, Entry):
            self._add_entry(key, item)
        elif isinstance(item, Undo):
            for ended in item.entries:
                self._ended.setdefault(ended, key)
        else:
            raise BadFrame(f"{type(item).__name__} is no entry or undo of the kill set")
        self._raw[key] = raw
        self._live = [(entry_key, entry) for entry_key, entry in self._entries.items() if entry_key not in self._ended]
        self._digest = sha256(b"".join(sorted(self._raw))).digest()
        return True

    def _add_entry(self, key: bytes, entry: Entry) -> None:
        if entry.level not in LADDER[1:]:
            raise BadFrame(f"level {entry.level!r}: {', '.join(LADDER[1:])} are allowed")
        try:
            check_scope(entry.scope)
        except ValueError as error:
            raise BadFrame(str(error)) from None
        self._entries[key] = entry

    @property
    def digest(self) -> bytes:
        """SHA-256 over all ids; empty for the empty set. Equal digests mean equal sets."""
        return self._digest

    def known(self) -> list[bytes]:
        """Ids of everything here, sorted."""
        return sorted(self._raw)

    def missing(self, known: list[bytes]) -> list[bytes]:
        """Raw items that a peer with these ids lacks, in order of their ids."""
        theirs = frozenset(known)
        return [raw for key, raw in sorted(self._raw.items()) if key not in theirs]

    def raw_items(self) -> list[bytes]:
        """Every raw item, in order of arrival."""
        return list(self._raw.values())

    def live(self) -> list[tuple[bytes, Entry]]:
        """Entries no undo has ended, in order of arrival."""
        return list(self._live)

    def level_for(self, account: str, symbol: str = "", strategy: str = "") -> str:
        """The highest live level that matches: a word of LADDER."""
        level = 0
        for _, entry in self._live:
            if scope_matches(entry.scope, account, symbol, strategy):
                level = max(level, LADDER.index(entry.level))
        return LADDER[level]
