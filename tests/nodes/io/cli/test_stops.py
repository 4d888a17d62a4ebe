"""``mesh kill`` and its family: what they send, what they say, and with what they end."""

import json
from pathlib import Path
from typing import Any

import pytest

from mesh.codec import encode
from mesh.drawnkeys import DrawnKeys
from mesh.errors import BadUsage
from mesh.keyring import Verified
from mesh.killset import item_of
from mesh.messages.base import Msg
from mesh.messages.control import (
    CANCELLED,
    FLAT,
    GENESIS,
    LATCHED,
    TAKEN,
    Drill,
    Drilled,
    Entry,
    GrantedLife,
    Held,
    Latched,
    OperatorHello,
    Signed,
    StopAnswer,
    Undo,
)
from mesh.stopset import UNKNOWN_LEVEL
from nodes.io.cli import drills, stops, tables
from nodes.io.cli import entries as entries_file
from nodes.io.cli.drills import drill
from nodes.io.cli.entries import entries
from nodes.io.cli.stops import Wish, arm, kill, resume, stop_scope
from tests.nodes.io.cli.fakeclient import FakeClient
from tests.nodes.io.cli.frontrig import CONFIG

KEYS = DrawnKeys(CONFIG)
SIGNER = KEYS.signer("operator")
YES = Wish(yes=True, reason="news")


class Mesh:
    """Routers that take every stop; locals that come as far as ``stage``, but the ``silent`` ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *silent: str, stage: str = LATCHED, refused: str = "") -> None:
        self.silent = silent
        self.stage = stage
        self.refused = refused
        self.client: Any = FakeClient(CONFIG, self.answer)
        for module in (stops, entries_file):
            self.client.is_attached_by(module, monkeypatch)
        for module in (stops, drills):
            monkeypatch.setattr(module, "Client", lambda _config: self.client)
            monkeypatch.setattr(module, "signer_of", lambda _wish: (CONFIG, SIGNER))

    def answer(self, node: str, message: Msg) -> list[Msg]:
        """What a router or the master says."""
        signed = message.signed if isinstance(message, Drill) else message
        if not isinstance(signed, Signed):
            assert isinstance(message, OperatorHello)
            return []
        assert isinstance(KEYS.keyring.verify_untrusted(encode(signed), isinstance(message, Drill)), Verified)
        key, item = item_of(encode(signed))
        if self.refused:
            return [StopAnswer(key, node, self.refused, "issuer=operator")]
        if node == "master-1":
            return [StopAnswer(key, node, TAKEN, "")]
        granted = [GrantedLife(account, 1, 100) for account in CONFIG.account]
        answers: list[Msg] = [StopAnswer(key, node, TAKEN, "", 0, 1, 60_000, granted)]
        for account in CONFIG.account:
            if account not in self.silent and node == "router-1":
                held = [Held(key, self.stage, 1, 2, "left=2")] if isinstance(item, Entry) else []
                latched = Latched(account, 1, "FREEZE", [key], [], 1, held)
                answers.append(Drilled(account, latched) if isinstance(message, Drill) else latched)
        return answers

    def items(self) -> list[Entry | Undo]:
        """Each stop that was sent, once."""
        found = {item_of(encode(message))[0]: item_of(encode(message))[1] for _, message in self.client.sent if isinstance(message, Signed)}
        return list(found.values())

    def show(self, entry: Entry) -> bytes:
        """A stop that binds already; its id."""
        raw = SIGNER.sign(entry)
        self.client.view.stops[raw] = entry
        return item_of(raw)[0]


def test_kill_freezes_everything_without_a_question(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One entry over everything, to every router and the master; a line for each account and the sum; exit 0."""
    mesh = Mesh(monkeypatch)
    assert kill(Wish()) == 0
    out = capsys.readouterr().out
    for account in CONFIG.account:
        assert f"CONFIRMED      {account}  FREEZE all LATCHED after" in out
        assert "2 positions, 1 pending orders stay" in out
    assert "4 of 4 accounts confirmed" in out
    assert "latched        4 accounts  p50" in out
    (entry,) = mesh.items()
    assert isinstance(entry, Entry)
    assert (entry.issuer, entry.level, entry.scope, entry.reason) == ("operator", "FREEZE", "all", "")
    assert {node for node, message in mesh.client.sent if isinstance(message, Signed)} == {"router-1", "router-2", "master-1"}


def test_account_that_does_not_confirm_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3; it is sent again until the time is over."""
    mesh = Mesh(monkeypatch, "demo-2")
    assert kill(Wish(limit_s=2)) == 3
    out = capsys.readouterr().out
    assert "NOT CONFIRMED  demo-2  no LATCHED\n" in out
    assert "3 of 4 accounts confirmed" in out
    assert len([message for node, message in mesh.client.sent if isinstance(message, Signed) and node == "router-1"]) >= 3


def test_refusal_is_told_with_its_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A key the nodes do not believe stops nothing, and every node says so."""
    Mesh(monkeypatch, refused="NOT_ALLOWED")
    assert kill(Wish(limit_s=1)) == 3
    out = capsys.readouterr().out
    for node in ("router-1", "router-2", "master-1"):
        assert f"refused        {node}  NOT_ALLOWED issuer=operator" in out
    assert "0 of 4 accounts confirmed" in out


