"""One login's terminal: its switches, its Market Watch, and what it does not see yet."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mesh.units import NEVER
from nodes.terminal.dealrows import DealRows
from nodes.terminal.engine import Terminal
from nodes.terminal.records import Deal, Order, Position

if TYPE_CHECKING:
    from nodes.terminal.standstill import Standstill

Live = TypeVar("Live", Position, Order)
Done = TypeVar("Done", Order, Deal)

DOWN = "down"
"""The terminal is not running."""
DISCONNECTED = "disconnected"
"""The terminal has lost its server."""
TRADE_STOPPED = "trade stopped"
"""The Algo Trading button is off."""
API_OFF = "api off"
"""Trading by the Python interface is switched off in the options."""
SWITCHED = "switched"
"""Another account is logged in."""


class Late(NamedTuple):
    """A change of the books that is not seen before ``shown_ns``; ``row``: what there was before it, None for nothing."""

    kind: str
    login: int
    ticket: int | str
    row: Any
    shown_ns: int


class Session:
    """What a terminal holds for one login besides the server's books: its switches, its Market Watch, what it does not see yet."""

    __slots__ = ("_late", "acting_login", "book_subscriptions", "deal_rows", "outages", "selected", "standstill")

    def __init__(self, terminal: Terminal) -> None:
        self.selected = {name: book.spec.selected for name, book in terminal.books.items()}
        self.book_subscriptions: dict[str, None] = {}
        self.deal_rows = DealRows(terminal.clock)
        self.acting_login = 0
        """Whose account is logged in while ``SWITCHED`` is on."""
        self.outages: dict[str, int] = {}
        """Until when something is amiss; empty for nearly every terminal, so that nothing more need be asked."""
        self.standstill: Standstill | None = None
        """What is shown while the server is lost."""
        self._late: list[Late] = []
        """In the order in which it happened."""

    def switch(self, outage: str, now_ns: int, until_ns: int) -> None:
        """Something is amiss from now until a market time, ``NEVER`` for ever."""
        if outage == DISCONNECTED and not self.is_in(outage, now_ns):
            self.standstill = None  # of an earlier loss that nobody saw the end of
        self.outages[outage] = until_ns

    def is_in(self, outage: str, now_ns: int) -> bool:
        """Whether something is amiss."""
        return now_ns < self.outages.get(outage, 0)

    def hide(self, late: Iterable[Late], now_ns: int) -> None:
        """What changed is seen later."""
        self._late = [known for known in self._late if known.shown_ns > now_ns]
        self._late.extend(late)

    @property
    def hides(self) -> bool:
        """Whether any change may not be shown yet: nearly never, so that nothing more need be asked."""
        return bool(self._late)

    def shown_ns(self, now_ns: int) -> int:
        """When the next change is seen; ``NEVER`` where none is hidden."""
        return min((late.shown_ns for late in self._late if late.shown_ns > now_ns), default=NEVER)

    def reveals_ns(self, now_ns: int) -> int:
        """When time alone changes what is shown: a hidden change is seen, or the server is there again; ``NEVER`` where it does not."""
        back_ns = self.outages.get(DISCONNECTED, 0)
        return min(self.shown_ns(now_ns), back_ns if back_ns > now_ns else NEVER)

    def shown(self, kind: str, login: int, rows: Mapping[int, Live], now_ns: int) -> Mapping[int, Live]:
        """Positions or live orders as they are seen: those that changed are what they were, one that has gone is still there."""
        late = [known for known in self._late if (known.kind, known.login) == (kind, login) and known.shown_ns > now_ns]
        if not late:
            return rows
        seen: dict[Any, Live] = dict(rows)
        for known in reversed(late):  # the first change that is not seen yet decides: later ones are built on it
            if known.row is None:
                seen.pop(known.ticket, None)
            else:
                seen[known.ticket] = known.row
        return dict(sorted(seen.items()))

    def known(self, kind: str, rows: Iterable[Done], now_ns: int) -> list[Done]:
        """Done orders or deals without those that are not seen yet."""
        late = [known.ticket for known in self._late if known.kind == kind and known.shown_ns > now_ns]
        return [row for row in rows if row.ticket not in late]
