"""A simulated broker with its tape and its disk, driven by hand."""

from collections import deque
from typing import Any

import msgpack
import msgspec
import numpy as np

from mesh import links
from mesh.config import Config, configured
from mesh.core import Commit, Durable, Effect, Effects, Envelope, Send
from mesh.messages.base import Msg
from mesh.messages.market import Block, BrokerBlock, MarketWelcome
from mesh.messages.venue import TerminalCall, TerminalReply
from mesh.units import SECOND_NS
from nodes.broker.core import Broker
from nodes.tape import Tape
from nodes.terminal import names
from nodes.ticks import TickColumns
from tests.nodes.flow_rig import config_of

MARKET_NS = 1_767_600_000 * SECOND_NS
BID_E8 = 110_000_000
SPREAD_E8 = 10_000
ONE, TWO = 5001, 5002


def quiet(count: int, first: int = 0) -> TickColumns:
    """EURUSD at 1.10000/1.10010, a tick each second."""
    times = MARKET_NS + (first + np.arange(count, dtype=np.int64)) * SECOND_NS
    bids = np.full(count, BID_E8, dtype=np.int64)
    return TickColumns.of_symbol("EURUSD", times, bids, bids + SPREAD_E8)


def falling(count: int, step_e8: int) -> TickColumns:
    """The same, falling by a step each second."""
    ticks = quiet(count)
    bids = ticks.bid_e8 - step_e8 * np.arange(count, dtype=np.int64)
    return TickColumns.of_symbol("EURUSD", ticks.time_ns, bids, bids + SPREAD_E8)


class Bank:
    """A broker, the tape it plays, its disk, and what it said."""

    def __init__(self, columns: TickColumns, config: Config | None = None) -> None:
        self.config = config or config_of(latency_ms=0)
        self.tape = Tape(columns.symbols)
        self.tape.append(columns)
        self.store: dict[tuple[str, bytes], bytes] = {}
        self.is_slow_disk = False
        self.number = 0
        self.sequence = 0
        self.restart()

    def restart(self) -> None:
        """A new life from what is durable."""
        self.core = Broker("broker-1", self.config, 1)
        self.now_ns = SECOND_NS
        self.out: list[Effect] = []
        self.undurable: list[Commit] = []
        rows = [(kind, key, record) for (kind, key), record in sorted(self.store.items())]
        self.do(self.core.recover(rows, self.now_ns) + self.core.start(self.now_ns))

    def do(self, effects: Effects) -> None:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            self.out.append(effect)
            if isinstance(effect, Commit):
                self.undurable.append(effect)
                if not self.is_slow_disk:
                    queue.extend(self.durable())

    def durable(self) -> list[Effect]:
        """The disk has taken what was committed."""
        out: list[Effect] = []
        commits, self.undurable = self.undurable, []
        for commit in commits:
            for put in commit.puts:
                if put.record is None:
                    self.store.pop((put.kind, put.key), None)
                else:
                    self.store[put.kind, put.key] = put.record
            out += self.core.handle(Envelope(links.STORE, 0, Durable(commit.token)), self.now_ns)
        return out

    def tell(self, message: Msg, link: str = links.MARKET, peer: int = 0) -> None:
        self.do(self.core.handle(Envelope(link, peer, message), self.now_ns))

    def welcome(self, released_seq: int = 0, market_ns: int = MARKET_NS - 1, run: str = "run") -> None:
        symbols = list(self.tape.symbols)
        self.tell(MarketWelcome(run, 1, True, 0, released_seq, 0, market_ns, symbols, 0, ["M1"] * len(symbols)))

    def feed(self, through_seq: int, first_seq: int = 0) -> None:
        for start in range(first_seq, through_seq, 2_000):
            self.tell(self.tape.ticks(start, min(start + 2_000, through_seq)))

    def play(self, through_seq: int, end_ns: int = 0) -> BrokerBlock:
        """A block; the broker's answer."""
        self.number += 1
        self.tell(Block(self.number, through_seq, end_ns or self.tape.time_ns(through_seq - 1)))
        return self.words()[-1]

    def play_on(self, through_seq: int) -> list[BrokerBlock]:
        """Blocks until a tick is reached, however often the broker stops."""
        words = [self.play(through_seq)]
        while words[-1].through_seq < through_seq:
            words.append(self.play(through_seq))
        return words

    def call(self, login: int, name: str, *args: Any, peer: int = 9) -> TerminalReply | None:
        """Call a function; its answer, if it has come."""
        self.sequence += 1
        self.tell(TerminalCall(self.sequence, login, name, msgpack.packb(list(args))), links.VENUE, peer)
        return self.reply(self.sequence)

    def reply(self, sequence: int) -> TerminalReply | None:
        return next((message for message in self.sent(TerminalReply) if message.sequence == sequence), None)

    def buy(self, login: int, magic: int = 77, sl_e8: int = 0, volume_e8: int = 10_000_000) -> TerminalReply | None:
        """0.1 lots at the market."""
        row = [1, magic, 0, "EURUSD", volume_e8, 0, 0, sl_e8, 0, 20, 0, 0, 0, 0, "", 0, 0]
        return self.call(login, "order_send", *row)

    def sent(self, kind: type[Msg]) -> list[Any]:
        return [effect.message for effect in self.out if isinstance(effect, Send) and type(effect.message) is kind]

    def words(self) -> list[BrokerBlock]:
        return self.sent(BrokerBlock)


def opened(columns: TickColumns, config: Config | None = None, through_seq: int = 10) -> Bank:
    """A bank whose books are open, with its first ticks played."""
    bank = Bank(columns, config)
    bank.welcome()
    bank.feed(len(columns))
    bank.play(through_seq)
    return bank


def value(reply: TerminalReply | None) -> Any:
    assert reply is not None, "the call was not answered"
    assert reply.error_code == names.RES_S_OK, reply.error_text
    return msgpack.unpackb(reply.value)


def with_broker(config: Config, **fields: object) -> Config:
    settings = config.settings
    return configured(msgspec.structs.replace(settings, broker=msgspec.structs.replace(settings.broker, **fields)))


def with_account(config: Config, name: str, **fields: object) -> Config:
    settings = config.settings
    account = msgspec.structs.replace(settings.account[name], **fields)
    return configured(msgspec.structs.replace(settings, account={**settings.account, name: account}))
