"""The flow as a picture of characters: in one row where there is room, else in two, broken where the master publishes.

Each station has its column, as wide in every picture of a width, so that numbers do not jump: its name and the arrow to the next, how
much goes through, how long it takes. What is old is dim, with a mark and its age.
"""

from collections.abc import Mapping, Sequence

from rich.text import Text

from mesh.stages import TOLD
from tui.amounts import age_text, pair_text, rate_text
from tui.flow import UNITS, Reading, Station
from tui.sparkline import sparkline
from tui.tablemodel import padded

COLUMNS = {"market": 17, "indicator": 19, "signals": 21, "master": 23, "router": 22, "local": 29, "broker": 25}
"""Role → cells that it needs."""
INDENT = "╚═> "
"""In front of the second row: where the first one's arrow leads."""
ONE_ROW_CELLS = sum(COLUMNS.values())
OLD_MARKS = {"late": "◐", "dead": "○"}
BACK = "← "
"""In front of what goes back to the master."""
PUBLISHED = "PUB/SUB"
LEGEND = "p50/p99 of 10 s, worst node"


def picture(stations: Sequence[Station], width: int, trends: Mapping[str, Sequence[float | None]]) -> list[Text]:
    """The lines. ``stations``: all of them, from the market to the broker; ``trends``: role → its rate over time, where it is drawn."""
    if width >= ONE_ROW_CELLS:
        return _row(stations, width, "", trends)
    cut = list(UNITS).index("router")
    return [*_row(stations[:cut], width, "", trends), *_row(stations[cut:], width, INDENT, trends)]


def line_count(width: int, is_drawn: bool) -> int:
    """Lines of a picture of one row, or of two; ``is_drawn``: with rates over time."""
    return 4 + is_drawn if width >= ONE_ROW_CELLS else 7 + 2 * is_drawn


def _row(stations: Sequence[Station], width: int, indent: str, trends: Mapping[str, Sequence[float | None]]) -> list[Text]:
    """Some stations beside each other, over the whole width."""
    needed = [COLUMNS[station.role] for station in stations]
    spare, count = max(0, width - len(indent) - sum(needed)), len(stations)
    widths = [cells + spare * (place + 1) // count - spare * place // count for place, cells in enumerate(needed)]
    # the last column needs no blank behind it
    columns = [
        _column(station, cells + (station.role == "broker"), trends.get(station.role))
        for station, cells in zip(stations, widths, strict=True)
    ]
    lines = []
    for y in range(max(len(column) for column in columns)):
        line = Text(indent if y == 0 else " " * len(indent), no_wrap=True)
        for column, cells in zip(columns, widths, strict=True):
            line.append_text(column[y] if y < len(column) else Text(" " * cells))
        line.rstrip()
        lines.append(line)
    return lines


def _column(station: Station, cells: int, trend: Sequence[float | None] | None) -> list[Text]:
    rate = "not seen" if station.rate is None else f"{rate_text(station.rate)} {station.unit}"
    lines = [_head(station, cells), _words(rate, cells, station.word != "fresh")]
    if trend is not None:
        lines.append(_words(sparkline(trend, cells - 3), cells, station.word != "fresh"))
    for reading in station.readings:
        lines += _measured(reading, cells, len(station.readings) > 1)
    return lines


def _head(station: Station, cells: int) -> Text:
    """Name, how old it is where it is old, and the arrow to the next."""
    name = station.title
    if station.word in OLD_MARKS:
        name += f" {OLD_MARKS[station.word]} {age_text(station.age_ns)}"
    elif not station.word:
        name += " ○"
    text = Text(name, "bold" if station.word == "fresh" else "dim")
    if station.role != "broker":
        line, length = ("═", max(1, cells - len(name) - 3)) if station.role == "master" else ("─", max(1, cells - len(name) - 3))
        word = f" {PUBLISHED} " if length > len(PUBLISHED) + 3 else PUBLISHED if length > len(PUBLISHED) else ""
        text.append(f" {(word if line == '═' else '').center(length, line)}> ", "not bold")
    text.truncate(cells, pad=True)
    return text


def _measured(reading: Reading, cells: int, is_tight: bool) -> list[Text]:
    """A stage: one line, or two where the node's name needs its own and there are not others in this column."""
    name = BACK + reading.stage if reading.stage == TOLD else reading.stage
    if reading.p99_ns is None:
        return [_words(f"{name} -", cells, True)]
    words = f"{name} {pair_text(reading.p50_ns, reading.p99_ns)}"
    whole = f"{words} {reading.node}".rstrip()
    lines = [whole] if len(whole) < cells or is_tight or not reading.node else [words, reading.node]
    return [_words(line, cells, reading.age_ns > 0) for line in lines]


def _words(text: str, cells: int, is_old: bool) -> Text:
    """One line of a column: it may be cut at its end, and leaves a blank to the next column."""
    return Text(padded(padded(text, cells - 1, False), cells, False), "dim" if is_old else "")
