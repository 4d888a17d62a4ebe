"""The local: one account. It executes orders once, guards and manages the account, and tells what is, to the router it is home at.

Its parts: ``orderintake`` (orders as they come), ``desk`` (the one hand at the venue), ``caretaker`` (what it
does by itself, also when cut off), ``handwork`` (manual commands), ``accountbook`` (what it knows of the account);
``homelink`` (its routers), ``venueside`` (its worker), ``stopping`` (stops); what they share is ``state``. Here is the rest:
the store, timers, operators.
"""

from collections.abc import Callable

from mesh.config import Config
from mesh.core import (
    NOTHING,
    Commit,
    Core,
    Durable,
    Effect,
    Effects,
    Envelope,
    Fetched,
    Halt,
    HostStop,
    LinkDown,
    LinkUp,
    Send,
    Stop,
    WallDrift,
    WallStep,
)
from mesh.gapwatch import GapWatch
from mesh.keyring import NodeKeys
from mesh.messages.control import Command, Drill, KillSetAsk, KillSetPart, Ping, Pong
from mesh.messages.health import StageSummary
from mesh.messages.orders import CLOSE, OPEN, GapFill, Grant, LocalWelcome, Order, RouterHeartbeat, StateAsk, Void
from mesh.messages.outcomes import Outcome, OutcomeAck
from mesh.messages.venue import VenueAttached, VenueFound, VenueLost, VenueResult, VenueState
from mesh.phases import DRAINING, READY, STARTING
from mesh.units import MS_NS
from nodes.codes import DENIED, REJECTED, WORKING
from nodes.envelopes import message_of
from nodes.local.accountbook import BOOK
from nodes.local.attempts import ACT, MANUAL, OrderRecord, decoded
from nodes.local.caps import CALLS, is_breach
from nodes.local.caretaker import Caretaker
from nodes.local.clearance import Clearance
from nodes.local.commandlog import COMMAND
from nodes.local.desk import FIND, WAKE, Desk
from nodes.local.finishing import BARRED, ORDER_ROW, TOLD
from nodes.local.guard import PASSED
from nodes.local.handwork import Handwork
from nodes.local.homelink import HomeLink
from nodes.local.latefills import NOT_FOUND_ROW
from nodes.local.openings import OPENING
from nodes.local.orderintake import GAP, GAP_NS, OrderIntake
from nodes.local.reading import REREAD
from nodes.local.reports import KNOWN, OUTCOME
from nodes.local.state import ACK, META, REPEAT, LocalState, TimerKey
from nodes.local.stopping import Stopping
from nodes.local.venueside import TRY, VenueSide
from nodes.stops import KILL_ITEM
from nodes.wallclock import WallClock

GRANT, STATE, HOMES, DRAIN = "grant", "state", "homes", "drain"


