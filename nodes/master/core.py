"""The master: signals in, decisions out; durable before published, published before answered.

One life of it is one epoch. It decides, numbers and commits, then publishes to the routers and answers the signals node; it
takes what routers hand on from the locals; it tells the market who is still busy, and people what happened. It never talks
to a local. Its parts: ``deciding`` (a signal's path), ``backchannel`` (routers and locals), ``marketclock``
(quotes and market time), ``enquiry`` (``mesh why``), ``recovery``; what they share is ``state``.
"""

from collections.abc import Callable

from mesh.config import Config
from mesh.core import (
    NOTHING,
    Core,
    Durable,
    Effect,
    Effects,
    Envelope,
    Fetched,
    Halt,
    HostStop,
    LinkUp,
    Note,
    PeerLost,
    Send,
    Stop,
    WallDrift,
    WallStep,
)
from mesh.hello import refused, version_refusal
from mesh.keyring import NodeKeys
from mesh.links import CONTROL, DECIDE, MARKET, REPLAY
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.control import (
    Command,
    Drill,
    KillSetAsk,
    KillSetPart,
    OperatorHello,
    Ping,
    Signed,
    WhyAsk,
)
from mesh.messages.health import StageSummary
from mesh.messages.market import Block, MarketWelcome, Settle, Ticks
from mesh.messages.orders import GrantAsk, Listed, LocalHello, Replay, ReplayAccount, RouterHello
from mesh.messages.outcomes import DealReport, Outcome
from mesh.messages.signals import Signal, SourceHello, SourceWelcome
from mesh.phases import DRAINING, READY, STARTING
from mesh.units import MS_NS
from nodes.decisions import Decision
from nodes.envelopes import message_of
from nodes.master import told
from nodes.master.backchannel import ACK_TIMER, ASK_TIMER, VOID_TIMER, BackChannel
from nodes.master.control import MasterControl
from nodes.master.deciding import MARKS_TIMER, ORDER_TIMER, Deciding
from nodes.master.enquiry import Enquiry
from nodes.master.recall import Recall
from nodes.master.recovery import recovered
from nodes.master.settlement import START_WAIT_NS
from nodes.master.state import MasterState, TimerKey
from nodes.master.tripwires import Tripwires
from nodes.wallclock import WallClock

WINDOW_COUNT = 64
"""Signals the signals node may have unanswered here."""
HEARTBEAT, MARKET_REPEAT, START, DRAIN = "heartbeat", "market", "start", "drain"

Handler = Callable[[Envelope, int], Effects]


