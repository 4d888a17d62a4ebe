"""What a node must not forget: rows of (kind, key, record) in SQLite, durable when ``commit`` returns.

WAL with ``synchronous=FULL``: one fsync a transaction. The write-ahead log is folded back in quiet moments, when no order is
likely to wait for it, and where there are none while that takes little: where 100,000 rows are, 8 ms after 500 changed ones, 50 after
6,000 (Xeon of bench/README.md); left to SQLite it comes after 80 MB, in the middle of a commit. Where it takes long, because a disk is slow
to sync, it comes less often. A thread that folds beside the commits never comes to its end while there are many, and the log grows to that.

A store has a genesis, written once: a random id, and whose it is. Files beside it (``mesh/io/storemarks.py``) remember that there was one
and how far it had come, so that a store which got lost or is an old copy is never taken for the newest in silence: it would execute orders
again. What is in the file is checked at each opening (``mesh/io/storelayout.py``): it is what was committed, or refused.
"""

import errno
import secrets
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mesh.audit import AUDITED, SUM_MASK, Head, next_hash, row_sum
from mesh.core import Put
from mesh.counters import Counters
from mesh.errors import BadConfig, StoreFailed
from mesh.io import storelayout, storemarks
from mesh.io.clock import wall_ns
from mesh.io.lock import FileLock
from mesh.io.storelayout import VERSION, Genesis, damaged
from mesh.io.storemigrate import migrate
from mesh.io.storeprune import Pruner

NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
CHECKPOINT_ROWS = 250
"""Changed rows, each of some two pages of 2 KB, after which a log is folded back in a quiet moment …"""
CHECKPOINT_ROWS_MAX = 500
"""… and in any; looked at each second."""
CHECKPOINT_RESTS = 50
"""So many times as long as it took none follows: 2 % of the time go into it at most …"""
CHECKPOINT_ROWS_LAST = 6_000
"""… but a log of so many rows is folded all the same: the longer it is, the longer somebody waits in the end."""
BUSY_TURNS_MAX = 10
"""Turns without a quiet moment after which what can wait is done all the same."""
_OLD_SUM = "SELECT sum FROM row WHERE kind = ? AND key = ?"
_DELETE = "DELETE FROM row WHERE kind = ? AND key = ?"


