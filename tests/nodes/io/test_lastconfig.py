"""What a host ran before: known to every node that starts there, whoever of them comes first."""

from pathlib import Path

from nodes.io.lastconfig import NAME, ran_before

A, B, C = "a" * 16, "b" * 16, "c" * 16


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
