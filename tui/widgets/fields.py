"""What dialogs are made of: a line with a label, a scope that completes itself, a choice of two, and words from others as plain text."""

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label, Static

from tui.stopwords import matching
from tui.tablemodel import plain

OFFERED_MAX = 24
"""Scopes that are offered to be clicked."""


def text_of(lines: Iterable[str]) -> Text:
    """Lines that others had a part in: nothing in them is markup, and nothing does anything to a terminal."""
    return Text("\n".join(map(plain, lines)))


class Field(Horizontal):
    """A label before a field of one line, and a hint behind it."""

    DEFAULT_CSS = """
    Field { height: 1; }
    Field > .label { width: 8; }
    Field:focus-within > .label { text-style: bold reverse; }
    Field > Input { width: 30; background: $boost; }
    Field > .hint { width: 1fr; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, label: str, field: Input, hint: str = "") -> None:
        super().__init__()
        self._label, self._field, self._hint = label, field, hint

    def compose(self) -> ComposeResult:
        """Its parts."""
        yield Label(f"{self._label:7}", classes="label")
        yield self._field
        if self._hint:
            yield Label(self._hint, classes="hint")
        else:
            self._field.styles.width = "1fr"


class Known(Suggester):
    """The first scope that begins as it is typed."""

    def __init__(self, known: list[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        """The rest of the word, in grey."""
        return next((scope for scope in self._known if value and scope.startswith(value)), None)


class ScopeInput(Input):
    """A scope; Tab or Right takes what is suggested."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    def __init__(self, known: list[str], value: str = "", id: str | None = None) -> None:
        super().__init__(value, suggester=Known(known), compact=True, id=id)
        self.known = known

    def action_complete(self) -> None:
        """Take what is suggested, or the only one that matches; else go on."""
        found = matching(self.value, self.known) if self.value else []
        begun = [scope for scope in found if scope.startswith(self.value)]
        rest = begun[0] if begun else found[0] if len(found) == 1 else self.value
        if rest != self.value:
            self.value = rest
            self.cursor_position = len(rest)
        else:
            self.screen.focus_next()


class Offered(Static):
    """The scopes that match, to be clicked."""

    class Taken(Message):
        """One was clicked."""

        def __init__(self, scope: str) -> None:
            super().__init__()
            self.scope = scope

    DEFAULT_CSS = "Offered { height: auto; max-height: 2; padding: 0 0 0 8; color: $text-muted; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._offered: list[str] = []

    def offer(self, typed: str, known: list[str]) -> None:
        """Show those that match; all where what is typed is one of them already."""
        word = typed.strip()
        found = known if word in known else matching(word, known)
        self._offered = found[:OFFERED_MAX]
        more = f" … {len(found) - OFFERED_MAX} more" if len(found) > OFFERED_MAX else ""
        links = [Content.from_markup(f"[@click=take({number})]$scope[/]", scope=scope) for number, scope in enumerate(self._offered)]
        self.update(Content("  ").join(links) + Content(more))

    def action_take(self, number: int) -> None:
        """It was clicked."""
        self.post_message(self.Taken(self._offered[number]))


class Choice(Static, can_focus=True):
    """One of two; Space, Left and Right change it, and a click."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,left,right", "turn", "The other one")]
    DEFAULT_CSS = """
    Choice { height: auto; }
    Choice:focus { text-style: bold; background: $boost; }
    """

    class Turned(Message):
        """The other one is chosen."""

    def __init__(self, first: str, second: str, is_second: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = first, second
        self.is_second = is_second

    def on_mount(self) -> None:
        """Draw it."""
        self._write()

    def _write(self) -> None:
        first, second = self._words
        marks = ("( )", "(•)") if self.is_second else ("(•)", "( )")
        self.update(text_of([f"{marks[0]} {first}", f"{marks[1]} {second}"]))

    def action_turn(self) -> None:
        """Choose the other one."""
        self.is_second = not self.is_second
        self._write()
        self.post_message(self.Turned())

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        at = event.get_content_offset(self)
        if at is not None and self.is_second != (at.y > 0):
            self.action_turn()


class SendKey(Static, can_focus=True):
    """What one key sends while this has the focus: the key is F; neither Enter nor a click does it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("F", "send", "Send")]
    DEFAULT_CSS = """
    SendKey { height: 1; }
    SendKey:focus { text-style: bold reverse; }
    """

    class Pressed(Message):
        """It is wanted."""

    def action_send(self) -> None:
        """Yes."""
        self.post_message(self.Pressed())

    def on_focus(self) -> None:
        """Say that the key works now."""
        self.update(" Press F (Shift+f) to send it ")

    def on_blur(self) -> None:
        """Say how to get here."""
        self.update(" Enter or Tab down to this line, then F (Shift+f) sends it ")

    def on_mount(self) -> None:
        """Begin without the focus."""
        self.on_blur()
