"""Page Latency: stages as nodes measure them, steps as orders were stamped, the slowest orders, clocks; mesh and broker apart.

A small terminal shows one part at a time, a large one all of them.
"""

from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from tui.export import save_csv
from tui.histogram import plot
from tui.latencies import STEPS, Slow
from tui.page import Page
from tui.screens.chain import Chain
from tui.stagerows import (
    CLOCK_COLUMNS,
    SLOW_COLUMNS,
    STAGE_COLUMNS,
    STEP_COLUMNS,
    ClockRow,
    StageRow,
    StepRow,
    clock_rows,
    latency_head,
    meanings,
    slow_lines,
    stage_rows,
    step_rows,
)
from tui.state import State
from tui.tablemodel import TableModel
from tui.widgets.filterbar import FilterBar
from tui.widgets.table import Table
from tui.widgets.words import Words

WIDE_CELLS, TALL_LINES = 150, 40
"""From here on two parts stand side by side, and all parts are shown."""
BROKER_ROWS_MAX = 8
PARTS = {"stages": "Stages", "steps": "Steps", "slow": "Slowest orders", "clocks": "Clocks"}
ROW_OF = {"stages": 0, "steps": 0, "slow": 1, "clocks": 1}
"""Parts of one row stand side by side."""
PART_OF = {"mesh": "stages", "broker": "stages", "steps": "steps", "slow": "slow", "clocks": "clocks"}
"""Table → part."""
TITLES = {
    "mesh": "mesh time in µs, each node's last complete interval, the worst first",
    "broker": "broker time in µs: no part of the mesh, in none of the rows above",
    "steps": "steps of the last hour's orders in µs, by their stamps",
    "slow": "slowest orders of the last hour, by the mesh's time",
    "clocks": "clocks: what a node knows of the master's",
}
HINT = "Tab part  v step  / filter"
NO_STAGE = "no node has told of a stage yet: 10 s after the first signal they do"
NO_ORDER = "none yet: an order is measured when its outcome is heard, if it called a terminal"
NO_CLOCK = "no router and no local is configured"


class PartName(Static):
    """The name of a part, to be clicked."""

    DEFAULT_CSS = "PartName { width: auto; padding: 0 1; }"

    class Wanted(Message):
        """It was clicked."""

        def __init__(self, part: str) -> None:
            super().__init__()
            self.part = part

    def __init__(self, part: str) -> None:
        super().__init__(id=f"name-{part}")
        self.part = part

    def on_click(self) -> None:
        """Have it shown."""
        self.post_message(self.Wanted(self.part))

    def tell(self, is_shown: bool) -> None:
        """Whether it is the one that is shown."""
        word = PARTS[self.part]
        self.update(Text(f"[{word}]" if is_shown else f" {word} ", "bold" if is_shown else ""))


