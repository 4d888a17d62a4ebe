"""The sections of the dashboard that are always there: money by currency, exposure by symbol, and the flow. The first line is the title.

Each is given its width and the lines there are for it, and says how much it leaves out. Old numbers are dim, with a mark and their age.
"""

from collections.abc import Sequence

from rich.text import Text

from mesh.units import SECOND_NS
from mesh.view import freshness
from tui.amounts import age_text, amount, lots_text
from tui.fleet import Exposure, Fleet, Money
from tui.flow import Station
from tui.flowpicture import LEGEND, picture
from tui.state import State
from tui.tablemodel import padded, plain

OLD_MARKS = {"fresh": "", "late": "◐", "dead": "○"}
MINUTE_S = 60
NAME_CELLS, MONEY_CELLS, WORDS_CELLS = 9, 15, 26
MONEY_TITLES = ("equity", "floating", "day PnL", "free margin")
"""The last one only where there is room."""
EXPOSURE_TITLES = ("long", "short", "net lots", "pos.", "not ours")
EXPOSURE_CELLS = (8, 8, 9, 5, 9)
FLOAT_CELLS, AGE_CELLS = 11, 8


class Cell:
    """A text in so many cells, a blank between it and its neighbour included. ``style``: only adds to what the text says."""

    __slots__ = ("style", "text")

    def __init__(self, text: str, cells: int, is_right: bool = False, style: str = "") -> None:
        words = padded(plain(text), cells - 1, is_right)
        self.text = f" {words}" if is_right else f"{words} "
        self.style = style


def right(text: str, cells: int, style: str = "") -> Cell:
    """At the right end of its cells."""
    return Cell(text, cells, True, style)


def row(cells: Sequence[Cell], width: int, is_old: bool = False) -> Text:
    """Cells beside each other, cut at the width; dim where they are old."""
    text = Text(no_wrap=True, style="dim" if is_old else "")
    for cell in cells:
        text.append(cell.text, "" if is_old else cell.style)
    text.rstrip()
    text.truncate(width, overflow="ellipsis")
    return text


def titled(left: str, right_words: str, width: int) -> Text:
    """A title, and what belongs to the section at the other end of its line."""
    return Text(padded(left, width - len(right_words), False) + right_words, no_wrap=True)


def more_row(count: int, what: str, width: int) -> Text:
    """What is left out."""
    return Text(padded(f"+{count:,} more {what}", width, False).rstrip(), "dim", no_wrap=True)


def signed_style(value_e8: int) -> str:
    """Which way it goes, beside its sign."""
    return "green" if value_e8 > 0 else "red" if value_e8 < 0 else ""


def widest(texts: Sequence[str], cells_min: int) -> int:
    """Cells of a column that cuts none of these."""
    return max(cells_min, 1 + max(map(len, texts), default=0))


# money


def old_words(money: Money) -> str:
    """How many of a sum's accounts are late or dead (old: some are the one, some the other), and how old the oldest is."""
    if not money.old_count:
        return f"{money.account_count:,} fresh"
    word = "late" if not money.dead_count else "dead" if money.dead_count == money.old_count else "old"
    return f"{'○' if money.dead_count else '◐'} {money.old_count:,} of {money.account_count:,} {word}: {age_text(money.old_ns)}"


def money_lines(fleet: Fleet, unseen_count: int, width: int, height: int) -> list[Text]:
    """The sums by currency: never over currencies."""
    sums = fleet.money()
    texts = [_money_texts(money) for money in sums]
    cells = [widest(column, MONEY_CELLS) for column in zip(*texts, strict=True)] or [MONEY_CELLS] * len(MONEY_TITLES)
    is_wide = width >= NAME_CELLS + sum(cells) + WORDS_CELLS
    count = len(MONEY_TITLES) if is_wide else len(MONEY_TITLES) - 1
    titles = [right(title, each) for title, each in zip(MONEY_TITLES[:count], cells[:count], strict=True)]
    lines = [row([Cell("MONEY", NAME_CELLS), *titles, Cell(" accounts", WORDS_CELLS)], width)]
    for money, numbers in zip(sums, texts, strict=True):
        styles = ["", signed_style(money.floating_e8), signed_style(money.day_e8), ""]
        shown = [right(*each) for each in zip(numbers[:count], cells[:count], styles[:count], strict=True)]
        lines.append(row([Cell(money.currency, NAME_CELLS), *shown, Cell(f" {_words(money)}", width)], width, money.old_count > 0))
    if unseen_count:
        lines.append(row([Cell("-", NAME_CELLS), Cell(f"○ {unseen_count:,} accounts not seen yet: in none of the sums", 60)], width, True))
    if len(lines) > height > 1:
        lines = [*lines[: height - 1], more_row(len(lines) - height + 1, "lines", width)]
    return lines[:height]


