"""The store: what it keeps, whose it is, and what it says when it cannot."""

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from mesh.core import Put
from mesh.errors import BadConfig, StoreFailed, StoreInUse
from mesh.io import store as store_module
from mesh.io.store import Store, create, open_store
from mesh.io.storemarks import read_head


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node-1.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = create(path, "demo", "node-1")
    yield made
    made.close()


def test_rows_survive(path: Path) -> None:
    """Rows committed before a close are there after the next open, newest record for each key, by kind and key."""
    store = create(path, "demo", "node-1")
    store.commit([Put("line", b"b", b"1"), Put("line", b"a", b"2"), Put("epoch", b"", b"3")])
    store.commit([Put("line", b"b", b"4")])
    store.close()
    again = open_store(path, "demo", "node-1")
    assert again.load() == [("epoch", b"", b"3"), ("line", b"a", b"2"), ("line", b"b", b"4")]
    again.close()


def test_none_deletes(store: Store) -> None:
    """A put without a record deletes its key; an unknown key is fine; order within one commit counts."""
    store.commit([Put("line", b"a", b"1"), Put("line", b"b", b"1")])
    store.commit([Put("line", b"a", None), Put("line", b"x", None), Put("line", b"b", None), Put("line", b"b", b"2")])
    assert store.load() == [("line", b"b", b"2")]


def test_archives_are_fetched_not_loaded(store: Store) -> None:
    """Kinds that begin with an underscore are left out at start, whatever sorts around them, and come by Fetch."""
    kinds = ["A", "Zz", "_line", "__x", "a", "line", "~"]
    store.commit([Put(kind, b"k", kind.encode()) for kind in kinds])
    assert [kind for kind, _, _ in store.load()] == ["A", "Zz", "a", "line", "~"]
    assert store.fetch("_line", b"", 10) == [(b"k", b"_line")]


@pytest.mark.parametrize(
    ("prefix", "limit", "expected"),
    [
        (b"", 10, [b"\x00", b"a", b"ab", b"ab\xff", b"b", b"\xff", b"\xff\xff\x01"]),
        (b"a", 10, [b"a", b"ab", b"ab\xff"]),
        (b"ab", 10, [b"ab", b"ab\xff"]),
        (b"ab\xff", 10, [b"ab\xff"]),
        (b"\xff", 10, [b"\xff", b"\xff\xff\x01"]),
        (b"\xff\xff", 10, [b"\xff\xff\x01"]),
        (b"a", 2, [b"a", b"ab"]),
        (b"c", 10, []),
    ],
)
def test_fetch_by_prefix(store: Store, prefix: bytes, limit: int, expected: list[bytes]) -> None:
    """A fetch gives the rows of one kind whose key begins with the prefix, in order, at most so many."""
    keys = [b"\x00", b"a", b"ab", b"ab\xff", b"b", b"\xff", b"\xff\xff\x01"]
    store.commit([Put("line", key, b"x") for key in keys] + [Put("other", b"a", b"y")])
    assert [key for key, _ in store.fetch("line", prefix, limit)] == expected


def test_commits_are_counted(store: Store) -> None:
    """Commits and the longest of them are counted for the node's health."""
    for number in range(3):
        store.commit([Put("line", b"a", bytes(number + 1))])
    assert store.counters.totals["commit_count"] == 3
    assert store.counters.totals["commit_us_max"] > 0


def test_all_or_nothing(store: Store) -> None:
    """Where one row of a transaction cannot be written none is, and the failure is a StoreFailed."""
    store.commit([Put("line", b"a", b"1")])
    head = store.head
    store._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000)
    with pytest.raises(StoreFailed, match="a commit failed"):
        store.commit([Put("line", b"a", b"2"), Put("line", b"b", bytes(2_000))])
    assert store.head == head
    database = sqlite3.connect(store.path)
    assert database.execute("SELECT key, record FROM row").fetchall() == [(b"a", b"1")]
    database.close()


def test_full_disk_is_store_failed(store: Store) -> None:
    """A disk that takes no more ends in StoreFailed, and what was committed before stays."""
    store.commit([Put("line", b"a", b"1")])
    store._database.execute("PRAGMA max_page_count=8")
    with pytest.raises(StoreFailed, match="full"):
        store.commit([Put("line", bytes((number,)), bytes(4_000)) for number in range(30)])


