"""What is printed: no words of the wire, of a store or of a file paint the terminal, whatever verb shows them."""

import ast
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesh.keyring import Signer
from mesh.killset import entry_id
from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.messages.control import Command, CommandAnswer, Held, Latched, Signed, StopAnswer
from mesh.messages.signals import Signal, SignalAnswer
from mesh.view import View
from nodes.io import cli
from nodes.io.cli import commands, manualsignal, stops
from nodes.io.cli import entries as entries_file
from nodes.io.cli.ask import story_tree
from nodes.io.cli.client import Client
from nodes.io.cli.commands import close_positions
from nodes.io.cli.entries import entries
from nodes.io.cli.grid import console
from nodes.io.cli.listing import LISTINGS, print_csv, print_rows
from nodes.io.cli.manualsignal import send_signal
from nodes.io.cli.operate import unready
from nodes.io.cli.plaintext import escaped, foreign_sign, say, say_json
from nodes.io.cli.reconciles import reconcile_account
from nodes.io.cli.resolves import resolve_order
from nodes.io.cli.screen import LineScreen
from nodes.io.cli.show import status_document, status_picture
from nodes.io.cli.stops import Wish, resume, stop_scope
from nodes.io.cli.summary import print_summary, summarise
from nodes.io.cli.unknowns import show_unknown
from nodes.io.cli.verify import Walk
from tests.nodes.io.cli.fakeclient import FakeClient
from tests.nodes.io.cli.frontrig import CONFIG, SIGNER, deal, health, outcome, pending, position, show, state, stop
from tests.nodes.io.cli.lostmesh import OID, LostMesh, order
from tests.nodes.io.cli.test_why import STORY
from tests.nodes.local.fakevenue import PRICE_E8

PAINT = "a\x1b[31mb\nc\r\x9b2J\x7f\u2028\u202e"
"""An escape, a new line, a return, C1's escape, a delete, a line separator, a turn of direction."""
SHOWN = r"a\x1b[31mb\nc\r\x9b2J\x7f\u2028\u202e"
NAME = f"{OID.hex()}@demo-1"


def assert_plain(capsys: pytest.CaptureFixture[str], count: int = 1) -> None:
    """Nothing but signs that can be printed came out, and the words, escaped, as often as said at least."""
    told = capsys.readouterr()
    both = told.out + told.err
    assert both.replace("\n", "").isprintable()
    assert both.count(SHOWN) >= count


def test_what_cannot_be_printed_is_escaped_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Words of any language stay as they are; a half of a character, of a command line that was no UTF-8, is shown too."""
    assert escaped(PAINT) == SHOWN
    assert escaped("größer 静か [sl 1.0921] ✓ \\n") == "größer 静か [sl 1.0921] ✓ \\n"
    assert escaped("\udce9") == r"\udce9"
    say(PAINT)
    say_json({"words": PAINT})
    out = capsys.readouterr().out
    assert out.splitlines()[0] == SHOWN
    assert out.replace("\n", "").isprintable()
    assert json.loads(out.partition("\n")[2]) == {"words": PAINT}


@pytest.mark.parametrize(
    ("text", "sign"), [("a\tb", "\t"), ("\x85", "\x85"), ("ab\u2029", "\u2029"), ("\udce9", "\udce9"), ("50\u00a0%", "")]
)
def test_sign_that_no_line_has_is_found(text: str, sign: str) -> None:
    """The first one; a space that does not break is one of a line."""
    assert foreign_sign(text) == sign


def test_no_verb_prints_by_itself() -> None:
    """Lines and documents go through this one module."""
    folder = Path(cli.__file__).parent
    printing = {
        path.name
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name) and node.id == "print"
    }
    assert printing == {"plaintext.py"}


def painted_mesh(client: Client) -> None:
    """Every text that others put into what a router shows."""
    facts = {"speed": PAINT, "waiting": PAINT, "lines": "1", "open_lines": "0", "states": "UNKNOWN=1", "played": "1"}
    painted: AccountState = state("demo-1", PAINT, positions=(position(symbol=PAINT, strategy=PAINT),), orders=[pending()])
    sick = msgspec.structs.replace(health("market-1", "market", facts), phase=PAINT[:6])
    entry = msgspec.structs.replace(stop(reason=PAINT), issuer=PAINT)
    show(client, painted, sick, entry, outcome(1, detail=PAINT, symbol=PAINT, sid=PAINT, code=PAINT), deal(9, comment=PAINT))


def test_pictures_and_lists_of_the_mesh_paint_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Status, positions, orders and deals (also as CSV, a line a row), the lines of ``mesh up``, ``wait-ready``, ``verify``."""
    with Client(CONFIG) as client:
        painted_mesh(client)
        console().print(status_picture(status_document(CONFIG, client), 4_000))
        assert_plain(capsys, 4)
        for listing in LISTINGS.values():
            rows = listing.rows(client.view, client.now_ns())
            print_rows(listing, rows)
            assert_plain(capsys)
            print_csv(rows)
            told = capsys.readouterr().out
            assert told.replace("\n", "").isprintable()
            assert len(list(csv.reader(io.StringIO(told)))) == 1 + len(rows) == told.count("\n")
        stream = io.StringIO()
        LineScreen(CONFIG, client, stream).update(1.0)
        assert SHOWN in stream.getvalue()
        assert stream.getvalue().replace("\n", "").isprintable()
        for word in unready(CONFIG, client):
            say(word)
        assert_plain(capsys)
        walk = Walk(client)
        walk.story = {"sid": PAINT, "lines": [STORY["lines"][0] | {"account": PAINT}]}
        for _, proof in walk.steps():
            say(proof())
        assert_plain(capsys)


