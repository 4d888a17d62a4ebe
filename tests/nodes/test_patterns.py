"""Candle patterns: each with bars that are it, bars that are not, and the bars on its boundary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import BadConfig
from nodes.candles import Bar
from nodes.patterns import (
    Pattern,
    is_bearish_engulfing,
    is_bullish_engulfing,
    is_doji,
    is_hammer,
    is_inside_bar,
    is_shooting_star,
    mask_of,
    pattern_names,
    patterns_of,
)

Ohlc = tuple[int, int, int, int]


def bar(ohlc: Ohlc) -> Bar:
    """A bar of these prices."""
    return Bar(0, *ohlc, 1, 0)


def mirrored(ohlc: Ohlc) -> Bar:
    """The same bar upside down."""
    return bar((-ohlc[0], -ohlc[2], -ohlc[1], -ohlc[3]))


def test_pattern_bits_never_change() -> None:
    """Names and bits are those that messages have always carried."""
    assert [(pattern.name, pattern.value) for pattern in Pattern] == [
        ("BULLISH_ENGULFING", 1),
        ("BEARISH_ENGULFING", 2),
        ("HAMMER", 4),
        ("SHOOTING_STAR", 8),
        ("DOJI", 16),
        ("INSIDE_BAR", 32),
    ]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((110, 112, 98, 100), (99, 115, 97, 111), True),  # covers both ends
        ((110, 112, 98, 100), (100, 115, 97, 111), True),  # equal below, larger above
        ((110, 112, 98, 100), (99, 115, 97, 110), True),  # larger below, equal above
        ((110, 112, 98, 100), (100, 115, 97, 110), False),  # the same body is not engulfed
        ((110, 112, 98, 100), (101, 115, 97, 120), False),  # opens inside the body
        ((110, 112, 98, 100), (99, 115, 97, 109), False),  # closes inside the body
        ((100, 112, 98, 110), (99, 115, 97, 111), False),  # after a white bar
        ((105, 112, 98, 105), (99, 115, 97, 111), False),  # after a bar without a body
        ((110, 112, 98, 100), (111, 115, 97, 99), False),  # black itself
        ((110, 150, 50, 100), (99, 112, 98, 111), True),  # shadows do not count
    ],
)
def test_engulfing(before: Ohlc, now: Ohlc, expected: bool) -> None:
    """A white body covers the black one before; upside down it is the bearish one, and never both."""
    assert is_bullish_engulfing(bar(before), bar(now)) is expected
    assert is_bearish_engulfing(mirrored(before), mirrored(now)) is expected
    assert not (expected and is_bearish_engulfing(bar(before), bar(now)))


@pytest.mark.parametrize(
    ("low_before", "now", "expected"),
    [
        (100, (120, 125, 95, 124), True),  # white, shadow of 25 on a body of 4
        (100, (124, 125, 95, 120), True),  # black
        (100, (114, 120, 90, 118), True),  # upper shadow 2 of a range of 30
        (100, (113, 120, 90, 117), True),  # upper shadow exactly a tenth
        (100, (112, 120, 90, 116), False),  # upper shadow 4 of 30
        (100, (110, 120, 90, 120), True),  # lower shadow exactly two bodies
        (100, (109, 120, 90, 120), False),  # lower shadow 19 on a body of 11
        (100, (120, 120, 90, 120), False),  # no body
        (95, (120, 125, 95, 124), False),  # no new low
        (96, (120, 125, 95, 124), True),  # the least new low
    ],
)
def test_hammer_and_shooting_star(low_before: int, now: Ohlc, expected: bool) -> None:
    """Small body at the top over a long shadow to a new low; upside down it is the shooting star."""
    before: Ohlc = (130, 140, low_before, 120)
    assert is_hammer(bar(before), bar(now)) is expected
    assert is_shooting_star(mirrored(before), mirrored(now)) is expected
    assert not is_shooting_star(bar(before), bar(now))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((100, 110, 90, 100), True),
        ((100, 110, 90, 102), True),  # exactly a tenth of the range
        ((102, 110, 90, 100), True),
        ((100, 110, 90, 103), False),
        ((100, 100, 100, 100), False),  # one price is no trade
        ((100, 101, 100, 101), False),  # all body
        ((100, 101, 100, 100), True),  # no body, a shadow
    ],
)
def test_doji(now: Ohlc, expected: bool) -> None:
    """The body is at most a tenth of a range that is not zero."""
    assert is_doji(bar(now)) is expected
    assert is_doji(mirrored(now)) is expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((100, 109, 91, 105), True),
        ((100, 110, 91, 105), False),  # the same high
        ((100, 109, 90, 105), False),  # the same low
        ((100, 111, 91, 105), False),
        ((100, 109, 89, 105), False),
        ((100, 100, 100, 100), True),
    ],
)
def test_inside_bar(now: Ohlc, expected: bool) -> None:
    """High below and low above those of the bar before, both strictly."""
    before: Ohlc = (92, 110, 90, 108)
    assert is_inside_bar(bar(before), bar(now)) is expected


def test_patterns_of_the_newest_bar() -> None:
    """Only the last two bars count, several patterns add up, and one bar alone can be a doji only."""
    wide, black, white = bar((100, 200, 50, 150)), bar((110, 112, 98, 100)), bar((99, 115, 97, 111))
    assert patterns_of([wide, black, white]) == Pattern.BULLISH_ENGULFING
    assert patterns_of([white, wide]) == 0
    assert patterns_of([wide, bar((100, 110, 90, 100))]) == Pattern.DOJI | Pattern.INSIDE_BAR
    assert patterns_of([bar((100, 110, 90, 100))]) == Pattern.DOJI
    assert patterns_of([white]) == 0
    assert patterns_of([]) == 0
    assert patterns_of([bar((130, 140, 100, 120)), bar((120, 125, 95, 124))]) == Pattern.HAMMER
    assert patterns_of([mirrored((130, 140, 100, 120)), mirrored((120, 125, 95, 124))]) == Pattern.SHOOTING_STAR
    assert patterns_of([mirrored((110, 112, 98, 100)), mirrored((99, 115, 97, 111))]) == Pattern.BEARISH_ENGULFING


bars = st.lists(st.integers(90, 110), min_size=4, max_size=4).map(
    lambda prices: bar((prices[0], max(prices), min(prices), prices[1]))
)


@given(bars, bars, st.integers(1, 10**8), st.integers(-100, 10**6))
def test_patterns_know_no_scale(before: Bar, now: Bar, scale: int, shift: int) -> None:
    """Prices in other units, or higher up, show the same patterns; opposite ones never stand together."""

    def moved(of: Bar) -> Bar:
        return bar(
            (of.open_e8 * scale + shift, of.high_e8 * scale + shift, of.low_e8 * scale + shift,
             of.close_e8 * scale + shift)
        )  # fmt: skip

    found = patterns_of([before, now])
    assert patterns_of([moved(before), moved(now)]) == found
    assert found & 3 != 3


def test_pattern_names_and_back() -> None:
    """Names are lower case, in order of the bits; every name has its bit."""
    assert pattern_names(0) == ()
    assert pattern_names(Pattern.DOJI | Pattern.BEARISH_ENGULFING) == ("bearish_engulfing", "doji")
    assert [mask_of([name], 1) | mask_of([name], -1) for name in pattern_names(63)] == [1, 2, 4, 8, 16, 32]


def test_pattern_masks_take_the_patterns_of_a_side() -> None:
    """Bullish names speak for a buy only, bearish for a sell only, the two without direction for both."""
    names = pattern_names(63)
    assert mask_of(names, 1) == Pattern.BULLISH_ENGULFING | Pattern.HAMMER | Pattern.DOJI | Pattern.INSIDE_BAR
    assert mask_of(names, -1) == Pattern.BEARISH_ENGULFING | Pattern.SHOOTING_STAR | Pattern.DOJI | Pattern.INSIDE_BAR
    assert mask_of(["hammer"], -1) == 0
    assert mask_of([], 1) == 0


def test_pattern_mask_refuses_an_unknown_name() -> None:
    """A name that is no pattern is the operator's error: it is named, with all that are allowed."""
    with pytest.raises(BadConfig, match=r"candles: 'Hammer' is no candle pattern; allowed are bullish_engulfing, .*bar"):
        mask_of(["doji", "Hammer"], 1)
