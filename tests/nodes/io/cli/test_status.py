"""``mesh status``: freshness, money by currency, lines that add up, and every live stop."""

import io
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from rich.console import Console

from mesh.config import configured
from nodes.io.cli.client import Client
from nodes.io.cli.show import attention_words, header_of, lines_words, status_document, status_picture
from nodes.io.cli.tables import pnl_by_currency
from tests.nodes.io.cli.frontrig import CONFIG, MARKET_NS, health, show, state, stop


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(CONFIG) as client:
        yield client


def printed(document: dict[str, Any], width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(status_picture(document, width))
    return out.getvalue()


def test_live_stops_are_listed_and_explained(client: Client) -> None:
    """How far, where, who, since when and why, what that level does and how it ends; also in the JSON."""
    show(client, state("demo-1"), stop())
    document = status_document(CONFIG, client)
    (row,) = document["stops"]
    assert {key: row[key] for key in ("level", "scope", "issuer", "since", "reason")} == {
        "level": "FREEZE", "scope": "account:demo-2", "issuer": "ann@desk", "since": "2026-01-05T00:00:00.000000Z",
        "reason": "looks [bold]odd[/bold]",
    }  # fmt: skip
    for width in (80, 160):
        text = " ".join(printed(document, width).split())
        assert "FREEZE account:demo-2 ann@desk 2026-01-05 00:00:00 looks [bold]odd[/bold]" in text
        assert "mesh resume SCOPE --reason" in text
        assert "FREEZE: no opens; closes and local management go on" in text


def test_without_stops_none_are_spoken_of(client: Client) -> None:
    """A calm mesh has a short status."""
    show(client, state("demo-1"))
    assert "stops that bind" not in printed(status_document(CONFIG, client), 80)


def test_amounts_of_two_currencies_are_never_added(client: Client) -> None:
    """One sum for each."""
    accounts = [("demo-1", "USD", 10_010), ("demo-2", "USD", 9_995), ("demo-3", "EUR", 9_990)]
    show(client, *(state(name, currency, equity) for name, currency, equity in accounts))
    assert pnl_by_currency(status_document(CONFIG, client)["accounts"]) == {"USD": "5.00", "EUR": "-10.00"}


def test_every_line_that_ended_has_an_outcome_whoever_ended_it() -> None:
    """Lines decided = outcomes + states: what the master denied is an outcome too."""
    assert lines_words({"lines": "41", "open_lines": "2"}) == "line 41  outcome 39"
    assert lines_words({}) == "line 0  outcome 0"


def test_lines_somebody_should_look_at_are_counted(client: Client) -> None:
    """UNKNOWN by account, and what a stop refused; nothing where there is nothing."""
    facts = {"codes": "FILLED=3 KILLED=2", "states": "WORKING=1 UNKNOWN=1 UNCONFIRMED=0"}
    show(client, health("master-1", "master", facts), state("demo-2", unknown_count=1))
    assert attention_words(status_document(CONFIG, client)) == "lines to look at: UNKNOWN 1  KILLED 2; UNKNOWN now on demo-2 1"
    show(client, health("master-1", "master", {"codes": "FILLED=3", "states": "UNKNOWN=0"}), state("demo-2", number=2))
    assert attention_words(status_document(CONFIG, client)) == ""


def test_eighty_columns_are_enough(client: Client) -> None:
    """One row a node, one an account, each with its age."""
    show(client, health("local-1", "local", order_count=5, outcome_count=5), *(state(name, equity=99_999) for name in CONFIG.account))
    lines = [line.rstrip() for line in printed(status_document(CONFIG, client), 80).splitlines()]
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith(tuple(CONFIG.account)) for line in lines) == len(CONFIG.account)
    assert sum(line.startswith(tuple(CONFIG.node)) for line in lines) == len(CONFIG.node)
    assert "…" not in "\n".join(line for line in lines if line.startswith("demo-")), "no number is cut"


def test_a_node_that_is_down_is_not_fresh(client: Client) -> None:
    """Its supervisor's listener is heard in its place: the word, its mark and how it ended, here and for programs."""
    down = msgspec.structs.replace(health("local-1", "local", {"ended": "exit status 78 (no key)"}), phase="FATAL")
    show(client, down, health("master-1", "master"))
    document = status_document(CONFIG, client)
    rows = {row["name"]: row["state"] for row in document["nodes"]}
    assert (rows["local-1"], rows["master-1"]) == ("down", "fresh")
    (line,) = [line for line in printed(document, 120).splitlines() if line.startswith("local-1")]
    assert "✗ down" in line
    assert "exit status 78 (no key)" in line
    assert "fresh" not in line


def test_market_that_cannot_go_on_says_what_it_waits_for(client: Client) -> None:
    """In the line that is never left out: not seen, not begun and why, begun and lost its terminal."""
    show(client, state("demo-1"))
    assert header_of(status_document(CONFIG, client)).plain.endswith("market not seen yet")
    lost = msgspec.structs.replace(health("market-1", "market", {"waiting": "its terminal: initialize a.toml"}), market_ns=0)
    show(client, lost)
    assert header_of(status_document(CONFIG, client)).plain.endswith("market not begun, waits for its terminal: initialize a.toml")
    show(client, msgspec.structs.replace(lost, market_ns=MARKET_NS, facts={"waiting": ""}))
    assert header_of(status_document(CONFIG, client)).plain.endswith("market 2026-01-05 00:00:00 UTC")


def test_mesh_is_live_where_one_terminal_is_real(client: Client) -> None:
    """A simulated server of an account's own is none."""
    for terminal, is_simulated in (("sim", True), ("sim.toml", True), ("C:/terminal64.exe", False)):
        accounts = CONFIG.account | {"demo-1": msgspec.structs.replace(CONFIG.account["demo-1"], terminal=terminal)}
        config = configured(msgspec.structs.replace(CONFIG.settings, account=accounts))
        assert status_document(config, client)["simulated"] is is_simulated
