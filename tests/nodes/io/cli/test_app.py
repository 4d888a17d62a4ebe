"""The command's entry: whatever is wrong with where it stands is one line and an exit code."""

import sys
from pathlib import Path

import pytest

from nodes.io.cli.app import main


@pytest.mark.parametrize("words", [["status"], ["down"], ["config", "check"], ["up", "--feed", "EURUSD.csv"]])
def test_directory_that_was_removed_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """No verb meets it half-way."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "argv", ["mesh", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 78
    assert capsys.readouterr().err.strip() == "mesh: the current directory was removed; change to another one"


def test_words_of_an_error_are_shown_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``:abc:`` is no picture, ``[red]`` no colour."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["mesh", "up", "--speed", "1:abc:[red]"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("mesh: --speed 1:abc:[red]: a number")