@pytest.mark.parametrize(
    ("level", "stage", "wait", "code"),
    [
        ("FREEZE", LATCHED, "", 0),
        ("CANCEL", LATCHED, "", 3),
        ("CANCEL", LATCHED, "latched", 0),
        ("CANCEL", CANCELLED, "", 0),
        ("FLATTEN", CANCELLED, "", 3),
        ("FLATTEN", CANCELLED, "cancelled", 0),
        ("FLATTEN", FLAT, "", 0),
    ],
)
def test_each_level_waits_for_what_it_promises(
    level: str, stage: str, wait: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Or for less, where that is said."""
    Mesh(monkeypatch, stage=stage)
    assert stop_scope(level, "all", Wish(yes=True, stage=wait, limit_s=1)) == code
    if code:
        assert f"NOT CONFIRMED  demo-1  {stage}, not" in capsys.readouterr().out


def test_wait_for_more_than_a_level_does_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A freeze never comes to flat."""
    Mesh(monkeypatch)
    with pytest.raises(BadUsage, match="--wait flat: FREEZE comes to latched"):
        stop_scope("FREEZE", "all", Wish(yes=True, stage="flat"))


def test_json_is_one_document(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Everything that people are told, for programs."""
    Mesh(monkeypatch, "demo-2")
    assert stop_scope("FREEZE", "account:demo-1", Wish(yes=True, as_json=True, reason="calm")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["level"], told["scope"], told["issuer"], told["reason"], told["confirmed"]) == (
        "FREEZE", "account:demo-1", "operator", "calm", True,
    )  # fmt: skip
    (account,) = told["accounts"]
    assert (account["account"], account["confirmed"], account["stage"], account["positions"]) == ("demo-1", True, LATCHED, 2)
    assert set(told["times"]["latched"]) == {"accounts", "p50_ms", "p99_ms", "max_ms"}


def test_symbol_is_stopped_by_the_name_that_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own name, however it was typed; one that nobody trades is refused before anything is sent."""
    mesh = Mesh(monkeypatch)
    assert stop_scope("FREEZE", "symbol:eurusd", YES) == 0
    (entry,) = mesh.items()
    assert isinstance(entry, Entry)
    assert entry.scope == "symbol:EURUSD"
    with pytest.raises(BadUsage, match="nobody here trades NOSUCH; symbols: EURUSD"):
        stop_scope("FREEZE", "symbol:NOSUCH", YES)
    assert len(mesh.items()) == 1


def test_preview_touches_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What each account has, for people and for programs."""
    mesh = Mesh(monkeypatch)
    assert stop_scope("FLATTEN", "symbol:EURUSD", Wish(dry_run=True)) == 0
    told = capsys.readouterr()
    assert "FLATTEN symbol:EURUSD: no opens, pending orders are cancelled and positions closed" in told.out
    assert "demo-1: not seen" in told.out
    assert stop_scope("FLATTEN", "all", Wish(dry_run=True, as_json=True)) == 0
    assert json.loads(capsys.readouterr().out)["accounts"][0] == {
        "account": "demo-1", "positions": None, "foreign": None, "pending_orders": None,
    }  # fmt: skip
    assert mesh.items() == []


def test_resume_ends_the_stops_of_exactly_its_scope(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What still holds is listed; the undo names the rest."""
    mesh = Mesh(monkeypatch)
    ending = mesh.show(Entry("operator", 1, 1, "FREEZE", "all", "why", "ann@desk"))
    mesh.show(Entry("operator", 2, 1, "FREEZE", "symbol:EURUSD", "why", "ann@desk"))
    assert resume("all", YES) == 0
    out = capsys.readouterr().out
    assert "ends: FREEZE all by ann@desk (why)" in out
    assert "stays: FREEZE symbol:EURUSD" in out
    assert "CONFIRMED      demo-1  resumed after" in out
    (undo,) = mesh.items()
    assert isinstance(undo, Undo)
    assert (undo.entries, undo.reason) == ([ending], "news")


def test_resume_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two stops of the same scope."""
    mesh = Mesh(monkeypatch)
    first = mesh.show(Entry("operator", 1, 1, "FREEZE", "all", "why"))
    mesh.show(Entry("operator", 2, 1, "FREEZE", "all", "why"))
    assert resume(first.hex()[:12], YES) == 0
    (undo,) = mesh.items()
    assert isinstance(undo, Undo)
    assert undo.entries == [first]


def test_stop_of_a_newer_version_binds_and_is_not_ended_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It is in the word of the ladder, in the table and in the list; nobody lets trade again what he does not know the reach of."""
    mesh = Mesh(monkeypatch)
    mesh.show(Entry("operator", 1, 1, "HALF", "all", "why"))
    known = mesh.show(Entry("operator", 2, 1, "FREEZE", "account:demo-1", "why"))
    assert tables.mesh_state(mesh.client.view) == f"{UNKNOWN_LEVEL}+"
    assert [row["level"] for row in tables.stop_rows(mesh.client.view)] == [UNKNOWN_LEVEL, "FREEZE"]
    with pytest.raises(BadUsage, match="its level HALF is of a newer version"):
        resume("all", YES)
    assert mesh.items() == []
    assert f"ends: {UNKNOWN_LEVEL} all" in capsys.readouterr().out
    assert resume(known.hex()[:12], YES) == 0


def test_resume_needs_a_reason_and_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either nothing is sent."""
    mesh = Mesh(monkeypatch)
    assert resume("all", YES) == 1
    with pytest.raises(BadUsage, match="--reason"):
        resume("all", Wish(yes=True, reason=" "))
    assert mesh.items() == []


def test_resume_of_an_account_that_is_gone_is_no_success_unless_somebody_took_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can confirm it; that no node was reached must not look like done."""
    mesh = Mesh(monkeypatch)
    gone = mesh.show(Entry("operator", 1, 1, "FREEZE", "account:retired", "why"))
    assert resume(gone.hex()[:12], YES) == 0
    mesh.client.queue = lambda node, *messages: mesh.client.unreached.append(node)
    assert resume(gone.hex()[:12], Wish(yes=True, reason="news", limit_s=1)) == 3
    assert "not reached    router-1" in capsys.readouterr().out


def test_more_stops_than_one_undo_can_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not some of them in silence."""
    mesh = Mesh(monkeypatch)
    for number in range(300):
        mesh.show(Entry("operator", number, 1, "FREEZE", "all", "why"))
    with pytest.raises(BadUsage, match="300 stops are meant, 256 can be ended at once"):
        resume("all", YES)
    assert mesh.items() == []


def test_arm_ends_what_a_new_account_begins_with_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's stop of the same account stays."""
    mesh = Mesh(monkeypatch)
    genesis = mesh.show(Entry("local-1", 1, 1, "FREEZE", "account:demo-1", f"{GENESIS} new account"))
    mesh.show(Entry("operator", 1, 1, "FREEZE", "account:demo-1", "why"))
    assert arm("demo-1", YES) == 0
    (undo,) = mesh.items()
    assert isinstance(undo, Undo)
    assert undo.entries == [genesis]
    assert arm("demo-2", YES) == 1


def test_entries_tell_who_and_how_far(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Live ones, and the ended ones where asked for."""
    mesh = Mesh(monkeypatch)
    assert entries(None, with_ended=False, as_json=False) == 0
    assert capsys.readouterr().out == "no stop binds\n"
    key = mesh.show(Entry("operator", 1, 1, "FLATTEN", "account:demo-1", "why", "ann@desk"))
    mesh.client.view.latched["demo-1"] = (1, Latched("demo-1", 1, "FLATTEN", [key], [], 1, [Held(key, CANCELLED, 0, 2, "left=2")]))
    assert entries(None, with_ended=False, as_json=True) == 0
    (row,) = json.loads(capsys.readouterr().out)["entries"]
    assert (row["id"], row["by"], row["accounts"][0]["stage"], row["accounts"][0]["detail"]) == (key.hex(), "ann@desk", CANCELLED, "left=2")
    mesh.client._now_ns += 90 * 10**9
    assert entries(None, with_ended=False, as_json=False) == 0
    assert "demo-1=CANCELLED(90s)" in capsys.readouterr().out, "an old word is shown as old"
    undo = Undo("operator", 2, 2, [key], "calm", "ben@desk")
    mesh.client.view.stops[SIGNER.sign(undo)] = undo
    assert entries(None, with_ended=False, as_json=False) == 0
    assert capsys.readouterr().out == "no stop binds\n"
    assert entries(None, with_ended=True, as_json=False) == 0
    assert "ben@desk: calm" in capsys.readouterr().out


def test_drill_measures_and_stops_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As many as asked for, every account each time; a limit that is passed ends it with 1."""
    mesh = Mesh(monkeypatch)
    assert drill(Wish(), 3, 0) == 0
    assert "drill: 3 times, 4 accounts: 12 of 12 latched" in capsys.readouterr().out
    assert mesh.items() == []
    assert drill(Wish(), 2, 0.001) == 1
    mesh.silent = ("demo-3",)
    assert drill(Wish(limit_s=1, as_json=True), 2, 0) == 3
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["missed"] == {"demo-3": 2}


def test_key_of_nobody_is_refused_before_anything_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says which names the inventory has."""
    from mesh.errors import BadConfig
    from nodes.io.keyfiles import operator_signer, write_private
    from nodes.io.keymaking import make_keys

    make_keys(CONFIG, tmp_path)
    write_private(tmp_path / "other.key")
    with pytest.raises(BadConfig, match=r"other\.key: inventory\.toml has no operator with this key; it has: operator"):
        operator_signer(CONFIG, tmp_path, tmp_path / "other.key")
