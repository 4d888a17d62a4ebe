"""``mesh resolve``: the order is shown, what it would be is asked first, a word is typed, and the local's answer decides."""

import json
from typing import Any

import pytest

from mesh.errors import BadUsage
from mesh.messages.control import Command, CommandAnswer
from mesh.units import E8
from nodes.io.cli import acting
from nodes.io.cli.resolves import resolve_order
from tests.nodes.io.cli.lostmesh import OID, LostMesh, order
from tests.nodes.local.fakevenue import PRICE_E8

NAME = f"{OID.hex()}@demo-1"


def resolve(said: str = "not-executed", ticket: str | None = None, **changes: Any) -> int:
    options: dict[str, Any] = {"order": NAME, "reason": "the broker says so", "dry_run": False, "yes": True} | changes
    return resolve_order(None, said=said, ticket=ticket, **options)


def mesh_of(monkeypatch: pytest.MonkeyPatch, preview: str, done: str) -> LostMesh:
    """A mesh whose local answers so."""
    mesh = LostMesh(monkeypatch)
    mesh.known["demo-1"] = [order(attempt=2)]

    def act(command: Command) -> list[CommandAnswer]:
        code = preview if command.dry_run else done
        return [CommandAnswer(command.id, "demo-1", code, "would_be=NOT_FOUND", 17, "EURUSD", E8 // 10, PRICE_E8, True)]

    mesh.act = act
    return mesh


def test_what_is_resolved_is_the_attempt_that_was_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Preview and act name order, attempt and ticket; each has an id of its own; the reason goes with it."""
    mesh = mesh_of(monkeypatch, "PREVIEW", "FILLED")
    assert resolve("executed", "17") == 0
    preview, act = mesh.commands
    assert [(item.verb, item.scope, item.oid, item.attempt, item.ticket) for item in mesh.commands] == [
        ("resolve", "account:demo-1", OID, 2, 17)
    ] * 2
    assert (preview.dry_run, act.dry_run, act.reason) == (True, False, "the broker says so")
    assert preview.id != act.id
    out = capsys.readouterr().out
    assert out.index(f"{NAME}  OPEN buy") < out.index("✓ PREVIEW") < out.index("✓ FILLED")


def test_word_has_to_be_typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The ticket, or not-executed; anything else does nothing; without a terminal --yes is needed."""
    mesh = mesh_of(monkeypatch, "PREVIEW", "NOT_FOUND")
    monkeypatch.setattr(acting.sys.stdin, "isatty", lambda: True)
    for typed, code in (("y", 1), ("not-executed", 0)):
        monkeypatch.setattr("builtins.input", lambda _question, typed=typed: typed)
        assert resolve(yes=False) == code
    assert [command.dry_run for command in mesh.commands] == [True, True, False]
    assert "not done" in capsys.readouterr().out
    monkeypatch.setattr("builtins.input", lambda _question: "17")
    assert resolve("executed", "17", yes=False) == 0
    monkeypatch.setattr(acting.sys.stdin, "isatty", lambda: False)
    with pytest.raises(BadUsage, match="--yes, or --dry-run"):
        resolve(yes=False)


def test_refused_or_dry_it_ends_with_the_preview(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A ticket nothing bears out: exit 3; the same said before: 0; a dry run: 0."""
    mesh = mesh_of(monkeypatch, "NOT_PROVEN", "FILLED")
    assert resolve("executed", "17") == 3
    mesh.act = mesh_of(monkeypatch, "NOT_FOUND", "").act
    assert resolve() == 0
    mesh = mesh_of(monkeypatch, "PREVIEW", "FILLED")
    assert resolve(dry_run=True) == 0
    assert [command.dry_run for command in mesh.commands] == [True]
    assert "✗ NOT_PROVEN" in capsys.readouterr().out


def test_local_that_refuses_in_the_end_or_is_silent_did_not_do_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3 both times, each with what is known."""
    mesh_of(monkeypatch, "PREVIEW", "BAD_STATE")
    assert resolve() == 3
    mesh = LostMesh(monkeypatch)
    del mesh.known["demo-1"]
    assert resolve() == 3
    assert mesh.commands[0].attempt == 0
    out = capsys.readouterr().out
    assert f"{OID.hex()} is not on the list of demo-1 (local-1 was never seen; as master-1 believes it)" in out
    assert "✗ NO_ANSWER" in out


def test_json_is_one_document_of_all_of_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The order as it was, what it would be, what it is: 64-bit integers and decimals as text, times also ISO 8601; nobody is asked."""
    mesh = mesh_of(monkeypatch, "PREVIEW", "FILLED")
    assert resolve("executed", "17", as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    was, preview, answer = document.pop("was"), document.pop("preview"), document.pop("answer")
    assert document == {
        "format": 1, "order": NAME, "said": "executed", "ticket": "17", "reason": "the broker says so", "dry_run": False, "done": True,
        "said_by": "local-1", "why": "", "market_time": "2026-01-05T00:01:00.000000Z", "market_ns": "1767571260000000000",
    }  # fmt: skip
    assert (was["order"], was["attempt"]) == (NAME, "2")
    assert (was["since_ns"], was["since"]) == ("1767571200000000000", "2026-01-05T00:00:00.000000Z")
    assert (preview["code"], answer) == (
        "PREVIEW",
        {"code": "FILLED", "detail": "would_be=NOT_FOUND", "ticket": "17", "symbol": "EURUSD", "lots": "0.1", "price": "1.10000"},
    )
    assert [(command.dry_run, command.attempt) for command in mesh.commands] == [(True, 2), (False, 2)]


@pytest.mark.parametrize(
    ("preview", "done", "changes", "code", "is_done"),
    [
        ("PREVIEW", "FILLED", {"dry_run": True, "yes": False}, 0, False),
        ("PREVIEW", "BAD_STATE", {}, 3, False),
        ("NOT_PROVEN", "FILLED", {}, 3, False),
        ("NOT_FOUND", "", {}, 0, True),
    ],
)
def test_json_ends_as_the_words_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], preview: str, done: str, changes: dict[str, bool], code: int,
    is_done: bool,
) -> None:  # fmt: skip
    """Dry, refused in the end, refused at once, said before: the same exit codes and as many commands."""
    mesh = mesh_of(monkeypatch, preview, done)
    assert resolve(as_json=True, **changes) == code
    document = json.loads(capsys.readouterr().out)
    said = [document["preview"]["code"]] + ([document["answer"]["code"]] if document["answer"] else [])
    assert (document["done"], document["said"], document["ticket"]) == (is_done, "not-executed", "0")
    sent_count = len(mesh.commands)
    assert said == [preview, done][:sent_count]
    assert resolve(**changes) == code
    assert len(mesh.commands) == 2 * sent_count


def test_json_of_an_order_that_is_not_on_the_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing it was, and who did not answer is said."""
    mesh = LostMesh(monkeypatch)
    del mesh.known["demo-1"]
    assert resolve(as_json=True) == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["was"], document["answer"], document["preview"]["code"]) == (None, None, "NO_ANSWER")
    assert document["why"] == "local-1 was never seen; as master-1 believes it"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"order": f"{OID.hex()}@nobody"}, "OID@ACCOUNT is expected"),
        ({"order": "abc@demo-1"}, "OID@ACCOUNT is expected"),
        ({"order": OID.hex()}, "OID@ACCOUNT is expected"),
        ({"said": "executed"}, "`executed TICKET`"),
        ({"said": "executed", "ticket": "0"}, "`executed TICKET`"),
        ({"said": "executed", "ticket": "x"}, "`executed TICKET`"),
        ({"said": "not-executed", "ticket": "5"}, "`executed TICKET`"),
        ({"said": "maybe"}, "maybe: `executed TICKET`"),
        ({"reason": "  "}, "--reason: say how you know"),
        ({"reason": "x" * 201}, "--reason: it has 201 characters, at most 200 are kept"),
        ({"reason": "a\nb\x1b[31m"}, r"--reason a\\nb\\x1b\[31m: character 2 is \\n: control characters"),
        ({"as_json": True, "yes": False}, "--json: nobody is asked.*--yes, or --dry-run"),
    ],
)
def test_wrong_words_are_usage(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], words: str) -> None:
    """Said before anybody is asked."""
    mesh = LostMesh(monkeypatch)
    with pytest.raises(BadUsage, match=words):
        resolve(**changes)
    assert mesh.client.sent == []
