"""The alerts as a list with a cursor: what somebody has to decide is on top, and Enter goes to where it is decided."""

import re
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.alerts import DECIDE, KNOW, MARKS, WRONG, Alert
from tui.board import titled
from tui.tablemodel import padded, plain
from tui.widgets.lines import Line, Lines

_SPAN = re.compile(r"[\d.,]+ (µs|ms|s)\b")
"""How long something is so already: the same alert a second later has another one."""

TITLES = {DECIDE: "to decide", WRONG: "wrong", KNOW: "to know"}


def subject_of(alert: Alert) -> tuple[str, str]:
    """What an alert is about, whatever its age."""
    return alert.rank, _SPAN.sub("", alert.words)


class AlertList(Lines, can_focus=True):
    """A cursor nobody has moved is on the first; one that was stays on its alert."""

    DEFAULT_CSS = "AlertList { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-100000)", "First", show=False),
        Binding("end", "move(100000)", "Last", show=False),
        Binding("enter", "pick", "Go to the alert"),
    ]

    class Picked(Message):
        """Enter, or a click on the one under the cursor."""

        def __init__(self, alert: Alert) -> None:
            super().__init__()
            self.alert = alert

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here
        """The page it is on: alerts that are decided there need no way to it."""
        self._alerts: list[Alert] = []
        self._index = 0
        self._first = 0
        self._subject: tuple[str, str] | None = None
        """Of the alert the cursor was moved to."""

    @property
    def alert(self) -> Alert | None:
        """The one under the cursor."""
        return self._alerts[self._index] if self._alerts else None

    def show(self, alerts: list[Alert]) -> None:
        """Show these from now on."""
        self._alerts = alerts
        self._index = self._seat()
        self._lay_out()

    def _seat(self) -> int:
        if self._subject is None:
            return 0
        found = next((index for index, alert in enumerate(self._alerts) if subject_of(alert) == self._subject), None)
        return min(self._index, max(0, len(self._alerts) - 1)) if found is None else found

    def _lay_out(self) -> None:
        """The title, and as many as there is room for around the cursor."""
        width, room = self.size.width, max(0, self.size.height - 1)
        alerts, count = self._alerts, len(self._alerts)
        if not count:
            self.put([Line(titled("ALERTS   none: nothing needs you", "", width), "title")])
            return
        self._first = max(self._index - room + 1, min(self._first, self._index, max(0, count - room)))
        seen = alerts[self._first : self._first + room]
        below = count - self._first - len(seen)
        counts = {rank: sum(alert.rank == rank for alert in alerts) for rank in MARKS}
        words = "  ".join(f"{MARKS[rank]} {counts[rank]} {TITLES[rank]}" for rank in MARKS if counts[rank])
        hint = f"  ↓ {below} more" if below else "  Enter goes there"
        lines = [self._line(alert, self._first + y == self._index, width) for y, alert in enumerate(seen)]
        self.put([Line(titled(f"ALERTS   {words}", hint, width), "title"), *lines])

    def _line(self, alert: Alert, is_cursor: bool, width: int) -> Line:
        to = "" if alert.page == self._here else f"  → {alert.page}"
        words = padded(f"{'>' if is_cursor else ' '} {MARKS[alert.rank]} {plain(alert.words)}", width - len(to), False)
        style = "bold" if alert.rank == DECIDE else ""
        return Line(Text(words + to, f"{style} reverse" if is_cursor and self.has_focus else style, no_wrap=True))

    # the cursor

    def _place(self, index: int) -> None:
        if self._alerts:
            self._index = max(0, min(index, len(self._alerts) - 1))
            self._subject = subject_of(self._alerts[self._index]) if self._index else None
            self._lay_out()

    def action_move(self, step: int) -> None:
        """Move the cursor."""
        self._place(self._index + step)

    def action_page(self, step: int) -> None:
        """Move the cursor by what is seen."""
        self._place(self._index + step * max(1, self.size.height - 1))

    def action_pick(self) -> None:
        """Say that somebody will decide it."""
        if self.alert is not None:
            self.post_message(self.Picked(self.alert))

    def on_click(self, event: events.Click) -> None:
        """The first click takes the cursor there, one on the cursor goes on."""
        index = self._first + event.y - 1
        if event.y and index == self._index:
            self.action_pick()
        elif event.y and index < len(self._alerts):
            self._place(index)

    def on_mouse_scroll_down(self) -> None:
        """Further down."""
        self.action_move(1)

    def on_mouse_scroll_up(self) -> None:
        """Back up."""
        self.action_move(-1)

    def on_focus(self) -> None:
        """Show that the cursor has the keys."""
        self._lay_out()

    def on_blur(self) -> None:
        """Show that it has not."""
        self._lay_out()

    def on_resize(self) -> None:
        """Fit into the new size."""
        self._lay_out()
