"""Brings a store of the layout before this one here: backed up beside it, in one transaction, compared before it counts."""

import os
import sqlite3
from pathlib import Path

import msgspec

from mesh.audit import SUM_MASK, row_sum
from mesh.errors import BadConfig
from mesh.io.storelayout import PUT_HEAD, VERSION, Genesis, lay_out, sealed_head
from mesh.io.storemarks import sync_folder

FROM = 1
"""The one version that can be migrated: rows of (kind, key, record), nothing that proves them."""
OLD_TABLES = ("meta", "row")


def backup_path(store: Path) -> Path:
    """Where a store of the version before is kept as it was."""
    return store.with_name(f"{store.name}.v{FROM}")


def migrate(path: Path, database: sqlite3.Connection, genesis: Genesis, wall_ns: int) -> Genesis:
    """Turn a store of version ``FROM`` into one of this version; its genesis now. Raises BadConfig, sqlite3.Error, OSError."""
    _back_up(path, database)
    migrated = msgspec.structs.replace(genesis, version=VERSION)
    database.execute("BEGIN IMMEDIATE")
    for table in OLD_TABLES:
        database.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    head = lay_out(database, migrated, wall_ns)
    database.create_function("row_sum", 4, row_sum, deterministic=True)
    database.execute("INSERT INTO row SELECT kind, key, row_sum(kind, key, ?, record), ?, record FROM old_row", (wall_ns, wall_ns))
    for one, other in (("row", "old_row"), ("old_row", "row")):
        compared = f"SELECT kind, key, record FROM {one} EXCEPT SELECT kind, key, record FROM {other}"
        if database.execute(compared).fetchone() is not None:
            raise BadConfig(f"store {path} could not be migrated: its rows came out different; nothing was changed, tell us")
    sums = [each for (each,) in database.execute("SELECT sum FROM row")]
    head = msgspec.structs.replace(head, row_count=len(sums), rows_sum=sum(sums) & SUM_MASK)
    database.execute(PUT_HEAD, (sealed_head(head),))
    for table in OLD_TABLES:
        database.execute(f"DROP TABLE old_{table}")
    database.execute("COMMIT")
    return migrated


def _back_up(path: Path, database: sqlite3.Connection) -> None:
    """A copy of what is there now, whole before it has its name: one that an earlier start left may be older than the store."""
    backup = backup_path(path)
    fresh = backup.with_name(backup.name + ".new")
    fresh.unlink(missing_ok=True)
    database.execute("VACUUM INTO ?", (str(fresh),))
    with fresh.open("rb+") as copy:
        os.fsync(copy.fileno())
    fresh.replace(backup)
    sync_folder(path.parent)
