"""What is believed of the words a router brings: those that are sealed by the master. A router can hold them back; it can make none up.

Whatever is refused is counted, said and written down, and changes nothing: a number that an order claimed is still missing, and is asked
for again.
"""

from collections.abc import Callable
from functools import partial

from mesh.budget import Budget
from mesh.codec import encode
from mesh.core import Commit, Effect, Note, Put
from mesh.counters import Counters, is_told
from mesh.messages.base import Code, Count, Digest, Msg
from mesh.messages.orders import Expired, GapFill, Grant, LocalWelcome, Order, Target, Void
from mesh.messages.outcomes import OutcomeAck
from mesh.sealing import OTHER_DIGEST, Agreement, ack_mac, expired_mac, grant_mac, order_head, order_mac, void_mac, welcome_mac

FORGED = "_forged"
"""Kind of the row: the newest, the audit has each."""
WRITTEN_PER_S, WRITTEN_BURST = 1, 20


class ForgedRecord(Msg):
    """A word that was not the master's. ``e``, ``n``: as it said, else 0; of an ack ``n`` is its ``f``. ``oid``: of an order."""

    kind: Code
    e: Count
    n: Count
    oid: Digest = b""


class Seals:
    """Of one local. ``agreement`` None: links are plain, and whatever comes is believed."""

    def __init__(self, agreement: Agreement | None, master: str, account: str, counters: Counters) -> None:
        self._agreement = agreement
        self._master = master
        self._account = account
        self._counters = counters
        self._budget = Budget(WRITTEN_PER_S, WRITTEN_BURST)

    @property
    def public(self) -> bytes:
        """The public half of our door key."""
        return self._agreement.public if self._agreement is not None else b""

    def order(self, order: Order, target: Target, body: bytes, now_ns: int) -> list[Effect] | None:
        """None where an order is the master's; else what is to be done about it, which may be nothing."""
        if self._agreement is None:
            return None
        head = order_head(order, body)
        if self._is_sealed(target.mac, lambda key: order_mac(key, head, target)):
            return None
        return self._refused(ForgedRecord("ORDER", order.e, order.n, order.oid), now_ns)

    def grant(self, grant: Grant, now_ns: int) -> list[Effect] | None:
        """Likewise of leave to open, and of its refusal."""
        if self._agreement is None or self._is_sealed(grant.mac, lambda key: grant_mac(key, grant)):
            return None
        if grant.kill_digest == OTHER_DIGEST:
            return []  # a router has voided it on its way: no leave, and no forgery
        return self._refused(ForgedRecord("GRANT", grant.e, grant.n_last), now_ns)

    def welcome(self, welcome: LocalWelcome, now_ns: int) -> list[Effect] | None:
        """Likewise of a welcome."""
        if self._agreement is None or self._is_sealed(welcome.mac, lambda key: welcome_mac(key, welcome)):
            return None
        return self._refused(ForgedRecord("WELCOME", welcome.e, 0), now_ns)

    def expired(self, fill: GapFill, now_ns: int) -> tuple[list[Expired], list[Effect]]:
        """The rows of a gap fill that are for this account and the master's; and what is to be done about others that say so."""
        rows: list[Expired] = []
        effects: list[Effect] = []
        for row in fill.expired:
            if row.account != self._account:
                continue
            if self._agreement is None or self._is_sealed(row.mac, partial(expired_mac, e=fill.e, row=row)):
                rows.append(row)
            else:
                effects += self._refused(ForgedRecord("GAP_FILL", fill.e, 0, row.oid), now_ns)
        return rows, effects

    def void(self, void: Void, now_ns: int) -> list[Effect] | None:
        """Like ``order``, of openings that are said to run no longer."""
        if self._agreement is None or self._is_sealed(void.mac, lambda key: void_mac(key, void)):
            return None
        return self._refused(ForgedRecord("VOID", void.e, 0, void.lines[0].oid if void.lines else b""), now_ns)

    def ack(self, ack: OutcomeAck, now_ns: int) -> list[Effect] | None:
        """Like ``order``, of what the master is said to have."""
        if self._agreement is None or self._is_sealed(ack.mac, lambda key: ack_mac(key, ack)):
            return None
        return self._refused(ForgedRecord("ACK", 0, ack.f), now_ns)

    def _is_sealed(self, mac: bytes, mac_of: Callable[[bytes], bytes]) -> bool:
        assert self._agreement is not None, "plain links are not asked"
        return self._agreement.is_sealed(self._master, self._account, mac, mac_of)

    def _refused(self, record: ForgedRecord, now_ns: int) -> list[Effect]:
        self._counters.add("forged_count")
        count = self._counters.totals["forged_count"]
        effects: list[Effect] = []
        if is_told(count):
            told = {"kind": record.kind, "e": record.e, "n": record.n, "oid": record.oid.hex(), "count_so_far": count}
            effects.append(Note("error", "word_forged", told | {"why": "its MAC is not the master's: a router, or a key that was changed"}))
        if self._budget.take(now_ns):
            effects.append(Commit(0, (Put(FORGED, b"", encode(record)),)))
        return effects
