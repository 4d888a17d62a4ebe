"""What the page Trades shows: positions, orders and deals as rows. No text is made for a row before it is seen.

Rows of an account are made once for each of its states; how old they are is asked of the account, which all of them share.
"""

import msgspec

from mesh import texts
from mesh.config import Config
from mesh.messages.accounts import AccountState, AccountSymbols, PendingOrder, Position
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import DealReport, Outcome, Stamps
from mesh.steps import ONE_HOST, clocks_of
from mesh.view import View, freshness
from tui.amounts import age_text

DIGITS = 5
"""Of a symbol whose account has not told them."""
RESTING = "RESTING"
"""In place of a code: an order that waits at the broker."""
DONE = ("FILLED", "PARTIAL", "CLOSED", "MODIFIED", "CANCELLED", "FILLED_LATE")
OPEN_RESULTS = ("UNKNOWN", "UNCONFIRMED")
"""Nobody knows the result."""
WAITING = ("WORKING", RESTING)
DROPPED = ("SKIPPED", "SUPERSEDED")
NOT_OURS = "* not ours"
STALE_MARKS = {"late": "◐", "dead": "○"}
NOT_KNOWN = -1
"""In place of a span between two clocks, or of stages one of which was not reached."""


class Seen:
    """An account as its rows need it. ``how``: fresh, late or dead."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.currency = ""
        self.market_ns = 0
        self.age_ns = 0
        self.how = "dead"
        self.symbols: AccountSymbols | None = None
        self._told: AccountSymbols | None = None
        self._digits: dict[str, int] = {}

    def price(self, symbol: str, price_e8: int) -> str:
        """A price with the digits this account's broker gives it; empty for 0."""
        if self._told is not self.symbols:
            self._told = self.symbols
            self._digits = {spec.symbol: spec.digits for spec in self.symbols.symbols} if self.symbols is not None else {}
        return texts.price(price_e8, self._digits.get(symbol, DIGITS))

    @property
    def age(self) -> str:
        """How old what it told is, with a mark where that is too old."""
        return f"{STALE_MARKS.get(self.how, '')} {age_text(self.age_ns)}".lstrip()


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """An open position."""

    seen: Seen
    position: Position

    @property
    def key(self) -> tuple[str, int]:
        """What it is, from state to state."""
        return self.seen.account, self.position.ticket

    @property
    def query(self) -> str:
        """What `why` is asked."""
        return f"{self.seen.account}:{self.position.ticket}"


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """What became of a line or of a local's act, or an order that rests. ``query``: what `why` is asked about it."""

    seen: Seen
    key: tuple[str, str, int]
    market_ns: int
    code: str
    what: str
    symbol: str
    volume_e8: int
    price_e8: int
    profit_e8: int
    mesh_ns: int
    broker_ns: int
    detail: str
    strategy: str
    sid: str
    ticket: int
    query: str

    @property
    def is_resting(self) -> bool:
        """Whether it is told by the account's state, and as old as that."""
        return self.code == RESTING

    @property
    def is_open(self) -> bool:
        """Whether nobody knows its result."""
        return self.code in OPEN_RESULTS


class DealRow(msgspec.Struct, frozen=True, gc=False):
    """A deal of an account, ours or not."""

    seen: Seen
    deal: DealReport

    @property
    def key(self) -> tuple[str, int]:
        """Which one it is."""
        return self.seen.account, self.deal.deal_ticket

    @property
    def query(self) -> str:
        """What `why` is asked; empty where it is of no position."""
        deal = self.deal
        if deal.oid != NO_OID:
            return deal.oid.hex()
        return f"{deal.account}:{deal.position_id}" if deal.position_id else ""


