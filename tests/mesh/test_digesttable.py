"""Digests without objects: as a dict of bytes would, in a tenth of its memory."""

import tracemalloc
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.digesttable import DIGEST_BYTES, DigestTable

FEW = st.sampled_from([bytes(16), b"\0" * 15 + b"\1", b"\1" + b"\0" * 15, b"\1" * 16, bytes(range(16))])
"""Some hold parts of others: a search may find them across two entries."""


def digest_of(number: int) -> bytes:
    """As spread as a hash is."""
    return blake2b(number.to_bytes(8, "big"), digest_size=DIGEST_BYTES).digest()


@given(st.lists(st.tuples(FEW, st.sampled_from([b"\0\0\0", b"\1\1\1", b"\0\1\2"]))))
def test_it_is_a_dict(puts: list[tuple[bytes, bytes]]) -> None:
    """Whatever is put in whatever order: what is there, with what, and how many."""
    table, known = DigestTable(3), dict[bytes, bytes]()
    for digest, value in puts:
        table.put(digest, value)
        known[digest] = value
        assert {each: table.get(each) for each in known} == known
    assert dict(table.items()) == known
    assert len(table) == len(known) == len(list(table.items()))
    assert table.get(b"\2" * 16) is None


def test_without_values_it_is_a_set() -> None:
    """A digest is there or it is not; what is no digest never is, and cannot be put."""
    table = DigestTable()
    table.put(b"\1" * 16)
    table.put(b"\1" * 16)
    assert (len(table), b"\1" * 16 in table, b"\1" * 15 in table, b"" in table, b"\1" * 17 in table) == (1, True, False, False, False)
    for digest, value in ((b"\1" * 15, b""), (b"\1" * 16, b"x"), (b"", b"")):
        with pytest.raises(AssertionError, match="16 together are one entry"):
            table.put(digest, value)


def test_a_hundred_thousand_take_little() -> None:
    """An eighth more than their bytes, and the shards: a dict takes 150 bytes apiece and more."""
    digests = [digest_of(number) for number in range(100_000)]
    tracemalloc.start()
    try:
        table = DigestTable()
        for digest in digests:
            table.put(digest)
        taken_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken_bytes < 20 * len(digests) + 100_000
    assert all(digest in table for digest in digests[::1_000])
    assert not any(digest_of(number) in table for number in range(-1_000 % 2**63, -990 % 2**63))
