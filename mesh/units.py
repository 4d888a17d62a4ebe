"""Fixed-point numbers and times: the one place where text and floats become integers and back.

Prices, volumes and money are integers with eight decimals (``_e8``); times are integer nanoseconds (``_ns``).
Floats exist only inside numba kernels and at the MetaTrader 5 boundary.
"""

import re
from decimal import Context, Decimal

E8 = 100_000_000
US_NS = 1_000
MS_NS = 1_000_000
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
NEVER = 2**63 - 1
"""The deadline of a core that waits for nothing."""

# At most 40 digits and a two-digit exponent: 200 digits of context hold any such number exactly.
_NUMBER = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,20}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,2})?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_EXACT = Context(prec=200)


def e8_from_text(text: str) -> int:
    """The fixed-point integer of a decimal number in text (``-1.085``, ``1e-05``; no digit groups).

    Raises ValueError for what is no finite number, has more than eight decimals, or does not fit 64 bits.
    """
    plain = text.strip()
    if _NUMBER.fullmatch(plain) is None:
        what = "finite" if _NOT_FINITE.fullmatch(plain) else "a number"
        raise ValueError(f"{text[:40]!r} is not {what}")
    scaled = Decimal(plain).scaleb(8, _EXACT)
    value = int(scaled)
    if value != scaled:
        raise ValueError(f"{text[:40]!r} has more than eight decimals")
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{text[:40]!r} is too large")
    return value


def e8_from_float(value: float) -> int:
    """The nearest fixed-point integer of a float (the MetaTrader 5 boundary).

    Raises ValueError for NaN and infinities.
    """
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"{value!r} is not finite")
    return round(value * E8)


def float_from_e8(value_e8: int) -> float:
    """The float nearest to a fixed-point integer (exact to 15 digits)."""
    return value_e8 / E8


def text_from_e8(value_e8: int, digits: int = 8) -> str:
    """Decimal text with exactly ``digits`` decimals (0 to 8), rounded half away from zero; no float on the way."""
    step = 10 ** (8 - digits)
    magnitude = (abs(value_e8) + step // 2) // step
    whole, part = divmod(magnitude, 10**digits)
    sign = "-" if value_e8 < 0 and magnitude else ""
    return f"{sign}{whole}.{part:0{digits}d}" if digits else f"{sign}{whole}"


def floor_step(value_e8: int, step_e8: int) -> int:
    """The largest multiple of ``step_e8`` not above ``value_e8`` (volumes are always quantised down)."""
    return value_e8 - value_e8 % step_e8


def round_step(value_e8: int, step_e8: int) -> int:
    """The multiple of ``step_e8`` nearest to ``value_e8``, halves away from zero (prices to tick size)."""
    magnitude = (abs(value_e8) + step_e8 // 2) // step_e8 * step_e8
    return magnitude if value_e8 >= 0 else -magnitude
