"""The line a table's filter is typed into."""

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from tui.widgets.table import Table


class FilterBar(Horizontal):
    """Comes up when its table is asked to filter (``/``), and stays while it filters. Enter keeps the filter, Escape clears it."""

    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        display: none;
        & > Label { width: auto; padding: 0 1; text-style: bold; }
        & > Input { width: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", "Clear filter")]

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, bar: "FilterBar", text: str) -> None:
            super().__init__()
            self.bar = bar
            self.text = text

        @property
        def control(self) -> "FilterBar":
            """The bar, for ``on`` with a selector."""
            return self.bar

    def __init__(self, table: Table[Any], id: str | None = None) -> None:
        super().__init__(id=id)
        self.table = table
        # a field that cannot be seen must not take the focus
        self._field = Input(placeholder="words a row must hold", compact=True, disabled=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        """A mark, and the field."""
        yield Label("/")
        yield self._field

    def on_mount(self) -> None:
        """Follow the table."""
        self._field.value = self.table.filter_text
        self.watch(self.table, "is_filtering", self._open)
        self.watch(self.table, "filter_text", self._follow, init=False)

    def on_descendant_focus(self) -> None:
        """The field may also be clicked."""
        self.table.is_filtering = True

    def on_descendant_blur(self) -> None:
        """Going elsewhere keeps the filter, too."""
        self.table.is_filtering = False

    def action_clear(self) -> None:
        """Show all rows."""
        self.table.filter_text = ""
        self._leave()

    @on(Input.Changed)
    def filter(self, event: Input.Changed) -> None:
        """Filter by what is typed so far."""
        event.stop()
        # what the event tells may have been cleared since
        self.table.filter_text = self._field.value

    @on(Input.Submitted)
    def keep(self, event: Input.Submitted) -> None:
        """Back to the table."""
        event.stop()
        self._leave()

    def _leave(self) -> None:
        self.table.focus()
        self.table.is_filtering = False

    def _open(self, is_filtering: bool) -> None:
        self._show()
        if is_filtering:
            self._field.focus()

    def _follow(self, text: str) -> None:
        if self._field.value != text:
            with self._field.prevent(Input.Changed):
                self._field.value = text
        self._show()
        self.post_message(self.Changed(self, text))

    def _show(self) -> None:
        self.display = self.table.is_filtering or bool(self.table.filter_text)
        self._field.disabled = not self.display
