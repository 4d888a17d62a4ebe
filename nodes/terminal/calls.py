"""What a function of the terminal is given and how it fails: shared by all functions behind ``TerminalService``."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mesh.messages.venue import TerminalReply
from mesh.units import NEVER
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.engine import Terminal
from nodes.terminal.lasterror import NOT_FOUND, Error
from nodes.terminal.mishap import Mishap
from nodes.terminal.records import Change
from nodes.terminal.session import Done, Live, Session

SEVERAL = "several"
"""Not a function of the package: (revision, reads, reads where the account has another revision), each read a name and its
arguments, answered in one message as (value, error code, error text) each."""
SEVERAL_MAX = 16
VALUE_BYTES_MAX: int = TerminalReply.__annotations__["value"].__metadata__[0].max_length
"""The longest value an answer can have, as the message says it; a longer one is OUT_OF_MEMORY."""


class Failure(Exception):
    """A function of the terminal has nothing to answer but an error; it carries the last_error pair."""

    def __init__(self, error: Error) -> None:
        super().__init__(error[1])
        self.error = error


class Call(msgspec.Struct, frozen=True):
    """One call of one login. ``changes`` collects what the call did to the books; ``mishap`` what goes wrong with it, if anything.

    ``turn``: of an order_send, the how many-th of its action and magic it is.
    """

    terminal: Terminal
    account: Account
    session: Session
    now_ns: int
    changes: list[Change]
    mishap: Mishap | None
    turn: int = 0

    @property
    def until_ns(self) -> int:
        """What happened later is not shown; ``NEVER`` while the terminal has its server."""
        standstill = self.session.standstill
        return NEVER if standstill is None else standstill.ns

    def is_in(self, outage: str) -> bool:
        """Whether something is amiss with the terminal now."""
        return self.session.is_in(outage, self.now_ns)

    def shown(self, kind: str, rows: Mapping[int, Live]) -> Mapping[int, Live]:
        """Positions or live orders of the account as they are seen now."""
        return self.session.shown(kind, self.account.login, rows, self.now_ns) if self.session.hides else rows

    def known(self, kind: str, rows: list[Done]) -> list[Done]:
        """Done orders or deals that are seen by now."""
        return self.session.known(kind, rows, self.now_ns) if self.session.hides else rows

    def book(self, symbol: str) -> SymbolBook:
        """The book of a symbol. Raises Failure for an unknown one."""
        found = self.terminal.books.get(symbol)
        if found is None:
            raise Failure(NOT_FOUND)
        return found


class Arguments(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of a function's arguments: a list of plain values of these types and no others."""


def arguments(**types: type) -> type[Arguments]:
    """The arguments of a function, by name, in order."""
    made = msgspec.defstruct("Arguments", list(types.items()), bases=(Arguments,), frozen=True)
    assert issubclass(made, Arguments)
    return made


NO_ARGUMENTS = arguments()
Function = tuple[Callable[..., Any], type[Arguments]]
"""What answers, given the Call and its arguments; and the type of those."""
