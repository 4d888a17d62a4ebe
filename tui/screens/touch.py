"""One position touched by hand: closed, or its levels changed."""

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from mesh.messages.control import CommandAnswer
from mesh.units import e8_from_text
from tui.screens.acting import ActDialog, Wanted
from tui.traderows import PositionRow
from tui.tradewords import position_lines
from tui.widgets.fields import Field


class ClosePosition(ActDialog):
    """Close one position."""

    AUTO_FOCUS = "#reason"

    def __init__(self, row: PositionRow) -> None:
        whose = "" if row.position.ours else " (* not ours)"
        super().__init__(f"Close position {row.query}{whose}", row.seen.account)
        self._row = row

    def parts(self) -> ComposeResult:
        """The position, a reason, the word."""
        yield from self.told([*position_lines(self._row), "· nothing is stopped by it: a strategy may open again at once"])
        yield Field("reason", Input(compact=True, id="reason", placeholder="may be left out"), "Enter goes on")
        yield from self.typed()

    def on_mount(self) -> None:
        """Look at once: there is nothing to be filled in."""
        super().on_mount()
        self.look(is_moving=False)

    @property
    def wanted(self) -> Wanted:
        """Nothing but this position."""
        return ()

    def call(self, wanted: Wanted, reason: str, is_dry: bool) -> list[CommandAnswer]:
        """Close it."""
        return self.main.hands.close(self._row.query, not self._row.position.ours, reason, is_dry)

    @on(Input.Submitted, "#reason")
    def try_it(self) -> None:
        """To the word, or look again."""
        self.go_on()


class ModifyPosition(ActDialog):
    """Change the levels of one position."""

    AUTO_FOCUS = "#sl"

    def __init__(self, row: PositionRow) -> None:
        super().__init__(f"SL and TP of {row.query}{'' if row.position.ours else ' (* not ours)'}", row.seen.account)
        self._row = row

    def parts(self) -> ComposeResult:
        """The position, its levels, the word."""
        row, position = self._row, self._row.position
        yield from self.told(position_lines(row))
        for name, value_e8 in (("SL", position.sl_e8), ("TP", position.tp_e8)):
            now = row.seen.price(position.symbol, value_e8) or "none"
            yield Field(name, Input(compact=True, id=name.lower(), placeholder=f"{now} now"), "empty leaves it, 0 removes it")
        yield from self.typed()

    @property
    def wanted(self) -> Wanted:
        """The levels."""
        return self.value("sl"), self.value("tp")

    def missing(self) -> str:
        """One level at least, and numbers."""
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
