"""Log files read back: in order, from a time on, through their turns, and whatever stands in them."""

import itertools
import json
from pathlib import Path

import pytest

from mesh.texts import iso_of
from mesh.units import SECOND_NS
from nodes.io import logfiles
from nodes.io.logfiles import LogTail, in_order, line_of, lines_of, names_in

BEGIN_NS = 1_767_600_000 * SECOND_NS


def line(at_s: float, event: str, node: str = "local-1", **fields: object) -> str:
    at_ns = BEGIN_NS + int(at_s * SECOND_NS)
    return json.dumps({"node": node, **fields, "ts": iso_of(at_ns), "level": "info", "event": event}) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "local-1.log"


def events(state: Path, since_s: float | None = None, name: str = "local-1") -> list[str]:
    since_ns = BEGIN_NS + int(since_s * SECOND_NS) if since_s is not None else 0
    return [each.event for each in lines_of(state, name, since_ns)]


def test_older_files_come_first(path: Path, tmp_path: Path) -> None:
    """The files of one log are one log, whatever was turned; other files of the folder are none."""
    path.with_name("local-1.log.2").write_text(line(1, "a"))
    path.with_name("local-1.log.1").write_text(line(2, "b"))
    path.write_text(line(3, "c"))
    path.with_name("local-1.out").write_text("a traceback")
    assert events(tmp_path) == ["a", "b", "c"]
    assert names_in(tmp_path) == ["local-1"]


def test_line_says_what_was_noted(path: Path) -> None:
    """Time, node, level and event of their own, the rest as fields."""
    found = line_of("local-1", line(1.5, "order_taken", oid="01ff", n=7).strip().encode())
    assert (found.at_ns, found.node, found.level, found.event) == (BEGIN_NS + 3 * SECOND_NS // 2, "local-1", "info", "order_taken")
    assert found.fields == {"oid": "01ff", "n": 7}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[1]", b"\xff\xfe", b'{"ts": 1}', b'{"ts":"x","node":"a","level":"info","event":"e"}', b"[" * 5_000]
)
def test_anything_else_is_shown_and_stops_nobody(raw: bytes) -> None:
    """Half a line, no JSON, no text: an error of its own, never an exception."""
    assert line_of("local-1", raw).event == "unreadable_line"


def test_a_line_without_its_end_waits(path: Path, tmp_path: Path) -> None:
    """What is being written is not shown torn."""
    path.write_text(line(1, "whole") + line(2, "half")[:20])
    assert events(tmp_path) == ["whole"]


def test_supervisord_tells_too() -> None:
    """Its lines have another form and the host's own time."""
    found = line_of("supervisord", b"2026-01-05 10:00:00,250 WARN exited: local-1 (exit status 71; not expected)")
    assert (found.level, found.event) == ("warning", "exited: local-1 (exit status 71; not expected)")
    assert found.at_ns % SECOND_NS == SECOND_NS // 4
    assert line_of("supervisord", b"Traceback").event == "unreadable_line"
    # it says so of each socket without a password, ours too, which has mode 0600: a mesh that is well has no critical line
    open_socket = b"2026-01-05 10:00:00,250 CRIT Server 'unix_http_server' running without any HTTP authentication checking"
    assert line_of("supervisord", open_socket).level == "debug"
    assert line_of("supervisord", b"2026-01-05 10:00:00,250 CRIT could not write pidfile").level == "critical"


def test_since_finds_its_place_in_a_long_file(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file of many pieces only what may be new enough is read, and nothing new enough is missed."""
    monkeypatch.setattr(logfiles, "READ_BYTES", 200)
    path.write_text("".join(line(number, f"e{number}") for number in range(1_000)))
    read: list[bytes] = []

    def counted(name: str, raw: bytes) -> logfiles.LogLine:
        read.append(raw)
        return line_of(name, raw)

    monkeypatch.setattr(logfiles, "line_of", counted)
    assert events(tmp_path, 990.0) == [f"e{number}" for number in range(990, 1_000)]
    assert len(read) < 60


def test_since_goes_over_lines_that_were_set_back(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats are told behind what came after them: those few seconds are looked through."""
    monkeypatch.setattr(logfiles, "READ_BYTES", 100)
    times = [number + (3 if number % 2 else 0) for number in range(400)]
    path.write_text("".join(line(at_s, f"e{at_s}") for at_s in times))
    assert events(tmp_path, 300.0) == [f"e{at_s}" for at_s in times if at_s >= 300]


def test_order_of_a_log_is_kept(path: Path, tmp_path: Path) -> None:
    """Times that go back a little do not, a clock that was set back takes the log with it."""
    path.write_text(line(10, "a") + line(9, "b") + line(2, "c") + line(3, "d"))
    times = [(at_ns - BEGIN_NS) // SECOND_NS for at_ns, _, _ in in_order(lines_of(tmp_path, "local-1"))]
    assert times == [10, 10, 2, 3]


def test_tail_goes_through_turns(path: Path, tmp_path: Path) -> None:
    """What was there is not told; what comes is, once, also where the file is turned in between, twice even."""
    path.write_text(line(1, "old") + line(2, "half")[:10])
    tail = LogTail(tmp_path, "local-1")
    assert tail.news() == []
    with path.open("a") as file:
        file.write(line(2, "half")[10:] + line(3, "a"))
    assert [each.event for each in tail.news()] == ["half", "a"]
    for name in ("b", "c"):
        with path.open("a") as file:
            file.write(line(4, f"{name} before"))
        if path.with_name("local-1.log.1").exists():
            path.with_name("local-1.log.1").replace(path.with_name("local-1.log.2"))
        path.replace(path.with_name("local-1.log.1"))
        path.write_text(line(5, f"{name} after"))
    assert [each.event for each in tail.news()] == ["b before", "b after", "c before", "c after"]
    assert tail.news() == []


def test_tail_waits_for_a_log_that_is_not_there_yet(path: Path, tmp_path: Path) -> None:
    """A node that was never started here may still come."""
    tail = LogTail(tmp_path, "local-1")
    assert tail.news() == []
    path.write_text(line(1, "first"))
    assert [each.event for each in tail.news()] == ["first"]


def test_lines_are_not_collected(path: Path, tmp_path: Path) -> None:
    """The first lines of a log are there before the last is read: memory does not grow with files."""
    path.write_text("".join(line(number, f"e{number}") for number in range(50_000)))
    assert [each.event for each in itertools.islice(lines_of(tmp_path, "local-1"), 2)] == ["e0", "e1"]
