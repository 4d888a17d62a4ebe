"""Words that are told again and again: drawn where they are others than before, laid out where they take more lines or fewer."""

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Static


class Words(Static):
    """A Static for a page's own lines."""

    _told: Text | None = None
    _height = 0

    def tell(self, text: Text) -> None:
        """Show a text."""
        if self._told is not None and (text.plain, text.spans, text.style) == (self._told.plain, self._told.spans, self._told.style):
            return
        width = max(1, self.size.width)
        height = sum(max(1, -(-cell_len(line) // width)) for line in text.plain.split("\n")) if text.plain else 0
        self.update(text, layout=height != self._height)
        self._told, self._height = text, height

    def on_resize(self) -> None:
        """Its lines break elsewhere."""
        self._height = -1
