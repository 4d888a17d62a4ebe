"""Notes that frontends are told of."""

from mesh.core import Note
from mesh.messages.base import NAME_MAX
from mesh.messages.health import NOTES_MAX
from mesh.noteboard import LONG_NS, SHORT_NS, TEXT_MAX, NoteBoard
from mesh.units import SECOND_NS

AT_NS = 1_767_600_000 * SECOND_NS


def test_a_warning_is_told_longer_than_news_and_debug_never() -> None:
    """By how long ago it was; each with its number."""
    board = NoteBoard()
    for level in ("debug", "info", "warning"):
        board.take(Note(level, f"a_{level}", {"oid": b"\x01\x02", "n": 3}), AT_NS)
    told = [(note.number, note.name, note.text) for note in board.told(AT_NS)]
    assert told == [(1, "a_info", "oid=0102 n=3"), (2, "a_warning", "oid=0102 n=3")]
    assert [note.number for note in board.told(AT_NS + SHORT_NS)] == [2]
    assert board.told(AT_NS + LONG_NS) == []


def test_what_repeats_within_a_second_is_counted_and_what_comes_later_is_another() -> None:
    """A wall clock put back makes another of it, too."""
    board = NoteBoard()
    for at_ns in (0, 1, SECOND_NS - 1, SECOND_NS, SECOND_NS // 2):
        board.take(Note("error", "same", {}), AT_NS + at_ns)
    assert [(note.number, note.count) for note in board.told(AT_NS)] == [(1, 3), (2, 1), (3, 1)]


def test_the_board_is_small_and_texts_are_cut() -> None:
    """What fell off shows by the numbers that are missing."""
    board = NoteBoard()
    for number in range(NOTES_MAX + 5):
        board.take(Note("info", "x" * 99, {"number": number, "long": "y" * 999}), AT_NS)
    told = board.told(AT_NS)
    assert [note.number for note in told] == list(range(6, NOTES_MAX + 6))
    assert {(len(note.text), len(note.name)) for note in told} == {(TEXT_MAX, NAME_MAX)}