def test_commit_is_durable_before_it_returns(store: Store) -> None:
    """The settings that make a commit survive a power cut are on."""
    read = {name: store._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert read == {"journal_mode": "wal", "synchronous": 2}


class Growing:
    """A store whose log grows by rows, and what becomes of it."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch, rests: int) -> None:
        self._store = store
        self._numbers = count()
        for name, value in (("ROWS", 10), ("ROWS_MAX", 20), ("ROWS_LAST", 60), ("RESTS", rests)):
            monkeypatch.setattr(store_module, f"CHECKPOINT_{name}", value)

    def to(self, rows_count: int) -> None:
        """A row and the head a commit."""
        while self._store._database.total_changes - self._store._folded_count < rows_count:
            self._store.commit([Put("line", next(self._numbers).to_bytes(2), bytes(2_000))])

    def folds(self, is_quiet: bool) -> bool:
        """Whether it is folded back now."""
        before = self._store.path.stat().st_size
        self._store.tend(is_quiet)
        return self._store.path.stat().st_size > before


def test_checkpoint_folds_the_log_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some changed rows in a quiet moment, after more in any: no log grows until SQLite folds it back in the middle of a commit."""
    log = Growing(store, monkeypatch, rests=0)
    log.to(8)
    assert not log.folds(is_quiet=True)
    log.to(10)
    assert not log.folds(is_quiet=False)
    assert log.folds(is_quiet=True)
    log.to(18)
    assert not log.folds(is_quiet=False)
    log.to(20)
    assert log.folds(is_quiet=False)


def test_log_of_a_slow_disk_is_folded_back_less_often(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many times as long as it took nothing more is folded; but not for ever."""
    log = Growing(store, monkeypatch, rests=10**9)
    log.to(10)
    assert log.folds(is_quiet=True)
    log.to(58)
    assert not log.folds(is_quiet=True)
    log.to(60)
    assert log.folds(is_quiet=False)


def test_genesis_is_written_once(path: Path) -> None:
    """A store keeps its id over every open, another store has another, and a second create changes nothing."""
    first = create(path, "demo", "node-1")
    store_id = first.store_id
    first.close()
    with pytest.raises(BadConfig, match="there already"):
        create(path, "demo", "node-1")
    again = open_store(path, "demo", "node-1")
    assert again.store_id == store_id
    again.close()
    other = create(path.with_name("node-2.db"), "demo", "node-2")
    assert len(store_id) == len(other.store_id) == 16
    assert other.store_id != store_id
    other.close()


def test_lost_store_is_not_replaced(path: Path) -> None:
    """Where a store was and is no more, an empty one is not put in its place: orders would run twice."""
    create(path, "demo", "node-1").close()
    path.unlink()
    with pytest.raises(BadConfig, match="is missing"):
        open_store(path, "demo", "node-1")
    with pytest.raises(BadConfig, match="would let orders run twice"):
        create(path, "demo", "node-1")
    path.with_suffix(".genesis").unlink()
    create(path, "demo", "node-1").close()


@pytest.mark.parametrize(("mesh", "node"), [("demo", "node-2"), ("other", "node-1")])
def test_somebody_elses_store(path: Path, mesh: str, node: str) -> None:
    """A store of another node or mesh is refused, with both names."""
    create(path, "demo", "node-1").close()
    with pytest.raises(BadConfig, match=f"node-1 of mesh demo, not to {node} of {mesh}"):
        open_store(path, mesh, node)
    open_store(path, "demo", "node-1").close()


@pytest.mark.parametrize("damage", ["text", "empty", "header", "no genesis"])
def test_damaged_store(path: Path, damage: str) -> None:
    """A file that is no store of ours is refused with what to do, and is left as it is."""
    create(path, "demo", "node-1").close()
    if damage == "text":
        path.write_text("this is no database, but it is long enough to be taken for one" * 20)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "header":
        path.write_bytes(b"\xff" * 100 + path.read_bytes()[100:])
    else:
        database = sqlite3.connect(path)
        database.execute("DELETE FROM meta")
        database.commit()
        database.close()
    with pytest.raises(BadConfig, match=r"damaged|no genesis"):
        open_store(path, "demo", "node-1")
    with pytest.raises(BadConfig):
        open_store(path, "demo", "node-1")  # the lock was let go, so the reason is the same one


def test_half_made_store_is_made_again(path: Path) -> None:
    """A crash while a store was being made leaves nothing that stands in the way of the next start."""
    path.with_suffix(".new").write_bytes(b"half")
    create(path, "demo", "node-1").close()
    assert not path.with_suffix(".new").exists()


def test_store_in_use_names_the_process(store: Store) -> None:
    """A second process is refused with exit code 75 and the pid of the one that holds the store."""
    script = f"from pathlib import Path; from mesh.io.store import open_store; open_store(Path({str(store.path)!r}), 'demo', 'node-1')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert f"StoreInUse: store {store.path} is in use by pid {os.getpid()} " in done.stderr.replace("mesh.errors.", "")
    with pytest.raises(StoreInUse) as caught:
        open_store(store.path, "demo", "node-1")
    assert caught.value.exit_code == 75


def test_store_that_cannot_be_locked(path: Path) -> None:
    """No lock, no store: refused with what to do, whether it is to be made or opened."""
    path.with_suffix(".lock").mkdir()
    with pytest.raises(BadConfig, match="cannot be locked"):
        create(path, "demo", "node-1")
    path.write_bytes(b"")
    with pytest.raises(BadConfig, match="cannot be locked"):
        open_store(path, "demo", "node-1")


def test_lock_ends_with_its_holder(path: Path) -> None:
    """A killed process holds nothing: the next one opens its store, with all that it had committed."""
    script = (
        "import os, signal; from pathlib import Path; from mesh.core import Put; from mesh.io.store import create\n"
        f"store = create(Path({str(path)!r}), 'demo', 'node-1')\n"
        "store.commit([Put('line', b'a', b'1')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], timeout=60, check=False)
    assert done.returncode == -9
    store = open_store(path, "demo", "node-1")
    assert store.load() == [("line", b"a", b"1")]
    store.close()


def test_mark_waits_while_there_is_no_descriptor_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers have taken all of them: what is committed stays so and goes on, and the mark is written when there is room again."""
    store = create(tmp_path / "n.db", "m", "n", "local")
    store.commit([Put("row", b"k", b"r")])

    def full(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr("mesh.io.storemarks.write_head", full)
        store.tend(True)
        store.commit([Put("row", b"l", b"r")])
    store.tend(True)
    assert read_head(store.path, store.store_id) == store.head
    store.close()
