"""Page Control: the ladder, stops that bind and how locals are with them, and how what was sent from here took, account by account."""

import textwrap
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mesh.confirmations import Verdict
from mesh.messages.control import CANCEL, FLATTEN, FREEZE, LADDER
from tui.hands import Progress
from tui.page import Page
from tui.screens.closing import CloseDialog, ReconcileDialog
from tui.screens.confirm import StopDialog, UndoDialog
from tui.state import Run, State
from tui.stoprows import (
    ACCOUNT_COLUMNS,
    ENDED,
    ENDING,
    LEVEL_STYLE,
    LOCAL_COLUMNS,
    STOP_COLUMNS,
    TO_ARM,
    VERDICT_COLUMNS,
    AccountRow,
    LocalRow,
    StopRow,
    account_rows,
    account_style,
    is_unconfirmed,
    is_unsettled,
    local_rows,
    local_style,
    seconds_text,
    stop_rows,
)
from tui.stopwords import MEANING, NOTHING_SENT, ONLY_WATCHES, SHORT, can_end, force_words, run_title, run_words, steps
from tui.tablemodel import TableModel
from tui.widgets.fields import text_of
from tui.widgets.table import Table
from tui.widgets.words import Words

WIDE_COLUMNS, HIGH_LINES = 150, 40
"""From so many on, what was sent stands beside the stops, or below what locals say; else one of the two is shown."""
STOPS_MAX = 3
"""Stops that are seen at once in a small terminal; in a large one a quarter of its lines."""
STEP_KEYS = {FREEZE: "f", CANCEL: "c", FLATTEN: "x"}
KEYS = (
    ("enter", "Enter", "undo"), ("p", "p", "close"), ("r", "r", "reconcile"), ("a", "a", "ended"),
    ("l", "l", "locals"), ("left_square_bracket", "[", "older"), ("right_square_bracket", "]", "newer"),
)  # fmt: skip


class StepBox(Static):
    """A step of the ladder; a click asks for it."""

    DEFAULT_CSS = "StepBox { width: 1fr; height: auto; }"

    def __init__(self, level: str) -> None:
        super().__init__()
        self.level = level

    def on_click(self) -> None:
        """The same as its key."""
        key = STEP_KEYS.get(self.level)
        if key is not None:
            self.app.simulate_key(key)


