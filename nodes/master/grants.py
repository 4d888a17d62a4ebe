"""Who may open: grants go to one (account, store, life) at a time (DESIGN §6.6).

A new life replaces the old one at once, and gets its first grant when the old one's last has run out. A replaced life that still
speaks after that is a clone if the newer one speaks too: two processes trade one account, and only a person can say which is right.
If the newer one is silent, it was a late word of a life that is gone, and the replaced one has its place again. A master that
follows another one grants nothing until all grants of its predecessor have run out. What was published before a life's first grant
may have been opened by the one before it, whose store need not be the one that this life has (a copy, a backup): it opens none of it.
"""

import msgspec

from mesh.bounded import keep
from mesh.messages.orders import CLONE, NEW_EPOCH, OTHER_LIFE, REPLACED

GRANTED = ""
NO_GRANT_NS = -1
"""The holder has not got any yet."""
UNSET = -1
REPLACED_MAX = 64
"""Former holders of an account remembered. One of an older life that speaks all the same is taken for a new one: the holder it
displaces is then the one that is told it is replaced, and found to be a clone."""
Holder = tuple[bytes, int]
"""(store id, life) of a local."""


class _Seat(msgspec.Struct):
    """Who holds an account's grants. ``free_at_ns``: when the last holder's last grant has run out."""

    holder: Holder
    last_ns: int
    free_at_ns: int
    replaced: dict[Holder, int]
    """Former holders and when they were replaced; the newest."""
    heard_ns: int
    """When the holder spoke last."""
    floor_n: int = 0
    """Records up to this one are not the holder's to open; UNSET: up to what is published when it gets its next grant."""


class Grants:
    """The seats of all accounts. ``follows``: this master's store knows an older epoch."""

    def __init__(self, grant_ns: int, start_ns: int, follows: bool) -> None:
        self._grant_ns = grant_ns
        self._open_at_ns = start_ns + grant_ns if follows else start_ns
        self._seats: dict[str, _Seat] = {}

    def claim(self, account: str, holder: Holder, now_ns: int) -> str:
        """A local says it is there; REPLACED or CLONE where a newer life has taken its place and still speaks."""
        seat = self._seats.get(account)
        if seat is None:
            self._seats[account] = _Seat(holder, NO_GRANT_NS, 0, {}, now_ns)
            return GRANTED
        if seat.holder != holder:
            replaced_ns = seat.replaced.get(holder)
            if replaced_ns is not None and now_ns < seat.heard_ns + self._grant_ns:
                return CLONE if now_ns >= replaced_ns + self._grant_ns else REPLACED
            seat.replaced.pop(holder, None)
            keep(seat.replaced, seat.holder, now_ns, REPLACED_MAX)
            if seat.last_ns != NO_GRANT_NS:
                seat.free_at_ns = seat.last_ns + self._grant_ns
            seat.holder, seat.last_ns, seat.floor_n = holder, NO_GRANT_NS, UNSET
        seat.heard_ns = now_ns
        return GRANTED

    def ask(self, account: str, holder: Holder, now_ns: int) -> str:
        """GRANTED, or the code of why not."""
        if refused := self.claim(account, holder, now_ns):
            return refused
        if now_ns < self._open_at_ns:
            return NEW_EPOCH
        seat = self._seats[account]
        if now_ns < seat.free_at_ns:
            return OTHER_LIFE
        seat.last_ns = now_ns
        return GRANTED

    def outdate(self) -> None:
        """Records published so far are nobody's to open."""
        for seat in self._seats.values():
            seat.floor_n = UNSET

    def floor_n(self, account: str, published_n: int) -> int:
        """Up to which record the holder, who gets a grant now, opens nothing; ``published_n`` is the newest record."""
        seat = self._seats[account]
        if seat.floor_n == UNSET:
            seat.floor_n = published_n
        return seat.floor_n
