"""What a store proves about itself: which rows are history, how their chain is made, and the sum of all rows.

An **audit row** is one put that matters as history, appended in the transaction of the put and never changed: its hash covers the
hash before it, so that no record can be changed, taken out or slipped in without every later hash being another. The **head** says after
each commit how many rows there are, what their sums add up to and where the chain ends: rows that got lost or changed do not go unseen.
"""

from hashlib import blake2b, sha256

import msgpack
import msgspec

from mesh.messages.heads import AuditHead

HEAD, KEYS = "_head", "_keys"
"""Kinds of rows that every node has: heads of other nodes' audits (``mesh/io/heads.py``), and what became of keys
(``nodes/io/keylog.py``)."""
_EVERYWHERE = ("_refused_guest", HEAD, KEYS)
AUDITED: dict[str, frozenset[str]] = {
    "market": frozenset(_EVERYWHERE),
    "broker": frozenset(_EVERYWHERE),
    "indicator": frozenset(_EVERYWHERE),
    "signals": frozenset(_EVERYWHERE),
    "master": frozenset(("epoch", "decision", "_decision", "_act", "stop", "refused_stop", *_EVERYWHERE)),
    "router": frozenset(("stop", "refused_stop", "latched", *_EVERYWHERE)),
    "local": frozenset(("order", "outcome", "command", "stop", "refused_stop", "_forged", *_EVERYWHERE)),
}
"""Role → kinds of rows that are history: decided and how it ended, attempts, acts of operators, stops, epochs, who was refused at a door,
what became of keys, how far others had come. Deletions are none.
"""
PRUNED: dict[str, tuple[str, ...]] = {"master": ("_act", "_decision", "_why"), "local": ("_outcome",)}
"""Role → archives whose old rows may go. What makes an order known (``sid``, ``known``) is in none of them, and the audit stays."""
GENESIS = "genesis"
"""Kind of the first audit row of a store: its genesis."""
HASH_BYTES = 32
NO_HASH = bytes(HASH_BYTES)
"""Before the first audit row."""
SUM_BYTES = 8
SUM_MASK = (1 << 8 * SUM_BYTES) - 1


class AuditRow(msgspec.Struct, frozen=True):
    """One record of history; ``hash`` covers all of it and the hash before it."""

    seq: int
    wall_ns: int
    kind: str
    key: bytes
    record: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True, array_like=True):
    """A store after its commit number ``commit``: rows, the sum of their sums, pruned rows ever, and the end of its audit chain."""

    commit: int = 0
    row_count: int = 0
    rows_sum: int = 0
    pruned_count: int = 0
    audit_seq: int = 0
    audit_hash: bytes = NO_HASH


def next_hash(before: bytes, seq: int, wall_ns: int, kind: str, key: bytes, record: bytes) -> bytes:
    """The hash of an audit row that follows the one with hash ``before``."""
    return sha256(before + msgpack.packb((seq, wall_ns, kind, key, record))).digest()


def row_sum(kind: str, key: bytes, wall_ns: int, record: bytes) -> int:
    """64 signed bits over a row, as SQLite keeps integers."""
    framed = b"%s\0%d\0%d\0%s%s" % (kind.encode(), len(key), wall_ns, key, record)
    return int.from_bytes(blake2b(framed, digest_size=SUM_BYTES).digest(), "little", signed=True)


def sealed(payload: bytes) -> bytes:
    """Bytes with a checksum behind them."""
    return payload + blake2b(payload, digest_size=SUM_BYTES).digest()


def unsealed(raw: object) -> bytes | None:
    """What was sealed; None where it is not what it was."""
    if not isinstance(raw, bytes):
        return None
    payload = raw[:-SUM_BYTES]
    return payload if sealed(payload) == raw else None


def broken_at(before: AuditRow | None, row: AuditRow) -> str:
    """What is wrong with an audit row that follows ``before``; empty where nothing is."""
    seq, chained = (before.seq, before.hash) if before is not None else (0, NO_HASH)
    if row.seq != seq + 1:
        return f"records {seq + 1} to {row.seq - 1} are missing before it"
    if next_hash(chained, row.seq, row.wall_ns, row.kind, row.key, row.record) != row.hash:
        return "its hash is not that of its content and the record before it"
    return ""


def went_back(before: AuditHead, after: AuditHead) -> str:
    """Why two heads that a node told, one after the other, cannot be of one history; empty where they can."""
    if after.store_id != before.store_id:
        return f"store {before.store_id.hex()} has become store {after.store_id.hex()}"
    if after.seq < before.seq:
        return f"its audit had {before.seq} records, now it has {after.seq}"
    if after.seq == before.seq and after.hash != before.hash:
        return f"its record {before.seq} was {before.hash.hex()[:16]}, now it is {after.hash.hex()[:16]}"
    return ""
