"""The load: a source of signals by hand that forgets nothing, and repeats each until it is answered, as a source has to.

Opens and closes, mostly to every account. What it sent and what was answered is the first of the books that are compared.
"""

import random
from collections import deque

import msgspec

from mesh import links
from mesh.codec import decode_untrusted, encode
from mesh.config import Config
from mesh.errors import BadFrame
from mesh.io.clock import monotonic_ns
from mesh.io.hub import Hub
from mesh.io.sockets import SENT
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.signals import ACCEPTED, MANUAL, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.units import E8
from nodes.io.doorfiles import ClientDoor

SOURCE = "operator"
REPEAT_S = 1.0
UNANSWERED_MAX = 32
"""Below the 64 that the signals node allows: nothing is refused for credit."""
LOT_E8 = E8 // 100
OPENS_MAX = 3
"""Openings of a symbol before it is closed."""
SOME_ONE_IN = 5
"""One signal in so many is for some of the accounts only."""


class Cycle(msgspec.Struct):
    """What is going on in one symbol: openings of one side, then a close."""

    side: int = 1
    left_count: int = 0


class Load:
    """One source. ``door``: how it dials; ``signal_rate``: signals a second; ``market_ns``: the market's time as last seen."""

    def __init__(self, config: Config, endpoint: str, door: ClientDoor | None, draw: random.Random, signal_rate: float) -> None:
        self.sent: dict[str, Signal] = {}
        self.answers: dict[str, SignalAnswer] = {}
        self.market_ns = 0
        self.held_back_count = 0
        """Signals that could not be sent in time, because too many were unanswered."""
        self._config = config
        self._draw = draw
        self._period_s = 1 / signal_rate
        self._due_s = 0.0
        self._cycles = {symbol: Cycle() for symbol in config.settings.market.symbols}
        self._hub = Hub()
        way = door.way(config.nodes_of("signals")[0]) if door is not None else None
        self._socket = self._hub.connect(links.SIGNALS, "DEALER", endpoint, way)
        self._is_welcome = False
        self._said_s = -REPEAT_S
        self._unanswered: dict[str, float] = {}
        """sid → when it was sent last."""
        self._wanted: deque[Signal] = deque()

    @property
    def waiting(self) -> list[str]:
        """Signals without an answer."""
        return [*self._unanswered, *(signal.sid for signal in self._wanted)]

    @property
    def refused(self) -> list[SignalAnswer]:
        """Answers that are no acceptance."""
        return [answer for answer in self.answers.values() if answer.code != ACCEPTED]

    def close_all(self) -> None:
        """Close whatever is open of each symbol on each account."""
        for symbol in self._cycles:
            self.want(symbol, 0, list(self._config.account))

    def poll(self, now_s: float, is_open: bool) -> None:
        """Take answers, repeat what lacks one, and where the load is on send what is due."""
        self._receive(now_s)
        if is_open and self.market_ns and now_s >= self._due_s:
            self._due_s = max(self._due_s + self._period_s, now_s - 1)
            if len(self._unanswered) + len(self._wanted) < UNANSWERED_MAX:
                self._next()
            else:
                self.held_back_count += 1
        if not self._is_welcome:
            if now_s - self._said_s >= REPEAT_S:
                self._said_s = now_s
                self._send(SourceHello(SOURCE, self._draw.getrandbits(62) or 1, PROTOCOL_VERSION, self._config.fingerprint))
            return
        while self._wanted and len(self._unanswered) < UNANSWERED_MAX:
            signal = self._wanted.popleft()
            self.sent[signal.sid] = signal
            self._unanswered[signal.sid] = now_s
            self._send(signal)
        late = [sid for sid, at_s in self._unanswered.items() if now_s - at_s >= REPEAT_S]
        if late:
            self._is_welcome = False  # a signals node that was started again wants a hello first
        for sid in late:
            self._unanswered[sid] = now_s - REPEAT_S

    def _receive(self, now_s: float) -> None:
        if True in self._socket.changes(monotonic_ns()):
            self._is_welcome, self._said_s = False, now_s - REPEAT_S
        for _, frames in self._socket.receive(256):
            try:
                message = decode_untrusted(frames[0])
            except BadFrame:
                continue
            if isinstance(message, SourceWelcome):
                self._is_welcome = True
                for sid in self._unanswered:
                    self._unanswered[sid] = now_s
                    self._send(self.sent[sid])
            elif isinstance(message, SignalAnswer) and message.code != "OVER_CREDIT" and message.sid in self._unanswered:
                del self._unanswered[message.sid]
                self.answers[message.sid] = message

    def _next(self) -> None:
        symbol = self._draw.choice(list(self._cycles))
        cycle = self._cycles[symbol]
        accounts = list(self._config.account)
        if cycle.left_count == 0:
            self.want(symbol, 0, accounts)
            cycle.side, cycle.left_count = self._draw.choice((1, -1)), self._draw.randint(1, OPENS_MAX)
            return
        cycle.left_count -= 1
        if self._draw.randrange(SOME_ONE_IN) == 0:
            accounts = sorted(self._draw.sample(accounts, max(1, len(accounts) // 2)))
        self.want(symbol, cycle.side, accounts)

    def want(self, symbol: str, side: int, accounts: list[str]) -> None:
        """Have a signal sent as soon as there is room for it; side 0 closes."""
        number = len(self.sent) + len(self._wanted) + 1
        volume_e8 = LOT_E8 * self._draw.randint(1, 3) if side else 0
        signal = Signal(
            sid=f"chaos-{number}", source=SOURCE, kind=MANUAL, symbol=symbol, timeframe="M1", bar_start_ns=self.market_ns, close_e8=0,
            ts_event_ns=self.market_ns, stamp_ns=monotonic_ns(), side=side, accounts=accounts, volume_e8=volume_e8,
        )  # fmt: skip
        self._wanted.append(signal)

    def _send(self, message: Msg) -> bool:
        return self._socket.send(0, (encode(message),)) == SENT

    def close(self) -> None:
        """Leave."""
        self._hub.close()
