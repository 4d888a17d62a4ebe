"""Rows asked for, and what follows them, by token."""

import pytest

from mesh.core import Effect, Fetched, Halt
from nodes.fetches import Fetches, Rows


def test_what_follows_a_fetch_gets_its_own_rows() -> None:
    """Answers may come in any order; each is taken once."""
    fetches = Fetches()
    seen: list[tuple[str, Rows, int]] = []

    def then(word: str, rows: Rows, now_ns: int) -> list[Effect]:
        seen.append((word, rows, now_ns))
        return [Halt(0, word)]

    first = fetches.make("_outcome", b"a", 1, lambda rows, now_ns: then("first", rows, now_ns))
    second = fetches.make("_why", b"b", 2, lambda rows, now_ns: then("second", rows, now_ns))
    assert (first.kind, first.prefix, first.limit, second.kind, second.prefix, second.limit) == ("_outcome", b"a", 1, "_why", b"b", 2)
    assert fetches.fetched(Fetched(second.token, "_why", [(b"b", b"row")]), 7) == [Halt(0, "second")]
    assert fetches.fetched(Fetched(first.token, "_outcome", []), 8) == [Halt(0, "first")]
    assert seen == [("second", [(b"b", b"row")], 7), ("first", [], 8)]
    with pytest.raises(KeyError):
        fetches.fetched(Fetched(first.token, "_outcome", []), 9)
