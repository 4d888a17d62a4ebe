"""Where the sections of the dashboard go: how many lines each gets of what the terminal has."""

from collections.abc import Sequence

import msgspec
from rich.text import Text

WIDE_CELLS = 160
"""From here on two sections stand beside each other."""
GAP_CELLS = 3
TALL_LINES = 36
"""From here on rates are drawn over time, and the log has its place."""
ALERTS_LEAST, ALERTS_MOST, NOTES_LEAST, TABLE_LEAST = 3, 12, 6, 2
"""Lines of alerts, of the log, and of a table that is left out rather than shown with fewer."""


class Wish(msgspec.Struct, frozen=True):
    """Lines that something needs at least, and what it could fill."""

    least: int
    want: int


def shares(room: int, wishes: Sequence[Wish]) -> list[int]:
    """Lines for each: first what all need, then what they could fill, the first of them first."""
    given = []
    for wish in wishes:
        given.append(min(wish.least, wish.want, room))
        room -= given[-1]
    for index, wish in enumerate(wishes):
        more = min(max(0, wish.want - given[index]), room)
        given[index] += more
        room -= more
    return given


def halves(width: int) -> tuple[int, int]:
    """The widths of two sections beside each other."""
    left = (width - GAP_CELLS) // 2
    return left, width - GAP_CELLS - left


def alerts_most(height: int) -> int:
    """Lines that alerts take at most of a page of a height."""
    return max(ALERTS_LEAST, min(ALERTS_MOST, height // 4))


def beside(left: Sequence[Text], right: Sequence[Text], width: int) -> list[Text]:
    """Two sections beside each other; the left one has so many cells."""
    lines = []
    for y in range(max(len(left), len(right))):
        text = left[y].copy() if y < len(left) else Text()
        text.truncate(width, pad=True)
        text.append(" " * GAP_CELLS)
        if y < len(right):
            text.append_text(right[y])
        text.no_wrap = True
        lines.append(text)
    return lines
