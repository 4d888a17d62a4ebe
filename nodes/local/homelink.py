"""A local and its routers: hellos, where it is home, what the master lacks and what it lacks, leave to open.

It says hello to whoever does not answer, and to both again when it moves: the one it is home at takes the hello to the master.
The master's welcome names the last outcome it holds; everything above is told again, then LISTED.
"""

import msgspec

from mesh.core import Effect, Envelope, Note, Send
from mesh.links import router_link
from mesh.messages.base import Msg
from mesh.messages.control import Drilled, Entry, KillSetAsk, Latched
from mesh.messages.orders import CLONE, REPLACED, Grant, Listed, LocalWelcome, RouterHeartbeat
from mesh.messages.outcomes import OutcomeAck
from nodes import codes
from nodes.commits import nothing_follows
from nodes.envelopes import message_of
from nodes.fetches import Rows
from nodes.local.clearance import Clearance
from nodes.local.desk import Desk
from nodes.local.orderintake import OrderIntake
from nodes.local.reports import ARCHIVE, WINDOW_COUNT
from nodes.local.revival import BLOCK_COUNT, Revival
from nodes.local.state import LocalState
from nodes.stops import Result

LISTED_MAX = 1_024
"""Outcomes sent at once when the master asks what it lacks; the rest follows by repeats."""
IN_FLIGHT_MAX = 64


