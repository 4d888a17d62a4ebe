"""The live screen of ``mesh up``: what must be seen stands above what a low terminal cuts off."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from nodes.io.cli.client import Client
from nodes.io.cli.screen import HINT, LineScreen, TableScreen
from tests.nodes.io.cli.frontrig import CONFIG, MARKET_NS, health, outcome, show, state, stop


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(CONFIG) as client:
        currencies = {"demo-1": "USD", "demo-2": "USD", "demo-3": "EUR", "demo-4": "EUR"}
        accounts = [state(name, currency) for name, currency in currencies.items()]
        lines = [outcome(f, MARKET_NS + (20 - f) * 10**9) for f in range(1, 15)]
        show(client, health("master-1", "master", {"lines": "41", "open_lines": "2"}, line_count=7, outcome_count=1), *accounts, *lines)
        yield client


def drawn(client: Client, width: int, height: int) -> list[str]:
    screen = TableScreen(CONFIG, client)
    screen.tell("local-2 exited 78 [why]")
    screen._live.console = Console(file=io.StringIO(), width=width, height=height, highlight=False)
    out = Console(file=io.StringIO(), width=width, highlight=False)
    out.print(screen._picture(1.0))
    return [line.rstrip() for line in out.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 32), (160, 48)])
def test_picture_fits_and_keeps_what_to_press(client: Client, width: int, height: int) -> None:
    """The hint and what is down stand right under the header; no row is wider or lower than the terminal."""
    lines = drawn(client, width, height)
    assert lines[1] == HINT
    assert lines[2] == "local-2 exited 78 [why]"
    assert max(map(len, lines)) <= width
    assert len(lines) < height


def test_lines_are_by_market_time_newest_last(client: Client) -> None:
    """As many as fit, said so in their title; the newest is the last row."""
    lines = drawn(client, 160, 48)
    title = next(index for index, line in enumerate(lines) if "by market time, the newest last" in line)
    times = [line[:19] for line in lines[title + 2 :]]
    assert times == sorted(times)
    assert times[-1] == "2026-01-05 00:00:19"
    assert len(times) == 8
    assert len(drawn(client, 160, 30)) < 30


def test_low_terminal_only_counts_nodes_that_are_well(client: Client) -> None:
    """With stops to show and hardly any room, money and stops stay, and every node that is not well."""
    roles = {name: node.role for name, node in CONFIG.node.items() if name not in ("local-2", "local-3")}
    show(client, stop(), *(health(name, role) for name, role in roles.items()))
    lines = drawn(client, 80, 24)
    assert len(lines) < 24
    assert any(line.startswith("FREEZE  account:demo-2") for line in lines)
    assert "9 of 11 nodes fresh and READY, not these:" in lines
    assert [line.split()[0] for line in lines[3:] if line.startswith(tuple(CONFIG.node))] == ["local-2", "local-3"]
    assert not any("of 11 nodes" in line for line in drawn(client, 80, 40))


def test_status_line_adds_up_and_sums_by_currency(client: Client) -> None:
    """Lines and outcomes are the master's totals of all lines; no sum over currencies."""
    line = LineScreen(CONFIG, client, io.StringIO())._line()
    assert "line 41  outcome 39" in line
    assert line.endswith("PnL USD +0.00  EUR +0.00")
