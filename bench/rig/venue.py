"""A venue for measurements: it notes when an order was handed over, and refuses it, so that an account stays as it is for ever."""

import os
from collections import deque
from collections.abc import Sequence

from bench.rig.layout import SYMBOL
from bench.rig.market import MARKET_NS, PRICE_E8
from mesh.io.clock import monotonic_ns
from mesh.messages.accounts import Position, SymbolSpec
from mesh.messages.base import NO_OID, Msg
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueAttach, VenueAttached, VenueFind, VenueFound, VenueRead, VenueResult, VenueSend, VenueState
from mesh.units import E8
from nodes.local.retcodes import HALT
from nodes.terminal import names

BALANCE_E8 = 10_000_000 * E8
POINT_E8 = 1_000
SPEC = SymbolSpec(SYMBOL, 5, POINT_E8, POINT_E8, E8, 100_000 * E8, E8 // 100, 100 * E8, E8 // 100, 0, 1_000 * E8, 4, 3, 2)


class RefusingVenue:
    """In the place of a worker and its pipe (``mesh.io.inlet.Attachment``). A refusal is final, so the order ends there."""

    def __init__(self, account: str, login: int) -> None:
        self._account = account
        self._login = login
        self._answers: deque[Msg] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK)

    def fileno(self) -> int:
        """Readable while answers wait."""
        return self._wake

    def started(self) -> None:
        """Nothing is to be spawned."""

    def send(self, message: Msg) -> None:
        """Answer what is asked, in the next round of the shell."""
        answer = answer_of(message, self._account, self._login, monotonic_ns())
        if answer is not None:
            self._answers.append(answer)
            os.eventfd_write(self._wake, 1)

    def receive(self) -> list[Msg]:
        """The answers so far."""
        if self._answers:
            os.eventfd_read(self._wake)
        answers = list(self._answers)
        self._answers.clear()
        return answers

    def close(self) -> None:
        """The node ends."""
        os.close(self._wake)


def position_of(number: int) -> Position:
    """An open position that is not ours."""
    return Position(number, number, SYMBOL, 1, E8 // 100, PRICE_E8, PRICE_E8, 0, 0, 0, 0, MARKET_NS, False)


def answer_of(message: Msg, account: str, login: int, now_ns: int, positions: Sequence[Position] = ()) -> Msg | None:
    """What such a venue says; None where nothing is to be said. An order was called at ``now_ns``, and answered at once."""
    if isinstance(message, VenueSend):
        return VenueResult(
            message.call, message.oid, message.attempt, HALT, names.TRADE_RETCODE_REJECT, "", 0, 0, 0, 0, 0, 0, now_ns, now_ns, MARKET_NS
        )
    if isinstance(message, VenueAttach):
        return VenueAttached(account, login, "bench", "USD", True, True, 100, "", [SPEC])
    if isinstance(message, VenueRead):
        money = (BALANCE_E8, BALANCE_E8, 0, BALANCE_E8, 0)
        paid = DealReport(account, 1, 0, 0, "", "BALANCE", "IN", "CLIENT", 0, 0, BALANCE_E8, 0, 0, MARKET_NS, NO_OID, "")
        return VenueState(message.call, message.block, 1, MARKET_NS, *money, True, True, list(positions), [], [paid])
    if isinstance(message, VenueFind):
        return VenueFound(message.call, message.oid, message.marks[-1].attempt, 0, 0, 0, 0, 0, 0, False, MARKET_NS)
    return None
