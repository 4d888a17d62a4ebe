"""What a function of the terminal is given and how it fails: shared by all functions behind ``TerminalService``."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.book import SymbolBook
from nodes.terminal.engine import Terminal
from nodes.terminal.records import Change

SEVERAL = "several"
"""Not a function of the package: (revision, reads, reads where the account has another revision), each read a name and its
arguments, answered in one message as (value, error code, error text) each."""
SEVERAL_MAX = 16
Error = tuple[int, str]
"""The last_error pair."""

SUCCESS: Error = (names.RES_S_OK, "Success")
FAILED: Error = (names.RES_E_FAIL, "Terminal: Call failed")
INVALID_PARAMS: Error = (names.RES_E_INVALID_PARAMS, "Terminal: Invalid params")
OUT_OF_MEMORY: Error = (names.RES_E_NO_MEMORY, "Terminal: Out of memory")
"""What a broker answers where the value is too long to be sent."""
NOT_FOUND: Error = (names.RES_E_NOT_FOUND, "Terminal: Not found")
UNAUTHORISED: Error = (names.RES_E_AUTH_FAILED, "Terminal: Authorization failed")
UNSUPPORTED: Error = (names.RES_E_UNSUPPORTED, "Terminal: Unsupported function")
API_DISABLED: Error = (names.RES_E_AUTO_TRADING_DISABLED, "Auto-Trading using Python API disabled in Terminal")


class Failure(Exception):
    """A function of the terminal has nothing to answer but an error; it carries the last_error pair."""

    def __init__(self, error: Error) -> None:
        super().__init__(error[1])
        self.error = error


class Session:
    """What a terminal holds for one login besides the server's books: its switches and its Market Watch."""

    __slots__ = ("book_subscriptions", "is_api_disabled", "is_connected", "is_trade_allowed", "selected")

    def __init__(self, terminal: Terminal) -> None:
        self.is_connected = True
        self.is_trade_allowed = True
        """The Algo Trading button."""
        self.is_api_disabled = False
        self.selected = {name: book.spec.selected for name, book in terminal.books.items()}
        self.book_subscriptions: dict[str, None] = {}


class Call(NamedTuple):
    """One call of one login. ``changes`` collects what the call did to the books."""

    terminal: Terminal
    account: Account
    session: Session
    now_ns: int
    changes: list[Change]

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
