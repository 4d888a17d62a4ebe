"""What a local knows of its account: the newest read of the venue, its symbols, its deals, its deposits.

Deals are read from a little before the newest one known, because a venue may show them late and out of order; each is told
once. The sum of all balance operations is kept with the deals it came from, in one row, so that neither can be lost alone.
"""

from itertools import chain
from operator import attrgetter

import msgspec

from mesh.bounded import keep
from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.accounts import AccountState, AccountSymbols, PendingOrder, Position, SymbolSpec
from mesh.messages.base import Count, Int64, Msg
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueAttached, VenueState
from mesh.units import MINUTE_NS
from nodes.dayloss import Marks, day_base_e8
from nodes.local.nets import Net, Nets
from nodes.local.openings import Openings

BOOK = "book"
"""Kind of the one row of ``BookRecord``."""
OVERLAP_NS = 10 * MINUTE_NS
"""Deals this much older than the newest one are looked at again."""
TICKETS_MAX = 4_096
"""Tickets of one list of a row; where more are remembered, those that lie before the overlap are forgotten."""
OWNERLESS_MAX = 64
"""Deals remembered whose opening may still turn up."""
POSITIONS_TOLD_MAX = 160
ORDERS_TOLD_MAX = 80
"""One frame an account, at most 32 KB; what is ours goes first."""
TRADE_KINDS = ("BUY", "SELL")
DEPOSIT_KINDS = ("BALANCE", "CREDIT", "CORRECTION", "BONUS")
"""Deals that move equity and are no result of trading; a CHARGE is a cost."""

_ticket = attrgetter("ticket")


class BookRecord(Msg):
    """``deals_from_ns``: deals before it were told. ``tickets`` and ``more_tickets``: those after it that were. ``ownerless``: the
    newest that are, in part, of no opening that was known, with those lots; one with an oid was told with it. ``nets``: of a netting
    account, what its positions add up to.
    """

    deals_from_ns: Int64 = 1
    deposit_e8: Int64 = 0
    tickets: list[Count] = []
    marks: Marks = Marks()
    ownerless: list[DealReport] = []
    more_tickets: list[list[Count]] = []
    nets: list[Net] = []


