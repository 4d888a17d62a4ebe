"""How long a gap stood is told once, when it is closed."""

from mesh.gapwatch import GapWatch
from mesh.units import MS_NS


def test_a_gap_is_told_when_it_is_closed() -> None:
    """From the first moment something lacked to the first in which nothing does; then nothing more."""
    watch = GapWatch()
    assert watch.look(False, 0) == ()
    assert watch.look(True, 10 * MS_NS) == ()
    assert watch.look(True, 20 * MS_NS) == ()
    (note,) = watch.look(False, 45 * MS_NS)
    assert (note.name, note.fields) == ("gap_closed", {"after_us": 35_000, "closed_ns": 45 * MS_NS})
    assert watch.look(False, 50 * MS_NS) == ()


def test_what_was_on_its_way_is_no_gap() -> None:
    """Less than the least is not told, and the next gap is reckoned anew."""
    watch = GapWatch(20 * MS_NS)
    watch.look(True, 0)
    assert watch.look(False, 19 * MS_NS) == ()
    watch.look(True, 30 * MS_NS)
    assert watch.look(False, 50 * MS_NS)
