"""Whatever is cut off or flipped in the files of a store: it opens as it was committed, or it is refused."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.core import Put
from mesh.errors import BadConfig
from mesh.io import auditwalk
from mesh.io.store import open_store
from tests.mesh.io.storerig import Rows, all_rows, files_of, put_back, small_store

pytestmark = pytest.mark.slow

REFUSED = -1
DB, WAL, HEAD, GENESIS, LOCK = "local-1.db", "local-1.db-wal", "local-1.head", "local-1.genesis", "local-1.lock"
SMALL_FILES = (GENESIS, LOCK, HEAD)


class Lab:
    """Opens damaged copies of one store and says which committed state each gives."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # nothing here is about power cuts
        self.path = folder / DB
        self.states, self.files = small_store(self.path, monkeypatch)
        self.files[HEAD] = files_of(self.path)[HEAD]
        """As the close wrote it: it remembers the last commit."""
        self.last = len(self.states) - 1

    def opened(self, without_head: bool = False, **changed: bytes) -> int:
        """Which state a store with other bytes in some file opens with; REFUSED where it does not."""
        files = self.files | {{"db": DB, "wal": WAL, "shm": DB + "-shm"}.get(name, f"local-1.{name}"): raw for name, raw in changed.items()}
        if without_head:
            files.pop(HEAD)
        put_back(self.path.parent, files)
        try:
            store = open_store(self.path, "demo", "local-1", "local")
        except BadConfig:
            return REFUSED
        try:
            rows = all_rows(store)
            store.commit([Put("more", b"", b"x")])  # pages that are taken for free ones would be overwritten now
            assert [row for row in all_rows(store) if row[0] != "more"] == rows
        finally:
            store.close()
        assert rows in self.states, "a state that was never committed"
        return self.states.index(rows)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """In memory where the system has a file system there: the files are written some ten thousand times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Lab(Path(folder), monkeypatch)


def cuts(raw: bytes) -> Iterator[bytes]:
    """Every length a file can be cut to."""
    return (raw[:length] for length in range(len(raw)))


def flips(raw: bytes) -> Iterator[bytes]:
    """Every byte with one bit flipped, another one in each place."""
    for place, byte in enumerate(raw):
        yield raw[:place] + bytes((byte ^ (1 << (place * 5 + place // 8) % 8),)) + raw[place + 1 :]


def test_states_are_told_apart(lab: Lab) -> None:
    """The undamaged store gives its last state, with and without the file that remembers it; a state of the middle is another."""
    assert lab.opened() == lab.opened(without_head=True) == lab.last == 5
    unlike: list[Rows] = []
    for state in lab.states:
        assert state not in unlike
        unlike.append(state)


def test_log_cut_anywhere_is_a_prefix_of_commits(lab: Lab) -> None:
    """Without the head's file: each longer log gives the same commits or more; with it: all of them, or a refusal."""
    found = [lab.opened(without_head=True, wal=wal) for wal in cuts(lab.files[WAL])]
    assert found == sorted(found)
    assert set(found) == {3, 4}
    assert {lab.opened(wal=wal) for wal in cuts(lab.files[WAL])} == {REFUSED}


def test_flip_in_the_log(lab: Lab) -> None:
    """A byte of the log flipped: a prefix of the commits without the head's file; with it all of them or a refusal."""
    for wal in flips(lab.files[WAL]):
        assert lab.opened(without_head=True, wal=wal) in (3, 4, 5, REFUSED)
        assert lab.opened(wal=wal) in (lab.last, REFUSED)


@pytest.mark.parametrize("has_log", [True, False], ids=["with its log", "folded back"])
def test_file_cut_anywhere(lab: Lab, has_log: bool) -> None:
    """The database cut to any length: refused, or whole where what was cut off was free or is in the log."""
    db, wal = (lab.files[DB], lab.files[WAL]) if has_log else folded(lab)
    for cut in cuts(db):
        assert lab.opened(db=cut, wal=wal) in (lab.last, REFUSED)


@pytest.mark.parametrize("has_log", [True, False], ids=["with its log", "folded back"])
def test_flip_in_the_file(lab: Lab, has_log: bool) -> None:
    """A byte of the database flipped: the last state, or a refusal."""
    db, wal = (lab.files[DB], lab.files[WAL]) if has_log else folded(lab)
    found = [lab.opened(db=flipped, wal=wal) for flipped in flips(db)]
    assert set(found) == {lab.last, REFUSED}


def test_flip_seen_by_the_walk(lab: Lab) -> None:
    """Wherever a byte of the file is flipped the walk finds it, or nothing that was written is another: it never falls over."""
    db, wal = folded(lab)
    put_back(lab.path.parent, lab.files | {DB: db, WAL: wal})
    whole = list(auditwalk.records(lab.path))
    found = set()
    for flipped in flips(db):
        put_back(lab.path.parent, lab.files | {DB: flipped, WAL: wal})
        try:
            is_good = not auditwalk.verify(lab.path).bad
        except BadConfig:
            continue
        found.add(is_good)
        assert not is_good or list(auditwalk.records(lab.path)) == whole
    assert found == {True, False}


def folded(lab: Lab) -> tuple[bytes, bytes]:
    """The database as an orderly close leaves it, and no log."""
    put_back(lab.path.parent, lab.files)
    open_store(lab.path, "demo", "local-1", "local").close()
    return lab.path.read_bytes(), b""


@pytest.mark.parametrize("name", SMALL_FILES)
def test_small_files(lab: Lab, name: str) -> None:
    """The files beside it, cut or flipped anywhere: refused; the lock's text is for people alone."""
    raw = lab.files[name]
    expected = lab.last if name == LOCK else REFUSED
    suffix = name.rsplit(".", 1)[1]
    assert {lab.opened(**{suffix: changed}) for changed in (*cuts(raw), *flips(raw))} == {expected}


def test_index_of_the_log_is_made_anew(lab: Lab) -> None:
    """The shared index is of a process that is gone: whatever stands in it, nobody reads it."""
    for shm in (b"", b"\xff" * 32_768, bytes(32_768), os.urandom(32_768), b"x"):
        assert lab.opened(shm=shm) == lab.last
