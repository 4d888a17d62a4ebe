"""What the positions of a netting account add up to, by their deals: who holds how much of one is another matter.

There a position is the sum of its deals, buys less sells, whoever made them and in whatever order they are told. That says what
no single deal does: of a deal that turned a position round (INOUT), how much closed and how much opened.
"""

from mesh.messages.base import Count, Int64, Msg
from mesh.messages.outcomes import DealReport

NETS_MAX = 512
"""Positions remembered: a netting account has one a symbol, and a new one each time it was flat. Flat ones are forgotten first."""


class Net(Msg):
    """Lots of a position by its deals so far: above 0 bought, below 0 sold."""

    position_id: Count
    lots_e8: Int64


class Nets:
    """The sums of the positions of one netting account."""

    def __init__(self) -> None:
        self._lots: dict[int, int] = {}

    def restore(self, nets: list[Net]) -> None:
        """Take what was kept."""
        self._lots = {net.position_id: net.lots_e8 for net in nets}

    def rows(self) -> list[Net]:
        """What must not be forgotten."""
        return list(map(Net, self._lots.keys(), self._lots.values()))

    def dealt(self, deal: DealReport) -> None:
        """A trade is in the history, told for the first time."""
        lots_e8 = deal.volume_e8 if deal.kind == "BUY" else -deal.volume_e8
        self._lots[deal.position_id] = self._lots.pop(deal.position_id, 0) + lots_e8
        if len(self._lots) > NETS_MAX:
            flat = (position_id for position_id, held_e8 in self._lots.items() if held_e8 == 0)
            del self._lots[next(flat, next(iter(self._lots)))]

    def holds(self, position_id: int, side: int) -> bool:
        """Whether a position may have lots of this side: it has by its deals, or they are not remembered."""
        return self._lots.get(position_id, side) * side > 0
