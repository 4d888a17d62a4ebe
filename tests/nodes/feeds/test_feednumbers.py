"""Prices of feed files: exact integers, single and by column, which must agree with Decimal."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.units import E8
from nodes.feeds.numbers import FIELD_BYTES_MAX, Numbers, decimals_of, number_from_text, numbers_from_fields


def by_column(texts: list[str], *, is_comma_decimal: bool = False) -> Numbers:
    """The texts read as one column."""
    encoded = [text.encode() for text in texts]
    lengths = np.array([len(text) for text in encoded], dtype=np.int64)
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    buffer = np.frombuffer(b"".join(encoded) + b"\0" * FIELD_BYTES_MAX, dtype=np.uint8)
    return numbers_from_fields(buffer, starts, lengths, is_comma_decimal=is_comma_decimal)


@pytest.mark.parametrize(
    ("text", "value_e8"),
    [
        ("1.38676", 138_676_000),
        ("1300.335", 130_033_500_000),
        ("81121.0", 8_112_100_000_000),
        ("81121", 8_112_100_000_000),
        ("0.00000001", 1),
        (".5", 50_000_000),
        ("5.", 500_000_000),
        ("1.200370", 120_037_000),
        ("1.1234500000000001", 112_345_000),
        ("1.1234499999999999", 112_345_000),
        ("0.000000005", 1),
        ("0.0000000049", 0),
        ("999999999.99999999", 999_999_999 * E8 + 99_999_999),
    ],
)
def test_number_is_exact_alone_and_by_column(text: str, value_e8: int) -> None:
    """Decimals of any number up to eight are exact, more are rounded half up, by both readers."""
    assert number_from_text(text) == value_e8
    column = by_column([text])
    assert column.is_read.all()
    assert column.values_e8[0] == value_e8


@pytest.mark.parametrize("text", ["", ".", "abc", "1.2.3", "1,5", "--1", "nan", "NaN", "inf", "1e99", "２.5", "2000000000"])
def test_what_is_no_number_is_refused_alone_and_by_column(text: str) -> None:
    """Text, two points, NaN, infinities and absurd sizes are left to be reported."""
    with pytest.raises(ValueError, match=r"is not|over a billion"):
        number_from_text(text)
    assert not by_column([text]).is_read.any()


@pytest.mark.parametrize(("text", "value_e8"), [("-1.5", -150_000_000), ("+1.5", 150_000_000), ("1.1e0", 110_000_000)])
def test_unusual_numbers_are_left_to_the_single_reader(text: str, value_e8: int) -> None:
    """Signs and exponents are rare: the column reader passes them on, the single reader reads them."""
    assert not by_column([text]).is_read.any()
    assert number_from_text(text) == value_e8


def test_decimal_comma_is_read_where_it_separates_nothing() -> None:
    """Beside semicolons and tabs a comma is a decimal point, and a point still is one."""
    assert by_column(["1,38676", "1.38676"], is_comma_decimal=True).values_e8.tolist() == [138_676_000] * 2
    assert number_from_text("1,38676", is_comma_decimal=True) == 138_676_000
    assert not by_column(["1,386.76"], is_comma_decimal=True).is_read.any()


@given(st.lists(st.decimals(min_value=0, max_value=999_999_999, places=8), min_size=1, max_size=50), st.data())
def test_column_of_decimals_equals_decimal(values: list[Decimal], data: st.DataObject) -> None:
    """A column of decimals with any number of places is what Decimal says, to the last of eight decimals."""
    texts = [f"{value:.{data.draw(st.integers(0, 8))}f}" for value in values]
    column = by_column(texts)
    assert column.is_read.all()
    assert column.values_e8.tolist() == [int(Decimal(text) * E8) for text in texts]
    assert column.values_e8.tolist() == [number_from_text(text) for text in texts]


@given(st.lists(st.from_regex(r"[0-9]{0,6}\.[0-9]{1,16}", fullmatch=True), min_size=1, max_size=50))
def test_long_decimals_are_rounded_half_up(texts: list[str]) -> None:
    """The noise of printed floats is rounded as Decimal rounds it, whichever reader takes it."""
    column = by_column(texts)
    for row, text in enumerate(texts):
        exact = int((Decimal(text) * E8).quantize(Decimal(1), rounding=ROUND_HALF_UP))
        assert number_from_text(text) == exact
        assert not column.is_read[row] or column.values_e8[row] == exact


@given(st.lists(st.text(max_size=FIELD_BYTES_MAX + 4).filter(lambda text: "\0" not in text), min_size=1, max_size=20))
def test_column_never_reads_what_the_single_reader_refuses(texts: list[str]) -> None:
    """On any text the column reader agrees with the single one or passes it on."""
    column = by_column(texts)
    for row, text in enumerate(texts):
        if column.is_read[row]:
            assert number_from_text(text) == column.values_e8[row]


def test_decimals_of_is_the_fewest_that_write_all() -> None:
    """Trailing zeros do not count."""
    assert decimals_of(np.array([120_037_000, 130_000_000])) == 5
    assert decimals_of(np.array([100_000_000, 0])) == 0
    assert decimals_of(np.array([1])) == 8
