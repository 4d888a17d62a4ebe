"""Page Trades: what needs a decision on top; below it positions, orders or deals, as they are now."""

from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from mesh.units import MS_NS
from tui.export import save_csv
from tui.hands import LostList
from tui.lostrows import Decisions, LostRow
from tui.page import Page
from tui.screens.chain import Chain
from tui.screens.decide import DecideDialog
from tui.screens.touch import ClosePosition, ModifyPosition
from tui.state import State
from tui.tablemodel import TableModel
from tui.tradecolumns import DEALS, LOST, ORDERS, POSITIONS
from tui.traderows import DealRow, OrderRow, PositionRow, TradeBook
from tui.tradetotals import deal_totals, order_totals, position_totals
from tui.tradewords import KEYS as SHORT_KEYS
from tui.tradewords import LEGENDS, ROW, TWO_CLOCKS, line_of, lines_of, position_lines, title_of
from tui.widgets.fields import text_of
from tui.widgets.filterbar import FilterBar
from tui.widgets.table import Table

NAMES = ("positions", "orders", "deals")
KEYS = {"positions": "p", "orders": "o", "deals": "l"}
MANY_COUNT = 2_000
"""From so many rows on …"""
REST_NS = 500 * MS_NS
"""… they are put together at most this often."""
LOST_ROWS_MAX = 4
"""Of what needs a decision, on a low screen; of a higher one a fifth of its lines."""
WIDE_CELLS = 120
"""From here on there is room for the legend."""
NO_CHAIN = "money that was moved: no signal stands behind it"
NOT_OURS = "nothing of it is known here: it was opened by somebody else"


class Tab(Static):
    """The name of a table with its count; a click brings it to the front."""

    DEFAULT_CSS = "Tab { width: auto; padding: 0 1; } Tab.-front { text-style: bold reverse; }"

    def __init__(self, name: str) -> None:
        super().__init__(id=f"tab-{name}")
        self.of = name

    def on_click(self, event: events.Click) -> None:
        """Bring its table to the front."""
        event.stop()
        self.query_ancestor(Trades).action_front(self.of)


