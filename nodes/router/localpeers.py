"""The locals a router serves: which connection is which account, who is home here, how much each may be sent.

Credit is absolute: a local says up to which ``k`` it has settled and how many more it takes. What is beyond waits in a bounded
queue; what finds no room there the local asks for itself. A close takes no credit.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from mesh.config import Config
from mesh.core import Effect, FanOut, Send
from mesh.hello import version_refusal
from mesh.links import LOCALS
from mesh.liveness import Liveness
from mesh.messages.base import NO_OID
from mesh.messages.orders import LocalHello, Order, OrderAck, Target
from mesh.stages import FORWARD, StageMeter
from mesh.units import MS_NS

QUEUE_MAX = 256
"""Orders kept for a local without credit."""


class LocalPeer:
    """One connected local."""

    __slots__ = ("hello", "limit_k", "peer", "queue")

    def __init__(self, peer: int, hello: LocalHello) -> None:
        self.peer = peer
        self.hello = hello
        self.limit_k = 0
        """Opens up to this number may be sent."""
        self.queue: deque[tuple[Order, bytes]] = deque()

    @property
    def is_home(self) -> bool:
        """Whether it takes its orders from this router."""
        return self.hello.home

    def keep(self, part: Order, body: bytes) -> None:
        """Keep its part of a record until there is credit; what is kept already, or finds no room, is not kept."""
        key = (part.e, part.targets[0].k)
        if len(self.queue) < QUEUE_MAX and all((kept.e, kept.targets[0].k) != key for kept, _ in self.queue):
            self.queue.append((part, body))


class LocalPeers:
    """All locals, by connection and by account; the newest hello of an account counts. ``meter``: how long orders wait for credit."""

    def __init__(self, name: str, config: Config, meter: StageMeter) -> None:
        self._meter = meter
        locals_of = {account: config.local_of(account) for account in config.account}
        self._nodes = {account: node for account, node in locals_of.items() if name in config.routers_of(node)}
        """The accounts whose locals know this router …"""
        self._movable = {account for account, node in self._nodes.items() if len(config.routers_of(node)) > 1}
        """… and another one."""
        self._by_peer: dict[int, LocalPeer] = {}
        self._by_account: dict[str, LocalPeer] = {}
        interval_ns = config.settings.timers.state_ms * MS_NS
        self.liveness = {account: Liveness(interval_ns) for account in self._nodes}
        self.forwarded_count = 0
        """Orders handed on in the pass in which they came, not in the meter yet."""

    def accept(self, peer: int, hello: LocalHello) -> str:
        """Take a hello; why not, where it is not taken."""
        if why := version_refusal(hello.version):
            return why
        if self._nodes.get(hello.account) != hello.node:
            return f"account={hello.account} node={hello.node}: no local of this router"
        before = self._by_account.get(hello.account)
        if before is not None and before.peer != peer:
            self._by_peer.pop(before.peer, None)
        known = self._by_peer.get(peer)
        if known is not None and known.hello.life == hello.life and known.hello.account == hello.account:
            known.hello = hello
            if not hello.home:
                known.queue.clear()
            return ""
        found = LocalPeer(peer, hello)
        self._by_peer[peer] = self._by_account[hello.account] = found
        return ""

    def lost(self, peer: int) -> None:
        """A connection is gone."""
        found = self._by_peer.pop(peer, None)
        if found is not None and self._by_account.get(found.hello.account) is found:
            del self._by_account[found.hello.account]

    def of_peer(self, peer: int) -> LocalPeer | None:
        """Who speaks on a connection; None before its hello."""
        return self._by_peer.get(peer)

    def home_of(self, account: str) -> LocalPeer | None:
        """The local of an account, if it is home here."""
        found = self._by_account.get(account)
        return found if found is not None and found.is_home else None

    def all(self) -> list[LocalPeer]:
        """Every local that said hello here, in the order of their first hellos."""
        return list(self._by_account.values())

    def staying(self) -> list[str]:
        """Accounts that are home here, and could be home elsewhere."""
        return [account for account, local in self._by_account.items() if local.is_home and account in self._movable]

    def is_home(self, account: str) -> bool:
        """Whether an account takes its orders from here."""
        return self.home_of(account) is not None

    def forward(self, order: Order, body: bytes, now_ns: int) -> FanOut:
        """Hand each local that is home here its own target of a record; one without credit has it kept until there is."""
        peers: list[int] = []
        targets: list[Target] = []
        for target in order.targets:
            local = self._by_account.get(target.account)
            if local is None or not local.hello.home:
                continue
            if target.k <= local.limit_k or target.ref_oid != NO_OID or target.ref_ticket:
                peers.append(local.peer)
                targets.append(target)
            else:
                local.keep(Order(order.e, order.n, order.oid, [target], now_ns), body)
        self.forwarded_count += len(peers)
        return FanOut(LOCALS, peers, Order(order.e, order.n, order.oid, targets, now_ns), body)

    def on_ack(self, local: LocalPeer, ack: OrderAck, now_ns: int) -> list[Effect]:
        """New credit: what waited goes out."""
        local.limit_k = ack.k + ack.room_count
        effects: list[Effect] = []
        while local.queue and (local.queue[0][0].e < ack.e or local.queue[0][0].targets[0].k <= local.limit_k):
            part, body = local.queue.popleft()
            if part.e >= ack.e and part.targets[0].k > ack.k:
                self._meter.record(FORWARD, now_ns - part.stamp_router_ns)
                effects.append(Send(LOCALS, local.peer, msgspec.structs.replace(part, stamp_router_ns=now_ns), body))
        return effects

    def each(self, accounts: list[str], send: Callable[[LocalPeer], Effect]) -> list[Effect]:
        """One message to each of these accounts' locals that are home here."""
        return [send(local) for local in (self.home_of(account) for account in accounts) if local is not None]
