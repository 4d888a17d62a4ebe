"""The master's side of the market link: ticks on credit, quotes no further than blocks, and market time.

Market time moves only when a block's ticks have all come, so whoever asks afterwards sees the block's quotes. Ticks of a
block count as soon as it is there, also before its last one has come: a block may be longer than the credit.
"""

from collections import deque

from mesh.backoff import backoff_ns
from mesh.core import Effect, Envelope, Note, Send
from mesh.counters import Counters
from mesh.links import MARKET
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.market import Block, MarketHello, MarketWelcome, TickCredit, Ticks
from mesh.units import MS_NS
from nodes.contracts import contract_of
from nodes.envelopes import message_of
from nodes.quotes import Quotes

CREDIT_TICKS = 20_000
"""Ticks that may wait here for their block."""
HISTORY_TICKS = 20_000
"""Ticks before the market's place that a new master asks for: enough for an hour's usual spread of a few symbols."""


class MarketClock:
    """Where the market stands. ``run`` is empty before it answered."""

    def __init__(self, name: str, config_hash: str, life: int, repeat_ms: int, counters: Counters) -> None:
        self.quotes = Quotes()
        self.run = ""
        self.recorded = False
        self.market_ns = 0
        self.block = 0
        self.symbols: dict[str, str] = {}
        """Symbol → timeframe of its feed's bars."""
        self._hello = (name, "master", life, PROTOCOL_VERSION, config_hash)
        self._blocks: deque[Block] = deque()
        self._credit_limit = 0
        self._repeat_ns = repeat_ms * MS_NS
        self._vain_count = 0
        self._counters = counters

    @property
    def is_known(self) -> bool:
        """Whether the market has answered."""
        return bool(self.run)

    def hello(self, now_ns: int) -> tuple[list[Effect], int]:
        """Say (again) which tick is next, and when to look again whether that helped."""
        at_ns = now_ns + backoff_ns(self._repeat_ns, self._vain_count)
        self._vain_count += 1
        return [Send(MARKET, 0, MarketHello(*self._hello, self.quotes.next_seq))], at_ns

    def is_waiting(self) -> bool:
        """Whether an answer or ticks of a block that is there have not come."""
        return not self.is_known or bool(self._blocks)

    def on_welcome(self, message: MarketWelcome) -> list[Effect]:
        """Take the market's place; ask again from where the quotes of the last hour begin, where that is later."""
        effects: list[Effect] = []
        if self.run and message.run != self.run:
            effects.append(Note("warning", "market_run_changed", {"before": self.run, "now": message.run}))
            self.quotes.forget()
            self.market_ns = self.block = 0
            self._blocks.clear()
        self._vain_count = 0
        self.run, self.recorded = message.run, message.recorded
        timeframes = message.feed_timeframes or [""] * len(message.symbols)
        self.symbols = dict(zip(message.symbols, timeframes, strict=False))
        first_seq = max(message.first_seq, message.released_seq - HISTORY_TICKS)
        if self.quotes.next_seq < first_seq:
            self.quotes.restart(first_seq)
            return [*effects, Send(MARKET, 0, MarketHello(*self._hello, first_seq))]
        self._blocks.append(Block(message.block, message.released_seq, message.market_ns))
        self._credit_limit = 0
        return effects + self.advance()

    def on_ticks(self, message: Ticks) -> list[Effect]:
        """Keep ticks; a hole is asked for by a new hello."""
        try:
            self._counters.add("tick_count", self.quotes.take(message))
        except ValueError as error:
            self._counters.add("gap_count")
            hello = Send(MARKET, 0, MarketHello(*self._hello, self.quotes.next_seq))
            return [Note("warning", "ticks_missing", {"error": str(error)}), hello]
        return self.advance()

    def on_block(self, envelope: Envelope) -> list[Effect]:
        """Queue a block that is new."""
        block = message_of(envelope, Block)
        newest = self._blocks[-1].number if self._blocks else self.block
        if block.number > newest:
            self._blocks.append(block)
        return self.advance()

    def advance(self) -> list[Effect]:
        """Move to the last block whose ticks have all come; give the market new credit where it is worth a message."""
        blocks = self._blocks
        while blocks:
            self.quotes.release(blocks[0].through_seq)
            if blocks[0].through_seq > self.quotes.next_seq:
                break
            block = blocks.popleft()
            self._counters.add("block_count")
            self.block = max(self.block, block.number)
            self.market_ns = max(self.market_ns, block.end_ns)
        limit = self.quotes.released_seq + CREDIT_TICKS
        if limit - self._credit_limit < CREDIT_TICKS // 4:
            return []
        self._credit_limit = limit
        return [Send(MARKET, 0, TickCredit(self.quotes.next_seq, max(0, limit - self.quotes.next_seq)))]

    def symbol_of(self, name: str) -> str:
        """The market's symbol a name stands for: itself, or the only one of the same contract; empty where there is none."""
        if name in self.symbols:
            return name
        wanted = contract_of(name)
        if wanted is None:
            return ""
        known = [(symbol, contract_of(symbol)) for symbol in self.symbols]
        same = [symbol for symbol, contract in known if contract is not None and contract.known_as == wanted.known_as]
        return same[0] if len(same) == 1 else ""
