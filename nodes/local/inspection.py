"""An account read for an operator: its positions and orders now, and every deal since a moment, page by page."""

from mesh.messages.accounts import PendingOrder, Position
from mesh.messages.outcomes import DealReport
from mesh.messages.venue import VenueRead, VenueState
from nodes.local.accountbook import AccountBook


class Inspection:
    """One such reading; the account's book is left as it is, but for symbols, which are told once."""

    def __init__(self, book: AccountBook, from_ns: int) -> None:
        self._book = book
        self._from_ns = max(1, from_ns)
        self._after = 0
        self._deals: dict[int, DealReport] = {}
        self._state: VenueState | None = None

    def request(self, call: int) -> VenueRead:
        """The next page."""
        return VenueRead(call, 0, self._from_ns, anew=True, after=self._after)

    def take(self, read: VenueState) -> bool:
        """A page; whether it was the last."""
        self._book.take_symbols(read.symbols)
        self._after = read.call
        self._deals |= {deal.deal_ticket: deal for deal in read.deals}
        if read.more_deals:
            return False
        self._state = read
        return True

    @property
    def state(self) -> VenueState:
        """The newest page, once all are read."""
        assert self._state is not None, "the account was not read to its end yet"
        return self._state

    @property
    def positions(self) -> list[Position]:
        """Positions as of the last page."""
        return self.state.positions

    @property
    def orders(self) -> list[PendingOrder]:
        """Resting orders as of the last page."""
        return self.state.orders

    @property
    def deals(self) -> list[DealReport]:
        """Every deal there was since the moment."""
        return list(self._deals.values())