class AccountBook:
    """The newest knowledge of one account."""

    def __init__(self, account: str, life: int) -> None:
        self.account = account
        self._life = life
        self.terminal: VenueAttached | None = None
        self.state: VenueState | None = None
        self.positions: list[Position] = []
        """Of the newest read, each with whose it is …"""
        self.ours: list[Position] = []
        """… those that are ours …"""
        self._told: list[Position] = []
        """… and as many as are told, ours first, by ticket."""
        self._by_ticket: dict[int, Position] = {}
        self._openings_version = -1
        """At which they were made: while that stays, they are the same."""
        self.taken = 0
        """The call of the newest read."""
        self.read_count = 0
        """Reads taken in this life."""
        self.read_ns = 0
        """When the newest of them began."""
        self.symbols: dict[str, SymbolSpec] = {}
        self._symbols_number = 0
        self.deposit_e8 = 0
        self._is_unsaved = False
        self.marks = Marks()
        self.deals_from_ns = 1
        """From where the next read takes deals."""
        self._newest_ns = 0
        self._tickets: dict[int, int] = {}
        """Ticket → market time of deals told."""
        self._ownerless: dict[int, DealReport] = {}
        """Trades that are nobody's, or with lots that are nobody's, by ticket: whose they are may be known later."""
        self._nets = Nets()
        self._placed = -1
        """``Openings.placed`` when they were looked at last."""
        self._number = 0
        self.newest: AccountState | None = None
        """The newest read as the master would be told it."""

    def restore(self, record: bytes) -> None:
        """Take the row of the store."""
        kept = decode_record_untrusted(record, BookRecord, RECORD_BYTES_MAX)
        self.deals_from_ns, self.deposit_e8, self.marks = kept.deals_from_ns, kept.deposit_e8, kept.marks
        self._newest_ns = kept.deals_from_ns
        # none of them is newer; taken for older than it is, one would be forgotten too soon and told again
        self._tickets = dict.fromkeys(chain(kept.tickets, *kept.more_tickets), kept.deals_from_ns + OVERLAP_NS)
        self._ownerless = {deal.deal_ticket: deal for deal in kept.ownerless}
        self._nets.restore(kept.nets)

    def put(self) -> Put:
        """The row of what must not be forgotten."""
        tickets = list(self._tickets)
        more = [tickets[at : at + TICKETS_MAX] for at in range(TICKETS_MAX, len(tickets), TICKETS_MAX)]
        ownerless, nets = list(self._ownerless.values()), self._nets.rows()
        kept = BookRecord(self.deals_from_ns, self.deposit_e8, tickets[:TICKETS_MAX], self.marks, ownerless, more, nets)
        return Put(BOOK, b"", encode(kept))

    @property
    def is_complete(self) -> bool:
        """Whether all deals there are were read: before that the deposits are not known."""
        return self.state is not None and not self.state.more_deals

    @property
    def is_proof(self) -> bool:
        """Whether what the newest read lacks is not there: the terminal saw its server, and told everything."""
        return self.is_complete and self.state is not None and self.state.connected and not self.state.is_partial

    @property
    def market_ns(self) -> int:
        """Market time of the newest read."""
        return self.state.market_ns if self.state else 0

    def attached(self, terminal: VenueAttached) -> None:
        """The worker is at the terminal."""
        self.terminal = terminal
        self.take_symbols(terminal.symbols)

    def take_symbols(self, symbols: list[SymbolSpec]) -> None:
        """Symbols that are new or changed."""
        for spec in symbols:
            self.symbols[spec.symbol] = spec
        self._symbols_number += bool(symbols)

    def symbols_message(self) -> AccountSymbols:
        """All symbols, for the master."""
        return AccountSymbols(self.account, self._life, list(self.symbols.values())[:128], self._symbols_number)

    def take(self, state: VenueState, openings: Openings, read_ns: int, now_ns: int) -> tuple[list[DealReport], list[Put]]:
        """A read that began at ``read_ns``: deals that are new, and rows of what changed."""
        self.state = state
        self.taken = state.call
        self.read_count += 1
        self.read_ns = read_ns
        self.take_symbols(state.symbols)
        deals = [*self._owned_since(openings), *self._new_deals(state, openings)]
        if self.is_complete and not openings.is_hedging:
            self._net(openings)
        openings.look(state.positions, read_ns, now_ns, state.connected and not state.is_partial)
        if openings.version != self._openings_version:
            self._openings_version = openings.version
            self._own(state.positions, openings)
        self._is_unsaved = self._is_unsaved or bool(deals)
        if not self.is_complete:
            # a half-read history is read again from its beginning by another life: what its deals add up to must not be there already
            return deals, []
        puts = openings.rows()
        if self._is_unsaved:
            self._is_unsaved = False
            puts.append(self.put())
        return deals, puts

    def _net(self, openings: Openings) -> None:
        """What a position no longer has cannot be an opening's whose own deal it counts."""
        for opening in openings.unseen():
            record = opening.record
            if record.deal_ticket in self._tickets and not self._nets.holds(opening.position_id, record.side):
                openings.deal_out(opening)

    def _own(self, positions: list[Position], openings: Openings) -> None:
        """Positions that are others than before, or whose openings are."""
        self.positions = openings.owned(positions)
        self._by_ticket = {position.ticket: position for position in self.positions}
        self.ours = [position for position in self.positions if position.ours]
        foreign = [position for position in self.positions if not position.ours]
        self._told = [*sorted(self.ours, key=_ticket), *sorted(foreign, key=_ticket)][:POSITIONS_TOLD_MAX]

    def _new_deals(self, state: VenueState, openings: Openings) -> list[DealReport]:
        found: list[DealReport] = []
        for deal in state.deals:
            if deal.deal_ticket in self._tickets:
                continue
            self._tickets[deal.deal_ticket] = deal.market_ns
            self._newest_ns = max(self._newest_ns, deal.market_ns)
            if deal.kind in DEPOSIT_KINDS:
                self.deposit_e8 += deal.profit_e8
            elif deal.kind in TRADE_KINDS and not openings.is_hedging:
                self._nets.dealt(deal)
            over_e8 = openings.dealt(deal)
            told = _owned(deal, openings)
            found.append(told)
            if over_e8 and deal.kind in TRADE_KINDS:
                keep(self._ownerless, deal.deal_ticket, msgspec.structs.replace(told, volume_e8=over_e8), OWNERLESS_MAX)
        if not state.more_deals:
            self.deals_from_ns = max(self.deals_from_ns, self._newest_ns - OVERLAP_NS)
            if len(self._tickets) > TICKETS_MAX:
                self._tickets = {t: at_ns for t, at_ns in self._tickets.items() if at_ns >= self.deals_from_ns}
        return found

    def _owned_since(self, openings: Openings) -> list[DealReport]:
        """Have openings take deals that were read before they were known: those told of nobody, told again with whose they are."""
        found: list[DealReport] = []
        if openings.placed == self._placed:
            return found
        for deal in filter(openings.may_be_ours, list(self._ownerless.values())):
            over_e8, told = openings.dealt(deal), _owned(deal, openings)
            if over_e8 != deal.volume_e8 or told.oid != deal.oid:
                self._is_unsaved = True
            if told.oid != deal.oid and not any(deal.oid):
                found.append(told)
            del self._ownerless[deal.deal_ticket]
            if over_e8:
                self._ownerless[deal.deal_ticket] = msgspec.structs.replace(told, volume_e8=over_e8)
        self._placed = openings.placed
        return found

    def position(self, ticket: int) -> Position | None:
        """A position of the newest read by its ticket."""
        return self._by_ticket.get(ticket)

    def order(self, ticket: int) -> PendingOrder | None:
        """A resting order of the newest read by its ticket."""
        orders = self.state.orders if self.state else []
        return next((order for order in orders if order.ticket == ticket), None)

    def tell(self) -> AccountState:
        """The newest read, to be sent now: its number is used up."""
        assert self.newest is not None, "nothing was read yet"
        self._number = self.newest.number
        return self.newest

    def make(self, f: int, block: int, managed: bool, ladder: str, unknown_count: int, now_ns: int) -> AccountState:
        """Put the newest read into a message to the master. Needs a read and an attached terminal."""
        state, terminal = self.state, self.terminal
        assert state is not None and terminal is not None, "nothing was read yet"
        self.newest = AccountState(
            account=self.account,
            life=self._life,
            number=self._number + 1,
            f=f,
            block=block,
            market_ns=state.market_ns,
            stamp_ns=now_ns,
            login=terminal.login,
            currency=terminal.currency,
            hedging=terminal.hedging,
            leverage=terminal.leverage,
            balance_e8=state.balance_e8,
            equity_e8=state.equity_e8,
            margin_e8=state.margin_e8,
            margin_free_e8=state.margin_free_e8,
            margin_level_e8=state.margin_level_e8,
            deposit_e8=self.deposit_e8,
            connected=state.connected,
            trade_allowed=state.trade_allowed,
            managed=managed,
            ladder=ladder,
            positions=self._told,
            orders=state.orders[:ORDERS_TOLD_MAX],
            unknown_count=unknown_count,
            symbols_number=self._symbols_number,
            ping_us=state.ping_us,
            day_base_e8=day_base_e8(self.marks, self.deposit_e8),
        )
        return self.newest


def _owned(deal: DealReport, openings: Openings) -> DealReport:
    """The deal with whose it is."""
    opening = openings.of_position_id(deal.position_id)
    return msgspec.structs.replace(deal, oid=opening.record.oid) if opening else deal
