"""Events: each node's file, and the one they are merged into."""

import json
import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh import events
from mesh.core import Emit
from mesh.errors import StoreFailed
from mesh.io import eventfile
from mesh.io.eventfile import EventFile, merge_events
from mesh.texts import iso_of
from mesh.units import SECOND_NS

START_NS = 1_767_600_000 * SECOND_NS


def line(at_ns: int, sid: str = "", kind: str = "bar", **more: object) -> bytes:
    return json.dumps({"kind": kind, "ts": iso_of(at_ns), "ts_ns": str(at_ns), "sid": sid, **more}).encode() + b"\n"


def keys(path: Path) -> list[tuple[int, str, int]]:
    rows = [json.loads(text) for text in path.read_text("utf-8").splitlines()]
    return [(int(row["ts_ns"]), row.get("sid", ""), events.STAGES.index(row["kind"])) for row in rows]


def test_line_of_an_event(tmp_path: Path) -> None:
    """A line begins with kind and market time, keeps the event's own order, and writes decimals exactly."""
    file = EventFile(tmp_path / "events" / "node-1.jsonl")
    event = {"symbol": "EURUSD", "close": Decimal("1.10500"), "cci": None, "oid": "ab"}
    file.write(Emit(START_NS + 1_500, "", events.BAR, event))
    file.close()
    assert (tmp_path / "events" / "node-1.jsonl").read_text() == (
        '{"kind":"bar","ts":"2026-01-05T08:00:00.000001Z","ts_ns":"1767600000000001500",'
        '"symbol":"EURUSD","close":1.10500,"cci":null,"oid":"ab"}\n'
    )


def test_event_may_say_its_own_kind(tmp_path: Path) -> None:
    """A kind beyond the five stages stands in the place of the stage's."""
    file = EventFile(tmp_path / "a.jsonl")
    file.write(Emit(START_NS, "s", events.DECISION, {"kind": "risk"}))
    file.close()
    assert json.loads((tmp_path / "a.jsonl").read_text())["kind"] == "risk"


def test_restart_appends_after_a_torn_line(tmp_path: Path) -> None:
    """What a crash left of a last line is cut off; whole lines before it stay, new ones follow."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(line(1) + line(2) + line(3)[:-20])
    file = EventFile(path)
    file.write(Emit(4, "", events.BAR, {}))
    file.close()
    assert [at_ns for at_ns, _, _ in keys(path)] == [1, 2, 4]


@pytest.mark.parametrize("content", [b"", b"{torn", b"x" * 200_000], ids=["empty", "no newline", "long"])
def test_restart_on_a_file_without_a_whole_line(tmp_path: Path, content: bytes) -> None:
    """A file that holds no whole line is begun anew."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    EventFile(path).close()
    assert path.read_bytes() == b""


def test_flush_brings_it_to_the_file(tmp_path: Path) -> None:
    """An event is in the file at the latest with the next flush, so that a killed node loses nothing it committed."""
    path = tmp_path / "a.jsonl"
    file = EventFile(path)
    file.write(Emit(1, "", events.BAR, {}))
    assert path.read_bytes() == b""
    file.flush()
    assert keys(path) == [(1, "", 0)]
    file.close()


def test_unwritable_place_is_told(tmp_path: Path) -> None:
    """Events that cannot be written end the node with the file's name: nothing is dropped in silence."""
    (tmp_path / "events").write_text("a file where a folder is wanted")
    with pytest.raises(StoreFailed, match=r"events file .* cannot be written"):
        EventFile(tmp_path / "events" / "a.jsonl")


def test_merged_by_time_sid_stage(tmp_path: Path) -> None:
    """Lines of several nodes come by market time, then sid, then stage, whatever the order in their files."""
    (tmp_path / "a").write_bytes(line(2, "s1", "outcome") + line(1, "s2", "signal") + line(1, "s1", "signal"))
    (tmp_path / "b").write_bytes(line(2, "s1", "order") + line(1) + line(2, "s1", "decision"))
    assert merge_events([tmp_path / "a", tmp_path / "b"], tmp_path / "out") == 0
    assert keys(tmp_path / "out") == [(1, "", 0), (1, "s1", 1), (1, "s2", 1), (2, "s1", 2), (2, "s1", 3), (2, "s1", 4)]