class Master(Core):
    """The one master of a mesh. ``wall_ns``: the wall clock when it was made, for the epoch, for labels and to hold locals' against;
    ``made_ns``: the monotonic clock at that moment (None: it recovers at once).
    """

    def __init__(self, name: str, config: Config, life: int, wall_ns: int, keys: NodeKeys, made_ns: int | None = None) -> None:
        super().__init__()
        timers = config.settings.timers
        self._state = MasterState(name, config, life, WallClock(wall_ns, made_ns), keys, self.counters)
        self._deciding = Deciding(self._state)
        recall = Recall(self._state)
        self._tripwires = Tripwires(self._state)
        self._back = BackChannel(self._state, self._deciding, recall, self._tripwires)
        self._control = MasterControl(self._state, Enquiry(self._state, recall))
        self._heartbeat_ns, self._drain_ns = timers.heartbeat_ms * MS_NS, timers.drain_ms * MS_NS
        self._signals_peer = 0
        self._settle: Settle | None = None
        self._is_draining = False
        self.handlers = {
            Durable: self._on_durable,
            Fetched: lambda envelope, now_ns: self._state.fetches.fetched(message_of(envelope, Fetched), now_ns),
            LinkUp: self._on_link_up,
            PeerLost: self._on_lost,
            Stop: self._on_stop,
            WallStep: lambda envelope, now_ns: self._back.on_wall_step(message_of(envelope, WallStep).step_ns),
            WallDrift: self._on_wall_drift,
            HostStop: self._on_host_stop,
            SourceHello: self._on_source,
            Signal: self._on_signal,
            MarketWelcome: self._on_welcome,
            Ticks: lambda envelope, now_ns: self._moved(self._state.clock.on_ticks(message_of(envelope, Ticks)), now_ns),
            Block: lambda envelope, now_ns: self._moved(self._state.clock.on_block(envelope), now_ns),
            Settle: self._on_settle,
            RouterHello: self._back.on_router_hello,
            OperatorHello: self._control.on_hello,
            Ping: self._from(self._control.operators.is_there, self._control.on_ping),
            WhyAsk: self._from(self._control.operators.is_there, self._control.on_why),
            Command: self._from(self._control.operators.is_there, self._control.on_command),
            Signed: self._revising(self._control.on_stop),
            Drill: self._control.on_drill,
            KillSetAsk: self._from(self._is_trusted, self._control.on_kill_ask),
            KillSetPart: self._from(self._is_trusted, self._revising(self._control.on_kill_part)),
            DealReport: self._from_router(lambda envelope, now_ns: NOTHING),
            Replay: self._from_router(self._back.on_replay),
            ReplayAccount: self._from_router(self._back.on_replay_account),
            LocalHello: self._from_router(self._back.on_local_hello),
            Listed: self._from_router(self._back.on_listed),
            GrantAsk: self._from_router(self._back.on_grant_ask),
            AccountState: self._from_router(self._back.on_state),
            AccountSymbols: self._from_router(lambda envelope, now_ns: self._back.on_symbols(envelope)),
            Outcome: self._from_router(self._back.on_outcome),
        }
        self._on_due: dict[str, Callable[[TimerKey, int], Effects]] = {
            ORDER_TIMER: lambda key, now_ns: self._deciding.on_silence(key[2]),
            HEARTBEAT: self._on_heartbeat_due,
            ACK_TIMER: lambda key, now_ns: self._back.acknowledge(self._state.accounts[key[1]], key[2], now_ns),
            ASK_TIMER: lambda key, now_ns: self._back.ask_states(now_ns),
            VOID_TIMER: lambda key, now_ns: self._back.void(self._state.accounts[key[1]], now_ns),
            MARKS_TIMER: lambda key, now_ns: self._deciding.on_marks(key[1]),
            MARKET_REPEAT: lambda key, now_ns: self._say_hello(now_ns) if self._state.clock.is_waiting() else NOTHING,
            START: lambda key, now_ns: self._state.settled_news(now_ns),
            DRAIN: self._on_drain_due,
        }
        """By the word of a timer, what is done when it comes due."""

    # what the shell asks

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message."""
        effects = super().handle(envelope, now_ns)
        self.deadline_ns = self._state.timers.next_ns
        return effects

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Begin the next epoch; it is durable before anybody is answered."""
        puts, again = recovered(self._state, rows, now_ns)
        self._revise()
        commit = self._state.commits.make(puts, lambda durable_ns: self._begin(again, durable_ns))
        lines = len(self._state.ledger.open_lines())
        notes = self._state.stops.restored_notes()
        note = Note("info", "epoch_begins", {"e": self._state.epoch, "open_lines": lines, "closes_again": len(again)})
        return (*(event for decision in again for event in told.sent_again(decision)), commit, note, *notes)

    def start(self, now_ns: int) -> Effects:
        """Ask the market where it stands."""
        effects = self._say_hello(now_ns)
        self._state.timers.set((START, "", 0), now_ns + START_WAIT_NS)
        self._state.settlement.start_until_ns = now_ns + START_WAIT_NS
        self.deadline_ns = self._state.timers.next_ns
        return effects

    def on_deadline(self, now_ns: int) -> Effects:
        """Heartbeats, repeats, lines nobody told of."""
        effects: list[Effect] = []
        for key in self._state.timers.due(now_ns):
            effects += self._on_timer(key, now_ns)
        self.deadline_ns = self._state.timers.next_ns
        return effects

    def _on_timer(self, key: TimerKey, now_ns: int) -> Effects:
        on_due = self._on_due.get(key[0])
        assert on_due is not None, f"no timer {key}"
        return on_due(key, now_ns)

    def _on_heartbeat_due(self, key: TimerKey, now_ns: int) -> Effects:
        self._state.timers.set(key, now_ns + self._heartbeat_ns)
        return [self._state.heartbeat()]

    def _on_drain_due(self, key: TimerKey, now_ns: int) -> Effects:
        return [Halt(0, f"drain time is over; {self._state.commits.count} commits were under way")]

    def phase(self) -> str:
        """READY once the epoch is durable, the market known, and all accounts are there or have had their time."""
        if self._is_draining:
            return DRAINING
        state = self._state
        is_ready = state.is_durable and state.clock.is_known
        if is_ready and (not state.timers.is_set((START, "", 0)) or not state.waiting_accounts()):
            return READY
        return STARTING

    def market_ns(self) -> int:
        """Market time as of the newest block."""
        return self._state.clock.market_ns

    def facts(self) -> dict[str, str]:
        """Epoch, and the totals: lines decided = codes + states."""
        ledger = self._state.ledger
        return {
            "e": str(self._state.epoch),
            "run": self._state.clock.run,
            "lines": str(ledger.decided_count),
            "open_lines": str(sum(ledger.states.values())),
            "codes": " ".join(f"{code}={count}" for code, count in sorted(ledger.codes.items())),
            "states": " ".join(f"{state}={count}" for state, count in ledger.states.items()),
            "waiting": ", ".join(self._state.waiting_accounts())[:500],
            "mismatched": self._mismatched(),
            "stops_refused": str(self._state.stops.refused_count),
            "change": self._state.stops.revisions.prepared,
        }

    def config_hash(self) -> str:
        """The one it decides by."""
        return self._state.config.fingerprint

    def _mismatched(self) -> str:
        found = [f"{account.name}: {words}" for account in self._state.accounts.values() if (words := account.mismatch.told)]
        return "; ".join(found)[:500]

    def stages(self, now_ns: int) -> list[StageSummary]:
        """How long signals and outcomes take here."""
        return self._state.meter.summaries(now_ns)

    def totals(self) -> tuple[int, dict[str, int], dict[str, int]]:
        """(lines decided, ended lines by code, other lines by state)."""
        ledger = self._state.ledger
        return ledger.decided_count, dict(ledger.codes), dict(ledger.states)

    def check_invariants(self) -> None:
        """Lines decided are outcomes and states, always."""
        assert self._state.ledger.adds_up(), f"lines do not add up: {self.totals()}"

    # store, shell

    def _begin(self, again: list[Decision], now_ns: int) -> list[Effect]:
        """The epoch is durable: closes of older ones go out again, routers hear of it."""
        state = self._state
        state.is_durable = True
        effects: list[Effect] = []
        for decision in again:
            effects += self._deciding.send_out(decision, now_ns)
        state.timers.set((HEARTBEAT, "", 0), now_ns + self._heartbeat_ns)
        return [*self._back.welcome_all(), *effects, state.heartbeat()]

    def _on_durable(self, envelope: Envelope, now_ns: int) -> Effects:
        effects = self._state.commits.durable(message_of(envelope, Durable).token, now_ns)
        if self._is_draining and not self._state.commits.count:
            effects.append(Halt(0, "stopped: everything decided is durable and published"))
        return effects

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._say_hello(now_ns) if envelope.link == MARKET else NOTHING

    def _on_lost(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == CONTROL:
            self._control.operators.lost(envelope.peer)
        return self._back.on_lost(envelope) if envelope.link == REPLAY else NOTHING

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        self._is_draining = True
        self._state.timers.set((DRAIN, "", 0), now_ns + self._drain_ns)
        return (Halt(0, "stopped"),) if not self._state.commits.count else NOTHING

    # market

    def _say_hello(self, now_ns: int) -> list[Effect]:
        effects, again_ns = self._state.clock.hello(now_ns)
        self._state.timers.set((MARKET_REPEAT, "", 0), again_ns)
        return effects

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._moved(self._state.clock.on_welcome(message_of(envelope, MarketWelcome)), now_ns)

    def _moved(self, effects: list[Effect], now_ns: int) -> Effects:
        """After the market's clock may have moved: answer the question that waited for it; ask again for ticks that lack."""
        state = self._state
        if state.clock.is_waiting():
            state.timers.set_if_unset((MARKET_REPEAT, "", 0), now_ns + self._heartbeat_ns)
        else:
            state.timers.cancel((MARKET_REPEAT, "", 0))
        if self._settle is not None and state.clock.block >= self._settle.number:
            state.settlement.ask(self._settle.number, self._settle.accounts)
            self._settle = None
            effects += self._back.ask_states(now_ns)
            effects += state.settled_news(now_ns)
        return effects

    def _on_settle(self, envelope: Envelope, now_ns: int) -> Effects:
        message = message_of(envelope, Settle)
        if self._settle is None or message.number >= self._settle.number:
            self._settle = message
        return self._moved([], now_ns)

    # signals

    def _on_source(self, envelope: Envelope, now_ns: int) -> Effects:
        message = message_of(envelope, SourceHello)
        role = self._state.config.node.get(message.source)
        is_signals = role is not None and role.role == "signals"
        if why := version_refusal(message.version) or ("" if is_signals else "no signals node of this configuration"):
            return (refused(self.counters, message.source, why),)
        self._signals_peer = envelope.peer
        return (Send(DECIDE, envelope.peer, SourceWelcome(WINDOW_COUNT)),)

    def _on_signal(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.peer != self._signals_peer or not envelope.peer:
            self.counters.add("stranger_count")
            return NOTHING
        if self._is_draining:
            return NOTHING
        return self._deciding.on_signal(message_of(envelope, Signal), envelope.peer, now_ns)

    # routers

    def _from_router(self, handler: Handler) -> Handler:
        """A handler for messages of routers that have said hello, and of nobody else."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            if not self._back.is_router(envelope):
                return NOTHING
            return handler(envelope, now_ns)

        return guarded

    def _on_wall_drift(self, envelope: Envelope, now_ns: int) -> Effects:
        self._state.wall.step(message_of(envelope, WallDrift).moved_ns)
        return NOTHING

    def _on_host_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        asked = message_of(envelope, HostStop)
        return self._tripwires.host(asked.level, asked.why, now_ns)

    def _revising(self, handler: Handler) -> Handler:
        """A handler of what may bring a live change: what is decided after it is decided by that."""

        def revising(envelope: Envelope, now_ns: int) -> Effects:
            effects = handler(envelope, now_ns)
            self._revise()
            return effects

        return revising

    def _revise(self) -> None:
        if self._state.revise():
            self._tripwires.configure()
            self._back.configure()

    def _is_trusted(self, envelope: Envelope) -> bool:
        """Whether stops that a node holds may come from there. People bring theirs one by one."""
        return envelope.link == REPLAY and self._back.is_router(envelope)

    def _from(self, is_known: Callable[[Envelope], bool], handler: Handler) -> Handler:
        """A handler for messages of those who are known, and of nobody else."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            if not is_known(envelope):
                self.counters.add("stranger_count")
                return NOTHING
            return handler(envelope, now_ns)

        return guarded
