"""``mesh signal``: 0 only where every account it was meant for did it; volumes by hand are never bent."""

from typing import Any

import pytest

from mesh.config import parse
from mesh.errors import BadUsage, NoMesh
from mesh.messages.base import Msg
from mesh.messages.signals import Signal, SignalAnswer
from nodes.io.cli import manualsignal
from nodes.io.cli.manualsignal import send_signal
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient

CONFIG = parse(demo_text())


def line(account: str, code: str, detail: str = "") -> dict[str, Any]:
    told = {"account": account, "strategy": "manual", "leg": "open", "symbol": "EURUSD", "volume": "0.01", "price": "1.1"}
    return told | {"code": code, "detail": detail}


def mesh(monkeypatch: pytest.MonkeyPatch, code: str, text: str, lines: list[dict[str, Any]]) -> FakeClient:
    """A mesh that answers a signal so, and tells these lines of it."""

    def answer(_node: str, message: Msg) -> list[Msg]:
        return [SignalAnswer(message.sid, code, text)] if isinstance(message, Signal) and code else []

    monkeypatch.setattr(manualsignal, "ask_why", lambda client, master, sid: {"lines": lines})
    monkeypatch.setattr(manualsignal, "ANSWER_S", 0.01)
    client: Any = FakeClient(CONFIG, answer)
    client.pump = lambda limit_ms: []
    found: FakeClient = client.is_attached_by(manualsignal, monkeypatch)
    return found


def send(accounts: str = "demo-1,demo-2", word: str = "buy", volume: str | None = None, symbol: str = "EURUSD") -> int:
    return send_signal(None, symbol, word, accounts, volume, dry_run=False, yes=True)


@pytest.mark.parametrize(
    ("lines", "code", "says"),
    [
        ([line("demo-1", "FILLED"), line("demo-2", "PARTIAL")], 0, "demo-2   manual    open  EURUSD  0.01    1.1  ✓ PARTIAL"),
        ([line("demo-1", "FILLED"), line("demo-2", "FILLED_LATE", "late_ms=9")], 0, "✓ FILLED_LATE  late_ms=9"),
        ([line("demo-1", "FILLED"), line("demo-2", "DENIED", "POSITIONS [red]count=5")], 3, "✗ DENIED  POSITIONS [red]count=5"),
        ([line("demo-1", "KILLED", "LADDER"), line("demo-2", "KILLED", "LADDER")], 3, "✗ KILLED  LADDER"),
        ([line("demo-1", "FILLED"), line("demo-2", "WORKING")], 3, "✗ WORKING  not ended yet"),
        ([line("demo-1", "FILLED")], 3, "demo-2   -         -     EURUSD     -      -  ✗ ACCEPTED  no line of it is known yet"),
        ([line("demo-1", "CLOSED"), line("demo-1", "DENIED", "SPREAD"), line("demo-2", "FILLED")], 3, "✗ DENIED"),
    ],
)
def test_signal_says_who_did_it_and_who_did_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: list[dict[str, Any]], code: int, says: str
) -> None:
    """One row a line, one for each account without any; the sid leads to the whole story."""
    mesh(monkeypatch, "ACCEPTED", "", lines)
    assert send() == code
    out = capsys.readouterr().out
    assert says in out
    assert "the whole story: mesh why operator/" in out


def test_signal_that_is_refused_was_done_by_nobody(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each account with the code and its words; no answer at all is no mesh."""
    mesh(monkeypatch, "UNKNOWN_SYMBOL", "EURUSD: the market has [none]", [])
    assert send() == 3
    assert capsys.readouterr().out.count("✗ UNKNOWN_SYMBOL  EURUSD: the market has [none]") == 2
    mesh(monkeypatch, "", "", [])
    with pytest.raises(NoMesh, match=r"no answer to the signal .* mesh why operator/"):
        send()


@pytest.mark.parametrize(
    ("word", "volume", "says"),
    [
        ("up", None, "up: buy, sell, close are allowed"),
        ("buy", "0.013", "--volume=0.013 allowed=0.01..100 step=0.01 on demo-1, demo-2"),
        ("buy", "101", "--volume=101 allowed=0.01..100"),
        ("close", "0.01", "a close signal closes all of it; for a part: mesh close SCOPE --volume"),
    ],
)
def test_signal_that_cannot_be_is_never_sent(monkeypatch: pytest.MonkeyPatch, word: str, volume: str | None, says: str) -> None:
    """Exit 2, with what is allowed; no account trades a size nobody asked for."""
    client = mesh(monkeypatch, "ACCEPTED", "", [])
    with pytest.raises(BadUsage, match=says):
        send(word=word, volume=volume)
    with pytest.raises(BadUsage, match=r"symbol EUR\\x1bUSD: character 4 is \\x1b"):
        send(symbol="EUR\x1bUSD")
    assert client.sent == []
