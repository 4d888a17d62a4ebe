"""Candle patterns on closed bars, in integers: each a pure function of the newest bar and, if need be, the one before.

Words: the body lies between open and close; a shadow is what the bar shows beyond its body; the range is high − low;
a bar is white when close > open, black when close < open, and neither when they are equal.

Sources: Steve Nison, "Japanese Candlestick Charting Techniques" (1991), chapters 4 (hammer, engulfing), 5 (shooting
star) and 8 (doji). TA-Lib's functions of the same names (ta_CDL*.c) are close, not equal; each difference is said.
Nison and TA-Lib leave the trend before a pattern to the reader, Nison as a condition. Here a strategy brings the trend
(its CCI); only the two shapes that mean nothing without it ask for a new low or high against the bar before.
"""

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import BadConfig

if TYPE_CHECKING:  # Bar lives beside the compiled kernels; who only wants the names need not load them
    from nodes.candles import Bar

SHADOW_BODIES = 2
"""A long shadow is at least this many bodies long (Nison: "at least twice the height of the real body")."""
DOJI_PARTS = 10
"""A body of at most a tenth of the range is as good as none; a shadow of at most a tenth is hardly there."""


class Pattern(enum.IntFlag):
    """The patterns as bits. The values travel in messages: never reused, never changed."""

    BULLISH_ENGULFING = 1
    BEARISH_ENGULFING = 2
    HAMMER = 4
    SHOOTING_STAR = 8
    DOJI = 16
    INSIDE_BAR = 32


def is_bullish_engulfing(before: "Bar", bar: "Bar") -> bool:
    """A white body over a black one: it covers it at both ends and is larger at one at least.

    Nison: two real bodies of opposite colour, the second engulfs the first; shadows do not count. TA-Lib
    (CDLENGULFING) also takes a bar with open = close for white; here it has no colour and engulfs nothing.
    """
    return (
        before.close_e8 < before.open_e8
        and bar.close_e8 > bar.open_e8
        and bar.open_e8 <= before.close_e8
        and bar.close_e8 >= before.open_e8
        and bar.close_e8 - bar.open_e8 > before.open_e8 - before.close_e8
    )


def is_bearish_engulfing(before: "Bar", bar: "Bar") -> bool:
    """A black body over a white one; otherwise as `is_bullish_engulfing`."""
    return (
        before.close_e8 > before.open_e8
        and bar.close_e8 < bar.open_e8
        and bar.open_e8 >= before.close_e8
        and bar.close_e8 <= before.open_e8
        and bar.open_e8 - bar.close_e8 > before.close_e8 - before.open_e8
    )


def is_hammer(before: "Bar", bar: "Bar") -> bool:
    """A small body (of either colour, but a body) at the top, a long lower shadow, hardly an upper one, at a new low.

    Nison: lower shadow ≥ 2 bodies, no or a very short upper shadow, in a downtrend. Very short is ≤ a tenth of the
    range here, the new low (low < the low before) stands for the downtrend. TA-Lib (CDLHAMMER) measures body and
    shadows against averages of ten bars, and wants the body near the low before.
    """
    top_e8, bottom_e8 = max(bar.open_e8, bar.close_e8), min(bar.open_e8, bar.close_e8)
    body_e8 = top_e8 - bottom_e8
    return (
        body_e8 > 0
        and bottom_e8 - bar.low_e8 >= SHADOW_BODIES * body_e8
        and (bar.high_e8 - top_e8) * DOJI_PARTS <= bar.high_e8 - bar.low_e8
        and bar.low_e8 < before.low_e8
    )


def is_shooting_star(before: "Bar", bar: "Bar") -> bool:
    """The hammer upside down, at a new high: small body at the bottom, long upper shadow, hardly a lower one.

    Nison asks for an uptrend and calls a gap above the body before ideal; TA-Lib (CDLSHOOTINGSTAR) demands that gap,
    which a market of continuous quotes hardly ever shows. Here a new high (high > the high before) stands for both.
    """
    top_e8, bottom_e8 = max(bar.open_e8, bar.close_e8), min(bar.open_e8, bar.close_e8)
    body_e8 = top_e8 - bottom_e8
    return (
        body_e8 > 0
        and bar.high_e8 - top_e8 >= SHADOW_BODIES * body_e8
        and (bottom_e8 - bar.low_e8) * DOJI_PARTS <= bar.high_e8 - bar.low_e8
        and bar.high_e8 > before.high_e8
    )


def is_doji(bar: "Bar") -> bool:
    """Open and close the same, or nearly: the body is at most a tenth of the range, and there is a range.

    Nison: opening and closing price are (nearly) the same. TA-Lib (CDLDOJI) compares with a tenth of the average
    range of the ten bars before, and takes a bar of one price for a doji; here that is a bar without trade.
    """
    range_e8 = bar.high_e8 - bar.low_e8
    return range_e8 > 0 and abs(bar.close_e8 - bar.open_e8) * DOJI_PARTS <= range_e8


def is_inside_bar(before: "Bar", bar: "Bar") -> bool:
    """The whole bar, shadows included, strictly within the range of the one before.

    Toby Crabel, "Day Trading with Short Term Price Patterns and Opening Range Breakout" (1990), the inside day.
    TA-Lib has no such function; its harami (CDLHARAMI) compares bodies only.
    """
    return bar.high_e8 < before.high_e8 and bar.low_e8 > before.low_e8


_OF_TWO_BARS = (
    (Pattern.BULLISH_ENGULFING, is_bullish_engulfing),
    (Pattern.BEARISH_ENGULFING, is_bearish_engulfing),
    (Pattern.HAMMER, is_hammer),
    (Pattern.SHOOTING_STAR, is_shooting_star),
    (Pattern.INSIDE_BAR, is_inside_bar),
)


_SPEAK_FOR = {
    1: (Pattern.BULLISH_ENGULFING, Pattern.HAMMER),
    -1: (Pattern.BEARISH_ENGULFING, Pattern.SHOOTING_STAR),
}
"""Side -> the patterns that speak for it alone."""


def patterns_of(bars: Sequence["Bar"]) -> int:
    """All patterns of the newest bar (the last), as a sum of `Pattern` bits; 0 for none. Needs two bars for most."""
    found = 0
    if bars and is_doji(bars[-1]):
        found = int(Pattern.DOJI)
    if len(bars) >= 2:
        for pattern, matches in _OF_TWO_BARS:
            if matches(bars[-2], bars[-1]):
                found |= int(pattern)
    return found


def pattern_names(found: int) -> tuple[str, ...]:
    """The names of a sum of `Pattern` bits, in lower case as configurations and events write them, lowest bit first."""
    return tuple(str(pattern.name).lower() for pattern in Pattern if found & pattern)


def mask_of(names: Sequence[str], side: int) -> int:
    """The bits of those named patterns that speak for ``side`` (1 buy, -1 sell).

    A pattern with a direction speaks for its side only; doji and inside bar have none and speak for both. Raises
    BadConfig for a name that is no pattern, with the names that are.
    """
    known = dict(zip(pattern_names(-1), Pattern, strict=True))
    mask = 0
    for name in names:
        if name not in known:
            raise BadConfig(f"candles: {name!r} is no candle pattern; allowed are {', '.join(known)}")
        if known[name] not in _SPEAK_FOR[-side]:
            mask |= int(known[name])
    return mask
