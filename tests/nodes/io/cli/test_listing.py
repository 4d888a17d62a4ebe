"""``mesh positions``, ``orders``, ``deals``: by market time, whole words, readable at 80 columns."""

import re
from collections.abc import Iterator

import pytest

from mesh.view import View
from nodes.io.cli import tables
from nodes.io.cli.client import Client
from nodes.io.cli.listing import LISTINGS, for_people, print_rows
from tests.nodes.io.cli.frontrig import CONFIG, MARKET_NS, deal, outcome, pending, position, show, state

SECOND_NS = 10**9


@pytest.fixture
def view() -> Iterator[View]:
    client = Client(CONFIG)
    late, early = outcome(1, MARKET_NS + 2 * SECOND_NS), outcome(2, MARKET_NS + SECOND_NS, detail="SPREAD [limit] points=40")
    show(
        client,
        state("demo-1", positions=(position(), position(2, ours=False, strategy="", swap_e8=-1)), orders=[pending()]),
        late, early, deal(9, MARKET_NS + 5 * SECOND_NS), deal(8, MARKET_NS + 3 * SECOND_NS, "[sl 1.0921]"),
    )  # fmt: skip
    yield client.view
    client.close()


def test_lines_and_deals_are_by_market_time_newest_last(view: View) -> None:
    """Whatever came first: routers are asked in no order. What rests now stands below."""
    orders = tables.order_rows(view, 0)
    assert [row["code"] for row in orders] == ["FILLED", "FILLED", "RESTING"]
    assert [row["order_ticket"] for row in orders] == ["2", "1", "7"]
    assert [row["deal"] for row in tables.deal_rows(view, 0)] == ["8", "9"]


@pytest.mark.parametrize("what", ["orders", "deals"])
def test_order_is_said(view: View, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One rule, above the table."""
    print_rows(LISTINGS[what], LISTINGS[what].rows(view, 0))
    assert "by market time, the newest last" in capsys.readouterr().out.splitlines()[0]


def test_comments_of_brokers_are_shown_whole(view: View, capsys: pytest.CaptureFixture[str]) -> None:
    """``[sl 1.0921]`` is no markup."""
    for what in ("orders", "deals"):
        print_rows(LISTINGS[what], LISTINGS[what].rows(view, 0))
    out = capsys.readouterr().out
    assert "[sl 1.0921]" in out
    assert "SPREAD [limit] points=40" in out


@pytest.mark.parametrize("what", list(LISTINGS))
def test_eighty_columns_are_enough(view: View, what: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """No row wraps there; what is not shown is named, with where it is."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    listing = LISTINGS[what]
    rows = [row | {"detail": ""} if "detail" in row else row for row in listing.rows(view, 0)]
    print_rows(listing, rows)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    body = lines[-len(rows) - 2 :]
    assert "left out at 80 columns: " in " ".join(lines)
    assert all(len(line.rstrip()) <= 80 for line in lines)
    assert sum("EURUSD" in line for line in body) == len(rows)


def test_every_column_is_a_key_of_the_rows(view: View) -> None:
    """A renamed field would silently become a column of dashes."""
    for listing in LISTINGS.values():
        for row in for_people(listing.rows(view, 0)):
            assert {column.key for column in listing.columns} <= set(row)
