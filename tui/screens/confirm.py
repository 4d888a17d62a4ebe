"""What is asked before a stop is sent or ended: its scope and what it will touch, then one word or key that nobody hits by accident.

Nothing waits and nothing is asked twice. The head with the chord stays in front, and Ctrl+X twice works here, too.
"""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mesh.errors import MeshError
from mesh.messages.control import FREEZE
from tui.page import Above
from tui.state import State
from tui.stoprows import StopRow, is_arming
from tui.stopwords import name_of, resolved, same_scope, scopes, stop_warnings, touched, undo_lines, undo_word
from tui.widgets.fields import Choice, Field, Offered, ScopeInput, SendKey, text_of
from tui.widgets.top import Top


class Dialog(Above, ModalScreen[None]):
    """A question on top of the page it was asked on. Escape leaves it, with nothing done."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back: nothing is done"),
        Binding("pageup", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(1)", "Down", show=False),
    ]
    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > .box { width: 110; max-width: 98%; height: auto; max-height: 100%; }
    Dialog > .box { border: round $primary; background: $surface; padding: 0 1; }
    Dialog .told { height: auto; max-height: 40vh; min-height: 1; margin: 0 0 0 2; }
    Dialog .told > Static { height: auto; }
    Dialog .warned { height: auto; text-style: bold; margin: 1 0 0 0; }
    Dialog .said { height: auto; color: $text-error; text-style: bold; }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def compose(self) -> ComposeResult:
        """The head, the question, room for what is wrong."""
        yield Top()
        with Vertical(classes="box"):
            yield Static(text_of([f"{self._title}  (Esc: back, nothing is done)"]), classes="title")
            yield from self.parts()
            yield Static(id="said", classes="said")

    def parts(self) -> ComposeResult:
        """What is between the title and the last line."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Show what there is at once, with the head."""
        self.main.draw()
        self.show(self.main.state, self.main.now_ns())
        self.say()

    @property
    def is_open(self) -> bool:
        """Whether nobody has left it yet."""
        return self in self.app.screen_stack

    def tell(self, warned: list[str], lines: list[str]) -> None:
        """What has to be known first, and one by one."""
        self.query_one("#warned", Static).update(text_of(warned))
        self.query_one("#told", Static).update(text_of(lines))

    def say(self, words: str = "") -> None:
        """What is wrong; nothing has been done. Where nothing is, whether this console only watches."""
        why_not = self.main.hands.why_not
        shown = words or (f"this console only watches: {why_not}" if why_not else "")
        self.query_one("#said", Static).update(text_of([f"✗ {shown}"] if shown else []))

    def may_act(self) -> bool:
        """Whether this console acts; says why not."""
        if self.main.hands.why_not:
            self.say(f"nothing was sent: this console only watches: {self.main.hands.why_not}")
        return not self.main.hands.why_not

    def is_typed(self, typed: str, word: str) -> bool:
        """Whether it is the word; says what is wrong with it."""
        if typed.strip() != word:
            self.say(f"nothing was sent: {word} has to be typed, not {typed.strip() or 'nothing'}")
        return typed.strip() == word

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.query_one(f"#{name}", Input).value.strip()

    def action_scroll(self, step: int) -> None:
        """What is told may be long."""
        told = self.query_one(".told", VerticalScroll)
        told.scroll_relative(y=step * max(1, told.size.height - 1), animate=False)


