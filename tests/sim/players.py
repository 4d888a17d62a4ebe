"""Who plays beside the real master, routers and locals: a live market and the signals node's other side, each a small core.

They are never faulty themselves: what they know is what the checks go by.
"""

from random import Random

import numpy as np

from mesh import links
from mesh.core import NOTHING, Core, Effect, Effects, Envelope, LinkUp, Send
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.market import Block, MarketHello, MarketWelcome, TickCredit, Ticks
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.terminal.engine import Terminal

MARKET_NS = 1_767_600_000 * SECOND_NS
"""Market time at virtual time 0: a Monday morning."""
SYMBOLS = ("EURUSD", "GBPUSD")
PRICES_E8 = (110_000_000, 130_000_000)
SPREAD_E8 = 10_000
TICK_NS = 500 * MS_NS
REPEAT_NS = 150 * MS_NS


class PlayedMarket(Core):
    """A live market: every symbol ticks twice a second, the master and the server see the same quotes."""

    def __init__(self, random: Random, server: Terminal) -> None:
        super().__init__()
        self._random = random
        self._server = server
        self._prices = list(PRICES_E8)
        self._rows: list[tuple[int, int, int]] = []
        """(symbol, market time, bid) of every tick."""
        self._peers: dict[int, None] = {}
        self.handlers = {MarketHello: self._on_hello, TickCredit: lambda envelope, now_ns: NOTHING}

    def start(self, now_ns: int) -> Effects:
        """The first ticks come at once."""
        self.deadline_ns = now_ns
        return NOTHING

    def on_deadline(self, now_ns: int) -> Effects:
        """One tick a symbol."""
        self.deadline_ns = now_ns + TICK_NS
        first = len(self._rows)
        for index in range(len(SYMBOLS)):
            self._prices[index] += self._random.randint(-6, 6) * 5_000
            self._rows.append((index, MARKET_NS + now_ns, self._prices[index]))
            self._server.on_tick(SYMBOLS[index], MARKET_NS + now_ns, self._prices[index], self._prices[index] + SPREAD_E8)
        effects: list[Effect] = []
        for peer in self._peers:
            effects += [self._ticks(peer, first), self._block(peer)]
        return effects

    def _on_hello(self, envelope: Envelope, now_ns: int) -> Effects:
        hello, peer, count = envelope.message, envelope.peer, len(self._rows)
        assert isinstance(hello, MarketHello)
        self._peers[peer] = None
        market_ns = self._rows[-1][1] if self._rows else MARKET_NS
        welcome = MarketWelcome("sim", 1, False, 0, count, count, market_ns, list(SYMBOLS))
        return (Send(links.MARKET, peer, welcome), self._ticks(peer, hello.next_seq), self._block(peer))

    def _block(self, peer: int) -> Send:
        return Send(links.MARKET, peer, Block(len(self._rows), len(self._rows), self._rows[-1][1] if self._rows else MARKET_NS))

    def _ticks(self, peer: int, first: int) -> Send:
        rows = self._rows[first:]
        bids = np.array([row[2] for row in rows], dtype="<i8")
        message = Ticks(
            first,
            list(SYMBOLS),
            np.array([row[0] for row in rows], dtype="<u2").tobytes(),
            np.array([row[1] for row in rows], dtype="<i8").tobytes(),
            bids.tobytes(),
            (bids + SPREAD_E8).tobytes(),
        )
        return Send(links.MARKET, peer, message)


class PlayedSource(Core):
    """The signals node's side of its link to the master: each signal again and again until it is answered, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[str, Signal] = {}
        self.answers: dict[str, str] = {}
        self.accepted_at: dict[str, int] = {}
        self.asked: dict[str, int] = {}
        self._is_welcome = False
        self.handlers = {
            LinkUp: lambda envelope, now_ns: self._hello(),
            SourceWelcome: self._on_welcome,
            SignalAnswer: self._on_answer,
        }

    def start(self, now_ns: int) -> Effects:
        """Repeat from time to time."""
        self.deadline_ns = now_ns + REPEAT_NS
        return NOTHING

    def give(self, signal: Signal) -> None:
        """Another signal to be delivered."""
        self.waiting[signal.sid] = signal

    def _hello(self) -> Effects:
        self._is_welcome = False
        return (Send(links.DECIDE, 0, SourceHello("signals-1", 1, PROTOCOL_VERSION, "")),)

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        self._is_welcome = True
        return NOTHING

    def on_deadline(self, now_ns: int) -> Effects:
        """Whatever is not answered."""
        self.deadline_ns = now_ns + REPEAT_NS
        if not self._is_welcome:
            return self._hello()
        for sid in self.waiting:
            self.asked.setdefault(sid, now_ns)
        # a hello each time as well: a master that started anew does not know us
        return (*self._hello(), *(Send(links.DECIDE, 0, signal) for signal in list(self.waiting.values())[:16]))

    def _on_answer(self, envelope: Envelope, now_ns: int) -> Effects:
        answer = envelope.message
        assert isinstance(answer, SignalAnswer)
        self.waiting.pop(answer.sid, None)
        self.answers[answer.sid] = answer.code
        if answer.code == ACCEPTED:
            self.accepted_at.setdefault(answer.sid, now_ns)
        return NOTHING


LOT_E8 = E8 // 100


def hand_signal(number: int, symbol: str, side: int, accounts: list[str], lots: int, now_ns: int) -> Signal:
    """A signal by hand: ``side`` 0 closes."""
    return Signal(
        sid=f"s{number}", source="signals-1", kind="manual", symbol=symbol, timeframe="M1", bar_start_ns=0,
        close_e8=PRICES_E8[SYMBOLS.index(symbol)], ts_event_ns=MARKET_NS + now_ns, stamp_ns=now_ns, side=side, accounts=accounts,
        volume_e8=lots * LOT_E8,
    )  # fmt: skip
