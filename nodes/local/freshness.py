"""Leave to open: grants that the local pulls, and the master's deadlines on the local's clock (DESIGN §6.5, §6.6).

A local that asked at ``s`` (its clock) and is told the granter's clock ``a`` and the time ``x`` since the router had asked
knows: when the granter's clock showed ``a`` it was ``s − x`` here, or later. So a deadline ``d`` of the granter's clock is
taken to be at ``(s − x) + (d − a)``: early by the way of the answer at most, never late. A grant runs out ``grant_ms``
after ``s − x``. Without one for that long nothing is opened: the dead-man.
"""

from hashlib import blake2b

import msgspec

from mesh.bounded import keep
from mesh.messages.orders import Grant, GrantAsk
from mesh.phases import HELD

ASKED_MAX = 16
"""Questions whose answers are still taken; an answer to an older one would hardly be fresh."""


class Leave(msgspec.Struct, frozen=True, gc=False):
    """One grant on the local's clock: opens of epoch ``e`` may run until ``until_ns`` while the kill set has this digest."""

    e: int
    asked_ns: int
    until_ns: int
    offset_ns: int
    """Our clock less the master's, at least."""
    kill_digest: bytes


class Freshness:
    """The newest grant of one local, and what an undo demands of the next."""

    def __init__(self, account: str, life: int, store_id: bytes, grant_ns: int) -> None:
        self._account = account
        self._life = life
        self._store_id = store_id
        self._grant_ns = grant_ns
        # another life's question may be under way with ours: no two lives ask under the same numbers
        self._nonce = int.from_bytes(blake2b(life.to_bytes(8, "big"), digest_size=7).digest(), "big")
        self._asked: dict[int, int] = {}
        self._not_before_ns = -1
        self._floor: tuple[int, int] | None = None
        """(e, n): after an undo, opens up to this one are killed."""
        self._life_floor = (0, 0)
        """(e, n): opens up to this one may have been executed by the life before ours."""
        self.leave: Leave | None = None
        self.refused = ""
        """Why the master grants nothing now."""
        self._has_run_out = False
        """As last looked at: for people, who are told without a clock."""

    def ask(self, now_ns: int, wall_ns: int) -> GrantAsk:
        """A question with a nonce of its own, and what the wall clock says here."""
        self._nonce += 1
        keep(self._asked, self._nonce, now_ns, ASKED_MAX)
        return GrantAsk(self._account, self._life, self._store_id, self._nonce, now_ns, wall_ns)

    def asked_ns(self, nonce: int) -> int | None:
        """When a question was asked whose answer is still taken; None for any other."""
        return self._asked.get(nonce)

    def take(self, grant: Grant) -> bool:
        """Take an answer; whether there is leave to open now."""
        asked_ns = self._asked.pop(grant.nonce, None)
        if asked_ns is None or grant.account != self._account:
            return False
        self.refused = grant.refused
        if grant.refused:
            self.leave = None
            return False
        if asked_ns < self._not_before_ns or (self.leave is not None and asked_ns < self.leave.asked_ns):
            return False
        if self._not_before_ns >= 0:
            self._floor = (grant.e, grant.n_last)
            self._not_before_ns = -1
        self._life_floor = max(self._life_floor, (grant.e, grant.n_floor))
        since_ns = asked_ns - grant.relay_ns
        self.leave = Leave(
            grant.e,
            asked_ns,
            since_ns + self._grant_ns,
            since_ns - grant.clock_ns,
            grant.kill_digest,
        )
        self._has_run_out = False
        return True

    def look(self, now_ns: int) -> None:
        """Notice that the leave has run out, so that ``word`` does not tell of one that lets nothing be opened any more."""
        self._has_run_out = self.leave is not None and now_ns >= self.leave.until_ns

    def word(self, kill_digest: bytes) -> str:
        """Whether there is leave to open, for people: ``held``, or why not."""
        if self.refused or self.leave is None:
            return self.refused or "none"
        if self._has_run_out:
            return "run out"
        return HELD if self.leave.kill_digest == kill_digest else "other stops"

    def drop(self) -> None:
        """No leave any more: another epoch, another router's word, a clock that cannot be trusted."""
        self.leave = None
        self._asked.clear()

    def demand_new(self, now_ns: int) -> None:
        """An undo came: only a grant asked for from now on gives leave, and only for what is decided after it."""
        self._not_before_ns = now_ns
        self.leave = None

    def is_fresh(self, e: int, now_ns: int) -> bool:
        """Whether leave in epoch ``e`` has not run out: whatever stops there are, no other life may open now (DESIGN §6.6)."""
        return self.leave is not None and self.leave.e == e and now_ns < self.leave.until_ns

    def is_live(self, e: int, kill_digest: bytes, now_ns: int) -> bool:
        """Whether opens of epoch ``e`` may run at a local whose own kill set has this digest."""
        leave = self.leave
        return leave is not None and leave.e == e and leave.kill_digest == kill_digest and now_ns < leave.until_ns

    def is_below_floor(self, e: int, n: int) -> bool:
        """Whether an open was decided before an undo, while a stop still held it."""
        return self._floor is not None and e == self._floor[0] and n <= self._floor[1]

    def is_of_other_life(self, e: int, n: int) -> bool:
        """Whether another life may have executed an open: one published before ours got its first grant."""
        return e == self._life_floor[0] and n <= self._life_floor[1]

    def local_ns(self, e: int, deadline_ns: int) -> int | None:
        """A deadline of the master's clock on ours, never late; None while no grant of that epoch tells."""
        if self.leave is None or self.leave.e != e:
            return None
        return deadline_ns + self.leave.offset_ns
