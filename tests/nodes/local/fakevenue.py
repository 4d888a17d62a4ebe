"""A worker and its terminal in one: a hedging account that executes at once, and whatever else a test scripts."""

from collections.abc import Callable

import msgspec

from mesh.messages.accounts import PendingOrder, Position, SymbolSpec
from mesh.messages.base import NO_OID, Msg
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import (
    VenueAttach,
    VenueAttached,
    VenueFind,
    VenueFound,
    VenueLatch,
    VenueRead,
    VenueResult,
    VenueSend,
    VenueState,
    VenueWatch,
)
from mesh.units import E8, MS_NS, SECOND_NS

LOGINS = {"one": 5001, "two": 5002}
PRICE_E8 = 110_000_000
POINT_E8 = 1_000
MARKET_NS = 1_767_600_000 * SECOND_NS
SPEC = SymbolSpec("EURUSD", 5, POINT_E8, POINT_E8, E8, 100_000 * E8, E8 // 100, 100 * E8, E8 // 100, 0, 1_000 * E8, 4, 3, 2)


class Held(msgspec.Struct):
    """One position at the fake venue."""

    ticket: int
    side: int
    volume_e8: int
    open_e8: int
    sl_e8: int
    tp_e8: int
    magic: int
    comment: str


class FakeVenue:
    """A hedging account that executes at once. ``script`` may answer a send itself: a result, VenueLost, or None for nothing."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.held: dict[int, Held] = {}
        self.deals: list[DealReport] = [self._deal(1, 0, "BALANCE", "IN", 0, 0, 10_000 * E8)]
        self.magics: dict[int, tuple[int, int]] = {}
        """Magic of an executed attempt → (position, lots)."""
        self.sends: list[VenueSend] = []
        self.reads = self.finds = 0
        self.watched: list[int] = []
        self.latch_count = 0
        self.bid_e8 = PRICE_E8
        self.balance_e8 = 10_000 * E8
        self.market_ns = MARKET_NS
        self.delay_ns = MS_NS
        self.shows_positions = self.is_connected = True
        self.script: Callable[[VenueSend], Msg | list[Msg] | bool | None] = lambda send: True
        self.look: Callable[[VenueFind], VenueFound] = self._find
        """What a look for an attempt shows."""
        self.resting: dict[int, PendingOrder] = {}
        """Live orders."""
        self.remark = ""
        self._ticket = 100

    def handle(self, message: Msg, now_ns: int) -> list[tuple[int, Msg]]:
        """What the worker would answer, each with its delay."""
        if isinstance(message, VenueLatch):
            self.latch_count = message.latch_count
            return []
        if isinstance(message, VenueWatch):
            self.watched.append(message.equity_below_e8)
            return []
        if isinstance(message, VenueAttach):
            login = LOGINS[self.account]
            return [(MS_NS, VenueAttached(self.account, login, "trademesh-sim", "USD", True, True, 100, "", [SPEC]))]
        if isinstance(message, VenueRead):
            self.reads += 1
            return [(MS_NS // 4, self.read(message))]
        if isinstance(message, VenueFind):
            self.finds += 1
            return [(MS_NS // 4, self.look(message))]
        assert isinstance(message, VenueSend)
        self.sends.append(message)
        answer = self.script(message)
        if answer is True:
            return [(self.delay_ns, self.execute(message))]
        if not answer:
            return []
        return [(self.delay_ns, item) for item in (answer if isinstance(answer, list) else [answer])]

    def execute(self, send: VenueSend, volume_e8: int = 0) -> VenueResult:
        """Do what is asked and say so."""
        volume_e8 = volume_e8 or send.volume_e8
        self._ticket += 1
        ticket, deal = send.position_ticket, self._ticket + 50_000
        if send.action == "OPEN":
            ticket = self._ticket
            sl_e8 = self.bid_e8 - send.side * send.sl_distance_e8 if send.sl_distance_e8 else 0
            self.held[ticket] = Held(ticket, send.side, volume_e8, self.bid_e8, sl_e8, 0, send.magic, send.comment)
            self.deals.append(self._deal(deal, ticket, "BUY" if send.side > 0 else "SELL", "IN", volume_e8, self.bid_e8, 0))
        elif send.action == "MODIFY":
            held = self.held[ticket]
            held.sl_e8, held.tp_e8 = send.sl_e8, send.tp_e8
            return self.result(send, "ACCEPTED", 10009)
        elif send.action == "CANCEL":
            gone = self.resting.pop(ticket, None)
            return self.result(send, "ACCEPTED", 10009) if gone else self.result(send, "BUG", 10035)
        else:
            held = self.held.get(ticket)
            if held is None:
                return self.result(send, "CHANGED", 10036)
            if volume_e8 > held.volume_e8:
                return self.result(send, "CHANGED", 10038)
            held.volume_e8 -= volume_e8
            if held.volume_e8 <= 0:
                del self.held[ticket]
            self.deals.append(self._deal(deal, ticket, "SELL", "OUT", volume_e8, self.bid_e8, 0))
        self.magics[send.magic] = (ticket, volume_e8)
        class_ = "ACCEPTED" if volume_e8 == send.volume_e8 else "PARTIAL"
        return self.result(send, class_, 10009, volume_e8, ticket, deal)

    def result(
        self, send: VenueSend, class_: str, retcode: int = 0, volume_e8: int = 0, ticket: int = 0, deal: int = 0, detail: str = ""
    ) -> VenueResult:
        """A result of this send."""
        price_e8 = self.bid_e8 if volume_e8 else 0
        return VenueResult(
            send.call, send.oid, send.attempt, class_, retcode, detail, volume_e8, price_e8, 0, ticket, ticket, deal, 1, 2, self.market_ns
        )

    def read(self, ask: VenueRead) -> VenueState:
        """The account as it is."""
        shown = list(self.held.values()) if self.shows_positions else []
        positions = [
            Position(
                h.ticket, h.ticket, "EURUSD", h.side, h.volume_e8, h.open_e8, self.bid_e8, h.sl_e8, h.tp_e8, self._profit_e8(h), 0,
                MARKET_NS, False, magic=h.magic, comment=h.comment,
            )
            for h in shown
        ]  # fmt: skip
        profit_e8 = sum(map(self._profit_e8, shown))
        equity_e8 = self.balance_e8 + profit_e8
        return VenueState(
            ask.call, ask.block, 1, self.market_ns, self.balance_e8, equity_e8, 0, equity_e8, 0, self.is_connected, True, positions,
            list(self.resting.values()), self.deals, remark=self.remark,
        )  # fmt: skip

    def _profit_e8(self, held: Held) -> int:
        return (self.bid_e8 - held.open_e8) * held.side * held.volume_e8 // POINT_E8

    def _find(self, ask: VenueFind) -> VenueFound:
        mark = next((mark for mark in ask.marks if mark.magic in self.magics), ask.marks[-1])
        ticket, volume_e8 = self.magics.get(mark.magic, (0, 0))
        price_e8 = self.bid_e8 if ticket else 0
        hits = int(ticket > 0)
        return VenueFound(
            ask.call, ask.oid, mark.attempt, hits, volume_e8, price_e8, ticket, ticket, 0, False, self.market_ns
        )

    def _deal(self, ticket: int, position: int, kind: str, entry: str, volume_e8: int, price_e8: int, profit_e8: int) -> DealReport:
        return DealReport(
            self.account, ticket, position, position, "EURUSD", kind, entry, "EXPERT", volume_e8, price_e8, profit_e8, 0, 0,
            MARKET_NS, NO_OID, "",
        )  # fmt: skip

    def opened_count(self, oid: bytes) -> int:
        """Executed opening attempts of an order."""
        calls = [send for send in self.sends if send.oid == oid and send.action == "OPEN"]
        return sum(send.magic in self.magics for send in calls)
