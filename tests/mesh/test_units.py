"""Text and floats become fixed-point integers and back without losing a digit, and rounding is what it says."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import (
    DAY_NS,
    E8,
    HOUR_NS,
    e8_from_float,
    e8_from_text,
    float_from_e8,
    floor_step,
    round_step,
    text_from_e8,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
AMOUNT = st.integers(-(10**17), 10**17)
"""Up to a thousand million units: what floats of 15 digits cannot all hold."""
STEP = st.integers(1, 10**12)


def rounded(exact: Fraction) -> int:
    """The integer nearest to a fraction, halves away from zero."""
    whole, rest = divmod(abs(exact), 1)
    magnitude = int(whole) + (rest >= Fraction(1, 2))
    return magnitude if exact >= 0 else -magnitude


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.10001", 110_001_000),
        ("-0.00000001", -1),
        ("81121.0", 8_112_100_000_000),
        ("0", 0),
        ("-0", 0),
        ("1e-8", 1),
        ("1E3", 100_000_000_000),
        (" 1.5 ", 150_000_000),
        ("1.100000000", 110_000_000),
    ],
)
def test_text_becomes_the_exact_integer(text: str, expected: int) -> None:
    """Decimal text is read exactly, with trailing zeros and exponents as they come."""
    assert e8_from_text(text) == expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a number"),
        ("1,5", "is not a number"),
        ("0x10", "is not a number"),
        ("NaN", "is not finite"),
        ("-Infinity", "is not finite"),
        ("0.000000001", "more than eight decimals"),
        ("1.123456789", "more than eight decimals"),
    ],
)
def test_bad_text_is_refused_with_the_text_in_the_message(text: str, complaint: str) -> None:
    """What is no finite number of eight decimals raises ValueError and shows itself."""
    with pytest.raises(ValueError, match=complaint) as caught:
        e8_from_text(text)
    assert repr(text) in str(caught.value)


@given(INT64)
def test_text_and_back_is_the_same_integer(value_e8: int) -> None:
    """Writing any 64-bit amount with eight decimals and reading it again loses nothing."""
    assert e8_from_text(text_from_e8(value_e8)) == value_e8


@given(AMOUNT, st.integers(0, 8))
def test_text_has_the_digits_asked_for_and_rounds_away_from_zero(value_e8: int, digits: int) -> None:
    """Fewer decimals are rounded half away from zero, and never shown as minus zero."""
    text = text_from_e8(value_e8, digits)
    exact = rounded(Fraction(value_e8, E8) * 10**digits)
    assert Fraction(text) == Fraction(exact, 10**digits)
    assert len(text.partition(".")[2]) == digits
    assert text.startswith("-") == (exact < 0)


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_float_and_back_is_the_same_integer(value_e8: int) -> None:
    """Up to fifteen digits a float holds what it was given, and comes back exactly."""
    assert e8_from_float(float_from_e8(value_e8)) == value_e8


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_float_that_is_no_number_is_refused(value: float) -> None:
    """NaN and the infinities have no fixed-point value."""
    with pytest.raises(ValueError, match="is not finite"):
        e8_from_float(value)


@given(AMOUNT, STEP)
def test_floor_step_never_exceeds_its_value(value_e8: int, step_e8: int) -> None:
    """A volume is quantised down to its step, never up."""
    result = floor_step(value_e8, step_e8)
    assert result % step_e8 == 0
    assert 0 <= value_e8 - result < step_e8


@given(AMOUNT, STEP)
def test_round_step_takes_the_nearest_multiple(value_e8: int, step_e8: int) -> None:
    """A price goes to the nearest tick, halves away from zero, the same on both sides of zero."""
    assert round_step(value_e8, step_e8) == rounded(Fraction(value_e8, step_e8)) * step_e8
    assert round_step(-value_e8, step_e8) == -round_step(value_e8, step_e8)


def test_a_day_has_twenty_four_hours_of_nanoseconds() -> None:
    """The time constants agree with each other and with the definition."""
    assert DAY_NS == 24 * HOUR_NS == 86_400 * 10**9
