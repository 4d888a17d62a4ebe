"""What an order needs before its next attempt: the literal answers WAIT, an end with its code, or the call to make.

Everything here only looks. Opens need: no stop, a deadline that has not passed, a live grant, a read of the account, no
unknown result in that symbol, room under the caps, the guard's word. Closes need to know the position and what is left of it; they
ask nobody.
"""

import msgspec

from mesh.core import Send
from mesh.links import WORKER
from mesh.messages.accounts import Position
from mesh.messages.base import NO_OID
from mesh.messages.control import ACTIVE, FLATTEN
from mesh.messages.orders import CLOSE, MODIFY, OPEN
from mesh.messages.venue import VenueSend
from mesh.units import MS_NS, NEVER
from nodes import codes
from nodes.local.attempts import ACT, CALLED, INTENT, LEAVE, ORDER, UNKNOWN, OrderRecord, comment, magic, rest_e8
from nodes.local.endings import ALREADY_CLOSED
from nodes.local.jobs import Job, Jobs
from nodes.local.openings import Opening
from nodes.local.state import LocalState


class End(msgspec.Struct, frozen=True, gc=False):
    """The order ends without (another) attempt."""

    code: str
    detail: str


class Wait(msgspec.Struct, frozen=True, gc=False):
    """Not now; look again at ``until_ns``, or when something comes. ``needs_read``: a read of the venue would help."""

    until_ns: int = NEVER
    needs_read: bool = False
    what: str = ""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """What the next attempt asks for."""

    volume_e8: int = 0
    side: int = 0
    position_ticket: int = 0
    sl_e8: int = 0
    tp_e8: int = 0


Verdict = End | Wait | Attempt


