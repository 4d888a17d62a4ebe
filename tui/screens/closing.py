"""Manual commands besides stops: close positions of a scope, after a look at which, and have an account compared with its records."""

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from mesh.config import Config
from mesh.messages.control import CommandAnswer
from tui.screens.confirm import Dialog
from tui.stopwords import answer_lines, name_of, resolved, scopes
from tui.widgets.fields import Choice, Field, Offered, ScopeInput, text_of


class CloseDialog(Dialog):
    """Close positions. Enter in the scope asks which they are; only what was looked at is closed, when the scope's name is typed."""

    def __init__(self, config: Config, scope: str) -> None:
        super().__init__("Close positions of a scope")
        self._known = scopes(config)
        self._scope = scope
        self._looked_at: tuple[str, bool] | None = None
        self._is_acting = False
        """Scope, and whether what is not ours too, of the preview that is shown."""
        self._number = 0
        """Of the newest question; an older one's answer is no preview of this."""

    def parts(self) -> ComposeResult:
        """Scope, whose, reason, which they are, the word."""
        yield Field("scope", ScopeInput(self._known, self._scope, id="scope"), "or ACCOUNT:TICKET, then Enter")
        yield Offered()
        yield Choice("ours only", "what is not ours too", False)
        yield Field("reason", Input(compact=True, id="reason", placeholder="may be left out"))
        yield Static(id="warned", classes="warned")
        with VerticalScroll(classes="told", can_focus=False):
            yield Static(id="told")
        yield Static(id="howto")
        yield Field("type it", Input(compact=True, id="typed"))

    def on_mount(self) -> None:
        """Say what comes first."""
        self.query_one(Offered).offer(self._scope, self._known)
        self.forget()

    @property
    def wanted(self) -> tuple[str, bool]:
        """Scope, and whether what is not ours too."""
        return resolved(self.value("scope"), self._known), self.query_one(Choice).is_second

    def forget(self) -> None:
        """What is shown is of something else."""
        self._looked_at = None
        self.say()
        self.query_one("#howto", Static).update("")
        self.tell(["nothing is stopped: strategies may open again at once", "Enter in the scope shows which positions it would close"], [])

    @on(Input.Changed, "#scope")
    def typing(self, event: Input.Changed) -> None:
        """Another scope."""
        self.query_one(Offered).offer(event.value, self._known)
        if self._looked_at != self.wanted:
            self.forget()

    @on(Offered.Taken)
    def take(self, taken: Offered.Taken) -> None:
        """A scope was clicked."""
        self.query_one("#scope", Input).value = taken.scope
        self.look()

    @on(Choice.Turned)
    def turned(self) -> None:
        """Other positions."""
        self.look()

    @on(Input.Submitted, "#scope")
    def look(self) -> None:
        """Ask which they are."""
        if not self.may_act():
            return
        scope, foreign = self.wanted
        self.query_one("#scope", Input).value = scope
        self.forget()
        if not scope:
            self.say("which scope?")
            return
        self._number += 1
        number, hands = self._number, self.main.hands
        self.tell([f"asking which positions of {scope} …"], [])
        self.main.ask(
            lambda: hands.close(scope, foreign, "", True),
            lambda found: self._looked(number, (scope, foreign), found),
            lambda words: self._failed(number, words),
        )

    def _looked(self, number: int, asked: tuple[str, bool], found: list[CommandAnswer]) -> None:
        if number != self._number or not self.is_open or asked != self.wanted:
            return  # the fields say something else by now: what was looked at is not what would be closed
        self._looked_at = scope, foreign = asked
        self.query_one("#howto", Static).update(text_of([f"type {name_of(scope)} and Enter: they are closed at once"]))
        whose = "what is not ours too" if foreign else "ours only"
        self.tell([f"would close of {scope}, {whose}:"], answer_lines(self.main.state, found))
        self.query_one("#reason", Input).focus()

    def _failed(self, number: int, words: str) -> None:
        if number == self._number and self.is_open:
            self.tell([""], [])
            self.say(words)

    @on(Input.Submitted, "#reason")
    def go_on(self) -> None:
        """To the word."""
        self.query_one("#typed", Input).focus()

    @on(Input.Submitted, "#typed")
    def judge(self, event: Input.Submitted) -> None:
        """The word was typed."""
        if self._is_acting or not self.may_act():
            return
        if self._looked_at is None or self._looked_at != self.wanted:
            self.say("nothing was closed: press Enter in the scope first, and look at what it would close")
            self.query_one("#scope", Input).focus()
            return
        scope, foreign = self._looked_at
        if not self.is_typed(event.value, name_of(scope)):
            return
        self._number += 1
        self._is_acting = True
        hands, reason = self.main.hands, self.value("reason")
        self._looked_at = None  # once each
        self.query_one("#typed", Input).value = ""
        self.say()
        self.tell([f"closing {scope} …"], [])
        self.main.ask(
            lambda: hands.close(scope, foreign, reason, False),
            lambda found: self._answered(scope, found),
            lambda words: self._not_closed(scope, words),
        )

    def _not_closed(self, scope: str, words: str) -> None:
        """Told wherever he is by now."""
        self._is_acting = False
        self.main.notify(words, title=f"close {scope} FAILED", severity="error", timeout=30)
        if self.is_open:
            self.tell([f"close {scope}: it failed"], [])
            self.say(words)

    def _answered(self, scope: str, found: list[CommandAnswer]) -> None:
        self._is_acting = False
        lines = answer_lines(self.main.state, found)
        if self.is_open:
            self.say()
            self.tell([f"close {scope}: this came of it; Esc goes back"], lines)
        else:
            self.main.notify("\n".join(lines[:5]), title=f"close {scope}", markup=False)


class ReconcileDialog(Dialog):
    """Have one account read everything at once and hold its records against the venue's."""

    def __init__(self, config: Config, account: str) -> None:
        super().__init__("Reconcile an account")
        self._known = list(config.account)
        self._account = account

    def parts(self) -> ComposeResult:
        """The account, what was found."""
        yield Field("account", ScopeInput(self._known, self._account, id="scope"), "Enter begins; nothing is traded")
        yield Offered()
        yield Static(
            "it reads everything, looks again for what is lost, and compares its records with deals", id="warned", classes="warned"
        )
        with VerticalScroll(classes="told", can_focus=False):
            yield Static(id="told")

    @on(Input.Changed, "#scope")
    def typing(self, event: Input.Changed) -> None:
        """Another account."""
        self.query_one(Offered).offer(event.value, self._known)

    @on(Offered.Taken)
    def take(self, taken: Offered.Taken) -> None:
        """An account was clicked."""
        self.query_one("#scope", Input).value = taken.scope

    @on(Input.Submitted, "#scope")
    def begin(self) -> None:
        """Have it done."""
        account, hands = self.value("scope"), self.main.hands
        if not self.may_act():
            return
        if account not in self._known:
            self.say(f"there is no account {account!r}")
            return
        self.say()
        self.tell([f"asking {account}; a long history takes up to a minute …"], [])
        self.main.ask(lambda: hands.reconcile(account), lambda lines: self._found(account, lines), self._failed)

    def _found(self, account: str, lines: list[str]) -> None:
        if self.is_open:
            self.tell([f"{account}:"], lines)
        else:
            self.main.notify("\n".join(lines[-5:]), title=f"reconcile {account}", markup=False)

    def _failed(self, words: str) -> None:
        if self.is_open:
            self.tell([""], [])
            self.say(words)
        else:
            self.main.notify(words, severity="error", markup=False)
