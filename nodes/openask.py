"""An opening that is asked for, as the rules see it: the one thing each of them looks at."""

from collections.abc import Iterable

import msgspec

from mesh.messages.accounts import AccountState, SymbolSpec
from nodes.dayloss import DayRule, Marks
from nodes.limits import Limits
from nodes.positions import Holding
from nodes.quote import Quote


class OpenAsk(msgspec.Struct, frozen=True, gc=False):
    """An opening that is asked for, and everything the rules look at. Money in the account's currency.

    ``waits_for``: what the account is not ready for (empty: ready). ``mismatch``: what of it is not as it has to be (empty: all is).
    ``is_connected`` and ``is_trade_allowed`` are of the newest state. ``state_age_ns`` is on the master's monotonic clock,
    ``signal_age_ns`` in market time (a signal by hand: since the signals node took it). ``reference_e8``: the price the signal saw, 0
    where it saw none. ``needs_atr``: SL or TP by ATR is asked for and the signal carries none. ``quote_stale_ns``: how old a live
    market's quote may be; None where quotes are recorded, whose files may be as sparse as they like.
    """

    limits: Limits
    day_rule: DayRule
    marks: Marks
    state: AccountState | None
    spec: SymbolSpec | None
    specs: dict[str, SymbolSpec]
    quote: Quote | None
    median_spread_e8: int | None
    holdings: Iterable[Holding]
    order_counts: tuple[int, int]
    mismatch: str
    waits_for: str
    is_rolled_back: bool
    level: str
    has_unknown: bool
    is_connected: bool
    is_trade_allowed: bool
    state_age_ns: int
    stale_ns: int
    market_ns: int
    signal_age_ns: int
    since_same_ns: int | None
    symbol: str
    strategy: str
    side: int
    volume_e8: int
    sl_distance_e8: int
    needs_atr: bool
    reference_e8: int
    quote_stale_ns: int | None = None

    @property
    def account(self) -> AccountState:
        """The state; NO_STATE has made sure that there is one."""
        assert self.state is not None, "NO_STATE runs first"
        return self.state

    @property
    def contract(self) -> SymbolSpec:
        """The symbol; NO_SPEC has made sure that there is one."""
        assert self.spec is not None, "NO_SPEC runs before every rule that needs it"
        return self.spec

    @property
    def price(self) -> Quote:
        """The quote; NO_QUOTE has made sure that there is one."""
        assert self.quote is not None, "NO_QUOTE runs before every rule that needs it"
        return self.quote

    @property
    def staying(self) -> list[Holding]:
        """Holdings that no close in flight ends."""
        return [holding for holding in self.holdings if not holding.closing]
