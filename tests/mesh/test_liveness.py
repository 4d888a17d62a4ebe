"""A speaker is fresh, late or dead by 1.5 and 3 of its intervals."""

import pytest

from mesh.liveness import DEAD, FRESH, LATE, Liveness, liveness_of


@pytest.mark.parametrize(("after_ns", "state"), [(0, FRESH), (150, FRESH), (151, LATE), (300, LATE), (301, DEAD)])
def test_thresholds_are_one_and_a_half_and_three_intervals(after_ns: int, state: str) -> None:
    """Each threshold is the last moment of the better state."""
    liveness = Liveness(100)
    liveness.heard(1_000)
    assert liveness.state(1_000 + after_ns) == state


def test_never_heard_is_dead_without_an_age() -> None:
    """Before its first word a speaker is dead, and nobody can say since when."""
    liveness = Liveness(100)
    assert (liveness.state(10**12), liveness.age_ns(10**12)) == (DEAD, None)


def test_any_word_makes_it_fresh_again() -> None:
    """A dead speaker that speaks is fresh."""
    liveness = Liveness(100)
    liveness.heard(0)
    assert liveness.state(1_000) == DEAD
    liveness.heard(1_000)
    assert (liveness.state(1_010), liveness.age_ns(1_010)) == (FRESH, 10)


@pytest.mark.parametrize(("age_ns", "state"), [(None, DEAD), (0, FRESH), (5, FRESH), (6, LATE), (9, LATE), (10, DEAD)])
def test_thresholds_given(age_ns: int | None, state: str) -> None:
    """Who has other thresholds decides by the same rule: each is the last moment of the better state."""
    assert liveness_of(age_ns, 5, 9) == state
