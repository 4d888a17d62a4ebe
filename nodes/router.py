"""The router: fans orders out, collects what locals say, relays what operators want. It decides nothing.

It keeps nothing on disk but the kill set, which it learns before it relays a grant. Whatever it cannot read it passes over,
counted; it stops nobody.
"""

from collections.abc import Callable

from mesh.codec import encode
from mesh.config import Config
from mesh.core import Core, Durable, Effect, Effects, Envelope, Halt, LinkDown, LinkUp, Note, PeerLost, Put, Send, Stop
from mesh.links import CONTROL, LOCALS, ORDERS, REPLAY, STATUS
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import Msg
from mesh.messages.control import (
    Command,
    CommandAnswer,
    ControlWelcome,
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
    ReplayAccount,
    RouterHeartbeat,
    RouterHello,
    StateAsk,
)
from mesh.messages.outcomes import DealReport, Outcome, OutcomeAck
from mesh.timers import Timers
from mesh.units import MS_NS, SECOND_NS
from nodes.commits import Commits
from nodes.envelopes import message_of
from nodes.orderfan import OrderFan, Stream
from nodes.board import Board
from nodes.stops import KNOWN_MAX, STOP, Stops

BEAT, HELLO, GAP, SHOW = "beat", "hello", "gap", "show"
SHOW_NS = SECOND_NS
HELLO_NS = 500 * MS_NS
"""Without an answer of the master for this long the router says hello again, and so learns how old the last one is."""
ASKED_MAX = 4_096
"""Questions under way that are remembered for their answers."""

Handler = Callable[[Envelope, int], list[Effect]]


class Client:
    """A local's connection here."""

    __slots__ = ("account", "home", "life", "peer")

    def __init__(self, hello: LocalHello, peer: int) -> None:
        self.account = hello.account
        self.life = hello.life
        self.home = hello.home
        self.peer = peer


