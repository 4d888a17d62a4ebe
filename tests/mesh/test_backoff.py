"""Pauses double with each try in vain, and stop doubling."""

import pytest

from mesh.backoff import DOUBLINGS_MAX, backoff_ns


def test_pauses_double_up_to_eight_times_the_first() -> None:
    """The first pause is the first repeat's; the longest is eight times that, as the setting's docstring says."""
    assert [backoff_ns(250, count) for count in range(6)] == [250, 500, 1_000, 2_000, 2_000, 2_000]
    assert 1 << DOUBLINGS_MAX == 8


def test_another_bound() -> None:
    """Who may wait longer says how often it doubles."""
    assert backoff_ns(1, 100, doublings_max=5) == 32


def test_fewer_than_no_tries_is_a_bug() -> None:
    """A count below zero would make the pause shorter than the first."""
    with pytest.raises(AssertionError, match="-1 tries in vain"):
        backoff_ns(250, -1)
