"""Lines of text that are drawn again one by one: only those that changed."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Line(NamedTuple):
    """A line. ``part``: empty, or ``title`` for one that begins something."""

    text: Text
    part: str = ""

    def is_like(self, other: "Line") -> bool:
        """Whether it looks the same; rich compares texts without their style."""
        return self.part == other.part and self.text == other.text and self.text.style == other.text.style


EMPTY = Line(Text(""))


class Lines(Widget):
    """As many of its lines as there is room for."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--title"}
    DEFAULT_CSS = """
    Lines { height: 1fr; & > .lines--title { text-style: bold; background: $panel; } }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    def put(self, lines: Sequence[Line]) -> None:
        """Show these."""
        before, self._lines = self._lines, list(lines)
        width, count = self.size.width, min(len(before), len(lines))
        changed = [y for y in range(count) if not before[y].is_like(lines[y])]
        changed += range(count, max(len(before), len(lines)))
        if changed and width:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        """Draw one."""
        line = self._lines[y] if y < len(self._lines) else EMPTY
        base = self.rich_style
        if line.part:
            base += self.get_component_rich_style(f"lines--{line.part}")
        # rich leaves a text's own style out where nothing else is styled
        base += self.app.console.get_style(line.text.style)
        segments = [
            Segment(segment.text, base + segment.style if isinstance(segment.style, Style) else base)
            for segment in line.text.render(self.app.console)
            if segment.text and not segment.control
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base)
