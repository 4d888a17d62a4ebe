"""Which lines of the log are shown, how each is told, where the next bad one is."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.consolerig import CONFIG, NOW_NS, WALL_NS
from tui.loglines import (
    ALL,
    AUDIT,
    COLUMNS,
    MARKS,
    SHOWN,
    WORSE,
    all_words,
    count_text,
    date_text,
    head_text,
    is_bad,
    level_text,
    next_bad,
    nodes_in,
    shown,
    time_text,
    whole_text,
)
from tui.notelog import LEVELS, LogLine
from tui.state import State

LINE = LogLine(1, WALL_NS + 123_456_789, "warning", "local-1", "late_tick", "symbol=EURUSD detail=two words age_ms=17")
LINES = st.lists(st.sampled_from((*LEVELS, "fatal")), max_size=30).map(
    lambda levels: [msgspec.structs.replace(LINE, number=number, level=level) for number, level in enumerate(levels)]
)


@pytest.mark.parametrize(
    ("level", "text"),
    [
        ("critical", "‼ critical"), ("error", "✗ error"), ("warning", "! warning"), ("audit", "# audit"), ("info", "· info"),
        ("fatal", "? fatal"),
    ],
)  # fmt: skip
def test_each_level_has_a_mark_and_its_word(level: str, text: str) -> None:
    """No colour is needed; one that a newer version has is shown, too."""
    assert level_text(msgspec.structs.replace(LINE, level=level)) == text


def test_levels_are_all_marked() -> None:
    """Each with a mark of its own."""
    assert sorted(MARKS) == sorted(LEVELS)
    assert len(set(MARKS.values())) == len(LEVELS)


def test_what_is_asked_for_is_shown() -> None:
    """All, warnings and worse, or what operators did; a level nobody knows is no less than a warning."""
    lines = [msgspec.structs.replace(LINE, level=level) for level in (*LEVELS, "fatal")]

    def levels(what: str) -> list[str]:
        return [line.level for line in shown(lines, what)]

    assert levels(ALL) == [*LEVELS, "fatal"]
    assert levels(WORSE) == ["warning", "error", "critical", "fatal"]
    assert levels(AUDIT) == ["audit"]


@given(LINES, st.sampled_from(SHOWN))
def test_lines_keep_their_order(lines: list[LogLine], what: str) -> None:
    """The newest is the last."""
    numbers = [line.number for line in shown(lines, what)]
    assert numbers == sorted(numbers)


@given(LINES, st.integers(0, 29), st.sampled_from((1, -1)))
def test_the_next_bad_line_is_the_nearest(lines: list[LogLine], at: int, step: int) -> None:
    """Below or above the cursor, never the one it is on; none where there is none."""
    at = min(at, max(0, len(lines) - 1))
    beyond = lines[at + 1 :] if step > 0 else lines[:at][::-1]
    found = next_bad(lines, at, step)
    wanted = next((line for line in beyond if is_bad(line)), None)
    assert (lines[found] if found is not None else None) == wanted


def test_times_are_utc_to_the_millisecond() -> None:
    """The day stands in a column of its own."""
    assert (date_text(LINE), time_text(LINE)) == ("2026-01-05", "08:00:00.123")
    assert next(column.title for column in COLUMNS if column.key == "time") == "time UTC"


def test_once_is_not_counted() -> None:
    """What was noted more often within a second is."""
    assert count_text(LINE) == ""
    assert count_text(msgspec.structs.replace(LINE, count=1_234)) == "1,234x"


def test_all_of_a_line_is_told() -> None:
    """In one for the clipboard; word by word, each where its key begins."""
    often = msgspec.structs.replace(LINE, count=3)
    assert whole_text(LINE) == (
        "2026-01-05 08:00:00.123456 UTC  ! warning  local-1  late_tick: symbol=EURUSD detail=two words age_ms=17"
    )
    assert "late_tick 3 times within a second: symbol" in whole_text(often)
    assert all_words(often) == [
        "time    2026-01-05 08:00:00.123456 UTC, by the clock of local-1", "level   ! warning", "source  local-1", "event   late_tick",
        "times   3 within a second", "", "symbol=EURUSD", "detail=two words", "age_ms=17",
    ]  # fmt: skip


def test_the_head_counts() -> None:
    """Lines, of them those shown, nodes, what was lost."""
    state = State(CONFIG, NOW_NS)
    state.bad_frame_count, state.missed_count = 1_234, 5
    for number in range(1_500):
        state.log.add(WALL_NS, "info", f"local-{number % 3}", "x", "")
    assert head_text(state, 3, 1_500) == "Log 1,500 lines of 3 nodes   bad frames 1,234   events missed 5"
    assert head_text(state, 3, 7).startswith("Log 7 of 1,500 lines of 3 nodes")
    assert nodes_in(state.log, CONFIG.node) == 2  # there is no local-0
