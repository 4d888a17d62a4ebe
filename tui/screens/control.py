"""Page Control."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page
from tui.state import State


class Control(Page):
    """Page Control."""

    NAME, TITLE, KEY = "control", "Control", "4"

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Static("control")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
