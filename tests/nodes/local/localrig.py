"""Routers and locals in virtual time, with a fake master that says what it is told to and a fake venue that executes."""

from collections.abc import Callable

from mesh import links
from mesh.codec import encode
from mesh.config import Config, parse
from mesh.core import Commit, Core, Effect, Effects, Envelope, Send
from mesh.drawnkeys import DrawnKeys
from mesh.ids import oid_of
from mesh.killset import KillSet
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import NO_OID, Msg
from mesh.messages.control import KillSetAsk, KillSetPart, Undo
from mesh.messages.orders import (
    Grant,
    GrantAsk,
    Heartbeat,
    Listed,
    LocalHello,
    LocalWelcome,
    MasterWelcome,
    Order,
    OrderBody,
    Replay,
    ReplayAccount,
    RouterHello,
    StateAsk,
    Target,
)
from mesh.messages.outcomes import DealReport, Outcome, OutcomeAck
from mesh.simnet import Place, SimNet
from mesh.units import E8, MS_NS
from nodes.local.core import Local
from nodes.router.core import Router
from tests.nodes.local.fakevenue import MARKET_NS, POINT_E8, PRICE_E8, FakeVenue
from tests.smallmesh import small_mesh

HEAD = """
[market]
symbols = ["EURUSD"]
[rails]
{rails}
[strategy.swing]
kind = "reversion"
{manage}
"""
NODE_OF = {"one": "local-1", "two": "local-2"}


def make_config(manage: str = "", account: str = "", rails: str = 'duplicate_window_ms = "off"') -> Config:
    """Two accounts, two routers; ``manage`` goes into the strategy, ``account`` into the first account."""
    head = HEAD.format(manage=manage, rails=rails)
    return parse(small_mesh(head, {"one": account, "two": ""}, routers_count=2, local='routers = ["router-1", "router-2"]'))


