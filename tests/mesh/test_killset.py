"""The grow-only set of stops."""

from itertools import permutations

import pytest

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.killset import OPERATORS_COUNT, KillSet, check_scope, item_of
from mesh.messages.control import FREEZE, KILL_ITEMS_MAX, LATCHED_MAX, PREFIX_BYTES, Entry, KillSetAsk, Latched, Ping, Signed, Undo
from tests.stopitems import signed


def entry(level: str = "FREEZE", scope: str = "all", nonce: int = 1) -> bytes:
    return signed(Entry("operator", nonce, 5, level, scope, "drill"))


def undo(*entries: bytes, nonce: int = 1) -> bytes:
    return signed(Undo("operator", nonce, 6, [item_of(raw)[0] for raw in entries], "over"))


def test_empty_set_is_active_with_an_empty_digest() -> None:
    """Without entries everything is ACTIVE."""
    assert (KillSet().level_for("a"), KillSet().digest) == ("ACTIVE", b"")


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_union_does_not_depend_on_order(order: tuple[int, ...]) -> None:
    """Every order of arrival, also an undo before its entry, gives the same digest and level."""
    freeze, flatten = entry(), entry("FLATTEN", "account:a", 2)
    items = [freeze, flatten, undo(flatten), entry("CANCEL", "symbol:EURUSD", 3)]
    killset = KillSet()
    for index in order:
        killset.add_untrusted(items[index])
    assert killset.level_for("a") == "FREEZE"
    assert killset.level_for("a", "EURUSD") == "CANCEL"
    straight = KillSet()
    for raw in items:
        straight.add_untrusted(raw)
    assert killset.digest == straight.digest


def test_undo_ends_only_what_it_names() -> None:
    """Two entries of the same scope: undoing one leaves the other binding."""
    first, second = entry(nonce=1), entry(nonce=2)
    killset = KillSet()
    for raw in (first, second, undo(first)):
        killset.add_untrusted(raw)
    assert killset.level_for("a") == "FREEZE"
    killset.add_untrusted(undo(second, nonce=2))
    assert killset.level_for("a") == "ACTIVE"
    assert (len(killset), len(killset.known())) == (4, 4 * PREFIX_BYTES)


def test_repeat_is_not_new_and_changes_nothing() -> None:
    """Taking the same bytes twice keeps the digest."""
    killset = KillSet()
    killset.add_untrusted(entry())
    digest = killset.digest
    killset.add_untrusted(entry())
    assert (killset.digest, len(killset)) == (digest, 1)


def test_missing_is_what_the_peer_lacks() -> None:
    """Anti-entropy: two sets that exchange what the other lacks become equal."""
    one, two = KillSet(), KillSet()
    one.add_untrusted(entry(nonce=1))
    two.add_untrusted(entry(nonce=2))
    assert one.lacks_of(two.known())
    for raw in one.missing(two.known()):
        two.add_untrusted(raw)
    for raw in two.missing(one.known()):
        one.add_untrusted(raw)
    assert one.digest == two.digest
    assert not one.lacks_of(two.known())


@pytest.mark.parametrize(
    "raw", [b"", encode(Ping("", 1)), encode(Entry("operator", 1, 1, "FREEZE", "all", "")), encode(Signed(b"x", bytes(64)))]
)
def test_what_is_no_stop_is_refused(raw: bytes) -> None:
    """Garbage, other messages, a stop without its signature raise BadFrame and change nothing."""
    killset = KillSet()
    with pytest.raises(BadFrame):
        killset.add_untrusted(raw)
    assert killset.known() == b""


def test_a_flood_is_bounded_and_leaves_room_for_people() -> None:
    """Nodes' own entries fill it up to what is kept for operators; these fill it to its end."""
    killset = KillSet()
    for nonce in range(KILL_ITEMS_MAX - OPERATORS_COUNT):
        killset._raw[nonce.to_bytes(32, "big")] = b""
    assert (killset.has_room(is_operators=False), killset.has_room(is_operators=True)) == (False, True)
    for nonce in range(KILL_ITEMS_MAX):
        killset._raw[nonce.to_bytes(32, "big")] = b""
    assert not killset.has_room(is_operators=True)


def test_scope_words() -> None:
    """The error of a wrong scope says what is allowed."""
    assert check_scope("symbol:EURUSD") == "symbol:EURUSD"
    with pytest.raises(ValueError, match="account:NAME"):
        check_scope("EURUSD")


def test_full_set_can_be_asked_for_and_confirmed() -> None:
    """As many ids as a set may hold pass the wire in one message: else two full sets that differ would differ for ever."""
    known = bytes(range(256)) * (PREFIX_BYTES * KILL_ITEMS_MAX // 256)
    ids = [bytes([number % 256]) * 31 + bytes([number // 256]) for number in range(LATCHED_MAX)]
    for message in (KillSetAsk(known), Latched("a" * 64, 2**63 - 1, FREEZE, ids, [bytes(16)] * 64)):
        assert decode_untrusted(encode(message)) == message
