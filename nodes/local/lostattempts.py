"""Attempts whose result nobody heard: what looking for their marks at the venue makes of them.

Found once: done, as the books say. Found live: waited for; past an open's deadline cancelled, and then as the books say. Found
twice: left to a human. Nowhere: not done, but only once it was nowhere for the whole settle window, in three looks at least, with
the terminal seeing its server all the time. An order may have more than one; they are looked for together, the first one that shows
counts first.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mesh.core import Effect, Note, Put
from mesh.ids import comment_of, magic_of
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.venue import VenueFind, VenueFound, VenueMark, VenueState
from mesh.units import MS_NS
from nodes import codes
from nodes.commits import nothing_follows
from nodes.local import attempts
from nodes.local.attempts import UNKNOWN, OrderRecord
from nodes.local.endings import Ending, Endings
from nodes.local.finishing import Finishing, order_put
from nodes.local.intents import Intents
from nodes.local.jobs import Job, Jobs
from nodes.local.state import LocalState

FINDS_MIN = 3
"""Looks at least before an attempt counts as never executed."""
BY_MAGIC = "found=by_magic"
FOUND = "FOUND"
"""In the place of a result's class: the order goes on because of what was found."""


class Again(Protocol):
    """Queues an order for its next attempt."""

    def __call__(self, job: Job, class_: str, now_ns: int, more: Sequence[Put] = ()) -> list[Effect]:
        """Its commit, with ``more`` rows."""


