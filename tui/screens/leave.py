"""What is asked before a console is left that is the end of what it shows: once, and the same key again is the answer."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from tui.screens.confirm import Dialog
from tui.widgets.fields import text_of


class Leave(Dialog):
    """``ends``: what ends with the console."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,ctrl+c", "app.quit", "End the run")]

    def __init__(self, ends: str) -> None:
        super().__init__("End the run?")
        self._ends = ends

    def parts(self) -> ComposeResult:
        """What ends, and by which keys."""
        yield Static(text_of([self._ends, "q again (or Ctrl+C) ends it, Esc stays"]))
