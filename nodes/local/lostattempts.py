"""Attempts whose result nobody heard: what looking for their marks at the venue makes of them.

Found once: done, as the books say. Found live: waited for; past an open's deadline cancelled, and then as the books say. Found
twice: left to a human. Nowhere: not done, but only once it was nowhere for the whole settle window, in three looks at least, with
the terminal seeing its server all the time.
"""

from collections.abc import Callable

import msgspec

from mesh.core import Effect, Note
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.venue import VenueFound
from mesh.units import MS_NS
from nodes import codes
from nodes.local import attempts
from nodes.local.attempts import UNKNOWN
from nodes.local.endings import Ending, Endings
from nodes.local.finishing import Finishing
from nodes.local.intents import Intents
from nodes.local.jobs import Job, Jobs
from nodes.local.state import LocalState

FINDS_MIN = 3
"""Looks at least before an attempt counts as never executed."""
FOUND = "FOUND"
"""In the place of a result's class: the order goes on because of what was found."""


class LostAttempts:
    """Those of one local. ``again``: queue an order for its next attempt."""

    def __init__(
        self,
        state: LocalState,
        jobs: Jobs,
        intents: Intents,
        endings: Endings,
        finishing: Finishing,
        again: Callable[[Job, str, int], list[Effect]],
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

    def rests_too_long(self, ticket: int, now_ns: int) -> bool:
        """Whether a live order is what an open left behind whose deadline is over."""
        return any(
            job.record.action == OPEN and job.record.resting_ticket == ticket and self._intents.is_late(job, now_ns)
            for job in self._jobs.unknown()
        )

    def found(self, job: Job, found: VenueFound, now_ns: int) -> list[Effect]:
        """What a look showed."""
        if found.hits > 1:
            return self._quarantine(job, found.hits, now_ns)
        if found.resting_ticket:
            return self._rest(job, found.resting_ticket, now_ns)
        if found.rejected:
            return self._rejected(job, now_ns)
        if found.hits == 0:
            return self._absent(job, found.connected, now_ns)
        job.record = attempts.filled(job.record, found.volume_e8, found.price_e8, 0)
        self._finishing.take_off(job.record, found.volume_e8)
        ending = self._endings.of_found(job, found)
        return self._finishing.end(job, ending, now_ns, "found") if ending else self._again(job, FOUND, now_ns)

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

    def _rejected(self, job: Job, now_ns: int) -> list[Effect]:
        """Its order ended without a fill: an open is over, anything else goes on."""
        record = job.record
        if record.action != OPEN:
            return self._again(job, FOUND, now_ns)
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
        job.settling_ns = job.settling_ns or now_ns
        job.find_count += 1
        record = job.record
        opening = self._state.openings.of_oid(record.ref_oid)
        is_full = record.action == CLOSE and record.volume_e8 == 0 and self._state.openings.is_hedging
        is_idempotent = record.action not in (OPEN, CLOSE)
        if is_idempotent or (is_full and (opening is None or opening.left_e8 == record.asked_e8)):
            # a position that is gone refuses a second full close; the same SL set twice is one SL
            return self._again(job, FOUND, now_ns)
        if now_ns - job.settling_ns < self._settle_ns or job.find_count < FINDS_MIN:
            return []
        if record.action != OPEN:
            return self._again(job, FOUND, now_ns)
        return self._finishing.end(job, Ending(codes.NOT_FOUND, f"reads={job.find_count}"), now_ns, "absent")
