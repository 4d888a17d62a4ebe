"""What a node must not forget: rows of (kind, key, record) in SQLite, durable when ``commit`` returns.

WAL with ``synchronous=FULL``: one fsync a transaction. The write-ahead log is folded back by ``checkpoint`` when the node is
idle, so that no order waits for it; SQLite does it by itself only when the log has grown very long.

A store has a genesis, written once: a random id, and whose it is. A marker file beside the store remembers that there was one, so
that a store which got lost is never replaced by an empty one in silence: an empty store would execute orders again.
"""

import os
import secrets
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mesh.core import Put
from mesh.counters import Counters
from mesh.errors import BadConfig, StoreFailed
from mesh.io.lock import FileLock

VERSION = 1
CHECKPOINT_COMMITS = 500
"""Commits after which an idle node folds its log back."""
WAL_PAGES_MAX = 20_000
"""80 MB of log: folded back at once, idle or not."""
_SCHEMA = """
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), genesis BLOB NOT NULL) STRICT;
CREATE TABLE row (kind TEXT NOT NULL, key BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
"""
_UPSERT = "INSERT INTO row VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET record = excluded.record"
_DELETE = "DELETE FROM row WHERE kind = ? AND key = ?"


class Genesis(msgspec.Struct, frozen=True, array_like=True):
    """Written once, when a store is made."""

    store_id: bytes
    mesh: str
    node: str
    version: int


