"""``mesh test-trade``: done is opened and closed, and the story is named once; what stays open is told loudly."""

from typing import Any

import pytest

from mesh.config import parse
from mesh.errors import BadUsage
from mesh.messages.base import Msg
from mesh.messages.control import Command, CommandAnswer
from mesh.messages.signals import Signal, SignalAnswer
from mesh.units import E8
from nodes.io.cli import manualsignal, testtrade
from nodes.io.cli.testtrade import make_test_trade
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient
from tests.nodes.local.fakevenue import PRICE_E8

CONFIG = parse(demo_text())
OPENED = {"account": "demo-1", "strategy": "manual", "leg": "open", "symbol": "EURUSD", "volume": "0.01", "price": "1.1"} | {
    "code": "FILLED", "detail": "", "position_ticket": "17"
}  # fmt: skip


def mesh(monkeypatch: pytest.MonkeyPatch, line: dict[str, Any], closed: str = "CLOSED") -> FakeClient:
    """A mesh where a signal becomes such a line, and whose locals answer a command so."""

    def answer(node: str, message: Msg) -> list[Msg]:
        if isinstance(message, Signal):
            return [SignalAnswer(message.sid, "ACCEPTED", "")]
        if isinstance(message, Command) and node == "router-1":
            return [CommandAnswer(message.id, "demo-1", closed, "", 17, "EURUSD", E8 // 100, PRICE_E8, True)]
        return []

    monkeypatch.setattr(manualsignal, "ask_why", lambda client, master, sid: {"lines": [line]})
    monkeypatch.setattr(manualsignal, "ANSWER_S", 0.01)
    monkeypatch.setattr(testtrade, "SHOWN_S", 0.0)
    return FakeClient(CONFIG, answer).is_attached_by(testtrade, monkeypatch)


def trade(account: str = "demo-1", dry_run: bool = False) -> int:
    return make_test_trade(None, account, "EURUSD", dry_run, True)


def test_opened_and_closed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The least there is, and no more than that is closed; where the whole story is stands there once."""
    client = mesh(monkeypatch, OPENED)
    assert trade() == 0
    (signal,) = [message for _, message in client.sent if isinstance(message, Signal)]
    assert (signal.accounts, signal.volume_e8) == (["demo-1"], E8 // 100)
    assert {(each.scope, each.volume_e8) for _, each in client.sent if isinstance(each, Command)} == {("demo-1:17", E8 // 100)}
    out = capsys.readouterr().out
    assert out.count("the whole story") == 1
    assert out.splitlines()[-1] == "opened and closed"


def test_what_stays_open_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With its ticket and the command that closes it: exit 3."""
    mesh(monkeypatch, OPENED, closed="REJECTED")
    assert trade() == 3
    assert "STILL OPEN: 0.01 lots, position 17 of demo-1. Close it: mesh close demo-1:17" in capsys.readouterr().out


@pytest.mark.parametrize(("code", "says"), [("DENIED", "not done: nothing was opened"), ("WORKING", "not known yet: look at mesh why")])
def test_nothing_is_closed_where_nothing_was_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: str, says: str
) -> None:
    """Exit 3 with what is known; no command is sent."""
    client = mesh(monkeypatch, OPENED | {"code": code})
    assert trade() == 3
    assert says in capsys.readouterr().out
    assert not [message for _, message in client.sent if isinstance(message, Command)]


def test_dry_run_and_wrong_words_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is none here is told with those there are."""
    client = mesh(monkeypatch, OPENED)
    assert trade(dry_run=True) == 0
    with pytest.raises(BadUsage, match=r"nobody: no account of this configuration; there are demo-1, "):
        trade("nobody")
    assert client.sent == []
