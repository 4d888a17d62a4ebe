"""Rows of deals, kept: a deal never changes, and whoever reads a history asks for the deals of its last minutes again and again."""

from nodes.terminal.export import Row, deal_row
from nodes.terminal.records import Deal
from nodes.terminal.server_time import ServerClock

KEPT_MAX = 5_000
"""Rows of one login's terminal, some 2 MB; over it only those shown last stay."""


class DealRows:
    """What one terminal has shown of its deals."""

    __slots__ = ("_clock", "_kept")

    def __init__(self, clock: ServerClock) -> None:
        self._clock = clock
        self._kept: dict[int, tuple[Deal, Row]] = {}
        """By ticket."""

    def of(self, deals: list[Deal]) -> list[Row]:
        """Their rows, in their order: the same lists for all who ask, not to be changed."""
        kept, rows = self._kept, []
        for deal in deals:
            known = kept.get(deal.ticket)
            if known is None or known[0] is not deal:
                known = kept[deal.ticket] = (deal, deal_row(self._clock, deal))
            rows.append(known[1])
        if len(kept) > KEPT_MAX:
            self._kept = {deal.ticket: kept[deal.ticket] for deal in deals[-KEPT_MAX:]}
        return rows
