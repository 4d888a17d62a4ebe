"""One login's terminal: its switches, its Market Watch, and what it does not see yet."""

from collections.abc import Iterable

from mesh.units import NEVER
from nodes.terminal.engine import Terminal
from nodes.terminal.records import Change

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


class Session:
    """What a terminal holds for one login besides the server's books: its switches, its Market Watch, what it does not see yet."""

    __slots__ = ("_hidden", "acting_login", "book_subscriptions", "outages", "selected")

    def __init__(self, terminal: Terminal) -> None:
        self.selected = {name: book.spec.selected for name, book in terminal.books.items()}
        self.book_subscriptions: dict[str, None] = {}
        self.acting_login = 0
        """Whose account is logged in while ``SWITCHED`` is on."""
        self.outages: dict[str, int] = {}
        """Until when something is amiss; empty for nearly every terminal, so that nothing more need be asked."""
        self._hidden: dict[tuple[str, int | str], int] = {}

    def switch(self, outage: str, until_ns: int) -> None:
        """Something is amiss until a market time: ``NEVER`` for ever, 0 for no longer."""
        self.outages[outage] = until_ns

    def is_in(self, outage: str, now_ns: int) -> bool:
        """Whether something is amiss."""
        return now_ns < self.outages.get(outage, 0)

    def hide(self, changes: Iterable[Change], now_ns: int, until_ns: int) -> None:
        """What changed is not seen before a market time."""
        self._hidden = {row: shown_ns for row, shown_ns in self._hidden.items() if shown_ns > now_ns}
        self._hidden.update({(change.kind, change.key): until_ns for change in changes})

    @property
    def hides(self) -> bool:
        """Whether any row may not be shown yet: nearly never, so that nothing more need be asked."""
        return bool(self._hidden)

    def shown_ns(self, now_ns: int) -> int:
        """When the next hidden row is shown; ``NEVER`` where none is hidden."""
        return min((shown_ns for shown_ns in self._hidden.values() if shown_ns > now_ns), default=NEVER)

    def sees(self, kind: str, ticket: int, now_ns: int) -> bool:
        """Whether a row of the books is shown yet."""
        return not self._hidden or now_ns >= self._hidden.get((kind, ticket), 0)
