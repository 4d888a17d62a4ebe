"""Opens without leave: grants that last too long, or are another's."""

from tests.sim.mutants.mutant import Mutant

GRANTS = (
    Mutant(
        "grant_reckoned_too_late",
        "§6.5, §6.6: a relayed grant counts from when its router asked, never later",
        "nodes/local/freshness.py",
        "since_ns = asked_ns - grant.relay_ns",
        "since_ns = asked_ns + grant.relay_ns",
    ),
    Mutant(
        "dead_man_off",
        "I11: no grant for 3 s, no opens",
        "nodes/local/freshness.py",
        "since_ns + self._grant_ns,",
        "since_ns + 10 * self._grant_ns,",
    ),
    Mutant(
        "kill_digest_not_compared",
        "§6.6: a grant serves only where the local's own kill set has its digest",
        "nodes/local/freshness.py",
        "leave.kill_digest == kill_digest and",
        "",
    ),
    Mutant(
        "clone_granted_at_once",
        "§6.6, I8: another life's first grant comes 3 s after the old one's last",
        "nodes/master/grants.py",
        "seat.free_at_ns = seat.last_ns + self._grant_ns",
        "seat.free_at_ns = seat.last_ns",
    ),
    Mutant(
        "new_master_grants_at_once",
        "§6.6: a new master grants none in its first 3 s",
        "nodes/master/grants.py",
        "start_ns + grant_ns if follows else start_ns",
        "start_ns",
    ),
    Mutant(
        "floor_of_life_ignored",
        "I1: what was published before a life's first grant may have been opened by the one before it",
        "nodes/local/freshness.py",
        "return e == self._life_floor[0] and n <= self._life_floor[1]",
        "return False",
    ),
)
