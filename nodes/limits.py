"""The rails of an account as numbers the rules compare with."""

import msgspec

from mesh.settings import RailsSection
from mesh.units import E8, MINUTE_NS, MS_NS
from nodes.dayloss import minutes_of_day
from nodes.sizing import e8_of
from nodes.zones import Zone

TIMES_E8 = E8
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


def over_count(count: int, limit_count: int | None) -> str | None:
    """What there is of something against what there may be; None where there is room for one more."""
    return None if limit_count is None or count < limit_count else f"count={count} limit={limit_count}"
