"""Page Latency."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page
from tui.state import State


class Latency(Page):
    """Page Latency."""

    NAME, TITLE, KEY = "latency", "Latency", "5"

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Static("latency")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
