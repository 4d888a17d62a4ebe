"""The rules an opening must pass on each account, each with its own code and the numbers it looked at.

The rules run in the order of ``RULES``; the first that objects decides the line, so the order is part of what a line says:
is the account there (NO_STATE … KILLED), may it trade now (SIGNAL_AGE … ORDERS_HOUR), is the market fit (NO_QUOTE … COLLAR),
is there room (POSITIONS … NETTING), is the order sound (NO_ATR, STOPS, VOLUME), can the account bear it (RISK … MARGIN_LEVEL).
No rule here ever sees a closing leg. A limit is the last value allowed. A rule that is off is passed over.
"""

from collections.abc import Callable

import msgspec

from mesh.messages.accounts import AccountState, SymbolSpec
from mesh.messages.control import ACTIVE
from mesh.settings import RailsSection
from mesh.units import DAY_NS, E8, MINUTE_NS, MS_NS, text_from_e8
from nodes.dayloss import BROKEN, DayRule, Marks, day_limit_e8, day_loss_e8, drawdown_e8, minutes_of_day
from nodes.positions import Holding
from nodes.quotes import Quote
from nodes.sizing import PERCENT, e8_of, is_tradable, worth_e8
from nodes.zones import Zone

DENIED, SKIPPED, KILLED = "DENIED", "SKIPPED", "KILLED"
LONG_ONLY, SHORT_ONLY, FULL = 1, 2, 4
"""SYMBOL_TRADE_MODE_* in which a symbol may be opened; 0 is disabled, 3 is close only."""
_TIMES_E8 = E8
"""A limit in times is a fixed-point number too."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The rails of an account in integers; None: switched off."""

    risk_percent_e8: int | None
    positions_per_symbol_count: int | None
    positions_count: int | None
    exposure_times_e8: int | None
    orders_per_minute_count: int | None
    orders_per_hour_count: int | None
    spread_times_e8: int | None
    collar_percent_e8: int | None
    deviation_points: int
    signal_age_ns: int | None
    duplicate_window_ns: int | None
    drawdown_percent_e8: int | None
    margin_level_percent_e8: int | None
    closed_from_ns: int | None
    closed_to_ns: int
    broker_zone: Zone


def limits_of(rails: RailsSection, broker_zone: str) -> Limits:
    """The limits of an account's rails. Raises ValueError for an unknown zone."""
    return Limits(
        risk_percent_e8=None if rails.risk_percent is None else e8_of(rails.risk_percent),
        positions_per_symbol_count=rails.positions_per_symbol_count,
        positions_count=rails.positions_count,
        exposure_times_e8=None if rails.exposure_times is None else e8_of(rails.exposure_times),
        orders_per_minute_count=rails.orders_per_minute_count,
        orders_per_hour_count=rails.orders_per_hour_count,
        spread_times_e8=None if rails.spread_times is None else e8_of(rails.spread_times),
        collar_percent_e8=None if rails.price_collar_percent is None else e8_of(rails.price_collar_percent),
        deviation_points=rails.deviation_points,
        signal_age_ns=None if rails.signal_age_ms is None else rails.signal_age_ms * MS_NS,
        duplicate_window_ns=None if rails.duplicate_window_ms is None else rails.duplicate_window_ms * MS_NS,
        drawdown_percent_e8=None if rails.drawdown_percent is None else e8_of(rails.drawdown_percent),
        margin_level_percent_e8=None if rails.margin_level_percent is None else e8_of(rails.margin_level_percent),
        closed_from_ns=None if rails.closed_from is None else minutes_of_day(rails.closed_from) * MINUTE_NS,
        closed_to_ns=minutes_of_day(rails.closed_to) * MINUTE_NS,
        broker_zone=Zone.parse(broker_zone),
    )


