"""From which of its routers a local takes its orders, and when it moves to the other one (DESIGN §2).

It moves when its router is silent, or when that router has had no answer of the master for long while the other's is
recent; at most once in a while, never to a router that is silent itself, and never back merely because the first returned. From a router
that is about to stop it moves at once.
"""

from mesh.units import SECOND_NS

MASTER_OLD_NS = 2 * SECOND_NS
"""A router whose last answer of the master is older than this serves nobody …"""
MASTER_RECENT_NS = SECOND_NS
"""… if the other's is younger than this."""


class Homing:
    """The routers of one local by index; ``home`` is the one orders come from."""

    def __init__(self, router_count: int, silent_ns: int, gap_ns: int) -> None:
        assert router_count in (1, 2), f"{router_count} routers; a primary and at most a second are allowed"
        self.home = 0
        self._silent_ns = silent_ns
        self._gap_ns = gap_ns
        self._moved_ns = -gap_ns
        self._heard_ns = [0] * router_count
        self._is_known = [False] * router_count
        self._is_leaving = [False] * router_count
        self._master_ns = [-MASTER_OLD_NS] * router_count
        """When the master last answered that router, on our clock."""

    def start(self, now_ns: int) -> None:
        """From now on: each router has as long to be heard first as it has later; a fleet that starts together does not move at once."""
        self._heard_ns = [now_ns] * self.count
        self._moved_ns = now_ns

    @property
    def count(self) -> int:
        """How many routers there are."""
        return len(self._heard_ns)

    def heard(self, index: int, master_age_ns: int, now_ns: int, is_leaving: bool = False) -> None:
        """A heartbeat of a router: the master's last answer to it is ``master_age_ns`` old; it may be about to stop."""
        self._is_leaving[index] = is_leaving
        self._heard_ns[index] = now_ns
        self._is_known[index] = True
        self._master_ns[index] = now_ns - master_age_ns

    def lost(self, index: int) -> None:
        """The connection to a router is gone; its silence began with its last heartbeat."""
        self._is_known[index] = False

    def is_greeted(self, index: int, now_ns: int) -> bool:
        """Whether a router answers: it beats for those alone whose hello it has."""
        return self._is_known[index] and not self.is_silent(index, now_ns)

    def is_silent(self, index: int, now_ns: int) -> bool:
        """Whether a router has not been heard for long."""
        return now_ns - self._heard_ns[index] > self._silent_ns

    def move(self, now_ns: int) -> bool:
        """Go home to the other router where the rule says so; whether it did."""
        if self.count == 1:
            return False
        here, there = self.home, 1 - self.home
        if not self._is_known[there] or self.is_silent(there, now_ns) or self._is_leaving[there]:
            return False
        is_served_there = now_ns - self._master_ns[there] < MASTER_RECENT_NS
        if self._is_leaving[here] and is_served_there:
            self.home, self._moved_ns = there, now_ns
            return True
        if now_ns - self._moved_ns < self._gap_ns:
            return False
        is_stale = now_ns - self._master_ns[here] > MASTER_OLD_NS and is_served_there
        if not self.is_silent(here, now_ns) and not is_stale:
            return False
        self.home, self._moved_ns = there, now_ns
        return True
