"""Rows of a terminal as messages: what has not changed since it was read last is told by the same struct."""

from typing import Any

from nodes.io.mt5structs import TradePosition
from nodes.io.venuerows import Positions, position_of
from nodes.terminal.fields import FIELDS


def row(ticket: int, **values: Any) -> Any:
    """A position as the package shows it."""
    plain: dict[str, Any] = dict.fromkeys(FIELDS["TradePosition"], 0)
    plain |= {"ticket": ticket, "identifier": ticket, "symbol": "EURUSD", "comment": "tm", "external_id": "", "volume": 0.1, "time_msc": 5}
    return TradePosition(tuple((plain | values).values()))


def utc(server_ms: int) -> int:
    """A server in UTC."""
    return server_ms * 1_000_000


def test_positions_are_told_by_the_same_struct_until_their_row_changes() -> None:
    """In the order of the terminal, and as ``position_of`` makes each."""
    positions = Positions(utc)
    first = positions.told((row(2), row(1, price_current=1.1)))
    assert first == [position_of(row(2), utc), position_of(row(1, price_current=1.1), utc)]
    second = positions.told((row(1, price_current=1.2), row(2), row(3)))
    assert second == [position_of(each, utc) for each in (row(1, price_current=1.2), row(2), row(3))]
    assert second[1] is first[0]


def test_position_that_was_gone_for_a_read_is_made_anew() -> None:
    """Nothing is kept of what a terminal shows no more."""
    positions = Positions(utc)
    first = positions.told((row(1),))
    assert positions.told(()) == []
    assert positions.told((row(1),)) == first
    assert positions.told((row(1),))[0] is not first[0]
