"""The stop as state: a grow-only set of entries and of undos that name them (DESIGN §7).

Nothing is ever removed and merge is union, so duplicates, order and partitions do not matter; the digest covers every
kind. An item is known by the hash of the bytes that are signed. An undo may come before the entry it ends. The highest live entry
that matches binds. Live changes of the configuration travel in the same set, and stop nothing (``mesh.revisions``).
"""

import re
from hashlib import sha256

from mesh.codec import decode_untrusted
from mesh.errors import BadFrame
from mesh.messages.control import KILL_ITEMS_MAX, LADDER, PREFIX_BYTES, Entry, Item, Signed, Undo

SCOPE_KINDS = ("account", "symbol", "strategy")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.#&+-]{0,63}")
ALL = "all"


OPERATORS_COUNT = 512
"""Places that are kept for operators where nodes' own entries have filled the rest: a person can always stop and resume."""


def entry_id(body: bytes) -> bytes:
    """The id of an entry or undo: SHA-256 of its encoded bytes."""
    return sha256(body).digest()


def item_of(raw: bytes) -> tuple[bytes, Item]:
    """(id, item) of a ``Signed``'s bytes, its signature not looked at. Raises BadFrame for anything else."""
    signed = decode_untrusted(raw)
    if not isinstance(signed, Signed):
        raise BadFrame(f"{type(signed).__name__} is no signed item")
    item = decode_untrusted(signed.body)
    if not isinstance(item, Item):
        raise BadFrame(f"{type(item).__name__} is no item of the kill set")
    return entry_id(signed.body), item


def check_scope(scope: str) -> str:
    """The scope itself. Raises ValueError, saying what is allowed, for anything else than ``all`` and ``account:NAME`` and the like."""
    kind, _, name = scope.partition(":")
    if scope == ALL or (kind in SCOPE_KINDS and _NAME.fullmatch(name)):
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

    def __contains__(self, key: object) -> bool:
        return key in self._raw

    def __len__(self) -> int:
        return len(self._raw)

    def has_room(self, is_operators: bool) -> bool:
        """Whether one more is taken."""
        return len(self._raw) < KILL_ITEMS_MAX - (0 if is_operators else OPERATORS_COUNT)

    def add(self, key: bytes, raw: bytes, item: Item) -> None:
        """Take what has been checked (``mesh.keyring``), or was when it was stored; what is here already stays."""
        if key in self._raw:
            return
        if isinstance(item, Entry):
            self._entries[key] = item
        elif isinstance(item, Undo):
            for ended in item.entries:
                self._ended.setdefault(ended, key)
        self._raw[key] = raw
        self._live = [(entry_key, entry) for entry_key, entry in self._entries.items() if entry_key not in self._ended]
        self._digest = sha256(b"".join(sorted(self._raw))).digest()

    def add_untrusted(self, raw: bytes) -> None:
        """Take an item to be shown, or one of our own store: its signature is not looked at. Raises BadFrame where it is none."""
        key, item = item_of(raw)
        self.add(key, raw, item)

    @property
    def digest(self) -> bytes:
        """SHA-256 over all ids; empty for the empty set. Equal digests mean equal sets."""
        return self._digest

    def known(self) -> bytes:
        """The first bytes of each id here, one after the other, sorted."""
        return b"".join(key[:PREFIX_BYTES] for key in sorted(self._raw))

    def missing(self, known: bytes) -> list[bytes]:
        """Raw items that a peer who knows these (``known``) lacks, in order of their ids."""
        theirs = _prefixes(known)
        return [raw for key, raw in sorted(self._raw.items()) if key[:PREFIX_BYTES] not in theirs]

    def lacks_of(self, known: bytes) -> bool:
        """Whether a peer who knows these has something that is not here."""
        return not _prefixes(known) <= _prefixes(self.known())

    def raw_items(self) -> list[bytes]:
        """Every raw item, in order of arrival."""
        return list(self._raw.values())

    def entries(self) -> list[tuple[bytes, Entry]]:
        """Every entry, ended or not, in order of arrival."""
        return list(self._entries.items())

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


def _prefixes(known: bytes) -> frozenset[bytes]:
    return frozenset(known[start : start + PREFIX_BYTES] for start in range(0, len(known), PREFIX_BYTES))
