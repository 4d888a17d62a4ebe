"""Page Dashboard."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page
from tui.state import State


class Dashboard(Page):
    """Page Dashboard."""

    NAME, TITLE, KEY = "dashboard", "Dashboard", "1"

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Static("dashboard")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
