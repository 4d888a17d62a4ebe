"""Page Nodes: every configured node with its health, by router or by layer if asked for; Enter opens one."""

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.nodegroups import NodeModel
from tui.noderows import NodeRow, NodeRows, counts_text
from tui.page import Page
from tui.screens.node import NodeScreen
from tui.state import State
from tui.widgets.filterbar import FilterBar
from tui.widgets.grouptable import GroupTable
from tui.widgets.nodeparts import WIDE_CELLS, NodeParts
from tui.widgets.table import Table
from tui.widgets.words import Words

LINES_MIN = 24
"""Of a node below the table; where there is no room for them there is only the table …"""
TABLE_LINES_MIN = 20
"""… which has so many at least, if there are so many nodes."""


class Nodes(Page):
    """The table, and where there is room the node under its cursor."""

    NAME, TITLE, KEY = "nodes", "Nodes", "2"
    DEFAULT_CSS = "Nodes Table { height: 1fr; } Nodes NodeParts { border-top: solid $primary; display: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("g", "group", "Group")]

    def compose(self) -> ComposeResult:
        """A title, the filter, the table, the node under the cursor."""
        self._rows = NodeRows(self.main.config)
        self._model = NodeModel()
        self._table = GroupTable(self._model, empty="no node is configured", row_style=style_of)
        self._parts = NodeParts()
        yield Words(classes="title", id="nodes-title")
        yield FilterBar(self._table)
        yield self._table
        yield self._parts

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        self._table.show(self._rows.rows(state, now_ns))
        self._tell()
        lines_count = self._lines_below()
        self._parts.display = lines_count > 0
        row = self._model.row
        if lines_count and row is not None:
            self._parts.styles.height = lines_count
            if not row.heading:
                self._parts.show(state, row, now_ns)

    def _lines_below(self) -> int:
        """How many lines there are for the node under the cursor; 0: too few."""
        width, height = self.size
        needed = 2 + len(self._model.visible)
        lines_count = height - 1 - min(needed, TABLE_LINES_MIN)
        return max(lines_count, LINES_MIN) if width >= WIDE_CELLS and lines_count >= LINES_MIN else 0

    def _tell(self) -> None:
        """The title: how many, how well, how grouped."""
        rows, grouping = self._model.rows, self._model.grouping
        text = Text(f"Nodes {len(rows)}", no_wrap=True)
        text.append(f"  {counts_text(rows)}  {f'by {grouping}' if grouping else 'not grouped'}", "not bold")
        self.query_one("#nodes-title", Words).tell(text)

    def action_group(self) -> None:
        """By router, by layer, or not at all."""
        self._model.group_next()
        self._table.settle()
        self._tell()

    @on(Table.Moved)
    def follow(self) -> None:
        """Another node is under the cursor."""
        if self._parts.display:
            self.show(self.main.state, self.main.now_ns())

    @on(Table.Picked)
    def open(self, picked: Table.Picked) -> None:
        """Open a node; a heading is none."""
        if not picked.row.heading:
            self.main.push_screen(NodeScreen(self._rows, picked.row.name))


def style_of(row: NodeRow) -> str:
    """Grey is what is not of now."""
    return "" if row.is_of_now else "dim"