class Intents:
    """Looks at orders for the desk."""

    def __init__(self, state: LocalState, jobs: Jobs) -> None:
        self._state = state
        self._jobs = jobs
        self._open_deadline_ns = state.timer_section.open_deadline_ms * MS_NS

    def verdict(self, job: Job, now_ns: int) -> Verdict:
        """What is to become of a queued order now."""
        if job.ready_ns > now_ns:
            return Wait(job.ready_ns, what="pause")
        if self._state.book.read_count < job.read_after:
            return Wait(needs_read=True, what="read")
        action = job.record.action
        if action == OPEN:
            return self._open(job, now_ns)
        if action == CLOSE:
            return self._close(job, now_ns)
        return self._modify(job) if action == MODIFY else self._cancel(job)

    # opens

    def _open(self, job: Job, now_ns: int) -> Verdict:
        record, state = job.record, self._state
        if record.oid in state.openings.barred:
            return End(codes.SUPERSEDED, "closed=before_it_ran")
        if record.e < state.stream.e:
            return End(codes.EXPIRED, f"epoch={record.e} now={state.stream.e}")
        hindrance = self._killed(record) or self._late(job, now_ns)
        if hindrance is not None:
            return hindrance
        if state.is_draining:
            return Wait(what="drain")
        if self.is_older(record):
            return End(codes.EXPIRED, f"n={record.n} published=before_this_life")
        if not self._is_granted(record, now_ns):
            if not job.waits_for:
                state.counters.add("ungranted_count")
            return Wait(self._give_up_ns(job), what="grant")
        if not state.is_attached or not state.book.is_complete:
            if state.refused:
                return End(codes.DENIED, f"TERMINAL {state.refused}")
            return Wait(self._give_up_ns(job), what="terminal")
        if state.unfit:
            return End(codes.DENIED, f"MISMATCH at=local change={state.unfit}")
        if state.is_rolled_back:
            return End(codes.DENIED, "ROLLBACK outcomes=lost")
        if lost := self._jobs.unknown_in(record.symbol):
            if all(other.record.unrun for other in lost):
                return Wait(self._give_up_ns(job), what="search")
            return End(codes.DENIED, f"UNKNOWN symbol={record.symbol} result=unknown")
        if state.book.read_count < state.reads_before_open:
            return Wait(self._give_up_ns(job), needs_read=True, what="read")
        return self._guarded(record, now_ns)

    def _guarded(self, record: OrderRecord, now_ns: int) -> Verdict:
        state, book = self._state, self._state.book
        told = book.newest
        assert told is not None, "a complete book has a state"
        objection = state.caps.objection(record, self._positions_count, now_ns) or state.equity_stop.objection()
        if objection is None:
            objection = state.guard.objection(record, told, book.symbols, state.openings, book.marks)
        if objection is not None:
            state.counters.add("guard_count")
            return End(codes.DENIED, objection)
        return Attempt(record.volume_e8, record.side)

    def _positions_count(self) -> int:
        """Positions there are, and what may be there though no read has shown it."""
        unseen = [opening for opening in self._state.openings.unseen() if opening.left_e8 > 0]
        lost = [job for job in self._jobs.unknown() if job.record.action == OPEN]
        return len(self._state.book.positions) + len(unseen) + len(lost)

    def _give_up_ns(self, job: Job) -> int:
        """When an open that waits is surely over."""
        local_ns = self._state.freshness.local_ns(job.record.e, job.record.deadline_ns)
        if local_ns is None or not job.record.deadline_ns:
            return job.arrived_ns + self._open_deadline_ns
        return min(local_ns, job.arrived_ns + self._open_deadline_ns)

    def _killed(self, record: OrderRecord) -> End | None:
        """The stop that binds an open."""
        state = self._state
        level = state.ladder.level(record.symbol, record.strategy)
        if level != ACTIVE:
            return End(codes.KILLED, f"level={level}")
        if state.freshness.is_below_floor(record.e, record.n):
            return End(codes.KILLED, f"n={record.n} decided=before_undo_or_change")
        return None

    def is_late(self, job: Job, now_ns: int) -> bool:
        """Whether an open's time is over."""
        return now_ns >= self._give_up_ns(job)

    def _late(self, job: Job, now_ns: int) -> End | None:
        """An open whose time is over."""
        give_up_ns = self._give_up_ns(job)
        if now_ns < give_up_ns:
            return None
        self._state.counters.add("expired_count")
        waited = f" waited_for={job.waits_for}" if job.waits_for else ""
        return End(codes.EXPIRED, f"late_ms={(now_ns - give_up_ns) // MS_NS}{waited}")

    def _is_granted(self, record: OrderRecord, now_ns: int) -> bool:
        """Whether there is leave to open under this order's epoch."""
        return self._state.freshness.is_live(record.e, self._state.ladder.digest, now_ns)

    def may_be_anothers(self, record: OrderRecord, now_ns: int) -> bool:
        """Whether another life may have executed an open that was not begun here: it was published before this one had leave, or this one
        has none now.
        """
        return _is_unbegun(record) and (self.is_older(record) or not self._state.freshness.is_fresh(record.e, now_ns))

    def is_older(self, record: OrderRecord) -> bool:
        """Whether an open that was not begun here was published before this life had leave."""
        state = self._state
        is_older = state.stream.is_older(record.e, record.k) or state.freshness.is_of_other_life(record.e, record.n)
        return is_older and _is_unbegun(record)

    def may_go(self, job: Job, now_ns: int) -> bool:
        """Whether everything still holds that allowed an attempt whose INTENT has been written."""
        if not self._state.is_attached:
            return False
        if job.record.action != OPEN:
            return True
        return self._killed(job.record) is None and not self.is_late(job, now_ns) and self._is_granted(job.record, now_ns)

    # closes

    def _close(self, job: Job, now_ns: int) -> Verdict:
        record = job.record
        found = self._by_opening(job) if record.ref_oid != NO_OID else self._by_ticket(job)
        if isinstance(found, End | Wait):
            return found
        if not self._state.is_attached:
            return Wait(what="terminal")
        goal_e8 = found.volume_e8 - record.volume_e8
        if record.goal_e8:
            # never more than was meant; and what an attempt closed that nobody could find is not there any more
            goal_e8 = min(rest_e8(record), goal_e8)
        if goal_e8 <= 0:
            return self._gone(job, codes.CLOSED, ALREADY_CLOSED)
        return msgspec.structs.replace(found, volume_e8=goal_e8)

    def _gone(self, job: Job, code: str, detail: str) -> End | Wait:
        """The end of an order whose position is no more: that is proven only by a read of this account that began after it came."""
        book = self._state.book
        if not self._state.is_attached:
            return Wait(what="terminal")
        if book.read_ns < job.arrived_ns:
            return Wait(needs_read=True, what="read")
        # what is read of a terminal without its server, or in part, proves nothing: the next read may
        return End(code, detail) if book.is_proof else Wait(what="read")

    def _by_opening(self, job: Job) -> Verdict:
        """The position an opening became, and how much of it is open."""
        state, record = self._state, job.record
        opening = state.openings.of_oid(record.ref_oid)
        if opening is not None:
            return self._of_opening(job, opening)
        running = self._jobs.get(record.ref_oid)
        if running is not None and (running.record.state in (INTENT, CALLED, UNKNOWN) or record.volume_e8 > 0):
            return Wait(what="opening")
        if running is None and state.reports.known_f(record.ref_oid):
            if record.volume_e8 == 0 and state.late.is_watched(record.ref_oid):
                state.openings.bar(record.ref_oid)
            return End(codes.CLOSED, "already=never_opened")
        if record.ref_ticket and running is None:
            return self._at_ticket(job)
        if record.volume_e8 == 0:
            state.openings.bar(record.ref_oid)
        return End(codes.CLOSED, "already=superseded")

    def _of_opening(self, job: Job, opening: Opening) -> Verdict:
        """What is left of an opening at its position."""
        openings = self._state.openings
        if opening.left_e8 <= 0:
            return self._gone(job, codes.CLOSED, ALREADY_CLOSED)
        # what an earlier life knew may have changed since
        if not self._state.book.read_count:
            return Wait(needs_read=True, what="read")
        # a netting position may be another's as long as none of it was seen as ours
        if not opening.position_ticket or not (openings.is_hedging or opening.is_seen):
            return Wait(what="position")
        if self._is_sharing(job.record):
            return Wait(what="close")
        return Attempt(openings.left_with_older_e8(opening), -opening.record.side, opening.position_ticket)

    def _is_sharing(self, record: OrderRecord) -> bool:
        """Whether nobody knows what another close has left of the lots that are ours in a netting position."""
        lost = self._jobs.unknown() if not self._state.openings.is_hedging else []
        return any(job.record.action == CLOSE and job.record.symbol == record.symbol for job in lost)

    def _by_ticket(self, job: Job) -> Verdict:
        if not job.record.ref_ticket:
            return End(codes.REJECTED, "names=nothing")
        return self._at_ticket(job)

    def _at_ticket(self, job: Job) -> Verdict:
        state, record = self._state, job.record
        if not state.book.is_complete:
            return Wait(needs_read=True, what="read")
        position = state.book.position(record.ref_ticket)
        if position is None:
            return self._gone(job, codes.CLOSED, ALREADY_CLOSED)
        volume_e8 = position.volume_e8
        if record.kind == ACT and state.ladder.level(position.symbol) != FLATTEN:
            if self._is_sharing(record):
                return Wait(what="close")
            # our own acts take what is ours and leave the rest of a netting position
            volume_e8 = min(volume_e8, record.volume_e8 + state.openings.ours_e8(position))
        return Attempt(volume_e8, -position.side, position.ticket)

    # changes

    def _modify(self, job: Job) -> Verdict:
        record, state = job.record, self._state
        opening = state.openings.of_oid(record.ref_oid) if record.ref_oid != NO_OID else None
        if opening is None and self._jobs.get(record.ref_oid) is not None:
            return Wait(what="opening")
        ticket = opening.position_ticket if opening else record.ref_ticket
        if not state.book.is_complete or not state.is_attached:
            return Wait(needs_read=True, what="read")
        position = state.book.position(ticket)
        if position is None:
            if opening is not None and opening.left_e8 and not opening.is_proven:
                return Wait(what="position")
            return self._gone(job, codes.SUPERSEDED, "position=closed")
        if record.kind == ACT and (end := _overtaken(record, position)):
            return end
        sl_e8, tp_e8 = record.sl_e8, record.tp_e8
        if record.kind == ORDER:
            sl_e8 = position.price_open_e8 - position.side * record.sl_distance_e8 if record.sl_distance_e8 else 0
            tp_e8 = position.price_open_e8 + position.side * record.tp_distance_e8 if record.tp_distance_e8 else 0
        sl_e8 = position.sl_e8 if sl_e8 == LEAVE else sl_e8
        tp_e8 = position.tp_e8 if tp_e8 == LEAVE else tp_e8
        return Attempt(0, position.side, position.ticket, sl_e8, tp_e8)

    def _cancel(self, job: Job) -> Verdict:
        state = self._state
        if not state.book.is_complete or not state.is_attached:
            return Wait(needs_read=True, what="read")
        ticket = job.record.ref_ticket
        order = state.book.order(ticket)
        if order is None and ticket not in self._jobs.resting():
            return self._gone(job, codes.CANCELLED, "already=gone")
        # what a look found live is cancelled though no read shows it
        return Attempt(order.volume_e8 if order is not None else 0, 0, ticket)

    # the call

    def call_of(self, job: Job, attempt: Attempt, number: int) -> Send:
        """The attempt as the worker gets it: what must still hold directly before the terminal is asked."""
        record, state = job.record, self._state
        is_open = record.action == OPEN
        leave = state.freshness.leave
        deadline_ns = self._give_up_ns(job) if is_open else 0
        price_e8 = record.seen_price_e8
        message = VenueSend(
            call=number,
            oid=record.oid,
            attempt=record.attempt,
            magic=magic(record, state.account),
            action=record.action,
            symbol=record.symbol,
            side=attempt.side,
            volume_e8=attempt.volume_e8,
            position_ticket=attempt.position_ticket,
            sl_distance_e8=record.sl_distance_e8,
            tp_distance_e8=record.tp_distance_e8,
            sl_e8=attempt.sl_e8,
            tp_e8=attempt.tp_e8,
            deviation_points=record.deviation_points,
            price_e8=price_e8,
            collar_e8=state.caps.collar_e8(price_e8, state.guard.collar_e8(price_e8)) if is_open else 0,
            deadline_ns=deadline_ns,
            grant_until_ns=leave.until_ns if is_open and leave is not None else 0,
            latch_count=state.ladder.latch_count,
            comment=comment(record),
        )
        return Send(WORKER, 0, message)


def _overtaken(record: OrderRecord, position: Position) -> End | None:
    """The end of an act on a position whose SL is where the act wants it, or better: it is never moved back."""
    gain_e8 = (position.sl_e8 - record.sl_e8) * position.side
    if not position.sl_e8 or gain_e8 < 0:
        return None
    if gain_e8 == 0 and record.attempt:
        return End(codes.MODIFIED, "found=in_position")
    return End(codes.SUPERSEDED, "sl=better")


def _is_unbegun(record: OrderRecord) -> bool:
    """Whether it is an open of the master's that has had no attempt here."""
    return record.action == OPEN and record.kind == ORDER and not record.attempt
