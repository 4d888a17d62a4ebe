"""Walks through the audit of a store, beside its node, changing nothing: is each record what was written, and what does it say."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from mesh.audit import AuditRow, Head, broken_at
from mesh.errors import BadConfig
from mesh.io import storelayout, storemarks
from mesh.texts import iso_of

ROWS = "SELECT seq, wall_ns, kind, key, record, hash FROM audit ORDER BY seq"
ROWS_OF_KIND = "SELECT seq, wall_ns, kind, key, record, hash FROM audit WHERE kind = ? ORDER BY seq"
DO = "keep these files as they are, put the store back from a backup, and find out who changed it"


class Verdict(msgspec.Struct, frozen=True):
    """What a walk came to. ``bad``: what is wrong, and where first; empty where all is as it was written."""

    count: int
    """Records that are as they were written."""
    last: AuditRow | None
    bad: str = ""


def verify(path: Path) -> Verdict:
    """Walk through a whole store. Raises BadConfig, StoreFailed for one that cannot be opened at all."""
    database, remembered = _opened(path)
    last: AuditRow | None = None
    bad = ""
    try:
        database.execute("BEGIN")  # one state of the store, though its node goes on
        for row in _rows(database):
            if why := broken_at(last, row):
                bad = f"{_named(row)} is the first bad one: {why}; {DO}"
                break
            last = row
        bad = bad or _end(path, database, last, remembered)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        bad = f"it cannot be read behind record {last.seq if last else 0}: {error}; {DO}"
    finally:
        database.close()
    return Verdict(last.seq if last else 0, last, bad)


class Chain:
    """The audit of a store, asked record by record while its node goes on."""

    def __init__(self, path: Path) -> None:
        """Raises BadConfig, StoreFailed."""
        self._path = path
        self._database, _ = _opened(path)
        self.genesis = storelayout.genesis_of(path, self._database)

    def hash_at(self, seq: int) -> bytes | None:
        """The hash of a record; None where it has no such record. Raises BadConfig."""
        try:
            return storelayout.chained_hash(self._database, seq)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise storelayout.damaged(self._path, error) from None

    def end_seq(self) -> int:
        """The number of its last record. Raises BadConfig."""
        try:
            return int(self._database.execute("SELECT max(seq) FROM audit").fetchone()[0] or 0)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise storelayout.damaged(self._path, error) from None

    def close(self) -> None:
        """Let the file go."""
        self._database.close()


def _end(path: Path, database: sqlite3.Connection, last: AuditRow | None, remembered: Head | None) -> str:
    """Whether the chain ends where it ended, and the rows are those that were committed; empty where so."""
    try:
        head = storelayout.head_of(path, database)
        seq = last.seq if last else 0
        if seq < head.audit_seq:
            behind = f"the last one there is of {iso_of(last.wall_ns)}" if last else "there is none"
            return f"records {seq + 1} to {head.audit_seq} are missing, {behind}; {DO}"
        storelayout.check_pages(path, database)
        storelayout.checked_head(path, database)
        if remembered is not None:
            storemarks.check_head(path, head, remembered, storelayout.chained_hash(database, remembered.audit_seq))
    except BadConfig as error:
        return str(error)
    return ""


def records(path: Path, since_ns: int = 0, kind: str = "") -> Iterator[AuditRow]:
    """The records of a store from a time on, of one kind or all, oldest first. Raises BadConfig."""
    database, _ = _opened(path)
    try:
        for row in _rows(database, kind):
            if not _can_be_told(row):
                raise storelayout.damaged(path, f"{_named(row)} is not what was written")
            if row.wall_ns >= since_ns:
                yield row
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise storelayout.damaged(path, error) from None
    finally:
        database.close()


def _named(row: AuditRow) -> str:
    """A record in words; what it says may be anything."""
    try:
        time = iso_of(row.wall_ns)
    except (OverflowError, TypeError):
        time = f"wall_ns {row.wall_ns!r}"
    key = row.key.hex() if isinstance(row.key, bytes) else repr(row.key)
    return f"record {row.seq} ({row.kind} {key or '-'}, {time})"


def _can_be_told(row: AuditRow) -> bool:
    """Whether its values are of the kinds that were written: on a damaged page they may be any."""
    try:
        iso_of(row.wall_ns)
    except (OverflowError, TypeError):
        return False
    are_bytes = all(isinstance(raw, bytes) for raw in (row.key, row.record, row.hash))
    return isinstance(row.wall_ns, int) and isinstance(row.kind, str) and are_bytes


def _rows(database: sqlite3.Connection, kind: str = "") -> Iterator[AuditRow]:
    found = database.execute(ROWS_OF_KIND, (kind,)) if kind else database.execute(ROWS)
    return (AuditRow(*each) for each in found)


def _opened(path: Path) -> tuple[sqlite3.Connection, Head | None]:
    """The database, and how far it had come at the least: that is read first, for a node that runs goes on. Raises BadConfig."""
    if not path.exists():
        raise BadConfig(f"store {path} is missing; name another node, or another --state")
    database = None
    try:
        database = storelayout.connect_readonly(path)
        genesis = storelayout.genesis_of(path, database)
        if genesis.version != storelayout.VERSION:
            raise BadConfig(
                f"store {path} has version {genesis.version}, this program reads {storelayout.VERSION}; an older one is migrated when its "
                f"node starts, and has an audit from then on"
            )
        return database, storemarks.read_head(path, genesis.store_id)
    except (sqlite3.Error, UnicodeDecodeError, OSError, BadConfig) as error:
        if database is not None:
            database.close()
        raise error if isinstance(error, BadConfig) else storelayout.refusal(path, error) from None
