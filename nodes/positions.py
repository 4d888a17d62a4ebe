"""What an account holds: the positions of a state, and our own orders that state does not include yet.

A line counts here from its decision until a state includes its outcome (``f`` of the state at least that of the
outcome), whatever the outcome was: so two decisions of one market moment see the same, however fast the fills came.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter

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


def held_of(state: AccountState | None) -> list[Holding]:
    """The positions of a state, by ticket, as if nothing were in flight."""
    return [holding_of(position, False) for position in sorted(state.positions, key=attrgetter("ticket"))] if state else []


class Holdings:
    """What an account holds, for the length of one decision. It is put together at the first look: where few rules are on, nobody looks.

    ``make(recorded)`` does that. ``decided_count``: orders to the account that the decision has come to so far.
    """

    __slots__ = ("_added", "_found", "_make", "_recorded", "decided_count")

    def __init__(self, make: Callable[[bool], list[Holding]], recorded: bool) -> None:
        self._make = make
        self._recorded = recorded
        self._found: list[Holding] | None = None
        self._added: list[Holding] = []
        self.decided_count = 0

    def __iter__(self) -> Iterator[Holding]:
        return iter(self._all())

    def add(self, holding: Holding) -> None:
        """An opening that was decided just now."""
        self.decided_count += 1
        (self._added if self._found is None else self._found).append(holding)

    def close(self, holding: Holding) -> None:
        """A full close of this one was decided just now."""
        self.decided_count += 1
        found = self._all()
        found[found.index(holding)] = msgspec.structs.replace(holding, closing=True)

    def _all(self) -> list[Holding]:
        if self._found is None:
            self._found = self._make(self._recorded) + self._added
        return self._found


def holdings_of(state: AccountState | None, held: list[Holding], unseen: Iterable[Line]) -> list[Holding]:
    """Everything an account holds or is about to: ``held``, the positions of the state by ticket, then openings in order of decision."""
    lines = [line for line in unseen if state is None or not is_included(line, state)]
    if not lines:
        return held.copy()
    closing_oids: dict[bytes, None] = {}
    closing_tickets: dict[int, None] = {}
    for line in lines:
        if line.record.action == CLOSE and line.record.volume_e8 == 0:
            closing_oids[line.record.ref_oid] = None
            closing_tickets[line.record.ref_ticket] = None
    closing_oids.pop(NO_OID, None)
    closing_tickets.pop(0, None)
    found = held.copy()
    if closing_oids or closing_tickets:
        for index, holding in enumerate(held):
            if holding.ticket in closing_tickets or holding.oid in closing_oids:
                found[index] = msgspec.structs.replace(holding, closing=True)
    shown = {holding.oid: None for holding in held if holding.ours}
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
