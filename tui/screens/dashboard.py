"""Page Dashboard: what needs a person, what is stopped, what the fleet has and risks, and how much flows how fast."""

from collections.abc import Callable
from typing import NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult

from mesh.units import MS_NS
from tui import flowpicture, stoplines
from tui.alerts import alerts
from tui.board import exposure_lines, flow_lines, money_lines
from tui.boardlists import account_lines, note_lines, outcome_lines
from tui.boardplan import ALERTS_LEAST, NOTES_LEAST, TABLE_LEAST, TALL_LINES, WIDE_CELLS, Wish, alerts_most, beside, halves, shares
from tui.fleet import Fleet
from tui.flow import Flow
from tui.page import Page
from tui.state import State
from tui.widgets.alertlist import AlertList
from tui.widgets.lines import EMPTY, Line, Lines

MANY_ACCOUNTS, REST_NS = 200, 250 * MS_NS
"""With more accounts than these it is drawn four times a second: nobody reads sums of a thousand accounts faster."""


class Section(NamedTuple):
    """A part of the page. ``draw``: its lines for a width and a height."""

    wish: Wish
    draw: Callable[[int, int], list[Text]]


class Dashboard(Page):
    """Page Dashboard."""

    NAME, TITLE, KEY = "dashboard", "Dashboard", "1"

    def compose(self) -> ComposeResult:
        """Alerts, and everything else as lines."""
        self._fleet = Fleet()
        self._flow = Flow(self.main.state)
        self._off = self.main.config.switched_off()
        self._alerts = AlertList(self.NAME)
        self._lines = Lines()
        self._drawn_ns = 0
        yield self._alerts
        yield self._lines

    def front(self) -> None:
        """The alerts have the keys."""
        self._alerts.focus()

    def on_resize(self) -> None:
        """Lay it out anew."""
        self._drawn_ns = 0
        self.show(self.main.state, self.main.now_ns())

    @on(AlertList.Picked)
    def go(self, event: AlertList.Picked) -> None:
        """Go where an alert is decided."""
        event.stop()
        self.main.action_page(event.alert.page)

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        width, height = self.size
        is_rest = len(state.view.accounts) > MANY_ACCOUNTS and 0 < now_ns - self._drawn_ns < REST_NS
        if is_rest or not width or not height:
            return
        self._drawn_ns = now_ns
        self._fleet.take(state.view.accounts, now_ns)
        found = alerts(state, now_ns)
        alert_count = 1 + min(len(found), alerts_most(height))
        rows = self._rows(state, now_ns, width, height)
        wishes = [Wish(max(s.wish.least for s in row), max(s.wish.want for s in row)) for row in rows]
        gap = 1 if height >= TALL_LINES else 0
        given = shares(height - gap * len(rows), [Wish(min(ALERTS_LEAST, alert_count), alert_count), *wishes])
        self._alerts.styles.height = given[0]
        self._alerts.show(found)
        lines: list[Line] = []
        for row, count in zip(rows, given[1:], strict=True):
            if count >= min(TABLE_LEAST, row[0].wish.want):
                lines += [*([EMPTY] * gap), *_drawn(row, width, count)]
        self._lines.put(lines)

    def _rows(self, state: State, now_ns: int, width: int, height: int) -> list[list[Section]]:
        """Sections from top to bottom; two beside each other where there is room. What comes last has what others leave."""
        fleet, view, wall_ns, off = self._fleet, state.view, self.main.wall_ns(), self._off
        unseen_count = sum(name not in view.accounts for name in state.config.account)
        is_tall = height >= TALL_LINES
        stations = self._flow.stations(state, now_ns)
        trends = self._flow.trends(state, now_ns) if is_tall else {}
        flow_count = 1 + flowpicture.line_count(width, is_tall)
        found = stoplines.stops_of(state, now_ns)
        stops = _section(3, 1 + bool(off) + len(found), lambda w, h: stoplines.stop_lines(state, found, off, now_ns, wall_ns, w, h))
        money = _section(4, 1 + len(fleet.money()) + (unseen_count > 0), lambda w, h: money_lines(fleet, unseen_count, w, h))
        exposure = _section(3, 1 + max(1, fleet.symbol_count), lambda w, h: exposure_lines(fleet, w, h))
        flow = _section(flow_count, flow_count, lambda w, h: flow_lines(state, stations, trends, now_ns, w, h))
        days = _section(0, 1 + max(1, len(view.accounts)), lambda w, h: account_lines(state, fleet, now_ns, w, h))
        outcomes = _section(0, 1 + max(1, len(view.outcomes)), lambda w, h: outcome_lines(state, w, h))
        notes = _section(NOTES_LEAST if is_tall else 0, 1 + max(1, len(state.log)), lambda w, h: note_lines(state, w, h))
        if width >= WIDE_CELLS:
            return [[stops], [money, exposure], [flow], [days, outcomes], [notes]]
        return [[stops], [money], [exposure], [flow], [days], [outcomes], [notes]]


def _section(least: int, want: int, draw: Callable[[int, int], list[Text]]) -> Section:
    return Section(Wish(min(least, want), want), draw)


def _drawn(row: list[Section], width: int, height: int) -> list[Line]:
    if len(row) == 1:
        lines = row[0].draw(width, height)
    else:
        left, right = halves(width)
        lines = beside(row[0].draw(left, height), row[1].draw(right, height), left)
    return [Line(text, "" if y else "title") for y, text in enumerate(lines)]