class HomeLink:
    """The router links of one local."""

    def __init__(self, state: LocalState, desk: Desk, intake: OrderIntake, clearance: Clearance) -> None:
        self._state = state
        self._clearance = clearance
        self._said: Latched | None = None
        """LATCHED as it was said last."""
        self._desk = desk
        self._intake = intake
        self._welcomed_e = 0
        """The epoch whose master has answered the hello sent through the router we are home at; 0: none has."""
        self._revival: Revival | None = None
        """What the master has forgotten, while it is read out of the archive: before everything is listed."""

    @property
    def is_welcomed(self) -> bool:
        """Whether the master of the newest epoch known here has answered; until then hello is said again and again."""
        return self._welcomed_e > 0 and self._welcomed_e == self._state.stream.e >= self._state.heard_e

    # routers

    def index_of(self, link: str) -> int:
        """Which router a link leads to; -1 for any other link."""
        links = [router_link(index) for index in range(self._state.homing.count)]
        return links.index(link) if link in links else -1

    def to_routers(self, message: Msg) -> list[Effect]:
        """The same message to both."""
        return [Send(router_link(index), 0, message) for index in range(self._state.homing.count)]

    def hellos(self) -> list[Effect]:
        """Hello to both."""
        return [self._state.hello(index) for index in range(self._state.homing.count)]

    def look(self, now_ns: int) -> list[Effect]:
        """Move where the rule says so; say hello to whoever does not answer."""
        homing = self._state.homing
        effects = self._move(now_ns)
        for index in range(homing.count) if not effects else ():
            if not homing.is_greeted(index, now_ns) or (index == homing.home and not self.is_welcomed):
                effects.append(self._state.hello(index))
        return effects

    def _move(self, now_ns: int) -> list[Effect]:
        """Move where the rule says so."""
        state = self._state
        if not state.homing.move(now_ns):
            return []
        state.counters.add("home_move_count")
        self._welcomed_e = state.heard_e = 0
        home = state.config.routers_of(state.name)[state.homing.home]
        return [Note("warning", "home_moved", {"to": home}), *self.hellos()]

    def on_up(self, link: str) -> list[Effect]:
        """A router's connection is there (again)."""
        index = self.index_of(link)
        return [self._state.hello(index)] if index >= 0 else []

    def on_down(self, link: str) -> None:
        """A router's connection is gone."""
        index = self.index_of(link)
        if index >= 0:
            self._state.homing.lost(index)
            if index == self._state.homing.home:
                self._welcomed_e = 0

    def on_heartbeat(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A router lives; what it knows of the master and of stops."""
        beat = message_of(envelope, RouterHeartbeat)
        state = self._state
        index = self.index_of(envelope.link)
        if index < 0:
            state.counters.add("stranger_count")
            return []
        state.homing.heard(index, beat.master_age_ns, now_ns, beat.is_leaving)
        # its answer to a hello is a heartbeat: who answered that with a hello would go on till it has left
        effects = self._move(now_ns) if beat.is_leaving else []
        if index == state.homing.home:
            effects += self._heard_epoch(beat.e)
        if beat.kill_digest != state.ladder.digest:
            known = state.ladder.stops.killset.known()
            effects.append(Send(envelope.link, 0, KillSetAsk(known)))
        return effects

    def _heard_epoch(self, e: int) -> list[Effect]:
        """Of a newer epoch the master hears hello at once, then at the pace of ``look``: the answer to a hello may speak of it too."""
        state = self._state
        if e <= max(state.heard_e, state.stream.e):
            return []
        state.heard_e = e
        return [state.hello(state.homing.home)]

    def say_latched(self) -> list[Effect]:
        """LATCHED to both; not before the account's lock is our own worker's, for till then another's may open (DESIGN §6.4)."""
        is_held = self._state.has_lock and self._state.ladder.durable()
        return self.to_routers(self._latched()) if is_held else []

    def say_drilled(self, result: Result) -> list[Effect]:
        """What LATCHED would say of a drill's entry, to both; nothing where it was refused, or the lock is not our own worker's."""
        if result.is_refused or not self._state.has_lock or not isinstance(result.item, Entry):
            return []
        state = self._state
        held = self._clearance.preview(result.id, result.item)
        in_flight = self._desk.in_flight()[:IN_FLIGHT_MAX]
        latched = Latched(state.account, state.life, result.item.level, [result.id], in_flight, 0, [held])
        return self.to_routers(Drilled(state.account, latched))

    def _latched(self) -> Latched:
        """The stops held here durably, and what is at the venue all the same."""
        state = self._state
        entries = state.ladder.durable()
        in_flight = self._desk.in_flight()[:IN_FLIGHT_MAX]
        number = self._said.number if self._said is not None else 0
        latched = Latched(state.account, state.life, state.ladder.level(), entries, in_flight, number, self._clearance.held)
        if latched != self._said:
            self._said = latched = msgspec.structs.replace(latched, number=number + 1)
        return latched

    # the master, through the router we are home at

    def on_welcome(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The master knows us: it learns what it lacks, we ask for what we lack."""
        welcome = message_of(envelope, LocalWelcome)
        state = self._state
        if (welcome.account, welcome.life) != (state.account, state.life) or welcome.e < state.stream.e:
            return []
        if (forged := state.seals.welcome(welcome, now_ns)) is not None:
            return forged
        self._welcomed_e = welcome.e
        effects = self._intake.on_welcome(welcome, now_ns)
        effects += [state.order_ack(now_ns), state.ask_grant(now_ns)]
        if state.is_attached:
            # A master that has just started, or hears of us only now, can size nothing before it has these.
            effects.append(state.tell(state.book.symbols_message()))
        if state.ladder.durable() and state.has_lock:
            self._clearance.look(now_ns)
            effects.append(Send(envelope.link, 0, self._latched()))
        if welcome.f > state.reports.f or welcome.is_rolled_back:
            state.is_rolled_back = True
            told = {"f": state.reports.f, "master_f": welcome.f, "do": "restore this store, or give it a new one"}
            effects.append(Note("error", "store_rolled_back", told))
            if welcome.f > state.reports.f:
                self._revival = None
                return [*effects, self._listed(skip_to_f=welcome.f)]
            effects.append(state.commits.make([state.meta_put()], nothing_follows))
        if self._revival is not None and self._revival.master_f == welcome.f:
            return effects  # what it lacks is being read, LISTED follows: begun anew with each welcome it would never end
        self._revival = Revival(state.reports, welcome.f) if welcome.f < state.reports.acked_f else None
        return effects + self._list_on(now_ns)

    def _list_on(self, now_ns: int) -> list[Effect]:
        """Read what the master has forgotten out of the archive; then tell everything it lacks."""
        state, revival = self._state, self._revival
        if revival is not None:
            if prefix := revival.next_prefix():
                return [state.fetches.make(ARCHIVE, prefix, BLOCK_COUNT, lambda rows, at_ns: self._on_archive(revival, rows, at_ns))]
            revival.finish()
            self._revival = None
        effects: list[Effect] = [state.tell(outcome) for outcome in state.reports.oldest(LISTED_MAX)]
        if effects:
            state.arm_repeat(now_ns)
        for job in self._desk.jobs:
            if job.record.attempt and not job.is_told:
                effects += self._desk.tell_state(job, codes.WORKING, now_ns)
        return [*effects, self._listed()]

    def _listed(self, skip_to_f: int = 0) -> Effect:
        """Say that everything was sent, once it is durable."""
        state = self._state

        def durable(now_ns: int) -> list[Effect]:
            unknown_count = len(self._desk.jobs.unknown())
            reports = state.reports
            is_skipped = reports.is_settled and skip_to_f > reports.f
            unheard = reports.unheard() if is_skipped else []
            puts = reports.skip_to(skip_to_f) if is_skipped else []
            listed = Listed(state.account, state.life, state.stream.e, reports.durable_f, unknown_count, reports.skipped)
            if not skip_to_f:
                return [state.ask_home(listed)]
            effects: list[Effect] = [state.commits.make([*puts, state.meta_put()], lambda _: [state.ask_home(listed)])]
            for outcome in unheard:
                # another life of this store may have said that it was nowhere: only this one knows better
                effects += state.report(msgspec.structs.replace(outcome, life=state.life), [], now_ns)
            return effects

        return state.commits.make([], durable)

    def _on_archive(self, revival: Revival, rows: Rows, now_ns: int) -> list[Effect]:
        """A block of the archive."""
        if self._revival is not revival:
            return []  # the master holds something else meanwhile
        revival.take(rows)
        return self._list_on(now_ns)

    def ask_grant(self, now_ns: int) -> list[Effect]:
        """Ask for leave to open, where the master knows us."""
        return [self._state.ask_grant(now_ns)] if self.is_welcomed else []

    def on_wall_step(self, step_ns: int) -> list[Effect]:
        """Leave to open may be older than it seems: none is left, and what was handed over under it comes back unsent."""
        self._state.wall.step(step_ns)
        self._state.master_clock.drop()
        return [self._state.withdraw()]

    def on_grant(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """Leave to open, or why not; and what the master published for us so far."""
        grant = message_of(envelope, Grant)
        state = self._state
        was_refused = state.freshness.refused
        if grant.account == state.account and (forged := state.seals.grant(grant, now_ns)) is not None:
            return forged
        asked_ns = state.freshness.asked_ns(grant.nonce)
        if asked_ns is not None:
            state.master_clock.heard(grant.e, asked_ns, grant.clock_ns, now_ns)
        if state.freshness.take(grant):
            state.counters.add("grant_count")
        if grant.e > state.stream.e:
            return self._heard_epoch(grant.e)
        if grant.refused:
            if grant.refused in (REPLACED, CLONE):
                self._welcomed_e = 0  # another life has our place: hello again and again, till it is ours or a person decides
            told = {"why": grant.refused}
            return [] if grant.refused == was_refused else [Note("warning", "grant_refused", told)]
        if grant.e == state.stream.e:
            self._intake.lacks(grant.k_last, now_ns)
        return []

    def on_ack(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The master has our outcomes up to a number."""
        ack = message_of(envelope, OutcomeAck)
        state = self._state
        if (ack.account, ack.life) != (state.account, state.life):
            return []
        if (forged := state.seals.ack(ack, now_ns)) is not None:
            return forged
        state.times.acked(ack.f, now_ns)
        effects = state.acked(ack.f)
        if effects and state.reports.pending:
            state.arm_repeat(now_ns)
            if len(state.reports.pending) > WINDOW_COUNT:
                effects += [state.tell(outcome) for outcome in state.reports.oldest()]
        return effects
