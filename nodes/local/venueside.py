"""A local and its worker: attaching, reading the account, telling its state.

A state that was asked for (after a market block) is told only when the account is at rest: what is done because of the read
comes first, and the market, which sees the call at the broker, goes on meanwhile.
"""

from mesh.core import Commit, Effect, Envelope, Note, Send
from mesh.links import WORKER
from mesh.messages.orders import StateAsk
from mesh.messages.venue import VenueAttach, VenueAttached, VenueLost, VenueState
from mesh.units import MS_NS, SECOND_NS
from nodes.dayloss import Marks
from nodes.envelopes import message_of
from nodes.local.caretaker import Caretaker
from nodes.local.desk import ATTACH, Desk
from nodes.local.state import LocalState

TRY = ("attach", b"")
REFUSED_RETRY_NS = 5 * SECOND_NS
"""A terminal that is not the account's is looked at again this often."""


class VenueSide:
    """The worker link of one local."""

    def __init__(self, state: LocalState, desk: Desk, caretaker: Caretaker) -> None:
        self._state = state
        self._desk = desk
        self._caretaker = caretaker
        self._asked_block = 0
        self._marks_at_ns = 0
        """When the day's marks were made durable."""
        self.remark = ""
        """What is amiss at the terminal, in its own words; empty: nothing."""
        self.is_day_read = False
        """Whether the newest read counts for the day."""
        self._is_recorded = False
        """States are asked for by block: only those move the day's marks."""

    def attach(self) -> list[Effect]:
        """Have the worker look for the terminal, unless it is at something."""
        state = self._state
        if state.is_attached or self._desk.at:
            return []
        self._desk.at = ATTACH
        return [state.latch(), Send(WORKER, 0, VenueAttach(state.account))]

    def on_attached(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The worker is at the terminal, or says why it only observes."""
        message = message_of(envelope, VenueAttached)
        state = self._state
        if self._desk.at == ATTACH:
            self._desk.at = ""
        state.has_lock = True
        if message.refused:
            is_news = message.refused != state.refused
            state.refused = message.refused
            state.timers.set(TRY, now_ns + REFUSED_RETRY_NS)
            return [Note("error", "terminal_refused", {"why": message.refused})] if is_news else []
        state.is_attached, state.refused = True, ""
        state.book.attached(message)
        state.openings.is_hedging = message.hedging
        self._caretaker.attached()
        self.want_state()
        note = Note("info", "terminal_attached", {"login": message.login, "server": message.server})
        return [note, state.tell(state.book.symbols_message())]

    def on_lost(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """The worker is gone, or has lost its terminal."""
        reason = message_of(envelope, VenueLost).reason
        state = self._state
        state.counters.add("venue_lost_count")
        effects = self._desk.on_lost(reason, now_ns)
        state.is_attached = False
        state.timers.set(TRY, now_ns + state.timer_section.repeat_ms * MS_NS)
        return [Note("warning", "terminal_lost", {"why": reason}), *effects]

    # states

    def want_state(self) -> None:
        """Read the account soon; what was asked for is answered with it."""
        self._desk.reading.want(self._asked_block)

    def on_ask(self, ask: StateAsk) -> None:
        """The master wants the state after a block."""
        if self._state.account in ask.accounts:
            self._is_recorded = True
            self._asked_block = max(self._asked_block, ask.block)
            self.want_state()

    def on_state(self, envelope: Envelope, now_ns: int) -> list[Effect]:
        """A read: deals are told, the account is looked after, then its state is told."""
        read = message_of(envelope, VenueState)
        state = self._state
        began = self._desk.on_read(read.call, now_ns)
        if began is None:
            return []
        read_ns, f = began
        deals, puts = state.book.take(read, state.openings, read_ns, now_ns)
        puts += self._desk.lost.turn_up(read, now_ns)
        effects: list[Effect] = [Commit(0, tuple(puts))] if puts else []
        effects += self._remarked(read.remark)
        effects += [state.tell(deal) for deal in deals]
        if read.symbols:
            effects.append(state.tell(state.book.symbols_message()))
        if not state.book.is_complete:
            self._desk.reading.want(read.block)
            return effects
        effects += self._make(read.block, f, now_ns)
        if not state.is_draining:
            effects += self._caretaker.look(now_ns)
        if read.block and (self._desk.has_ready(now_ns) or self._desk.reading.is_wanted):
            self._desk.reading.want(max(read.block, self._asked_block))
            return effects
        if read.block >= self._asked_block:
            self._asked_block = 0
        state.counters.add("state_count")
        return [*effects, state.tell(state.book.tell())]

    def _remarked(self, remark: str) -> list[Effect]:
        """What is amiss at the terminal, noted when it changes."""
        if remark == self.remark:
            return []
        self.remark = remark
        return [Note("warning", "terminal_remark", {"says": remark})] if remark else [Note("info", "terminal_fine", {})]

    def _make(self, block: int, f: int, now_ns: int) -> list[Effect]:
        """The message of the newest read, and the marks of the day it moves."""
        state = self._state
        unseen_f = state.openings.unseen_f()
        f = min(f, unseen_f - 1) if unseen_f else f
        unknown_count = len(self._desk.jobs.unknown())
        newest = state.book.make(f, block, self._caretaker.is_managing, state.ladder.level(), unknown_count, now_ns)
        self.is_day_read = bool(block) or not self._is_recorded
        if self.is_day_read:
            before, state.book.marks = state.book.marks, state.guard.moved(state.book.marks, newest, newest.market_ns)
            return self._kept(before, now_ns)
        return []

    def _kept(self, before: Marks, now_ns: int) -> list[Effect]:
        """Marks that outlive the process: a new day or level at once, a new high within a second."""
        marks = self._state.book.marks
        if marks is before or ((marks.day, marks.level) == (before.day, before.level) and now_ns < self._marks_at_ns + SECOND_NS):
            return []
        self._marks_at_ns = now_ns
        return [Commit(0, (self._state.book.put(),))]