class Local(Core):
    """The local of one account. ``store_id``: the genesis of its store; ``wall_ns``: the wall clock when it was made, to label what it says
    and for the master to compare; ``made_ns``: the monotonic clock at that moment (None: it recovers at once).
    """

    def __init__(
        self, name: str, config: Config, life: int, store_id: bytes, wall_ns: int, keys: NodeKeys, made_ns: int | None = None
    ) -> None:
        super().__init__()
        self._state = LocalState(name, config, life, store_id, WallClock(wall_ns, made_ns), keys, self.counters)
        self._desk = Desk(self._state, self._on_end)
        self._intake = OrderIntake(self._state, self._desk)
        self._caretaker = Caretaker(self._state, self._desk)
        self._handwork = Handwork(self._state, self._desk)
        clearance = Clearance(self._state, self._desk, self._caretaker)
        self._home = HomeLink(self._state, self._desk, self._intake, clearance)
        self._venue = VenueSide(self._state, self._desk, self._caretaker)
        self._stopping = Stopping(self._state, self._home, self._venue, clearance)
        self._gap = GapWatch(GAP_NS)
        self.handlers = {
            Durable: self._on_durable,
            Fetched: self._on_fetched,
            LinkUp: lambda envelope, now_ns: self._home.on_up(envelope.link),
            LinkDown: self._on_link_down,
            Stop: self._on_stop,
            WallStep: lambda envelope, now_ns: self._home.on_wall_step(message_of(envelope, WallStep).step_ns),
            WallDrift: self._on_wall_drift,
            HostStop: self._stopping.on_host_stop,
            RouterHeartbeat: lambda envelope, now_ns: self._home.on_heartbeat(envelope, now_ns),
            LocalWelcome: self._from_home(self._home.on_welcome),
            Order: self._from_home(self._intake.on_order),
            GapFill: self._from_home(self._intake.on_gap_fill),
            Void: self._from_home(self._intake.on_void),
            Grant: self._from_home(self._home.on_grant),
            OutcomeAck: self._from_home(self._home.on_ack),
            StateAsk: self._on_state_ask,
            Command: self._on_command,
            Ping: self._on_ping,
            KillSetPart: self._on_stops,
            Drill: self._stopping.on_drill,
            KillSetAsk: lambda envelope, now_ns: self._state.ladder.stops.on_ask(envelope),
            VenueAttached: self._stopping.on_attached,
            VenueResult: self._on_result,
            VenueFound: self._or_errand(VenueFound, lambda envelope, now_ns: self._desk.on_found(message_of(envelope, VenueFound), now_ns)),
            VenueState: self._or_errand(VenueState, self._stopping.on_read),
            VenueLost: lambda envelope, now_ns: self._venue.on_lost(envelope, now_ns),
        }
        self._on_due: dict[str, Callable[[TimerKey, int], Effects]] = {
            **dict.fromkeys((WAKE[0], FIND[0], REREAD[0]), lambda key, now_ns: NOTHING),  # the desk looks again after every call
            GAP[0]: lambda key, now_ns: self._intake.ask_gaps(now_ns),
            ACK[0]: lambda key, now_ns: (self._state.order_ack(now_ns),),
            REPEAT: lambda key, now_ns: self._state.repeat(now_ns),
            TOLD: self._on_told_due,
            HOMES: self._on_homes_due,
            GRANT: self._on_grant_due,
            STATE: self._on_state_due,
            TRY[0]: lambda key, now_ns: self._venue.attach(),
            DRAIN: self._on_drain_due,
        }
        """By the word of a timer, what is done when it comes due."""

    # what the shell asks

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Take the store's rows; what was written down without a result is to be looked for."""
        state = self._state
        state.wall.start(now_ns)
        by_kind: dict[str, list[tuple[bytes, bytes]]] = {}
        for kind, key, record in rows:
            by_kind.setdefault(kind, []).append((key, record))
        for _key, record in by_kind.get(META, []):
            state.restore_meta(record)
        for _key, record in by_kind.get(KILL_ITEM, []):
            state.ladder.restore(record)
        self._revise()
        for kind in (OUTCOME, KNOWN):
            for key, record in by_kind.get(kind, []):
                state.reports.restore(kind, key, record)
        state.reports.restored(state.reports.f)
        for _key, record in by_kind.get(OPENING, []):
            state.openings.restore(record, now_ns)
        for key, _record in by_kind.get(BARRED, []):
            state.openings.bar(key)
        for key, record in by_kind.get(PASSED, []):
            state.guard.restore(key, record)
        for _key, record in by_kind.get(CALLS, []):
            state.caps.restore(record, now_ns, state.wall.at(now_ns))
        effects: list[Effect] = [Commit(0, (state.meta_put(),)), *self._stopping.begin_frozen(now_ns)]
        for _key, record in by_kind.get(BOOK, []):
            state.book.restore(record)
        for _key, record in by_kind.get(COMMAND, []):
            self._handwork.log.restore(record)
        state.late.restore([record for _key, record in by_kind.get(NOT_FOUND_ROW, [])])
        orders = [decoded(record) for _key, record in by_kind.get(ORDER_ROW, [])]
        # their rows are in the order of their keys; they get their turn as they were decided
        for order in sorted(orders, key=lambda record: record.decided_market_ns):
            effects += self._desk.recovered(order, now_ns)
        return [*effects, *state.ladder.stops.restored_notes()]

    def start(self, now_ns: int) -> Effects:
        """Say hello everywhere, look for the terminal."""
        state = self._state
        state.homing.start(now_ns)
        if state.reports.pending:
            state.arm_repeat(now_ns)
        for key in ((HOMES, b""), (GRANT, b""), (STATE, b""), TRY):
            state.timers.set(key, now_ns)
        self.deadline_ns = state.timers.next_ns
        return self._home.hellos()

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message; then the worker's next task."""
        effects = super().handle(envelope, now_ns)
        return self._after(effects, now_ns)

    def on_deadline(self, now_ns: int) -> Effects:
        """Hellos, grants, states, repeats, orders that waited."""
        effects: list[Effect] = []
        for key in self._state.timers.due(now_ns):
            effects += self._on_timer(key, now_ns)
        return self._after(effects, now_ns)

    def _after(self, effects: Effects, now_ns: int) -> Effects:
        more = self._desk.pump(now_ns)
        state = self._state
        more += self._gap.look(state.stream.received_k < self._intake.k_last, now_ns)
        if state.is_draining and self._desk.is_quiet and not state.commits.count and not state.reports.pending:
            more.append(Halt(0, "stopped: nothing is at the venue and all outcomes are acked"))
        self.deadline_ns = state.timers.next_ns
        return (*effects, *more) if more else effects

    def phase(self) -> str:
        """READY once the master knows it and the account was read."""
        if self._state.is_draining:
            return DRAINING
        is_ready = self._state.is_attached and self._state.book.is_complete and self._home.is_welcomed
        return READY if is_ready else STARTING

    def market_ns(self) -> int:
        """Market time of the newest read."""
        return self._state.book.market_ns

    def facts(self) -> dict[str, str]:
        """Where its orders come from, whether it may open, what its terminal says."""
        state = self._state
        return {
            "account": state.account,
            "home": state.config.routers_of(state.name)[state.homing.home],
            "terminal": self._venue.remark or "attached" if state.is_attached else state.refused or "not attached",
            "grant": state.freshness.word(state.ladder.digest),
            "ladder": state.ladder.level(),
            "in_hand": str(len(self._desk.jobs)),
            "unknown": str(len(self._desk.jobs.unknown())),
            "unacked": str(len(state.reports.pending)),
            "closes_waiting": str(self._desk.jobs.closes_waiting_count()),
            "stops_refused": str(state.ladder.stops.refused_count),
            "change": state.ladder.stops.revisions.prepared,
        }

    def config_hash(self) -> str:
        """The one whose limits hold here."""
        return self._state.config.fingerprint

    def stages(self, now_ns: int) -> list[StageSummary]:
        """How long orders take here and at the broker."""
        return self._state.times.summaries(now_ns)

    def clock_offset(self, now_ns: int) -> tuple[int, int]:
        """The master's clock less ours, from grants asked for."""
        return self._state.master_clock.estimate(now_ns)

    # who may speak

    def _from_home(self, handler: Callable[[Envelope, int], list[Effect]]) -> Callable[[Envelope, int], Effects]:
        """A handler for messages of the router orders come from, and of no other."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            if envelope.link != self._state.home_link:
                self.counters.add("stranger_count")
                return NOTHING
            return handler(envelope, now_ns)

        return guarded

    def _or_errand(
        self, kind: type[VenueState] | type[VenueFound], handler: Callable[[Envelope, int], list[Effect]]
    ) -> Callable[[Envelope, int], Effects]:
        """Answers of the worker to an operator's errand go there, all others to ``handler``."""

        def routed(envelope: Envelope, now_ns: int) -> Effects:
            effects = self._desk.on_errand(message_of(envelope, kind), now_ns)
            return handler(envelope, now_ns) if effects is None else effects

        return routed

    # timers

    def _on_timer(self, key: TimerKey, now_ns: int) -> Effects:
        on_due = self._on_due.get(key[0])
        assert on_due is not None, f"no timer {key}"
        return on_due(key, now_ns)

    def _on_told_due(self, key: TimerKey, now_ns: int) -> Effects:
        job = self._desk.jobs.get(key[1])
        if job is None or job.is_told:
            return NOTHING
        is_kept_close = job.record.action == CLOSE and job.is_stored  # it may wait for its turn at a slow terminal: it is not lost
        return self._desk.tell_state(job, WORKING, now_ns) if job.record.attempt > 0 or is_kept_close else NOTHING

    def _on_homes_due(self, key: TimerKey, now_ns: int) -> Effects:
        self._state.timers.set(key, now_ns + self._state.timer_section.heartbeat_ms * MS_NS)
        return self._home.look(now_ns)

    def _on_grant_due(self, key: TimerKey, now_ns: int) -> Effects:
        self._state.timers.set(key, now_ns + self._state.timer_section.grant_ask_ms * MS_NS)
        self._state.freshness.look(now_ns)
        return self._home.ask_grant(now_ns)

    def _on_state_due(self, key: TimerKey, now_ns: int) -> Effects:
        self._state.timers.set(key, now_ns + self._state.timer_section.state_ms * MS_NS)
        self._venue.want_state()
        return self._stopping.say_again()

    def _on_drain_due(self, key: TimerKey, now_ns: int) -> Effects:
        return [Halt(0, f"drain time is over; {len(self._state.reports.pending)} outcomes wait for the next start")]

    # operators

    def _on_command(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._handwork.on_command(message_of(envelope, Command), envelope.link, now_ns)

    def _on_ping(self, envelope: Envelope, now_ns: int) -> Effects:
        ping = message_of(envelope, Ping)
        return (Send(envelope.link, 0, Pong(self._state.name, self._state.account, ping.nonce)),)

    def _on_result(self, envelope: Envelope, now_ns: int) -> Effects:
        """A call is over: what it took is taken down besides."""
        result = message_of(envelope, VenueResult)
        job = self._desk.jobs.get(result.oid)
        effects = self._desk.on_result(result, now_ns)
        if job is not None and job.call == result.call:
            self._state.times.answered(job, result)
        return effects

    def _on_state_ask(self, envelope: Envelope, now_ns: int) -> Effects:
        self._venue.on_ask(message_of(envelope, StateAsk))
        return NOTHING

    def _on_wall_drift(self, envelope: Envelope, now_ns: int) -> Effects:
        self._state.wall.step(message_of(envelope, WallDrift).moved_ns)
        return NOTHING

    def _on_stops(self, envelope: Envelope, now_ns: int) -> Effects:
        """Stops, and live changes: what is looked at after them is held against the new limits."""
        effects = self._stopping.on_part(envelope, now_ns)
        return (*effects, *self._home.hellos()) if self._revise() else effects

    def _revise(self) -> bool:
        """Go by the live changes there are; whether they make another configuration than before, which a hello tells."""
        is_other = self._state.revise()
        if is_other:
            self._caretaker.configure()
        return is_other

    def _on_link_down(self, envelope: Envelope, now_ns: int) -> Effects:
        self._home.on_down(envelope.link)
        return NOTHING

    def _on_end(self, record: OrderRecord, outcome: Outcome, now_ns: int) -> list[Effect]:
        """An order ended: whoever asked for it hears of it, and the account is read anew."""
        if self._desk.jobs or self._state.is_draining:
            self._desk.reading.want()  # a change of what this one opened may wait for it to be shown; who drains tells it before the end
        else:
            self._desk.reading.want_soon(now_ns)
        if record.action == OPEN and outcome.code == REJECTED:
            self._state.tripwires.failed(f"{outcome.code} {outcome.detail}".strip())
        if record.action == OPEN and outcome.code == DENIED and is_breach(outcome.detail):
            self._state.tripwires.breached(now_ns, outcome.detail)
        if record.action == CLOSE:
            self._state.reads_before_open = self._state.book.read_count + 1
        if record.kind == ACT:
            return self._caretaker.ended(record, outcome.code, now_ns)
        return self._handwork.ended(record, outcome) if record.kind == MANUAL else []

    # store, shell

    def _on_fetched(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._state.fetches.fetched(message_of(envelope, Fetched), now_ns)

    def _on_durable(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._state.commits.durable(message_of(envelope, Durable).token, now_ns)

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        state = self._state
        state.is_draining = True
        state.timers.set((DRAIN, b""), now_ns + state.drain_ns)
        return (state.order_ack(now_ns),)

