"""The lines of the Log page: which of them are shown, how each is told, and what is told of them all."""

import re
from collections.abc import Container, Iterable, Sequence

from mesh.texts import iso_of, moment_text
from tui.notelog import LEVELS, LogLine
from tui.state import State
from tui.tablemodel import Column

MARKS = {"critical": "‼", "error": "✗", "warning": "!", "audit": "#", "info": "·"}
STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "audit": "bold"}
STRANGE = "?"
"""Before a level that this version does not know, which counts as a warning."""
ALL, WORSE, AUDIT = SHOWN = ("all", "warning and worse", "audit only")
"""What can be shown."""
_KEY = re.compile(r" (?=[\w.]+=)")
_WARNING = LEVELS.index("warning")


def rank_of(line: LogLine) -> int:
    """How much attention it is worth."""
    return LEVELS.index(line.level) if line.level in LEVELS else _WARNING


def is_bad(line: LogLine) -> bool:
    """Whether it is a warning or worse."""
    return rank_of(line) >= _WARNING


def shown(lines: Iterable[LogLine], what: str) -> list[LogLine]:
    """Those that are asked for, the newest last."""
    if what == WORSE:
        return [line for line in lines if is_bad(line)]
    if what == AUDIT:
        return [line for line in lines if line.level == "audit"]
    return list(lines)


def next_bad(lines: Sequence[LogLine], at: int, step: int) -> int | None:
    """The index of the next warning or worse, after (``step`` 1) or before (-1) the one at the cursor; None: there is none."""
    end = len(lines) if step > 0 else -1
    return next((index for index in range(at + step, end, step) if is_bad(lines[index])), None)


# words


def level_text(line: LogLine) -> str:
    """Mark and word."""
    return f"{MARKS.get(line.level, STRANGE)} {line.level}"


def date_text(line: LogLine) -> str:
    """The day."""
    return iso_of(line.wall_ns)[:10]


def time_text(line: LogLine) -> str:
    """The time of the day, to the millisecond."""
    return iso_of(line.wall_ns)[11:23]


def count_text(line: LogLine) -> str:
    """How often within a second, where it was more than once."""
    return f"{line.count:,}x" if line.count > 1 else ""


def whole_text(line: LogLine) -> str:
    """All of a line, in one."""
    often = f" {line.count:,} times within a second" if line.count > 1 else ""
    return f"{moment_text(line.wall_ns)}  {level_text(line)}  {line.source}  {line.name}{often}: {line.text}"


def all_words(line: LogLine) -> list[str]:
    """All of a line, in many: what is known of it, then its ``key=value`` words, each in a line of its own."""
    often = f"{line.count:,} within a second" if line.count > 1 else "once"
    return [
        f"time    {moment_text(line.wall_ns)}, by the clock of {line.source}",
        f"level   {level_text(line)}",
        f"source  {line.source}",
        f"event   {line.name}",
        f"times   {often}",
        "",
        *_KEY.split(line.text),
    ]


def head_text(state: State, node_count: int, shown_count: int) -> str:
    """What is told of them all."""
    count = f"{len(state.log):,}" if shown_count == len(state.log) else f"{shown_count:,} of {len(state.log):,}"
    lost = f"bad frames {state.bad_frame_count:,}   events missed {state.missed_count:,}"
    return f"Log {count} lines of {node_count:,} nodes   {lost}"


def nodes_in(lines: Iterable[LogLine], nodes: Container[str]) -> int:
    """How many nodes said something of it."""
    return len({line.source for line in lines if line.source in nodes})


COLUMNS: tuple[Column[LogLine], ...] = (
    Column("date", "date", date_text, date_text, rank=9, width_min=10),
    Column("time", "time UTC", lambda line: line.wall_ns, time_text, width_min=12),
    Column("level", "level", rank_of, level_text, searched=True, width_min=9, style=lambda line: STYLES.get(line.level, "")),
    Column("source", "source", lambda line: line.source, lambda line: line.source, searched=True, width_max=20),
    Column("event", "event", lambda line: line.name, lambda line: line.name, searched=True, width_max=28),
    Column("count", "times", lambda line: line.count, count_text, True, 3, 5),
    Column("text", "text", lambda line: line.text, lambda line: line.text, searched=True, width_min=20, is_rest=True),
)