class Store:
    """One node's rows. Made by ``create`` or ``open_store``; locked until ``close``."""

    def __init__(
        self, path: Path, lock: FileLock, database: sqlite3.Connection, genesis: Genesis, head: Head, role: str, keep_days: int | None
    ) -> None:
        self.path = path
        self.genesis = genesis
        self.head = head
        """How far it has come."""
        self.counters = Counters()
        """The node's counters once it has them: commits are counted there."""
        self._lock = lock
        self._database = database
        self._audited = AUDITED.get(role, frozenset())
        self._pruner = Pruner(role, keep_days)
        self._remembered: Head | None = None
        self._busy_turns = 0
        self._folded_count = database.total_changes
        """Rows changed in this database by the time its log was last folded back."""
        self._fold_at_ns = 0
        """Before that it rests."""

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
            raise damaged(self.path, error) from None
        return early + late

    def fetch(self, kind: str, prefix: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most ``limit`` rows of a kind whose key begins with ``prefix``, by key, as (key, record). Raises StoreFailed."""
        after = _after(prefix)
        bound, values = ("", ()) if after is None else (" AND key < ?", (after,))
        query = f"SELECT key, record, sum, wall_ns FROM row WHERE kind = ? AND key >= ?{bound} ORDER BY key LIMIT ?"
        try:
            found = self._database.execute(query, (kind, prefix, *values, limit)).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"store {self.path}: cannot be read: {error}") from None
        for key, record, kept, put_ns in found:
            if row_sum(kind, key, put_ns, record) != kept:
                raise StoreFailed(f"store {self.path}: row {kind} {key.hex()} is not what was written; put it back from a backup")
        return [(key, record) for key, record, _, _ in found]

    def commit(self, puts: Iterable[Put]) -> None:
        """Write rows in one transaction; durable on return. Raises StoreFailed, after which nothing may be acknowledged."""
        started_ns = time.perf_counter_ns()
        try:
            self._database.execute("BEGIN IMMEDIATE")
            head = self._write(puts)
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed("a commit failed", error) from None
        self.head = head
        self.counters.add("commit_count")
        self.counters.keep_max("commit_us_max", (time.perf_counter_ns() - started_ns) // 1_000)

    def _write(self, puts: Iterable[Put]) -> Head:
        """Rows, what of them is history, and the head after them."""
        execute, now_ns, head = self._database.execute, wall_ns(), self.head
        count, total, seq, chained = head.row_count, head.rows_sum, head.audit_seq, head.audit_hash
        is_any = False
        for kind, key, record in ((put.kind, put.key, put.record) for put in puts):
            is_any = True
            old = execute(_OLD_SUM, (kind, key)).fetchone()
            if old is not None:
                count -= 1
                total -= old[0]
            if record is None:
                execute(_DELETE, (kind, key))
                continue
            made = row_sum(kind, key, now_ns, record)
            count += 1
            total += made
            execute(storelayout.PUT_ROW, (kind, key, made, now_ns, record))
            if kind in self._audited:
                seq += 1
                chained = next_hash(chained, seq, now_ns, kind, key, record)
                execute(storelayout.PUT_AUDIT, (seq, now_ns, kind, key, record, chained))
        if not is_any:
            return head
        after = Head(head.commit + 1, count, total & SUM_MASK, head.pruned_count, seq, chained)
        execute(storelayout.PUT_HEAD, (storelayout.sealed_head(after),))
        return after

    def tend(self, is_quiet: bool) -> None:
        """What can wait, each second: how far the store has come, old rows, the log. Raises StoreFailed.

        Done in quiet moments, and where there are none a little of it all the same: else a busy node would never let anything go.
        """
        self._busy_turns = 0 if is_quiet else self._busy_turns + 1
        is_time = is_quiet or self._busy_turns >= BUSY_TURNS_MAX
        try:
            if is_time:
                self._busy_turns = 0
                self._remember()
                before = self.head
                self.head = self._pruner.step(self._database, before, wall_ns())
                self.counters.add("pruned_row_count", self.head.pruned_count - before.pruned_count)
        except (sqlite3.Error, OSError) as error:
            raise self._failed("what can wait failed", error) from None
        if self._is_log_long(is_quiet):
            self.checkpoint()

    def _is_log_long(self, is_quiet: bool) -> bool:
        if time.perf_counter_ns() < self._fold_at_ns:
            rows = CHECKPOINT_ROWS_LAST
        else:
            rows = CHECKPOINT_ROWS if is_quiet else CHECKPOINT_ROWS_MAX
        return self._database.total_changes - self._folded_count >= rows

    def _remember(self) -> None:
        if self.head == self._remembered:
            return
        try:
            storemarks.write_head(self.path, self.store_id, self.head)
        except OSError as error:
            if error.errno not in NO_DESCRIPTORS:
                raise
            return  # strangers have taken them all for a while: what is committed is durable, and this can wait
        self._remembered = self.head

    def checkpoint(self) -> None:
        """Fold the log back: costs two fsyncs and its pages, and the next commit one fsync more. Raises StoreFailed."""
        self._folded_count = self._database.total_changes
        began_ns = time.perf_counter_ns()
        try:
            self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            raise self._failed("its log cannot be folded back", error) from None
        ended_ns = time.perf_counter_ns()
        self._fold_at_ns = ended_ns + CHECKPOINT_RESTS * (ended_ns - began_ns)

    def _failed(self, what: str, error: Exception) -> StoreFailed:
        return StoreFailed(f"store {self.path}: {what}: {error}; free or repair its disk, the node recovers when it starts again")

    def close(self) -> None:
        """Close the file and let the lock go."""
        with suppress(OSError):  # on a full disk an older one stays, which is true as well
            self._remember()
        self._database.close()
        self._lock.close()


def create(path: Path, mesh: str, node: str, role: str = "", keep_days: int | None = None) -> Store:
    """Make a store with a fresh genesis. Raises BadConfig where there is, or was, one; StoreInUse, StoreFailed."""
    marker = storemarks.genesis_path(path)
    lock = _locked(path)
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
        for leftover in (fresh, fresh.with_name(fresh.name + "-wal"), fresh.with_name(fresh.name + "-shm"), storemarks.head_path(path)):
            leftover.unlink(missing_ok=True)
        database = storelayout.connect(fresh)
        database.execute("BEGIN IMMEDIATE")
        storelayout.lay_out(database, genesis, wall_ns())
        database.execute("COMMIT")
        database.close()  # folds the log back: the file alone is whole
        # Whole or not at all: a crash before this line leaves no store, one after it a store with its genesis.
        fresh.rename(path)
    except (sqlite3.Error, OSError) as error:
        raise storelayout.refusal(path, error) from None
    finally:
        lock.close()
    return open_store(path, mesh, node, role, keep_days)


def open_store(path: Path, mesh: str, node: str, role: str = "", keep_days: int | None = None) -> Store:
    """Open a node's store: what was committed, or refused. Raises BadConfig for a missing, damaged, old or somebody else's one, StoreInUse,
    StoreFailed where its disk is full or fails.

    ``role`` says which rows are history and which archives may lose what is older than ``keep_days``.
    """
    if not path.exists():
        raise BadConfig(f"store {path} is missing; `mesh up` makes it, or put it back from a backup")
    lock = _locked(path)
    database = None
    try:
        database = storelayout.connect(path)
        storelayout.check_pages(path, database)
        genesis = storelayout.genesis_of(path, database)
        _check_owner(path, genesis, mesh, node)
        if genesis.version != VERSION:
            genesis = migrate(path, database, genesis, wall_ns())
        database.execute("BEGIN IMMEDIATE")
        database.execute("UPDATE meta SET id = id")  # a file that cannot be written is told now, not at the first order
        head = storelayout.checked_head(path, database)
        database.execute("ROLLBACK")
        storemarks.keep_genesis(path, genesis.store_id)
        remembered = storemarks.read_head(path, genesis.store_id)
        if remembered is not None:
            storemarks.check_head(path, head, remembered, storelayout.chained_hash(database, remembered.audit_seq))
    except (sqlite3.Error, UnicodeDecodeError, OSError, BadConfig) as error:  # SQLite's words may quote what is no text any more
        if database is not None:
            database.close()
        lock.close()
        raise error if isinstance(error, BadConfig) else storelayout.refusal(path, error) from None
    return Store(path, lock, database, genesis, head, role, keep_days)


def _locked(path: Path) -> FileLock:
    try:
        return FileLock(path.with_suffix(".lock"), f"store {path}")
    except OSError as error:
        raise BadConfig(f"store {path} cannot be locked: {error}; give another --state, or the right to write there") from None


def _check_owner(path: Path, genesis: Genesis, mesh: str, node: str) -> None:
    problem = ""
    if genesis.version > VERSION:
        problem = f"has version {genesis.version}, this program reads {VERSION}: use the newer program"
    elif (genesis.mesh, genesis.node) != (mesh, node):
        problem = f"belongs to node {genesis.node} of mesh {genesis.mesh}, not to {node} of {mesh}"
    if problem:
        raise BadConfig(f"store {path} {problem}; give another --state, or put the right file there")


def _after(prefix: bytes) -> bytes | None:
    """The first key behind all that begin with ``prefix``; None where there is none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,)) if trimmed else None
