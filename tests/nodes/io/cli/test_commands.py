"""``mesh close`` and ``mesh modify``: what is sent, and what people are told of each account."""

from typing import Any

import pytest

from mesh.config import parse
from mesh.errors import BadUsage
from mesh.messages.base import Msg
from mesh.messages.control import Command, CommandAnswer
from mesh.units import E8
from nodes.io.cli import commands
from nodes.io.cli.commands import LEAVE, close_positions, modify_position
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient
from tests.nodes.local.fakevenue import PRICE_E8

CONFIG = parse(demo_text())
Result = tuple[str, str]


def client_of(monkeypatch: pytest.MonkeyPatch, preview: dict[str, Result], done: dict[str, Result]) -> FakeClient:
    """A mesh whose locals answer so, by account; who is not named stays silent."""

    def answer(node: str, message: Msg) -> list[Msg]:
        assert isinstance(message, Command)
        said = preview if message.dry_run else done
        return [
            CommandAnswer(message.id, account, code, detail, 17, "EURUSD", E8 // 100, PRICE_E8, True)
            for account, (code, detail) in said.items()
            if node == "router-1"
        ]

    return FakeClient(CONFIG, answer).is_attached_by(commands, monkeypatch)


def close(**changes: Any) -> int:
    options = {"scope": "all", "volume": None, "foreign": False, "dry_run": False, "yes": True, "reason": ""}
    return close_positions(None, **(options | changes))


def test_close_tells_who_did_it_and_who_did_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 3 where one did not; brackets of a broker are no markup; prices have their symbol's digits."""
    ours = dict.fromkeys(CONFIG.account, ("PREVIEW", "close buy"))
    client_of(monkeypatch, ours, ours | {"demo-1": ("CLOSED", ""), "demo-2": ("REJECTED", "retcode=10018 [red]closed[/]")})
    assert close() == 3
    out = capsys.readouterr().out.splitlines()
    assert "demo-1       17  EURUSD  0.01  1.10000  ✓ CLOSED" in "\n".join(out)
    assert any("demo-2" in line and "✗ REJECTED  retcode=10018 [red]closed[/]" in line for line in out)


def test_what_turned_up_late_was_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """FILLED_LATE is an execution."""
    ours = dict.fromkeys(CONFIG.account, ("PREVIEW", "close buy"))
    client_of(monkeypatch, ours, dict.fromkeys(CONFIG.account, ("FILLED_LATE", "late_ms=9")))
    assert close() == 0
    assert "✓ FILLED_LATE  late_ms=9" in capsys.readouterr().out


def test_account_that_does_not_answer_did_not_do_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """NO_ANSWER with what is known of its local."""
    client_of(monkeypatch, {"demo-1": ("PREVIEW", "")}, {"demo-1": ("CLOSED", "")})
    assert close() == 3
    assert "✗ NO_ANSWER  local-2 was never seen" in capsys.readouterr().out


def test_nothing_is_done_without_anything_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Only refusals in the preview: no command follows; a dry run ends there in any case."""
    refused = dict.fromkeys(CONFIG.account, ("BAD_VOLUME", "volume=0.013 allowed=0.01..0.1 step=0.01"))
    client = client_of(monkeypatch, refused, {})
    assert close(volume="0.013") == 3
    assert "nothing to do" in capsys.readouterr().out
    assert all(command.dry_run and command.volume_e8 == 1_300_000 for _, command in client.sent)  # type: ignore[attr-defined]
    client = client_of(monkeypatch, dict.fromkeys(CONFIG.account, ("PREVIEW", "")), {})
    assert close(dry_run=True) == 0
    assert len(client.sent) == 2


def test_modify_sends_the_levels_given_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """To every router, as one command with one id."""
    said = {"demo-1": ("PREVIEW", "")}
    client = client_of(monkeypatch, said, {"demo-1": ("MODIFIED", "sl=1.09000")})
    assert modify_position(None, "demo-1:17", "1.09", None, dry_run=False, yes=True) == 0
    sent = [command for _, command in client.sent if isinstance(command, Command) and not command.dry_run]
    assert [(command.scope, command.sl_e8, command.tp_e8) for command in sent] == [("demo-1:17", 109_000_000, LEAVE)] * 2
    assert len({command.id for command in sent}) == 1
    with pytest.raises(BadUsage, match="nothing to change"):
        modify_position(None, "demo-1:17", None, None, dry_run=False, yes=True)


def test_reason_too_long_for_the_wire_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A router would drop such a command unread."""
    client = client_of(monkeypatch, {}, {})
    with pytest.raises(BadUsage, match="--reason: it has 600 characters"):
        close(reason="x" * 600)
    assert client.sent == []
