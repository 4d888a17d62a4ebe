"""A node's log: JSON lines, held back, collapsed, rotated, and never in the way."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh.core import Note
from mesh.io import log as log_module
from mesh.io import logwriter
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


def written(log: Log, path: Path) -> list[dict[str, Any]]:
    """What stands in the file once the thread has written all that was handed over; nothing that is held back is."""
    assert log._writer.drain(20)
    return lines(path)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_line_is_json(log: Log, path: Path) -> None:
    """A note is one JSON object with its time, node, level, name and values; bytes as hexadecimal text."""
    log.note(Note("info", "order_taken", {"oid": b"\x01\xff", "n": 7}))
    log.flush()
    assert written(log, path) == [
        {"node": "node-1", "ts": "2026-01-05T08:00:00.000000Z", "level": "info", "event": "order_taken", "oid": "01ff", "n": 7}
    ]


def test_held_until_flushed(log: Log, path: Path) -> None:
    """Information waits for its second; a warning is written at once, with all that came before it, in order."""
    log.note(Note("info", "first", {}))
    assert written(log, path) == []
    log.note(Note("warning", "second", {}))
    assert [line["event"] for line in written(log, path)] == ["first", "second"]


def test_identical_notes_collapse(log: Log, path: Path, wall: Wall) -> None:
    """Of a hundred identical notes in a second one line is written, and one that says how many more, first and last."""
    for _ in range(100):
        log.note(Note("warning", "bad_frame", {"peer": 3}))
        wall.now_ns += 1_000_000
    log.note(Note("warning", "bad_frame", {"peer": 4}))
    log.flush()
    said = [(line["peer"], line.get("count"), line.get("first"), line.get("last")) for line in written(log, path)]
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
    assert ["count" in line for line in written(log, path)] == [False, False, False]


def test_wall_clock_may_step_back(log: Log, path: Path, wall: Wall) -> None:
    """A wall clock that is set back neither loses nor collapses notes for longer than it should."""
    log.note(Note("info", "waiting", {}))
    wall.now_ns -= 3_600 * SECOND_NS
    log.note(Note("info", "waiting", {}))
    log.flush()
    assert [line["ts"] for line in written(log, path)] == ["2026-01-05T08:00:00.000000Z", "2026-01-05T07:00:00.000000Z"]


def test_own_keys_are_not_overwritten(log: Log, path: Path) -> None:
    """A note whose values are named like a line's own keys keeps them inside ``fields``."""
    log.note(Note("info", "odd", {"event": "x", "level": 3, "ts": 1}))
    log.flush()
    (line,) = written(log, path)
    assert (line["event"], line["level"], line["fields"]) == ("odd", "info", {"event": "x", "level": 3, "ts": 1})


def test_unknown_level_is_a_bug(log: Log) -> None:
    """A level that no log has is found where the note is made."""
    with pytest.raises(AssertionError, match="level 'loud'"):
        log.note(Note("loud", "odd", {}))


def test_many_notes_do_not_pile_up(log: Log, path: Path) -> None:
    """Different notes are written before there are too many, without a flush."""
    for number in range(log_module.HELD_MAX + 1):
        log.note(Note("info", "busy", {"number": number}))
    assert len(written(log, path)) == log_module.HELD_MAX + 1


def test_rotation_keeps_the_newest(path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a log that grows for ever the newest three files stay, in order, and no line is torn."""
    monkeypatch.setattr(logwriter, "FILE_BYTES_MAX", 1_000)
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


def test_full_disk_is_counted_and_told_afterwards(log: Log, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines the disk does not take are counted, and the node goes on; when it takes lines again the log says how many are missing."""

    class Full:
        closed = False

        def write(self, _: memoryview) -> int:
            raise OSError(28, "No space left on device")

    whole = log._writer._file
    monkeypatch.setattr(log._writer, "_file", Full())
    log.note(Note("info", "one", {}))
    log.note(Note("error", "two", {}))
    log.drain(20)
    log.flush()
    assert log.counters.totals["dropped_log_count"] == 2
    monkeypatch.setattr(log._writer, "_file", whole)
    log.note(Note("error", "three", {}))
    log.drain(20)
    log.flush()
    said = [(line["event"], line.get("dropped_count")) for line in written(log, path)]
    assert said == [("three", None), ("log_lines_dropped", 2)]


def test_half_a_line_does_not_spoil_the_next(log: Log, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes only a part of a line and is full then: what comes later stands on lines of its own."""
    whole = log._writer._file

    class Filling:
        closed = False
        left_bytes = 10

        def write(self, part: memoryview) -> int:
            if not self.left_bytes:
                raise OSError(28, "No space left on device")
            taken = whole.write(part[: self.left_bytes])
            self.left_bytes -= taken
            return taken

    monkeypatch.setattr(log._writer, "_file", Filling())
    log.note(Note("error", "one", {}))
    log.drain(20)
    monkeypatch.setattr(log._writer, "_file", whole)
    log.note(Note("error", "two", {}))
    assert log.drain(20)
    torn, *rest = path.read_text("utf-8").splitlines()
    assert len(torn) == 10
    assert [json.loads(line)["event"] for line in rest][:1] == ["two"]


def test_disk_that_takes_nothing_never_holds_the_loop(tmp_path: Path, wall: Wall) -> None:
    """A write that does not come back (a hung disk; here a pipe nobody reads) stops no note and no flush, and not the end of the node.

    What waits is bounded: the rest is dropped and counted.
    """
    pipe = tmp_path / "node-1.log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = Log(pipe, "node-1")
    note_bytes = 10_000
    count = 2 * logwriter.WAITING_BYTES_MAX // note_bytes
    for number in range(count):
        log.note(Note("warning", "busy", {"number": number, "text": "x" * note_bytes}))
    assert not log._writer.drain(0.05), "it hangs in its write"
    assert count // 3 < log.counters.totals["dropped_log_count"] < count
    log.close()
    os.close(reader)


def test_file_that_cannot_be_turned_goes_on(path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has the file open on Windows: lines still come, up to twice the length; then they are counted, until it can be turned."""
    monkeypatch.setattr(logwriter, "FILE_BYTES_MAX", 1_000)

    def taken(_self: Path, _target: Path) -> Path:
        raise PermissionError(13, "in use")

    log = Log(path, "node-1")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", taken)
        for number in range(40):
            log.note(Note("warning", "busy", {"number": number}))
        assert log.drain(20)
        log.flush()
        assert 1_000 < path.stat().st_size <= 2_000
        lost_count = log.counters.totals["dropped_log_count"]
        assert lost_count == 40 - len(lines(path))
    log.note(Note("warning", "again", {}))
    log.close()
    assert "again" in path.read_text("utf-8")
    assert path.with_name(f"{path.name}.1").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="platform: scheduling classes are those of Linux")
def test_log_is_written_where_a_sandbox_forbids_its_class(path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd's SystemCallFilter=~@resources does: the thread goes on in the class it has."""

    def refuse(*_args: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    log = Log(path, "node-1")
    log.note(Note("error", "forged", {}))
    assert [line["event"] for line in written(log, path)] == ["forged"]
    log.close()
