"""One quote of one symbol."""

import msgspec


class Quote(msgspec.Struct, frozen=True, gc=False):
    """A symbol's newest bid and ask, and the market time of that tick."""

    bid_e8: int
    ask_e8: int
    market_ns: int

    @property
    def spread_e8(self) -> int:
        """Ask − bid, 0 where they are crossed."""
        spread_e8 = self.ask_e8 - self.bid_e8
        return spread_e8 if spread_e8 > 0 else 0

    def entry_e8(self, side: int) -> int:
        """The price at which a position of ``side`` would open."""
        return self.ask_e8 if side > 0 else self.bid_e8
