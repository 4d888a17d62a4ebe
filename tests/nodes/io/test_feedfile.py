"""Files as they come: plain, gzip, other encodings, damaged, none."""

import gzip
from pathlib import Path

import pytest

from mesh.errors import BadFeed
from nodes.io import feedfile
from nodes.io.feedfile import blocks_of

TEXT = "time,bid,ask\r\n" + "".join(f"row {number}\r\n" for number in range(1_000))


def text_of(path: Path) -> str:
    return b"".join(blocks_of(str(path))).decode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_text_is_the_same_however_it_is_stored(tmp_path: Path, encoding: str, is_packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gzip or not, with or without byte order mark, in small blocks of complete lines."""
    monkeypatch.setattr(feedfile, "BLOCK_BYTES", 333)
    stored = TEXT.encode(encoding)
    path = tmp_path / "EURUSD.csv"
    path.write_bytes(gzip.compress(stored) if is_packed else stored)
    assert text_of(path) == TEXT
    assert all(block.endswith(b"\n") for block in blocks_of(str(path)))


def test_last_line_may_lack_its_end(tmp_path: Path) -> None:
    """What follows the last line end is a line too."""
    path = tmp_path / "EURUSD.csv"
    path.write_text("a\nb")
    assert list(blocks_of(str(path))) == [b"a\n", b"b"]


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    """Progress counts bytes of the file as stored."""
    path = tmp_path / "EURUSD.csv.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    told: list[tuple[int, int]] = []
    assert list(blocks_of(str(path), lambda done_bytes, total_bytes: told.append((done_bytes, total_bytes))))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


def packed_and_cut(size: int) -> bytes:
    return gzip.compress(TEXT.encode())[:size]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("EURUSD.csv", b"", "is empty"),
        ("EURUSD.csv.gz", b"", "is empty"),
        ("EURUSD.csv.gz", TEXT.encode(), "not gzip"),
        ("EURUSD.csv.gz", packed_and_cut(200), "cut short or damaged"),
        ("EURUSD.csv.gz", packed_and_cut(200) + b"\0" * 99 + packed_and_cut(10), "cut short or damaged"),
        ("EURUSD.csv", packed_and_cut(3), "cut short or damaged"),
        ("EURUSD.zip", b"PK\x03\x04rest", "zip archive"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """Empty, not gzip, cut short, an archive: each has its own message with the file's name."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadFeed, match=words) as caught:
        text_of(path)
    assert str(path) in str(caught.value)


def test_missing_file_and_folder_say_so(tmp_path: Path) -> None:
    """A path that is no file is named."""
    with pytest.raises(BadFeed, match="no such file"):
        text_of(tmp_path / "none.csv")
    with pytest.raises(BadFeed, match="cannot be opened"):
        text_of(tmp_path)


def test_file_without_line_ends_is_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A binary file is refused before it fills the memory."""
    monkeypatch.setattr(feedfile, "LINE_BYTES_MAX", 1_000)
    monkeypatch.setattr(feedfile, "BLOCK_BYTES", 600)
    path = tmp_path / "EURUSD.csv"
    path.write_bytes(b"x" * 5_000)
    with pytest.raises(BadFeed, match="is no text"):
        text_of(path)
