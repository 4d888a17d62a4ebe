"""The 21 timeframes of MetaTrader 5: names and lengths (where their bars begin: ``nodes.barstarts``)."""

import re

from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS

WEEK_NS = 7 * DAY_NS
MONTH_NS = 30 * DAY_NS
"""What PeriodSeconds(PERIOD_MN1) answers; a real month begins on its first and has its own length."""

TIMEFRAMES: dict[str, int] = {
    **{f"M{minutes}": minutes * MINUTE_NS for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)},
    **{f"H{hours}": hours * HOUR_NS for hours in (1, 2, 3, 4, 6, 8, 12)},
    "D1": DAY_NS,
    "W1": WEEK_NS,
    "MN1": MONTH_NS,
}
"""Name -> length in nanoseconds, shortest first."""

_WORD = re.compile(r"(\d+)(M|MIN|MINUTES?|H|HOURS?|D|DAYS?|W|WEEKS?|MN|MO|MONTHS?)?")
_UNITS = {"": "M", "M": "M", "H": "H", "D": "D", "W": "W", "MN": "MN", "MO": "MN"}


def timeframe_of(word: str) -> str:
    """MetaTrader's name of a timeframe as people and platforms write it; empty where there is none of that length.

    ``h1``, ``PERIOD_H1``, ``1h``, ``60`` and ``60m`` are all H1: a bare number counts minutes, as in chart links and file names.
    """
    plain = word.upper().removeprefix("PERIOD_")
    if plain in TIMEFRAMES:
        return plain
    match = _WORD.fullmatch(plain)
    if match is None:
        return ""
    unit = match[2] or ""
    named = f"{_UNITS.get(unit[:2], '') or _UNITS[unit[:1]]}{match[1]}"
    if named in TIMEFRAMES:
        return named
    length = {"M": MINUTE_NS, "H": HOUR_NS, "D": DAY_NS, "W": WEEK_NS}.get(named.rstrip("0123456789"), 0) * int(match[1])
    return next((name for name, ns in TIMEFRAMES.items() if ns == length and length < MONTH_NS), "")


def length_ns(timeframe: str) -> int:
    """The length of a timeframe. Raises ValueError naming the value and what is allowed."""
    found = TIMEFRAMES.get(timeframe)
    if found is None:
        raise ValueError(f"timeframe {timeframe!r} is not known; allowed are {', '.join(TIMEFRAMES)}")
    return found
