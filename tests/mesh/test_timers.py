"""Many named deadlines behind one."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.timers import Timers
from mesh.units import NEVER


def test_due_in_order_of_deadlines() -> None:
    """Keys come due in the order of their deadlines, equal ones in the order they were set, each once."""
    timers: Timers[str] = Timers()
    for key, at_ns in (("c", 30), ("a", 10), ("b", 20), ("b2", 20)):
        timers.set(key, at_ns)
    assert timers.next_ns == 10
    assert timers.due(20) == ["a", "b", "b2"]
    assert timers.due(20) == []
    assert timers.next_ns == 30


def test_setting_again_moves() -> None:
    """A key has one deadline: the last one set, sooner or later than before."""
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    timers.set("a", 50)
    assert timers.due(49) == []
    timers.set("a", 5)
    assert timers.next_ns == 5
    assert timers.due(5) == ["a"]


def test_cancelled_never_comes() -> None:
    """A cancelled key does not come due and does not hold the next deadline; cancelling an unknown key is fine."""
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    timers.cancel("a")
    timers.cancel("nobody")
    assert timers.next_ns == NEVER
    assert timers.due(1_000) == []
    assert not timers.is_set("a")


def test_never_cancels() -> None:
    """Setting NEVER is cancelling."""
    timers: Timers[str] = Timers()
    timers.set("a", 10)
    timers.set("a", NEVER)
    assert timers.next_ns == NEVER


def test_set_if_unset_keeps_what_runs() -> None:
    """A running key keeps its deadline; one that came due may be set again."""
    timers: Timers[str] = Timers()
    timers.set_if_unset("a", 10)
    timers.set_if_unset("a", 5)
    assert timers.next_ns == 10
    assert timers.due(10) == ["a"]
    timers.set_if_unset("a", 20)
    assert timers.next_ns == 20


ACTS = st.tuples(st.sampled_from(("set", "cancel", "due")), st.sampled_from("abcd"), st.integers(0, 30))


@given(st.lists(ACTS, max_size=40))
def test_like_a_plain_table(acts: list[tuple[str, str, int]]) -> None:
    """After any sequence of calls the timers agree with a table that is searched as a whole."""
    timers: Timers[str] = Timers()
    table: dict[str, tuple[int, int]] = {}
    for step, (act, key, at_ns) in enumerate(acts):
        if act == "set":
            timers.set(key, at_ns)
            table[key] = (at_ns, step)
        elif act == "cancel":
            timers.cancel(key)
            table.pop(key, None)
        else:
            expected = sorted((name for name in table if table[name][0] <= at_ns), key=lambda name: table[name])
            assert timers.due(at_ns) == expected
            for name in expected:
                del table[name]
        assert timers.next_ns == min((at for at, _ in table.values()), default=NEVER)
