"""Outcomes on their way to the master: numbers, acks, and stores that were rolled back."""

from typing import cast

import msgspec

from mesh.messages.orders import LocalHello
from mesh.messages.outcomes import Outcome, Stamps
from mesh.tellers import TELLERS_MAX
from nodes.local.knownends import KnownRecord
from nodes.local.reports import KNOWN, Reports
from tests.message_values import sample_of


def outcome_of(code: str, is_final: bool) -> Outcome:
    """What an open without lots came to."""
    return Outcome(
        "one", 1, 1, 0, b"o" * 16, "s1", "swing", "open", "OPEN", code, is_final, "open", "", "EURUSD",
        1, 0, 0, 0, 0, 0, 0, 0, 1, 1, Stamps(),
    )  # fmt: skip


def test_an_ack_over_a_gap_in_the_numbers_takes_what_is_there() -> None:
    """A rolled-back store skips numbers: its old rows and the next ones have a gap between them."""
    reports = Reports("one", 1)
    for f in (3, 9):
        reports.pending[f] = cast(Outcome, KnownRecord(f))
    reports.restored(9)
    assert len(reports.ack(9)) == 4, "two rows for each outcome there is"
    assert (reports.acked_f, reports.pending) == (9, {})


def test_an_open_that_turned_up_late_counts_as_executed() -> None:
    """Its first end had no lots, its second has: what asks whether it did anything hears yes, also in another life."""
    outcome = outcome_of("NOT_FOUND", is_final=True)
    reports = Reports("one", 1)
    reports.number(outcome)
    assert not reports.is_executed(outcome.oid)
    _, puts = reports.number(msgspec.structs.replace(outcome, code="FILLED_LATE", volume_e8=7))
    assert reports.is_executed(outcome.oid)
    (known,) = [put for put in puts if put.kind == KNOWN]
    again = Reports("one", 1)
    again.restore(KNOWN, known.key, known.record or b"")
    assert again.is_executed(outcome.oid)


def test_whose_outcomes_a_store_holds() -> None:
    """Each life that told something, with its first number; of too many the oldest are no longer known."""
    outcome = outcome_of("UNKNOWN", is_final=False)
    reports = Reports("one", 1)
    for life in (5, 5, 6, 5):
        reports.number(msgspec.structs.replace(outcome, life=life))
    assert reports.tellers == [5, 1, 6, 3, 5, 4]
    hello = msgspec.structs.replace(sample_of(LocalHello), life=9, f=4, start_f=4, tellers=reports.tellers)
    held = [[f for f in range(1, 6) if hello.holds(f, life)] for life in (5, 6, 7, 9, 0)]
    assert held == [[1, 2, 4], [3], [], [1, 2, 3, 4, 5], [1, 2, 3, 4]]
    for life in range(10, 10 + TELLERS_MAX):
        reports.number(msgspec.structs.replace(outcome, life=life))
    assert reports.tellers[:2] == [10 + TELLERS_MAX // 2, 5 + TELLERS_MAX // 2]
    assert len(reports.tellers) == TELLERS_MAX