class LostAttempts:
    """Those of one local. ``again``: queue an order for its next attempt."""

    def __init__(
        self,
        state: LocalState,
        jobs: Jobs,
        intents: Intents,
        endings: Endings,
        finishing: Finishing,
        again: Again,
    ) -> None:
        self._state = state
        self._jobs = jobs
        self._intents = intents
        self._endings = endings
        self._finishing = finishing
        self._again = again
        self._settle_ns = state.timer_section.unknown_settle_ms * MS_NS
        self._find_ns = state.timer_section.unknown_read_ms * MS_NS
        self._rest_ns = state.timer_section.state_ms * MS_NS

    def unsettle(self) -> None:
        """The terminal is gone: no time without it counts."""
        for job in self._jobs.unknown():
            job.unsettle()
        self._state.late.unsettle()

    def find(self, record: OrderRecord, call: int) -> VenueFind:
        """The look for the lost attempts of an order: their marks, and since when they may have happened."""
        account, oid = self._state.account, record.oid
        marks = [
            VenueMark(number, magic_of(oid, account, number), comment_of(oid, number), attempts.order_ticket(record, number))
            for number in record.lost or [record.attempt]
        ]
        return VenueFind(call, oid, record.since_ns, record.action, marks, *self._unmarked(record))

    def _unmarked(self, record: OrderRecord) -> tuple[int, int]:
        """Position and lots of the deal that a full close has made if it lost every mark: none of ours is known to have taken them."""
        opening = self._state.openings.of_oid(record.ref_oid) if record.action == CLOSE and record.volume_e8 == 0 else None
        if opening is None or not self._state.openings.is_hedging or not opening.is_dealt_out:
            return 0, 0
        is_nobodys = opening.record.out_e8 - opening.record.closed_e8 >= record.asked_e8
        return (opening.position_id, record.asked_e8) if is_nobodys else (0, 0)

    def resting(self, now_ns: int) -> dict[int, tuple[str, str, bool]]:
        """What opens left behind, by ticket: the symbol, the strategy, and whether the deadline is over."""
        return {
            ticket: (job.record.symbol, job.record.strategy, self._intents.is_late(job, now_ns))
            for ticket, job in self._jobs.resting().items()
        }

    def look_again(self, ticket: int, now_ns: int) -> None:
        """A live order was cancelled: whether that was an open's is to be seen at once."""
        job = self._jobs.resting().get(ticket)
        if job is not None:
            job.ready_ns = now_ns

    def turn_up(self, read: VenueState, now_ns: int) -> list[Put]:
        """Have opens looked for that had ended NOT_FOUND and whose mark a read shows: the rows of that."""
        puts: list[Put] = []
        for record in self._state.late.turned_up(read):
            puts += self.revived(record, now_ns)[1]
        if not self._state.book.is_proof:
            self._state.late.unsettle()
            return puts
        return [*puts, *self._state.late.settle(now_ns, self._settle_ns)]

    def found(self, job: Job, found: VenueFound, now_ns: int) -> list[Effect]:
        """What a look showed."""
        job.look_count += 1
        job.looked_ns = self._state.book.market_ns
        job.seen = _seen(found)
        if found.hits > 1:
            return self._quarantine(job, found.hits, now_ns)
        if found.resting_ticket:
            return self._rest(job, found.resting_ticket, now_ns)
        if found.rejected:
            return self._rejected(job, found.attempt, now_ns)
        if found.hits == 0:
            return self._absent(job, found.connected, now_ns)
        return self.executed(job, found, now_ns)

    def found_after_end(self, oid: bytes, found: VenueFound, now_ns: int) -> list[Effect]:
        """What a look showed of an order that has ended since it began: an open that is watched, and shows, is in hand again."""
        record = self._state.late.get(oid)
        if record is None or not _seen(found):
            return []
        _, puts = self.revived(record, now_ns)
        return [self._state.commits.make(puts, nothing_follows)]

    def executed(self, job: Job, found: VenueFound, now_ns: int, how: str = BY_MAGIC, more: Sequence[Put] = ()) -> list[Effect]:
        """It was executed: the order ends so, or goes on with what is left; ``more`` rows go with that."""
        record = _without(job.record, found.attempt)
        job.record = attempts.filled(record, found.volume_e8, found.price_e8, found.profit_e8)
        self._finishing.take_off(job.record, found.volume_e8)
        ending = self._endings.of_found(job, found, how)
        if ending is None:
            return self._again(job, FOUND, now_ns, more)
        effects = self._finishing.end(job, ending, now_ns, "found", more)
        if ending.code != codes.FILLED_LATE:
            return effects
        told = {"oid": record.oid.hex(), "sid": record.sid, "position": found.position_ticket, "detail": ending.detail}
        return [Note("error", "filled_late", told), *effects]

    def code_after(self, record: OrderRecord, found: VenueFound) -> str:
        """What an order would be once this was found of it: the code it ends with, or WORKING where it goes on."""
        filled = attempts.filled(_without(record, found.attempt), found.volume_e8, found.price_e8, found.profit_e8)
        ending = self._endings.of_found(Job(filled, 0), found)
        return ending.code if ending is not None else codes.WORKING

    def not_executed(self, job: Job, now_ns: int, how: str, more: Sequence[Put]) -> list[Effect]:
        """An operator says so: an open ends NOT_FOUND and is watched, a close goes on without waiting for the settle window.

        ``more`` rows go with that. The lost attempts of a close are still looked for where it finds nothing left to close: he may be wrong.
        """
        record = job.record
        job.unsettle()
        if record.action == OPEN:
            job.record = msgspec.structs.replace(record, is_doubted=True)
            return self._not_found(job, Ending(codes.NOT_FOUND, how), now_ns, more)
        job.record = msgspec.structs.replace(record, detail=how)
        return [*self._again(job, FOUND, now_ns, more), *self._finishing.tell_state(job, codes.WORKING, now_ns)]

    def revived(self, record: OrderRecord, now_ns: int) -> tuple[Job, list[Put]]:
        """An open that had ended NOT_FOUND, in hand again; the rows of that."""
        lost = record.lost or [record.attempt]
        job = Job(attempts.moved(record, "turn_up", lost=lost, unrun="", is_doubted=False), now_ns, is_stored=True)
        self._jobs.add(job)
        return job, [self._state.late.take(record), order_put(job.record)]

    def _quarantine(self, job: Job, hits: int, now_ns: int) -> list[Effect]:
        """More than one order bears its mark: which is its own nobody can say, so nothing is done about any; a human decides."""
        job.ready_ns = now_ns + self._find_ns
        detail, record = f"found={hits} quarantined=which_is_it", job.record
        if record.detail == detail:
            return []
        job.record = msgspec.structs.replace(record, detail=detail)
        fields = {"oid": record.oid.hex(), "attempt": record.attempt, "hits": hits}
        return [Note("error", "attempt_found_twice", fields), *self._finishing.tell_state(job, UNKNOWN, now_ns)]

    def _rest(self, job: Job, ticket: int, now_ns: int) -> list[Effect]:
        """Its order is live: neither done nor absent. Past an open's deadline the caretaker cancels it; a close is waited for."""
        job.unsettle()
        job.ready_ns = now_ns + self._rest_ns
        if job.record.resting_ticket == ticket:
            return []
        job.record = msgspec.structs.replace(job.record, resting_ticket=ticket, detail=f"resting={ticket}")
        return self._finishing.tell_state(job, codes.WORKING, now_ns)

    def _rejected(self, job: Job, attempt: int, now_ns: int) -> list[Effect]:
        """Its order ended without a fill: an open is over, anything else goes on."""
        record = job.record
        if record.action != OPEN:
            job.record = _without(record, attempt)
            return self._again(job, FOUND, now_ns)
        if record.not_found_ns:
            return self._finishing.shelve(job)
        if len(record.lost) > 1:
            # which of its attempts was the last is not known: another one may have gone through
            job.record, job.ready_ns = _without(record, attempt), now_ns
            return []
        ending = Ending(codes.REJECTED, "found=rejected")
        if record.resting_ticket and self._intents.is_late(job, now_ns):
            ending = Ending(codes.EXPIRED, f"rested={record.resting_ticket} cancelled=after_deadline")
        return self._finishing.end(job, ending, now_ns, "absent")

    def _absent(self, job: Job, connected: bool, now_ns: int) -> list[Effect]:
        """It is nowhere. That counts only where the terminal sees its server, and only after the settle window."""
        job.ready_ns = now_ns + self._find_ns
        if not connected:
            job.unsettle()
            return []
        record = job.record
        if record.unrun and not self._state.freshness.is_fresh(self._state.stream.e, now_ns):
            job.ready_ns = now_ns  # another life may have leave: looked for again once we have it
            return []
        job.settling_ns = job.settling_ns or now_ns
        job.find_count += 1
        opening = self._state.openings.of_oid(record.ref_oid)
        is_full = record.action == CLOSE and record.volume_e8 == 0 and self._state.openings.is_hedging and not record.is_gone
        if is_full and (opening is None or opening.left_e8 == record.asked_e8):
            # a position that is gone refuses a second full close; the first one is still looked for then
            return self._again(job, FOUND, now_ns)
        # the same SL set twice is one SL; where deals show who closed it all, none of them is its own
        is_dealt_out = opening is not None and opening.is_dealt_out and (record.is_gone or opening.record.is_gone)
        is_settled = record.action not in (OPEN, CLOSE) or is_dealt_out or bool(record.unrun)
        if not is_settled and (now_ns - job.settling_ns < self._settle_ns or job.find_count < FINDS_MIN):
            return []
        if record.action == OPEN:
            ending = Ending(record.unrun, record.detail) if record.unrun else Ending(codes.NOT_FOUND, f"reads={job.find_count}")
            return self._not_found(job, ending, now_ns)
        job.record = msgspec.structs.replace(record, lost=[])
        return self._again(job, FOUND, now_ns)

    def _not_found(self, job: Job, ending: Ending, now_ns: int, more: Sequence[Put] = ()) -> list[Effect]:
        """An open that is nowhere; it is watched from now on, for it may still turn up."""
        if job.record.not_found_ns:
            return self._finishing.shelve(job)
        job.record = msgspec.structs.replace(job.record, not_found_ns=max(1, self._state.book.market_ns))
        return self._finishing.end(job, ending, now_ns, "absent", more)


def _without(record: OrderRecord, attempt: int) -> OrderRecord:
    """The record once it is known what became of an attempt."""
    return msgspec.structs.replace(record, lost=[number for number in record.lost if number != attempt])


def _seen(found: VenueFound) -> str:
    """What of an attempt a look showed at the venue; empty: nothing."""
    if found.resting_ticket:
        return f"resting={found.resting_ticket}"
    return f"found={found.hits}" if found.hits else ""