class Trades(Page):
    """What is traded."""

    NAME, TITLE, KEY = "trades", "Trades", "3"
    DEFAULT_CSS = """
    Trades > #lost-title { height: 1; text-style: bold; padding: 0 1; display: none; }
    Trades > #lost { display: none; border-bottom: solid $error; }
    Trades > #tabs { height: 1; background: $boost; }
    Trades > #tabs > #legend { width: 1fr; color: $text-muted; text-align: right; padding: 0 1; }
    Trades > .pane { height: 1fr; visibility: hidden; }
    Trades > .pane > * { visibility: visible; }
    Trades .front { height: 1fr; }
    Trades > #lost-title, Trades > #line, Trades > #tabs > #legend { text-wrap: nowrap; text-overflow: ellipsis; }
    Trades > #line { height: 1; padding: 0 2; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"front('{name}')", name.capitalize(), show=False) for name, key in KEYS.items()),
        Binding("u", "lost", "Decide"),
        Binding("c", "close", "Close"),
        Binding("m", "modify", "SL/TP"),
        Binding("e", "export", "CSV"),
        Binding("y", "copy", "Copy", show=False),
        Binding("r", "again", "Ask again", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.decisions = Decisions()
        self._book: TradeBook | None = None
        self._taken_ns = -REST_NS
        self._front_name = NAMES[0]
        self._words: dict[str, str] = {}

    # the screen

    def compose(self) -> ComposeResult:
        """What needs a decision; the names of the tables; the tables; the row under the cursor."""
        yield Static(id="lost-title")
        yield Table[LostRow](TableModel(LOST, key=lambda row: row.key), empty="", id="lost")
        with Horizontal(id="tabs"):
            yield from map(Tab, NAMES)
            yield Static(id="legend")
        positions: TableModel[PositionRow] = TableModel(POSITIONS, key=lambda row: row.key)
        orders: TableModel[OrderRow] = TableModel(
            ORDERS, key=lambda row: row.key, pinned=lambda row: row.is_open, sorted_by="time", is_descending=True
        )
        deals: TableModel[DealRow] = TableModel(DEALS, key=lambda row: row.key, sorted_by="time", is_descending=True)
        tables: tuple[Table[Any], ...] = (
            Table(positions, empty="no open positions", row_style=_position_style, totals=position_totals, id="positions", classes="front"),
            Table(orders, empty="no orders yet", row_style=_order_style, totals=order_totals, id="orders", classes="front"),
            Table(deals, empty="no deals yet", totals=deal_totals, id="deals", classes="front"),
        )
        for name, table in zip(NAMES, tables, strict=True):
            with Vertical(id=f"pane-{name}", classes="pane") as pane:
                yield FilterBar(table)
                yield table
            pane.display = name == self._front_name
        yield Static(id="line")

    @property
    def table(self) -> Table[Any]:
        """The one in front."""
        return self.query_one(f"#{self._front_name}", Table)

    @property
    def lost(self) -> Table[LostRow]:
        """What needs a decision."""
        return self.query_one("#lost", Table)

    @property
    def book(self) -> TradeBook:
        """The rows."""
        if self._book is None:
            self._book = TradeBook(self.main.config)
        return self._book

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        if self.decisions.is_due(state, now_ns):
            self._ask(state, now_ns)
        if len(self.book.positions) + len(self.book.orders) < MANY_COUNT or now_ns - self._taken_ns >= REST_NS:
            self._taken_ns = now_ns
            self.book.take(state.view, now_ns)
            self.table.show(self._rows(self._front_name))
        self._show_lost(state, now_ns)
        self._show_words()

    def _rows(self, name: str) -> list[Any]:
        book = self.book
        return book.positions if name == "positions" else book.orders if name == "orders" else book.deals

    def _show_lost(self, state: State, now_ns: int) -> None:
        words, rows, table = self.decisions.words(state, now_ns), self.decisions.rows, self.lost
        self.query_one("#lost-title").display = bool(words)
        self._write("lost-title", words)
        is_gone = table.display and not rows
        table.display = bool(rows)
        if rows:
            table.styles.height = 2 + min(len(rows), max(LOST_ROWS_MAX, self.size.height // 5))
            table.show(rows)
        if is_gone:
            self.refresh_bindings()
            if table.has_focus:
                self.table.focus()

    def _show_words(self) -> None:
        """The names of the tables, and what the row under the cursor has besides."""
        for name in NAMES:
            is_front = name == self._front_name
            self.query_one(f"#tab-{name}").set_class(is_front, "-front")
            shown_count, count = self.table.model.counts if is_front else (0, len(self._rows(name)))
            of = f"{shown_count:,} of {count:,}" if is_front and shown_count != count else f"{count:,}"
            self._write(f"tab-{name}", f"[{name} {of}]" if is_front else f"{KEYS[name]} {name} {of}")
        legend = TWO_CLOCKS if self._front_name == "orders" and not self.book.is_one_host else LEGENDS[self._front_name]
        self._write("legend", legend if self.size.width >= WIDE_CELLS else SHORT_KEYS[self._front_name])
        row = self._used[1].model.row
        words = "" if row is None else f"{row.detail}  {row.sid}" if isinstance(row, LostRow) else line_of(row)
        self._write("line", words)

    def _write(self, part: str, words: str) -> None:
        """A text of its own takes a new layout: only where it is another one."""
        if self._words.get(part) != words:
            self._words[part] = words
            self.query_one(f"#{part}", Static).update(text_of([words]))

    def front(self) -> None:
        """It came to the front: what needs a decision is asked for."""
        self.decisions.want()
        self.table.focus()

    @on(Table.Moved)
    def moved(self) -> None:
        """Another row: its line."""
        self._show_words()

    def on_descendant_focus(self) -> None:
        """Another table: its row's line."""
        self._show_words()

    # what needs a decision

    def _ask(self, state: State, now_ns: int) -> None:
        hands = self.main.hands
        self.decisions.asking(state, now_ns)
        self.main.ask(hands.lost, self._answered, self.decisions.failed)

    def _answered(self, lists: list[LostList]) -> None:
        self.decisions.answered(lists, self.main.now_ns())
        self.refresh_bindings()

    @on(Table.Picked, "#lost")
    def decide(self, picked: Table.Picked) -> None:
        """Show it in full, with the verbs."""
        self.main.push_screen(DecideDialog(picked.row, self.decisions.want))

    def action_lost(self) -> None:
        """To what needs a decision."""
        self.lost.focus()

    def action_again(self) -> None:
        """Ask for what needs a decision."""
        self.decisions.want()
        self.show(self.main.state, self.main.now_ns())

    # tables

    def action_front(self, name: str) -> None:
        """Bring a table to the front."""
        self._front_name = name
        for each in NAMES:
            self.query_one(f"#pane-{each}").display = each == name
        self.table.show(self._rows(name))
        self.table.focus()
        self._show_words()
        self.refresh_bindings()

    @on(Table.Picked, ".front")
    def open(self, picked: Table.Picked) -> None:
        """Its chain."""
        row: ROW = picked.row
        nothing = "" if row.query else NO_CHAIN
        if isinstance(row, PositionRow) and not row.position.ours:
            nothing = NOT_OURS
        self.main.push_screen(Chain(title_of(row), lambda: self._lines(row), row.query, nothing))

    def _lines(self, row: ROW) -> list[str]:
        """A row as it is now."""
        if not isinstance(row, PositionRow):
            return lines_of(row)
        now = self.book.position(row.key)
        return lines_of(now) if now is not None else ["· it is not open any more; as it was last:", *position_lines(row, is_open=False)]

    # acts

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that do something now."""
        if action in ("close", "modify"):
            return self._front_name == "positions"
        return bool(self.decisions.rows) if action == "lost" else True

    def action_close(self) -> None:
        """Close the position under the cursor."""
        row = self.table.model.row
        if row is not None and not self.lost.has_focus:
            self.main.push_screen(ClosePosition(row, lambda: self.book.position(row.key)))

    def action_modify(self) -> None:
        """Change its levels."""
        row = self.table.model.row
        if row is not None and not self.lost.has_focus:
            self.main.push_screen(ModifyPosition(row, lambda: self.book.position(row.key)))

    @property
    def _used(self) -> tuple[str, Table[Any]]:
        """The table that has the keys."""
        if self.lost.has_focus:
            return "unknown", self.lost
        return self._front_name, self.table

    def action_export(self) -> None:
        """What is shown as CSV."""
        name, table = self._used
        try:
            path = save_csv(name, table.model.csv(), self.main.wall_ns())
        except OSError as error:
            self.notify(f"not written: {error.filename}: {error.strerror}", severity="error", markup=False)
        else:
            self.notify(f"{len(table.model.visible):,} rows: {path}", markup=False)

    def action_copy(self) -> None:
        """The row under the cursor as text into the clipboard."""
        _, table = self._used
        row = table.model.row
        if row is not None:
            self.app.copy_to_clipboard(table.model.text_of_row(row))
            self.notify("the row was copied", markup=False)


def _position_style(row: PositionRow) -> str:
    return "" if row.seen.how == "fresh" else "dim"


def _order_style(row: OrderRow) -> str:
    """What has happened is never old; what rests is as old as its account."""
    return "dim" if row.is_resting and row.seen.how != "fresh" else ""
