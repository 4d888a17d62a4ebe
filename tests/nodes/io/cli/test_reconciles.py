"""``mesh reconcile``: what its local found, or the state as it was where it does not answer."""

import json

import pytest

from mesh.errors import BadUsage
from mesh.messages.control import Command, CommandAnswer
from mesh.units import E8
from nodes.io.cli.reconciles import reconcile_account
from tests.nodes.io.cli.fakeclient import health
from tests.nodes.io.cli.frontrig import position, state
from tests.nodes.io.cli.lostmesh import CONFIG, LostMesh, order
from tests.nodes.local.fakevenue import PRICE_E8


def mesh_of(monkeypatch: pytest.MonkeyPatch, *codes: str) -> LostMesh:
    """A mesh whose local finds this, the last the summary."""
    mesh = LostMesh(monkeypatch)

    def act(command: Command) -> list[CommandAnswer]:
        return [
            CommandAnswer(command.id, "demo-1", code, f"about {code}", 17, "EURUSD", E8 // 10, PRICE_E8, index == len(codes))
            for index, code in enumerate(codes, 1)
        ]

    mesh.act = act
    return mesh


def test_account_that_agrees_is_done(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0; one command, to the account alone."""
    mesh = mesh_of(monkeypatch, "FOREIGN", "AGREES")
    assert reconcile_account(None, "demo-1", as_json=False) == 0
    assert [(command.verb, command.scope) for command in mesh.commands] == [("reconcile", "account:demo-1")]
    out = capsys.readouterr().out
    assert "✓ FOREIGN" in out
    assert "✓ AGREES" in out


@pytest.mark.parametrize("last", ["DIFFERS", "NOT_READY", "BUSY"])
def test_what_does_not_agree_is_marked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], last: str) -> None:
    """Exit 3, and each difference on a line of its own."""
    mesh_of(monkeypatch, "FILLED", "DEAL_WITHOUT_RECORD", last)
    assert reconcile_account(None, "demo-1", as_json=False) == 3
    out = capsys.readouterr().out
    assert "✓ FILLED" in out
    assert "✗ DEAL_WITHOUT_RECORD  about DEAL_WITHOUT_RECORD" in out
    assert f"✗ {last}" in out


def test_local_that_does_not_answer_leaves_the_state_as_it_was(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What was told of the account last, and what the master believes of its lines."""
    mesh = LostMesh(monkeypatch)
    mesh.known = {}
    assert mesh.believed is not None
    mesh.believed["demo-1"] = [order()]
    assert reconcile_account(None, "demo-1", as_json=False) == 3
    assert "demo-1: no state of it was ever told" in capsys.readouterr().out
    mesh.client.view.accounts["demo-1"] = (1, state("demo-1", positions=(position(),), unknown_count=2))
    assert reconcile_account(None, "demo-1", as_json=False) == 3
    out = capsys.readouterr().out
    assert "✗ NO_ANSWER" in out
    assert "1 positions, 0 orders, 2 unknown results" in out
    assert "as master-1 believes it" in out


def test_json_has_every_finding_and_the_summary(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """64-bit integers and decimals as text."""
    mesh_of(monkeypatch, "VOLUME_DIFFERS", "DIFFERS")
    assert reconcile_account(None, "demo-1", as_json=True) == 3
    assert json.loads(capsys.readouterr().out) == {
        "format": 1, "account": "demo-1", "code": "DIFFERS", "agrees": False, "summary": "about DIFFERS",
        "findings": [
            {
                "code": "VOLUME_DIFFERS", "detail": "about VOLUME_DIFFERS", "ticket": "17", "symbol": "EURUSD", "lots": "0.1",
                "price": "1.10000",
            },
        ],
        "as_it_was": None,
    }  # fmt: skip


def test_json_of_a_local_that_does_not_answer_has_what_people_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The state as it was told last (nulls: never), and what the master believes; exit 3 as well."""
    mesh = LostMesh(monkeypatch)
    mesh.known = {}
    assert mesh.believed is not None
    mesh.believed["demo-1"] = [order()]
    assert reconcile_account(None, "demo-1", as_json=True) == 3
    was = json.loads(capsys.readouterr().out)["as_it_was"]
    assert (was["age_ms"], was["market_time"], was["market_ns"], was["positions"]) == (None, None, None, None)
    assert (was["list"]["said_by"], was["list"]["orders"][0]["code"]) == ("master-1", "UNKNOWN")
    mesh.client.view.accounts["demo-1"] = (1, state("demo-1", positions=(position(),), unknown_count=2))
    assert reconcile_account(None, "demo-1", as_json=True) == 3
    document = json.loads(capsys.readouterr().out)
    was = document["as_it_was"]
    assert (document["code"], document["agrees"], document["findings"]) == ("NO_ANSWER", False, [])
    assert (was["age_ms"], was["positions"], was["orders"], was["unknown"]) == (0, 1, 0, 2)
    assert (was["market_time"], was["market_ns"]) == ("2026-01-05T00:00:00.000000Z", "1767571200000000000")


@pytest.mark.parametrize("is_alive", [False, True])
def test_dead_local_is_not_waited_for_as_long_as_one_that_reads(monkeypatch: pytest.MonkeyPatch, is_alive: bool) -> None:
    """A minute for a long history, seconds for who is not there."""
    mesh = mesh_of(monkeypatch, "AGREES")
    if is_alive:
        mesh.client.view.nodes["local-1"] = (1, health(CONFIG, "local-1"))
    waited: list[float] = []
    wait_for = mesh.client.wait_for
    monkeypatch.setattr(mesh.client, "wait_for", lambda done, seconds: (waited.append(seconds), wait_for(done, seconds))[1])
    assert reconcile_account(None, "demo-1", as_json=False) == 0
    assert waited == [60.0 if is_alive else 5.0]


def test_account_nobody_has_is_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming those there are."""
    LostMesh(monkeypatch)
    with pytest.raises(BadUsage, match="nobody: there is no such account; there are: demo-1"):
        reconcile_account(None, "nobody", as_json=False)
