"""Page Trades."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page
from tui.state import State


class Trades(Page):
    """Page Trades."""

    NAME, TITLE, KEY = "trades", "Trades", "3"

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Static("trades")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
