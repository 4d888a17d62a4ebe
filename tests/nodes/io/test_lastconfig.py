"""What a host ran before: known to every node that starts there, whoever of them comes first."""

from pathlib import Path

from mesh.confighash import agree, lineage
from nodes.io.lastconfig import NAME, WORDS_MAX, changed_live, ran_before

A, B, C, D = "a" * 16, "b" * 16, "c" * 16, "d" * 16


def test_first_configuration_follows_nothing(tmp_path: Path) -> None:
    """In a state directory that is not there yet."""
    assert [ran_before(tmp_path / "new", A) for _ in range(2)] == ["", ""]


def test_each_node_hears_the_same_whichever_starts_first(tmp_path: Path) -> None:
    """The second node of a host does not take the first one's for what ran before."""
    ran_before(tmp_path, A)
    assert [ran_before(tmp_path, B) for _ in range(3)] == [A, A, A]
    assert [ran_before(tmp_path, C) for _ in range(2)] == [B, B]


def test_way_back_is_a_change_like_any_other(tmp_path: Path) -> None:
    """Put back, the old configuration follows the one that was given up."""
    ran_before(tmp_path, A)
    ran_before(tmp_path, B)
    assert ran_before(tmp_path, A) == B


def test_damaged_file_says_that_nothing_ran_before(tmp_path: Path) -> None:
    """Cut off, or not ours at all: the next start writes it anew, and nothing else lies about."""
    for raw in (b"", b"a" * 8, b"\xff\xfe", b"../../etc\n\n"):
        (tmp_path / NAME).write_bytes(raw)
        assert ran_before(tmp_path, B) == ""
        assert ran_before(tmp_path, B) == ""
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_after_live_changes_a_node_that_starts_follows_all_that_runs(tmp_path: Path) -> None:
    """Deciding nodes run the newest, all others the file: a next configuration agrees with both, as a node with the old file does."""
    ran_before(tmp_path, A)
    changed_live(tmp_path, B, A)
    changed_live(tmp_path, C, A)
    assert ran_before(tmp_path, A) == f"{C} {B}"
    assert (tmp_path / NAME).read_text() == f"{C} {A} {B}\n\n"
    assert [ran_before(tmp_path, D) for _ in range(2)] == [f"{C} {A} {B}"] * 2
    assert [agree(lineage(each), lineage(D, ran_before(tmp_path, D))) for each in (A, B, C)] == [True] * 3


def test_change_that_is_written_down_is_not_written_again(tmp_path: Path) -> None:
    """Each node of a host comes to it by itself; taken back, the old one is what runs."""
    ran_before(tmp_path, A)
    changed_live(tmp_path, B, A)
    inode = (tmp_path / NAME).stat().st_ino
    changed_live(tmp_path, B, A)
    assert (tmp_path / NAME).stat().st_ino == inode
    changed_live(tmp_path, A, A)
    assert (tmp_path / NAME).read_text() == f"{A} {B}\n\n"


def test_file_never_outgrows_a_hello(tmp_path: Path) -> None:
    """However often limits change: the newest and the file stay, the oldest go; both lines fit beside the own one."""
    ran_before(tmp_path, A)
    ran_before(tmp_path, B)
    for number in range(40):
        changed_live(tmp_path, f"{number:016x}", B)
    runs = (tmp_path / NAME).read_text().splitlines()[0].split()
    assert runs[:2] == [f"{39:016x}", B]
    assert len(runs) == WORDS_MAX
    words = lineage(C, ran_before(tmp_path, C))
    assert B in words
    assert len(lineage(D, ran_before(tmp_path, D))) < 512
