"""Where the bars of MetaTrader's timeframes begin.

MetaTrader aligns bars to the broker's server clock (server = UTC + offset): minutes and hours to its midnight, D1 at
its midnight, W1 on its Sunday 00:00, MN1 on the first of its month. The functions with a `Zone` say a start in UTC, as every
other time is, and hold across a change of the server clock: a bar up to H1 ends at the change, so both passes of a doubled hour
have bars of their own; a longer bar runs through it, an hour longer or shorter, and is one bar (its clock stands still in the
second pass).
"""

from typing import TypeVar

import numpy as np

from mesh.units import DAY_NS, HOUR_NS
from nodes.timeframes import MONTH_NS, WEEK_NS, length_ns
from nodes.zones import Zone
from nodes.zonetimes import Times, columns_of

_Clock = TypeVar("_Clock", int, Times)
_FIRST_SUNDAY_NS = 3 * DAY_NS  # 1970-01-01 was a Thursday
_ERA_DAYS = 146_097  # 400 years of the Gregorian calendar
_ERA_SHIFT_DAYS = 719_468  # from 0000-03-01 to 1970-01-01


def bar_starts_ns(server_ns: Times, timeframe: str) -> Times:
    """Start of the bar that holds each time, both as the server's clock shows them."""
    return _floor_ns(server_ns, length_ns(timeframe))


def bar_span_ns(market_ns: int, timeframe: str, zone: Zone) -> tuple[int, int]:
    """UTC start, and UTC end (the start of the next), of the bar of ``zone``'s clock that holds ``market_ns``."""
    length = length_ns(timeframe)
    table = zone.table(market_ns, market_ns)
    index = table.index_at(market_ns)
    offset_ns = table.offsets[index]
    server_ns = market_ns + offset_ns
    if length <= HOUR_NS:
        start_ns = _floor_ns(server_ns, length)
        end_ns = start_ns + length - offset_ns
        if index + 1 < len(table.starts):
            end_ns = min(end_ns, table.starts[index + 1])
        return max(start_ns - offset_ns, table.starts[index]), end_ns
    if index:
        server_ns = max(server_ns, table.reached[index - 1] - 1)
    start_ns = _floor_ns(server_ns, length)
    return table.first_utc_at(start_ns), table.first_utc_at(_next_ns(start_ns, length))


def zone_bar_starts_ns(times_ns: Times, timeframe: str, zone: Zone) -> Times:
    """The UTC starts `bar_span_ns` gives, for each time."""
    length = length_ns(timeframe)
    if not times_ns.size:
        return times_ns.copy()
    columns = columns_of(zone, int(times_ns.min()), int(times_ns.max()))
    if len(columns.starts_ns) == 1:
        (offset_ns,) = columns.offsets_ns.tolist()
        plain_ns: Times = _floor_ns(times_ns + offset_ns, length) - offset_ns
        return plain_ns
    indices = columns.indices_at(times_ns)
    offsets_ns = columns.offsets_ns[indices]
    servers_ns = times_ns + offsets_ns
    if length <= HOUR_NS:
        starts_ns: Times = np.maximum(_floor_ns(servers_ns, length) - offsets_ns, columns.starts_ns[indices])
        return starts_ns
    stands_ns = np.where(indices > 0, columns.reached_ns[indices - 1] - 1, servers_ns)
    return columns.first_utcs_at(_floor_ns(np.maximum(servers_ns, stands_ns), length))


def _floor_ns(server_ns: _Clock, length: int) -> _Clock:
    """Start of the bar on the server clock itself."""
    if length == MONTH_NS:
        day = server_ns // DAY_NS
        return (day - _day_of_month(day) + 1) * DAY_NS
    if length == WEEK_NS:
        return server_ns - (server_ns - _FIRST_SUNDAY_NS) % WEEK_NS
    return server_ns - server_ns % length


def _next_ns(start_ns: int, length: int) -> int:
    """Start of the bar after the one starting at ``start_ns``, on the server clock itself."""
    if length == MONTH_NS:
        return _floor_ns(start_ns + 31 * DAY_NS, length)  # always inside the next month
    return start_ns + length


def _day_of_month(day: _Clock) -> _Clock:
    """1 to 31 for a day counted from 1970-01-01.

    Howard Hinnant's civil_from_days ("chrono-compatible low-level date algorithms"): years begin in March, so that
    the leap day is the last of a year and months have one formula.
    """
    era_day = (day + _ERA_SHIFT_DAYS) % _ERA_DAYS
    year_of_era = (era_day - era_day // 1_460 + era_day // 36_524 - era_day // 146_096) // 365
    day_of_year = era_day - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day_of_month: _Clock = day_of_year - (153 * month_from_march + 2) // 5 + 1
    return day_of_month
