"""A master that decides nothing: it welcomes everybody and, when it is told to, publishes one order to all accounts."""

from bench.rig.layout import SYMBOL
from bench.rig.market import MARKET_NS, PRICE_E8
from mesh import links
from mesh.codec import encode
from mesh.config import Config
from mesh.core import Core, Effect, Effects, Envelope, Send
from mesh.ids import oid_of
from mesh.messages.base import Msg
from mesh.messages.orders import (
    OPEN,
    Grant,
    GrantAsk,
    Heartbeat,
    LocalHello,
    LocalWelcome,
    MasterWelcome,
    Order,
    OrderBody,
    RouterHello,
    Target,
)
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.master.orderlog import TARGETS_MAX

EPOCH, LIFE = 1 << 40, 3
BEAT_NS = 250 * MS_NS


class Announcer(Core):
    """In the place of the master, for what routers alone do."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._config = config
        self._n = self._k = self._word = 0
        self._orders_left = 0
        self._apart_ns = 0
        self._order_ns = 1 << 62
        self._beat_ns = 0
        self.handlers = {RouterHello: self._on_router, LocalHello: self._on_local, GrantAsk: self._on_ask}

    def start(self, now_ns: int) -> Effects:
        """Heartbeats begin."""
        self.deadline_ns = self._beat_ns = now_ns
        return ()

    def announce(self, count: int, apart_ns: int, now_ns: int) -> None:
        """Publish ``count`` orders, so far apart, from the next deadline on."""
        self._orders_left, self._apart_ns, self._order_ns = count, apart_ns, now_ns
        self.deadline_ns = now_ns

    def on_deadline(self, now_ns: int) -> Effects:
        """An order, a heartbeat."""
        effects: list[Effect] = []
        if now_ns >= self._order_ns:
            effects += self._order(now_ns)
            self._orders_left -= 1
            self._order_ns = now_ns + self._apart_ns if self._orders_left else 1 << 62
        if now_ns >= self._beat_ns:
            self._beat_ns = now_ns + BEAT_NS
            effects.append(Send(links.ORDERS, 0, Heartbeat(EPOCH, LIFE, self._n, b"")))
        self.deadline_ns = min(self._beat_ns, self._order_ns)
        return effects

    def phase(self) -> str:
        """It waits for nobody."""
        return "READY"

    def _order(self, now_ns: int) -> list[Effect]:
        self._word += 1
        self._k += 1
        oid = oid_of("bench", "bench", "announcer", str(self._word), "hand", "open")
        deadline_ns = now_ns + 5 * SECOND_NS
        body = encode(OrderBody(str(self._word), "hand", "open", OPEN, 1, PRICE_E8, 0, 0, 20, deadline_ns, MARKET_NS, 1, 1, now_ns))
        accounts = list(self._config.account)
        effects: list[Effect] = []
        for first in range(0, len(accounts), TARGETS_MAX):
            self._n += 1
            targets = [Target(account, self._k, SYMBOL, E8 // 100) for account in accounts[first : first + TARGETS_MAX]]
            effects.append(Send(links.ORDERS, 0, Order(EPOCH, self._n, oid, targets), body))
        return effects

    def _on_router(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._to(envelope, MasterWelcome(EPOCH, LIFE, self._n, b""))

    def _on_local(self, envelope: Envelope, now_ns: int) -> Effects:
        hello = envelope.message
        assert isinstance(hello, LocalHello)
        return self._to(envelope, LocalWelcome(hello.account, EPOCH, 0, self._k, life=hello.life))

    def _on_ask(self, envelope: Envelope, now_ns: int) -> Effects:
        ask = envelope.message
        assert isinstance(ask, GrantAsk)
        return self._to(envelope, Grant(ask.account, ask.nonce, EPOCH, self._n, self._k, b"", now_ns, 0))

    def _to(self, envelope: Envelope, message: Msg) -> Effects:
        return (Send(links.REPLAY, envelope.peer, message),)
