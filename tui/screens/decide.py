"""An order nobody knows the result of, in full, and what an operator can do about it: say what became of it, or have its account look."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Button, Input, Static

from mesh.answercodes import NOTHING
from mesh.messages.control import CommandAnswer
from tui.lostrows import NOT_FOUND, LostRow, row_lines, settles_words
from tui.screens.acting import ActDialog, Wanted
from tui.traderows import DONE
from tui.widgets.fields import Choice, Field, text_of

NOT_EXECUTED, WORKING = "not-executed", "WORKING"


class DecideDialog(ActDialog):
    """An order nobody knows the result of, and what an operator can say about it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+r", "reconcile", "Reconcile")]
    AUTO_FOCUS = "Choice, Button"
    DONE_CODES = (*DONE, NOTHING, NOT_FOUND, WORKING)

    def __init__(self, row: LostRow, decided: Callable[[], None]) -> None:
        super().__init__(f"{row.code} on {row.account}" + (": what became of it?" if row.can_resolve else ""), row.account)
        self._row = row
        self._decided = decided

    def parts(self) -> ComposeResult:
        """The order; what can be said of it; what else can be done."""
        yield from self.told(row_lines(self._row))
        if self._row.can_resolve:
            yield Choice(
                "executed: there is a position, an order or a deal of it", "not executed: there is none of it at the broker", False
            )
            yield Field("ticket", Input(compact=True, id="ticket", placeholder="of any of the three", type="integer"))
            yield Field("reason", Input(compact=True, id="reason", placeholder="how do you know?"), "is kept with it; Enter looks first")
            yield from self.typed()
        else:
            yield Static(text_of([settles_words(self._row)]))
            yield Static(id="warned", classes="warned")
        yield Button(f"▸ Reconcile {self._account} (Ctrl+R): it reads everything and looks again", compact=True, id="reconcile")

    @property
    def is_executed(self) -> bool:
        """Which of the two is said."""
        return not self.query_one(Choice).is_second

    @property
    def wanted(self) -> Wanted:
        """The ticket, or that there is none."""
        return (self.word,)

    @property
    def word(self) -> str:
        """The ticket, or that there is none."""
        return self.value("ticket") if self.is_executed else NOT_EXECUTED

    def missing(self) -> str:
        """A ticket where it was executed, and a reason."""
        ticket = self.word
        if self.is_executed and not (ticket.isascii() and ticket.isdecimal() and 0 < int(ticket) < 2**63):
            self.query_one("#ticket").focus()
            return f"nothing was sent: the ticket of its position, order or deal is needed, not {ticket!r}"
        if not self.reason:
            self.query_one("#reason").focus()
            return "nothing was sent: a reason is needed: say how you know; it is kept with the order and in the audit"
        return ""

    def call(self, wanted: Wanted, reason: str, is_dry: bool) -> list[CommandAnswer]:
        """The operator's word."""
        order, (word,) = self._row.order, wanted
        assert order is not None, "only an order can be resolved"
        ticket = 0 if word == NOT_EXECUTED else int(word)
        return [self.main.hands.resolve(self._account, order, ticket, reason, is_dry)]

    @on(Choice.Turned)
    def turned(self) -> None:
        """Only what was executed has a ticket."""
        self.query_one("#ticket", Input).disabled = not self.is_executed

    @on(Input.Submitted, "#ticket")
    def go_down(self) -> None:
        """To the reason."""
        self.query_one("#reason").focus()

    @on(Input.Submitted, "#reason")
    def try_it(self) -> None:
        """Look what it would be."""
        self.go_on()

    @on(Button.Pressed, "#reconcile")
    def action_reconcile(self) -> None:
        """Have the account read everything and look again."""
        if not self.may_act():
            return
        account, hands = self._account, self.main.hands
        if self._row.can_resolve:
            self.forget()
        self._number += 1
        number = self._number
        self.say()
        self.warn(f"asking {account}; a long history takes up to a minute …")
        self.main.ask(lambda: hands.reconcile(account), self._reconciled, lambda words: self._failed(number, words))

    def _reconciled(self, lines: list[str]) -> None:
        if self.is_open:
            self.query_one("#told", Static).update(text_of([f"reconcile {self._account} found:", *lines, "", *row_lines(self._row)]))
            self.query_one(".told").scroll_home(animate=False)
            self.warn("what it found stands above; Esc goes back: the list is asked for again")
        else:
            self.main.notify("\n".join(lines[-5:]), title=f"reconcile {self._account}", markup=False)
        self.done()

    def done(self) -> None:
        """The page asks for the list again."""
        self._decided()
