"""Page LogPage."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page
from tui.state import State


class LogPage(Page):
    """Page LogPage."""

    NAME, TITLE, KEY = "log", "Log", "6"

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Static("log")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
