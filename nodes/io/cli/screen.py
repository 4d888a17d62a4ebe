"""What ``mesh up`` shows while it runs: a live table on a terminal, a status line a second where it is piped."""

import os
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mesh.config import Config
from nodes.io.cli import tables
from nodes.io.cli.client import Client
from nodes.io.cli.grid import cell, grid
from nodes.io.cli.listing import ORDERS, for_people
from nodes.io.cli.plaintext import say
from nodes.io.cli.show import header_of, lines_words, status_document, status_that_fits

LINES_SHOWN = 8
TITLE_ROWS = 4
"""An empty row, the title and the headings of the newest lines; the last row of the terminal stays free."""
HINT = "Ctrl-C: stop, drain, sum up. Elsewhere: mesh status, mesh why last"


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


def progress(client: Client) -> tuple[int, int]:
    """Ticks the market has played, and ticks in all (0: endless)."""
    health = client.health_of(client.config.nodes_of("market")[0])
    if health is None:
        return 0, 0
    return int(health.facts.get("played", "0")), int(health.facts.get("total", "0"))


class TableScreen:
    """A live picture: header, what to press, progress, what is down, nodes, accounts, stops, newest outcomes."""

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
        """Shown above the tables from now on."""
        self._told.append(words)

    def update(self, elapsed_s: float) -> None:
        """Redraw at most four times a second."""
        if elapsed_s - self._shown_s < 0.25:
            return
        self._shown_s = elapsed_s
        self._live.update(self._picture(elapsed_s))

    def _picture(self, elapsed_s: float) -> Group:
        """What must be seen stands above what a low terminal cuts off; lines fill the rows that are left."""
        out = self._live.console
        told = [cell(words, "red") for words in self._told]
        bar = self._bar(elapsed_s)
        document = status_document(self._config, self._client)
        status = status_that_fits(document, out, [Text(HINT, style="dim"), *([bar] if bar else []), *told])
        room_count = out.height - len(out.render_lines(status)) - TITLE_ROWS
        rows = for_people(tables.line_rows(self._client.view))[-min(room_count, LINES_SHOWN) :] if room_count > 0 else []
        if not rows:
            return status
        title = Text("newest outcomes of the locals, by market time, the newest last", style="italic")
        return Group(status, "", title, grid(ORDERS.columns, rows, out.width))

    def _bar(self, elapsed_s: float) -> Table | None:
        played, total = progress(self._client)
        if not total:
            return None
        rate = played / elapsed_s if elapsed_s > 0 else 0.0
        left_s = (total - played) / rate if rate > 0 else 0.0
        row = Table.grid(padding=(0, 1))
        bar_rate = self._client.counted("indicator", "bar_count") / elapsed_s if elapsed_s > 0 else 0.0
        text = f"{100 * played / total:.1f} %  {played:,} of {total:,} ticks  {bar_rate:,.0f} bars/s  {left_s:,.0f} s left"
        row.add_row(ProgressBar(total=total, completed=played, width=40), text)
        return row


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
            say(words, self._stream, at_once=True)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def update(self, elapsed_s: float) -> None:
        """Print at most once a second."""
        if elapsed_s - self._shown_s < 1.0:
            return
        self._shown_s = elapsed_s
        self.tell(f"{elapsed_s:6.1f} s  {self._line()}")

    def _line(self) -> str:
        document = status_document(self._config, self._client)
        fresh = sum(1 for row in document["nodes"] if row["state"] == "fresh")
        master = self._client.health_of(self._config.nodes_of("master")[0])
        played, total = progress(self._client)
        share = f"  {100 * played / total:.1f} %" if total else ""
        is_known = all(row["state"] == "fresh" for row in document["accounts"])
        sums = tables.pnl_by_currency(document["accounts"]) if is_known else {}
        pnl = "  ".join(f"{currency} {value if value.startswith('-') else '+' + value}" for currency, value in sums.items())
        return (
            f"{header_of(document).plain}{share}  nodes {fresh}/{len(document['nodes'])} fresh  "
            f"bar {self._client.counted('indicator', 'bar_count')}  signal {self._client.counted('signals', 'signal_count')}  "
            f"{lines_words(master.facts if master else {})}  PnL {pnl or '-'}"
        )
