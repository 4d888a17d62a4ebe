"""Rules about the account itself: is it there, may it open anything at all now, has it opened too much of late."""

from mesh.messages.control import ACTIVE
from mesh.units import DAY_NS, MINUTE_NS, MS_NS
from nodes.limits import over_count
from nodes.openask import OpenAsk
from nodes.sizing import is_tradable

LONG_ONLY, SHORT_ONLY, FULL = 1, 2, 4
"""SYMBOL_TRADE_MODE_* in which a symbol may be opened; 0 is disabled, 3 is close only."""


def mismatch(ask: OpenAsk) -> str | None:
    """Its local's configuration or clock, or the symbol's terms, are not what they have to be."""
    return ask.mismatch or None


def no_state(ask: OpenAsk) -> str | None:
    """The master waits for its state, its list or its grant."""
    if ask.waits_for or ask.state is None:
        return f"waits_for={ask.waits_for or 'state'}"
    return None


def rollback(ask: OpenAsk) -> str | None:
    """Its local has forgotten outcomes the master knows of."""
    return "outcomes=lost" if ask.is_rolled_back else None


def stale(ask: OpenAsk) -> str | None:
    """The newest state is old."""
    if ask.state_age_ns <= ask.stale_ns:
        return None
    return f"age_ms={ask.state_age_ns // MS_NS} limit_ms={ask.stale_ns // MS_NS}"


def disconnected(ask: OpenAsk) -> str | None:
    """Its terminal does not see its server."""
    return None if ask.is_connected else "terminal=disconnected"


def trade_disabled(ask: OpenAsk) -> str | None:
    """The account, or the symbol for this side, may not be traded."""
    if not ask.is_trade_allowed:
        return "account=off"
    mode = ask.contract.trade_mode if ask.spec else FULL
    if mode == FULL or (mode == LONG_ONLY and ask.side > 0) or (mode == SHORT_ONLY and ask.side < 0):
        return None
    return f"symbol={ask.symbol} trade_mode={mode}"


def no_spec(ask: OpenAsk) -> str | None:
    """The symbol is not there, or lacks the numbers that sizing divides by."""
    return None if ask.spec is not None and is_tradable(ask.spec) else f"symbol={ask.symbol}"


def killed(ask: OpenAsk) -> str | None:
    """A stop binds."""
    return None if ask.level == ACTIVE else f"level={ask.level}"


def unknown(ask: OpenAsk) -> str | None:
    """An order of the symbol has an unknown result."""
    return f"symbol={ask.symbol} result=unknown" if ask.has_unknown else None


def signal_age(ask: OpenAsk) -> str | None:
    """The signal is old."""
    limit_ns = ask.limits.signal_age_ns
    if limit_ns is None or ask.signal_age_ns <= limit_ns:
        return None
    return f"age_ms={ask.signal_age_ns // MS_NS} limit_ms={limit_ns // MS_NS}"


def duplicate(ask: OpenAsk) -> str | None:
    """The same was opened a moment ago."""
    window_ns = ask.limits.duplicate_window_ns
    if window_ns is None or ask.since_same_ns is None or ask.since_same_ns >= window_ns:
        return None
    return f"since_ms={ask.since_same_ns // MS_NS} window_ms={window_ns // MS_NS}"


def closed_hours(ask: OpenAsk) -> str | None:
    """The hours in which nothing is opened, in broker time."""
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


def orders_minute(ask: OpenAsk) -> str | None:
    """Orders of the last minute."""
    return over_count(ask.order_counts[0], ask.limits.orders_per_minute_count)


def orders_hour(ask: OpenAsk) -> str | None:
    """Orders of the last hour."""
    return over_count(ask.order_counts[1], ask.limits.orders_per_hour_count)
