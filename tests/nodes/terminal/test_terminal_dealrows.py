"""Kept rows of deals: the same as made anew, no more than so many, and never one deal's for another."""

import msgspec
import pytest

from nodes.terminal import dealrows
from nodes.terminal.dealrows import DealRows
from nodes.terminal.export import deal_row
from nodes.terminal.records import Deal
from nodes.terminal.server_time import ServerClock

CLOCK = ServerClock("New York + 7 h")
FIRST = Deal(1, 2, "EURUSD", 0, 0, 7, 3, 3, 10_000_000, 110_000_000, 0, 0, 0, 0, 1_700_000_000_000_000_000, "")


def deal(ticket: int, comment: str = "") -> Deal:
    return msgspec.structs.replace(FIRST, ticket=ticket, time_ns=FIRST.time_ns + ticket, comment=comment)


def test_rows_are_those_made_anew_and_made_once() -> None:
    """In the order that is asked for; the second time they are the very same lists."""
    rows, deals = DealRows(CLOCK), [deal(number) for number in (5, 3, 4)]
    first = rows.of(deals)
    assert first == [deal_row(CLOCK, one) for one in deals]
    assert [id(row) for row in rows.of(deals[::-1])] == [id(row) for row in first[::-1]]


def test_another_deal_of_the_same_ticket_has_its_own_row() -> None:
    """Tickets are an account's: of a terminal in which another one is logged in a ticket comes again."""
    rows, mine, other = DealRows(CLOCK), deal(3, "mine"), deal(3, "other")
    assert rows.of([mine]) != rows.of([other]) == [deal_row(CLOCK, other)]
    assert rows.of([mine]) == [deal_row(CLOCK, mine)]


def test_no_more_rows_are_kept_than_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit those shown last stay, the newest of them."""
    monkeypatch.setattr(dealrows, "KEPT_MAX", 4)
    made: list[int] = []

    def making(clock: ServerClock, one: Deal) -> list[object]:
        made.append(one.ticket)
        return deal_row(clock, one)

    monkeypatch.setattr(dealrows, "deal_row", making)
    rows, deals = DealRows(CLOCK), [deal(number) for number in range(1, 8)]
    for span in (deals[:3], deals[1:5], deals[1:5], deals, deals[3:], deals[:1]):
        assert rows.of(span) == [deal_row(CLOCK, one) for one in span]
    assert made == [1, 2, 3, 4, 5, 1, 6, 7, 1]
