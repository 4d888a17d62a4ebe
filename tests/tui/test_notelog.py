"""The log's lines: each note once, however often it is told; stops and their ends; what is missing."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mesh.messages.health import NodeHealth
from tests.revisionitems import change, id_of, in_force, with_rails
from tests.tui.consolerig import WALL_NS, health, key_of, note, stop, undo
from tui.notelog import LINES_MAX, NoteLog


def told(*numbers: int, node: str = "local-1", life: int = 1, count: int = 1) -> NodeHealth:
    """A node's health with these notes, the newest so often."""
    notes = [note(number, text=f"n={number}") for number in numbers]
    return health(node, life=life, notes=[*notes[:-1], msgspec.structs.replace(notes[-1], count=count)])


def texts(log: NoteLog) -> list[str]:
    return [line.text for line in log]


def test_a_note_told_again_and_by_two_routers_is_one_line() -> None:
    """Each health tells the newest notes again, and so does each router."""
    log = NoteLog()
    for health_told in (told(1), told(1), told(1, 2), told(1, 2), told(1), told(2, 3)):
        log.take(health_told)
    assert texts(log) == ["n=1", "n=2", "n=3"]
    assert [line.source for line in log] == ["local-1"] * 3


def test_a_new_life_begins_to_count_again() -> None:
    """The same number in another life is another note, and so it is of another node; an old life may still be told."""
    log = NoteLog()
    for health_told in (told(1, 2), told(1, life=2), told(1, 2), told(1, node="local-2")):
        log.take(health_told)
    assert texts(log) == ["n=1", "n=2", "n=1", "n=1"]


def test_missing_numbers_are_a_line() -> None:
    """Where a node noted more than its health holds, its own log has the rest."""
    log = NoteLog()
    log.take(told(1))
    log.take(told(1, 2, 40, 41))
    assert texts(log) == ["n=1", "n=2", "count=37: they are in its own log", "n=40", "n=41"]
    assert next(line for line in log if line.name == "notes_missed").level == "info"


def test_what_was_noted_before_anybody_was_here_is_not_missing() -> None:
    """A node that has run for hours tells an old warning and what it notes now."""
    log = NoteLog()
    log.take(told(3, 700, 701))
    assert texts(log) == ["n=3", "n=700", "n=701"]
    log.take(told(3, 703))
    assert texts(log)[-2:] == ["count=1: they are in its own log", "n=703"]


def test_counts_grow_and_never_shrink() -> None:
    """A note that says the same within a second is counted at the node; a slower router tells an older count."""
    log = NoteLog()
    log.take(told(1, count=2))
    version = log.version
    log.take(told(1, count=5))
    assert log.version > version
    log.take(told(1, count=3))
    assert [line.count for line in log] == [5]
    log.take(told(1, 2))
    log.take(told(1, 2, count=4))
    assert [line.count for line in log] == [5, 4]


def test_stops_and_their_ends_are_audit_lines() -> None:
    """Who, what, where, why, at the time it was signed; one without a person is its key's."""
    log = NoteLog()
    log.signed(stop())
    log.signed(undo(stop()))
    log.signed(stop("CANCEL", "symbol:EURUSD", reason="", by=""))
    assert [(line.level, line.source, line.name, line.text) for line in log] == [
        ("audit", "ann@desk", "freeze", "scope=all reason=news"),
        ("audit", "ann@desk", "resume", f"ends={key_of(stop()).hex()[:12]} reason=calm again"),
        ("audit", "operator", "cancel", "scope=symbol:EURUSD reason=-"),
    ]
    assert {line.wall_ns for line in log} == {WALL_NS}


def test_live_changes_are_audit_lines() -> None:
    """What was prepared, from what to what, and what was put in force."""
    log, revision = NoteLog(), change(with_rails(5), with_rails(3))
    log.signed(revision)
    log.signed(in_force(revision))
    assert [(line.source, line.name, line.text) for line in log] == [
        ("ann@desk", "change", f"number=1 {revision.before} → {revision.after} reason=narrower"),
        ("ann@desk", "in force", f"change={id_of(revision).hex()[:12]} reason=narrower"),
    ]


def test_the_newest_lines_are_kept() -> None:
    """A bounded number, and a line that is gone cannot be counted any more."""
    log = NoteLog()
    log.take(told(1))
    for number in range(LINES_MAX):
        log.add(WALL_NS, "info", "console", "x", str(number))
    assert len(log) == LINES_MAX
    assert texts(log)[-1] == str(LINES_MAX - 1)
    assert log.newest_number == LINES_MAX + 1
    log.take(told(1, count=9))
    assert not any(line.source == "local-1" for line in log)


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 30), st.integers(1, 5)), max_size=40))
def test_no_note_is_told_twice(healths: list[tuple[int, int, int]]) -> None:
    """Whatever the order in which healths come: numbers of a life only grow, and no gap goes untold."""
    log = NoteLog()
    for life, last, span in healths:
        log.take(told(*range(max(1, last - span), last + 1), life=life, node=f"life-{life}"))
    for life in (1, 2):
        shown = [line for line in log if line.source == f"life-{life}"]
        numbers: list[int] = []
        for line in shown:
            if line.name == "notes_missed":
                missing = int(line.text.removeprefix("count=").split(":")[0])
                numbers += range(numbers[-1] + 1, numbers[-1] + 1 + missing)
            else:
                numbers.append(int(line.text.removeprefix("n=")))
        assert numbers == list(range(numbers[0], numbers[-1] + 1)) if numbers else not shown
