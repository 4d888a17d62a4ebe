"""A store of the version before is brought here, whole, with what it was kept beside it; a newer one is refused."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from mesh.audit import sealed
from mesh.core import Put
from mesh.errors import BadConfig
from mesh.io import auditwalk, storemigrate
from mesh.io.store import create, open_store
from mesh.io.storelayout import VERSION, Genesis
from mesh.io.storemigrate import backup_path
from tests.mesh.io.storerig import all_rows, old_store

ROWS = [
    ("_outcome", b"\0" * 7 + b"\1", b"filled" * 1_000),
    ("known", b"o" * 16, b"1"),
    ("meta", b"", b"\x00\xff"),
    ("stop", b"s", b""),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local-1.db"


def test_rows_and_id_stay(path: Path) -> None:
    """Every row is there after it, under the same id, its audit begins, and the next opening finds nothing to do."""
    store_id = old_store(path, ROWS)
    store = open_store(path, "demo", "local-1", "local")
    assert store.genesis == Genesis(store_id, "demo", "local-1", VERSION)
    assert all_rows(store) == ROWS
    store.commit([Put("stop", b"t", b"freeze")])
    store.close()
    backup_path(path).unlink()
    store = open_store(path, "demo", "local-1", "local")
    assert all_rows(store) == [*ROWS, ("stop", b"t", b"freeze")]
    store.close()
    assert not backup_path(path).exists()
    assert [row.kind for row in auditwalk.records(path)] == ["genesis", "stop"]
    assert auditwalk.verify(path).bad == ""


def test_what_it_was_is_kept(path: Path) -> None:
    """The backup is the old store, whole in one file: put in its place it is migrated again."""
    old_store(path, ROWS)
    open_store(path, "demo", "local-1", "local").close()
    assert backup_path(path).name == "local-1.db.v1"
    database = sqlite3.connect(backup_path(path))
    assert database.execute("SELECT kind, key, record FROM row ORDER BY kind, key").fetchall() == ROWS
    database.close()
    backup_path(path).replace(path)
    path.with_suffix(".head").unlink()
    store = open_store(path, "demo", "local-1", "local")
    assert all_rows(store) == ROWS
    store.close()


def test_crash_before_it_is_done(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever ends it before its commit leaves the old store, which the next start migrates."""
    old_store(path, ROWS)

    def crash(*_words: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(storemigrate, "sealed_head", crash)
    with pytest.raises(BadConfig, match="disk I/O error"):
        open_store(path, "demo", "local-1", "local")
    monkeypatch.undo()
    store = open_store(path, "demo", "local-1", "local")
    assert all_rows(store) == ROWS
    store.close()


def test_damaged_old_store_is_not_migrated(path: Path) -> None:
    """What SQLite itself finds wrong with the old file is told before anything is changed."""
    old_store(path, ROWS)
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    raw = path.read_bytes()
    path.write_bytes(raw[:8_192] + b"\xff" * 100 + raw[8_292:])
    with pytest.raises(BadConfig, match="damaged"):
        open_store(path, "demo", "local-1", "local")
    assert not backup_path(path).exists()


def test_somebody_elses_old_store_is_left_alone(path: Path) -> None:
    """Whose it is comes first."""
    old_store(path, ROWS, node="local-2")
    with pytest.raises(BadConfig, match="belongs to node local-2"):
        open_store(path, "demo", "local-1", "local")
    assert not backup_path(path).exists()


def test_newer_store_is_refused(path: Path) -> None:
    """Both versions are named, and nothing is changed."""
    create(path, "demo", "local-1", "local").close()
    database = sqlite3.connect(path)
    database.execute("UPDATE meta SET genesis = ?", (sealed(msgspec.msgpack.encode(Genesis(b"i" * 16, "demo", "local-1", VERSION + 1))),))
    database.commit()
    database.close()
    with pytest.raises(BadConfig, match=f"has version {VERSION + 1}, this program reads {VERSION}: use the newer program"):
        open_store(path, "demo", "local-1", "local")
