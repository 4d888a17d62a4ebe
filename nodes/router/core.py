"""The router: hands the master's records to the locals and the locals' words to the master; decides nothing, keeps only stops.

Downwards (``nodes.router.masterlink``): records with a dense ``n`` on the PUB, holes repaired on the replay link, each local its own
target with the body bytes untouched. Upwards (``nodes.router.localwords``): outcomes, states and deals as they come. Besides: grants
asked for one by one, heartbeats that say how old the master's last word is, operators (``nodes.router.control``), and for
frontends the last of everything (``nodes.router.snapshot``). What they share is ``nodes.router.state``.
"""

from collections.abc import Callable

from mesh.config import Config
from mesh.core import NOTHING, Core, Durable, Effect, Effects, Envelope, Halt, LinkUp, PeerLost, Stop, WallStep
from mesh.gapwatch import GapWatch
from mesh.keyring import NodeKeys
from mesh.links import CONTROL, LOCALS, ORDERS, REPLAY
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.control import (
    Command,
    CommandAnswer,
    Drill,
    Drilled,
    KillSetAsk,
    KillSetPart,
    Latched,
    LostOrders,
    OperatorHello,
    Ping,
    Pong,
    Signed,
)
from mesh.messages.health import NodeHealth, StageSummary
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
    StateAsk,
    Void,
)
from mesh.messages.outcomes import DealReport, Outcome, OutcomeAck
from mesh.phases import DRAINING, READY, STARTING
from mesh.stages import FORWARD
from mesh.units import MS_NS, SECOND_NS
from nodes.envelopes import message_of
from nodes.router.control import RouterControl
from nodes.router.localwords import LocalWords
from nodes.router.masterlink import HOLES, MasterLink
from nodes.router.snapshot import SLICE_NS, SNAPSHOT_NS
from nodes.router.state import RouterState
from nodes.stops import KILL_ITEM

FROM_MASTER = (ORDERS, REPLAY)
BEAT, HELLO, SNAPSHOT, SLICE, LEAVE = "beat", "hello", "snapshot", "slice", "leave"
LEAVE_NS = 2 * SECOND_NS
"""Locals that have another router have this long to move there, where the drain is not shorter."""
MASTER_QUIET_NS = 500 * MS_NS
"""After so long without an answer on the replay link the master is asked for one."""