def test_times_are_numbers(tmp_path: Path) -> None:
    """Times are compared as numbers, before 1970 too, not as texts."""
    times = [100, 9, -5, 1_767_600_000_000_000_000, 20]
    (tmp_path / "a").write_bytes(b"".join(line(at_ns) for at_ns in times))
    merge_events([tmp_path / "a"], tmp_path / "out")
    assert [at_ns for at_ns, _, _ in keys(tmp_path / "out")] == sorted(times)


def test_emitted_again_is_once(tmp_path: Path) -> None:
    """The same line, emitted again after a restart, in one file or two, is one line; a differing one is another."""
    twice = line(1, "s", "signal", n=1) + line(1, "s", "signal", n=2)
    (tmp_path / "a").write_bytes(twice + line(2) + twice)
    (tmp_path / "b").write_bytes(twice)
    merge_events([tmp_path / "a", tmp_path / "b"], tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == twice + line(2)


def test_no_event_is_left_out_and_counted(tmp_path: Path) -> None:
    """Lines that are no event are left out and counted; a last line without its newline is whole."""
    (tmp_path / "a").write_bytes(b"\n{}\n" + line(1) + b'{"kind":"bar","ts_ns":"x"}\n' + line(2)[:-1])
    assert merge_events([tmp_path / "a"], tmp_path / "out") == 3
    assert (tmp_path / "out").read_bytes() == line(1) + line(2)


def test_nothing_to_merge(tmp_path: Path) -> None:
    """No file, or only empty ones, give an empty result, and leave nothing behind."""
    (tmp_path / "a").write_bytes(b"")
    merge_events([tmp_path / "a"], tmp_path / "out")
    merge_events([], tmp_path / "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "none", "out"]
    assert (tmp_path / "out").read_bytes() == (tmp_path / "none").read_bytes() == b""


ROWS = st.tuples(st.integers(0, 20), st.sampled_from(("", "a", "b")), st.sampled_from(events.STAGES), st.integers(0, 2))


@given(st.lists(st.lists(ROWS, max_size=30), max_size=3), st.sampled_from((1, 200, 10**6)))
def test_merge_is_a_sort(tmp_path_factory: pytest.TempPathFactory, files: list[list[tuple[int, str, str, int]]], chunk: int) -> None:
    """However small the chunks are, the result is what sorting everything at once and dropping equals gives."""
    folder = tmp_path_factory.mktemp("merge")
    everything: list[tuple[int, str, int, bytes]] = []
    for number, rows in enumerate(files):
        texts = [line(at_ns, sid, kind, n=n) for at_ns, sid, kind, n in rows]
        (folder / str(number)).write_bytes(b"".join(texts))
        everything += [(at_ns, sid, events.STAGES.index(kind), text) for (at_ns, sid, kind, _), text in zip(rows, texts, strict=True)]
    merge_events([folder / str(number) for number in range(len(files))], folder / "out", chunk_bytes=chunk)
    assert (folder / "out").read_bytes() == b"".join(text for *_, text in sorted(set(everything)))


def test_more_runs_than_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks beyond the number of files that are open at once are merged in steps, with the same result."""
    monkeypatch.setattr(eventfile, "RUNS_MAX", 3)
    times = list(range(50))
    random.Random(7).shuffle(times)
    (tmp_path / "a").write_bytes(b"".join(line(at_ns) for at_ns in times))
    merge_events([tmp_path / "a"], tmp_path / "out", chunk_bytes=1)
    assert [at_ns for at_ns, _, _ in keys(tmp_path / "out")] == list(range(50))
