"""Keys that count for a while: a queue, in little room."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.agedkeys import _GONE_MAX, KEY_BYTES, AgedKeys


@given(st.lists(st.tuples(st.integers(0, 9), st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.booleans())))
def test_it_is_a_queue(steps: list[tuple[int, bytes, bool]]) -> None:
    """First in, first out, as long as the front is old enough, whatever comes behind it."""
    keys, known = AgedKeys(), list[tuple[int, bytes]]()
    for at_ns, key, is_taken in steps:
        keys.add(at_ns, key)
        known.append((at_ns, key))
        if is_taken:
            expected = []
            while known and known[0][0] <= at_ns - 3:
                expected.append(known.pop(0))
            assert keys.take_until(at_ns - 3) == expected
        assert len(keys) == len(known)
    assert keys.take_until(9) == known
    assert (len(keys), keys.take_until(9)) == (0, [])


def test_what_went_takes_no_room() -> None:
    """Whether keys go one by one or many at a time."""
    keys = AgedKeys()
    for at_ns in range(10 * _GONE_MAX):
        keys.add(at_ns, bytes(KEY_BYTES))
        assert len(keys.take_until(at_ns - 5)) == (at_ns >= 5)
    assert (len(keys), len(keys._times_ns) <= _GONE_MAX + 7, len(keys._keys) <= (_GONE_MAX + 7) * KEY_BYTES) == (5, True, True)
