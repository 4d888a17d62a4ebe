"""Who may stop, and who may resume: public keys by name, and the signatures of stops (Ed25519, RFC 8032).

What is signed is a fixed word, the mesh's id and the exact bytes of the entry or undo, so that a stop of one mesh is none in another. A
drill has another word: nobody who sees one can make a stop of it.
A person's key may stop or resume or both, as the inventory says; who may resume may also change limits (``mesh.revisions``). A node's key
can only raise, in its own scope: a local's its own account, the master's everything (DESIGN §7). Other nodes have a key as well, which
stops nothing: with it they sign the heads of their audits, under a word of its own again.
"""

from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.killset import check_scope
from mesh.messages.control import LADDER, Activation, Item, Revision, Signed, Undo
from mesh.messages.heads import AuditHead
from mesh.sealing import Agreement, pack

OPERATOR, LOCAL, MASTER = "operator", "local", "master"
ISSUING_ROLES = (LOCAL, MASTER)
"""Nodes that issue entries by themselves; a key of any other node signs heads of audits alone."""
STOP, RESUME = RIGHTS = ("stop", "resume")
"""What a person's key may do."""
BAD_STOP, BAD_SIGNATURE, UNKNOWN_ISSUER, NOT_ALLOWED, BAD_LEVEL, BAD_SCOPE, RETIRED = (
    "BAD_STOP", "BAD_SIGNATURE", "UNKNOWN_ISSUER", "NOT_ALLOWED", "BAD_LEVEL", "BAD_SCOPE", "RETIRED",
)  # fmt: skip
"""Why a stop is refused."""
LOOSENING = Undo | Revision | Activation
"""What may let more be traded than before: said by those alone who may resume."""
_STOP, _DRILL, _HEAD = b"trademesh stop\0", b"trademesh drill\0", b"trademesh head\0"

SIGNED_BYTES_MAX = 17_000
"""A stop is 16,384 bytes at most, and its signature; a little is left for what a newer version may add."""


class Refusal(msgspec.Struct, frozen=True):
    """Why a stop was not taken."""

    code: str
    detail: str


class Holder(msgspec.Struct, frozen=True):
    """One who holds a key. ``may``: of an operator, what of ``RIGHTS``; ``account``: of a local; ``until_ns``: of a key that was retired,
    up to when what it signed is believed (wall clock, UTC).
    """

    name: str
    role: str
    key: bytes
    may: tuple[str, ...] = ()
    account: str = ""
    until_ns: int | None = None


class Verified(msgspec.Struct, frozen=True):
    """An item of the kill set whose signature and rights are good."""

    item: Item
    holder: Holder


def signed_bytes(mesh_id: str, body: bytes, is_drill: bool = False) -> bytes:
    """What a signature covers."""
    return (_DRILL if is_drill else _STOP) + mesh_id.encode() + b"\0" + body


def head_bytes(mesh_id: str, head: AuditHead) -> bytes:
    """What the signature of a head covers: its values, so that there is one way to write them."""
    return _HEAD + mesh_id.encode() + b"\0" + pack((head.node, head.store_id, head.seq, head.hash, head.wall_ns))


class Signer:
    """One private key. ``seed``: its 32 bytes; they are shown nowhere."""

    def __init__(self, mesh_id: str, name: str, seed: bytes) -> None:
        self.name = name
        self._mesh_id = mesh_id
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> bytes:
        """Its public half."""
        return self._key.public_key().public_bytes_raw()

    def signed(self, item: Item, is_drill: bool = False) -> Signed:
        """An entry or undo as the message that travels; ``is_drill``: as what a drill carries."""
        body = encode(item)
        return Signed(body, self._key.sign(signed_bytes(self._mesh_id, body, is_drill)))

    def sign(self, item: Item) -> bytes:
        """The bytes of that message."""
        return encode(self.signed(item))

    def signed_head(self, store_id: bytes, seq: int, chained: bytes, wall_ns: int) -> AuditHead:
        """How far this node's audit has come, as the message that travels."""
        unsigned = AuditHead(self.name, store_id, seq, chained, wall_ns, b"")
        return msgspec.structs.replace(unsigned, signature=self._key.sign(head_bytes(self._mesh_id, unsigned)))


