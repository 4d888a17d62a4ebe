"""The router: hands the master's records to the locals and the locals' words to the master; decides nothing, keeps only stops.

Downwards: records with a dense ``n`` on the PUB, holes repaired on the replay link, each local its own target with the body
bytes untouched. Upwards: outcomes, states and deals as they come. Besides: grants asked for one by one, heartbeats that say
how old the master's last word is, and for frontends the last of everything (``nodes.snapshot``); operators are served by
``nodes.routercontrol``.
"""

from collections.abc import Callable

from mesh.config import Config
from mesh.core import Core, Durable, Effect, Effects, Envelope, Halt, LinkUp, Note, PeerLost, Send, Stop
from mesh.links import CONTROL, LOCALS, ORDERS, REPLAY, STATUS
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import Msg
from mesh.messages.control import (
    Command,
    CommandAnswer,
    Entry,
    KillSetAsk,
    KillSetPart,
    Latched,
    OperatorHello,
    Ping,
    Pong,
    Undo,
)
from mesh.messages.health import NodeHealth
from mesh.messages.orders import (
    GapFill,
    Grant,
    GrantAsk,
    Heartbeat,
    Listed,
    LocalHello,
    LocalWelcome,
    MasterWelcome,
    Order,
    OrderAck,
    Replay,
    ReplayAccount,
    RouterHeartbeat,
    RouterHello,
    StateAsk,
)
from mesh.messages.outcomes import DealReport, Outcome, OutcomeAck
from mesh.timers import Timers
from mesh.units import MS_NS
from nodes.commits import Commits
from nodes.envelopes import message_of
from nodes.localpeers import LocalPeer, LocalPeers
from nodes.recordstream import RecordStream
from nodes.routercontrol import RouterControl, raw_of
from nodes.snapshot import SLICE_NS, SNAPSHOT_NS, FrontView
from nodes.stops import STOP, Stops

BEAT, HELLO, HOLES, SNAPSHOT, SLICE = "beat", "hello", "holes", "snapshot", "slice"
MASTER_QUIET_NS = 500 * MS_NS
"""After so long without an answer on the replay link the master is asked for one."""
GRANTS_MAX = 4_096
NEVER_HEARD_NS = 3_600 * 1_000 * MS_NS
"""Age of a master that has not answered yet."""


