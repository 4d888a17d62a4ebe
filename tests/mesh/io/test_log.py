"""A node's log: JSON lines, held back, collapsed, rotated, and never in the way."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh.core import Note
from mesh.io import log as log_module
from mesh.io.log import Log
from mesh.units import SECOND_NS


class Wall:
    """A wall clock that stands until it is moved."""

    now_ns = 1_767_600_000 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    clock = Wall()
    monkeypatch.setattr(log_module, "wall_ns", clock)
    return clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log" / "node-1.log"


@pytest.fixture
def log(path: Path, wall: Wall) -> Iterator[Log]:
    made = Log(path, "node-1")
    yield made
    made.close()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_line_is_json(log: Log, path: Path) -> None:
    """A note is one JSON object with its time, node, level, name and values; bytes as hexadecimal text."""
    log.note(Note("info", "order_taken", {"oid": b"\x01\xff", "n": 7}))
    log.flush()
    assert lines(path) == [
        {"node": "node-1", "ts": "2026-01-05T08:00:00.000000Z", "level": "info", "event": "order_taken", "oid": "01ff", "n": 7}
    ]


def test_held_until_flushed(log: Log, path: Path) -> None:
    """Information waits for its second; a warning is written at once, with all that came before it, in order."""
    log.note(Note("info", "first", {}))
    assert path.read_bytes() == b""
    log.note(Note("warning", "second", {}))
    assert [line["event"] for line in lines(path)] == ["first", "second"]


def test_identical_notes_collapse(log: Log, path: Path, wall: Wall) -> None:
    """Of a hundred identical notes in a second one line is written, and one that says how many more, first and last."""
    for _ in range(100):
        log.note(Note("warning", "bad_frame", {"peer": 3}))
        wall.now_ns += 1_000_000
    log.note(Note("warning", "bad_frame", {"peer": 4}))
    log.flush()
    said = [(line["peer"], line.get("count"), line.get("first"), line.get("last")) for line in lines(path)]
    assert said == [
        (3, None, None, None),
        (4, None, None, None),
        (3, 99, "2026-01-05T08:00:00.000000Z", "2026-01-05T08:00:00.099000Z"),
    ]


def test_next_second_is_told_again(log: Log, path: Path, wall: Wall) -> None:
    """What is repeated for longer than a second gets a line each second."""
    for _ in range(3):
        log.note(Note("info", "waiting", {}))
        wall.now_ns += SECOND_NS
    log.flush()
    assert ["count" in line for line in lines(path)] == [False, False, False]


def test_wall_clock_may_step_back(log: Log, path: Path, wall: Wall) -> None:
    """A wall clock that is set back neither loses nor collapses notes for longer than it should."""
    log.note(Note("info", "waiting", {}))
    wall.now_ns -= 3_600 * SECOND_NS
    log.note(Note("info", "waiting", {}))
    log.flush()
    assert [line["ts"] for line in lines(path)] == ["2026-01-05T08:00:00.000000Z", "2026-01-05T07:00:00.000000Z"]


def test_own_keys_are_not_overwritten(log: Log, path: Path) -> None:
    """A note whose values are named like a line's own keys keeps them inside ``fields``."""
    log.note(Note("info", "odd", {"event": "x", "level": 3, "ts": 1}))
    log.flush()
    (line,) = lines(path)
    assert (line["event"], line["level"], line["fields"]) == ("odd", "info", {"event": "x", "level": 3, "ts": 1})


def test_unknown_level_is_a_bug(log: Log) -> None:
    """A level that no log has is found where the note is made."""
    with pytest.raises(AssertionError, match="level 'loud'"):
        log.note(Note("loud", "odd", {}))


def test_many_notes_do_not_pile_up(log: Log, path: Path) -> None:
    """Different notes are written before there are too many, without a flush."""
    for number in range(log_module.HELD_MAX + 1):
        log.note(Note("info", "busy", {"number": number}))
    assert len(lines(path)) == log_module.HELD_MAX + 1


def test_rotation_keeps_the_newest(path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a log that grows for ever the newest three files stay, in order, and no line is torn."""
    monkeypatch.setattr(log_module, "FILE_BYTES_MAX", 1_000)
    log = Log(path, "node-1")
    for number in range(100):
        log.note(Note("warning", "busy", {"number": number}))
    log.close()
    files = [path.with_name(f"{path.name}.2"), path.with_name(f"{path.name}.1"), path]
    assert sorted(path.parent.iterdir()) == sorted(files)
    numbers = [line["number"] for file in files for line in lines(file)]
    assert numbers == list(range(numbers[0], 100))
    assert all(file.stat().st_size <= 1_000 for file in files)


def test_goes_on_in_the_same_file(path: Path, wall: Wall) -> None:
    """A restarted node appends to its log."""
    for name in ("first", "second"):
        log = Log(path, "node-1")
        log.note(Note("info", name, {}))
        log.close()
    assert [line["event"] for line in lines(path)] == ["first", "second"]


def test_full_disk_is_counted(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines the disk does not take are counted, and the node goes on."""

    class Full:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            """Nothing to close."""

    log._file.close()
    monkeypatch.setattr(log, "_file", Full())
    log.note(Note("info", "one", {}))
    log.note(Note("error", "two", {}))
    assert log.counters.totals["dropped_log_count"] == 2