class StopDialog(Dialog):
    """A stop of a scope: FREEZE goes with the key F, CANCEL and FLATTEN with the scope's name typed."""

    def __init__(self, level: str, scope: str) -> None:
        super().__init__(f"{level} a scope")
        self._level = level
        self._scope = scope
        self._known: list[str] = []
        self._told: list[str] = []

    def parts(self) -> ComposeResult:
        """Scope, reason, what it will touch, the key or the word."""
        self._known = scopes(self.main.config)
        yield Field("scope", ScopeInput(self._known, self._scope, id="scope"), "Tab completes")
        yield Offered()
        yield Field("reason", Input(compact=True, id="reason", placeholder="may be left out"))
        yield Static(id="warned", classes="warned")
        with VerticalScroll(classes="told", can_focus=False):
            yield Static(id="told")
        if self._level == FREEZE:
            yield SendKey(id="send")
        else:
            yield Static(id="howto")
            yield Field("type it", Input(compact=True, id="typed"))

    @property
    def scope(self) -> str:
        """The scope in full."""
        return resolved(self.value("scope"), self._known)

    def show(self, state: State, now_ns: int) -> None:
        """What it would touch now."""
        scope = self.scope
        try:
            lines = self.main.hands.preview(self._level, scope, state.view)
        except MeshError as error:
            lines = []
            warned = [f"✗ {error}"] if scope else ["which scope?"]
        else:
            warned = stop_warnings(self._level, scope, touched(state, scope, now_ns))
        if lines + warned == self._told:
            return
        self._told = lines + warned
        self.tell(warned, lines)
        if self._level != FREEZE:
            self.query_one("#howto", Static).update(text_of([f"type {name_of(scope)} and Enter: {self._level} is sent at once"]))

    @on(Input.Changed, "#scope")
    def typing(self, event: Input.Changed) -> None:
        """Another scope: other ones to offer, another preview."""
        self.query_one(Offered).offer(event.value, self._known)
        self.say()
        self.show(self.main.state, self.main.now_ns())

    @on(Offered.Taken)
    def take(self, taken: Offered.Taken) -> None:
        """A scope was clicked."""
        self.query_one("#scope", Input).value = taken.scope

    @on(Input.Submitted, "#scope")
    def go_on(self) -> None:
        """To the reason."""
        self.query_one("#scope", Input).value = self.scope
        self.query_one("#reason", Input).focus()

    @on(Input.Submitted, "#reason")
    def go_down(self) -> None:
        """To the key or the word."""
        self.query_one("#send" if self._level == FREEZE else "#typed").focus()

    @on(Input.Submitted, "#typed")
    def judge(self, event: Input.Submitted) -> None:
        """The word was typed."""
        if self.is_open and self.may_act() and self.is_typed(event.value, name_of(self.scope)):
            self.send()

    @on(SendKey.Pressed)
    def send(self) -> None:
        """Send it."""
        level, scope, reason, hands = self._level, self.scope, self.value("reason"), self.main.hands
        if not self.is_open or not self.may_act():
            return  # its key was hit twice: the first one has sent it
        try:
            hands.preview(level, scope, self.main.state.view)
        except MeshError as error:
            self.say(f"nothing was sent: {error}")
            return
        self.main.send(f"{level} {scope}", lambda told: hands.stop(level, scope, reason, told))
        self.dismiss()


class UndoDialog(Dialog):
    """The end of a stop, or of all stops of exactly its scope: as they were when this was asked."""

    AUTO_FOCUS = "#reason"

    def __init__(self, row: StopRow, is_one: bool) -> None:
        state, entry = row.state, row.entry
        self._is_arming = is_arming(state, entry)
        self._word = undo_word(state, entry)
        super().__init__(f"Arm {self._word}: let it trade" if self._is_arming else f"Resume {entry.scope}: let it trade")
        self._one = [row.key]
        same = same_scope(state, entry.scope)
        self._same = [key for key, each in state.stops if key in same and (is_arming(state, each) or not self._is_arming)]
        self._row = row
        self._is_one = is_one
        self._told: list[str] = []

    def parts(self) -> ComposeResult:
        """Which, what ends and stays, reason, the word."""
        if len(self._same) > 1:
            all_of_them = f"all {len(self._same)} stops of exactly {self._row.entry.scope}"
            yield Choice(all_of_them, f"only this one: {self._row.entry.level}, {self._row.key.hex()[:12]}", self._is_one)
        with VerticalScroll(classes="told", can_focus=False):
            yield Static(id="told")
        yield Field("reason", Input(compact=True, id="reason"), "why it may trade again: needed")
        yield Static(text_of([f"type {self._word} and Enter: it may open again at once"]))
        yield Field("type it", Input(compact=True, id="typed"))

    @property
    def keys(self) -> list[bytes]:
        """What ends."""
        choice = self.query(Choice)
        return self._one if choice and choice.first().is_second else self._same or self._one

    @on(Choice.Turned)
    def turned(self) -> None:
        """Other stops end."""
        self.show(self.main.state, self.main.now_ns())

    def show(self, state: State, now_ns: int) -> None:
        """What ends and what stays, now."""
        lines = undo_lines(state, self.keys)
        if lines != self._told:
            self._told = lines
            self.query_one("#told", Static).update(text_of(lines))

    @on(Input.Submitted, "#reason")
    def go_on(self) -> None:
        """To the word."""
        self.query_one("#typed", Input).focus()

    @on(Input.Submitted, "#typed")
    def judge(self, event: Input.Submitted) -> None:
        """The word was typed: it ends if there is a reason, too."""
        if not self.is_open or not self.may_act() or not self.is_typed(event.value, self._word):
            return
        reason, keys, hands = self.value("reason"), self.keys, self.main.hands
        if not reason:
            self.say("nothing was sent: a reason is needed: say why it may trade again")
            self.query_one("#reason", Input).focus()
            return
        if not any(key in keys for key, _ in self.main.state.stops):
            self.say("nothing was sent: it has been ended already")
            return
        what = f"{'arm' if self._is_arming else 'resume'} {self._word}"
        self.main.send(what, lambda told: hands.resume(keys, reason, told))
        self.dismiss()
