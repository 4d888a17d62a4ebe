"""``mesh logs``: several nodes' logs as one, and with an id everything of one story, out of logs and stores."""

import json
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.codec import encode
from mesh.core import Put
from mesh.errors import BadUsage
from mesh.io.store import create
from mesh.messages.signals import Signal
from mesh.texts import iso_of
from mesh.units import SECOND_NS
from nodes.decisions import DECISION, DecisionRecord, LineRecord
from nodes.io.cli import logs as logs_module
from nodes.io.cli.idstory import Story
from nodes.io.cli.logs import LogWish, show_logs, text_of
from nodes.io.logfiles import line_of
from nodes.local.attempts import OrderRecord
from nodes.local.finishing import ORDER_ROW
from tests.message_values import sample_of

BEGIN_NS = 1_767_600_000 * SECOND_NS
OPEN, CLOSE, OTHER = bytes([1] * 16), bytes([0xA2] * 16), bytes([0xB3] * 16)
"""The first has digits alone, as one of some million has: it is no ticket for that."""
TICKET = 777_001


def line(at_s: float, node: str, event: str, level: str = "info", **fields: object) -> str:
    at_ns = BEGIN_NS + int(at_s * SECOND_NS)
    return json.dumps({"node": node, **fields, "ts": iso_of(at_ns), "level": level, "event": event}) + "\n"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two nodes' logs."""
    log = tmp_path / "log"
    log.mkdir()
    lines = [line(1, "local-1", "a"), line(3, "local-1", "c", "warning", oid=OPEN.hex(), why="brackets [red]")]
    log.joinpath("local-1.log").write_text("".join(lines))
    log.joinpath("master-1.log").write_text(line(2, "master-1", "b") + line(4, "master-1", "d", "error", count=7, first="f", last="l"))
    return tmp_path


def shown(state: Path, capsys: pytest.CaptureFixture[str], wish: LogWish) -> list[dict[str, Any]]:
    show_logs(None, state, msgspec.structs.replace(wish, as_json=True))
    return [json.loads(each) for each in capsys.readouterr().out.splitlines()]


def events(state: Path, capsys: pytest.CaptureFixture[str], **wish: Any) -> list[str]:
    return [each["event"] for each in shown(state, capsys, LogWish(**wish))]


def test_logs_are_one(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By time, with their nodes; of some nodes, from a level on, with a text, the newest of them."""
    assert events(state, capsys) == ["a", "b", "c", "d"]
    assert events(state, capsys, nodes=("master-1",)) == ["b", "d"]
    assert events(state, capsys, level="warning") == ["c", "d"]
    assert events(state, capsys, grep="BRACKETS") == ["c"]
    assert events(state, capsys, since=iso_of(BEGIN_NS + 3 * SECOND_NS)) == ["c", "d"]
    assert events(state, capsys, lines_max=1) == ["d"]


def test_a_line_for_people(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its time, node, level, event and fields, brackets as they are; repeats as words."""
    assert show_logs(None, state, LogWish(nodes=("local-1",), level="warning")) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"2026-01-05 08:00:03.000000Z  local-1      WARNING  c  oid={OPEN.hex()} why=brackets [red]"
    ]
    show_logs(None, state, LogWish(level="error"))
    assert "(again 7 times," in capsys.readouterr().out
    assert "(again once," in text_of(line_of("x", line(1, "x", "e", count=1, first="f", last="l").encode())).plain


def test_the_last_one_is_the_masters_to_know(state: Path) -> None:
    """In a log `last` is a key of each line that was repeated: it is no id."""
    with pytest.raises(BadUsage, match="`mesh why last` names its sid"):
        show_logs(None, state, LogWish(id="last"))