class Store:
    """One node's rows. Made by ``create`` or ``open_store``; locked until ``close``."""

    def __init__(self, path: Path, lock: FileLock, database: sqlite3.Connection, genesis: Genesis) -> None:
        self.path = path
        self.genesis = genesis
        self.counters = Counters()
        """The node's counters once it has them: commits are counted there."""
        self._lock = lock
        self._database = database
        self._uncheckpointed_count = 0

    @property
    def store_id(self) -> bytes:
        """16 random bytes that tell this store from any other, also from a copy begun anew."""
        return self.genesis.store_id

    def load(self) -> list[tuple[str, bytes, bytes]]:
        """All rows, by kind and key, but those of archives (kinds that begin with ``_``). Raises BadConfig for a damaged file."""
        try:
            # Two ranges around "_" instead of a condition on each row: archives may be long and are not read.
            early = self._database.execute("SELECT kind, key, record FROM row WHERE kind < '_' ORDER BY kind, key").fetchall()
            late = self._database.execute("SELECT kind, key, record FROM row WHERE kind >= '`' ORDER BY kind, key").fetchall()
        except sqlite3.Error as error:
            raise _damaged(self.path, error) from None
        return early + late

    def fetch(self, kind: str, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most ``limit`` rows of a kind whose key begins with ``prefix``, by key, as (key, record). Raises StoreFailed."""
        after = _after(prefix)
        bound, values = ("", ()) if after is None else (" AND key < ?", (after,))
        query = f"SELECT key, record FROM row WHERE kind = ? AND key >= ?{bound} ORDER BY key LIMIT ?"
        try:
            return self._database.execute(query, (kind, prefix, *values, limit)).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"store {self.path}: cannot be read: {error}") from None

    def commit(self, puts: Iterable[Put]) -> None:
        """Write rows in one transaction; durable on return. Raises StoreFailed, after which nothing may be acknowledged."""
        started_ns = time.perf_counter_ns()
        execute = self._database.execute
        try:
            execute("BEGIN IMMEDIATE")
            for put in puts:
                if put.record is None:
                    execute(_DELETE, (put.kind, put.key))
                else:
                    execute(_UPSERT, (put.kind, put.key, put.record))
            execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreFailed(
                f"store {self.path}: a commit failed: {error}; free or repair its disk, the node recovers when it starts again"
            ) from None
        self._uncheckpointed_count += 1
        self.counters.add("commit_count")
        self.counters.keep_max("commit_us_max", (time.perf_counter_ns() - started_ns) // 1_000)

    def checkpoint(self) -> None:
        """Fold the log back where it is worth it. For idle moments: costs an fsync of the file. Raises StoreFailed."""
        if self._uncheckpointed_count < CHECKPOINT_COMMITS:
            return
        self._uncheckpointed_count = 0
        try:
            self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            raise StoreFailed(f"store {self.path}: its log cannot be folded back: {error}; free or repair its disk") from None

    def close(self) -> None:
        """Close the file and let the lock go."""
        self._database.close()
        self._lock.close()


def create(path: Path, mesh: str, node: str) -> Store:
    """Make a store with a fresh genesis. Raises BadConfig where there is, or was, one."""
    marker = _marker(path)
    lock = FileLock(path.with_suffix(".lock"), f"store {path}")
    try:
        if path.exists():
            raise BadConfig(f"store {path} is there already; nothing was changed")
        if marker.exists():
            raise BadConfig(
                f"store {path} is gone, but {marker.name} says that there was one. An empty one would let orders run twice: "
                f"put it back from a backup, or remove {marker} to begin anew"
            )
        genesis = Genesis(secrets.token_bytes(16), mesh, node, VERSION)
        fresh = path.with_suffix(".new")
        for leftover in (fresh, fresh.with_name(fresh.name + "-wal"), fresh.with_name(fresh.name + "-shm")):
            leftover.unlink(missing_ok=True)
        database = _database(fresh)
        database.executescript(_SCHEMA)
        database.execute("INSERT INTO meta VALUES (1, ?)", (msgspec.msgpack.encode(genesis),))
        database.close()  # folds the log back: the file alone is whole
        # Whole or not at all: a crash before this line leaves no store, one after it a store with its genesis.
        fresh.rename(path)
    except (sqlite3.Error, OSError) as error:
        lock.close()
        raise BadConfig(f"store {path} cannot be made: {error}; give another --state, or free its disk") from None
    except BadConfig:
        lock.close()
        raise
    lock.close()
    return open_store(path, mesh, node)


def open_store(path: Path, mesh: str, node: str) -> Store:
    """Open a node's store. Raises BadConfig for a missing, damaged or somebody else's one, StoreInUse naming who holds it."""
    if not path.exists():
        raise BadConfig(f"store {path} is missing; `mesh up` makes it, or put it back from a backup")
    lock = FileLock(path.with_suffix(".lock"), f"store {path}")
    try:
        database = _database(path)
        row = database.execute("SELECT genesis FROM meta").fetchone()
        genesis = msgspec.msgpack.decode(row[0], type=Genesis) if row else None
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        lock.close()
        raise _damaged(path, error) from None
    problem = _problem(genesis, mesh, node)
    if genesis is None or problem:
        database.close()
        lock.close()
        raise BadConfig(f"store {path} {problem}; give another --state, or put the right file there")
    if not _marker(path).exists():
        _marker(path).write_text(genesis.store_id.hex() + "\n", encoding="ascii")
        _sync_folder(path.parent)
    return Store(path, lock, database, genesis)


def _problem(genesis: Genesis | None, mesh: str, node: str) -> str:
    if genesis is None:
        return "has no genesis"
    if genesis.version != VERSION:
        return f"has version {genesis.version}, this program reads {VERSION}"
    if (genesis.mesh, genesis.node) != (mesh, node):
        return f"belongs to node {genesis.node} of mesh {genesis.mesh}, not to {node} of {mesh}"
    return ""


def _database(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, cached_statements=16)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={WAL_PAGES_MAX}", "busy_timeout=1000"):
        database.execute(f"PRAGMA {pragma}")
    return database


def _marker(path: Path) -> Path:
    return path.with_suffix(".genesis")


def _sync_folder(folder: Path) -> None:
    """Make new names in a folder durable; Windows has no such call and needs none."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _damaged(path: Path, error: Exception) -> BadConfig:
    return BadConfig(f"store {path} is damaged: {error}; put it back from a backup")


def _after(prefix: bytes) -> bytes | None:
    """The first key behind all that begin with ``prefix``; None where there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,)) if trimmed else None
