"""``mesh unknown``: the locals' truth, what the master believes where one does not answer, and who that is."""

import json

import pytest

from mesh.errors import BadUsage
from nodes.io.cli.unknowns import show_unknown
from tests.nodes.io.cli.lostmesh import CONFIG, OID, LostMesh, order


def test_nothing_unknown_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0: every account has answered."""
    mesh = LostMesh(monkeypatch)
    assert show_unknown(None, as_json=False) == 0
    assert capsys.readouterr().out == "no order whose result is unknown\n"
    assert [node for node, _ in mesh.client.sent] == ["router-1", "router-2", "master-1"]


def test_orders_are_told_by_code_with_what_they_block_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """UNKNOWN with its looks and the verb that resolves it, what the master holds UNCONFIRMED, NOT_FOUND apart; no markup of a broker's."""
    mesh = LostMesh(monkeypatch)
    mesh.known["demo-1"] = [order(), order(2, code="NOT_FOUND", blocks=False)]
    mesh.believed = {account: [] for account in CONFIG.account}
    mesh.believed["demo-1"] = [order(code="UNCONFIRMED"), order(3, code="UNKNOWN")]
    mesh.believed["demo-2"] = [order(4, code="UNCONFIRMED", blocks=False)]
    assert show_unknown(None, as_json=False) == 0
    out = capsys.readouterr().out
    assert out.index("UNKNOWN 1 ") < out.index("UNCONFIRMED 1 ") < out.index("NOT_FOUND 1 ")
    name = f"{OID.hex()}@demo-1"
    assert f"  {name}  OPEN buy 0.1 EURUSD  attempt 1\n" in out
    assert "(60.0 s ago, market time)  strategy reversion  sid demo/cci/EURUSD/1" in out
    assert "looked for 3 times, last 2026-01-05 00:00:01.000000 UTC  blocks opens of EURUSD on demo-1" in out
    assert "retcode=10012 [red]odd[/]" in out
    assert f"    mesh resolve {name} executed TICKET|not-executed --reason …\n" in out
    assert out.count("mesh resolve") == 1
    assert "@demo-2" in out
    assert bytes([0] * 15 + [3]).hex() not in out, "its local knows better"


def test_account_that_does_not_answer_is_named_with_what_the_master_believes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3; without the master nothing of it is known."""
    mesh = LostMesh(monkeypatch)
    del mesh.known["demo-2"]
    assert mesh.believed is not None
    mesh.believed["demo-2"] = [order(5)]
    assert show_unknown(None, as_json=False) == 3
    out = capsys.readouterr().out
    assert "@demo-2  OPEN buy" in out
    assert "NOT CONFIRMED  demo-2  local-2 was never seen; as master-1 believes it" in out
    mesh.believed = None
    assert show_unknown(None, as_json=False) == 3
    out = capsys.readouterr().out
    assert "NOT CONFIRMED  demo-2  local-2 was never seen; master-1 does not answer either" in out
    assert "NOT CONFIRMED  demo-1  master-1 does not answer: lines that are UNCONFIRMED are not known" in out
    assert "no order whose result is unknown among those that answered" in out


def test_only_the_newest_that_were_not_found_are_shown_to_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON has all, in their order, whatever order their parts came in."""
    mesh = LostMesh(monkeypatch)
    mesh.known["demo-1"] = [order(number, code="NOT_FOUND", blocks=False) for number in range(1, 31)]
    assert show_unknown(None, as_json=False) == 0
    out = capsys.readouterr().out
    assert out.count("@demo-1") == 20
    assert "and 10 older ones: --json has all" in out
    assert show_unknown(None, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    told = document["accounts"][0]
    assert [int(row["oid"], 16) for row in told["orders"]] == list(range(1, 31))
    assert (document["format"], told["account"], told["confirmed"], told["why"], told["said_by"]) == (1, "demo-1", True, "", "local-1")
    assert (told["market_time"], told["market_ns"]) == ("2026-01-05T00:01:00.000000Z", "1767571260000000000")


def test_only_the_accounts_that_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each once, in their order; another that is silent is not waited for and does not matter; one alone is asked alone."""
    mesh = LostMesh(monkeypatch)
    del mesh.known["demo-2"]
    mesh.known["demo-3"], mesh.known["demo-4"] = [order(3)], [order(4)]
    assert show_unknown(None, as_json=True, accounts=["demo-3", "demo-1", "demo-3"]) == 0
    told = json.loads(capsys.readouterr().out)["accounts"]
    assert [(item["account"], len(item["orders"])) for item in told] == [("demo-3", 1), ("demo-1", 0)]
    assert show_unknown(None, as_json=False, accounts=["demo-1"]) == 0
    assert capsys.readouterr().out == "no order whose result is unknown on demo-1\n"
    assert {message.scope for _, message in mesh.client.sent[:3]} == {"all"}
    assert {message.scope for _, message in mesh.client.sent[3:]} == {"account:demo-1"}
    assert show_unknown(None, as_json=False, accounts=["demo-2"]) == 3


def test_account_nobody_has_is_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said before anybody is asked, with the option, the value and those there are."""
    mesh = LostMesh(monkeypatch)
    with pytest.raises(BadUsage, match=r"^--account nobody: there is no such account; there are: demo-1, demo-2") as caught:
        show_unknown(None, as_json=False, accounts=["demo-1", "nobody"])
    assert caught.value.exit_code == 2
    assert mesh.client.sent == []


def test_json_has_long_numbers_as_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And times also as ISO 8601."""
    mesh = LostMesh(monkeypatch)
    mesh.known["demo-1"] = [order()]
    assert show_unknown(None, as_json=True) == 0
    (row,) = json.loads(capsys.readouterr().out)["accounts"][0]["orders"]
    assert row == {
        "order": f"{OID.hex()}@demo-1", "code": "UNKNOWN", "oid": OID.hex(), "account": "demo-1", "sid": "demo/cci/EURUSD/1",
        "strategy": "reversion", "leg": "open", "action": "OPEN", "symbol": "EURUSD", "side": "buy", "lots": "0.1", "attempt": "1",
        "since": "2026-01-05T00:00:00.000000Z", "since_ns": "1767571200000000000", "blocks": "opens of EURUSD", "look_count": "3",
        "looked": "2026-01-05T00:00:01.000000Z", "looked_ns": "1767571201000000000", "detail": "retcode=10012 [red]odd[/]",
    }  # fmt: skip
