"""How a store lies in its SQLite file: the tables, the genesis, and the check that nothing in it was lost or changed.

SQLite keeps no checksum of its pages. So each row has a sum of its own, and the one row of ``meta`` has, sealed, how many rows there are
and what their sums add up to, written in every transaction: one scan at the opening says whether these are the rows that were committed.
"""

import errno
import sqlite3
from pathlib import Path

import msgspec

from mesh.audit import GENESIS, NO_HASH, SUM_MASK, Head, next_hash, row_sum, sealed, unsealed
from mesh.errors import BadConfig, MeshError, StoreFailed

VERSION = 2
"""Of the layout. ``mesh/io/storemigrate.py`` brings the one before it here."""
PAGE_BYTES = 2_048
"""A commit writes whole pages: with half of SQLite's usual size it takes two thirds of the time."""
WAL_PAGES_MAX = 40_000
"""80 MB of log: folded back by the commit that finds it so long. A tended store comes there only while somebody else reads it for long."""
SCHEMA = {
    "audit": "CREATE TABLE audit (seq INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, "
    "record BLOB NOT NULL, hash BLOB NOT NULL) STRICT",
    "meta": "CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), genesis BLOB NOT NULL, head BLOB NOT NULL) STRICT",
    "row": "CREATE TABLE row (kind TEXT NOT NULL, key BLOB NOT NULL, sum INTEGER NOT NULL, wall_ns INTEGER NOT NULL, "
    "record BLOB NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID",
}
ROWS = "SELECT kind, key, sum, wall_ns, record FROM row"
PUT_ROW = (
    "INSERT INTO row VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, key) "
    "DO UPDATE SET sum = excluded.sum, wall_ns = excluded.wall_ns, record = excluded.record"
)
PUT_HEAD = "UPDATE meta SET head = ?"
PUT_AUDIT = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)"


class Genesis(msgspec.Struct, frozen=True, array_like=True):
    """Written once, when a store is made."""

    store_id: bytes
    mesh: str
    node: str
    version: int


def connect(path: Path) -> sqlite3.Connection:
    """The database, durable when a commit returns. Raises sqlite3.Error."""
    database = sqlite3.connect(path, isolation_level=None, cached_statements=16)
    pages = (f"page_size={PAGE_BYTES}", f"wal_autocheckpoint={WAL_PAGES_MAX}")
    try:
        for pragma in (*pages, "journal_mode=WAL", "synchronous=FULL", "busy_timeout=1000", "secure_delete=OFF"):
            database.execute(f"PRAGMA {pragma}")
    except (sqlite3.Error, UnicodeDecodeError):  # its words may quote what is no text any more
        database.close()
        raise
    return database


def connect_readonly(path: Path) -> sqlite3.Connection:
    """The database to read beside its node, which goes on. Raises sqlite3.Error."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    database.execute("PRAGMA busy_timeout=5000")
    return database


def lay_out(database: sqlite3.Connection, genesis: Genesis, wall_ns: int) -> Head:
    """Make the tables of a store without rows; its audit begins with its genesis. Inside the caller's transaction."""
    for statement in SCHEMA.values():
        database.execute(statement)
    record = msgspec.msgpack.encode(genesis)
    chained = next_hash(NO_HASH, 1, wall_ns, GENESIS, b"", record)
    database.execute(PUT_AUDIT, (1, wall_ns, GENESIS, b"", record, chained))
    head = Head(audit_seq=1, audit_hash=chained)
    database.execute("INSERT INTO meta VALUES (1, ?, ?)", (sealed(record), sealed_head(head)))
    return head


def sealed_head(head: Head) -> bytes:
    """A head as ``meta`` has it."""
    return sealed(msgspec.msgpack.encode(head))


def check_pages(path: Path, database: sqlite3.Connection) -> None:
    """What SQLite can tell of its own structure, in whatever layout. Raises BadConfig, sqlite3.Error."""
    faults = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
    if faults != ["ok"]:
        raise damaged(path, "; ".join(faults).replace("\n", " "))


def genesis_of(path: Path, database: sqlite3.Connection) -> Genesis:
    """Whose store it is, of this layout or another. Raises BadConfig, sqlite3.Error."""
    row = database.execute("SELECT genesis FROM meta").fetchone()
    if row is None:
        raise BadConfig(f"store {path} has no genesis; put it back from a backup")
    payload = unsealed(row[0])
    try:
        genesis = msgspec.msgpack.decode(row[0] if payload is None else payload, type=Genesis)
    except (msgspec.MsgspecError, TypeError) as error:
        raise damaged(path, f"its genesis cannot be read: {error}") from None
    if (payload is None) != (genesis.version == 1):  # the first layout had no seal
        raise damaged(path, "its genesis is not what was written")
    return genesis


def head_of(path: Path, database: sqlite3.Connection) -> Head:
    """The head as it is stored. Raises BadConfig, sqlite3.Error."""
    payload = unsealed(database.execute("SELECT head FROM meta").fetchone()[0])
    if payload is None:
        raise damaged(path, "its head is not what was written")
    return msgspec.msgpack.decode(payload, type=Head)


def checked_head(path: Path, database: sqlite3.Connection) -> Head:
    """The head, once all that it says was found to be so. Raises BadConfig, sqlite3.Error."""
    found = dict(database.execute("SELECT name, sql FROM sqlite_schema").fetchall())
    if found != SCHEMA:
        raise damaged(path, f"its tables are not those of version {VERSION}")
    head = head_of(path, database)
    count, total = summed(path, database)
    if (count, total) != (head.row_count, head.rows_sum):
        raise damaged(path, f"it has {count} rows that are not the {head.row_count} that were committed")
    (audit_count,) = database.execute("SELECT count(*) FROM audit").fetchone()
    if audit_count != head.audit_seq or chained_hash(database, head.audit_seq) != head.audit_hash:
        raise damaged(path, f"its audit has {audit_count} records that are not the {head.audit_seq} that were committed")
    return head


def summed(path: Path, database: sqlite3.Connection) -> tuple[int, int]:
    """How many rows there are, and the sum of their sums, each made anew. Raises BadConfig naming a row that was changed."""
    count = total = 0
    for kind, key, kept, wall_ns, record in database.execute(ROWS):
        made = row_sum(kind, key, wall_ns, record)
        if made != kept:
            raise damaged(path, f"row {kind} {key.hex()} is not what was written")
        count += 1
        total += made
    return count, total & SUM_MASK


def chained_hash(database: sqlite3.Connection, seq: int) -> bytes | None:
    """The hash of an audit row; None where there is no such row."""
    row = database.execute("SELECT hash FROM audit WHERE seq = ?", (seq,)).fetchone()
    return row[0] if row else None


def refusal(path: Path, error: Exception) -> MeshError:
    """Why a store cannot be opened: what is wrong with its disk passes, what is wrong with its file does not."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return StoreFailed(f"store {path} cannot be opened: {error}; free or repair its disk, the node recovers when it starts again")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM) or isinstance(error, OSError):
        return BadConfig(f"store {path} cannot be opened: {error}; give this user the right to write there, or put it back from a backup")
    return damaged(path, error)


def damaged(path: Path, why: object) -> BadConfig:
    """What to say of a file that is not what was written."""
    return BadConfig(f"store {path} is damaged: {why}; put it back from a backup")