class Router(Core):
    """One router."""

    def __init__(self, name: str, config: Config, life: int) -> None:
        super().__init__()
        self._name = name
        self._config = config
        self._life = life
        self._timer_section = config.settings.timers
        self._timers: Timers[str] = Timers()
        self._commits = Commits()
        self._stops = Stops(name)
        self._fan = OrderFan()
        self._board = Board(name, config, life)
        self._clients: dict[int, Client] = {}
        self._by_account: dict[str, Client] = {}
        self._operators: dict[int, str] = {}
        self._master_ns = -(1 << 62)
        """When the master last answered."""
        self._master_e = 0
        self._asked: dict[tuple[str, int], int] = {}
        """(account, nonce) → when its grant was asked for."""
        self._commanders: dict[bytes, int] = {}
        """Command → the operator's connection."""
        self._pings: dict[int, int] = {}
        self.handlers = {kind: self._gate(link, handler) for kind, (link, handler) in self._table().items()}
        self.handlers |= {
            Order: self._on_order,
            Durable: self._on_durable,
            LinkUp: self._on_link_up,
            LinkDown: lambda envelope, now_ns: (),
            PeerLost: self._on_peer_lost,
            Stop: lambda envelope, now_ns: (Halt(0, "stopped"),),
            Entry: self._on_stop_item,
            Undo: self._on_stop_item,
            KillSetAsk: lambda envelope, now_ns: tuple(self._stops.on_ask(envelope)),
            KillSetPart: self._on_kill_part,
        }

    def _table(self) -> dict[type[Msg], tuple[str, Handler]]:
        """Each message with the one link it may come from."""
        return {
            Heartbeat: (ORDERS, self._on_heartbeat),
            MasterWelcome: (REPLAY, self._on_master_welcome),
            GapFill: (REPLAY, self._on_gap_fill),
            LocalWelcome: (REPLAY, self._to_account),
            Grant: (REPLAY, self._on_grant),
            OutcomeAck: (REPLAY, self._to_account),
            StateAsk: (REPLAY, self._on_state_ask),
            LocalHello: (LOCALS, self._on_hello),
            GrantAsk: (LOCALS, self._on_grant_ask),
            OrderAck: (LOCALS, self._on_order_ack),
            ReplayAccount: (LOCALS, self._to_master),
            Listed: (LOCALS, self._to_master),
            Latched: (LOCALS, self._on_latched),
            CommandAnswer: (LOCALS, self._on_answer),
            Pong: (LOCALS, self._on_pong),
            AccountState: (STATUS, self._on_state),
            AccountSymbols: (STATUS, self._on_symbols),
            Outcome: (STATUS, self._on_outcome),
            DealReport: (STATUS, self._on_deal),
            NodeHealth: (STATUS, self._on_health),
            OperatorHello: (CONTROL, self._on_operator),
            Command: (CONTROL, self._on_command),
            Ping: (CONTROL, self._on_ping),
        }

    def _gate(self, link: str, handler: Handler) -> Callable[[Envelope, int], Effects]:
        """Take a message only from its link, and at LOCALS and CONTROL only after the sender's hello."""

        def gated(envelope: Envelope, now_ns: int) -> Effects:
            is_hello = isinstance(envelope.message, LocalHello | OperatorHello)
            known = (
                envelope.peer in self._clients
                if link == LOCALS
                else envelope.peer in self._operators
                if link == CONTROL
                else True
            )
            if envelope.link != link or not (known or is_hello):
                self.counters.add("stranger_count")
                return ()
            return tuple(handler(envelope, now_ns))

        return gated

    # what the shell asks

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """The kill set is all there is."""
        for kind, _key, record in rows:
            if kind == STOP:
                self._stops.restore(record)
        return ()

    def start(self, now_ns: int) -> Effects:
        """Say hello to the master, begin to beat and to show."""
        for word in (BEAT, SHOW):
            self._timers.set(word, now_ns)
        self._timers.set(HELLO, now_ns + HELLO_NS)
        self.deadline_ns = self._timers.next_ns
        return (self._hello(),)

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message."""
        effects = super().handle(envelope, now_ns)
        self.deadline_ns = self._timers.next_ns
        return effects

    def on_deadline(self, now_ns: int) -> Effects:
        """Beats, hellos, gaps, snapshots."""
        effects: list[Effect] = []
        for word in self._timers.due(now_ns):
            effects += self._on_timer(word, now_ns)
        self.deadline_ns = self._timers.next_ns
        return tuple(effects)

    def phase(self) -> str:
        """READY once the master was heard."""
        return "READY" if self._master_e else "STARTING"

    def facts(self) -> dict[str, str]:
        """Where the sequence stands and who is home here."""
        homed = [account for account, client in self._by_account.items() if client.home]
        return {
            "epoch": str(self._fan.e),
            "next_n": str(self._fan.next_n),
            "missing": str(self._fan.gap_count),
            "home_of": ", ".join(homed)[:200],
            "stops": str(len(self._stops.killset.live())),
        }

    def _on_timer(self, word: str, now_ns: int) -> list[Effect]:
        if word == BEAT:
            self._timers.set(BEAT, now_ns + self._timer_section.heartbeat_ms * MS_NS)
            beat = self._beat(now_ns)
            return [Send(LOCALS, peer, beat) for peer in self._clients]
        if word == HELLO:
            self._timers.set(HELLO, now_ns + HELLO_NS)
            return [self._hello()] if now_ns - self._master_ns >= HELLO_NS else []
        if word == GAP:
            return self._ask_gap(now_ns)
        self._timers.set(SHOW, now_ns + SHOW_NS)
        homed = {account: client.peer for account, client in self._by_account.items() if client.home}
        return list(self._board.publish(homed, self._stops.killset.raw_items(), now_ns))

    def _beat(self, now_ns: int) -> RouterHeartbeat:
        age_ns = min(now_ns - self._master_ns, 1 << 62)
        return RouterHeartbeat(self._name, self._life, self._fan.e, age_ns, self._stops.killset.digest)

    def _hello(self) -> Send:
        return Send(REPLAY, 0, RouterHello(self._name, self._life, PROTOCOL_VERSION, self._config.fingerprint))

    # the master

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        return (self._hello(),) if envelope.link == REPLAY else ()

    def _answered(self, now_ns: int) -> None:
        self._master_ns = now_ns

    def _on_master_welcome(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        message = message_of(envelope, MasterWelcome)
        self._answered(now_ns)
        return self._stands(message.e, message.n_last, message.kill_digest, now_ns)

    def _on_heartbeat(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        message = message_of(envelope, Heartbeat)
        return self._stands(message.e, message.n_last, message.kill_digest, now_ns)

    def _stands(self, e: int, n_last: int, kill_digest: bytes, now_ns: int) -> list[Effect]:
        """The master is at ``n_last`` of ``e``, with that kill set."""
        effects: list[Effect] = []
        if e > self._master_e:
            effects += [Note("info", "epoch_seen", {"e": e, "n_last": n_last}), self._hello()]
            # The new master knows no local: their hellos go to it again when they see the epoch in our beat.
            effects += [Send(LOCALS, peer, self._beat(now_ns)) for peer in self._clients]
            self._master_e = e
        missing_count = self._fan.begin(e, n_last)
        if missing_count:
            effects += self._missing(missing_count, now_ns)
        if kill_digest != self._stops.killset.digest:
            effects.append(Send(REPLAY, 0, KillSetAsk(self._stops.killset.known()[:KNOWN_MAX])))
        return effects

    def _missing(self, count: int, now_ns: int) -> list[Effect]:
        self.counters.add("gap_count")
        return [Note("warning", "gap_seen", {"e": self._fan.e, "missing": count}), *self._ask_gap(now_ns)]

    def _ask_gap(self, now_ns: int) -> list[Effect]:
        ask = self._fan.ask()
        if ask is None:
            self._timers.cancel(GAP)
            return []
        self._timers.set(GAP, now_ns + self._timer_section.repeat_ms * MS_NS)
        return [Send(REPLAY, 0, ask)]

    def _on_order(self, envelope: Envelope, now_ns: int) -> Effects:
        """A record, published or played again: to its targets at once, whatever misses before it."""
        order = message_of(envelope, Order)
        if envelope.link not in (ORDERS, REPLAY) or len(envelope.frames) != 2:
            self.counters.add("passed_over_count")
            return ()
        if envelope.link == REPLAY:
            self._answered(now_ns)
        missing_count = self._fan.take(order.e, order.n)
        if missing_count < 0:
            self.counters.add("passed_over_count")
            return ()
        self.counters.add("order_count")
        effects: list[Effect] = [*self._fan.fan(order, envelope.frames[1], now_ns)]
        if missing_count:
            effects += self._missing(missing_count, now_ns)
        return tuple(effects)

    def _on_gap_fill(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Orders that will not come: each local is told of its own."""
        fill = message_of(envelope, GapFill)
        self._answered(now_ns)
        if fill.e == self._fan.e and fill.to_n:
            self._fan.filled(fill.from_n, fill.to_n)
        effects: list[Effect] = []
        for account in dict.fromkeys(row.account for row in fill.expired):
            rows = [row for row in fill.expired if row.account == account]
            effects += self._send_account(account, GapFill(fill.e, rows, fill.from_n, fill.to_n))
        return effects

    def _to_account(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A message of the master to the one account it names."""
        self._answered(now_ns)
        message = envelope.message
        assert isinstance(message, LocalWelcome | OutcomeAck)
        return self._send_account(message.account, message)

    def _on_grant(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Relay a grant with the time since it was asked for here; not while our kill set is another than the master's."""
        grant = message_of(envelope, Grant)
        self._answered(now_ns)
        asked_ns = self._asked.pop((grant.account, grant.nonce), None)
        if asked_ns is None:
            return []
        relayed = Grant(
            grant.account, grant.nonce, grant.e, grant.n_last, grant.k_last, grant.kill_digest, grant.clock_ns,
            now_ns - asked_ns, grant.refused,
        )  # fmt: skip
        effects: list[Effect] = []
        if grant.kill_digest != self._stops.killset.digest:
            effects.append(Send(REPLAY, 0, KillSetAsk(self._stops.killset.known()[:KNOWN_MAX])))
        return [*effects, *self._send_account(grant.account, relayed)]

    def _on_state_ask(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        message = message_of(envelope, StateAsk)
        self._answered(now_ns)
        effects: list[Effect] = []
        for account in message.accounts:
            effects += self._send_account(account, StateAsk(message.block, [account]))
        return effects

    def _send_account(self, account: str, message: Msg) -> list[Effect]:
        client = self._by_account.get(account)
        return [Send(LOCALS, client.peer, message)] if client is not None and client.home else []

    # locals

    def _on_hello(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A local is there: it replaces an older life's connection; the master is told where it is home here."""
        hello = message_of(envelope, LocalHello)
        if hello.account not in self._board.locals or hello.version != PROTOCOL_VERSION:
            told = {"account": hello.account, "node": hello.node, "version": hello.version}
            return [Note("warning", "local_refused", told)]
        old = self._by_account.get(hello.account)
        if old is not None and old.peer != envelope.peer:
            self._clients.pop(old.peer, None)
        client = Client(hello, envelope.peer)
        self._clients[envelope.peer] = client
        self._by_account[hello.account] = client
        self._board.heard(hello.account, now_ns)
        stream = self._fan.streams.get(hello.account)
        if not hello.home:
            self._fan.streams.pop(hello.account, None)
        elif stream is None or stream.peer != envelope.peer or old is None or old.life != hello.life:
            self._fan.streams[hello.account] = Stream(envelope.peer)
        effects: list[Effect] = [Send(LOCALS, envelope.peer, self._beat(now_ns))]
        if hello.kill_digest != self._stops.killset.digest:
            effects.append(Send(LOCALS, envelope.peer, KillSetPart(self._stops.killset.raw_items()[:128])))
        return [*effects, Send(REPLAY, 0, hello)] if hello.home else effects

    def _on_peer_lost(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == CONTROL:
            self._operators.pop(envelope.peer, None)
        client = self._clients.pop(envelope.peer, None) if envelope.link == LOCALS else None
        if client is not None and self._by_account.get(client.account) is client:
            del self._by_account[client.account]
            self._fan.streams.pop(client.account, None)
        return ()

    def _on_grant_ask(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        ask = message_of(envelope, GrantAsk)
        client = self._clients[envelope.peer]
        if ask.account != client.account or not client.home:
            self.counters.add("stranger_count")
            return []
        self._asked[(ask.account, ask.nonce)] = now_ns
        if len(self._asked) > ASKED_MAX:
            del self._asked[next(iter(self._asked))]
        return [Send(REPLAY, 0, ask)]

    def _on_order_ack(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        ack = message_of(envelope, OrderAck)
        stream = self._fan.streams.get(ack.account)
        return list(stream.acked(ack)) if stream is not None and stream.peer == envelope.peer else []

    def _to_master(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        return [Send(REPLAY, 0, envelope.message)]

    def _on_latched(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        latched = message_of(envelope, Latched)
        return [self._board.latched(latched, now_ns), *(Send(CONTROL, peer, latched) for peer in self._operators)]

    def _on_answer(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        answer = message_of(envelope, CommandAnswer)
        peer = self._commanders.get(answer.id)
        return [Send(CONTROL, peer, answer)] if peer in self._operators and peer is not None else []

    def _on_pong(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        pong = message_of(envelope, Pong)
        peer = self._pings.pop(pong.nonce, None)
        return [Send(CONTROL, peer, pong)] if peer is not None else []

    # status

    def _on_state(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        state = message_of(envelope, AccountState)
        self.counters.add("state_count")
        self._board.state(state, now_ns)
        return [Send(REPLAY, 0, state)]

    def _on_symbols(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        symbols = message_of(envelope, AccountSymbols)
        self._board.symbols(symbols, now_ns)
        return [Send(REPLAY, 0, symbols)]

    def _on_outcome(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        outcome = message_of(envelope, Outcome)
        self.counters.add("outcome_count")
        return [Send(REPLAY, 0, outcome), *self._board.outcome(outcome, now_ns)]

    def _on_deal(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        deal = message_of(envelope, DealReport)
        return [Send(REPLAY, 0, deal), self._board.deal(deal, now_ns)]

    def _on_health(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        self._board.health(message_of(envelope, NodeHealth), now_ns)
        return []

    # operators

    def _on_operator(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        hello = message_of(envelope, OperatorHello)
        if hello.version != PROTOCOL_VERSION:
            return [Note("warning", "operator_refused", {"operator": hello.operator, "version": hello.version})]
        self._operators[envelope.peer] = hello.operator
        welcome = ControlWelcome(self._name, "router", self._life, list(self._by_account), self._stops.killset.digest)
        return [Send(CONTROL, envelope.peer, welcome)]

    def _on_command(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """To every local that is home here; it knows itself whether the scope means it."""
        command = message_of(envelope, Command)
        self.counters.add("command_count")
        self._commanders[command.id] = envelope.peer
        if len(self._commanders) > ASKED_MAX:
            del self._commanders[next(iter(self._commanders))]
        told = {"operator": command.operator, "verb": command.verb, "scope": command.scope, "dry_run": command.dry_run}
        homed = [client for client in self._by_account.values() if client.home]
        return [Note("info", "command", told), *(Send(LOCALS, client.peer, command) for client in homed)]

    def _on_ping(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        ping = message_of(envelope, Ping)
        if not ping.account:
            return [Send(CONTROL, envelope.peer, Pong(self._name, "", ping.nonce))]
        client = self._by_account.get(ping.account)
        if client is None:
            return []
        self._pings[ping.nonce] = envelope.peer
        if len(self._pings) > ASKED_MAX:
            del self._pings[next(iter(self._pings))]
        return [Send(LOCALS, client.peer, ping)]

    # stops

    def _on_stop_item(self, envelope: Envelope, now_ns: int) -> Effects:
        """An entry or undo, from an operator, the master or a local: durable first, then to everybody here."""
        if envelope.link == CONTROL and envelope.peer not in self._operators:
            self.counters.add("stranger_count")
            return ()
        raw = envelope.frames[0] if envelope.frames else encode(envelope.message)
        return tuple(self._take_stops([raw]))

    def _on_kill_part(self, envelope: Envelope, now_ns: int) -> Effects:
        return tuple(self._take_stops(message_of(envelope, KillSetPart).items))

    def _take_stops(self, raws: list[bytes]) -> list[Effect]:
        rows: list[Put] = []
        effects: list[Effect] = []
        fresh: list[bytes] = []
        for raw in raws:
            puts, notes = self._stops.take_untrusted(raw)
            rows += puts
            effects += notes
            fresh += [raw] if puts else []
        # What is known already is told again all the same: whoever asks wants the locals' answer.
        told = fresh or raws
        if not rows:
            return [*effects, *self._tell(told)]
        return [*effects, self._commits.make(rows, lambda now_ns: self._tell(told))]

    def _tell(self, raws: list[bytes]) -> list[Effect]:
        part = KillSetPart(raws)
        return [*(Send(LOCALS, peer, part) for peer in self._clients), Send(REPLAY, 0, part)]

    def _on_durable(self, envelope: Envelope, now_ns: int) -> Effects:
        return tuple(self._commits.durable(message_of(envelope, Durable).token, now_ns))