class Opening(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An opening that is asked for, and everything the rules look at. Money in the account's currency.

    ``waits_for``: what the account is not ready for (empty: ready). ``is_connected`` and ``is_trade_allowed`` are of the
    newest state. ``state_age_ns`` is on the master's monotonic clock, ``signal_age_ns`` in market time (a signal by hand:
    since the signals node took it). ``reference_e8``: the price the signal saw, 0 where it saw none. ``needs_atr``: SL or TP
    by ATR is asked for and the signal carries none.
    """

    limits: Limits
    day_rule: DayRule
    marks: Marks
    state: AccountState | None
    spec: SymbolSpec | None
    specs: dict[str, SymbolSpec]
    quote: Quote | None
    median_spread_e8: int | None
    holdings: list[Holding]
    order_counts: tuple[int, int]
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


def percent_text(part: int, whole: int) -> str:
    """``part`` of ``whole`` in percent with two decimals."""
    return text_from_e8(part * PERCENT * E8 // whole, 2) if whole else "inf"


def _no_state(ask: Opening) -> str | None:
    if ask.waits_for or ask.state is None:
        return f"waits_for={ask.waits_for or 'state'}"
    return None


def _rollback(ask: Opening) -> str | None:
    return "outcomes=lost" if ask.is_rolled_back else None


def _stale(ask: Opening) -> str | None:
    if ask.state_age_ns <= ask.stale_ns:
        return None
    return f"age_ms={ask.state_age_ns // MS_NS} limit_ms={ask.stale_ns // MS_NS}"


def _disconnected(ask: Opening) -> str | None:
    return None if ask.is_connected else "terminal=disconnected"


def _trade_disabled(ask: Opening) -> str | None:
    if not ask.is_trade_allowed:
        return "account=off"
    mode = ask.contract.trade_mode if ask.spec else FULL
    if mode == FULL or (mode == LONG_ONLY and ask.side > 0) or (mode == SHORT_ONLY and ask.side < 0):
        return None
    return f"symbol={ask.symbol} trade_mode={mode}"


def _no_spec(ask: Opening) -> str | None:
    return None if ask.spec is not None and is_tradable(ask.spec) else f"symbol={ask.symbol}"


def _killed(ask: Opening) -> str | None:
    return None if ask.level == ACTIVE else f"level={ask.level}"


def _unknown(ask: Opening) -> str | None:
    return f"symbol={ask.symbol} result=unknown" if ask.has_unknown else None


def _signal_age(ask: Opening) -> str | None:
    limit_ns = ask.limits.signal_age_ns
    if limit_ns is None or ask.signal_age_ns <= limit_ns:
        return None
    return f"age_ms={ask.signal_age_ns // MS_NS} limit_ms={limit_ns // MS_NS}"


def _duplicate(ask: Opening) -> str | None:
    window_ns = ask.limits.duplicate_window_ns
    if window_ns is None or ask.since_same_ns is None or ask.since_same_ns >= window_ns:
        return None
    return f"since_ms={ask.since_same_ns // MS_NS} window_ms={window_ns // MS_NS}"


def _closed_hours(ask: Opening) -> str | None:
    start_ns, end_ns = ask.limits.closed_from_ns, ask.limits.closed_to_ns
    if start_ns is None:
        return None
    broker_ns = ask.market_ns + ask.limits.broker_zone.offset_ns_at(ask.market_ns)
    time_ns = broker_ns % DAY_NS
    inside = start_ns <= time_ns < end_ns if start_ns <= end_ns else time_ns >= start_ns or time_ns < end_ns
    if not inside:
        return None
    minutes = time_ns // MINUTE_NS
    return f"broker_time={minutes // 60:02d}:{minutes % 60:02d}"


def _daily_loss(ask: Opening) -> str | None:
    limit_e8 = day_limit_e8(ask.marks, ask.day_rule)
    if limit_e8 is None or ask.marks.level < BROKEN:
        return None
    return f"used={text_from_e8(day_loss_e8(ask.marks, ask.account), 2)} limit={text_from_e8(limit_e8, 2)}"


def _drawdown(ask: Opening) -> str | None:
    limit_e8 = ask.limits.drawdown_percent_e8
    if limit_e8 is None:
        return None
    lost_e8, mark_e8 = drawdown_e8(ask.marks, ask.account)
    if lost_e8 * PERCENT * E8 < max(0, mark_e8) * limit_e8:
        return None
    return f"used={percent_text(lost_e8, mark_e8)}% limit={text_from_e8(limit_e8, 2)}%"


def _rate(count: int, limit_count: int | None) -> str | None:
    return None if limit_count is None or count < limit_count else f"count={count} limit={limit_count}"


def _orders_minute(ask: Opening) -> str | None:
    return _rate(ask.order_counts[0], ask.limits.orders_per_minute_count)


def _orders_hour(ask: Opening) -> str | None:
    return _rate(ask.order_counts[1], ask.limits.orders_per_hour_count)


def _no_quote(ask: Opening) -> str | None:
    return None if ask.quote is not None else f"symbol={ask.symbol}"


def _spread(ask: Opening) -> str | None:
    limit_e8, median_e8 = ask.limits.spread_times_e8, ask.median_spread_e8
    if limit_e8 is None or median_e8 is None or ask.price.spread_e8 * _TIMES_E8 <= median_e8 * limit_e8:
        return None
    spread, median = text_from_e8(ask.price.spread_e8), text_from_e8(median_e8)
    return f"spread={spread} median={median} limit={text_from_e8(limit_e8, 2)}x"


def _collar(ask: Opening) -> str | None:
    limit_e8 = ask.limits.collar_percent_e8
    if limit_e8 is None or ask.reference_e8 <= 0:
        return None
    moved_e8 = abs(ask.price.bid_e8 - ask.reference_e8)
    if moved_e8 * PERCENT * E8 <= ask.reference_e8 * limit_e8:
        return None
    return f"moved={percent_text(moved_e8, ask.reference_e8)}% limit={text_from_e8(limit_e8, 2)}%"


def _positions_symbol(ask: Opening) -> str | None:
    count = sum(holding.symbol == ask.contract.symbol for holding in ask.staying)
    return _rate(count, ask.limits.positions_per_symbol_count)


def _positions(ask: Opening) -> str | None:
    return _rate(len(ask.staying), ask.limits.positions_count)


def _netting(ask: Opening) -> str | None:
    """On a netting account a symbol has one position: an opening would reduce, reverse or merge into one not its own."""
    if ask.account.hedging:
        return None
    for holding in ask.staying:
        if holding.symbol == ask.contract.symbol and (holding.side != ask.side or holding.strategy != ask.strategy):
            return f"position={holding.ticket} side={holding.side} strategy={holding.strategy or '-'}"
    return None


def _no_atr(ask: Opening) -> str | None:
    return "atr=none" if ask.needs_atr else None


def _stops(ask: Opening) -> str | None:
    # A stop is measured from the price at which the position would close: it has to clear the spread too.
    level_e8 = ask.contract.stops_level_points * ask.contract.point_e8 + ask.price.spread_e8 + ask.contract.tick_size_e8
    if not 0 < ask.sl_distance_e8 < level_e8:
        return None
    return f"sl_distance={text_from_e8(ask.sl_distance_e8)} least={text_from_e8(level_e8)}"


def _volume(ask: Opening) -> str | None:
    return None if ask.volume_e8 > 0 else f"below_min={text_from_e8(ask.contract.volume_min_e8, 2)}"


def _risk(ask: Opening) -> str | None:
    limit_e8 = ask.limits.risk_percent_e8
    if limit_e8 is None:
        return None
    equity_e8 = max(0, ask.account.equity_e8)
    if ask.sl_distance_e8 <= 0:
        return f"sl=none limit={text_from_e8(limit_e8, 2)}%"
    loss_e8 = worth_e8(ask.contract, ask.sl_distance_e8, ask.volume_e8)
    if loss_e8 * PERCENT * E8 <= equity_e8 * limit_e8:
        return None
    return f"loss={text_from_e8(loss_e8, 2)} used={percent_text(loss_e8, equity_e8)}% limit={text_from_e8(limit_e8, 2)}%"


def exposure_e8(holdings: list[Holding], specs: dict[str, SymbolSpec]) -> tuple[int, str]:
    """(notional of all holdings that stay, the first symbol that has no price in money or nothing)."""
    total_e8 = 0
    for holding in holdings:
        if holding.closing:
            continue
        spec = specs.get(holding.symbol)
        if spec is None or not is_tradable(spec):
            return total_e8, holding.symbol
        total_e8 += worth_e8(spec, holding.price_e8, holding.volume_e8)
    return total_e8, ""


def exposure_cap_e8(limits: Limits, equity_e8: int, held_e8: int) -> int | None:
    """Notional a volume sized by risk may have: the room left, and one position's share; None where the rail is off."""
    if limits.exposure_times_e8 is None:
        return None
    all_e8 = max(0, equity_e8) * limits.exposure_times_e8 // _TIMES_E8
    return min(all_e8 - held_e8, all_e8 // (limits.positions_count or 1))


def _exposure(ask: Opening) -> str | None:
    limit_e8 = ask.limits.exposure_times_e8
    if limit_e8 is None:
        return None
    held_e8, unpriced = exposure_e8(ask.holdings, ask.specs)
    if unpriced:
        return f"unpriced={unpriced} limit={text_from_e8(limit_e8, 2)}x"
    total_e8 = held_e8 + worth_e8(ask.contract, ask.price.entry_e8(ask.side), ask.volume_e8)
    equity_e8 = max(0, ask.account.equity_e8)
    if total_e8 * _TIMES_E8 <= equity_e8 * limit_e8:
        return None
    times = text_from_e8(total_e8 * E8 // equity_e8, 2) if equity_e8 else "inf"
    return f"notional={text_from_e8(total_e8, 2)} used={times}x limit={text_from_e8(limit_e8, 2)}x"


def _margin_level(ask: Opening) -> str | None:
    """Equity against the margin after this opening and those in flight."""
    limit_e8 = ask.limits.margin_level_percent_e8
    if limit_e8 is None:
        return None
    margin_e8 = ask.account.margin_e8 + ask.contract.margin_per_lot_e8 * ask.volume_e8 // E8
    for holding in ask.staying:
        spec = ask.specs.get(holding.symbol)
        if holding.ticket == 0 and spec is not None:
            margin_e8 += spec.margin_per_lot_e8 * holding.volume_e8 // E8
    if margin_e8 <= 0 or ask.account.equity_e8 * PERCENT * E8 >= margin_e8 * limit_e8:
        return None
    return f"level={percent_text(ask.account.equity_e8, margin_e8)}% limit={text_from_e8(limit_e8, 2)}%"


Rule = Callable[[Opening], str | None]
"""What a rule objects to as ``key=value`` words; None where it does not."""

RULES: tuple[tuple[str, str, Rule], ...] = (
    ("NO_STATE", DENIED, _no_state),
    ("ROLLBACK", DENIED, _rollback),
    ("STALE_ACCOUNT", DENIED, _stale),
    ("DISCONNECTED", DENIED, _disconnected),
    ("TRADE_DISABLED", DENIED, _trade_disabled),
    ("NO_SPEC", DENIED, _no_spec),
    ("LADDER", KILLED, _killed),
    ("UNKNOWN", DENIED, _unknown),
    ("SIGNAL_AGE", DENIED, _signal_age),
    ("DUPLICATE_WINDOW", SKIPPED, _duplicate),
    ("CLOSED_HOURS", DENIED, _closed_hours),
    ("DAILY_LOSS", DENIED, _daily_loss),
    ("DRAWDOWN", DENIED, _drawdown),
    ("ORDERS_MINUTE", DENIED, _orders_minute),
    ("ORDERS_HOUR", DENIED, _orders_hour),
    ("NO_QUOTE", DENIED, _no_quote),
    ("SPREAD", DENIED, _spread),
    ("COLLAR", DENIED, _collar),
    ("POSITIONS_SYMBOL", DENIED, _positions_symbol),
    ("POSITIONS", DENIED, _positions),
    ("NETTING", DENIED, _netting),
    ("NO_ATR", DENIED, _no_atr),
    ("STOPS", DENIED, _stops),
    ("VOLUME", SKIPPED, _volume),
    ("RISK", DENIED, _risk),
    ("EXPOSURE", DENIED, _exposure),
    ("MARGIN_LEVEL", DENIED, _margin_level),
)
"""(word, the line's code where it objects, the rule), in the order in which they run."""


def objection(ask: Opening) -> tuple[str, str] | None:
    """(code, ``WORD key=value …``) of the first rule that objects to an opening; None where none does."""
    for word, code, rule in RULES:
        detail = rule(ask)
        if detail is not None:
            return code, f"{word} {detail}"
    return None
