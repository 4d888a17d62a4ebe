"""Stores held against what others keep of them: a rewritten or shortened one is named, an honest one never."""

from pathlib import Path

import msgspec
import pytest

from mesh.core import Put
from mesh.errors import BadConfig
from mesh.io import auditwalk
from mesh.io.headwalk import Comparison, kept_heads
from mesh.io.store import create, open_store
from tests.mesh.io.headrig import MESH, head_of, kept, put_head, rewrite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A local with five records, and nobody at it."""
    made = tmp_path / "local-1.db"
    store = create(made, MESH, "local-1", "local")
    for number in range(1, 5):
        store.commit([Put("stop", bytes((number,)), b"freeze %d" % number)])
    store.close()
    return made


def compared(path: Path, *heads: object) -> Comparison:
    """A store, held against heads."""
    comparison = Comparison({path.stem: path})
    for head in heads:
        comparison.hear(kept(head))  # type: ignore[arg-type]
    comparison.close()
    return comparison


def grown(path: Path, count: int) -> None:
    """The store goes on."""
    store = open_store(path, MESH, "local-1", "local")
    for number in range(count):
        store.commit([Put("stop", bytes((100 + number,)), b"more")])
    store.close()


def test_honest_store_agrees_with_all_that_was_told_of_it(path: Path) -> None:
    """Heads of then and of now; how far others bear it out."""
    early = head_of(path)
    grown(path, 3)
    found = compared(path, early, head_of(path)).found["local-1"]
    assert (found.bad, found.agreed_count, found.agreed_seq) == (None, 2, 8)


def test_store_rewritten_by_one_hand_proves_itself_and_is_named_by_others(path: Path) -> None:
    """Chain, head and the file beside it are made anew: nothing here shows it, the first head behind the change does."""
    told = head_of(path)
    grown(path, 3)
    later = head_of(path)
    rewrite(path, 7, b"forged")
    assert auditwalk.verify(path).bad == ""
    open_store(path, MESH, "local-1", "local").close()
    grown(path, 2)
    found = compared(path, later, told).found["local-1"]
    assert (found.bad, found.bad_count, found.agreed_seq) == (kept(later), 1, 5)
    assert "here record 8 has" in found.why
    assert "was rewritten" in found.why
    rewrite(path, 2, b"forged")
    assert compared(path, later, told).found["local-1"].bad == kept(told), "the first of those that do not agree"


def test_store_that_was_put_back_is_named(path: Path) -> None:
    """It is true in itself and shorter than what others have seen; grown again it is another one."""
    older = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    grown(path, 3)
    told = head_of(path)
    for name, raw in older.items():
        (path.parent / name).write_bytes(raw)
    assert auditwalk.verify(path).bad == ""
    found = compared(path, told).found["local-1"]
    assert found.bad == kept(told)
    assert "here the audit ends with record 5: later ones were cut off, or an older store was put there" in found.why
    grown(path, 3)
    assert "here record 8 has" in compared(path, told).found["local-1"].why


def test_store_begun_anew_is_named(path: Path) -> None:
    """Another genesis is no way out of what was told."""
    told = msgspec.structs.replace(head_of(path), store_id=b"o" * 16)
    assert f"it was of store {b'o'.hex() * 16}, here is store" in compared(path, told).found["local-1"].why


def test_heads_of_who_is_not_here_are_passed_over(path: Path) -> None:
    """A store on another host, and one that cannot be opened, which is told as bad by itself."""
    (path.parent / "router-1.db").write_bytes(b"no database" * 500)
    comparison = Comparison({"local-1": path, "router-1": path.parent / "router-1.db"})
    there = msgspec.structs.replace(head_of(path), node="local-2")
    assert not comparison.hear(kept(there))
    assert not comparison.hear(kept(msgspec.structs.replace(there, node="router-1")))
    assert comparison.found == {}


def test_heads_that_a_store_keeps_are_read_from_its_audit(path: Path, tmp_path: Path) -> None:
    """Each that was ever written, though the row has the newest alone; one that is none is damage."""
    store = create(tmp_path / "router-1.db", MESH, "router-1", "router")
    told = head_of(path)
    for seq in (5, 6):
        store.commit([put_head(msgspec.structs.replace(told, seq=seq))])
    found = list(kept_heads(store.path))
    assert [(each.keeper, each.head.seq, each.kept_ns > 0) for each in found] == [("router-1", 5, True), ("router-1", 6, True)]
    assert list(kept_heads(store.path, found[1].kept_ns + 1)) == []
    store.commit([Put("_head", b"local-1", b"none")])
    with pytest.raises(BadConfig, match="record 4 is no head"):
        list(kept_heads(store.path))
    store.close()
