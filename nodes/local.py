"""The local: one account. It executes orders once, guards and manages the account, and tells what is, to the router it is home at.

Its parts: ``nodes.orderintake`` (orders as they come), ``nodes.desk`` (the one hand at the venue), ``nodes.caretaker`` (what it
does by itself, also when cut off), ``nodes.handwork`` (manual commands), ``nodes.accountbook`` (what it knows of the account);
what they share is ``nodes.localstate``. Here is the rest: hellos and homes, grants, stops, states, the worker's coming and going.
"""

from collections.abc import Callable

from mesh.codec import encode
from mesh.config import Config
from mesh.core import (
    Commit,
    Core,
    Durable,
    Effect,
    Effects,
    Envelope,
    Fetch,
    Fetched,
    Halt,
    LinkDown,
    LinkUp,
    Note,
    Send,
    Stop,
)  # fmt: skip
from mesh.links import WORKER, router_link
from mesh.messages.base import Msg
from mesh.messages.control import Command, Entry, KillSetAsk, KillSetPart, Latched, Ping, Pong, Undo
from mesh.messages.orders import GapFill, Grant, Listed, LocalWelcome, Order, RouterHeartbeat, StateAsk
from mesh.messages.outcomes import Outcome, OutcomeAck
from mesh.messages.venue import (
    VenueAttach,
    VenueAttached,
    VenueFound,
    VenueLatch,
    VenueLost,
    VenueResult,
    VenueState,
)  # fmt: skip
from mesh.units import MS_NS, SECOND_NS
from nodes.accountbook import BOOK
from nodes.attempts import ACT, MANUAL, OrderRecord, decoded
from nodes.caretaker import Caretaker
from nodes.desk import ATTACH, BARRED, FIND, ORDER_ROW, WAKE, Desk
from nodes.envelopes import message_of
from nodes.handwork import COMMAND, Handwork
from nodes.localstate import META, LocalState, TimerKey
from nodes.openings import OPENING
from nodes.orderintake import GAP, OrderIntake
from nodes.reports import ARCHIVE, KNOWN, OUTCOME, WINDOW_COUNT
from nodes.stops import KNOWN_MAX, STOP

GRANT, STATE, HOMES, TRY, DRAIN, REPEAT, TOLD = "grant", "state", "homes", "attach", "drain", "repeat", "told"
REFUSED_RETRY_NS = 5 * SECOND_NS
"""A terminal that is not the account's is looked at again this often."""
LISTED_MAX = 1_024
"""Outcomes sent at once when the master asks what it lacks; the rest follows by repeats."""
ARCHIVE_BLOCK = 256
IN_FLIGHT_MAX = 64


