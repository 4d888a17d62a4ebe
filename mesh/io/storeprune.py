"""Old rows of archives go: a few at a time, mostly in quiet moments, once a day round. What makes an order known is in no archive."""

import sqlite3

import msgspec

from mesh.audit import PRUNED, SUM_MASK, Head
from mesh.io.storelayout import PUT_HEAD, sealed_head
from mesh.units import DAY_NS

STEP_ROWS = 200
"""Rows looked at in one step."""
_NEXT = "SELECT key, sum, wall_ns FROM row WHERE kind = ? AND key > ? ORDER BY key LIMIT ?"
_DELETE = "DELETE FROM row WHERE kind = ? AND key = ?"


class Pruner:
    """Walks through the archives of a role, from the first key to the last, then rests for a day. ``keep_days`` None: never."""

    def __init__(self, role: str, keep_days: int | None) -> None:
        self._kinds = PRUNED.get(role, ()) if keep_days is not None else ()
        self._keep_ns = (keep_days or 0) * DAY_NS
        self._index = 0
        """Which archive is walked through …"""
        self._key = b""
        """… and how far."""
        self._from_ns = 0
        """When the next round begins."""

    def step(self, database: sqlite3.Connection, head: Head, now_ns: int) -> Head:
        """Look at some rows and let the old ones go, in a transaction of their own; the head after it. Raises sqlite3.Error."""
        if not self._kinds or now_ns < self._from_ns:
            return head
        kind = self._kinds[self._index]
        rows = database.execute(_NEXT, (kind, self._key, STEP_ROWS)).fetchall()
        old = [(key, kept) for key, kept, wall_ns in rows if wall_ns < now_ns - self._keep_ns]
        if old:
            head = _without(database, head, kind, old)
        self._go_on(rows[-1][0] if len(rows) == STEP_ROWS else None, now_ns)
        return head

    def _go_on(self, key: bytes | None, now_ns: int) -> None:
        """``key``: how far this archive was seen; None: to its end."""
        if key is not None:
            self._key = key
            return
        self._key = b""
        self._index = (self._index + 1) % len(self._kinds)
        if not self._index:
            self._from_ns = now_ns + DAY_NS


def _without(database: sqlite3.Connection, head: Head, kind: str, old: list[tuple[bytes, int]]) -> Head:
    """The rows are gone, and the head says so."""
    total = head.rows_sum - sum(kept for _, kept in old)
    after = msgspec.structs.replace(
        head,
        commit=head.commit + 1,
        row_count=head.row_count - len(old),
        rows_sum=total & SUM_MASK,
        pruned_count=head.pruned_count + len(old),
    )
    database.execute("BEGIN IMMEDIATE")
    database.executemany(_DELETE, [(kind, key) for key, _ in old])
    database.execute(PUT_HEAD, (sealed_head(after),))
    database.execute("COMMIT")
    return after
