"""The flag file: there is one, or there is none; what it says cannot make it less than a stop."""

from pathlib import Path

import pytest

from nodes.io.stopflag import NAME, flag_watch, level_in


@pytest.mark.parametrize(
    ("raw", "level"),
    [
        (b"", "FREEZE"),
        (b"flatten\n", "FLATTEN"),
        (b" Cancel everything", "CANCEL"),
        (b"ACTIVE", "FREEZE"),
        (b"\xff\xfe", "FREEZE"),
        (b"x" * 10**6, "FREEZE"),
    ],
)
def test_first_word_is_the_level_and_anything_else_freezes(tmp_path: Path, raw: bytes, level: str) -> None:
    """An empty file is enough; ACTIVE is no level of a stop."""
    (tmp_path / NAME).write_bytes(raw)
    assert level_in(tmp_path / NAME) == level


def test_directory_of_that_name_freezes_too(tmp_path: Path) -> None:
    """It cannot be read, and it is there."""
    (tmp_path / NAME).mkdir()
    assert level_in(tmp_path / NAME) == "FREEZE"


def test_it_is_told_as_long_as_it_is_there(tmp_path: Path) -> None:
    """Whoever resumes takes it away first."""
    told: list[tuple[str, str]] = []
    look = flag_watch(tmp_path, lambda level, why: told.append((level, why)))
    look()
    (tmp_path / NAME).write_text("flatten")
    look()
    look()
    (tmp_path / NAME).unlink()
    look()
    assert told == [("FLATTEN", "flag file STOP")] * 2
