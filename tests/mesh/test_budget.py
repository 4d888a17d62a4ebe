"""A burst at once, then so many a second, whatever the clock does."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.budget import Budget
from mesh.units import MS_NS, SECOND_NS


def test_a_burst_and_then_one_at_a_time() -> None:
    """Ten at once; after that each costs its time, and none is saved up beyond the burst."""
    budget = Budget(2, 10)
    assert [budget.take(5) for _ in range(11)] == [True] * 10 + [False]
    assert not budget.take(5 + 499 * MS_NS)
    assert budget.take(5 + 500 * MS_NS)
    assert not budget.has(5 + 500 * MS_NS)
    assert [budget.take(10_000 * SECOND_NS) for _ in range(11)] == [True] * 10 + [False]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Nor does it take anything away."""
    budget = Budget(1, 1)
    assert budget.take(10 * SECOND_NS)
    assert not budget.has(SECOND_NS)
    assert budget.take(2 * SECOND_NS)


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.integers(0, SECOND_NS), max_size=100))
def test_never_more_than_the_burst_and_the_rate(per_s: int, burst: int, steps: list[int]) -> None:
    """Over any time."""
    budget, now_ns, taken = Budget(per_s, burst), 0, 0
    for step in steps:
        now_ns += step
        taken += budget.take(now_ns)
    assert taken <= burst + now_ns * per_s // SECOND_NS + 1


@given(st.integers(1, 50), st.integers(1, 20), st.lists(st.tuples(st.integers(0, SECOND_NS), st.integers(1, 30)), max_size=50))
def test_many_at_once_are_as_many_as_one_by_one(per_s: int, burst: int, steps: list[tuple[int, int]]) -> None:
    """Drawing takes what taking would have taken, and no more."""
    at_once, one_by_one = Budget(per_s, burst), Budget(per_s, burst)
    now_ns = 0
    for step_ns, count in steps:
        now_ns += step_ns
        assert at_once.draw(count, now_ns) == sum([one_by_one.take(now_ns) for _ in range(count)])
