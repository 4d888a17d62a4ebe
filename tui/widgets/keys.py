"""The last line: the pages with their keys, the one in front reversed; then what else a key does here, as far as there is room."""

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from tui.inconsole import InConsole

GAP = "  "
NAMED = {"enter": "⏎", "slash": "/", "question_mark": "?", "escape": "Esc", "left_square_bracket": "[", "right_square_bracket": "]"}


class Keys(InConsole, Static):
    """All of it can be clicked, too."""

    DEFAULT_CSS = "Keys { dock: bottom; height: 1; width: 100%; background: $footer-background; color: $footer-foreground; }"

    def show(self) -> None:
        """Draw it."""
        from tui.screens import PAGES

        text, width = Text(no_wrap=True), self.main.size.width
        front = self.main.page.NAME
        for page in PAGES:
            style = Style(reverse=front == page.NAME, meta={"@click": f"app.page('{page.NAME}')"})
            text.append(f" {page.KEY} {page.TITLE} ", style)
        for key, words, action in (("?", "Help", "app.help"), ("q", "Quit", "app.quit")):
            text.append(f" {key} {words} ", Style(meta={"@click": action}))
        for key, words in self._others():
            more = f"{GAP}{key} {words}"
            if text.cell_len + len(more) > width:
                break
            text.append(more, "dim")
        self.update(text, layout=False)

    def _others(self) -> list[tuple[str, str]]:
        """Keys of the page and of what has the focus."""
        found: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.node is not self.app and active.enabled:
                found.setdefault(binding.description, NAMED.get(binding.key, binding.key))
        return [(key, words) for words, key in found.items()]
