"""Identities: order ids and attempt magics are hashes of what they stand for, so nobody has to remember having made them.

DESIGN §6: ``oid`` = 128-bit hash of (mesh id, run id, source, sid, strategy, leg); ``magic`` = 63 bits from (oid, account, attempt).
"""

from hashlib import blake2b

import msgpack


def oid_of(mesh: str, run: str, source: str, sid: str, strategy: str, leg: str) -> bytes:
    """The 16-byte order id of one leg of one strategy's answer to one signal."""
    return blake2b(msgpack.packb([mesh, run, source, sid, strategy, leg]), digest_size=16, person=b"oid").digest()


def magic_of(oid: bytes, account: str, attempt: int) -> int:
    """The MetaTrader magic number of one attempt: 63 bits, never 0."""
    raw = blake2b(msgpack.packb([oid, account, attempt]), digest_size=8, person=b"magic").digest()
    return (int.from_bytes(raw, "big") >> 1) or 1


COMMENT_PREFIX = "tm"


def comment_of(oid: bytes, attempt: int) -> str:
    """The order comment, second witness beside the magic: ``tm`` + 16 hex digits of the oid + attempt, at most 26 characters."""
    return f"{COMMENT_PREFIX}{oid.hex()[:16]}.{attempt}"


def draw_of(seed: int, oid: bytes, attempt: int, what: str) -> int:
    """A 64-bit number drawn from (seed, oid, attempt) for ``what``: latency and slippage do not depend on who came first."""
    raw = blake2b(msgpack.packb([seed, oid, attempt, what]), digest_size=8, person=b"draw").digest()
    return int.from_bytes(raw, "big")
