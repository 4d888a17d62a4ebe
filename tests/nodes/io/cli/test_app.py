"""The command's entry: whatever is wrong with where it stands is one line and an exit code."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.text import Text

from nodes.io.cli.app import main, whole


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


def helps(command: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every help text of a command, its options and the verbs below it."""
    yield path, command.help or ""
    for parameter in command.params:
        yield f"{path} {parameter.name}", getattr(parameter, "help", None) or ""
    for name, verb in getattr(command, "commands", {}).items():
        yield from helps(verb, f"{path} {name}")


def test_no_help_loses_words_to_the_terminal() -> None:
    """What stands in brackets is markup for what draws the help, and would be gone."""
    found = list(helps(typer.main.get_command(whole()), "mesh"))
    assert len(found) > 100
    assert [path for path, words in found if Text.from_markup(words).plain != words] == []


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
