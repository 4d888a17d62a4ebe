"""Numbers for people to read in a column: thousands grouped, always as many decimals, and a sign where it says which way it goes."""

from mesh.units import MINUTE_NS, MS_NS, SECOND_NS, US_NS, text_from_e8

LOT_DIGITS = 2
RATE_WHOLE = 100
"""From here on a rate is shown without decimals."""


def amount(value_e8: int, is_signed: bool = False, digits: int = 2) -> str:
    """Money or lots. ``is_signed``: with + too; nothing is neither."""
    text = text_from_e8(abs(value_e8), digits)
    whole, _, part = text.partition(".")
    is_nothing = not text.strip("0.")
    sign = "" if is_nothing else "-" if value_e8 < 0 else "+" if is_signed else ""
    return f"{sign}{int(whole):,}" + (f".{part}" if part else "")


def lots_text(value_e8: int, is_signed: bool = False) -> str:
    """Lots with two decimals, with more only where there are some."""
    digits = LOT_DIGITS
    while digits < 8 and value_e8 % 10 ** (8 - digits):
        digits += 1
    return amount(value_e8, is_signed, digits)


def basis_points_text(points: int | None) -> str:
    """Hundredths of a percent as percent."""
    if points is None:
        return "-"
    sign = "-" if points < 0 else "+" if points else ""
    return f"{sign}{abs(points) // 100:,}.{abs(points) % 100:02d}"


def rate_text(rate: float) -> str:
    """So many a second."""
    return f"{rate:,.0f}" if rate >= RATE_WHOLE else f"{rate:,.1f}"


def age_text(age_ns: int) -> str:
    """How old, as short as it can be said."""
    if age_ns < 2 * MINUTE_NS:
        return f"{max(0, age_ns) // SECOND_NS} s"
    minutes = age_ns // MINUTE_NS
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def pair_text(p50_ns: int, p99_ns: int) -> str:
    """Two percentiles in the unit of the higher one: ``300/600 µs``, ``0.3/12 ms``."""
    unit, name = (US_NS, "µs") if p99_ns < MS_NS else (MS_NS, "ms") if p99_ns < SECOND_NS else (SECOND_NS, "s")
    return f"{_short(p50_ns, unit)}/{_short(p99_ns, unit)} {name}"


def _short(value_ns: int, unit_ns: int) -> str:
    """At most three digits."""
    value = value_ns / unit_ns
    return f"{value:.1f}" if value < 10 and unit_ns > US_NS else f"{value:.0f}"
