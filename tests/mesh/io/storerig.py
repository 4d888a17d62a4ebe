"""A small real store whose every committed state is known, and a store in the layout of version 1."""

import secrets
import sqlite3
from pathlib import Path

import msgspec
import pytest

from mesh.core import Put
from mesh.io import storelayout
from mesh.io.store import Store, create

Rows = list[tuple[str, bytes, bytes]]
SMALL_PAGE_BYTES = 512
"""SQLite's smallest: the same structures in an eighth of the bytes."""


def all_rows(store: Store) -> Rows:
    """Every row, archives too."""
    archives = [(kind, key, record) for kind in ("_decision", "_outcome", "_why") for key, record in store.fetch(kind, b"", 1_000)]
    return sorted(store.load() + archives)


def files_of(path: Path) -> dict[str, bytes]:
    """The files of a store, by name, as they are now."""
    return {each.name: each.read_bytes() for each in sorted(path.parent.glob(path.stem + ".*"))}


def put_back(folder: Path, files: dict[str, bytes]) -> None:
    """Exactly these files in a folder."""
    for each in folder.iterdir():
        if each.name not in files:
            each.unlink()
    for name, raw in files.items():
        (folder / name).write_bytes(raw)


def small_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Rows], dict[str, bytes]]:
    """The states of a local's store in the order they were committed, and its files as a crash leaves them: half of it is in the log."""
    monkeypatch.setattr(storelayout, "PAGE_BYTES", SMALL_PAGE_BYTES)
    store = create(path, "demo", "local-1", "local")
    states: list[Rows] = [[]]

    def commit(*puts: Put) -> None:
        store.commit(puts)
        states.append(all_rows(store))

    commit(Put("meta", b"", b"\x01"), Put("order", b"o" * 16, b"intent"))
    commit(Put("order", b"o" * 16, None), Put("outcome", b"\0" * 7 + b"\x01", b"filled" * 100), Put("known", b"o" * 16, b"1"))
    commit(Put("outcome", b"\0" * 7 + b"\x01", None), Put("_outcome", b"\0" * 7 + b"\x01", b"filled" * 10))
    store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    commit(Put("stop", b"s" * 32, b"freeze"), Put("meta", b"", b"\x02"))
    commit(Put("known", b"p" * 16, b"2"))
    files = files_of(path)
    store.close()
    return states, files


def old_store(path: Path, rows: Rows, mesh: str = "demo", node: str = "local-1") -> bytes:
    """A store as version 1 made it, left by a crash, its rows still in the log; its id. This is how that layout was: do not change it."""
    store_id = secrets.token_bytes(16)
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.executescript("""
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), genesis BLOB NOT NULL) STRICT;
CREATE TABLE row (kind TEXT NOT NULL, key BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
""")
    database.execute("INSERT INTO meta VALUES (1, ?)", (msgspec.msgpack.encode([store_id, mesh, node, 1]),))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.executemany("INSERT INTO row VALUES (?, ?, ?)", rows)
    crashed = {each.name: each.read_bytes() for each in path.parent.glob(path.name + "*") if not each.name.endswith("-shm")}
    database.close()
    put_back(path.parent, crashed)
    path.with_suffix(".genesis").write_text(store_id.hex() + "\n", encoding="ascii")
    return store_id
