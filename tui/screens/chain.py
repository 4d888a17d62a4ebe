"""One row of the page Trades with its whole chain, as `mesh why` tells it: the signal, each account's outcome, its eight stamps."""

from collections.abc import Callable
from typing import ClassVar

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.amounts import age_text
from tui.page import Detail
from tui.state import State
from tui.widgets.fields import text_of
from tui.widgets.keys import Keys
from tui.widgets.top import Top
from tui.widgets.words import Words


class Chain(Detail):
    """``lines``: the row as it is now; ``query``: what `why` is asked; ``nothing``: why it is not, else empty."""

    DEFAULT_CSS = """
    Chain {
        background: $background;
        & > #chain-facts { height: auto; padding: 0 1; background: $boost; }
        & > #chain-body { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
        & #chain-story { height: auto; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Back"),
        Binding("r", "again", "Ask again"),
        Binding("y", "copy", "Copy the row"),
    ]

    def __init__(self, title: str, lines: Callable[[], list[str]], query: str, nothing: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._query = query
        self._nothing = nothing
        self._asked_ns = 0
        self._is_asking = False
        self._number = 0

    def compose(self) -> ComposeResult:
        """The head of every screen, the row, its story."""
        yield Top()
        yield Words(id="chain-title", classes="title")
        yield Words(id="chain-facts")
        with VerticalScroll(id="chain-body"):
            yield Static(id="chain-story")
        yield Keys()

    def on_mount(self) -> None:
        """Ask at once."""
        super().on_mount()
        self.query_one("#chain-body").focus()
        if self._nothing:
            self._tell(text_of([self._nothing]))
        else:
            self.action_again()

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        if not self.is_mounted:
            return
        when = "asking …" if self._is_asking else f"asked {age_text(now_ns - self._asked_ns)} ago" if self._asked_ns else ""
        words = self._title + (f"   its chain: {when}" if when else "")
        self.query_one("#chain-title", Words).tell(text_of([words]))
        self.query_one("#chain-facts", Words).tell(text_of(self._lines()))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What has no story is not asked for."""
        return not self._nothing if action == "again" else True

    def action_again(self) -> None:
        """Ask for the story."""
        if self._is_asking or self._nothing:
            return
        self._is_asking = True
        self._number += 1
        number, hands, view, query = self._number, self.main.hands, self.main.state.view, self._query
        if not self._asked_ns:
            self._tell(text_of(["asking …"]))
        self.main.ask(lambda: hands.why(query, view), lambda story: self._told(number, story), lambda words: self._failed(number, words))
        self.show(self.main.state, self.main.now_ns())

    def action_copy(self) -> None:
        """The row as text into the clipboard."""
        self.app.copy_to_clipboard("\n".join([self._title, *self._lines()]))
        self.notify("the row was copied")

    def _told(self, number: int, story: RenderableType) -> None:
        self._asked_ns = self.main.now_ns()
        self._ended(number, story)

    def _failed(self, number: int, words: str) -> None:
        self._ended(number, text_of([f"✗ {words}", "r asks again"]))

    def _ended(self, number: int, story: RenderableType) -> None:
        self._is_asking = False
        if number == self._number and self in self.app.screen_stack:
            self._tell(story)
            self.show(self.main.state, self.main.now_ns())

    def _tell(self, story: RenderableType) -> None:
        self.query_one("#chain-story", Static).update(story)
