"""Prices as market data files write them, as exact integers with eight decimals, one by one and a column at a time.

No float is involved: a column is read digit by digit for all rows at once, the same digits the single reader sees.
More than eight decimals (``1.1234500000000001``, what a float looks like when it is printed) are rounded half up.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mesh.units import E8

PRICE_MAX_E8 = 1_000_000_000 * E8
"""A price above a billion is no price; the limit keeps products with percentages inside 64 bits."""

FIELD_BYTES_MAX = 20
"""Longest number the column reader takes (a longer one goes to the single reader), and the padding of its buffers."""

_DIGIT_COUNT_MAX = 18
_TENS = 10 ** np.arange(_DIGIT_COUNT_MAX + 1, dtype=np.int64)
_ONE_E8 = Decimal(1).scaleb(-8)


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers."""

    values_e8: npt.NDArray[np.int64]
    is_read: npt.NDArray[np.bool_]
    """False where the single reader must look."""


def number_from_text(text: str, *, is_comma_decimal: bool = False) -> int:
    """The e8 integer nearest to a number in text. Raises ValueError for what is no finite number up to a billion."""
    if not text.isascii():
        raise ValueError(f"{text!r} is not a number")
    try:
        value = Decimal(text.replace(",", ".") if is_comma_decimal else text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not value.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    if abs(value) > PRICE_MAX_E8 // E8:
        raise ValueError(f"{text!r} is over a billion")
    return int(value.quantize(_ONE_E8, rounding=ROUND_HALF_UP).scaleb(8))


def numbers_from_fields(
    buffer: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    *,
    is_comma_decimal: bool = False,
) -> Numbers:
    """Read a column of numbers that lie in ``buffer`` at ``starts``, unsigned and in plain decimals.

    ``is_comma_decimal``: a comma is read as a point is.

    ``buffer`` must reach ``FIELD_BYTES_MAX`` bytes beyond the last start.
    """
    count = len(starts)
    is_read = (lengths > 0) & (lengths <= FIELD_BYTES_MAX)
    width = int(min(lengths.max(initial=1), FIELD_BYTES_MAX))
    characters = sliding_window_view(buffer, width)[starts]
    value = np.zeros(count, dtype=np.int64)
    decimals = np.zeros(count, dtype=np.int64)
    is_after_point = np.zeros(count, dtype=np.bool_)
    for column in range(width):
        is_inside = lengths > column
        digit = characters[:, column] - np.uint8(48)
        is_digit = (digit < 10) & is_inside
        value = np.where(is_digit, value * 10 + digit, value)
        decimals += is_digit & is_after_point
        is_point = characters[:, column] == ord(".")
        if is_comma_decimal:
            is_point |= characters[:, column] == ord(",")
        is_point &= ~is_after_point & is_inside
        is_read &= is_digit | is_point | ~is_inside
        is_after_point |= is_point
    digit_count = lengths - is_after_point
    is_read &= (digit_count > 0) & (digit_count <= _DIGIT_COUNT_MAX)
    decimals = np.where(is_read, decimals, 0)
    is_read &= value // _TENS[decimals] <= PRICE_MAX_E8 // E8 - 1
    value = np.where(is_read, value, 0)
    surplus = _TENS[np.maximum(decimals - 8, 0)]
    values_e8 = (value + surplus // 2) // surplus * _TENS[np.maximum(8 - decimals, 0)]
    return Numbers(values_e8, is_read)


def decimals_of(values_e8: npt.NDArray[np.int64]) -> int:
    """The fewest decimals (0 to 8) that write every one of the values."""
    for decimals in range(8):
        if not np.any(values_e8 % 10 ** (8 - decimals)):
            return decimals
    return 8
