"""Outcomes on their way to the master: numbers, acks, and stores that were rolled back."""

from typing import cast

from mesh.messages.outcomes import Outcome
from nodes.local.reports import KnownRecord, Reports


def test_an_ack_over_a_gap_in_the_numbers_takes_what_is_there() -> None:
    """A rolled-back store skips numbers: its old rows and the next ones have a gap between them."""
    reports = Reports()
    for f in (3, 9):
        reports.pending[f] = cast(Outcome, KnownRecord(f))
    reports.restored(9)
    assert len(reports.ack(9)) == 4, "two rows for each outcome there is"
    assert (reports.acked_f, reports.pending) == (9, {})
