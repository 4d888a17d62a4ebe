"""One node in detail, on top of the page it was opened on."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.noderows import NodeRows
from tui.page import Detail
from tui.state import State
from tui.widgets.keys import Keys
from tui.widgets.nodeparts import NodeParts
from tui.widgets.top import Top


class NodeScreen(Detail):
    """All of one node, drawn again whenever the page below is."""

    DEFAULT_CSS = "NodeScreen { background: $background; } NodeScreen NodeParts { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss(None)", "Back")]

    def __init__(self, rows: NodeRows, name: str) -> None:
        super().__init__()
        self._rows = rows
        self._name_of_node = name

    def compose(self) -> ComposeResult:
        """The head of every screen, the node, the keys."""
        yield Top()
        yield NodeParts()
        yield Keys()

    def show(self, state: State, now_ns: int) -> None:
        """Draw what there is now."""
        for parts in self.query(NodeParts):
            parts.display = not self.main.has_class("-too-small")
            parts.show(state, self._rows.row(self._name_of_node, state, now_ns), now_ns)
