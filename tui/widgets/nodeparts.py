"""One node in all its parts: what it is, its last minutes, whom it serves, and what it says of itself."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from tui.nodedetail import columns, head
from tui.nodepeers import peers
from tui.noderows import NodeRow
from tui.state import State

WIDE_CELLS = 150
"""From here on two columns stand side by side."""
GAP_CELLS = 3
EDGE_CELLS = 3
"""Padding on both sides, and the scrollbar."""


class NodeParts(Vertical):
    """A head that stays, and below it the parts, which scroll."""

    DEFAULT_CSS = """
    NodeParts {
        padding: 0 1;
        & > .node-head { height: 2; background: $boost; }
        & > .node-parts { height: 1fr; layout: vertical; scrollbar-size-vertical: 1; overflow-x: hidden; }
        & > .node-parts > Static { height: auto; width: 100%; }
        & > .node-parts > .node-right { margin-top: 1; }
        &.-wide > .node-parts { layout: horizontal; }
        &.-wide > .node-parts > Static { width: 1fr; }
        &.-wide > .node-parts > .node-right { margin: 0 0 0 3; }
    }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._head, self._left, self._right = (Static(classes=f"node-{part}") for part in ("head", "left", "right"))
        self._drawn: dict[Static, Text] = {}

    def compose(self) -> ComposeResult:
        """The head and two columns."""
        yield self._head
        with VerticalScroll(classes="node-parts"):
            yield self._left
            yield self._right

    def show(self, state: State, row: NodeRow, now_ns: int) -> None:
        """Draw what there is now."""
        width = self.size.width or self.app.size.width
        is_wide = width >= WIDE_CELLS
        self.set_class(is_wide, "-wide")
        room = (width - EDGE_CELLS - GAP_CELLS) // 2 if is_wide else width - EDGE_CELLS
        left, right = columns(state, row, now_ns, room, peers(state, row, now_ns, room))
        for part, text in ((self._head, head(row)), (self._left, left), (self._right, right)):
            if self._drawn.get(part) != text:
                self._drawn[part] = text
                part.update(text)
