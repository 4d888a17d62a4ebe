"""Amounts as people and files read them."""

from decimal import Decimal

import pytest

from mesh.units import E8
from nodes.amounts import amount_text, decimal_of, percent_text


@pytest.mark.parametrize(
    ("value_e8", "text"),
    [(0, "0"), (E8, "1"), (100 * E8, "100"), (110_000_000, "1.1"), (-1, "-0.00000001"), (2**62, "46116860184.27387904")],
)
def test_amount_is_exact_and_plain(value_e8: int, text: str) -> None:
    """No needless zeros; text and decimal agree."""
    assert amount_text(value_e8) == text
    assert f"{decimal_of(value_e8):f}" == text
    assert decimal_of(value_e8) == Decimal(value_e8) / E8


def test_percent_of_nothing_is_infinite() -> None:
    """Two decimals; where there is nothing to compare with, any part is too much."""
    assert (percent_text(1, 8), percent_text(1, 0)) == ("12.50", "inf")