class Latency(Page):
    """Page Latency."""

    NAME, TITLE, KEY = "latency", "Latency", "5"
    DEFAULT_CSS = """
    Latency {
        & > #latency-names { height: 1; }
        & #latency-hint { width: 1fr; height: 1; text-align: right; padding: 0 1; color: $text-muted; }
        & > .row { height: 1fr; layout: vertical; }
        & .part { height: 1fr; width: 1fr; }
        & #table-slow, & #table-clocks, & #plot { height: 1fr; }
        & #meanings { height: auto; padding: 1 2 0 2; text-style: italic; }
        & #table-steps { height: 9; }
        & #plot { padding: 0 0 0 2; }
    }
    Latency.-wide > .row { layout: horizontal; }
    Latency.-wide #part-stages, Latency.-wide #part-slow { margin: 0 2 0 0; }
    Latency.-wide #part-slow { width: 2fr; }
    Latency.-tall > #latency-names { display: none; }
    Latency.-tall > #row-1 { height: 20; }
    Latency.-tall.-wide > #row-1 { height: 12; }
    Latency > .row { visibility: hidden; }
    Latency > .row > .part { visibility: visible; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn(1)", "Next part"),
        Binding("shift+tab", "turn(-1)", "Part before", show=False),
        Binding("v", "step(1)", "Next step"),
        Binding("V", "step(-1)", "Step before", show=False),
        Binding("e", "export", "CSV", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The head, the names of the parts, the parts."""
        self._make()
        yield Words(classes="title", id="latency-head")
        with Horizontal(id="latency-names"):
            yield from map(PartName, PARTS)
            yield Static(HINT, id="latency-hint")
        with Container(classes="row", id="row-0"):
            with Vertical(classes="part", id="part-stages"):
                yield from self._titled("mesh")
                yield from self._titled("broker")
                yield Words(id="meanings")
            with Vertical(classes="part", id="part-steps"):
                yield from self._titled("steps")
                yield Static(id="plot")
        with Container(classes="row", id="row-1"):
            with Vertical(classes="part", id="part-slow"):
                yield from self._titled("slow")
            with Vertical(classes="part", id="part-clocks"):
                yield from self._titled("clocks")

    def _make(self) -> None:
        """The tables, and what the page keeps."""
        self._mesh: Table[StageRow] = Table(_stages(), empty=NO_STAGE, row_style=_dim, id="table-mesh")
        self._broker: Table[StageRow] = Table(_stages(), empty=NO_STAGE, row_style=_dim, id="table-broker")
        steps: TableModel[StepRow] = TableModel(STEP_COLUMNS, key=lambda row: row.step.key)
        self._steps: Table[StepRow] = Table(steps, empty="", row_style=lambda row: "" if row.summary.count else "dim", id="table-steps")
        slow: TableModel[Slow] = TableModel(SLOW_COLUMNS, key=lambda row: (row.account, row.f))
        self._slow: Table[Slow] = Table(slow, empty=NO_ORDER, id="table-slow")
        clocks: TableModel[ClockRow] = TableModel(CLOCK_COLUMNS, key=lambda row: row.node)
        self._clocks: Table[ClockRow] = Table(clocks, empty=NO_CLOCK, row_style=_dim, id="table-clocks")
        self._tables: dict[str, Table[Any]] = {
            "mesh": self._mesh, "broker": self._broker, "steps": self._steps, "slow": self._slow, "clocks": self._clocks
        }  # fmt: skip
        self._at = "mesh"
        """The table that has the keys."""
        self._plotted: tuple[object, ...] = ()

    def _titled(self, name: str) -> ComposeResult:
        yield Static(TITLES[name], classes="title")
        yield FilterBar(self._tables[name])
        yield self._tables[name]

    # what is shown

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now; of parts that are not in view nothing."""
        is_wide = self.has_class("-wide")
        self.query_one("#latency-head", Words).tell(Text(latency_head(state, now_ns, is_wide), no_wrap=True, overflow="ellipsis"))
        if self._is_in_view("stages"):
            self._stages(state, now_ns)
        if self._is_in_view("steps"):
            self._steps.show(step_rows(state.latencies, now_ns))
            self._plot(state, now_ns)
        if self._is_in_view("slow"):
            self._slow.show(state.latencies.slowest(now_ns))
        if self._is_in_view("clocks"):
            self._clocks.show(clock_rows(state, now_ns))

    def _stages(self, state: State, now_ns: int) -> None:
        """Mesh and broker; what the stages are where that leaves room."""
        mesh, broker = (stage_rows(state, now_ns, is_broker) for is_broker in (False, True))
        room = self.query_one("#part-stages").size.height - 2
        broker_height = 1 + max(1, min(BROKER_ROWS_MAX, len(broker)))
        self._mesh.styles.height = max(1, min(1 + max(1, len(mesh)), room - broker_height)) if room > 0 else "1fr"
        self._broker.styles.height = broker_height
        self._mesh.show(mesh)
        self._broker.show(broker)
        self.query_one("#meanings", Words).tell(Text("\n".join(meanings([*mesh, *broker]))))

    def _plot(self, state: State, now_ns: int) -> None:
        """The histogram of the step under the cursor."""
        widget = self.query_one("#plot", Static)
        row = self._steps.model.row
        what = state.latencies.version, row.step.key if row else "", widget.content_size
        if row is not None and what != self._plotted:
            self._plotted = what
            widget.update(plot(state.latencies, row.step, now_ns, *widget.content_size))

    def _is_in_view(self, part: str) -> bool:
        """Whether there is room for a part now."""
        if self.has_class("-tall"):
            return True
        shown = PART_OF[self._at]
        return ROW_OF[part] == ROW_OF[shown] if self.has_class("-wide") else part == shown

    def _lay_out(self) -> None:
        """Show the parts there is room for."""
        for name in self.query(PartName):
            name.tell(self._is_in_view(name.part))
        for part in PARTS:
            self.query_one(f"#part-{part}").display = self._is_in_view(part)
        for row in dict.fromkeys(ROW_OF.values()):
            self.query_one(f"#row-{row}").display = any(self._is_in_view(part) for part in PARTS if ROW_OF[part] == row)
        self.show(self.main.state, self.main.now_ns())
        self.call_after_refresh(self._sized)

    def _sized(self) -> None:
        """The plot knows its room only when it was laid out."""
        self._plot(self.main.state, self.main.now_ns())

    def on_resize(self, event: events.Resize) -> None:
        """One part, a row of parts, or all of them."""
        self.set_class(event.size.width >= WIDE_CELLS, "-wide")
        self.set_class(event.size.height >= TALL_LINES, "-tall")
        self._lay_out()

    # keys

    def front(self) -> None:
        """Back to the table that had the keys."""
        self._tables[self._at].focus()

    def _turn_to(self, name: str) -> None:
        self._at = name
        self._lay_out()
        self._tables[name].focus()

    def action_turn(self, step: int) -> None:
        """To the next table."""
        names = list(self._tables)
        self._turn_to(names[(names.index(self._at) + step) % len(names)])

    def on_descendant_focus(self) -> None:
        """A table may also be clicked."""
        self._at = next((name for name, table in self._tables.items() if table.has_focus), self._at)

    @on(PartName.Wanted)
    def turn_to_part(self, event: PartName.Wanted) -> None:
        """The first table of a part."""
        event.stop()
        self._turn_to(next(name for name, part in PART_OF.items() if part == event.part))

    def action_step(self, step: int) -> None:
        """The histogram of the next step, wherever the keys are."""
        if not self._is_in_view("steps"):
            self._turn_to("steps")
        row = self._steps.model.row
        at = STEPS.index(row.step) if row is not None else -1
        self._steps.go_to(STEPS[(at + step) % len(STEPS)].key)
        self._sized()

    @on(Table.Moved, "#table-steps")
    def step_moved(self, event: Any) -> None:
        """Another step is under the cursor."""
        event.stop()
        self._sized()

    @on(Table.Picked, "#table-slow")
    def open(self, event: Any) -> None:
        """The whole story of an order."""
        event.stop()
        lines = slow_lines(event.row)
        self.main.push_screen(Chain("slow order", lambda: lines, event.row.sid))

    def action_export(self) -> None:
        """The table that has the keys as a CSV file."""
        model = self._tables[self._at].model
        try:
            path = save_csv(f"latency-{self._at}", model.csv(), self.main.wall_ns())
        except OSError as error:
            self.notify(f"no CSV: {error.strerror}", severity="error")
        else:
            self.notify(f"{len(model.visible):,} rows: {path}")

    def action_copy(self) -> None:
        """The row under its cursor to the clipboard."""
        model = self._tables[self._at].model
        if model.row is not None:
            self.main.copy_to_clipboard(model.text_of_row(model.row))
            self.notify("copied the row")


def _stages() -> TableModel[StageRow]:
    return TableModel(STAGE_COLUMNS, key=lambda row: (row.node, row.stage))


def _dim(row: StageRow | ClockRow) -> str:
    return "dim" if row.is_old else ""
