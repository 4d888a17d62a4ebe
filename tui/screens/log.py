"""Page Log: notes of all nodes, acts of operators and what the console saw itself, the newest at the bottom and followed there."""

from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.export import save_csv
from tui.loglines import ALL, COLUMNS, SHOWN, all_words, head_text, is_bad, next_bad, nodes_in, shown, whole_text
from tui.notelog import LogLine
from tui.page import Page
from tui.state import State
from tui.tablemodel import TableModel, plain
from tui.widgets.filterbar import FilterBar
from tui.widgets.table import Table
from tui.widgets.words import Words

HINT = "/ search  n N bad ones  ⏎ all of it"
EMPTY = "no line yet: nodes tell the newest notes of their logs with their health, once a second"


class LogPage(Page):
    """Page Log. The cursor on the last line follows what comes; elsewhere it stays, and the head counts what is new."""

    NAME, TITLE, KEY = "log", "Log", "6"
    DEFAULT_CSS = """
    LogPage {
        visibility: hidden;
        & > * { visibility: visible; }
        & > #log-title { height: 2; text-style: bold; background: $boost; padding: 0 1; }
        & > #log-table { height: 1fr; }
        & > #log-line { height: 3; background: $boost; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "level", "Level"),
        Binding("n", "bad(1)", "Next warning"),
        Binding("N", "bad(-1)", "Warning before", show=False),
        Binding("e", "export", "CSV", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The head, the filter, the lines, all of the one under the cursor."""
        self._model: TableModel[LogLine] = TableModel(COLUMNS, key=lambda line: line.number)
        self._table = Table(self._model, empty=EMPTY, row_style=lambda line: "bold" if is_bad(line) else "", id="log-table")
        self._what = ALL
        self._shown: tuple[int, str] = (-1, "")
        """Version of the log and level that the table has."""
        self._is_following = True
        self._seen_number = 0
        """The newest line there was while it followed."""
        self._node_count = 0
        yield Words(id="log-title")
        yield FilterBar(self._table)
        yield self._table
        yield Words(id="log-line")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        if (state.log.version, self._what) != self._shown:
            self._shown = state.log.version, self._what
            self._node_count = nodes_in(state.log, state.config.node)
            self._table.show(shown(state.log, self._what))
        if self._is_following and not self._model.sorted_by and self._model.rows:
            self._table.action_last()
            self._seen_number = state.log.newest_number
        self._tell(state)

    def _tell(self, state: State) -> None:
        """The head, and the line under the cursor."""
        text = Text(f"{head_text(state, self._node_count, self._model.counts[0])}\n", no_wrap=True, overflow="ellipsis")
        text.append(f"shown: {self._what} (v)   ", "not bold")
        new_count = sum(line.number > self._seen_number for line in self._model.visible)
        if self._model.sorted_by:
            text.append("sorted: the newest line is not followed", "reverse")
        elif self._is_following:
            text.append("follows the newest line", "not bold")
        else:
            text.append(f"+{new_count:,} new: End follows again", "reverse")
        text.append(f"   {HINT}", "not bold dim")
        self.query_one("#log-title", Words).tell(text)
        line = self._model.row
        self.query_one("#log-line", Words).tell(Text(plain(whole_text(line)) if line is not None else ""))

    @on(Table.Moved)
    def moved(self, event: Any) -> None:
        """The cursor leaves the last line, or comes back to it."""
        event.stop()
        self._is_following = self._model.cursor >= len(self._model.visible) - 1
        self._tell(self.main.state)

    @on(FilterBar.Changed)
    def filtered(self, event: Any) -> None:
        """Other lines are shown."""
        event.stop()
        self.show(self.main.state, self.main.now_ns())

    @on(Table.Picked)
    def open(self, event: Any) -> None:
        """All of a line."""
        event.stop()
        self.main.push_screen(LineScreen(event.row))

    def action_level(self) -> None:
        """The next least level that is shown."""
        self._what = SHOWN[(SHOWN.index(self._what) + 1) % len(SHOWN)]
        self.show(self.main.state, self.main.now_ns())

    def action_bad(self, step: int) -> None:
        """To the next line that is a warning or worse, or the one before."""
        lines = self._model.visible
        index = next_bad(lines, self._model.cursor, step)
        if index is None:
            self.notify(f"no warning or worse {'below' if step > 0 else 'above'} this line")
        else:
            self._table.go_to(lines[index].number)

    def action_export(self) -> None:
        """The lines shown as a CSV file."""
        try:
            path = save_csv("log", self._model.csv(), self.main.wall_ns())
        except OSError as error:
            self.notify(f"no CSV: {error.strerror}", severity="error")
        else:
            self.notify(f"{len(self._model.visible):,} lines: {path}")

    def action_copy(self) -> None:
        """The line under the cursor to the clipboard."""
        if self._model.row is not None:
            self.main.copy_to_clipboard(whole_text(self._model.row))
            self.notify("copied the line")


class LineScreen(ModalScreen[None]):
    """All of one line, with all its words."""

    DEFAULT_CSS = """
    LineScreen { align: center middle; }
    LineScreen > VerticalScroll {
        width: 110; max-width: 96%; height: auto; max-height: 90%; border: round $primary; background: $surface; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(None)", "Back"),
        Binding("y", "copy", "Copy", show=False),
    ]

    def __init__(self, line: LogLine) -> None:
        super().__init__()
        self._line = line

    def compose(self) -> ComposeResult:
        """The words, and how to go back."""
        with VerticalScroll():
            yield Static(Text("\n".join(plain(words) for words in all_words(self._line))))
            yield Static(Text("\nEsc back   y copy the line", "dim"))

    def action_copy(self) -> None:
        """The line to the clipboard."""
        self.app.copy_to_clipboard(whole_text(self._line))
        self.notify("copied the line")
