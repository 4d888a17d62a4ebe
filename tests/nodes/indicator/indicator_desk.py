"""An indicator with its tape and its store, driven by hand."""

from collections import deque
from typing import Any

import msgspec

from mesh import links
from mesh.config import Config, configured
from mesh.core import Commit, Effect, Effects, Emit, Envelope, Send
from mesh.messages.base import Msg
from mesh.messages.market import Block, IndicatorProgress, MarketWelcome
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer, SourceWelcome
from mesh.units import SECOND_NS
from nodes.candles import CandleBuilder
from nodes.indicator.core import WATERMARK, Indicator
from nodes.market.synthetic import SyntheticMarket
from nodes.tape import Tape
from nodes.ticks import TickColumns
from nodes.zones import Zone
from tests.nodes.flow_rig import config_of

MINUTES = 200
COLUMNS = SyntheticMarket(7, ("EURUSD", "USDJPY")).minutes(0, MINUTES)


class Desk:
    """An indicator, the tape it reads, and what it said."""

    def __init__(self, config: Config | None = None, columns: TickColumns = COLUMNS, name: str = "cci-1") -> None:
        self.config = config or config_of(symbols='"EURUSD"')
        self.name = name
        self.tape = Tape(columns.symbols)
        self.tape.append(columns)
        self.store: dict[bytes, bytes] = {}
        self.answers = True
        self.number = 0
        self.restart()

    def restart(self) -> None:
        self.core = Indicator(self.name, self.config, 1)
        self.now_ns = SECOND_NS
        self.out: list[Effect] = []
        rows = [(WATERMARK, key, record) for key, record in self.store.items()]
        self.do(self.core.recover(rows, self.now_ns) + self.core.start(self.now_ns))

    def do(self, effects: Effects) -> list[Effect]:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            self.out.append(effect)
            if isinstance(effect, Commit):
                self.store.update({put.key: put.record or b"" for put in effect.puts})
            elif isinstance(effect, Send) and isinstance(effect.message, Signal) and self.answers:
                answer = SignalAnswer(effect.message.sid, ACCEPTED)
                queue.extend(self.core.handle(Envelope(links.SIGNALS, 0, answer), self.now_ns))
        return list(effects)

    def tell(self, message: Msg, link: str = links.MARKET) -> list[Effect]:
        return self.do(self.core.handle(Envelope(link, 0, message), self.now_ns))

    def welcome(
        self, start_seq: int = 0, released_seq: int = 0, run: str = "run", first_seq: int = 0, recorded: bool = True
    ) -> None:
        symbols = list(self.tape.symbols)
        timeframes = ["M1"] * len(symbols)
        self.tell(SourceWelcome(64), links.SIGNALS)
        self.tell(MarketWelcome(run, 1, recorded, start_seq, released_seq, 0, 0, symbols, first_seq, timeframes))

    def feed(self, through_seq: int | None = None, first_seq: int = 0) -> list[int]:
        """All ticks up to a seq; where signals will fall."""
        end_seq = through_seq if through_seq is not None else self.tape.end_seq
        seqs: list[int] = []
        for start in range(first_seq, end_seq, 2_000):
            self.tell(self.tape.ticks(start, min(start + 2_000, end_seq)))
        for message in self.sent(IndicatorProgress):
            seqs += [seq for seq in message.signal_seqs if seq not in seqs]
        return seqs

    def block(self, through_seq: int, final: bool = False, end_ns: int = 0) -> list[Effect]:
        self.number += 1
        return self.tell(Block(self.number, through_seq, end_ns or self.tape.time_ns(through_seq - 1), final))

    def sent(self, kind: type[Msg]) -> list[Any]:
        return [effect.message for effect in self.out if isinstance(effect, Send) and type(effect.message) is kind]

    def bars(self) -> list[dict[str, Any]]:
        return [effect.event | {"start": effect.market_ns} for effect in self.out if isinstance(effect, Emit)]


def bars_of(symbol: str, timeframe: str = "M1") -> list[tuple[int, Any]]:
    """Bars made tick by tick, as the plain loop makes them, each with the number of the tick that closed it."""
    builder = CandleBuilder(symbol, timeframe, Zone.parse("New York + 7 h"))
    index = COLUMNS.symbols.index(symbol)
    found = []
    for seq in range(len(COLUMNS)):
        if COLUMNS.symbol_index[seq] == index:
            closed = builder.push(int(COLUMNS.time_ns[seq]), int(COLUMNS.bid_e8[seq]), int(COLUMNS.ask_e8[seq]))
            if closed is not None:
                found.append((seq, closed))
    return found


def changed(config: Config, name: str = "reversion", **fields: object) -> Config:
    """The configuration with fields of a strategy changed."""
    strategy = msgspec.structs.replace(config.strategy[name], **fields)
    return configured(msgspec.structs.replace(config.settings, strategy={**config.strategy, name: strategy}))


def two_strategies(config: Config, **fields: object) -> Config:
    """A second strategy beside the first, with fields of its own."""
    second = msgspec.structs.replace(config.strategy["reversion"], **fields)
    return configured(msgspec.structs.replace(config.settings, strategy={**config.strategy, "second": second}))