class FakeMaster(Core):
    """Publishes what a test says, grants, acks and remembers what comes back."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch
        self.n = 0
        self.k = {"one": 0, "two": 0}
        self.grants = self.acks = self.answers = True
        self.f = {"one": 0, "two": 0}
        self.log: list[tuple[Order, bytes]] = []
        self.outcomes: list[Outcome] = []
        self.states: list[AccountState] = []
        self.listed: list[Listed] = []
        self.hellos: list[LocalHello] = []
        self.symbols: list[AccountSymbols] = []
        self.deals: list[DealReport] = []
        self.peers: dict[int, str] = {}
        self.lives: dict[str, int] = {}
        """Of each account, the life that said hello last."""
        self.killset = KillSet()
        self.replays: list[Msg] = []
        handled = (
            RouterHello, LocalHello, GrantAsk, Outcome, AccountState, AccountSymbols, DealReport, Listed, Replay, ReplayAccount,
            KillSetAsk, KillSetPart,
        )  # fmt: skip
        self.handlers = dict.fromkeys(handled, self._on)

    def _on(self, envelope: Envelope, now_ns: int) -> Effects:
        return tuple(self._answer(envelope.message, envelope.peer, now_ns)) if self.answers else ()

    def _answer(self, message: Msg, peer: int, now_ns: int) -> list[Effect]:
        if isinstance(message, RouterHello):
            self.peers[peer] = message.router
            return [self._to(peer, MasterWelcome(self.epoch, 1, self.n, self.killset.digest))]
        if isinstance(message, LocalHello):
            self.hellos.append(message)
            account = message.account
            self.lives[account] = message.life
            return [self._to(peer, LocalWelcome(account, self.epoch, self.f[account], self.k[account], life=message.life))]
        if isinstance(message, GrantAsk):
            k = self.k[message.account]
            grant = Grant(message.account, message.nonce, self.epoch, self.n, k, self.killset.digest, now_ns, 0)
            return [self._to(peer, grant)] if self.grants else []
        if isinstance(message, Outcome):
            return self._on_outcome(message, peer)
        if isinstance(message, Replay):
            self.replays.append(message)
            return [self._to(peer, o, body) for o, body in self.log if message.from_n <= o.n <= message.to_n]
        if isinstance(message, ReplayAccount):
            self.replays.append(message)
            return self._replay(message, peer)
        if isinstance(message, KillSetAsk):
            lacks = self.killset.lacks_of(message.known)
            asks = [self._to(peer, KillSetAsk(self.killset.known()))] if lacks else []
            return [self._to(peer, KillSetPart(self.killset.missing(message.known))), *asks]
        if isinstance(message, KillSetPart):
            for raw in message.items:
                self.killset.add_untrusted(raw)
        for kind, kept in ((AccountState, self.states), (Listed, self.listed), (AccountSymbols, self.symbols), (DealReport, self.deals)):
            if isinstance(message, kind):
                kept.append(message)  # type: ignore[attr-defined]
        return []

    def _on_outcome(self, outcome: Outcome, peer: int) -> list[Effect]:
        if outcome.f == self.f[outcome.account] + 1:
            self.f[outcome.account] = outcome.f
            self.outcomes.append(outcome)
        return [self._to(peer, OutcomeAck(outcome.account, self.f[outcome.account], self.lives[outcome.account]))] if self.acks else []

    def _replay(self, ask: ReplayAccount, peer: int) -> list[Effect]:
        found: list[Effect] = []
        for order, body in self.log:
            for target in order.targets:
                if target.account == ask.account and ask.from_k <= target.k <= ask.to_k:
                    found.append(self._to(peer, Order(order.e, order.n, order.oid, [target]), body))
        return found

    def _to(self, peer: int, message: Msg, body: bytes = b"") -> Send:
        return Send(links.REPLAY, peer, message, body)

    def order(self, oid: bytes, accounts: list[str], body: OrderBody, volume_e8: int, ref: bytes = NO_OID) -> Send:
        """Number a record and remember it; sending it is the test's."""
        self.n += 1
        targets = []
        for account in accounts:
            self.k[account] += 1
            targets.append(Target(account, self.k[account], "EURUSD", volume_e8, ref))
        order = Order(self.epoch, self.n, oid, targets)
        raw = encode(body)
        self.log.append((order, raw))
        return Send(links.ORDERS, 0, order, raw)

    def codes(self, account: str = "one") -> list[str]:
        """Codes of the final outcomes of an account, in order."""
        return [outcome.code for outcome in self.outcomes if outcome.account == account and outcome.final]


class Boundary:
    """Crash a node at its ``number``-th commit: before it is on disk, or after."""

    def __init__(self, node: str, number: int, kept: bool) -> None:
        self.node = node
        self.number = number
        self.kept = kept
        self.is_over = False


class Net(SimNet):
    """The virtual mesh, counting commits and able to crash a node at one of them."""

    def __init__(self, config: Config, seed: int = 1) -> None:
        super().__init__(config, seed)
        self.commits: dict[str, int] = {}
        self.boundary: Boundary | None = None

    def _one(self, place: Place, effect: Effect) -> None:
        boundary = self.boundary
        if isinstance(effect, Commit) and place.core is not None:
            number = self.commits[place.name] = self.commits.get(place.name, 0) + 1
            if boundary is not None and not boundary.is_over and (place.name, number) == (boundary.node, boundary.number):
                boundary.is_over = True
                if boundary.kept:
                    place.disk.ask(effect, self.now_ns)
                    place.disk.write()
                self.crash(place.name)
                return
        if place.core is None:
            return  # what comes after the crash is never done
        super()._one(place, effect)


