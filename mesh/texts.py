"""Numbers and times as people, and other programs, read them. Times are given: nothing here asks a clock.

Times are UTC and say so: ISO 8601 with microseconds, what is below is cut off.
"""

from datetime import UTC, datetime, timedelta

from mesh.units import MS_NS, SECOND_NS, US_NS, text_from_e8

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_of(time_ns: int) -> str:
    """ISO 8601 in UTC with microseconds."""
    return (_EPOCH + timedelta(microseconds=time_ns // US_NS)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_from_ns(time_ns: int) -> str:
    """The same; empty for 0 (not known)."""
    return iso_of(time_ns) if time_ns else ""


def clock_text(iso: str) -> str:
    """An ISO 8601 time in UTC for people, to the second."""
    return iso.replace("T", " ")[:19]


def moment_text(time_ns: int) -> str:
    """A time for people, to the microsecond."""
    return iso_from_ns(time_ns).replace("T", " ").replace("Z", " UTC")


def span_text(span_ns: int) -> str:
    """How long, in the unit that reads best."""
    if abs(span_ns) < 10 * MS_NS:
        return f"{span_ns / US_NS:,.0f} µs"
    return f"{span_ns / MS_NS:,.1f} ms" if abs(span_ns) < 10 * SECOND_NS else f"{span_ns / SECOND_NS:,.1f} s"


def money(value_e8: int) -> str:
    """Two decimals."""
    return text_from_e8(value_e8, 2)


def lots(value_e8: int) -> str:
    """Decimal lots without needless zeros."""
    return text_from_e8(value_e8).rstrip("0").rstrip(".")


def price(value_e8: int, digits: int = 5) -> str:
    """A price with its symbol's digits, eight at most; empty for 0."""
    return text_from_e8(value_e8, min(8, digits)) if value_e8 else ""


def side(value: int) -> str:
    """buy or sell."""
    return "buy" if value > 0 else "sell"


def offset_text(offset_ns: int, error_ns: int) -> str:
    """How far a clock is from another, and how wrong that may be (rounded up)."""
    error_us = -(-error_ns // (10 * US_NS)) * 10
    return f"{offset_ns / MS_NS:+,.2f} ms ± {error_us / 1_000:,.2f} ms"