class TradeBook:
    """The rows of the three tables."""

    def __init__(self, config: Config) -> None:
        self.positions: list[PositionRow] = []
        """By account in the order of the configuration, the newest first."""
        self.orders: list[OrderRow] = []
        self.deals: list[DealRow] = []
        self._accounts = tuple(config.account)
        self.is_one_host = bool(self._accounts) and clocks_of(config, View(), "", self._accounts[0]) is ONE_HOST
        self._seen: dict[str, Seen] = {}
        self._states: dict[str, tuple[AccountState, list[PositionRow], list[OrderRow]]] = {}
        self._lines: dict[tuple[str, int], tuple[Outcome, OrderRow]] = {}
        self._deals: dict[tuple[str, int], tuple[DealReport, DealRow]] = {}

    def take(self, view: View, now_ns: int) -> None:
        """Make the rows of what is new."""
        positions: list[PositionRow] = []
        resting: list[OrderRow] = []
        for account in dict.fromkeys((*self._accounts, *view.accounts)):
            seen = view.accounts.get(account)
            if seen is None:
                continue
            kept = self._account(account, *seen, view, now_ns)
            positions += kept[1]
            resting += kept[2]
        self.positions = positions
        self.orders = [*resting, *self._line_rows(view)]
        self.deals = self._deal_rows(view)

    def position(self, key: tuple[str, int]) -> PositionRow | None:
        """A position as it is now; None: it is not open any more."""
        _, rows, _ = self._states.get(key[0], (None, [], []))
        return next((row for row in rows if row.key == key), None)

    def _account(
        self, account: str, at_ns: int, state: AccountState, view: View, now_ns: int
    ) -> tuple[AccountState, list[PositionRow], list[OrderRow]]:
        seen = self._seen_of(account)
        seen.age_ns = now_ns - at_ns
        seen.how = freshness(seen.age_ns)
        seen.symbols = view.symbols.get(account)
        kept = self._states.get(account)
        if kept is None or kept[0] is not state:
            seen.currency, seen.market_ns = state.currency, state.market_ns
            newest_first = sorted(state.positions, key=_newest_first)
            kept = state, [PositionRow(seen, item) for item in newest_first], [resting_row(seen, item) for item in state.orders]
            self._states[account] = kept
        return kept

    def _seen_of(self, account: str) -> Seen:
        seen = self._seen.get(account)
        if seen is None:
            seen = self._seen[account] = Seen(account)
        return seen

    def _line_rows(self, view: View) -> list[OrderRow]:
        """What an order was in before it ended is left out: its chain tells it."""
        known, self._lines = self._lines, {}
        newest: dict[tuple[str, bytes], int] = {}
        for key, outcome in view.outcomes.items():
            kept = known.get(key)
            if kept is None or kept[0] is not outcome:
                kept = outcome, line_row(self._seen_of(outcome.account), outcome, self.is_one_host)
            self._lines[key] = kept
            newest[outcome.account, outcome.oid] = max(outcome.f, newest.get((outcome.account, outcome.oid), 0))
        return [row for item, row in self._lines.values() if item.final or newest[item.account, item.oid] == item.f]

    def _deal_rows(self, view: View) -> list[DealRow]:
        known, self._deals = self._deals, {}
        for key, deal in view.deals.items():
            kept = known.get(key)
            if kept is None or kept[0] is not deal:
                kept = deal, DealRow(self._seen_of(deal.account), deal)
            self._deals[key] = kept
        return [row for _, row in self._deals.values()]


def _newest_first(position: Position) -> tuple[int, int]:
    return -position.opened_ns, -position.ticket


def line_row(seen: Seen, outcome: Outcome, is_one_host: bool) -> OrderRow:
    """What became of a line, or of an act."""
    broker_ns = _span_ns(outcome.stamps.called_ns, outcome.stamps.answered_ns)
    what = f"{outcome.action} {texts.side(outcome.side)}" if outcome.side else outcome.action
    return OrderRow(
        seen, (outcome.account, "f", outcome.f), outcome.market_ns, outcome.code, what, outcome.symbol, outcome.volume_e8,
        outcome.price_e8, outcome.profit_e8, _mesh_ns(outcome.stamps, is_one_host), broker_ns, outcome.detail, outcome.strategy,
        outcome.sid, outcome.order_ticket or outcome.position_ticket, _query_of(outcome),
    )  # fmt: skip


def _mesh_ns(stamps: Stamps, is_one_host: bool) -> int:
    """From signal to broker: stamps of two hosts are of two clocks, and are not compared."""
    return _span_ns(stamps.signal_ns, stamps.called_ns) if is_one_host else NOT_KNOWN


def _span_ns(from_ns: int, to_ns: int) -> int:
    return to_ns - from_ns if from_ns and to_ns >= from_ns else NOT_KNOWN


def _query_of(outcome: Outcome) -> str:
    """A line has its oid; an act of the local or of an operator belongs to the story of its position."""
    if outcome.cause == outcome.leg and outcome.oid != NO_OID:
        return outcome.oid.hex()
    if outcome.position_ticket:
        return f"{outcome.account}:{outcome.position_ticket}"
    return outcome.sid.removesuffix(f"/{outcome.cause}")


def resting_row(seen: Seen, order: PendingOrder) -> OrderRow:
    """An order that waits at the broker, as new as its account's state."""
    levels = [f"{name}={seen.price(order.symbol, value)}" for name, value in (("SL", order.sl_e8), ("TP", order.tp_e8)) if value]
    expires = texts.clock_text(texts.iso_from_ns(order.expires_ns))
    words = [*levels, f"expires={expires} UTC" if expires else "expires=never"]
    return OrderRow(
        seen, (seen.account, "rests", order.ticket), seen.market_ns, RESTING, order.kind, order.symbol, order.volume_e8, order.price_e8,
        0, NOT_KNOWN, NOT_KNOWN, " ".join(words), "" if order.ours else NOT_OURS, "", order.ticket, f"{seen.account}:{order.ticket}",
    )  # fmt: skip


# words


def code_mark(code: str) -> str:
    """The mark before a code."""
    if code in DONE:
        return "✓"
    if code in OPEN_RESULTS:
        return "‼"
    return "…" if code in WAITING else "·" if code in DROPPED else "✗"
