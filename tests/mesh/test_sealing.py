"""Seals: both sides agree on a key without a message, and no field of what is sealed can be another."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mesh.messages.orders import Expired, Grant, LocalWelcome, Order, Target, Void, VoidLine
from mesh.messages.outcomes import OutcomeAck
from mesh.sealing import (
    MAC_BYTES,
    Agreement,
    ack_mac,
    expired_mac,
    grant_mac,
    order_head,
    order_mac,
    void_mac,
    welcome_mac,
)

PRIVATE = {name: bytes([number]) * 32 for number, name in enumerate(("master-1", "local-1", "local-2", "old-1"), 1)}
PUBLIC = {name: X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw() for name, key in PRIVATE.items()}
KEY = bytes(range(32))
TARGET = Target("a1", 7, "EURUSD", 1_000, bytes(16), 0)
ORDER = Order(5, 9, b"o" * 16, [TARGET], 33)
GRANT = Grant("a1", 1, 5, 9, 7, b"d", 1_000, 20, "", 2)
WELCOME = LocalWelcome("a1", 5, 3, 7, False, b"", 8)
LINE = VoidLine(b"o" * 16, "s", "swing", "open", "EURUSD", 1, 1_000, 0, 7, 9)
WORDS: dict[str, tuple[Any, Callable[[bytes, Any], bytes]]] = {
    "grant": (GRANT, grant_mac),
    "welcome": (WELCOME, welcome_mac),
    "expired": (Expired("a1", 7, b"o" * 16), lambda key, row: expired_mac(key, 5, row)),
    "void": (Void("a1", 5, [LINE], 8), void_mac),
    "ack": (OutcomeAck("a1", 3, 8), ack_mac),
}


def agreement(name: str, known: dict[str, list[bytes]] | None = None, mesh: str = "m") -> Agreement:
    """One side; ``known``: the public keys it has of others."""
    publics = known or {each: [key] for each, key in PUBLIC.items()}
    return Agreement(mesh, PRIVATE[name], lambda node: publics.get(node, []))


def test_master_and_local_agree_and_nobody_else_does() -> None:
    """By the mesh, the account and both keys."""
    master, local = agreement("master-1"), agreement("local-1")
    key = master.key_with("local-1", local.public, "a1")
    assert key is not None
    assert local.keys_with("master-1", "a1") == [key]
    others = [
        agreement("local-2").keys_with("master-1", "a1"),
        local.keys_with("master-1", "a2"),
        agreement("local-1", mesh="other").keys_with("master-1", "a1"),
        local.keys_with("local-2", "a1"),
    ]
    assert key not in [each for keys in others for each in keys]


def test_key_that_is_none_of_a_nodes_is_not_agreed_on() -> None:
    """A hello that names another's key, or one that was struck from the list."""
    master = agreement("master-1")
    assert master.key_with("local-1", PUBLIC["local-2"], "a1") is None
    assert master.key_with("local-1", b"", "a1") is None
    assert agreement("master-1", {"local-1": []}).key_with("local-1", PUBLIC["local-1"], "a1") is None


def test_local_takes_what_is_sealed_under_any_key_the_master_has_now() -> None:
    """While the master's key is changed both are good; one that is struck is not."""
    both = agreement("local-1", {"master-1": [PUBLIC["old-1"], PUBLIC["master-1"]]})
    for name in ("old-1", "master-1"):
        key = agreement(name).key_with("local-1", PUBLIC["local-1"], "a1")
        assert key is not None
        assert both.is_sealed("master-1", "a1", grant_mac(key, GRANT), lambda each: grant_mac(each, GRANT))
    key = agreement("old-1").key_with("local-1", PUBLIC["local-1"], "a1")
    assert key is not None
    new = agreement("local-1", {"master-1": [PUBLIC["master-1"]]})
    assert not new.is_sealed("master-1", "a1", grant_mac(key, GRANT), lambda each: grant_mac(each, GRANT))
    assert not agreement("local-1", {"master-1": []}).is_sealed("master-1", "a1", b"", lambda each: b""), "nobody's word is nobody's"


@pytest.mark.parametrize("field", [name for name in Target.__struct_fields__ if name != "mac"])
def test_each_field_of_a_target_is_sealed(field: str) -> None:
    """And so are the order's own and the body."""
    before = order_mac(KEY, order_head(ORDER, b"body"), TARGET)
    assert len(before) == MAC_BYTES
    value = getattr(TARGET, field)
    other = msgspec.structs.replace(TARGET, **{field: value + (b"x" if isinstance(value, bytes) else "x" if isinstance(value, str) else 1)})
    assert order_mac(KEY, order_head(ORDER, b"body"), other) != before


def test_order_and_body_are_sealed_and_a_routers_stamp_is_not() -> None:
    """A record of another epoch, under another number or oid, with another body, under another key."""
    before = order_mac(KEY, order_head(ORDER, b"body"), TARGET)
    replace = msgspec.structs.replace
    for other in (replace(ORDER, e=6), replace(ORDER, n=10), replace(ORDER, oid=b"p" * 16)):
        assert order_mac(KEY, order_head(other, b"body"), TARGET) != before
    assert order_mac(KEY, order_head(ORDER, b"bodz"), TARGET) != before
    assert order_mac(bytes(32), order_head(ORDER, b"body"), TARGET) != before
    assert order_mac(KEY, order_head(replace(ORDER, stamp_router_ns=1), b"body"), TARGET) == before


@pytest.mark.parametrize(
    ("word", "field"),
    [(word, name) for word, (message, _) in WORDS.items() for name in message.__struct_fields__ if name not in ("mac", "relay_ns")],
)
def test_each_field_is_sealed(word: str, field: str) -> None:
    """A grant's nonce too, so that an old one serves nobody; the life a word is said to, for to another it says nothing."""
    message, mac_of = WORDS[word]
    value = getattr(message, field)
    added: Any = b"x" if isinstance(value, bytes) else "x" if isinstance(value, str) else 1
    changed = value[:-1] if isinstance(value, list) else value + added
    assert mac_of(KEY, msgspec.structs.replace(message, **{field: changed})) != mac_of(KEY, message)


def test_time_on_the_way_is_not_sealed_and_epoch_and_lines_are() -> None:
    """A router adds the time it took; of a gap fill each row has the fill's epoch under its seal, of a void each field of a line."""
    assert grant_mac(KEY, msgspec.structs.replace(GRANT, relay_ns=99)) == grant_mac(KEY, GRANT)
    row = Expired("a1", 7, b"o" * 16)
    assert expired_mac(KEY, 5, row) != expired_mac(KEY, 6, row)
    unsure = Void("a1", 5, [msgspec.structs.replace(LINE, is_unsure=True)], 8)
    assert void_mac(KEY, unsure) != void_mac(KEY, Void("a1", 5, [LINE], 8))


def test_seal_of_one_kind_is_none_of_another() -> None:
    """Though their fields were the same bytes."""
    row = Expired("a1", 3, b"")
    seals = [mac_of(KEY, message) for message, mac_of in WORDS.values()] + [expired_mac(KEY, 8, row)]
    assert len(set(seals)) == len(WORDS) + 1
