"""What every dialog of the page Trades that acts has in common: a form, a dry run of what it says, a word typed, what came of it."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from mesh.answercodes import NOTHING, PREVIEW
from mesh.messages.control import CommandAnswer
from tui.screens.confirm import Dialog
from tui.stopwords import answer_lines
from tui.traderows import DONE
from tui.widgets.fields import Choice, Field, text_of

Wanted = tuple[str, ...]
"""What the fields of a form say."""
CHANGED = "changed: Enter looks again"


class ActDialog(Dialog):
    """A form, a dry run of it, a word. Only what was looked at is done: whoever changes a field looks again."""

    DEFAULT_CSS = """
    ActDialog .told { max-height: 40vh; margin: 0; }
    ActDialog .warned { margin: 0; }
    ActDialog Button { height: 1; }
    """
    DONE_CODES: ClassVar[tuple[str, ...]] = (*DONE, NOTHING)

    def __init__(self, title: str, account: str) -> None:
        super().__init__(title)
        self._account = account
        self._about: list[str] = []
        self._looked_at: Wanted | None = None
        self._number = 0

    # what a form says of itself

    @property
    def wanted(self) -> Wanted:
        """What the fields say."""
        raise NotImplementedError

    @property
    def word(self) -> str:
        """What has to be typed."""
        return self._account

    def missing(self) -> str:
        """What is wrong with the fields; empty where nothing is."""
        return ""

    @property
    def reason(self) -> str:
        """Why it is done; it changes nothing of what would be."""
        return self.value("reason") if self.query("#reason") else ""

    def call(self, wanted: Wanted, reason: str, is_dry: bool) -> list[CommandAnswer]:
        """Have it done; in a thread of its own."""
        raise NotImplementedError

    def done(self) -> None:
        """It was answered."""

    # the steps

    def told(self, lines: list[str]) -> ComposeResult:
        """What it is about."""
        self._about = lines
        with VerticalScroll(classes="told", can_focus=False) as scroll:
            yield Static(text_of(lines), id="told")
        scroll.styles.height = self._lines_count(lines)

    def tell_about(self, lines: list[str]) -> None:
        """What it is about has become another thing."""
        if lines != self._about:
            self._about = lines
            self.query_one("#told", Static).update(text_of(lines))
            self.query_one(".told").styles.height = self._lines_count(lines)

    def _lines_count(self, lines: list[str]) -> int | str:
        lines_max = self.app.size.height * 3 // 10
        return lines_max if len(lines) > lines_max else "auto"

    def typed(self) -> ComposeResult:
        """The answers, and the word."""
        yield Static(id="warned", classes="warned")
        yield Field("type it", Input(compact=True, id="typed", disabled=True), "then Enter: done at once")

    def warn(self, *lines: str) -> None:
        """What was answered."""
        self.query_one("#warned", Static).update(text_of(lines))

    @on(Input.Changed)
    @on(Choice.Turned)
    def changed(self) -> None:
        """What was looked at is another thing now."""
        if self._looked_at is not None and self._looked_at != self.wanted:
            self.forget()
            self.warn(CHANGED)

    def forget(self) -> None:
        """Nothing was looked at."""
        self._looked_at = None
        field = self.query_one("#typed", Input)
        field.value, field.placeholder, field.disabled = "", "", True

    def go_on(self) -> None:
        """To the word where it was looked at; else look."""
        if self._looked_at is not None and not self.missing():
            self.query_one("#typed").focus()
        else:
            self.look()

    def look(self, is_moving: bool = True) -> None:
        """What would it be? ``is_moving``: to the word, once that is known."""
        self.forget()
        self.say()
        if not self.may_act():
            return
        if missing := self.missing():
            self.say(missing)
            return
        self._number += 1
        number, wanted, reason = self._number, self.wanted, self.reason
        self.warn(f"asking {self._account} what it would be …")
        self.main.ask(
            lambda: self.call(wanted, reason, True),
            lambda found: self._looked(number, wanted, found, is_moving),
            lambda words: self._failed(number, words),
        )

    def _looked(self, number: int, wanted: Wanted, found: list[CommandAnswer], is_moving: bool) -> None:
        if number != self._number or not self.is_open:
            return
        if wanted != self.wanted:
            self.warn(CHANGED)
            return
        lines = self._lines(found)
        if not any(answer.code == PREVIEW for answer in found):
            is_before = bool(found) and all(answer.code in self.DONE_CODES for answer in found)
            self.warn("· nothing is left to do:" if is_before else "✗ it is not done:", *lines)
            return
        self._looked_at = wanted
        self.warn("would be done:", *lines)
        field = self.query_one("#typed", Input)
        field.disabled, field.placeholder = False, self.word
        if is_moving:
            field.focus()

    @on(Input.Submitted, "#typed")
    def judge(self, event: Input.Submitted) -> None:
        """The word was typed."""
        event.stop()
        wanted, reason = self._looked_at, self.reason
        if wanted is None or wanted != self.wanted or not self.may_act() or not self.is_typed(event.value, self.word):
            return
        if missing := self.missing():
            self.say(missing)
            return
        self._number += 1
        self.forget()  # once each
        self.say()
        self.warn(f"{self._account} is doing it …")
        self.main.ask(lambda: self.call(wanted, reason, False), self._acted, self._not_done)

    def _acted(self, found: list[CommandAnswer]) -> None:
        is_done = bool(found) and all(answer.code in self.DONE_CODES for answer in found)
        lines = [f"{'✓ done' if is_done else '✗ NOT done'}:", *self._lines(found)]
        if self.is_open:
            self.warn(*lines, "Esc goes back")
        else:
            self.main.notify("\n".join(lines[:5]), title=self._title, markup=False)
        self.done()

    def _not_done(self, words: str) -> None:
        """Told wherever he is by now."""
        self.main.notify(words, title=f"{self._title} FAILED", severity="error", timeout=30)
        if self.is_open:
            self.warn("✗ it failed")
            self.say(words)

    def _failed(self, number: int, words: str) -> None:
        if not self.is_open:
            self.main.notify(words, title=self._title, severity="error", markup=False)
        elif number == self._number:
            self.warn("")
            self.say(words)

    def _lines(self, found: list[CommandAnswer]) -> list[str]:
        """A line each; how many of each code only where that says more."""
        lines = answer_lines(self.main.state, found)
        return lines if len(found) != 1 else lines[1:]
