"""The local's one hand at the venue: which order goes next, its INTENT, its call, its result, its end.

One thing at a time: orders first; between them a look for a lost result, a read and an operator's errand in turn. An INTENT is durable
before the call, the RESULT with the outcome it leads to after it.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from mesh.core import Commit, Effect, Note, Put, Send
from mesh.links import WORKER
from mesh.messages.orders import CLOSE, MODIFY, OPEN
from mesh.messages.venue import VenueFind, VenueFound, VenueRead, VenueResult, VenueState
from mesh.units import MS_NS, NEVER, SECOND_NS
from nodes import codes
from nodes.commits import nothing_follows
from nodes.local import attempts
from nodes.local.attempts import CALLED, INTENT, ORDER, QUEUED, UNKNOWN, OrderRecord
from nodes.local.endings import ALREADY_CLOSED, Ending, Endings
from nodes.local.finishing import TOLD, Finishing, OnEnd, order_put
from nodes.local.intents import Attempt, End, Intents, Wait
from nodes.local.jobs import Job, Jobs
from nodes.local.lostattempts import LostAttempts
from nodes.local.reading import Reading
from nodes.local.retcodes import BACKOFF, RETRY, UNSENT
from nodes.local.state import LocalState

TOLD_AFTER_NS = SECOND_NS
"""An order that takes longer is told to be at work."""
WAKE = ("desk", b"")
FIND = ("find", b"")
ATTACH, SEND, READ, LOOK, ERRAND = "ATTACH", "SEND", "READ", "LOOK", "ERRAND"
"""What the worker can be at."""


class Errand(Protocol):
    """What an operator wants to be read of the venue: request after request, each in its turn between orders."""

    command_id: bytes
    """Of the command it is for."""

    def request(self, call: int) -> VenueRead | VenueFind | None:
        """What is asked next, under this number; None while something else has to be seen before."""

    def take(self, answer: VenueState | VenueFound, now_ns: int) -> tuple[bool, list[Effect]]:
        """The answer to it: whether it was the last one, and what follows."""

    def lost(self, reason: str, now_ns: int) -> list[Effect]:
        """The venue is gone, and with it the errand."""


class Desk:
    """Orders in hand and the one call at the worker. ``on_end``: told of every order that ended, for those who asked for it."""

    def __init__(self, state: LocalState, on_end: OnEnd) -> None:
        self._state = state
        self.jobs = Jobs()
        self._intents = Intents(state, self.jobs)
        self._endings = Endings(state)
        self._finishing = Finishing(state, self.jobs, self._endings, on_end)
        self.lost = LostAttempts(state, self.jobs, self._intents, self._endings, self._finishing, self._again)
        self._number = 0
        self.at = ""
        """What the worker is at; empty: nothing."""
        self._job: Job | None = None
        """The order at the worker, or whose INTENT is being written."""
        self._held: Attempt | None = None
        """Its INTENT is durable, but the worker has a read to finish first."""
        self.reading = Reading(state)
        self.errand: Errand | None = None
        """At most one at a time."""
        self._turns: list[tuple[str, Callable[[int], VenueFind | VenueRead | None]]] = [
            (LOOK, self._look), (READ, partial(self.reading.request, self._next_number)), (ERRAND, self._run_errand)
        ]  # fmt: skip
        """What the worker is at between orders, and what begins it: what waits longest goes first, so that nothing starves the rest."""
        self._pause_ns = state.timer_section.repeat_ms * MS_NS

    # orders in hand

    def take(self, job: Job, now_ns: int) -> None:
        """Take an order in hand; ``pump`` follows in the same call."""
        self.jobs.add(job)
        self._state.timers.set((TOLD, job.record.oid), now_ns + TOLD_AFTER_NS)

    def take_stored(self, jobs: list[Job], puts: list[Put], then: Callable[[], list[Effect]]) -> Commit:
        """Take orders in hand that are made durable together with other rows; ``then`` follows."""
        for job in jobs:
            job.is_storing = True
            self.jobs.add(job)
        rows = [*(order_put(job.record) for job in jobs), *puts]

        def durable(_now_ns: int) -> list[Effect]:
            for job in jobs:
                job.is_stored = True
            return then()

        return self._state.commits.make(rows, durable)

    def _store(self) -> list[Effect]:
        """Store what is no open and could not go at once: its sender may forget it then."""
        effects: list[Effect] = []
        for job in self.jobs.unstored():
            job.is_storing = True
            effects.append(self._state.commits.make([order_put(job.record)], partial(self._stored, job)))
        return effects

    def _stored(self, job: Job, now_ns: int) -> list[Effect]:
        job.is_stored = True
        return self._settle(job, now_ns)

    def _settle(self, job: Job, now_ns: int) -> list[Effect]:
        """The numbers under which it came are stored or answered."""
        effects = self._state.settle(self._state.stream.e, job.ks, now_ns)
        job.ks.clear()
        return effects

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is at the worker and nothing is being written."""
        return not self.at and self._job is None and self._state.reports.is_settled

    # the worker's next turn

    def pump(self, now_ns: int) -> list[Effect]:
        """Give the worker its next task, if it has none; orders that cannot go on end here."""
        if self._job is not None and self._held is not None and not self.at:
            return self._call(self._job, self._held, now_ns)
        effects: list[Effect] = []
        if self.jobs:
            if self._job is None:
                effects += self._next_order(now_ns)
            effects += self._store()
        if self._job is None and not self.at and self._state.is_attached:
            effects += self._between_orders(now_ns)
        return effects

    def _next_order(self, now_ns: int) -> list[Effect]:
        """The first that can go is written down; those before it that have nothing left to wait for end."""
        effects: list[Effect] = []
        wake_ns = NEVER
        for job in self.jobs:
            if job.record.state != QUEUED:
                continue
            verdict = self._intents.verdict(job, now_ns)
            if isinstance(verdict, End) and self._intents.may_be_anothers(job.record, now_ns):
                effects += self.search(job, verdict.code, verdict.detail, now_ns)
            elif isinstance(verdict, End):
                effects += self._end(job, Ending(verdict.code, verdict.detail), now_ns)
            elif isinstance(verdict, Wait):
                job.waits_for = verdict.what
                if verdict.needs_read:
                    self.reading.want()
                wake_ns = min(wake_ns, verdict.until_ns)
            else:
                effects += self._intend(job, verdict)
                break
        self._state.timers.set(WAKE, wake_ns)
        return effects

    def _between_orders(self, now_ns: int) -> list[Effect]:
        """The first in turn that has something to ask asks it, and goes to the end."""
        for turn in self._turns:
            at, begin = turn
            request = begin(now_ns)
            if request is not None:
                self.at = at
                self._turns = [*(other for other in self._turns if other is not turn), turn]
                return [Send(WORKER, 0, request)]
        return []

    def _next_number(self) -> int:
        self._number += 1
        return self._number

    def _look(self, now_ns: int) -> VenueFind | None:
        """The look that is due longest."""
        lost = self.jobs.unknown()
        # what another life may have executed it may still be executing, until its leave is over: ours comes after that
        if lost and not self._state.freshness.is_fresh(self._state.stream.e, now_ns):
            lost = [job for job in lost if not job.record.unrun]
        if not lost:
            return None
        job = min(lost, key=lambda job: job.ready_ns)
        if job.ready_ns > now_ns:
            self._state.timers.set(FIND, job.ready_ns)
            return None
        self._job = job
        job.call = self._next_number()
        return self.lost.find(job.record, job.call)

    def _run_errand(self, _now_ns: int) -> VenueRead | VenueFind | None:
        return self.errand.request(self._next_number()) if self.errand is not None else None

    # attempts

    def _intend(self, job: Job, attempt: Attempt) -> list[Effect]:
        """Write the next attempt down; the call follows when that is durable."""
        state, record = self._state, job.record
        since_ns = max(1, max(record.decided_market_ns, state.book.market_ns) - attempts.LOOK_BACK_NS)
        changes = attempts.intended(record, attempt.volume_e8, attempt.position_ticket, since_ns)
        if record.action == CLOSE and record.goal_e8 == 0:
            changes = msgspec.structs.replace(changes, goal_e8=attempt.volume_e8)
        if record.action == MODIFY and record.kind == ORDER:
            # the master names distances; told are the levels they make
            changes = msgspec.structs.replace(changes, sl_e8=attempt.sl_e8, tp_e8=attempt.tp_e8)
        job.record = changes
        self._job = job
        puts = [order_put(changes)]
        return [state.commits.make(puts, lambda now_ns: self._call(job, attempt, now_ns))]

    def _call(self, job: Job, attempt: Attempt, now_ns: int) -> list[Effect]:
        """The INTENT is durable: hand the call over, if everything still holds that allowed it."""
        state, record = self._state, job.record
        job.is_stored = True
        job.durable_ns = job.durable_ns if self._held is attempt else now_ns
        effects = self._settle(job, now_ns)
        if self.at:
            self._held = attempt
            return effects
        self._held = None
        if not self._intents.may_go(job, now_ns):
            job.record = attempts.moved(record, "withdraw")
            self._job = None
            return [*effects, state.commits.make([order_put(job.record)], nothing_follows)]
        stamps = record.stamps
        if not stamps.durable_ns:
            stamps = msgspec.structs.replace(stamps, durable_ns=now_ns)
        job.record = attempts.moved(record, "call", stamps=stamps)
        if record.action == OPEN:
            state.guard.passed(record)
        self.at = SEND
        job.call = self._next_number()
        state.counters.add("venue_call_count")
        # the worker first: the router can wait for its ack
        return [self._intents.call_of(job, attempt, job.call), *effects]

    def on_result(self, result: VenueResult, now_ns: int) -> list[Effect]:
        """How the call ended."""
        job = self._job
        if self.at != SEND or job is None or result.call != job.call:
            return []
        self.at, self._job = "", None
        record = job.record
        if result.class_ != UNSENT:
            self._state.called(record.action, now_ns)
        stamps = msgspec.structs.replace(record.stamps, called_ns=result.called_ns, answered_ns=result.answered_ns)
        job.record = msgspec.structs.replace(record, stamps=stamps)
        event = attempts.EVENT_OF_CLASS[result.class_]
        if event == "lose":
            job.record = attempts.named(job.record, result.order_ticket)
            return self._lose(job, f"retcode={result.retcode} {result.last_error or result.detail}".strip(), now_ns)
        if result.volume_e8:
            job.record = attempts.filled(job.record, result.volume_e8, result.price_e8, result.profit_e8)
            self._finishing.take_off(job.record, result.volume_e8)
        ending = self._endings.of_result(job, result)
        if ending is not None:
            return self._end(job, ending, now_ns)
        return self._again(job, result.class_, now_ns)

    def _end(self, job: Job, ending: Ending, now_ns: int) -> list[Effect]:
        """It ends; but where nothing was left to close, a lost attempt of its own may have done it: that is looked for first."""
        if ending.detail != ALREADY_CLOSED or not job.record.lost:
            return self._finishing.end(job, ending, now_ns)
        job.record = attempts.moved(job.record, "search", is_gone=True, detail=f"{ALREADY_CLOSED} lost={job.record.lost}")
        job.unsettle()
        job.ready_ns = now_ns
        return self._finishing.tell_state(job, UNKNOWN, now_ns)

    def _again(self, job: Job, class_: str, now_ns: int, more: Sequence[Put] = ()) -> list[Effect]:
        """Nothing happened, or not all: queue it for its next attempt; ``more`` rows go with that."""
        job.record = attempts.moved(job.record, "again")
        job.ready_ns = self._endings.ready_ns(job, class_, now_ns, self._pause_ns)
        action = job.record.action
        is_same_account = action != MODIFY and (class_ in (RETRY, UNSENT) or (class_ == BACKOFF and action != OPEN))
        if not is_same_account:
            # what is left, what an open may rest on, which levels are set, is seen by a read that begins after this answer
            job.read_after = self._state.book.read_count + 1
            self.reading.want()
        rows = [*self._state.openings.rows(), *self._state.caps.rows()]
        return [self._state.commits.make([order_put(job.record), *rows, *more], nothing_follows)]

    # lost results

    def on_lost(self, reason: str, now_ns: int) -> list[Effect]:
        """The worker is gone: what was in the call may have happened; an operator's errand is over."""
        was_at, job = self.at, self._job
        self.lost.unsettle()
        errand, self.errand = self.errand, None
        effects = errand.lost(reason, now_ns) if errand is not None else []
        if was_at == "" and (job is None or job.record.state == INTENT):
            return effects  # an INTENT being written finds no worker, and is withdrawn
        self.at = ""
        if was_at == READ:
            self.reading.want()
        if job is None or was_at not in (SEND, LOOK):
            return effects
        self._job = None
        if was_at == LOOK:
            return effects
        self._state.called(job.record.action, now_ns)
        return [*effects, *self._lose(job, f"worker={reason}", now_ns)]

    def _lose(self, job: Job, detail: str, now_ns: int) -> list[Effect]:
        lost_ns = job.record.lost_ns or max(1, self._state.book.market_ns)
        job.record = attempts.moved(job.record, "lose", detail=detail[:200], lost=attempts.lost(job.record), lost_ns=lost_ns)
        job.unsettle()
        job.ready_ns = now_ns
        self._state.counters.add("unknown_attempt_count")
        self._state.tripwires.failed(f"UNKNOWN {detail}")
        note = Note("warning", "attempt_unknown", {"oid": job.record.oid.hex(), "attempt": job.record.attempt, "why": detail})
        return [note, *self._finishing.tell_state(job, UNKNOWN, now_ns)]

    def tell_state(self, job: Job, code: str, now_ns: int) -> list[Effect]:
        """Report an order that has not ended, as UNKNOWN or WORKING."""
        return self._finishing.tell_state(job, code, now_ns)

    def search(self, job: Job, unrun: str, detail: str, now_ns: int) -> list[Effect]:
        """Look for an open that another life or store of ours may have executed: it never ends unseen, and never runs here.

        ``unrun``: see ``OrderRecord``.
        """
        record = job.record = attempts.searched(job.record, unrun, detail)
        self.jobs.add(job)
        self._state.guard.passed(record)
        self._state.counters.add("searched_open_count")
        why = "another life may have executed it" if unrun else "another store may have executed it"
        note = Note("info" if unrun else "warning", "opening_searched", {"oid": record.oid.hex(), "sid": record.sid, "why": why})
        return [note, *self._finishing.tell_state(job, UNKNOWN, now_ns)]

    def recovered(self, record: OrderRecord, now_ns: int) -> list[Effect]:
        """An order of the store: what was written down and has no result may have happened, and a copy may have gone on with an open."""
        was = record.state
        if was == QUEUED and record.action == OPEN:
            return self.search(Job(record, now_ns, is_stored=True), codes.EXPIRED, "restart=queued", now_ns)
        detail = "restart=without_result" if was == INTENT else record.detail
        lost = attempts.lost(record) if was == INTENT or (was == UNKNOWN and not record.lost) else record.lost
        lost_ns = record.lost_ns or (max(1, record.decided_market_ns) if lost else 0)
        job = Job(attempts.moved(record, "restart", detail=detail, lost=lost, lost_ns=lost_ns), now_ns, is_stored=True)
        self.jobs.add(job)
        if record.action == OPEN and record.attempt:
            self._state.guard.passed(record)
        if was != INTENT:
            return []
        self._state.called(record.action, now_ns)
        self._state.counters.add("unknown_attempt_count")
        return self._finishing.tell_state(job, UNKNOWN, now_ns)

    def on_found(self, found: VenueFound, now_ns: int) -> list[Effect]:
        """What looking for a lost attempt showed."""
        job = self._job
        if self.at != LOOK or job is None or found.call != job.call:
            return []
        self.at, self._job = "", None
        if job.record.state == UNKNOWN:
            return self.lost.found(job, found, now_ns)
        # an operator has said meanwhile that it was not executed
        return self.lost.found_after_end(job.record.oid, found, now_ns)

    def is_looking_for(self, job: Job) -> bool:
        """Whether what a look shows of an order is about to be known."""
        return self.at == LOOK and self._job is job

    def on_errand(self, answer: VenueState | VenueFound, now_ns: int) -> list[Effect] | None:
        """The answer to an operator's errand; None where it is the answer to something else."""
        if self.at != ERRAND or self.errand is None or answer.call != self._number:
            return None
        self.at = ""
        is_over, effects = self.errand.take(answer, now_ns)
        if is_over:
            self.errand = None
        return effects

    # reads

    def on_read(self, call: int, now_ns: int) -> tuple[int, int] | None:
        """The read with this number is there: (when it began, the outcomes it includes); None for an older one."""
        if self.at != READ or call != self._number:
            return None
        self.at = ""
        return self.reading.over(now_ns)

    def has_ready(self, now_ns: int) -> bool:
        """Whether an order would go to the worker now: what is read before it is over is soon old."""
        return self._job is not None or any(
            job.record.state in (INTENT, CALLED)
            or (job.record.state == QUEUED and not isinstance(self._intents.verdict(job, now_ns), Wait))
            for job in self.jobs
        )

    def in_flight(self) -> list[bytes]:
        """Opens handed over without a result, or with an unknown one."""
        return [job.record.oid for job in self.jobs if job.record.action == OPEN and job.record.state in (CALLED, UNKNOWN)]