class Router(Core):
    """One router of a mesh."""

    def __init__(self, name: str, config: Config, life: int, keys: NodeKeys) -> None:
        super().__init__()
        self._state = RouterState(name, config, life, keys, self.counters)
        self._gap = GapWatch()
        self._master = master = MasterLink(self._state)
        self._words = words = LocalWords(self._state)
        self._control = control = RouterControl(self._state)
        self.handlers = {
            Durable: lambda e, now_ns: self._state.commits.durable(message_of(e, Durable).token, now_ns),
            LinkUp: self._on_link_up,
            PeerLost: self._on_lost,
            Stop: self._on_stop,
            WallStep: lambda e, now_ns: master.on_wall_step(),
            Order: master.on_order,
            Heartbeat: master.on_heartbeat,
            MasterWelcome: master.guarded(master.on_welcome),
            GapFill: master.guarded(master.on_gap_fill),
            Void: master.guarded(master.on_void),
            Grant: master.guarded(master.on_grant),
            LocalWelcome: master.guarded(master.on_welcome_of_local),
            OutcomeAck: master.guarded(master.on_outcome_ack),
            StateAsk: master.guarded(master.on_state_ask),
            LocalHello: words.on_hello,
            OrderAck: words.guarded(words.on_order_ack),
            GrantAsk: words.guarded(words.on_grant_ask),
            ReplayAccount: words.guarded(words.on_replay_account),
            Listed: words.guarded(words.on_listed),
            Latched: words.guarded(lambda e, local, now_ns: control.on_latched(e, now_ns)),
            CommandAnswer: words.guarded(lambda e, local, now_ns: control.on_answer(message_of(e, CommandAnswer))),
            LostOrders: words.guarded(lambda e, local, now_ns: control.on_answer(message_of(e, LostOrders))),
            Pong: words.guarded(lambda e, local, now_ns: control.on_pong(message_of(e, Pong))),
            AccountState: words.on_state,
            AccountSymbols: words.on_symbols,
            Outcome: words.on_outcome,
            DealReport: words.on_deal,
            NodeHealth: words.on_health,
            OperatorHello: lambda e, now_ns: control.on_hello(e),
            Command: lambda e, now_ns: control.on_command(e),
            Ping: lambda e, now_ns: control.on_ping(e),
            Signed: self._revising(control.on_stop),
            Drill: control.on_drill,
            Drilled: words.guarded(lambda e, local, now_ns: control.on_drilled(e)),
            KillSetAsk: self._on_kill_ask,
            KillSetPart: self._revising(self._on_kill_part),
        }
        self._on_due: dict[str, Callable[[int], Effects]] = {
            BEAT: self._on_beat_due,
            HELLO: self._on_hello_due,
            HOLES: master.ask_holes,
            SNAPSHOT: self._on_snapshot_due,
            SLICE: self._on_slice_due,
            LEAVE: lambda now_ns: (self._left(),),
        }
        """By the word of a timer, what is done when it comes due."""

    # what the shell asks

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message."""
        state, link = self._state, envelope.link
        if link == ORDERS:
            state.orders_ns = now_ns
        elif link == REPLAY:
            state.replay_ns = now_ns
        effects = super().handle(envelope, now_ns)
        if state.is_leaving and not state.peers.staying():
            return (*effects, self._left())
        self.deadline_ns = state.timers.next_ns
        if link in FROM_MASTER:  # what comes on others fills no hole
            closed = self._gap.look(not state.stream.is_whole, now_ns)
            return (*effects, *closed) if closed else effects
        return effects

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Take the stops of the store."""
        for kind, _key, record in rows:
            if kind == KILL_ITEM:
                self._state.stops.restore(record)
        self._state.config = self._state.stops.revisions.current
        return tuple(self._state.stops.restored_notes())

    def start(self, now_ns: int) -> Effects:
        """Say hello to the master."""
        state = self._state
        state.started_ns = now_ns
        for word, period_ns in ((BEAT, state.heartbeat_ns), (HELLO, state.repeat_ns), (SNAPSHOT, SNAPSHOT_NS)):
            state.timers.set(word, now_ns + period_ns)
        self.deadline_ns = state.timers.next_ns
        return (state.hello(),)

    def on_deadline(self, now_ns: int) -> Effects:
        """Heartbeats, hellos, holes, snapshots."""
        effects: list[Effect] = []
        for word in self._state.timers.due(now_ns):
            effects += self._on_timer(word, now_ns)
        self.deadline_ns = self._state.timers.next_ns
        return effects

    def _on_timer(self, word: str, now_ns: int) -> Effects:
        on_due = self._on_due.get(word)
        assert on_due is not None, f"no timer {word!r}"
        return on_due(now_ns)

    def _on_beat_due(self, now_ns: int) -> Effects:
        state = self._state
        state.timers.set(BEAT, now_ns + state.heartbeat_ns)
        return state.to_locals(state.beat(now_ns))

    def _on_hello_due(self, now_ns: int) -> Effects:
        state = self._state
        state.timers.set(HELLO, now_ns + state.repeat_ns)
        is_quiet = not self._master.is_welcomed or now_ns - state.replay_ns >= MASTER_QUIET_NS
        return (state.hello(),) if is_quiet else NOTHING

    def _on_snapshot_due(self, now_ns: int) -> Effects:
        self._state.timers.set(SNAPSHOT, now_ns + SNAPSHOT_NS)
        if not self._state.front.is_publishing:  # else nobody would ever see the end of a large one
            self._state.front.begin(now_ns)
        return self._on_slice_due(now_ns)

    def _on_slice_due(self, now_ns: int) -> Effects:
        state = self._state
        effects = state.front.slice(now_ns)
        if state.front.is_publishing:
            state.timers.set(SLICE, now_ns + SLICE_NS)
        return effects

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        """Have its locals move while it still serves them: nothing is missed, and nothing has to be found silent first."""
        state = self._state
        state.is_leaving = True
        state.timers.set(LEAVE, now_ns + min(LEAVE_NS, state.config.settings.timers.drain_ms * MS_NS))
        return state.to_locals(state.beat(now_ns))

    def _left(self) -> Halt:
        staying = self._state.peers.staying()
        left = f"{len(staying)} locals have not moved" if staying else "no local is home here that could be elsewhere"
        return Halt(0, f"stopped: {left}")

    def phase(self) -> str:
        """READY once the master has answered."""
        if self._state.is_leaving:
            return DRAINING
        return READY if self._master.is_welcomed else STARTING

    def facts(self) -> dict[str, str]:
        """The epoch, and who is home here."""
        state = self._state
        home = [local.hello.account for local in state.peers.all() if local.is_home]
        return {
            "e": str(state.stream.e),
            "n": str(state.stream.next_n - 1),
            "home": ", ".join(home)[:500],
            "connected": str(len(state.peers.all())),
            "stops": str(len(state.stops.killset.live())),
            "stops_refused": str(state.stops.refused_count),
            "change": state.stops.revisions.prepared,
        }

    def config_hash(self) -> str:
        """The one that it, too, has taken the live changes of."""
        return self._state.config.fingerprint

    def stages(self, now_ns: int) -> list[StageSummary]:
        """How long orders wait here."""
        state = self._state
        peers = state.peers
        if peers.forwarded_count:
            state.meter.record(FORWARD, 0, peers.forwarded_count)
            peers.forwarded_count = 0
        return state.meter.summaries(now_ns)

    def clock_offset(self, now_ns: int) -> tuple[int, int]:
        """The master's clock less ours, from grants asked for."""
        return self._state.master_clock.estimate(now_ns)

    # connections

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        return (self._state.hello(),) if envelope.link == REPLAY else NOTHING

    def _on_lost(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == CONTROL:
            self._control.operators.lost(envelope.peer)
        return self._words.on_lost(envelope.peer, now_ns) if envelope.link == LOCALS else NOTHING

    # stops

    def _is_trusted(self, envelope: Envelope) -> bool:
        """Whether stops that a node holds may come from there: the master, or a local that said hello. People bring theirs one by one."""
        return envelope.link == REPLAY or (envelope.link == LOCALS and self._state.peers.of_peer(envelope.peer) is not None)

    def _revising(self, handler: Callable[[Envelope, int], Effects]) -> Callable[[Envelope, int], Effects]:
        """A handler of what may bring a live change: what this router runs is told with its health and its hello."""

        def revising(envelope: Envelope, now_ns: int) -> Effects:
            effects, state = handler(envelope, now_ns), self._state
            if state.stops.revisions.current is state.config:
                return effects
            state.config = state.stops.revisions.current
            return (*effects, state.hello())

        return revising

    def _on_kill_part(self, envelope: Envelope, now_ns: int) -> Effects:
        items = message_of(envelope, KillSetPart).items
        return self._control.take(items, now_ns) if items and self._is_trusted(envelope) else NOTHING

    def _on_kill_ask(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._state.stops.on_ask(envelope) if self._is_trusted(envelope) else NOTHING

