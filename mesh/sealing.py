"""What the master tells a local through routers that must not be able to change it: a MAC on all that makes it do or forget something.

Master and local agree on a key without a message: X25519 of one's private and the other's public door key, through HKDF with the mesh and
the account (RFC 7748, RFC 5869). A local's hello names the key it has now, for it may have two while they are changed; a local tries
each that the master may have. A MAC is keyed BLAKE2b (RFC 7693) over a word for what it seals and the fields themselves, for an
order with the body's own bytes: as they came, never encoded again. What a router adds (its stamps, the time a grant was on its way)
is not sealed, and can only make a local more careful.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mesh.bounded import keep
from mesh.messages.orders import Expired, Grant, LocalWelcome, Order, Target, Void
from mesh.messages.outcomes import OutcomeAck

MAC_BYTES = 16
KEY_BYTES = 32
_INFO = b"trademesh words of the master\0"
_ORDER, _GRANT, _WELCOME, _EXPIRED, _VOID, _ACK = b"order", b"grant", b"welcome", b"expired", b"void", b"ack"
KEYS_MAX = 4_096
pack = msgspec.msgpack.Encoder().encode


def order_head(order: Order, body: bytes) -> bytes:
    """What the seals of all targets of an order share: its numbers and its body."""
    return pack((order.e, order.n, order.oid, blake2b(body, digest_size=32).digest()))


def order_mac(key: bytes, head: bytes, target: Target) -> bytes:
    """Of one target of an order; ``head``: by ``order_head``."""
    words = (target.account, target.k, target.symbol, target.volume_e8, target.ref_oid, target.ref_ticket)
    return _mac(key, _ORDER, head + pack(words))


OTHER_DIGEST = bytes(32)
"""No kill set has this one. A router puts it into leave of a master that lacks a stop: the MAC does not fit any more, and need not."""


def grant_mac(key: bytes, grant: Grant) -> bytes:
    """Of an answer to a grant's question, or of its refusal; without the time it was on its way, which a router adds."""
    words = (
        grant.account, grant.nonce, grant.e, grant.n_last, grant.k_last, grant.kill_digest, grant.clock_ns, grant.refused, grant.n_floor,
    )  # fmt: skip
    return _mac(key, _GRANT, pack(words))


def welcome_mac(key: bytes, welcome: LocalWelcome) -> bytes:
    """Of a welcome to one life of a local."""
    words = (welcome.account, welcome.life, welcome.e, welcome.f, welcome.k_last, welcome.is_rolled_back)
    return _mac(key, _WELCOME, pack(words))


def expired_mac(key: bytes, e: int, row: Expired) -> bytes:
    """Of one row of a gap fill of epoch ``e``: each is for the one account it names, and routers hand them on by account."""
    return _mac(key, _EXPIRED, pack((row.account, e, row.k, row.oid)))


def void_mac(key: bytes, void: Void) -> bytes:
    """Of openings that may no longer run, named to one life of a local."""
    lines = [
        (
            line.oid, line.sid, line.strategy, line.leg, line.symbol, line.side, line.volume_e8, line.sl_distance_e8, line.price_e8,
            line.decided_market_ns, line.is_unsure,
        )
        for line in void.lines
    ]  # fmt: skip
    return _mac(key, _VOID, pack((void.account, void.life, void.e, lines)))


def ack_mac(key: bytes, ack: OutcomeAck) -> bytes:
    """Of what the master has, told to one life of a local."""
    return _mac(key, _ACK, pack((ack.account, ack.life, ack.f)))


def _mac(key: bytes, word: bytes, words: bytes) -> bytes:
    state = _keyed(key, word).copy()
    state.update(words)
    return state.digest()


@lru_cache(maxsize=KEYS_MAX)
def _keyed(key: bytes, word: bytes) -> "blake2b":
    """The hash that has taken its key: a copy of it costs half of taking it again."""
    return blake2b(key=key, digest_size=MAC_BYTES, person=word)


class Agreement:
    """One node's side: its private door key, and where the others' public ones are found. ``publics``: of a node, by name, now."""

    def __init__(self, mesh_id: str, private: bytes, publics: Callable[[str], list[bytes]]) -> None:
        self._mesh_id = mesh_id
        self._private = X25519PrivateKey.from_private_bytes(private)
        self.public = self._private.public_key().public_bytes_raw()
        self._publics = publics
        self._agreed: dict[tuple[str, bytes], bytes] = {}

    def key_with(self, node: str, public: bytes, account: str) -> bytes | None:
        """The key agreed with a node that says it has this public key; None where that is none of its."""
        return self._key(public, account) if public in self._publics(node) else None

    def keys_with(self, node: str, account: str) -> list[bytes]:
        """Keys agreed with a node, one for each public key it may have now."""
        return [self._key(public, account) for public in self._publics(node)]

    def is_sealed(self, node: str, account: str, mac: bytes, mac_of: Callable[[bytes], bytes]) -> bool:
        """Whether a word that came through others is this node's: ``mac_of`` gives what its MAC would be under a key."""
        return any([compare_digest(mac, mac_of(key)) for key in self.keys_with(node, account)])

    def _key(self, public: bytes, account: str) -> bytes:
        known = self._agreed.get((account, public))
        if known is None:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(public))
            known = HKDF(SHA256(), KEY_BYTES, self._mesh_id.encode(), _INFO + account.encode()).derive(shared)
            keep(self._agreed, (account, public), known, KEYS_MAX)
        return known
