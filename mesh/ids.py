"""Identities: order ids and attempt magics are hashes of what they stand for, so nobody has to remember having made them.

DESIGN §6: ``oid`` = 128-bit hash of (mesh id, run id, source, sid, strategy, leg); ``magic`` = 63 bits from (oid, account, attempt).
"""

from collections.abc import Callable
from hashlib import blake2b

import msgpack

_pack = msgpack.Packer(use_bin_type=True).pack


def hash_of(person: bytes, size: int) -> Callable[[tuple[object, ...]], bytes]:
    """A function from parts to ``size`` bytes, the BLAKE2b of their MessagePack array personalised with ``person``.

    Made once for each kind of id: to copy an empty hash, and to keep the packer, takes half as long as to make both each time.
    """
    empty = blake2b(digest_size=size, person=person)

    def hashed(parts: tuple[object, ...]) -> bytes:
        begun = empty.copy()
        begun.update(_pack(parts))
        return begun.digest()

    return hashed


_oid, _magic, _draw = hash_of(b"oid", 16), hash_of(b"magic", 8), hash_of(b"draw", 8)


def oid_of(mesh: str, run: str, source: str, sid: str, strategy: str, leg: str) -> bytes:
    """The 16-byte order id of one leg of one strategy's answer to one signal."""
    return _oid((mesh, run, source, sid, strategy, leg))


def magic_of(oid: bytes, account: str, attempt: int) -> int:
    """The MetaTrader magic number of one attempt: 63 bits, never 0."""
    return (int.from_bytes(_magic((oid, account, attempt)), "big") >> 1) or 1


COMMENT_PREFIX = "tm"


def comment_of(oid: bytes, attempt: int) -> str:
    """The order comment, second witness beside the magic: ``tm`` + 16 hex digits of the oid + attempt, at most 26 characters."""
    return f"{COMMENT_PREFIX}{oid.hex()[:16]}.{attempt}"


def draw_of(seed: int, oid: bytes, attempt: int, what: str) -> int:
    """A 64-bit number drawn from (seed, oid, attempt) for ``what``: latency and slippage do not depend on who came first."""
    return int.from_bytes(_draw((seed, oid, attempt, what)), "big")
