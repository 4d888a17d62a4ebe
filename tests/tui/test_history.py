"""What is kept of a node's healths: samples and rates that a late or a second word does not change; a window of the last minute."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.messages.health import NodeHealth
from mesh.units import SECOND_NS
from tests.tui.consolerig import health
from tui.history import SAMPLES_MAX, NodeHistory, Window

MINUTE_NS = 60 * SECOND_NS


def word(uptime_ms: int, made: int, life: int = 1, **counters: int) -> NodeHealth:
    return health("local-1", uptime_ms, life=life, counters={"outcome_count": made, **counters}, loop_lag_us=uptime_ms)


def test_rates_are_over_the_nodes_own_clock() -> None:
    """However late a word comes, 20 outcomes in two of its seconds are ten a second."""
    history = NodeHistory()
    history.take(word(5_000, 100), 1)
    history.take(word(7_000, 120), 60 * SECOND_NS)
    assert history.rates == {"outcome_count": 10.0}
    samples = [(sample.at_ns, sample.rate, sample.loop_lag_us) for sample in history.samples]
    assert samples == [(1, 20.0, 5_000), (60 * SECOND_NS, 10.0, 7_000)]


def test_a_word_that_is_known_changes_nothing() -> None:
    """Two routers tell the same, one of them later."""
    history = NodeHistory()
    for uptime_ms, made in ((5_000, 100), (6_000, 110), (6_000, 110), (5_000, 100)):
        history.take(word(uptime_ms, made), uptime_ms)
    assert len(history.samples) == 2
    assert history.rates == {"outcome_count": 10.0}


def test_a_new_life_begins_at_nothing() -> None:
    """Its counters are those since its start, and it is counted."""
    history = NodeHistory()
    history.take(word(5_000, 100), 1)
    history.take(word(2_000, 4, life=2), 2)
    assert history.life_count == 2
    assert history.rates == {"outcome_count": 2.0}


def test_a_counter_that_is_new_grew_from_nothing() -> None:
    """A node counts what happens from when it first does."""
    history = NodeHistory()
    history.take(word(5_000, 100), 1)
    history.take(word(6_000, 100, gap_count=3), 2)
    assert history.rates == {"outcome_count": 0.0, "gap_count": 3.0}


def test_a_role_without_a_counter_has_no_rate() -> None:
    """And a node of a role of a newer version is no crash."""
    history = NodeHistory()
    history.take(health("x", role="oracle", uptime_ms=1), 1)
    assert history.samples[-1].rate == 0.0


def test_samples_are_of_the_last_two_minutes() -> None:
    """The oldest leave."""
    history = NodeHistory()
    for second in range(SAMPLES_MAX + 10):
        history.take(word(1_000 * second + 1, second), second)
    assert [history.samples[0].at_ns, len(history.samples)] == [10, SAMPLES_MAX]


def test_a_window_counts_the_last_minute() -> None:
    """What is over a minute old is not in it, to the moment."""
    window = Window()
    window.add(2, 0)
    window.add(0, 1)
    window.add(3, 30 * SECOND_NS)
    assert window.count(MINUTE_NS) == 5
    assert window.count(MINUTE_NS + 1) == 3
    assert window.count(2 * MINUTE_NS) == 0


def test_a_window_that_nobody_asks_stays_small() -> None:
    """It forgets when it is told of something new, too."""
    window = Window()
    for second in range(1_000):
        window.add(1, second * SECOND_NS)
    assert len(window._at) == 61


def test_what_comes_late_is_not_of_now() -> None:
    """A second router tells of outcomes of an hour ago: they are none of the last minute, whatever came before them."""
    window = Window()
    window.add(1, 100 * MINUTE_NS)
    window.add(1, MINUTE_NS)
    window.add(1, 100 * MINUTE_NS - 30 * SECOND_NS)
    assert window.count(100 * MINUTE_NS) == 2
    late = Window()
    late.add(1, 0)
    assert late.count(2 * MINUTE_NS) == 0


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 3)), max_size=50))
def test_a_window_never_counts_what_is_too_old(events: list[tuple[int, int]]) -> None:
    """It may count what came late a little longer, never less than there was and never what is over two minutes old."""
    window = Window(60)
    now = 0
    for at, count in events:
        now = max(now, at)
        window.add(count, at)
    counted = window.count(now)
    assert sum(count for at, count in events if now - at <= 60) <= counted <= sum(count for at, count in events if now - at <= 120)
