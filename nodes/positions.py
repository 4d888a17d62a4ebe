"""What an account holds: the positions of a state, and our own orders that state does not include yet.

A line counts here from its decision until a state includes its outcome (``f`` of the state at least that of the
outcome), whatever the outcome was: so two decisions of one market moment see the same, however fast the fills came.
"""

from collections.abc import Iterable

import msgspec

from mesh.messages.accounts import AccountState, Position
from mesh.messages.base import NO_OID
from mesh.messages.orders import CLOSE, OPEN
from nodes.decisions import Line


class Holding(msgspec.Struct, frozen=True, gc=False):
    """A position, or an opening in flight (``ticket`` 0). ``symbol`` is the broker's; ``closing``: a full close is in flight."""

    symbol: str
    side: int
    volume_e8: int
    price_e8: int
    ours: bool
    strategy: str
    oid: bytes
    ticket: int
    closing: bool


def holding_of(position: Position, closing: bool) -> Holding:
    """A position as a holding; ours is what has an oid of ours."""
    ours = position.ours and position.oid != NO_OID
    return Holding(
        symbol=position.symbol,
        side=position.side,
        volume_e8=position.volume_e8,
        price_e8=position.price_now_e8 or position.price_open_e8,
        ours=ours,
        strategy=position.strategy if ours else "",
        oid=position.oid,
        ticket=position.ticket,
        closing=closing,
    )


def is_included(line: Line, state: AccountState) -> bool:
    """Whether ``state`` shows what became of a line."""
    return 0 < line.f <= state.f


def holdings_of(state: AccountState | None, unseen: Iterable[Line]) -> list[Holding]:
    """Everything an account holds or is about to, positions first by ticket, then openings in order of decision."""
    lines = [line for line in unseen if state is None or not is_included(line, state)]
    closing_oids: dict[bytes, None] = {}
    closing_tickets: dict[int, None] = {}
    for line in lines:
        if line.record.action == CLOSE and line.record.volume_e8 == 0:
            closing_oids[line.record.ref_oid] = None
            closing_tickets[line.record.ref_ticket] = None
    closing_oids.pop(NO_OID, None)
    closing_tickets.pop(0, None)
    found: list[Holding] = []
    shown: dict[bytes, None] = {}
    for position in sorted(state.positions, key=lambda position: position.ticket) if state else ():
        holding = holding_of(position, position.ticket in closing_tickets or position.oid in closing_oids)
        if holding.ours:
            shown[position.oid] = None
        found.append(holding)
    for line in lines:
        record = line.record
        if record.action == OPEN and record.oid not in shown:
            found.append(
                Holding(
                    symbol=record.symbol,
                    side=record.side,
                    volume_e8=record.volume_e8,
                    price_e8=record.price_e8,
                    ours=True,
                    strategy=record.strategy,
                    oid=record.oid,
                    ticket=0,
                    closing=record.oid in closing_oids,
                )
            )
    return found