class Router(Core):
    """One router of a mesh."""

    def __init__(self, name: str, config: Config, life: int) -> None:
        super().__init__()
        self._name = name
        self._config = config
        self._life = life
        timers = config.settings.timers
        self._heartbeat_ns = timers.heartbeat_ms * MS_NS
        self._repeat_ns = timers.repeat_ms * MS_NS
        self._timers: Timers[str] = Timers()
        self._commits = Commits()
        self._stops = Stops(name)
        self._peers = LocalPeers(config)
        self._front = FrontView(name, life, config, self._peers, self._stops.killset.raw_items)
        self._control = RouterControl(
            name, life, config, self._peers, self._front, self._stops, self._commits, self.counters
        )
        self._stream = RecordStream()
        self._is_welcomed = False
        self._orders_ns = self._replay_ns = -NEVER_HEARD_NS
        """When the master was last heard on each of its links."""
        self._asked_ns: dict[tuple[str, int], tuple[int, int]] = {}
        """(account, nonce) of a grant's question → (connection of the local, when we asked)."""
        self._account_asks: dict[tuple[str, int], None] = {}
        """(account, k) a local asked for by itself: the answer fills no hole of ours."""
        self.handlers = {
            Durable: lambda e, now_ns: tuple(self._commits.durable(message_of(e, Durable).token, now_ns)),
            LinkUp: self._on_link_up,
            PeerLost: self._on_lost,
            Stop: lambda e, now_ns: (Halt(0, "stopped: a router keeps nothing that is not on disk"),),
            Order: self._on_order,
            Heartbeat: self._on_heartbeat,
            MasterWelcome: self._on_welcome,
            GapFill: self._on_gap_fill,
            Grant: self._on_grant,
            LocalWelcome: self._to_local(LocalWelcome),
            OutcomeAck: self._to_local(OutcomeAck),
            StateAsk: self._on_state_ask,
            LocalHello: self._on_local,
            OrderAck: self._from_local(self._on_order_ack),
            GrantAsk: self._from_local(self._on_grant_ask),
            ReplayAccount: self._from_local(self._on_replay_account),
            Listed: self._from_local(lambda e, local, now_ns: [Send(REPLAY, 0, e.message)]),
            Latched: self._from_local(lambda e, local, now_ns: self._control.on_latched(e, now_ns)),
            CommandAnswer: self._from_local(lambda e, local, now_ns: self._control.on_answer(message_of(e, CommandAnswer))),
            Pong: self._from_local(lambda e, local, now_ns: self._control.on_pong(message_of(e, Pong))),
            AccountState: self._on_state,
            AccountSymbols: self._on_symbols,
            Outcome: self._on_outcome,
            DealReport: self._on_deal,
            NodeHealth: self._on_health,
            OperatorHello: lambda e, now_ns: tuple(self._control.on_hello(e)) if e.link == CONTROL else self._stranger(),
            Command: lambda e, now_ns: tuple(self._control.on_command(e)),
            Ping: lambda e, now_ns: tuple(self._control.on_ping(e)),
            Entry: self._on_stop_item,
            Undo: self._on_stop_item,
            KillSetAsk: self._on_kill_ask,
            KillSetPart: self._on_kill_part,
        }

    # what the shell asks

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message."""
        if envelope.link == REPLAY:
            self._replay_ns = now_ns
        elif envelope.link == ORDERS:
            self._orders_ns = now_ns
        effects = super().handle(envelope, now_ns)
        self.deadline_ns = self._timers.next_ns
        return effects

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Take the stops of the store."""
        for kind, _key, record in rows:
            if kind == STOP:
                self._stops.restore(record)
        return ()

    def start(self, now_ns: int) -> Effects:
        """Say hello to the master."""
        for word, period_ns in ((BEAT, self._heartbeat_ns), (HELLO, self._repeat_ns), (SNAPSHOT, SNAPSHOT_NS)):
            self._timers.set(word, now_ns + period_ns)
        self.deadline_ns = self._timers.next_ns
        return (self._hello(),)

    def on_deadline(self, now_ns: int) -> Effects:
        """Heartbeats, hellos, holes, snapshots."""
        effects: list[Effect] = []
        for word in self._timers.due(now_ns):
            effects += self._on_timer(word, now_ns)
        self.deadline_ns = self._timers.next_ns
        return tuple(effects)

    def _on_timer(self, word: str, now_ns: int) -> list[Effect]:
        if word == BEAT:
            self._timers.set(BEAT, now_ns + self._heartbeat_ns)
            beat = self._beat(now_ns)
            return [Send(LOCALS, local.peer, beat) for local in self._peers.all()]
        if word == HELLO:
            self._timers.set(HELLO, now_ns + self._repeat_ns)
            is_quiet = not self._is_welcomed or now_ns - self._replay_ns >= MASTER_QUIET_NS
            return [self._hello()] if is_quiet else []
        if word == HOLES:
            return self._ask_holes(now_ns)
        if word == SNAPSHOT:
            self._timers.set(SNAPSHOT, now_ns + SNAPSHOT_NS)
            self._front.begin(now_ns)
        effects = self._front.slice(now_ns)
        if self._front.is_publishing:
            self._timers.set(SLICE, now_ns + SLICE_NS)
        return effects

    def phase(self) -> str:
        """READY once the master has answered."""
        return "READY" if self._is_welcomed else "STARTING"

    def facts(self) -> dict[str, str]:
        """The epoch, and who is home here."""
        home = [local.hello.account for local in self._peers.all() if local.is_home]
        return {
            "e": str(self._stream.e),
            "n": str(self._stream.next_n - 1),
            "home": ", ".join(home)[:500],
            "connected": str(len(self._peers.all())),
            "stops": str(len(self._stops.killset.live())),
        }

    # the master

    def _hello(self) -> Send:
        return Send(REPLAY, 0, RouterHello(self._name, self._life, PROTOCOL_VERSION, self._config.fingerprint))

    def _beat(self, now_ns: int) -> RouterHeartbeat:
        age_ns = now_ns - min(self._orders_ns, self._replay_ns)
        digest = self._stops.killset.digest
        return RouterHeartbeat(self._name, self._life, self._stream.e, max(0, age_ns), digest)

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        return (self._hello(),) if envelope.link == REPLAY else ()

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        welcome = message_of(envelope, MasterWelcome)
        self._is_welcomed = True
        return tuple(self._at(welcome.e, welcome.n_last, welcome.kill_digest, now_ns))

    def _on_heartbeat(self, envelope: Envelope, now_ns: int) -> Effects:
        beat = message_of(envelope, Heartbeat)
        return tuple(self._at(beat.e, beat.n_last, beat.kill_digest, now_ns))

    def _at(self, e: int, n_last: int, kill_digest: bytes, now_ns: int) -> list[Effect]:
        """The master stands at ``n_last`` of epoch ``e`` and holds these stops."""
        stream = self._stream
        effects: list[Effect] = []
        if e < stream.e:
            return effects
        if e > stream.e:
            effects += self._begin(e, n_last + 1, now_ns)
        elif stream.expect(n_last):
            effects += self._ask_holes(now_ns)
        if kill_digest != self._stops.killset.digest:
            effects.append(self._control.ask_master())
        return effects

    def _begin(self, e: int, next_n: int, now_ns: int) -> list[Effect]:
        """Another epoch. A router that was there before it takes it from its first record; a new one from where it stands."""
        was_there = self._stream.e > 0
        self._stream.begin(e, 1 if was_there else next_n)
        self._asked_ns.clear()
        self._account_asks.clear()
        effects: list[Effect] = [Note("info", "epoch_seen", {"e": e, "next_n": next_n}), self._hello()]
        if was_there and self._stream.expect(next_n - 1):
            effects += self._ask_holes(now_ns)
        beat = self._beat(now_ns)
        return effects + [Send(LOCALS, local.peer, beat) for local in self._peers.all()]

    def _ask_holes(self, now_ns: int) -> list[Effect]:
        ranges, given_up_count = self._stream.ask()
        effects: list[Effect] = []
        if given_up_count:
            self.counters.add("passed_over_count", given_up_count)
            effects.append(Note("error", "records_passed_over", {"e": self._stream.e, "count": given_up_count}))
        if ranges:
            self.counters.add("gap_count")
            self._timers.set(HOLES, now_ns + self._repeat_ns)
        return effects + [Send(REPLAY, 0, Replay(self._stream.e, from_n, to_n)) for from_n, to_n in ranges]

    def _on_order(self, envelope: Envelope, now_ns: int) -> Effects:
        order = message_of(envelope, Order)
        if envelope.link not in (ORDERS, REPLAY) or len(envelope.frames) != 2:
            self.counters.add("bad_frame_count")
            return (Note("warning", "order_without_body", {"e": order.e, "n": order.n, "link": envelope.link}),)
        body = envelope.frames[1]
        effects: list[Effect] = []
        stream = self._stream
        if order.e != stream.e:
            if order.e < stream.e:
                return ()
            effects += self._begin(order.e, order.n, now_ns)
        if envelope.link == REPLAY and len(order.targets) == 1 and self._account_asks:
            target = order.targets[0]
            if self._account_asks.pop((target.account, target.k), 1) is None:
                return (*effects, *self._hand_on(order, body, now_ns))
        if not stream.take(order.n):
            self.counters.add("duplicate_order_count")
            return tuple(effects)
        effects += self._hand_on(order, body, now_ns)
        if not stream.is_whole and not self._timers.is_set(HOLES):
            effects += self._ask_holes(now_ns)
        return tuple(effects)

    def _hand_on(self, order: Order, body: bytes, now_ns: int) -> list[Effect]:
        """Each local that is home here gets its own target."""
        effects: list[Effect] = []
        peers = self._peers
        for target in order.targets:
            local = peers.home_of(target.account)
            if local is not None:
                self.counters.add("order_count")
                effects += peers.forward(local, order, target, body, now_ns)
        return effects

    def _on_gap_fill(self, envelope: Envelope, now_ns: int) -> Effects:
        fill = message_of(envelope, GapFill)
        if envelope.link != REPLAY:
            return self._stranger()
        if fill.e == self._stream.e and fill.to_n:
            self._stream.fill(fill.from_n, fill.to_n)
        by_account: dict[str, list[Msg]] = {}
        effects: list[Effect] = []
        for row in fill.expired:
            self._account_asks.pop((row.account, row.k), None)
            by_account.setdefault(row.account, []).append(row)
        for account in by_account:
            local = self._peers.home_of(account)
            rows = [row for row in fill.expired if row.account == account]
            if local is not None:
                effects.append(Send(LOCALS, local.peer, GapFill(fill.e, rows)))
        return tuple(effects)

    def _on_grant(self, envelope: Envelope, now_ns: int) -> Effects:
        grant = message_of(envelope, Grant)
        asked = self._asked_ns.pop((grant.account, grant.nonce), None)
        if envelope.link != REPLAY or asked is None:
            return self._stranger()
        peer, asked_ns = asked
        relayed = Grant(
            grant.account,
            grant.nonce,
            grant.e,
            grant.n_last,
            grant.k_last,
            grant.kill_digest,
            grant.clock_ns,
            max(0, now_ns - asked_ns),
            grant.refused,
        )
        effects = self._at(grant.e, grant.n_last, grant.kill_digest, now_ns)
        return (Send(LOCALS, peer, relayed), *effects)

    def _to_local(self, kind: type[LocalWelcome] | type[OutcomeAck]) -> Callable[[Envelope, int], Effects]:
        """A handler that hands a word of the master to the local it is for."""

        def handler(envelope: Envelope, now_ns: int) -> Effects:
            message = message_of(envelope, kind)
            local = self._peers.home_of(message.account)
            if envelope.link != REPLAY:
                return self._stranger()
            return () if local is None else (Send(LOCALS, local.peer, message),)

        return handler

    def _on_state_ask(self, envelope: Envelope, now_ns: int) -> Effects:
        ask = message_of(envelope, StateAsk)
        if envelope.link != REPLAY:
            return self._stranger()
        accounts = ask.accounts
        return tuple(
            self._peers.each(accounts, lambda local: Send(LOCALS, local.peer, StateAsk(ask.block, [local.hello.account])))
        )

    # locals

    def _from_local(
        self, handler: Callable[[Envelope, LocalPeer, int], list[Effect]]
    ) -> Callable[[Envelope, int], Effects]:
        """A handler for messages of locals that have said hello."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            local = self._peers.of_peer(envelope.peer) if envelope.link == LOCALS else None
            account = getattr(envelope.message, "account", None)
            if local is None or account != local.hello.account:
                return self._stranger()
            self._peers.liveness[local.hello.account].heard(now_ns)
            return tuple(handler(envelope, local, now_ns))

        return guarded

    def _stranger(self) -> Effects:
        self.counters.add("stranger_count")
        return ()

    def _on_local(self, envelope: Envelope, now_ns: int) -> Effects:
        hello = message_of(envelope, LocalHello)
        if envelope.link != LOCALS:
            return self._stranger()
        was_home = self._peers.is_home(hello.account)
        refused = self._peers.accept(envelope.peer, hello)
        if refused:
            self.counters.add("stranger_count")
            return (Note("error", "local_refused", {"account": hello.account, "node": hello.node, "why": refused}),)
        self._peers.liveness[hello.account].heard(now_ns)
        effects: list[Effect] = [Send(LOCALS, envelope.peer, self._beat(now_ns))]
        if hello.home:
            effects.append(Send(REPLAY, 0, hello))
        if hello.config_hash != self._config.fingerprint:
            effects.append(Note("warning", "config_differs", {"account": hello.account, "theirs": hello.config_hash}))
        if was_home != hello.home:
            effects.append(self._front.seen_event(hello.account, now_ns))
        return tuple(effects)

    def _on_lost(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == CONTROL:
            self._control.lost(envelope.peer)
        elif envelope.link == LOCALS:
            local = self._peers.of_peer(envelope.peer)
            self._peers.lost(envelope.peer)
            if local is not None:
                return (self._front.seen_event(local.hello.account, now_ns),)
        return ()

    def _on_order_ack(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        return self._peers.on_ack(local, message_of(envelope, OrderAck), now_ns) if local.is_home else []

    def _on_grant_ask(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        ask = message_of(envelope, GrantAsk)
        if not local.is_home:
            return []
        self._asked_ns[(ask.account, ask.nonce)] = (local.peer, now_ns)
        if len(self._asked_ns) > GRANTS_MAX:
            del self._asked_ns[next(iter(self._asked_ns))]
        return [Send(REPLAY, 0, GrantAsk(ask.account, ask.life, ask.store_id, ask.nonce, now_ns))]

    def _on_replay_account(self, envelope: Envelope, local: LocalPeer, now_ns: int) -> list[Effect]:
        ask = message_of(envelope, ReplayAccount)
        if not local.is_home or ask.e != self._stream.e:
            return []
        for k in range(ask.from_k, min(ask.to_k, ask.from_k + GRANTS_MAX) + 1):
            self._account_asks[(ask.account, k)] = None
        while len(self._account_asks) > GRANTS_MAX:
            del self._account_asks[next(iter(self._account_asks))]
        return [Send(REPLAY, 0, ask)]

    def _of_status(self, envelope: Envelope, account: str, now_ns: int) -> bool:
        """Whether a word of a local came on the link for such words; its local lives."""
        if envelope.link != STATUS or account not in self._config.account:
            self.counters.add("stranger_count")
            return False
        self._peers.liveness[account].heard(now_ns)
        return True

    def _on_state(self, envelope: Envelope, now_ns: int) -> Effects:
        state = message_of(envelope, AccountState)
        if not self._of_status(envelope, state.account, now_ns) or not self._front.state(envelope, state, now_ns):
            return ()
        self.counters.add("state_count")
        return (Send(REPLAY, 0, state),)

    def _on_symbols(self, envelope: Envelope, now_ns: int) -> Effects:
        symbols = message_of(envelope, AccountSymbols)
        if not self._of_status(envelope, symbols.account, now_ns):
            return ()
        self._front.symbols(envelope, symbols, now_ns)
        return (Send(REPLAY, 0, symbols),)

    def _on_outcome(self, envelope: Envelope, now_ns: int) -> Effects:
        outcome = message_of(envelope, Outcome)
        if not self._of_status(envelope, outcome.account, now_ns):
            return ()
        self.counters.add("outcome_count")
        return (Send(REPLAY, 0, outcome), *self._front.outcome(envelope, outcome, now_ns))

    def _on_deal(self, envelope: Envelope, now_ns: int) -> Effects:
        deal = message_of(envelope, DealReport)
        if not self._of_status(envelope, deal.account, now_ns):
            return ()
        return (Send(REPLAY, 0, deal), *self._front.deal(envelope, deal, now_ns))

    def _on_health(self, envelope: Envelope, now_ns: int) -> Effects:
        is_known = self._front.health(envelope, message_of(envelope, NodeHealth), now_ns)
        return () if is_known else self._stranger()

    # stops

    def _is_trusted(self, envelope: Envelope) -> bool:
        """Whether stops may come from there: an operator who said hello, or the master."""
        return envelope.link == REPLAY or self._control.is_operator(envelope)

    def _on_stop_item(self, envelope: Envelope, now_ns: int) -> Effects:
        return tuple(self._control.take([raw_of(envelope)])) if self._is_trusted(envelope) else ()

    def _on_kill_part(self, envelope: Envelope, now_ns: int) -> Effects:
        part = message_of(envelope, KillSetPart)
        is_local = envelope.link == LOCALS and self._peers.of_peer(envelope.peer) is not None
        if not part.items or not (is_local or self._is_trusted(envelope)):
            return ()
        return tuple(self._control.take(part.items))

    def _on_kill_ask(self, envelope: Envelope, now_ns: int) -> Effects:
        is_local = envelope.link == LOCALS and self._peers.of_peer(envelope.peer) is not None
        return tuple(self._control.on_ask(envelope)) if is_local or self._is_trusted(envelope) else ()
