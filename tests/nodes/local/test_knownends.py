"""How orders ended, packed: what comes out is what went in, the last time."""

from hypothesis import given
from hypothesis import strategies as st

from nodes.local.knownends import KnownEnds, KnownRecord

COUNT = st.integers(0, 2**63 - 1)
RECORD = st.builds(KnownRecord, COUNT, st.booleans(), st.sampled_from(["", "FILLED", "EXPIRED", "NOT_FOUND", "a code of later"]), COUNT)


@given(st.lists(st.tuples(st.binary(min_size=16, max_size=16), RECORD)))
def test_it_is_a_dict(puts: list[tuple[bytes, KnownRecord]]) -> None:
    """Whatever order ends however often."""
    ends, known = KnownEnds(), dict[bytes, KnownRecord]()
    for oid, record in puts:
        ends.put(oid, record)
        known[oid] = record
    assert dict(ends.items()) == known
    assert all(ends.get(oid) == record for oid, record in known.items())
    assert ends.get(b"\0" * 15) is None
