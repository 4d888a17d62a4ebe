"""``mesh audit``: a line for each store, the first bad record named, and records that people can read."""

import json
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console

from mesh.audit import AUDITED
from mesh.codec import encode
from mesh.core import Put
from mesh.errors import BadConfig, BadUsage
from mesh.io.store import create
from mesh.messages.outcomes import Outcome, Stamps
from nodes.io.cli import auditing
from nodes.io.cli.auditing import RECORDS, show_audit, verify_audits
from nodes.master.state import EpochRecord
from nodes.stops import KILL_ITEM, LATCHED_ROW
from tests.revisionitems import change, id_of, in_force, with_rails
from tests.stopitems import signed

OUTCOME = Outcome(
    "one", 1, 1, 1, b"o" * 16, "s1", "swing", "open", "OPEN", "FILLED", True, "open", "", "EURUSD",
    1, 10, 110, 0, 5, 6, 7, 0, 1, 1, Stamps(),
)  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A master and a local with some history."""
    master = create(tmp_path / "master-1.db", "demo", "master-1", "master")
    master.commit([Put("epoch", b"", encode(EpochRecord(42, 7)))])
    master.close()
    local = create(tmp_path / "local-1.db", "demo", "local-1", "local")
    local.commit([Put("outcome", b"\1", encode(OUTCOME)), Put("stop", b"\2", b"no message")])
    local.close()
    return tmp_path


def test_every_audited_kind_can_be_read() -> None:
    """A kind that is declared history has a record type here."""
    assert set(RECORDS) | {KILL_ITEM, LATCHED_ROW} == {kind for kinds in AUDITED.values() for kind in kinds}


def test_verify_says_a_line_for_each(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; records, the whole hash of the head and the verdict, by name."""
    assert verify_audits(None, state, []) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in told[1:]] == [["local-1", "3"], ["master-1", "2"]]
    assert all(line.rstrip().endswith("✓ ok") and len(line.split()[2]) == 64 for line in told[1:])


def test_verify_names_the_first_bad_record(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, the record, its kind, key and time, and what to do; other stores are looked at all the same."""
    database = sqlite3.connect(state / "local-1.db")
    database.execute("UPDATE audit SET record = x'00' WHERE seq = 2")
    database.commit()
    database.close()
    (state / "router-1.db").write_bytes(b"no database" * 500)
    assert verify_audits(None, state, []) == 1
    told = capsys.readouterr().out
    assert "local-1: record 2 (outcome 01, 20" in told
    assert "is the first bad one" in told
    assert "put the store back from a backup" in told
    assert "router-1.db is damaged" in told
    assert "✓ ok" in told


def test_verify_of_named_nodes(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Only those; one that has no store is bad; a directory without any is a wrong word."""
    assert verify_audits(None, state, ["master-1"]) == 0
    assert "local-1" not in capsys.readouterr().out
    assert verify_audits(None, state, ["master-2"]) == 1
    with pytest.raises(BadUsage, match="there is no store in it"):
        verify_audits(None, state / "none", [])


def test_show(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Records in words, oldest first; of one kind; from a time on; what this program cannot read in hex."""
    assert show_audit(None, state, "local-1", "", "", as_json=False) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in told[1:]] == ["genesis", "outcome", "stop"]
    assert "code=FILLED final=True" in told[2]
    assert told[3].split()[3] == b"no message".hex()
    show_audit(None, state, "master-1", "2026-01-05", "epoch", as_json=True)
    (epoch,) = json.loads(capsys.readouterr().out)
    assert (epoch["seq"], epoch["kind"], epoch["record"]["e"]) == ("2", "epoch", "42")
    show_audit(None, state, "master-1", "2999-01-01T00:00", "", as_json=True)
    assert json.loads(capsys.readouterr().out) == []


def test_live_change_is_read_as_a_stop_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Which change from where to where, why and by whom, what it sets last; then what put it in force."""
    revision = change(with_rails(5), with_rails(3))
    router = create(tmp_path / "router-1.db", "demo", "router-1", "router")
    router.commit([Put(KILL_ITEM, bytes([at]), signed(item)) for at, item in enumerate((revision, in_force(revision)))])
    router.close()
    assert show_audit(None, tmp_path, "router-1", "", KILL_ITEM, as_json=False) == 0
    _, changed, put = capsys.readouterr().out.splitlines()
    assert f"number=1 before={revision.before} after={revision.after} reason=narrower by=ann@desk" in changed
    named = f"{id_of(revision).hex()[:16]}…"
    assert f"type=Revision id={named} issuer=operator" in changed
    assert f"issuer=operator nonce=1 issued_ns=6 revision={named} reason=narrower" in put, "by the id that the change's row has"
    show_audit(None, tmp_path, "router-1", "", KILL_ITEM, as_json=True)
    told = json.loads(capsys.readouterr().out)[0]["record"]
    assert told["patch"] == '[[[["rails","positions_count"],3]],[]]'


def test_words_that_are_wrong(state: Path) -> None:
    """A time that is none, and a node without a store here: told with what is allowed."""
    with pytest.raises(BadUsage, match="--since yesterday: so long ago"):
        show_audit(None, state, "local-1", "yesterday", "", as_json=False)
    with pytest.raises(BadConfig, match=r"nobody-1\.db is missing"):
        show_audit(None, state, "nobody-1", "", "", as_json=False)


def test_since_is_said_as_of_logs(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So long ago, too: of records, and of the heads that count."""
    assert show_audit(None, state, "local-1", "1h", "", as_json=True) == 0
    assert len(json.loads(capsys.readouterr().out)) == 3
    assert verify_audits(None, state, [], since="2h") == 0


def test_tables_fit_eighty_columns(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash goes first; names, counts, times and verdicts stay whole, and a record has one line."""
    monkeypatch.setattr(auditing, "console", lambda: Console(width=80, highlight=False))
    assert verify_audits(None, state, []) == 0
    heading, *lines = (line.rstrip() for line in capsys.readouterr().out.splitlines())
    assert heading.split() == ["node", "records", "last", "record", "others", "keep", "to", "verdict"]
    assert [(*line.split()[:2], line.split()[-1]) for line in lines] == [("local-1", "3", "ok"), ("master-1", "2", "ok")]
    assert show_audit(None, state, "local-1", "", "", as_json=False) == 0
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line.split()[2] for line in shown[1:]] == ["genesis", "outcome", "stop"]
    assert all(len(line) <= 80 for line in shown)
