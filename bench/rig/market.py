"""A live market for measurements: it ticks twice a second, and nothing else."""

import numpy as np

from mesh import links
from mesh.core import NOTHING, Core, Effect, Effects, Envelope, Send
from mesh.messages.market import Block, MarketHello, MarketWelcome, TickCredit, Ticks
from mesh.units import MS_NS, SECOND_NS
from nodes.envelopes import message_of

MARKET_NS = 1_767_600_000 * SECOND_NS
"""Market time when the market begins: a Monday morning."""
PRICE_E8, SPREAD_E8 = 110_000_000, 10_000
TICK_NS = 500 * MS_NS


class SteadyMarket(Core):
    """Its symbols at one price; who connects is told the newest ticks, then each of them as it comes."""

    def __init__(self, symbols: list[str]) -> None:
        super().__init__()
        self._symbols = symbols
        self._count = 0
        self._began_ns = self._market_ns = 0
        self._peers: dict[int, None] = {}
        self.handlers = {MarketHello: self._on_hello, TickCredit: lambda envelope, now_ns: NOTHING}

    def start(self, now_ns: int) -> Effects:
        """The first tick comes at once."""
        self.deadline_ns = self._began_ns = now_ns
        return NOTHING

    def on_deadline(self, now_ns: int) -> Effects:
        """One tick a symbol."""
        self.deadline_ns = now_ns + TICK_NS
        self._count += len(self._symbols)
        self._market_ns = MARKET_NS + now_ns - self._began_ns
        first = self._count - len(self._symbols)
        return [effect for peer in self._peers for effect in self._ticks(peer, first)]

    def phase(self) -> str:
        """It has nothing to wait for."""
        return "READY"

    def _on_hello(self, envelope: Envelope, now_ns: int) -> Effects:
        hello = message_of(envelope, MarketHello)
        self._peers[envelope.peer] = None
        welcome = MarketWelcome("bench", 1, False, 0, self._count, self._count, self._market_ns, self._symbols)
        return [Send(links.MARKET, envelope.peer, welcome), *self._ticks(envelope.peer, hello.next_seq)]

    def _ticks(self, peer: int, first: int) -> list[Effect]:
        """All ticks from number ``first`` on, as if they were of now: whoever lacks some asks for them."""
        count = self._count - first
        if count <= 0:
            return []
        bids = np.full(count, PRICE_E8, dtype="<i8")
        times = np.full(count, self._market_ns, dtype="<i8").tobytes()
        indexes = (np.arange(first, self._count) % len(self._symbols)).astype("<u2").tobytes()
        ticks = Ticks(first, self._symbols, indexes, times, bids.tobytes(), (bids + SPREAD_E8).tobytes())
        return [Send(links.MARKET, peer, ticks), Send(links.MARKET, peer, Block(self._count, self._count, self._market_ns))]
