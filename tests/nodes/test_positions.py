"""What an account holds: positions of the state, and our own lines until a state includes their outcome."""

from typing import Any

import msgspec

from mesh.messages.base import NO_OID
from mesh.units import E8
from nodes.decisions import PUBLISHED, Decision, DecisionRecord, Line, LineRecord
from nodes.positions import Holding, Holdings, held_of, holdings_of
from tests.nodes.master.masterrig import first_signal, first_state, foreign

OID, OTHER = b"o" * 16, b"p" * 16


def line_of(f: int = 0, **changes: Any) -> Line:
    record = LineRecord("a1", OID, "rev", "open", "OPEN", "EURUSD", 1, E8, NO_OID, 0, 0, 5, 0, 0, 0, 0, 1, 1, 1, PUBLISHED)
    record = msgspec.structs.replace(record, **changes)
    line = Decision(DecisionRecord(b"k", first_signal(), 0, 0, [record])).lines[0]
    line.f = f
    return line


def close_of(f: int = 0, ref_oid: bytes = NO_OID, ref_ticket: int = 0, volume_e8: int = 0) -> Line:
    return line_of(f, oid=OTHER, leg="close", action="CLOSE", volume_e8=volume_e8, ref_oid=ref_oid, ref_ticket=ref_ticket)


def held(*lines: Line, f: int = 0, ours: int = 0, others: int = 0) -> list[tuple[int, bool, str, bool]]:
    """(ticket, ours, strategy, closing) of each holding."""
    positions = [msgspec.structs.replace(foreign(n + 1), ours=True, oid=OID, strategy="rev") for n in range(ours)]
    positions += [foreign(50 + n) for n in range(others)]
    state = msgspec.structs.replace(first_state("a1"), f=f, positions=positions)
    return [(h.ticket, h.ours, h.strategy, h.closing) for h in holdings_of(state, held_of(state), lines)]


def test_positions_come_first_and_then_what_is_in_flight() -> None:
    """Ours and others' by ticket, then openings whose outcome the state does not include."""
    assert held(line_of(oid=OTHER), ours=1, others=1) == [
        (1, True, "rev", False),
        (50, False, "", False),
        (0, True, "rev", False),
    ]


def test_an_opening_is_not_counted_twice() -> None:
    """Where the state shows the position already, its line does not count beside it."""
    assert held(line_of(), ours=1) == [(1, True, "rev", False)]


def test_a_line_counts_until_a_state_includes_its_outcome() -> None:
    """Whatever the outcome was: filled or rejected look the same until the state says."""
    assert held(line_of(f=7), f=6) == [(0, True, "rev", False)]
    assert held(line_of(f=7), f=7) == []


def test_a_full_close_in_flight_marks_its_position() -> None:
    """By oid or by ticket; a partial one leaves it in place; an included one has done its work."""
    assert held(close_of(ref_oid=OID), ours=1) == [(1, True, "rev", True)]
    assert held(close_of(ref_ticket=50), others=1) == [(50, False, "", True)]
    assert held(close_of(ref_oid=OID, volume_e8=1), ours=1) == [(1, True, "rev", False)]
    assert held(close_of(f=3, ref_oid=OID), f=3, ours=1) == [(1, True, "rev", False)]


def test_a_close_of_an_opening_in_flight_marks_that() -> None:
    """Strategies close against lines in flight too."""
    assert held(line_of(), close_of(ref_oid=OID)) == [(0, True, "rev", True)]


def test_without_a_state_only_lines_are_known() -> None:
    """Before the first state the own lines are all there is."""
    assert [holding.oid for holding in holdings_of(None, held_of(None), [line_of()])] == [OID]


def holding(ticket: int) -> Holding:
    return Holding("EURUSD", 1, E8, E8, True, "rev", OID, ticket, False)


def test_holdings_are_put_together_at_the_first_look() -> None:
    """Not before, and once; what was decided before that look comes last, and nothing is lost by looking late."""
    looks: list[bool] = []

    def make(recorded: bool) -> list[Holding]:
        looks.append(recorded)
        return [holding(1)]

    holdings = Holdings(make, True)
    holdings.add(holding(2))
    assert looks == []
    assert [held.ticket for held in holdings] == [1, 2]
    holdings.add(holding(3))
    assert [held.ticket for held in holdings] == [1, 2, 3]
    assert looks == [True]


def test_a_decided_close_shows_in_its_place() -> None:
    """For the length of the decision the holding is closing; openings and closes both count as decided."""
    holdings = Holdings(lambda recorded: [holding(1), holding(2)], False)
    holdings.close(holding(1))
    holdings.add(holding(3))
    assert [(held.ticket, held.closing) for held in holdings] == [(1, True), (2, False), (3, False)]
    assert holdings.decided_count == 2


def test_what_is_held_is_not_changed_by_what_is_in_flight() -> None:
    """The list made once for a state serves the next decision as it was."""
    state = msgspec.structs.replace(first_state("a1"), positions=[foreign(50)])
    positions = held_of(state)
    assert [held.closing for held in holdings_of(state, positions, [close_of(ref_ticket=50)])] == [True]
    assert [held.closing for held in holdings_of(state, positions, [])] == [False]
    assert holdings_of(state, positions, []) is not positions
