"""A market core in a hall of listeners who answer by hand."""

from collections import deque

import numpy as np

from mesh import links
from mesh.core import Commit, Durable, Effect, Effects, Envelope, Note, Send
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.market import (
    Block,
    BrokerBlock,
    IndicatorBlock,
    IndicatorProgress,
    MarketHello,
    MarketWelcome,
    Settle,
    Settled,
    TickCredit,
    Ticks,
    Waiting,
)
from mesh.units import E8, SECOND_NS
from nodes.market.core import Market
from nodes.market.sources import RecordedSource
from nodes.ticks import TickColumns
from tests.nodes.flow_rig import config_of

INDICATOR, BROKER, MASTER = 1, 2, 3
ROLES = {INDICATOR: ("cci-1", "indicator"), BROKER: ("broker-1", "broker"), MASTER: ("master-1", "master")}
TICKS = 50
ALL = ["one", "two"]


def source(count: int = TICKS, start_seq: int = 0) -> RecordedSource:
    """Ticks at 1 s, 2 s, 3 s …; the feed ends half a minute after its last tick."""
    times = (np.arange(count, dtype=np.int64) + 1) * SECOND_NS
    prices = np.full(count, E8, dtype=np.int64)
    columns = TickColumns.of_symbol("EURUSD", times, prices, prices + 10)
    return RecordedSource(columns, {"EURUSD": "M1"}, (count + 30) * SECOND_NS, start_seq)