class Rig:
    """Two routers, two locals, a fake master, fake venues."""

    def __init__(self, config: Config | None = None, epoch: int = 10) -> None:
        self.config = config or make_config()
        self.keys = DrawnKeys(self.config)
        self.net = Net(self.config)
        self.venues = {account: FakeVenue(account) for account in NODE_OF}
        for account, node in NODE_OF.items():
            self.net.attachments[node] = self.venues[account]
        self.master = FakeMaster(epoch)
        self.net.add("master-1", lambda life: self.master)
        for name in ("router-1", "router-2"):
            self.net.add(name, lambda life, name=name: Router(name, self.config, life + 100, self.keys.of(name)))
        for name in NODE_OF.values():
            self.net.add(name, lambda life, name=name: Local(
                name, self.config, life + 1_000, name.encode().ljust(16), MARKET_NS, self.keys.of(name)
            ))
        self._beating = True
        self._beat_at_ns = 0

    @property
    def venue(self) -> FakeVenue:
        """That of account one."""
        return self.venues["one"]

    def local(self, account: str = "one") -> Local:
        """The local's core now."""
        core = self.net.places[NODE_OF[account]].core
        assert isinstance(core, Local)
        return core

    def run(self, ms: int, done: Callable[[], bool] = lambda: False) -> bool:
        """Let virtual time pass; the master beats each 250 ms."""
        end_ns = self.net.now_ns + ms * MS_NS
        while self.net.now_ns < end_ns:
            if self.master.answers:
                beat = Heartbeat(self.master.epoch, 1, self.master.n, self.master.killset.digest)
                self.send("master-1", Send(links.ORDERS, 0, beat))
            if self.net.run(min(end_ns, self.net.now_ns + 250 * MS_NS), done):
                return True
        return done()

    def until(self, done: Callable[[], bool], ms: int = 10_000) -> None:
        """Run until something is so; fails where it does not come."""
        assert self.run(ms, done), "it did not come about"

    def ready(self) -> "Rig":
        """Run until both locals trade."""
        self.until(lambda: all(self.local(account).phase() == "READY" for account in NODE_OF))
        self.run(50)
        return self

    def ready_or_crashed(self) -> None:
        """Run until both trade, or the first was crashed on the way there."""
        self.until(
            lambda: (
                self.net.places["local-1"].core is None
                or all(self.local(account).phase() == "READY" for account in NODE_OF)
            )
        )
        self.run(50)

    def send(self, node: str, *effects: Effect) -> None:
        """Have a node do these effects."""
        self.net._do(self.net.places[node], effects)

    def body(self, action: str = "OPEN", side: int = 1, leg: str = "", deadline_ms: int = 5_000) -> OrderBody:
        """A body as the master makes them."""
        leg = leg or action.lower()
        deadline_ns = self.net.now_ns + deadline_ms * MS_NS if action == "OPEN" else 0
        sl_e8 = 200 * POINT_E8 if action == "OPEN" else 0
        return OrderBody("sid-1", "swing", leg, action, side, PRICE_E8, sl_e8, 0, 20, deadline_ns, MARKET_NS, 1, 2, 3)

    def open(self, word: str = "a", accounts: tuple[str, ...] = ("one",), volume_e8: int = E8 // 10, publish: bool = True) -> bytes:
        """Publish an open; its oid."""
        oid = oid_of("demo", "run", "source", word, "swing", "open")
        send = self.master.order(oid, list(accounts), self.body(), volume_e8)
        if publish:
            self.send("master-1", send)
        return oid

    def close(self, ref: bytes, word: str = "a", left_e8: int = 0, accounts: tuple[str, ...] = ("one",)) -> bytes:
        """Publish a close of an opening; its oid."""
        oid = oid_of("demo", "run", "source", word, "swing", "close")
        self.send("master-1", self.master.order(oid, list(accounts), self.body("CLOSE", -1), left_e8, ref))
        return oid

    def undo_all(self, reason: str = "go on") -> None:
        """An operator ends every stop there is."""
        live = [key for key, _ in self.local()._state.ladder.stops.killset.live()]
        part = KillSetPart([self.keys.signer("operator").sign(Undo("operator", self.net.now_ns, 1, live, reason))])
        for index in (0, 1):
            self.net.deliver("local-1", self.net.now_ns, Envelope(f"locals.{index}", 0, part, (encode(part),)))
        self.run(1_500)

    def ask_state(self, block: int, account: str = "one") -> None:
        """Ask for the state after a block, through every router."""
        self.send("master-1", *(Send(links.REPLAY, peer, StateAsk(block, [account])) for peer in self.master.peers))