def painted_answer(command: Command) -> list[CommandAnswer]:
    """A local that does it, in painted words."""
    code = "PREVIEW" if command.dry_run else "CLOSED"
    return [CommandAnswer(command.id, "demo-1", code, PAINT, 17, PAINT, 1, PRICE_E8, False),
            CommandAnswer(command.id, "demo-1", PAINT, PAINT, 17, PAINT, 1, PRICE_E8, True)]  # fmt: skip


def lost_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = LostMesh(monkeypatch)
    mesh.known["demo-1"] = [order(sid=PAINT, strategy=PAINT, symbol=PAINT, detail=PAINT)]
    del mesh.known["demo-2"]
    mesh.client.view.nodes["local-2"] = (0, msgspec.structs.replace(health("local-2", "local"), phase=PAINT))
    mesh.act = painted_answer


@pytest.mark.parametrize(
    "verb",
    [
        lambda: show_unknown(None, as_json=False),
        lambda: show_unknown(None, as_json=False, accounts=["demo-2"]),
        lambda: resolve_order(None, NAME, "not-executed", None, "calm", dry_run=True, yes=False),
        lambda: resolve_order(None, NAME.replace("-1", "-2"), "not-executed", None, "calm", dry_run=True, yes=False),
        lambda: reconcile_account(None, "demo-1", as_json=False),
        lambda: reconcile_account(None, "demo-2", as_json=False),
    ],
)  # fmt: skip
def test_verbs_about_what_nobody_knows_paint_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: Callable[[], int]
) -> None:
    """Sids, strategies, symbols and details of orders, what locals answer, what a silent one said last."""
    lost_mesh(monkeypatch)
    assert verb() in (0, 3)
    assert_plain(capsys)


def heard(client: Any, signer: Signer, limit_ms: int) -> list[tuple[str, Msg]]:
    """A node that refuses in painted words, and a local that says so what it waits for."""
    client._now_ns += limit_ms * 1_000_000
    sent = [message for _, message in client.sent if isinstance(message, Signed)]
    if not sent:
        return []
    key = entry_id(sent[-1].body)
    latched = Latched("demo-1", 1, "FLATTEN", [key], [], 1, [Held(key, "LATCHED", 1, 1, PAINT)])
    return [("master-1", StopAnswer(key, "master-1", "NOT_ALLOWED", PAINT)), ("router-1", latched)]


def test_verbs_that_act_paint_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Answers to a close, stops somebody else has set, a signal's answer and lines."""

    def answer(node: str, message: Msg) -> list[Msg]:
        if isinstance(message, Signal):
            return [SignalAnswer(message.sid, "ACCEPTED", PAINT)]
        return [*painted_answer(message)] if isinstance(message, Command) and node == "router-1" else []

    client: Any = FakeClient(CONFIG, answer)
    client.pump = lambda limit_ms: []
    for module in (commands, stops, entries_file, manualsignal):
        client.is_attached_by(module, monkeypatch)
    assert close_positions(None, "account:demo-1", None, False, dry_run=False, yes=True, reason="") == 3
    assert_plain(capsys, 4)
    entry = msgspec.structs.replace(stop("account:demo-1", PAINT), issuer=PAINT)
    client.view.stops[SIGNER.sign(entry)] = entry
    monkeypatch.setattr(stops, "signer_of", lambda _wish: (CONFIG, SIGNER))
    assert resume("account:demo-1", Wish(dry_run=True, reason="calm")) == 0
    assert_plain(capsys, 2)
    assert entries(None, with_ended=True, as_json=False) == 0
    assert_plain(capsys, 2)
    monkeypatch.setattr(stops, "Client", lambda _config: client)
    monkeypatch.setattr(client, "pump", lambda limit_ms: heard(client, SIGNER, limit_ms))
    assert stop_scope("FLATTEN", "account:demo-1", Wish(yes=True, reason="calm", limit_s=0.1)) == 3
    assert_plain(capsys, 2)
    painted = STORY["lines"][0] | {"account": "demo-1", "strategy": PAINT, "detail": PAINT}
    monkeypatch.setattr(manualsignal, "ask_why", lambda client, master, sid: {"lines": [painted]})
    assert send_signal(None, "EURUSD", "buy", "demo-1", None, dry_run=False, yes=True) == 0
    assert_plain(capsys, 3)


def test_story_and_summary_paint_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sid of any source, details of lines and acts; the last words of a process, a market's pace, codes."""
    line, act = STORY["lines"][0], STORY["acts"][0]
    painted = STORY | {
        "sid": PAINT,
        "answer": PAINT,
        "signal": STORY["signal"] | {"kind": PAINT},
        "lines": [line | {"detail": PAINT, "code": PAINT}],
        "acts": [act | {"detail": PAINT, "sid": f"manual/{PAINT}/1"}],
    }
    console().print(story_tree(painted))
    assert_plain(capsys, 7)
    document = summarise(CONFIG, tmp_path, View(), PAINT, {"local-1": PAINT})
    document |= {"speed": PAINT, "problem": PAINT}
    document["lines"] |= {"by_code": {PAINT: 1}, "by_reason": {PAINT: 1}, "states": {PAINT: 1}}
    print_summary(document, tmp_path / PAINT, None)
    assert_plain(capsys, 8)
