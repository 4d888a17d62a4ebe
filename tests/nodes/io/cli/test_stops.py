"""``mesh freeze`` and ``mesh resume``: each account's confirmation names what it confirms; who is silent is named."""

import pytest

from mesh.codec import encode
from mesh.config import parse
from mesh.errors import BadUsage
from mesh.killset import entry_id
from mesh.messages.base import Msg
from mesh.messages.control import Entry, Latched, Undo
from nodes.io.cli import stops
from nodes.io.cli.stops import freeze_scope, resume_scope
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient

CONFIG = parse(demo_text())


def mesh(monkeypatch: pytest.MonkeyPatch, *silent: str) -> FakeClient:
    """A mesh whose locals confirm at once, but the silent ones; no account is frozen as a whole."""

    def latched(node: str, message: Msg) -> list[Msg]:
        key = entry_id(encode(message))
        return [Latched(account, 1, "ACTIVE", [key], []) for account in CONFIG.account if account not in silent and node == "router-1"]

    return FakeClient(CONFIG, latched).is_attached_by(stops, monkeypatch)


def test_confirmation_names_the_level_and_scope_of_the_stop(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The account itself stays ACTIVE under a stop of one symbol: that word would mislead."""
    client = mesh(monkeypatch, "demo-2")
    assert freeze_scope(None, "symbol:EURUSD", dry_run=False, yes=True, reason="news") == 3
    out = capsys.readouterr().out
    assert "CONFIRMED      demo-1  FREEZE symbol:EURUSD after" in out
    assert "NOT CONFIRMED  demo-2  local-2 was never seen\n3 of 4 accounts confirmed" in out
    assert "ACTIVE" not in out
    assert [node for node, _ in client.sent] == ["router-1", "router-2", "master-1"]


def test_resume_ends_the_stops_of_exactly_its_scope(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What still holds is listed; the undo names the rest."""
    client = mesh(monkeypatch)
    for scope in ("all", "symbol:EURUSD"):
        entry = Entry("me@here", 1, 1, "FREEZE", scope, "why")
        client.view.stops[encode(entry)] = entry
    assert resume_scope(None, "all", "calm", dry_run=False, yes=True) == 0
    out = capsys.readouterr().out
    assert "ends: FREEZE all by me@here (why)" in out
    assert "stays: FREEZE symbol:EURUSD" in out
    assert "CONFIRMED      demo-1  all resumed after" in out
    undo = client.sent[0][1]
    assert isinstance(undo, Undo)
    assert undo.entries == [entry_id(encode(Entry("me@here", 1, 1, "FREEZE", "all", "why")))]


def test_stop_that_stops_nothing_is_said_before_the_question(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A symbol nobody trades, also in a dry run, which sends nothing; a resume needs its reason."""
    client = mesh(monkeypatch)
    assert freeze_scope(None, "symbol:NOSUCH", dry_run=True, yes=False, reason="") == 0
    assert "symbol:NOSUCH stops nothing this mesh trades; its symbols are EURUSD" in capsys.readouterr().err
    assert resume_scope(None, "all", "calm", dry_run=False, yes=True) == 1
    assert client.sent == []
    with pytest.raises(BadUsage, match="--reason"):
        resume_scope(None, "all", " ", dry_run=False, yes=True)


def test_reason_that_would_paint_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would stand in every table and log from then on."""
    client = mesh(monkeypatch)
    with pytest.raises(BadUsage, match=r"character 5 is \\x1b: control characters"):
        resume_scope(None, "all", reason="calm\x1b[2J", dry_run=False, yes=True)
    assert client.sent == []


def test_reason_too_long_for_the_wire_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router would drop such an undo unread, and nothing would be resumed."""
    client = mesh(monkeypatch)
    with pytest.raises(BadUsage, match="--reason: it has 600 characters"):
        resume_scope(None, "all", reason="x" * 600, dry_run=False, yes=True)
    assert client.sent == []


@pytest.mark.parametrize(("reason", "said"), [("calm\x1b[2J", r"calm\x1b[2J"), ("x" * 600, "x" * 200), ("two\nlines", r"two\nlines")])
def test_a_stop_goes_out_whatever_its_reason(monkeypatch: pytest.MonkeyPatch, reason: str, said: str) -> None:
    """Its words are escaped and cut: nobody who stops is sent back to say it otherwise."""
    client = mesh(monkeypatch)
    freeze_scope(None, "all", reason=reason, dry_run=False, yes=True)
    entries = [message for _, message in client.sent if isinstance(message, Entry)]
    assert entries
    assert {entry.reason for entry in entries} == {said}