class Control(Page):
    """Stops are begun and ended here; the chord works everywhere."""

    NAME, TITLE, KEY = "control", "Control", "4"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", f"stop('{FREEZE}')", "FREEZE", show=False),
        Binding("c", f"stop('{CANCEL}')", "CANCEL", show=False),
        Binding("x", f"stop('{FLATTEN}')", "FLATTEN", show=False),
        Binding("u", "undo(False)", "End all of this scope", show=False),
        Binding("U", "undo(True)", "End this stop", show=False),
        Binding("p", "close", "Close positions", show=False),
        Binding("r", "reconcile", "Reconcile", show=False),
        Binding("a", "ended", "Ended stops, too", show=False),
        Binding("l", "locals", "What locals say", show=False),
        Binding("left_square_bracket", "run(-1)", "Older", show=False),
        Binding("right_square_bracket", "run(1)", "Newer", show=False),
    ]
    DEFAULT_CSS = """
    Control #ladder { height: auto; max-height: 4; }
    Control .line { height: auto; max-height: 2; padding: 0 1; }
    Control #panes { height: 1fr; layout: vertical; }
    Control #binding { height: auto; }
    Control #stops-pane { height: auto; }
    Control #locals-pane, Control #accounts-pane, Control #run-pane { height: 1fr; }
    Control.-high #locals-pane { height: auto; }
    Control #run-words { height: auto; max-height: 4; padding: 0 1; }
    Control.-locals #binding { height: 1fr; }
    Control.-locals #run-pane { display: none; }
    Control.-run #locals-pane, Control.-run #accounts-pane { display: none; }
    Control.-no-locals #locals-pane, Control.-no-accounts #accounts-pane { display: none; }
    Control.-both #binding { height: 1fr; }
    Control.-wide #panes { layout: horizontal; }
    Control.-wide #binding, Control.-wide #run-pane { width: 1fr; height: 1fr; }
    Control.-wide #run-pane { border-left: solid $panel; }
    Control.-wide #run-words { max-height: 20; }
    /* what only holds others is not drawn: its blank lines below theirs took half of the time the page took to come */
    Control, Control Horizontal, Control Container, Control Vertical { visibility: hidden; }
    Control Static, Control Table { visibility: visible; }
    Control.-wide #run-pane { visibility: visible; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._with_ended = False
        self._wants_locals = False
        """Where there is room for one only: what locals say instead of what was sent."""
        self._run_number = 0
        """The run that is shown; 0: the newest."""
        self._newest = 0
        self._progress: Progress | None = None
        """Whose accounts the table has."""

    def compose(self) -> ComposeResult:
        """The ladder, keys, stops, locals, what was sent."""
        with Horizontal(id="ladder"):
            for level in LADDER:
                yield StepBox(level)
        yield Words(id="force", classes="line")
        yield Static(id="keys", classes="line")
        with Container(id="panes"):
            with Vertical(id="binding"):
                with Vertical(id="stops-pane"):
                    yield Words(id="stops-title", classes="title")
                    stops = TableModel(STOP_COLUMNS, key=lambda row: row.key, pinned=lambda row: row.word == TO_ARM)
                    yield Table(stops, empty="  no stop binds", row_style=self._stop_style, id="stops")
                with Vertical(id="locals-pane"):
                    yield Words(id="locals-title", classes="title")
                    locals_said = TableModel(LOCAL_COLUMNS, key=lambda row: row.account, pinned=is_unsettled)
                    yield Table(locals_said, empty="  it concerns no account of this configuration", row_style=local_style, id="locals")
                with Vertical(id="accounts-pane"):
                    yield Static(text_of(["WHAT A STOP WOULD TOUCH NOW"]), classes="title")
                    accounts = TableModel(ACCOUNT_COLUMNS, key=lambda row: row.account)
                    yield Table(accounts, empty="  no accounts", row_style=account_style, id="accounts")
            with Vertical(id="run-pane"):
                yield Words(id="run-title", classes="title")
                yield Words(id="run-words")
                verdicts = TableModel(VERDICT_COLUMNS, key=lambda row: row.account, pinned=is_unconfirmed)
                yield Table(verdicts, empty="  nobody has answered yet", id="verdicts")

    def on_mount(self) -> None:
        """Keys are links, too."""
        links = [
            Content.from_markup(f"[@click=app.simulate_key('{key}')][bold]$shown[/bold] $word[/]", shown=shown, word=word)
            for key, shown, word in KEYS
        ]
        self.query_one("#keys", Static).update(Content("  ").join(links))

    def _stop_style(self, row: StopRow) -> str:
        return "dim" if row.word == ENDED or row.state.is_blind(row.now_ns) else "italic" if row.word == ENDING else ""

    # what is shown

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        newest = max(state.runs, default=0)
        if newest != self._newest:
            self._newest, self._run_number, self._wants_locals = newest, 0, False
        width, height = self.app.size
        is_wide, is_both = width >= WIDE_COLUMNS, width >= WIDE_COLUMNS or height >= HIGH_LINES
        shows_locals = not is_both and (self._wants_locals or not state.runs)
        self.set_class(is_wide, "-wide")
        self.set_class(is_both, "-both")
        self.set_class(height >= HIGH_LINES, "-high")
        self.set_class(shows_locals, "-locals")
        self.set_class(not is_both and not shows_locals, "-run")
        self._show_ladder(state, now_ns, is_wide)
        self._show_stops(state, now_ns, height)
        if is_both or shows_locals:
            self._show_locals(state, now_ns, height >= HIGH_LINES)
        if is_both or not shows_locals:
            self._show_run(state)

    def _show_ladder(self, state: State, now_ns: int, is_wide: bool) -> None:
        for box, step in zip(self.query(StepBox), steps(state), strict=True):
            key = f" ({STEP_KEYS[step.level]})" if step.level in STEP_KEYS else ""
            in_force = "  in force" if step.is_in_force and is_wide else ""
            does = textwrap.wrap(MEANING[step.level], max(20, box.size.width - 4)) if is_wide else [SHORT[step.level]]
            text = text_of([f"{step.mark} {step.level}{key}{in_force}", *(f"  {line}" for line in does)])
            if step.is_in_force:
                text.stylize(f"bold reverse {LEVEL_STYLE.get(step.level, '')}", 0, text.plain.index("\n"))
            box.update(text)
        self.query_one("#force", Words).tell(text_of([force_words(state, now_ns, not self.main.hands.why_not)]))

    def _show_stops(self, state: State, now_ns: int, height: int) -> None:
        rows = stop_rows(state, now_ns, self._with_ended)
        counts = {word: sum(row.word == word for row in rows) for word in (ENDING, ENDED)}
        title = f"STOPS THAT BIND {len(state.stops)}"
        title += f", ENDING {counts[ENDING]}: ended, but held still" if counts[ENDING] else ""
        title += f", ENDED {counts[ENDED]}" if self._with_ended else ""
        heard = [now_ns - heard_ns for heard_ns in state.view.routers.values()]
        title += f", as known {seconds_text(min(heard))} s ago" if heard and state.is_blind(now_ns) else ""
        self.query_one("#stops-title", Words).tell(text_of([title]))
        table = self._stops
        table.styles.height = 1 + max(1, min(len(rows), STOPS_MAX if height < HIGH_LINES else height // 4))
        table.show(rows)

    def _show_locals(self, state: State, now_ns: int, has_room: bool) -> None:
        """What locals say of the stop under the cursor; what a stop would touch where there is none, or room for both."""
        stop = self._stops.model.row
        said, accounts = self.query_one("#locals", Table), self.query_one("#accounts", Table)
        self.set_class(stop is None, "-no-locals")
        self.set_class(stop is not None and not has_room, "-no-accounts")
        if stop is not None:
            title = f"WHAT LOCALS SAY of {stop.entry.level} {stop.entry.scope} by {stop.by}: their word, no proof"
            self.query_one("#locals-title", Words).tell(text_of([title]))
            rows: list[LocalRow] = local_rows(stop)
            said.styles.height = 1 + max(1, min(len(rows), self.app.size.height // 4)) if has_room else "1fr"
            said.show(rows)
        if stop is None or has_room:
            touched: list[AccountRow] = account_rows(state, now_ns)
            accounts.show(touched)

    def _show_run(self, state: State) -> None:
        run = self._run(state)
        table = self.query_one("#verdicts", Table)
        table.display = run is not None and run.progress is not None and bool(run.progress.verdicts)
        if run is None:
            why_not = self.main.hands.why_not
            title, words = "SENT FROM HERE", (ONLY_WATCHES.format(why_not=why_not) if why_not else NOTHING_SENT).splitlines()
        else:
            numbers = list(state.runs)
            title, words = run_title(run, numbers.index(run.number) + 1, len(numbers)), run_words(run, state)
        self.query_one("#run-title", Words).tell(text_of([title]))
        self.query_one("#run-words", Words).tell(text_of(words))
        progress = run.progress if run is not None else None
        if progress is not self._progress:
            self._progress = progress
            verdicts: list[Verdict] = list(progress.verdicts) if progress is not None else []
            table.show(verdicts)

    def _run(self, state: State) -> Run | None:
        return state.runs.get(self._run_number) or state.runs.get(max(state.runs, default=0))

    @property
    def _stops(self) -> Table[StopRow]:
        return self.query_one("#stops", Table)

    def again(self) -> None:
        """Something else is wanted: draw it at once."""
        self.show(self.main.state, self.main.now_ns())

    # keys

    def action_stop(self, level: str) -> None:
        """Ask for the scope of a stop."""
        self.app.push_screen(StopDialog(level, self._scope_at_cursor() or "all"))

    def _scope_at_cursor(self) -> str:
        """The account under the cursor of the table that has the keys."""
        table = self.app.focused
        row = table.model.row if isinstance(table, Table) else None
        return f"account:{row.account}" if isinstance(row, AccountRow | LocalRow | Verdict) else ""

    def action_undo(self, is_one: bool) -> None:
        """Ask for the end of the stop under the cursor."""
        row = self._stops.model.row
        if row is None:
            self.notify("no stop binds: there is nothing to end", markup=False)
        elif row.undo is not None:
            self.notify(f"{self._stops.model.text_of_row(row)}\nid: {row.key.hex()[:12]}", title="ended already", markup=False)
        elif not can_end(row.entry):
            words = f"{row.entry.reason}: a console of that version can end it"
            self.notify(words, title="not ended: nobody here knows how much it stops", severity="warning", markup=False)
        else:
            self.app.push_screen(UndoDialog(row, is_one))

    @on(Table.Picked, "#stops")
    def pick(self) -> None:
        """Enter on a stop."""
        self.action_undo(False)

    @on(Table.Moved, "#stops")
    def moved(self) -> None:
        """Locals are shown for the stop under the cursor."""
        self.again()

    @on(Table.Picked, "#verdicts, #locals")
    def tell_all(self, picked: Table.Picked) -> None:
        """Enter on an account: its answer in full."""
        self.notify(picked.table.model.text_of_row(picked.row), title=picked.row.account, markup=False)

    def action_close(self) -> None:
        """Ask which positions to close."""
        self.app.push_screen(CloseDialog(self.main.config, self._scope_at_cursor()))

    def action_reconcile(self) -> None:
        """Ask which account to compare."""
        account = self._scope_at_cursor().partition(":")[2] or next(iter(self.main.config.account), "")
        self.app.push_screen(ReconcileDialog(self.main.config, account))

    def action_ended(self) -> None:
        """Show stops that were ended, too, or not."""
        self._with_ended = not self._with_ended
        self.again()

    def action_locals(self) -> None:
        """Where one of both has room: what locals say, or what was sent."""
        self._wants_locals = not self._wants_locals
        self.again()

    def action_run(self, step: int) -> None:
        """An older or a newer one of what was sent."""
        numbers = list(self.main.state.runs)
        run = self._run(self.main.state)
        if run is None:
            return
        self._run_number = numbers[max(0, min(len(numbers) - 1, numbers.index(run.number) + step))]
        self._wants_locals = False
        self.again()
