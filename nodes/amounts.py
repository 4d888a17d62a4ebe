"""Fixed-point amounts as people and files read them."""

from decimal import Decimal

from mesh.units import E8, text_from_e8
from nodes.sizing import PERCENT


def amount_text(value_e8: int) -> str:
    """A decimal without needless zeros."""
    return text_from_e8(value_e8).rstrip("0").rstrip(".")


def decimal_of(value_e8: int) -> Decimal:
    """The exact decimal of a fixed-point integer, as it is to be written: 1.1, 100, 0, never 1E+2 or 0E-8."""
    return Decimal(f"{Decimal(value_e8).scaleb(-8).normalize():f}")


def percent_text(part: int, whole: int) -> str:
    """``part`` of ``whole`` in percent with two decimals."""
    return text_from_e8(part * PERCENT * E8 // whole, 2) if whole else "inf"