class Keyring:
    """All public keys of one mesh."""

    def __init__(self, mesh_id: str, holders: Iterable[Holder]) -> None:
        self._mesh_id = mesh_id
        self.replace(holders)

    def replace(self, holders: Iterable[Holder]) -> None:
        """Take another inventory: who is not in it can say nothing from now on."""
        self._holders = {holder.name: holder for holder in holders}

    def __contains__(self, name: object) -> bool:
        return name in self._holders

    def head_refusal(self, head: AuditHead) -> str:
        """Why a head is not that of the node it names; empty where it is."""
        holder = self._holders.get(head.node)
        if holder is None:
            return UNKNOWN_ISSUER
        if holder.role == OPERATOR:
            return NOT_ALLOWED
        try:
            Ed25519PublicKey.from_public_bytes(holder.key).verify(head.signature, head_bytes(self._mesh_id, head))
        except InvalidSignature:
            return BAD_SIGNATURE
        return ""

    def verify_untrusted(self, raw: bytes, is_drill: bool = False, is_first: bool = False) -> Verified | Refusal:
        """The stop in a ``Signed``'s bytes, or why it is none: nothing of it is believed before its signature is.

        ``is_first``: a frontend brings it, so that no node is known to hold it already.
        """
        if len(raw) > SIGNED_BYTES_MAX:  # what lies behind the last known field is under no signature, and is handed on with the rest
            return Refusal(BAD_STOP, f"{len(raw)} bytes; the limit is {SIGNED_BYTES_MAX}")
        try:
            signed = decode_untrusted(raw)
            item = decode_untrusted(signed.body) if isinstance(signed, Signed) else signed
        except BadFrame as error:
            return Refusal(BAD_STOP, str(error)[:200])
        if not isinstance(signed, Signed) or not isinstance(item, Item):
            return Refusal(BAD_STOP, f"{type(item).__name__}: a signed item of the kill set is expected")
        holder = self._holders.get(item.issuer)
        if holder is None:
            return Refusal(UNKNOWN_ISSUER, f"issuer={item.issuer}")
        try:
            Ed25519PublicKey.from_public_bytes(holder.key).verify(signed.signature, signed_bytes(self._mesh_id, signed.body, is_drill))
        except InvalidSignature:
            return Refusal(BAD_SIGNATURE, f"issuer={item.issuer}")
        return _objection(holder, item) or _ended(holder, item, is_first) or Verified(item, holder)


def _objection(holder: Holder, item: Item) -> Refusal | None:
    """Why a holder may not say this; None where he may."""
    if isinstance(item, LOOSENING):
        return None if RESUME in holder.may else Refusal(NOT_ALLOWED, f"issuer={holder.name} may not resume")
    if item.level not in LADDER[1:]:
        return Refusal(BAD_LEVEL, f"level={item.level}: {', '.join(LADDER[1:])} are allowed")
    try:
        check_scope(item.scope)
    except ValueError as error:
        return Refusal(BAD_SCOPE, str(error))
    if holder.role == OPERATOR:
        return None if STOP in holder.may else Refusal(NOT_ALLOWED, f"issuer={holder.name} may not stop")
    own_scope = holder.role == MASTER or (holder.role == LOCAL and item.scope == f"account:{holder.account}")
    return None if own_scope else Refusal(NOT_ALLOWED, f"issuer={holder.name} scope={item.scope}: outside of its own")


def _ended(holder: Holder, item: Item, is_first: bool) -> Refusal | None:
    """Why a key that was retired says this no more; None where it does.

    Who has a stolen key puts what time he likes into what he signs. So a retired key resumes nothing that no node holds yet, whatever
    time it says; a stop from before may still come, for a stop of a thief costs no money. What nodes hold they hand to each other, or
    their sets would never be equal again and nobody would trade: a stop in any case, an undo from before the end.
    """
    if holder.until_ns is None:
        return None
    is_late = item.issued_ns > holder.until_ns
    if (is_first or is_late) if isinstance(item, LOOSENING) else (is_first and is_late):
        return Refusal(RETIRED, f"issuer={holder.name}: this key was retired; sign with another one")
    return None


class NodeKeys(msgspec.Struct, frozen=True):
    """What a node needs: everybody's public keys, and its own private ones. ``signer`` None: a node that issues nothing; ``agreement``
    None: a router, which seals nothing, and a mesh whose links are plain.
    """

    keyring: Keyring
    signer: Signer | None = None
    agreement: Agreement | None = None
