"""The stops as the dashboard shows them: the ladder's word, each stop with who, why and how many hold it, what rails are off."""

from collections.abc import Sequence

from rich.text import Text

from mesh.killset import ALL
from mesh.messages.control import ACTIVE
from mesh.stopset import rank_of
from mesh.units import DAY_NS
from tui.alerts import accounts_of
from tui.amounts import age_text
from tui.board import Cell, more_row, row, titled
from tui.state import UNKNOWN, State
from tui.stoprows import ENDING, LEVEL_STYLE, StopRow, since_text, stop_rows
from tui.stopwords import counted, named
from tui.tablemodel import padded

LEVEL_CELLS, SCOPE_CELLS_MAX = 9, 24
WORDS_CELLS_MIN = 26
"""What is left of a line for when, who and why."""


def stops_of(state: State, now_ns: int) -> list[StopRow]:
    """Stops that bind or are held still, what matters most first."""
    return sorted(stop_rows(state, now_ns, with_ended=False), key=_urgency)


def stop_lines(state: State, rows: Sequence[StopRow], off: Sequence[str], now_ns: int, wall_ns: int, width: int, height: int) -> list[Text]:
    """The first line says it all in short. ``rows``: of ``stops_of``; ``off``: the rails that are switched off."""
    rails = f"  {len(off)} rails OFF" if off else "  all rails on"
    lines = [titled(f"STATE    {_state_words(state, rows, now_ns)}", rails, width)]
    if off:
        lines.append(Text(padded(f"rails OFF: {', '.join(off)}", width, False).rstrip(), "yellow", no_wrap=True))
    room = max(0, height - len(lines))
    count = len(rows) if len(rows) <= room else max(0, room - 1)
    lines += _table(rows[:count], state, wall_ns, width)
    if count < len(rows):
        lines.append(more_row(len(rows) - count, "stops: page Control", width))
    return lines[:height]


def _urgency(stop: StopRow) -> tuple[bool, bool, int, int]:
    """Over everything first, then by level, then the newest; at last what is ended."""
    return stop.word == ENDING, stop.entry.scope != ALL, -rank_of(stop.entry.level), -stop.entry.issued_ns


def _state_words(state: State, rows: Sequence[StopRow], now_ns: int) -> str:
    word = state.ladder()
    ending = sum(stop.word == ENDING for stop in rows)
    live = len(rows) - ending
    told = f"{counted(live, 'stop')} in force" if live else "" if ending else "nothing is stopped"
    if ending:
        told += f"{', ' if told else ''}{counted(ending, 'stop')} ended but still held"
    if word != UNKNOWN:
        return f"{word}: {told}"
    heard = state.view.routers.values()
    before = told if live or ending else ACTIVE
    return f"UNKNOWN for {age_text(now_ns - max(heard))}; before: {before}" if heard else "UNKNOWN: no router was heard yet"


def _table(stops: Sequence[StopRow], state: State, wall_ns: int, width: int) -> list[Text]:
    """A line a stop, in columns as wide as what they hold."""
    held = [_held_words(stop) for stop in stops]
    level_cells = max([LEVEL_CELLS, *(2 + len(stop.entry.level) for stop in stops)])
    scope_cells = min(SCOPE_CELLS_MAX, 2 + max((len(stop.entry.scope) for stop in stops), default=0))
    held_cells = min(max(0, width - level_cells - scope_cells - WORDS_CELLS_MIN), 2 + max((len(words) for words in held), default=0))
    is_old = state.ladder() == UNKNOWN
    lines = []
    for stop, words in zip(stops, held, strict=True):
        said = stop.undo or stop.entry
        cells = [
            Cell(stop.entry.level, level_cells, style=LEVEL_STYLE.get(stop.entry.level, "")),
            Cell(stop.entry.scope, scope_cells),
            Cell(words, held_cells, style="bold" if words.startswith("✗") else ""),
            Cell(f"{_since(said.issued_ns, wall_ns)} UTC {said.by or said.issuer}: {said.reason or 'no reason'}", width),
        ]
        lines.append(row(cells, width, is_old or stop.word == ENDING))
    return lines


def _since(issued_ns: int, wall_ns: int) -> str:
    """The time, and the day where it is not today."""
    text = since_text(issued_ns)
    return text[6:] if issued_ns // DAY_NS == wall_ns // DAY_NS else text


def _held_words(stop: StopRow) -> str:
    """Who does not hold it yet; of one that was ended, who still does."""
    holders = stop.holders
    if stop.word == ENDING:
        return f"ENDED, held by {len(holders):,}: {named(holders)}"
    names = accounts_of(stop.state, stop.entry.scope)
    held = dict.fromkeys(holders)
    lacking = [name for name in names if name not in held]
    if not lacking:
        return f"✓ {len(names):,}/{len(names):,} held"
    return f"✗ NOT CONFIRMED {len(lacking):,} of {len(names):,}: {named(lacking)}"