def _money_texts(money: Money) -> list[str]:
    day = amount(money.day_e8, is_signed=True) if money.day_count else "-"
    return [amount(money.equity_e8), amount(money.floating_e8, is_signed=True), day, amount(money.margin_free_e8)]


def _words(money: Money) -> str:
    is_whole = money.day_count == money.account_count
    return old_words(money) if is_whole else f"{old_words(money)}, day of {money.day_count:,}"


# exposure


def exposure_lines(fleet: Fleet, width: int, height: int) -> list[Text]:
    """Lots by symbol, the most net first, and what they would bring, by currency."""
    currencies = [money.currency for money in fleet.money()]
    room = max(0, height - 1)
    count = fleet.symbol_count if fleet.symbol_count <= room else max(0, room - 1)
    exposures = fleet.exposures(count)
    texts = [_exposure_texts(each, currencies) for each in exposures]
    titles = [*EXPOSURE_TITLES, *(f"float {currency}" for currency in currencies)]
    mins = [*EXPOSURE_CELLS, *([FLOAT_CELLS] * len(currencies))]
    cells = [widest([title, *(text[place] for text in texts)], mins[place]) for place, title in enumerate(titles)]
    name_cells = widest([exposure.symbol for exposure in exposures], NAME_CELLS)
    while len(cells) > len(EXPOSURE_TITLES) and name_cells + sum(cells) + AGE_CELLS > width:
        cells.pop()
    hidden_count = len(titles) - len(cells)
    hidden = f" +{hidden_count} cur" if hidden_count else ""
    heads = [right(title, each) for title, each in zip(titles, cells, strict=False)]
    lines = [row([Cell("EXPOSURE", name_cells), *heads, Cell(hidden, AGE_CELLS)], width)]
    for exposure, numbers in zip(exposures, texts, strict=True):
        floats_e8 = [exposure.floating_e8.get(currency, 0) for currency in currencies]
        styles = ["" for _ in EXPOSURE_TITLES] + [signed_style(value_e8) for value_e8 in floats_e8]
        shown = [right(*each) for each in zip(numbers, cells, styles, strict=False)]
        old = f" {OLD_MARKS[freshness(exposure.old_ns)]} {age_text(exposure.old_ns)}" if exposure.old_count else ""
        lines.append(row([Cell(exposure.symbol, name_cells), *shown, Cell(old, AGE_CELLS)], width, exposure.old_count > 0))
    if not fleet.symbol_count:
        lines.append(Text("no positions" if currencies else "no account seen yet", "dim"))
    elif count < fleet.symbol_count:
        lines.append(more_row(fleet.symbol_count - count, "symbols", width))
    return lines[:height]


def _exposure_texts(exposure: Exposure, currencies: Sequence[str]) -> list[str]:
    floats = exposure.floating_e8
    return [
        lots_text(exposure.long_e8),
        lots_text(exposure.short_e8),
        lots_text(exposure.net_e8, is_signed=True),
        f"{exposure.position_count:,}",
        f"{exposure.foreign_count:,}{'*' if exposure.foreign_count else ''}",
        *(amount(floats[currency], is_signed=True) if currency in floats else "-" for currency in currencies),
    ]


# flow


def flow_lines(
    state: State, stations: Sequence[Station], trends: dict[str, list[float | None]], now_ns: int, width: int, height: int
) -> list[Text]:
    """What goes through, and how long it takes. ``trends``: role → its rate over the last minutes, where it is to be drawn."""
    orders, outcomes = state.orders_a_minute.count(now_ns), state.outcomes_a_minute.count(now_ns)
    heard_s = (now_ns - state.began_ns) // SECOND_NS
    young = f" (in {heard_s} s)" if heard_s < MINUTE_S else ""
    words = f"orders/min {orders:,}  outcomes/min {outcomes:,}{young}" if state.is_seeing else "orders/min -  outcomes/min -"
    return [titled(f"FLOW     {words}", f"  {LEGEND}", width), *picture(stations, width, trends)][:height]
