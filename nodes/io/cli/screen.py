"""What ``mesh up`` shows while it runs: a live table on a terminal, a status line a second where it is piped."""

import os
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mesh.config import Config
from mesh.messages.health import NodeHealth
from nodes.io.cli import tables
from nodes.io.cli.client import Client
from nodes.io.cli.show import header_of, status_document, status_picture

LINES_SHOWN = 8


class Screen(Protocol):
    """Something that can be shown the mesh again and again."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def update(self, elapsed_s: float) -> None:
        """Show what the client knows now."""

    def tell(self, words: str) -> None:
        """Something that stays: a process is down for good."""


def of(stream: TextIO, config: Config, client: Client) -> Screen:
    """The right screen for where the output goes."""
    return TableScreen(config, client) if stream.isatty() else LineScreen(config, client, stream)


def market_health(config: Config, client: Client) -> NodeHealth | None:
    """The market's newest health."""
    seen = client.view.nodes.get(config.nodes_of("market")[0])
    return seen[1] if seen else None


def progress(health: NodeHealth | None) -> tuple[int, int]:
    """Ticks played and ticks in all (0: endless)."""
    if health is None:
        return 0, 0
    return int(health.facts.get("played", "0")), int(health.facts.get("total", "0"))


class TableScreen:
    """A live picture: header, progress, nodes, accounts, newest outcomes."""

    def __init__(self, config: Config, client: Client) -> None:
        self._config = config
        self._client = client
        self._live = Live("starting …", refresh_per_second=4, transient=False)
        self._shown_s = -1.0
        self._told: list[str] = []

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def tell(self, words: str) -> None:
        """Shown under the tables from now on."""
        self._told.append(words)

    def update(self, elapsed_s: float) -> None:
        """Redraw at most four times a second."""
        if elapsed_s - self._shown_s < 0.25:
            return
        self._shown_s = elapsed_s
        parts: list[object] = [status_picture(self._config, self._client, self._live.console.width)]
        bar = self._bar(elapsed_s)
        if bar is not None:
            parts.insert(0, bar)
        hint = "[dim]Ctrl-C stops the feed, drains and sums up. In another terminal: mesh status, mesh why last[/]"
        parts += ["", self._outcomes(), *(f"[red]{escape(words)}[/]" for words in self._told), hint]
        self._live.update(Group(*parts))  # type: ignore[arg-type]

    def _bar(self, elapsed_s: float) -> Table | None:
        health = market_health(self._config, self._client)
        played, total = progress(health)
        if not total or health is None:
            return None
        rate = played / elapsed_s if elapsed_s > 0 else 0.0
        left_s = (total - played) / rate if rate > 0 else 0.0
        grid = Table.grid(padding=(0, 1))
        bar_rate = self._bar_count() / elapsed_s if elapsed_s > 0 else 0.0
        text = f"{100 * played / total:.1f} %  {played:,} of {total:,} ticks  {bar_rate:,.0f} bars/s  {left_s:,.0f} s left"
        grid.add_row(ProgressBar(total=total, completed=played, width=40), text)
        return grid

    def _bar_count(self) -> int:
        """Bars the indicators have closed."""
        seen = [self._client.view.nodes.get(name) for name in self._config.nodes_of("indicator")]
        return sum(found[1].counters.get("bar_count", 0) for found in seen if found is not None)

    def _outcomes(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold", title="newest lines", title_justify="left")
        rows = [row for row in tables.order_rows(self._client.view, self._client.now_ns()) if row["code"] != "RESTING"]
        for heading in ("time", "account", "symbol", "action", "lots", "price", "code", "detail"):
            table.add_column(heading, no_wrap=True)
        for row in rows[:LINES_SHOWN]:
            table.add_row(*(str(row[key]) for key in ("time", "account", "symbol", "action", "lots", "price", "code", "detail")))
        return table


class LineScreen:
    """One line a second. Where nobody reads any more (``| head``) it goes quiet, and the run goes on to its summary."""

    def __init__(self, config: Config, client: Client, stream: TextIO) -> None:
        self._config = config
        self._client = client
        self._stream = stream
        self._shown_s = -1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    def tell(self, words: str) -> None:
        """A line of its own."""
        try:
            print(words, file=self._stream, flush=True)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def update(self, elapsed_s: float) -> None:
        """Print at most once a second."""
        if elapsed_s - self._shown_s < 1.0:
            return
        self._shown_s = elapsed_s
        self.tell(f"{elapsed_s:6.1f} s  {Text.from_markup(self._line()).plain}")

    def _line(self) -> str:
        document = status_document(self._config, self._client)
        fresh = sum(1 for row in document["nodes"] if row["state"] == "fresh")
        counters = {row["role"]: row["health"].get("counters", {}) for row in document["nodes"] if row["health"]}
        played, total = progress(market_health(self._config, self._client))
        share = f"  {100 * played / total:.1f} %" if total else ""
        is_known = all(row["state"] == "fresh" for row in document["accounts"])
        pnl = f"{sum(float(row['pnl']) for row in document['accounts']):+.2f}" if is_known else "-"
        return (
            f"{header_of(document)}{share}  nodes {fresh}/{len(document['nodes'])} fresh  "
            f"bars {counters.get('indicator', {}).get('bar_count', '0')}  "
            f"signals {counters.get('signals', {}).get('signal_count', '0')}  "
            f"lines {counters.get('master', {}).get('line_count', '0')}  "
            f"outcomes {counters.get('master', {}).get('outcome_count', '0')}  PnL {pnl}"
        )
