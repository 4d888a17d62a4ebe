"""What is told of an outcome whose row was pruned is an outcome like any other: any master takes it."""

import pytest

from mesh.codec import decode_untrusted, encode
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import FINAL_CODES
from nodes.shortened import PRUNED, shortened


@pytest.mark.parametrize("code", FINAL_CODES)
def test_it_ends_its_order_and_says_that_more_is_not_known(code: str) -> None:
    """Final, with its code, its number and its lots."""
    outcome = shortened("one", 7, 3, b"o" * 16, code, 5)
    assert decode_untrusted(encode(outcome)) == outcome
    assert (outcome.final, outcome.code, outcome.f, outcome.volume_e8, outcome.detail) == (True, code, 3, 5, PRUNED)


def test_a_number_without_a_meaning_ends_nothing() -> None:
    """What was told under it is over; its number alone matters."""
    outcome = shortened("one", 7, 4)
    assert decode_untrusted(encode(outcome)) == outcome
    assert (outcome.final, outcome.oid, outcome.detail) == (False, NO_OID, PRUNED)
