"""Tables as files: named by their time, never written over."""

from pathlib import Path

import pytest

from tests.tui.consolerig import WALL_NS
from tui import export
from tui.export import save_csv


def test_a_file_is_named_by_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In UTC, without signs that a file system refuses; line ends are written as they are."""
    monkeypatch.chdir(tmp_path)
    path = save_csv("positions", "a,b\r\n1,§\r\n", WALL_NS)
    assert path == tmp_path / "trademesh-positions-20260105T080000Z.csv"
    assert path.read_bytes() == "a,b\r\n1,§\r\n".encode()


def test_no_file_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one in the same second has a number; where there are too many, that is an error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(export, "TRIES_MAX", 2)
    assert save_csv("deals", "1", WALL_NS).name == "trademesh-deals-20260105T080000Z.csv"
    assert save_csv("deals", "2", WALL_NS).name == "trademesh-deals-20260105T080000Z-2.csv"
    with pytest.raises(FileExistsError):
        save_csv("deals", "3", WALL_NS)
    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["2", "1"]
