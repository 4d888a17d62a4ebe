"""When the account is read, and what the read under way includes.

Whoever waits for a read has it as soon as the worker is free. When an order has ended, and none is in hand that could wait for what it
opened, nobody does: then the orders of a burst share a read, for it and the state it leads to cost the venue, the routers and the master
more than an order does, the more the more is held.
A read is begun only when everything told so far is durable, so that a state can say which outcomes it includes.
"""

from collections.abc import Callable

from mesh.messages.venue import VenueRead
from mesh.units import MS_NS, NEVER
from nodes.local.state import LocalState

REST_NS = 20 * MS_NS
"""Where nobody waits for a read, none is begun so soon after the one before. Far below what makes a state old (2 s)."""
REREAD = ("reread", b"")
"""Timer: the rest is over."""


class Reading:
    """The reads of one local; at most one is under way."""

    def __init__(self, state: LocalState) -> None:
        self._state = state
        self._wanted_ns = NEVER
        """From when on one is wanted."""
        self._rested_ns = 0
        self._block = 0
        self._began_ns = 0
        self._f = 0

    @property
    def is_wanted(self) -> bool:
        """Whether there is to be one more, be it later."""
        return self._wanted_ns < NEVER

    def want(self, block: int = 0) -> None:
        """Somebody waits for a read; ``block`` is passed through to the state."""
        self._wanted_ns = 0
        self._block = max(self._block, block)

    def want_soon(self, now_ns: int) -> None:
        """Something has changed; nobody waits."""
        self._wanted_ns = min(self._wanted_ns, max(now_ns, self._rested_ns))

    def request(self, next_number: Callable[[], int], now_ns: int) -> VenueRead | None:
        """The read that is to be begun now, under the next number; None where none is."""
        state = self._state
        if now_ns < self._wanted_ns:
            if self.is_wanted:
                state.timers.set_if_unset(REREAD, self._wanted_ns)
            return None
        if not state.reports.is_settled:
            return None
        state.timers.cancel(REREAD)
        self._wanted_ns, self._rested_ns = NEVER, now_ns + REST_NS
        block, self._block = self._block, 0
        self._began_ns, self._f = now_ns, state.reports.durable_f
        return VenueRead(next_number(), block, state.book.deals_from_ns, after=state.book.taken)

    def over(self, now_ns: int) -> tuple[int, int]:
        """The read under way has been answered: (when it began, the outcomes it includes)."""
        self._rested_ns = now_ns + REST_NS
        return self._began_ns, self._f
