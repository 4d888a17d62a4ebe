"""Page Nodes."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page
from tui.state import State


class Nodes(Page):
    """Page Nodes."""

    NAME, TITLE, KEY = "nodes", "Nodes", "2"

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Static("nodes")

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
