"""A node's store on a damaged disk: its files flipped, cut, overwritten, or changed by somebody who has SQLite.

An input is no file but a list of damages, four bytes each behind the number of the store: a file, a place in it, what is done there.
"""

import os
import sqlite3
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from mesh.errors import BadConfig, StoreFailed
from mesh.io import auditwalk
from mesh.io.store import open_store
from nodes.io.cli import auditing
from tests.fuzz.mutations import bytes_mutated
from tests.fuzz.target import Target
from tests.fuzz.targets.scratch import scratch
from tests.mesh.io.storerig import Rows, all_rows, files_of, old_store, put_back, small_store

DB, WAL, HEAD, GENESIS = "local-1.db", "local-1.db-wal", "local-1.head", "local-1.genesis"
DAMAGED = (DB, WAL, HEAD, GENESIS)
OLD_ROWS: Rows = [("meta", b"", b"\1"), ("order", b"o" * 16, b"intent"), ("known", b"o" * 16, b"1")]
STATEMENTS = (
    "UPDATE row SET record = x'00'", "UPDATE row SET sum = 0", "UPDATE row SET wall_ns = 9223372036854775807", "DELETE FROM row",
    "UPDATE row SET kind = '_' || kind", "INSERT INTO row VALUES ('known', x'7a', 0, 0, x'')", "UPDATE audit SET seq = seq + 1",
    "DELETE FROM audit WHERE seq = 2", "UPDATE audit SET hash = x''", "UPDATE audit SET kind = ''", "UPDATE meta SET head = x''",
    "UPDATE meta SET genesis = x''", "UPDATE meta SET genesis = zeroblob(100)", "DELETE FROM meta", "DROP TABLE audit", "DROP TABLE row",
    "CREATE TABLE more (x)", "CREATE INDEX more ON row (sum)", "CREATE TRIGGER more AFTER INSERT ON row BEGIN DELETE FROM row; END",
    "CREATE VIEW more AS SELECT 1", "ALTER TABLE row RENAME COLUMN sum TO more", "PRAGMA user_version = 7", "PRAGMA journal_mode = DELETE",
    "PRAGMA application_id = 7", "VACUUM",
)  # fmt: skip
"""What somebody with the file and SQLite can do without knowing how sums are made."""


class Base(NamedTuple):
    """A whole store: its files, and every state that was ever committed to it (none: it proves nothing, being of the first layout)."""

    files: dict[str, bytes]
    states: list[Rows]


@cache
def bases() -> tuple[Base, ...]:
    """As a crash leaves it, half in its log; as an orderly close does; of the first layout."""
    folder = scratch("stores")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)  # nothing here is about power cuts
        states, crashed = small_store(folder / DB, patch)
        crashed[HEAD] = files_of(folder / DB)[HEAD]
        folded = files_of(folder / DB)
        put_back(folder, {})
        old_store(folder / DB, OLD_ROWS)
        old = files_of(folder / DB)
    return Base(crashed, states), Base(folded, states), Base(old, [])


def damages() -> list[bytes]:
    """No damage, and one of each kind at each file of each store."""
    found = [bytes((number,)) for number in range(3)]
    found += [bytes((number, file, act, 40, 100)) for number in range(3) for file in range(len(DAMAGED)) for act in range(6)]
    return found + [bytes((number, 0, 6, at, 0)) for number in range(3) for at in range(len(STATEMENTS))]


def damages_mutated(raw: bytes, draw: Random) -> bytes:
    """A damage more, or another one."""
    if draw.random() < 0.3:
        return bytes_mutated(raw, draw)[:41]
    more = bytes((draw.choice((0, 0, 0, 1, 1, 2, 3)), draw.randrange(7), draw.randrange(256), draw.randrange(256)))
    return raw[:29] + more


def _damaged(raw: bytes, folder: Path) -> Base:
    """The store an input names, damaged, in a folder."""
    base = bases()[raw[0] % len(bases()) if raw else 0]
    files = dict(base.files)
    statements: list[str] = []
    for at in range(1, len(raw) - 3, 4):
        file, act, high, low = raw[at : at + 4]
        name = DAMAGED[file % len(DAMAGED)]
        if act % 7 == 6:
            statements.append(STATEMENTS[high % len(STATEMENTS)])
        elif name in files:
            files[name] = _hurt(files[name], act % 7, high, low)
    put_back(folder, files)
    for statement in statements:
        _run(folder / DB, statement)
    return base


def _hurt(raw: bytes, act: int, high: int, low: int) -> bytes:
    """One damage; the place is a part of the file's length in 256ths, and up to 255 bytes behind it."""
    if not raw:
        return raw
    where = min(len(raw) * high // 256 + low, len(raw) - 1)
    if act == 0:
        return raw[:where] + bytes((raw[where] ^ 1 << low % 8,)) + raw[where + 1 :]
    if act == 1:
        return raw[:where]
    if act == 2:
        return raw[:where] + bytes(min(16, len(raw) - where)) + raw[where + 16 :]
    if act == 3:  # a page written to another's place
        page, other = high % (len(raw) // 512 or 1) * 512, low % (len(raw) // 512 or 1) * 512
        return raw[:other] + raw[page : page + 512] + raw[other + 512 :]
    if act == 4:
        return raw[:where] + bytes((low, high)) + raw[where:]
    return raw + raw[:low]


def _run(path: Path, statement: str) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous=OFF")
        database.execute(statement)
    except (sqlite3.Error, UnicodeDecodeError):
        return  # damaged before: SQLite itself refuses it
    finally:
        database.close()


def read_store(raw: bytes) -> Rows:
    """What was committed last, where the file is as it was that remembers it; without it what was committed once; or refused."""
    folder = scratch("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        base = _damaged(raw, folder)
        head = folder / HEAD
        is_remembered = head.exists() and head.read_bytes() == base.files.get(HEAD)
        store = open_store(folder / DB, "demo", "local-1", "local")
        try:
            rows = all_rows(store)
        finally:
            store.close()
    if base.states:
        assert rows in base.states, "a state that was never committed"
        assert rows == base.states[-1] or not is_remembered, "an older state than is remembered"
    return rows


def read_walk(raw: bytes) -> object:
    """The walk finds what is wrong or nothing is; what it shows can be told in words, whatever it is."""
    folder = scratch("walk")
    base = _damaged(raw, folder)
    verdict = auditwalk.verify(folder / DB)
    shown = list(auditwalk.records(folder / DB))
    for row in shown:
        auditing.words(auditing.told(row))
    if not verdict.bad:
        assert verdict.count == len(shown)
        assert not base.states or [row.kind for row in shown] == ["genesis", "order", "outcome", "stop"]
    return verdict


TARGETS = (
    Target("store", (BadConfig, StoreFailed), damages, read_store, damages_mutated, 250, 41),
    Target("audit", (BadConfig, StoreFailed), damages, read_walk, damages_mutated, 250, 41),
)
