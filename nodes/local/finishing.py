"""What is written and told when an order ends, or is found to be at work: one commit, then the report.

With the outcome go the rows that change with it: the order in hand is gone, an executed opening is kept, an opening that a full
close came for before it ran will never run.
"""

from collections.abc import Callable, Sequence

import msgspec

from mesh.codec import encode
from mesh.core import Effect, Put
from mesh.ids import magic_of
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.outcomes import Outcome
from nodes import codes
from nodes.commits import nothing_follows
from nodes.local import attempts
from nodes.local.attempts import CALLED, ENDED, INTENT, QUEUED, UNKNOWN, OrderRecord
from nodes.local.endings import Ending, Endings
from nodes.local.jobs import Job, Jobs
from nodes.local.openings import OpeningRecord
from nodes.local.state import LocalState

ORDER_ROW, BARRED = "order", "barred"
"""Kinds of the rows: an order in hand; an opening that a full close came for before it ran."""
TOLD = "told"
"""Timer, by oid: an order that takes long is told to be at work."""
EMPTY_ROW = b"\x90"
"""A row whose key says it all: MessagePack of an empty array."""
_END_EVENT = {QUEUED: "end", UNKNOWN: "absent"}
"""Of an order that ends because of another: nothing of it is at the worker."""

OnEnd = Callable[[OrderRecord, Outcome, int], list[Effect]]
"""Told of every order that ended: the record, its outcome (its number not yet in it), the time."""


class Finishing:
    """Ends orders of one local."""

    def __init__(self, state: LocalState, jobs: Jobs, endings: Endings, on_end: OnEnd) -> None:
        self._state = state
        self._jobs = jobs
        self._endings = endings
        self._on_end = on_end

    def tell_state(self, job: Job, code: str, now_ns: int) -> list[Effect]:
        """Report an order that has not ended, as UNKNOWN or WORKING."""
        job.is_told = True
        outcome = self._endings.outcome(job.record, code, job.record.detail or f"state={job.record.state}", False)
        return self._state.report(outcome, [order_put(job.record), *self._state.caps.rows()], now_ns)

    def end(self, job: Job, ending: Ending, now_ns: int, event: str = "end", more: Sequence[Put] = ()) -> list[Effect]:
        """An order ends with its one code: durable, ``more`` rows with it, then told."""
        state = self._state
        # a row under way comes before the commit made here, and is undone by it
        was_stored = job.is_stored or job.is_storing or job.record.attempt > 0
        record = job.record = attempts.moved(job.record, event)
        assert record.state == ENDED, f"{record.oid.hex()} is {record.state} at its end"
        older = self._changes_before(job) if ending.code == codes.MODIFIED else []
        self._jobs.remove(job)
        state.timers.cancel((TOLD, record.oid))
        outcome = self._endings.outcome(record, ending.code, ending.detail, True, ending.result)
        # ``more`` may bring its row back for this very commit: the end has the last word
        puts = [*more, Put(ORDER_ROW, record.oid, None)] if was_stored else [*more]
        if record.not_found_ns and event == "absent":
            puts += state.late.watch(record)
        if record.action == OPEN and record.attempt and not record.not_found_ns:
            puts += state.guard.kept(record)
        if record.action == OPEN and record.done_e8:
            state.openings.add(self._opening(record, outcome), now_ns)
        puts += [*state.openings.rows(), *state.caps.rows()]
        if record.action == CLOSE:
            puts += self._stand(record)
        effects = state.report(outcome, puts, now_ns)
        if job.ks:
            e, ks = state.stream.e, tuple(job.ks)
            effects.append(state.commits.make([], lambda durable_ns: state.settle(e, ks, durable_ns)))
            job.ks.clear()
        effects += self._on_end(record, outcome, now_ns)
        for other in older:
            effects += self.end(other, Ending(codes.SUPERSEDED, f"by={record.oid.hex()}"), now_ns, _END_EVENT[other.record.state])
        return effects

    def shelve(self, job: Job) -> list[Effect]:
        """What seemed to be of an open that had ended NOT_FOUND was nothing: its line stays as it ended, and it is watched again."""
        record = attempts.moved(job.record, "absent")
        self._jobs.remove(job)
        return [self._state.commits.make([Put(ORDER_ROW, record.oid, None), *self._state.late.watch(record)], nothing_follows)]

    def _changes_before(self, job: Job) -> list[Job]:
        """Changes of the same position that came before one that is done: their levels are of the past."""
        ticket = self._ticket_of(job.record)
        return [other for other in self._jobs.changes_before(job) if self._ticket_of(other.record) == ticket]

    def _ticket_of(self, record: OrderRecord) -> int:
        """The position a change is of."""
        opening = self._state.openings.of_oid(record.ref_oid)
        return record.position_ticket or record.ref_ticket or (opening.position_ticket if opening else 0)

    def _stand(self, record: OrderRecord) -> list[Put]:
        """A full close of what has not run, or was never seen, stands over what turns up: the row of that."""
        openings = self._state.openings
        opening = openings.of_oid(record.ref_oid)
        if opening is not None and record.volume_e8 == 0 and not opening.is_proven:
            openings.bar(record.ref_oid)
        return [Put(BARRED, record.ref_oid, EMPTY_ROW)] if record.ref_oid in openings.barred else []

    def _opening(self, record: OrderRecord, outcome: Outcome) -> OpeningRecord:
        return OpeningRecord(
            oid=record.oid,
            magic=magic_of(record.oid, self._state.account, record.attempt),
            sid=record.sid,
            strategy=record.strategy,
            leg=record.leg,
            symbol=record.symbol,
            side=record.side,
            volume_e8=record.done_e8,
            price_e8=record.price_e8,
            position_ticket=outcome.position_ticket,
            f=self._state.reports.f + 1,
            sl_distance_e8=record.sl_distance_e8,
            decided_ns=record.decided_market_ns,
            deal_ticket=outcome.deal_ticket,
            order_ticket=outcome.order_ticket,
        )

    def take_off(self, record: OrderRecord, volume_e8: int) -> None:
        """A close of ours took lots off an opening: its row goes with the commit of that result."""
        if record.action != CLOSE:
            return
        openings = self._state.openings
        opening = openings.of_oid(record.ref_oid) or openings.of_ticket(record.position_ticket or record.ref_ticket)
        if opening is not None:
            openings.take_off(opening, volume_e8)


def order_put(record: OrderRecord) -> Put:
    """The row of an order in hand. On disk there is no CALLED: whether the call was made is not known there."""
    if record.state == CALLED:
        record = msgspec.structs.replace(record, state=INTENT)
    return Put(ORDER_ROW, record.oid, encode(record))
