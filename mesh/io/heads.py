"""How far its audit has come, signed and told by each node once a minute to those it dials, which keep it in audits of their own.

Who has a host can rewrite the store there as a whole, chain, head and the files beside it, and nothing on that host shows it. But others
keep what it told them, their audits cover that, and what they told is with others in turn: ``mesh audit verify`` asks them.

A core learns nothing of this: heads are taken where its handlers are looked up, signed, judged and written in turns of the shell's
upkeep, a few at a time. What is told is durable here before. A node's newest head that waits takes the place of the one before; of each
node one in half a minute is judged and written, where more than five are known one in six seconds for each of them: so nobody fills an
audit, and all of them together add 5 MB a day at most. A history that goes back is written at once, with what it went back from.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mesh.audit import HEAD, went_back
from mesh.budget import Budget
from mesh.codec import decode_record_untrusted, encode
from mesh.core import NOTHING, Commit, Effects, Envelope, Note, Put, Send
from mesh.counters import is_told
from mesh.errors import BadFrame
from mesh.io.clock import wall_ns
from mesh.io.doorkeeper import REFUSED_GUEST, WRITTEN_BURST, WRITTEN_PER_S, RefusedGuest
from mesh.io.store import Store
from mesh.io.storelayout import damaged
from mesh.keyring import UNKNOWN_ISSUER, Keyring, Signer
from mesh.messages.heads import AuditHead
from mesh.units import SECOND_NS

if TYPE_CHECKING:
    from mesh.io.node import Node

TELL_NS = 60 * SECOND_NS
FIRST_NS = 5 * SECOND_NS
"""After a start it is told as soon as links are up: a store that was put back is seen at once."""
PATIENCE_NS = 10 * SECOND_NS
"""A node that is never quiet tells it so much later."""
JUDGE_NS = TELL_NS // 2
"""Of one node one head is judged in this time …"""
WRITE_EACH_NS = 6 * SECOND_NS
"""… and where ``n`` are known one of each is written in ``n`` times this, be it longer."""
QUIET_COUNT, BUSY_COUNT = 8, 1
"""Heads judged in a turn (0.1 ms each): in a quiet one (``Upkeep.turn``), and in any other."""
NODES_MAX = 100_000
"""More heads than there can be nodes."""


class Heads:
    """Of one node that has a store. ``signer`` None: it has no key, and tells nothing; ``links``: where it tells.

    Raises BadConfig, StoreFailed where what its store keeps cannot be read.
    """

    def __init__(
        self,
        node: "Node",
        signer: Signer | None,
        keyring: Keyring,
        links: Sequence[str],
        wall_clock: Callable[[], int] = wall_ns,
    ) -> None:
        assert node.store is not None, f"{node.identity.name} has no store, so no audit"
        self._node = node
        self._store = node.store
        self._signer = signer
        self._keyring = keyring
        self._links = links
        self._wall_clock = wall_clock
        self._tell_at_ns: int | None = None
        self._waiting: dict[str, AuditHead] = {}
        """The newest of each node, not judged yet."""
        self._judge_at_ns: dict[str, int] = {}
        self._budget = Budget(WRITTEN_PER_S, WRITTEN_BURST)
        self._newest = {head.node: head for head in _kept_in(node.store)}
        """The newest of each node that was judged."""
        self._unwritten: dict[str, None] = {}
        """Of whom that is not in the store."""
        self._write_at_ns: dict[str, int] = {}
        node.core.handlers[AuditHead] = self._on_head

    def turn(self, is_quiet: bool, now_ns: int) -> None:
        """Judge some of the heads that wait; tell one's own where it is time."""
        ready = [name for name in self._waiting if now_ns >= self._judge_at_ns.get(name, 0)]
        count = QUIET_COUNT if is_quiet else BUSY_COUNT
        for name in ready[:count]:
            self._judge_at_ns[name] = now_ns + JUDGE_NS
            self._judge(self._waiting.pop(name), now_ns)
        for name in [name for name in self._unwritten if now_ns >= self._write_at_ns.get(name, 0)][:count]:
            self._write(self._newest[name], now_ns)
        if self._tell_at_ns is None:
            self._tell_at_ns = now_ns + FIRST_NS
        if self._signer is not None and now_ns >= self._tell_at_ns + (0 if is_quiet else PATIENCE_NS):
            self._tell_at_ns = now_ns + TELL_NS
            self._tell(self._signer)

    def _tell(self, signer: Signer) -> None:
        head = self._store.head
        told = signer.signed_head(self._store.store_id, head.audit_seq, head.audit_hash, self._wall_clock())
        self._node.counters.add("told_head_count")
        self._node.do(tuple(Send(link, 0, told) for link in self._links))

    def _on_head(self, envelope: Envelope, now_ns: int) -> Effects:
        """Somebody's head: it waits for a turn. Of names without a key nothing is kept, so that what waits has its bounds."""
        head = envelope.message
        assert isinstance(head, AuditHead), "registered for it"
        if head.node in self._keyring:
            self._waiting[head.node] = head
        else:
            self._refuse(head, UNKNOWN_ISSUER, now_ns)
        return NOTHING

    def _judge(self, head: AuditHead, now_ns: int) -> None:
        why = self._keyring.head_refusal(head)
        if why:
            self._refuse(head, why, now_ns)
            return
        newest = self._newest.get(head.node)
        if newest is not None and (newest.store_id, newest.seq, newest.hash) == (head.store_id, head.seq, head.hash):
            return
        is_written = head.node not in self._unwritten
        self._newest[head.node] = head
        self._unwritten[head.node] = None
        if newest is not None and (back := went_back(newest, head)):
            for each in (head,) if is_written else (newest, head):  # the one before is what proves it
                self._write(each, now_ns)
            do = "where nobody put a backup there, somebody rewrote it: mesh audit verify, and mesh audit heads for the host it is on"
            self._node.log.note(Note("error", "audit_went_back", {"node": head.node, "why": back, "do": do}))

    def _write(self, head: AuditHead, now_ns: int) -> None:
        """Into this node's audit."""
        self._unwritten.pop(head.node, None)
        known_count = sum(name in self._keyring for name in self._newest)
        self._write_at_ns[head.node] = now_ns + max(JUDGE_NS, known_count * WRITE_EACH_NS)
        self._node.counters.add("kept_head_count")
        self._node.do((Commit(0, (Put(HEAD, head.node.encode(), encode(head)),)),))

    def _refuse(self, head: AuditHead, code: str, now_ns: int) -> None:
        """It is on record as who is refused at a door."""
        self._node.counters.add("refused_head_count")
        count = self._node.counters.totals["refused_head_count"]
        if is_told(count):
            self._node.log.note(Note("warning", "head_refused", {"node": head.node, "why": code, "count_so_far": count}))
        if self._budget.take(now_ns):
            record = RefusedGuest("", "", head.node, "", f"{code} AuditHead seq={head.seq}")
            self._node.do((Commit(0, (Put(REFUSED_GUEST, b"", encode(record)),)),))


def _kept_in(store: Store) -> list[AuditHead]:
    """The newest head of each node that a store keeps. Raises BadConfig, StoreFailed."""
    try:
        return [decode_record_untrusted(record, AuditHead) for _, record in store.fetch(HEAD, b"", NODES_MAX)]
    except BadFrame as error:
        raise damaged(store.path, f"what it keeps of others is no head: {error}") from None
