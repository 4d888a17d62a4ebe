"""What a store proves and remembers: its audit, the files beside it, rolled back and swapped stores."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from mesh.core import Put
from mesh.errors import BadConfig, StoreFailed
from mesh.io import auditwalk, storemarks
from mesh.io.store import BUSY_TURNS_MAX, Store, create, open_store
from tests.mesh.io.storerig import files_of, put_back


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local-1.db"


def made(path: Path) -> Store:
    return create(path, "demo", "local-1", "local")


def again(path: Path) -> Store:
    return open_store(path, "demo", "local-1", "local")


def stop(number: int) -> Put:
    return Put("stop", bytes((number,)), b"freeze %d" % number)


def change(path: Path, statement: str) -> None:
    """What somebody with the file and SQLite can do."""
    database = sqlite3.connect(path)
    database.execute(statement)
    database.commit()
    database.close()


# the audit


def test_history_is_written_with_its_rows(path: Path) -> None:
    """Puts of audited kinds are records in the order of their puts; other kinds and deletions are none; the first is the genesis."""
    store = made(path)
    store.commit([Put("order", b"o", b"intent"), Put("meta", b"", b"x")])
    store.commit([Put("order", b"o", None), Put("outcome", b"1", b"filled"), Put("known", b"o", b"1")])
    store.commit([Put("outcome", b"1", None), Put("_outcome", b"1", b"filled")])
    told = [(row.seq, row.kind, row.record) for row in auditwalk.records(path)]
    assert told[1:] == [(2, "order", b"intent"), (3, "outcome", b"filled")]
    assert told[0][:2] == (1, "genesis")
    store.close()


def test_a_role_without_history_has_none(path: Path) -> None:
    """A market writes no history, whatever its rows are called: the chain has its genesis alone."""
    store = create(path, "demo", "market-1", "market")
    store.commit([Put("stop", b"", b"x")])
    store.close()
    assert [row.kind for row in auditwalk.records(path)] == ["genesis"]


def test_history_goes_with_its_commit_or_not_at_all(path: Path) -> None:
    """Where a commit fails neither its rows nor its history are there, and the chain goes on from where it was."""
    store = made(path)
    store.commit([stop(1)])
    store._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000)
    with pytest.raises(StoreFailed):
        store.commit([stop(2), Put("line", b"", bytes(2_000))])
    store.close()
    store = again(path)
    store.commit([stop(3)])
    assert [row.key for row in auditwalk.records(path)][1:] == [b"\1", b"\3"]
    store.close()
    assert auditwalk.verify(path).bad == ""


def test_walk_beside_a_running_node(path: Path) -> None:
    """The walk needs no lock, sees what is committed and nothing else, and changes nothing."""
    store = made(path)
    store.commit([stop(1)])
    verdict = auditwalk.verify(path)
    assert (verdict.count, verdict.bad, verdict.last and verdict.last.hash) == (2, "", store.head.audit_hash)
    store.commit([stop(2)])
    assert auditwalk.verify(path).count == 3
    store.close()
    before = path.read_bytes()
    assert auditwalk.verify(path).bad == ""
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET record = x'00' WHERE seq = 3", r"record 3 \(stop 02, 20.*Z\) is the first bad one: its hash is not that of its"),
        ("DELETE FROM audit WHERE seq = 3", r"record 4 \(stop 03, .*: records 3 to 3 are missing before it"),
        ("DELETE FROM audit WHERE seq > 2", r"records 3 to 4 are missing, the last one there is of 20"),
        ("UPDATE row SET record = x'00' WHERE key = x'02'", "row stop 02 is not what was written"),
        ("DELETE FROM row WHERE key = x'02'", "it has 2 rows that are not the 3 that were committed"),
        ("UPDATE meta SET head = x'00'", "its head is not what was written"),
    ],
)
def test_first_bad_record_is_named(path: Path, statement: str, told: str) -> None:
    """Whatever is changed in the file: the walk says what and where first; a store with other rows or another end does not open."""
    store = made(path)
    for number in (1, 2, 3):
        store.commit([stop(number)])
    store.close()
    change(path, statement)
    verdict = auditwalk.verify(path)
    assert re.search(told, verdict.bad), verdict.bad
    if "seq = 3" not in statement or "DELETE" in statement:
        with pytest.raises(BadConfig, match="damaged"):
            again(path)


def test_a_fetched_row_that_changed_on_the_disk(path: Path) -> None:
    """Archives are read long after the start: each row is checked then."""
    store = made(path)
    store.commit([Put("_outcome", b"1", b"filled")])
    change(path, "UPDATE row SET record = x'00'")
    with pytest.raises(StoreFailed, match="row _outcome 31 is not what was written"):
        store.fetch("_outcome", b"", 10)
    store.close()


# what lies beside it


def test_older_copy_is_refused(path: Path) -> None:
    """A store put back from before: what it forgot it would do again. Removing the file that remembers is how a person allows it."""
    store = made(path)
    store.commit([stop(1)])
    store.close()
    older = path.read_bytes()
    store = again(path)
    store.commit([stop(2)])
    store.close()
    path.write_bytes(older)
    for _ in range(2):
        with pytest.raises(BadConfig, match=r"was rolled back: it ends with commit 1, local-1.head remembers commit 2"):
            again(path)
    assert "was rolled back" in auditwalk.verify(path).bad
    storemarks.head_path(path).unlink()
    again(path).close()


def test_another_history_is_refused(path: Path) -> None:
    """A copy that went its own way is not the store that was here, however far it came."""
    store = made(path)
    store.commit([stop(1)])
    store.close()
    files = files_of(path)
    store = again(path)
    store.commit([stop(2)])
    store.close()
    mark = storemarks.head_path(path).read_bytes()
    put_back(path.parent, files)
    store = again(path)
    store.commit([stop(3)])
    store.commit([stop(4)])
    store.close()
    storemarks.head_path(path).write_bytes(mark)
    with pytest.raises(BadConfig, match="is not the one that was here"):
        again(path)


def test_another_store_is_refused(path: Path, tmp_path: Path) -> None:
    """A store made elsewhere for the same node has another id than the files here say."""
    made(path).close()
    (tmp_path / "else").mkdir()
    other = tmp_path / "else" / path.name
    made(other).close()
    shutil.copy(other, path)
    with pytest.raises(BadConfig, match="does not name store"):
        again(path)
    shutil.copy(storemarks.genesis_path(other), storemarks.genesis_path(path))
    with pytest.raises(BadConfig, match="is of store"):
        again(path)


def test_how_far_it_came_is_remembered_when_quiet_and_not_much_later_when_busy(path: Path) -> None:
    """Each quiet turn writes it where it changed; a node that is never quiet writes it all the same after some turns; the close does."""
    store = made(path)
    mark = storemarks.head_path(path)
    store.tend(is_quiet=True)
    written = mark.read_bytes()
    store.commit([stop(1)])
    for _ in range(BUSY_TURNS_MAX - 1):
        store.tend(is_quiet=False)
    assert mark.read_bytes() == written
    store.tend(is_quiet=False)
    assert mark.read_bytes() != written
    store.commit([stop(2)])
    store.close()
    assert storemarks.read_head(path, store.store_id) == store.head


def test_begun_anew_after_its_marks_were_removed(path: Path) -> None:
    """Who removes the store and the mark that there was one begins anew: what else was remembered of the old one does not count."""
    made(path).close()
    path.unlink()
    storemarks.genesis_path(path).unlink()
    made(path).close()
    again(path).close()
