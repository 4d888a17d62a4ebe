"""The last words of a process, however much it printed before them."""

from pathlib import Path

from nodes.io.outputs import LAST_BYTES, last_line, last_words


def test_last_line_that_says_something(tmp_path: Path) -> None:
    """With or without its end, behind empty ones, behind more than is read; what is no text is no crash."""
    path = tmp_path / "local-1.out"
    for printed in ("one\ntwo", "one\ntwo\n", "one\ntwo\n\n \n", "x\n" * LAST_BYTES + "two\n"):
        path.write_text(printed)
        assert last_line(path) == "two"
    path.write_bytes(b"one\n\xff\xfe two\n")
    assert last_line(path) == "\ufffd\ufffd two"


def test_only_the_end_of_a_line_without_end(tmp_path: Path) -> None:
    """So much as is read."""
    path = tmp_path / "local-1.out"
    path.write_text("first\n" + "x" * 100_000)
    assert last_line(path) == "x" * LAST_BYTES


def test_nothing_printed(tmp_path: Path) -> None:
    """An empty file and none are the same."""
    path = tmp_path / "local-1.out"
    assert last_line(path) == ""
    path.write_text("\n\n")
    assert (last_line(path), last_words(path)) == ("", f"no output (log: {path})")
