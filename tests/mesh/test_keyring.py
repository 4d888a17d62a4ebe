"""Who may stop and resume: whatever else comes is refused by its code."""

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.codec import decode_untrusted, encode
from mesh.config import parse
from mesh.drawnkeys import DrawnKeys
from mesh.keyring import (
    BAD_LEVEL,
    BAD_SCOPE,
    BAD_SIGNATURE,
    BAD_STOP,
    NOT_ALLOWED,
    SIGNED_BYTES_MAX,
    UNKNOWN_ISSUER,
    Holder,
    Keyring,
    Refusal,
    Signer,
    Verified,
)
from mesh.messages.control import Entry, Item, Ping, Signed, Undo
from tests.smallmesh import small_mesh
from tests.stopitems import KEYS, signed

STOP = Entry("operator", 1, 5, "FREEZE", "all", "news", "ann@desk")


def code_of(raw: bytes) -> str:
    """Why it is refused; empty where it is good."""
    verified = KEYS.keyring.verify_untrusted(raw)
    return verified.code if isinstance(verified, Refusal) else ""


def said_by(issuer: str, scope: str = "all", level: str = "FREEZE") -> bytes:
    """An entry signed by who issues it."""
    return signed(Entry(issuer, 1, 5, level, scope, ""), issuer)


@pytest.mark.parametrize("item", [STOP, Undo("operator", 1, 5, [bytes(32)], "calm")])
def test_what_an_operator_signed_is_good(item: Item) -> None:
    """The item comes out as it went in, with who holds the key."""
    verified = KEYS.keyring.verify_untrusted(signed(item))
    assert isinstance(verified, Verified)
    assert (verified.item, verified.holder.name) == (item, "operator")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", BAD_STOP),
        (encode(Ping("", 1)), BAD_STOP),
        (encode(STOP), BAD_STOP),
        (encode(Signed(b"x", bytes(64))), BAD_STOP),
        (encode(Signed(encode(Ping("", 1)), bytes(64))), BAD_STOP),
        (encode(Signed(encode(STOP), bytes(64))), BAD_SIGNATURE),
        (signed(STOP, "stopper"), BAD_SIGNATURE),
        (said_by("nobody"), UNKNOWN_ISSUER),
        (said_by("router-1"), UNKNOWN_ISSUER),
        (said_by("operator", level="ACTIVE"), BAD_LEVEL),
        (said_by("operator", level="STOP"), BAD_LEVEL),
        (said_by("operator", scope="everything"), BAD_SCOPE),
        (said_by("operator", scope="account:"), BAD_SCOPE),
        (said_by("local-1", "all"), NOT_ALLOWED),
        (said_by("local-1", "account:two"), NOT_ALLOWED),
        (said_by("local-1", "symbol:EURUSD"), NOT_ALLOWED),
        (signed(Undo("stopper", 1, 5, [bytes(32)], ""), "stopper"), NOT_ALLOWED),
        (signed(Undo("local-1", 1, 5, [bytes(32)], ""), "local-1"), NOT_ALLOWED),
        (signed(Undo("master-1", 1, 5, [bytes(32)], ""), "master-1"), NOT_ALLOWED),
        (said_by("stopper"), ""),
        (said_by("local-1", "account:one", "FLATTEN"), ""),
        (said_by("master-1", "all", "FLATTEN"), ""),
        (said_by("master-1", "account:one"), ""),
    ],
)
def test_rights(raw: bytes, code: str) -> None:
    """Stop and resume may be different keys; a node can only raise, in its own scope."""
    assert code_of(raw) == code


def test_stop_of_another_mesh_is_none_here() -> None:
    """The same key signs for another mesh: the mesh's id is under the signature."""
    other = DrawnKeys(parse(small_mesh('[mesh]\nid = "other"\n[strategy.reversion]')))
    raw = other.signer("operator").sign(STOP)
    assert isinstance(other.keyring.verify_untrusted(raw), Verified)
    assert code_of(raw) == BAD_SIGNATURE


def test_key_that_signs_heads_alone_stops_nothing() -> None:
    """A router's key is in the inventory for the heads of its audit: no entry and no undo of its own is believed, in whatever scope."""
    signer = Signer("m", "router-1", bytes(32))
    keyring = Keyring("m", [Holder("router-1", "router", signer.public)])
    items = [Entry("router-1", 1, 5, "FREEZE", scope, "") for scope in ("all", "account:one", "account:", "symbol:EURUSD")]
    for item in (*items, Undo("router-1", 1, 5, [bytes(32)], "")):
        refused = keyring.verify_untrusted(signer.sign(item))
        assert isinstance(refused, Refusal)
        assert refused.code in (NOT_ALLOWED, BAD_SCOPE)
    assert keyring.head_refusal(signer.signed_head(b"s" * 16, 7, b"h" * 32, 1)) == ""


def test_head_cannot_be_made_a_stop_nor_a_stop_a_head() -> None:
    """Each has a word of its own under the signature, and an operator tells no head."""
    head = KEYS.signer("master-1").signed_head(b"s" * 16, 7, b"h" * 32, 1)
    assert KEYS.keyring.head_refusal(head) == ""
    stop = Entry("master-1", 1, 5, "FREEZE", "all", "")
    assert code_of(encode(Signed(encode(stop), head.signature))) == BAD_SIGNATURE
    other = KEYS.signer("master-1").signed(stop).signature
    assert KEYS.keyring.head_refusal(msgspec.structs.replace(head, signature=other)) == BAD_SIGNATURE
    assert KEYS.keyring.head_refusal(KEYS.signer("operator").signed_head(b"s" * 16, 7, b"h" * 32, 1)) == NOT_ALLOWED
    assert KEYS.keyring.head_refusal(KEYS.signer("router-1").signed_head(b"s" * 16, 7, b"h" * 32, 1)) == UNKNOWN_ISSUER


@given(st.data())
def test_nothing_can_be_edited_in_flight(data: st.DataObject) -> None:
    """Any other byte anywhere in the body or the signature: refused."""
    good = decode_untrusted(signed(STOP))
    assert isinstance(good, Signed)
    field = data.draw(st.sampled_from(["body", "signature"]))
    raw = bytearray(getattr(good, field))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert code_of(encode(msgspec.structs.replace(good, **{field: bytes(raw)}))) in (BAD_STOP, BAD_SIGNATURE, UNKNOWN_ISSUER)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_and_nothing_is_raised(raw: bytes) -> None:
    """The one code of what is no signed stop at all."""
    assert code_of(raw) == BAD_STOP


def test_stop_may_carry_little_that_nobody_signed() -> None:
    """What a newer version adds is passed over; more of it would be handed on to nodes that can read no such frame."""
    assert code_of(signed(STOP)) == ""
    fields = msgpack.unpackb(signed(STOP))
    assert code_of(msgpack.packb([*fields, b"news"])) == ""
    assert code_of(msgpack.packb([*fields, bytes(SIGNED_BYTES_MAX)])) == BAD_STOP