class Local(Core):
    """The local of one account. ``store_id``: the genesis of its store, where the shell knows it."""

    def __init__(self, name: str, config: Config, life: int, store_id: bytes = b"") -> None:
        super().__init__()
        self._state = LocalState(name, config, life, store_id, self.counters)
        self._desk = Desk(self._state, self._on_end)
        self._intake = OrderIntake(self._state, self._desk)
        self._caretaker = Caretaker(self._state, self._desk)
        self._handwork = Handwork(self._state, self._desk)
        self._is_welcomed = False
        self._listing: list[bytes] = []
        """Parts of the archive still to be read before everything is listed."""
        self._master_f = 0
        self._asked_block = 0
        self._is_recorded = False
        self.handlers = {
            Durable: self._on_durable,
            Fetched: self._on_fetched,
            LinkUp: self._on_link_up,
            LinkDown: self._on_link_down,
            Stop: self._on_stop,
            RouterHeartbeat: self._on_heartbeat,
            LocalWelcome: self._from_home(self._on_welcome),
            Order: self._from_home(self._intake.on_order),
            GapFill: self._from_home(self._intake.on_gap_fill),
            Grant: self._from_home(self._on_grant),
            OutcomeAck: self._on_outcome_ack,
            StateAsk: self._on_state_ask,
            Command: self._on_command,
            Ping: self._on_ping,
            Entry: self._on_stop_item,
            Undo: self._on_stop_item,
            KillSetPart: self._on_kill_part,
            KillSetAsk: lambda envelope, now_ns: tuple(self._state.ladder.stops.on_ask(envelope)),
            VenueAttached: self._from_worker(self._on_attached),
            VenueResult: self._from_worker(lambda e, now: self._desk.on_result(message_of(e, VenueResult), now)),
            VenueFound: self._from_worker(lambda e, now: self._desk.on_found(message_of(e, VenueFound), now)),
            VenueState: self._from_worker(self._on_state),
            VenueLost: self._from_worker(self._on_lost),
        }

    # what the shell asks

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Take the store's rows; what was written down without a result is to be looked for."""
        state = self._state
        by_kind: dict[str, list[tuple[bytes, bytes]]] = {}
        for kind, key, record in rows:
            by_kind.setdefault(kind, []).append((key, record))
        for _key, record in by_kind.get(META, []):
            state.restore_meta(record)
        for kind in (OUTCOME, KNOWN):
            for key, record in by_kind.get(kind, []):
                state.reports.restore(kind, key, record)
        state.reports.restored(state.reports.f)
        for _key, record in by_kind.get(OPENING, []):
            state.openings.restore(record, now_ns)
        for key, _record in by_kind.get(BARRED, []):
            state.openings.bar(key)
        for _key, record in by_kind.get(STOP, []):
            state.ladder.restore(record)
        for _key, record in by_kind.get(BOOK, []):
            state.book.restore(record)
        for _key, record in by_kind.get(COMMAND, []):
            self._handwork.restore(record)
        effects: list[Effect] = [Commit(0, (state.meta_put(),))]
        for _key, record in by_kind.get(ORDER_ROW, []):
            effects += self._desk.recovered(decoded(record), now_ns)
        return tuple(effects)

    def start(self, now_ns: int) -> Effects:
        """Say hello everywhere, look for the terminal."""
        state = self._state
        state.homing.start(now_ns)
        if state.reports.pending:
            state.arm_repeat(now_ns)
        for word in (HOMES, GRANT, STATE, TRY):
            state.timers.set((word, b""), now_ns)
        effects = [state.hello(index) for index in range(state.homing.count)]
        self.deadline_ns = state.timers.next_ns
        return tuple(effects)

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """Effects of one message; then the worker's next task."""
        effects = super().handle(envelope, now_ns)
        return self._after(effects, now_ns)

    def on_deadline(self, now_ns: int) -> Effects:
        """Hellos, grants, states, repeats, orders that waited."""
        effects: list[Effect] = []
        for key in self._state.timers.due(now_ns):
            effects += self._on_timer(key, now_ns)
        return self._after(tuple(effects), now_ns)

    def _after(self, effects: Effects, now_ns: int) -> Effects:
        more = self._desk.pump(now_ns)
        state = self._state
        if state.is_draining and self._desk.is_quiet and not state.commits.count and not state.reports.pending:
            more.append(Halt(0, "stopped: nothing is at the venue and all outcomes are acked"))
        self.deadline_ns = state.timers.next_ns
        return (*effects, *more) if more else effects

    def phase(self) -> str:
        """READY once the master knows it and the account was read."""
        if self._state.is_draining:
            return "DRAINING"
        is_ready = self._state.is_attached and self._state.book.is_complete and self._is_welcomed
        return "READY" if is_ready else "STARTING"

    def market_ns(self) -> int:
        """Market time of the newest read."""
        return self._state.book.market_ns

    def facts(self) -> dict[str, str]:
        """Where its orders come from, whether it may open, what its terminal says."""
        state = self._state
        leave = state.freshness.leave
        return {
            "account": state.account,
            "home": state.config.routers_of(state.name)[state.homing.home],
            "terminal": "attached" if state.is_attached else state.refused or "not attached",
            "grant": state.freshness.refused or ("held" if leave is not None else "none"),
            "ladder": state.ladder.level(),
            "in_hand": str(len(self._desk.jobs)),
            "unknown": str(len(self._desk.jobs.unknown())),
            "unacked": str(len(state.reports.pending)),
        }

    # who may speak

    def _from_home(self, handler: Callable[[Envelope, int], list[Effect]]) -> Callable[[Envelope, int], Effects]:
        """A handler for messages of the router orders come from, and of no other."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            if envelope.link != self._state.home_link:
                self.counters.add("stranger_count")
                return ()
            return tuple(handler(envelope, now_ns))

        return guarded

    def _from_worker(self, handler: Callable[[Envelope, int], list[Effect]]) -> Callable[[Envelope, int], Effects]:
        """A handler for messages of our own worker."""

        def guarded(envelope: Envelope, now_ns: int) -> Effects:
            if envelope.link != WORKER:
                self.counters.add("stranger_count")
                return ()
            return tuple(handler(envelope, now_ns))

        return guarded

    def _to_routers(self, message: Msg) -> list[Effect]:
        return [Send(router_link(index), 0, message) for index in range(self._state.homing.count)]

    # timers

    def _on_timer(self, key: TimerKey, now_ns: int) -> list[Effect]:
        word, oid = key
        state = self._state
        timers = state.timer_section
        if key in (WAKE, FIND):
            return []  # the desk looks again after every call
        if key == GAP:
            return self._intake.ask_gaps(now_ns)
        if word == REPEAT:
            return state.repeat(now_ns)
        if word == TOLD:
            job = self._desk.jobs.get(oid)
            is_silent = job is not None and job.record.attempt > 0 and not job.is_told
            return self._desk.tell_state(job, "WORKING", now_ns) if is_silent and job is not None else []
        if word == HOMES:
            state.timers.set(key, now_ns + timers.heartbeat_ms * MS_NS)
            return self._look_at_homes(now_ns)
        if word == GRANT:
            state.timers.set(key, now_ns + timers.grant_ask_ms * MS_NS)
            return [state.ask_home(state.freshness.ask(now_ns))] if self._is_welcomed else []
        if word == STATE:
            state.timers.set(key, now_ns + timers.state_ms * MS_NS)
            self._desk.want_read(self._asked_block)
            return []
        if word == TRY:
            return self._attach()
        return [Halt(0, f"drain time is over; {len(state.reports.pending)} outcomes wait for the next start")]

    # operators

    def _on_command(self, envelope: Envelope, now_ns: int) -> Effects:
        return tuple(self._handwork.on_command(message_of(envelope, Command), envelope.link, now_ns))

    def _on_ping(self, envelope: Envelope, now_ns: int) -> Effects:
        ping = message_of(envelope, Ping)
        return (Send(envelope.link, 0, Pong(self._state.name, self._state.account, ping.nonce)),)

    def _on_stop_item(self, envelope: Envelope, now_ns: int) -> Effects:
        raw = envelope.frames[0] if envelope.frames else encode(envelope.message)
        return tuple(self._take_stops([raw], now_ns))

    def _on_kill_part(self, envelope: Envelope, now_ns: int) -> Effects:
        items = message_of(envelope, KillSetPart).items
        return tuple(self._take_stops(items, now_ns)) if items else ()

    def _take_stops(self, items: list[bytes], now_ns: int) -> list[Effect]:
        """Stops bind and the latch word is set at once; LATCHED is said when they are durable."""
        state = self._state
        effects: list[Effect] = []
        puts = []
        for raw in items:
            new_puts, notes = state.ladder.take_untrusted(raw)
            puts += new_puts
            effects += notes
        if not puts:
            return [*effects, *self._to_routers(self._latched())]
        state.freshness.demand_new(now_ns)
        self._desk.want_read(self._asked_block)
        latch = Send(WORKER, 0, VenueLatch(state.ladder.latch_count))
        commit = state.commits.make(puts, lambda _: self._to_routers(self._latched()))
        ask = [state.ask_home(state.freshness.ask(now_ns))] if self._is_welcomed else []
        return [latch, *effects, commit, *ask]

    def _latched(self) -> Latched:
        state = self._state
        entries = state.ladder.stops.killset.known()[:KNOWN_MAX]
        in_flight = self._desk.in_flight()[:IN_FLIGHT_MAX]
        return Latched(state.account, state.life, state.ladder.level(), entries, in_flight)

    def _on_end(self, record: OrderRecord, outcome: Outcome, now_ns: int) -> list[Effect]:
        """An order ended: whoever asked for it hears of it, and the account is read anew."""
        self._desk.want_read(self._asked_block)
        if record.kind == ACT:
            return self._caretaker.ended(record, outcome.code, now_ns)
        return self._handwork.ended(record, outcome) if record.kind == MANUAL else []

    # store, shell

    def _on_durable(self, envelope: Envelope, now_ns: int) -> Effects:
        return tuple(self._state.commits.durable(message_of(envelope, Durable).token, now_ns))

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        state = self._state
        state.is_draining = True
        state.timers.set((DRAIN, b""), now_ns + state.drain_ns)
        return (state.order_ack(),)