class Hall:
    """A market and its listeners, who answer at once what they are not told to keep back."""

    def __init__(self, speed: str = '"max"', count: int = TICKS, start_seq: int = 0) -> None:
        self.config = config_of(speed=speed)
        self.now_ns = SECOND_NS
        self.market = Market("market-1", self.config, 7, source(count, start_seq))
        self.said: list[tuple[int, Msg]] = []
        """Every message of the market but ticks, with whom it went to."""
        self.effects: list[Effect] = []
        self.silent: set[type[Msg]] = set()
        """Messages that are not answered."""
        self.signal_seqs: list[int] = []
        self.answers_late = False
        """Whether signals stay unanswered."""
        self.stops: dict[int, list[str]] = {}
        """Ticks after which the broker stops, and whose books changed there."""
        self.waits: dict[str, int] = {}
        self.floating: list[str] = []
        self.settled: dict[int, tuple[list[str], list[str], list[str]]] = {}
        """After which tick the master names whom as missing, open and managed; nobody else."""
        self.next_seqs = dict.fromkeys(ROLES, 0)
        self.played_seq = 0
        self.stand_ns = 0
        self._queue: deque[Effect] = deque()

    def begin(self, rows: list[tuple[str, bytes, bytes]] | None = None) -> None:
        """Start the market, let everybody say hello, and go as far as it goes."""
        self.do(self.market.recover(rows or [], self.now_ns))
        self.do(self.market.start(self.now_ns))
        for peer in ROLES:
            self.hello(peer)

    def hello(self, peer: int, life: int = 1, **changes: object) -> None:
        name, role = ROLES[peer]
        fields = {"node": name, "role": role, "life": life, "version": PROTOCOL_VERSION} | changes
        fingerprint = str(fields.pop("config_hash", self.config.fingerprint))
        self.tell(peer, MarketHello(**fields, config_hash=fingerprint, next_seq=self.next_seqs[peer]))  # type: ignore[arg-type]

    def tell(self, peer: int, message: Msg) -> None:
        """A message to the market, and everything that follows."""
        self.do(self.market.handle(Envelope(links.MARKET, peer, message), self.now_ns))

    def later(self, now_ns: int) -> None:
        """Let time pass to ``now_ns``, deadline by deadline."""
        while self.market.deadline_ns <= now_ns:
            self.now_ns = max(self.now_ns, self.market.deadline_ns)
            self.do(self.market.on_deadline(self.now_ns))
        self.now_ns = now_ns

    def do(self, effects: Effects) -> None:
        self._queue.extend(effects)
        while self._queue:
            effect = self._queue.popleft()
            self.effects.append(effect)
            if isinstance(effect, Send):
                self._send(effect.peer, effect.message)
            elif isinstance(effect, Commit) and effect.token:
                self._handle(0, Durable(effect.token))

    def _handle(self, peer: int, message: Msg) -> None:
        self._queue.extend(self.market.handle(Envelope(links.MARKET, peer, message), self.now_ns))

    def _send(self, peer: int, message: Msg) -> None:
        if not isinstance(message, Ticks):
            self.said.append((peer, message))
        if isinstance(message, MarketWelcome):
            self._handle(peer, TickCredit(self.next_seqs[peer], 1_000_000))
        elif isinstance(message, Ticks):
            self.next_seqs[peer] = max(self.next_seqs[peer], message.first_seq + len(message.time_ns) // 8)
            if peer == INDICATOR:
                self._handle(peer, IndicatorProgress(self.next_seqs[peer], self.signal_seqs))
        elif type(message) not in self.silent:
            self._answer(peer, message)

    def _answer(self, peer: int, message: Msg) -> None:
        if isinstance(message, Settle):
            place = [block.through_seq for to, block in self.said if to == MASTER and isinstance(block, Block)][-1]
            self._handle(MASTER, Settled(message.number, *self.settled.get(place, ([], [], []))))
        elif isinstance(message, Block) and peer == INDICATOR:
            if not (self.answers_late and message.through_seq - 1 in self.signal_seqs):
                self._handle(INDICATOR, IndicatorBlock(message.number, 0))
        elif isinstance(message, Block) and peer == BROKER:
            self._handle(BROKER, self.word(message))

    def word(self, block: Block) -> BrokerBlock:
        """The broker plays a block, up to the first tick at which it stops."""
        assert self.next_seqs[BROKER] >= block.through_seq, "a block came before its ticks"
        stop = min((seq for seq in self.stops if self.played_seq <= seq < block.through_seq), default=None)
        changed: list[str] = []
        if stop is not None:
            changed = self.stops.pop(stop)
            self.played_seq, self.stand_ns = stop + 1, (stop + 1) * SECOND_NS
        else:
            self.played_seq = max(self.played_seq, block.through_seq)
            self.stand_ns = max(self.stand_ns, block.end_ns)
        waiting = [Waiting(*wait) for wait in self.waits.items() if wait[1] > self.stand_ns]
        self.waits = {wait.account: wait.until_ns for wait in waiting}
        return BrokerBlock(block.number, self.played_seq, self.stand_ns, changed, self.floating, waiting)

    def settle_again(self, missing: list[str], open_: list[str]) -> None:
        """The master's word on the newest question changes."""
        number = [message.number for _, message in self.said if isinstance(message, Settle)][-1]
        self.tell(MASTER, Settled(number, missing, open_, []))

    def blocks(self, peer: int = BROKER) -> list[tuple[int, int]]:
        """(through_seq, end in seconds) of each block told to a listener, repeats of a place once."""
        found = [message for to, message in self.said if to == peer and isinstance(message, Block)]
        return list(dict.fromkeys((block.through_seq, block.end_ns // SECOND_NS) for block in found))

    def settles(self) -> list[list[str]]:
        """The accounts of each question that named some."""
        asked = {message.number: message.accounts for _, message in self.said if isinstance(message, Settle)}
        return [accounts for accounts in asked.values() if accounts]

    def story(self, through_seq: int) -> list[str]:
        """Who was told of the place after a tick, in order, without repeats: broker, master, settle, indicator."""
        words: list[str] = []
        place = -1
        for peer, message in self.said:
            if isinstance(message, Block):
                place = message.through_seq
                word = ROLES[peer][1]
            elif isinstance(message, Settle):
                word = f"settle {','.join(message.accounts)}".strip()
            else:
                continue
            if place == through_seq:
                words.append(word)
        return words

    def notes(self) -> list[str]:
        return [effect.name for effect in self.effects if isinstance(effect, Note)]