def test_only_the_newest_without_a_time(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """So many lines as fit a look, and how to have more; all of them where a time is given."""
    monkeypatch.setattr(logs_module, "LINES", 2)
    show_logs(None, state, LogWish())
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 2
    assert "--lines 0 or --since 1h" in told.err
    assert events(state, capsys, since="2026-01-05") == ["a", "b", "c", "d"]


def test_nothing_found_says_what_to_do(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 and a hint; a level, a node, a time or a directory that is none is a wrong word."""
    assert show_logs(None, state, LogWish(grep="nowhere")) == 1
    assert "--grep nowhere; ask for less" in capsys.readouterr().err
    assert show_logs(None, state, LogWish(id="no-such-sid")) == 1
    assert "mesh why no-such-sid" in capsys.readouterr().err
    for wish, words in (
        (LogWish(level="loud"), "warning, error"),
        (LogWish(nodes=("local-9",)), "there are: local-1, master-1"),
        (LogWish(since="soon"), "10m, 2h"),
    ):
        with pytest.raises(BadUsage, match=words):
            show_logs(None, state, wish)
    with pytest.raises(BadUsage, match="--state DIR"):
        show_logs(None, tmp_path / "none", LogWish())


# one id


def order(oid: bytes, sid: str, **more: Any) -> Put:
    record = msgspec.structs.replace(sample_of(OrderRecord), oid=oid, sid=sid, **{"ref_oid": bytes(16), **more})
    return Put(ORDER_ROW, oid, encode(record))


def decision(sid: str, oid: bytes, ref_oid: bytes = bytes(16)) -> Put:
    a_signal = msgspec.structs.replace(sample_of(Signal), sid=sid)
    a_line = msgspec.structs.replace(sample_of(LineRecord), oid=oid, ref_oid=ref_oid)
    record = DecisionRecord(sid.encode().ljust(16, b"."), a_signal, 1, 1, [a_line])
    return Put(DECISION, record.key, encode(record))


@pytest.fixture
def story(state: Path) -> Path:
    """An order, the close that names it by another signal, and an order of somebody else."""
    master = create(state / "master-1.db", "demo", "master-1", "master")
    master.commit([decision("sid-one", OPEN), decision("sid-two", CLOSE, OPEN), decision("sid-three", OTHER)])
    master.close()
    local = create(state / "local-1.db", "demo", "local-1", "local")
    local.commit([order(OPEN, "sid-one", position_ticket=TICKET), order(CLOSE, "sid-two", ref_oid=OPEN), order(OTHER, "sid-three")])
    local.close()
    with (state / "log" / "local-1.log").open("a") as file:
        file.write(line(5, "local-1", "attempt_unknown", oid=CLOSE.hex()) + line(6, "local-1", "attempt_unknown", oid=OTHER.hex()))
        file.write(line(7, "local-1", "opening_searched", sid="sid-one-b") + line(8, "local-1", "priced", price=TICKET))
    return state


@pytest.mark.parametrize("word", ["sid-one", OPEN.hex(), OPEN.hex()[:8], f"tm{OPEN.hex()[:16]}.1", str(TICKET), f"one:{TICKET}"])
def test_one_id_finds_its_whole_story(story: Path, capsys: pytest.CaptureFixture[str], word: str) -> None:
    """By sid, oid, its beginning, an order's comment or a ticket: decision, order, close and what the logs say of them, nothing else."""
    found = shown(story, capsys, LogWish(id=word))
    assert [each["event"] for each in found if each["level"] == "audit"].count("order") == 2
    assert sorted(each["event"] for each in found) == ["attempt_unknown", "c", "decision", "decision", "order", "order"]
    assert OTHER.hex() not in json.dumps(found)


def test_a_story_does_not_grow_into_all_of_history(story: Path) -> None:
    """The close of an order belongs to it; what that signal opened besides does not, for that leads on for ever."""
    found = Story(story, "sid-one")
    assert set(found.ids) == {OPEN.hex(), CLOSE.hex()}
    assert set(Story(story, "sid-two").ids) == {CLOSE.hex()}


def test_a_store_that_cannot_be_read_is_said(story: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest of the story is told all the same."""
    (story / "router-1.db").write_bytes(b"no database" * 500)
    assert show_logs(None, story, LogWish(id="sid-one")) == 0
    told = capsys.readouterr()
    assert "left out: " in told.err
    assert "decision" in told.out


# following


@contextmanager
def following(state: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """``mesh logs --follow`` into a pipe; it has shown what was there."""
    words = [sys.executable, "-m", "nodes.io.cli", "logs", "--follow", "--lines", "1", "--state", str(state)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert b"(again 7 times" in process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_follow_goes_through_a_turn_and_ends_with_ctrl_c(state: Path) -> None:
    """What comes is shown at once, from the new file too; Ctrl-C is its good end."""
    path = state / "log" / "local-1.log"
    with following(state) as process:
        assert process.stdout is not None
        with path.open("a") as file:
            file.write(line(10, "local-1", "before"))
        assert b"before" in process.stdout.readline()
        path.replace(path.with_name("local-1.log.1"))
        path.write_text(line(11, "local-1", "after"))
        assert b"after" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.skipif(not hasattr(select, "poll"), reason="platform: it does not tell that a reader has gone")
def test_follow_ends_when_its_reader_has_gone(state: Path) -> None:
    """``mesh logs -f | head -1`` ends, though no further line ever comes."""
    with following(state) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_reader_that_leaves_in_the_middle_is_no_error(state: Path) -> None:
    """``mesh logs | head -1`` of a long log."""
    with (state / "log" / "local-1.log").open("a") as file:
        file.write(line(9, "local-1", "busy", text="x" * 200) * 5_000)
    words = f"{sys.executable} -m nodes.io.cli logs --lines 0 --state {state} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)
