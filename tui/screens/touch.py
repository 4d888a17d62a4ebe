"""One position touched by hand: closed, or its levels changed."""

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from mesh.messages.control import CommandAnswer
from mesh.units import e8_from_text
from tui.amounts import lots_text
from tui.screens.acting import ActDialog, Wanted
from tui.state import State
from tui.traderows import PositionRow
from tui.tradewords import position_lines
from tui.widgets.fields import Field

GONE = "✗ it is not open any more"


class PositionDialog(ActDialog):
    """A position as it is now, and what is to become of it. ``find``: its row, None once it is not open any more."""

    def __init__(self, title: str, row: PositionRow, find: Callable[[], PositionRow | None]) -> None:
        super().__init__(f"{title} {row.query}{'' if row.position.ours else ' (* not ours)'}", row.seen.account)
        self._row = row
        self._find = find
        self._is_gone = False

    def lines(self) -> list[str]:
        """The position; as it was last, where it is gone."""
        return [GONE, *position_lines(self._row, is_open=False)] if self._is_gone else position_lines(self._row)

    def show(self, state: State, now_ns: int) -> None:
        """It goes on while it is looked at: what was found of another one is not done."""
        row = self._find()
        self._is_gone = row is None
        self._row = row or self._row
        self.tell_about(self.lines())
        if self._is_gone and self._looked_at is not None:
            self.forget()
            self.warn(GONE)
        self.changed()

    def missing(self) -> str:
        """What is not there any more is left alone."""
        return f"nothing was sent: {self._row.query} is not open any more" if self._is_gone else ""


class ClosePosition(PositionDialog):
    """Close one position."""

    AUTO_FOCUS = "#reason"

    def __init__(self, row: PositionRow, find: Callable[[], PositionRow | None]) -> None:
        super().__init__("Close position", row, find)

    def lines(self) -> list[str]:
        """The position, and what closing it does not do."""
        return [*super().lines(), "· nothing is stopped by it: a strategy may open again at once"]

    def parts(self) -> ComposeResult:
        """The position, a reason, the word."""
        yield from self.told(self.lines())
        yield Field("reason", Input(compact=True, id="reason", placeholder="may be left out"), "Enter goes on")
        yield from self.typed()

    def on_mount(self) -> None:
        """Look at once: there is nothing to be filled in."""
        super().on_mount()
        self.look(is_moving=False)

    @property
    def wanted(self) -> Wanted:
        """All of this position: of one that has become larger since, more would be closed than was looked at."""
        return (lots_text(self._row.position.volume_e8),)

    def call(self, wanted: Wanted, reason: str, is_dry: bool) -> list[CommandAnswer]:
        """Close it."""
        return self.main.hands.close(self._row.query, not self._row.position.ours, reason, is_dry)

    @on(Input.Submitted, "#reason")
    def try_it(self) -> None:
        """To the word, or look again."""
        self.go_on()


class ModifyPosition(PositionDialog):
    """Change the levels of one position."""

    AUTO_FOCUS = "#sl"

    def __init__(self, row: PositionRow, find: Callable[[], PositionRow | None]) -> None:
        super().__init__("SL and TP of", row, find)

    def parts(self) -> ComposeResult:
        """The position, its levels, the word."""
        yield from self.told(self.lines())
        for name, now in self._levels().items():
            yield Field(name, Input(compact=True, id=name.lower(), placeholder=now), "empty leaves it, 0 removes it")
        yield from self.typed()

    def _levels(self) -> dict[str, str]:
        """What it has now."""
        seen, position = self._row.seen, self._row.position
        named = (("SL", position.sl_e8), ("TP", position.tp_e8))
        return {name: f"{seen.price(position.symbol, value_e8) or 'none'} now" for name, value_e8 in named}

    def show(self, state: State, now_ns: int) -> None:
        """Its levels may be moved by others, too."""
        super().show(state, now_ns)
        for name, now in self._levels().items():
            self.query_one(f"#{name.lower()}", Input).placeholder = now

    @property
    def wanted(self) -> Wanted:
        """The levels."""
        return self.value("sl"), self.value("tp")

    def missing(self) -> str:
        """One level at least, and numbers."""
        if self._is_gone:
            return super().missing()
        if not any(self.wanted):
            return "nothing to change: give SL, TP or both (0 removes a level)"
        for name, text in zip(("SL", "TP"), self.wanted, strict=True):
            try:
                is_wrong = bool(text) and e8_from_text(text) < 0
            except ValueError as error:
                return f"{name}: {error}"
            if is_wrong:
                return f"{name} {text}: 0 or more is allowed"
        return ""

    def call(self, wanted: Wanted, reason: str, is_dry: bool) -> list[CommandAnswer]:
        """Change them."""
        sl, tp = wanted
        return self.main.hands.modify(self._row.query, sl, tp, is_dry)

    @on(Input.Submitted, "#sl")
    @on(Input.Submitted, "#tp")
    def try_it(self) -> None:
        """To the word, or look what it would be."""
        self.go_on()
