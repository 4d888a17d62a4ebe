"""The grow-only set of stops."""

from itertools import permutations

import pytest

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.killset import KillSet, check_scope, entry_id
from mesh.messages.control import FREEZE, KILL_ITEMS_MAX, Entry, KillSetAsk, Latched, Ping, Undo


def entry(level: str = "FREEZE", scope: str = "all", nonce: int = 1) -> bytes:
    return encode(Entry("anna", nonce, 5, level, scope, "drill"))


def undo(*entries: bytes, nonce: int = 1) -> bytes:
    return encode(Undo("anna", nonce, 6, [entry_id(raw) for raw in entries], "over"))


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
        assert killset.add_untrusted(items[index])
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
    assert len(killset.known()) == 4


def test_repeat_is_not_new_and_changes_nothing() -> None:
    """Taking the same bytes twice says so and keeps the digest."""
    killset = KillSet()
    killset.add_untrusted(entry())
    digest = killset.digest
    assert not killset.add_untrusted(entry())
    assert killset.digest == digest


def test_missing_is_what_the_peer_lacks() -> None:
    """Anti-entropy: two sets that exchange what the other lacks become equal."""
    one, two = KillSet(), KillSet()
    one.add_untrusted(entry(nonce=1))
    two.add_untrusted(entry(nonce=2))
    for raw in one.missing(two.known()):
        two.add_untrusted(raw)
    for raw in two.missing(one.known()):
        one.add_untrusted(raw)
    assert one.digest == two.digest


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        encode(Ping("", 1)),
        entry("ACTIVE"),
        entry("STOP"),
        entry(scope="everything"),
        entry(scope="account:"),
    ],
)
def test_what_is_no_stop_is_refused(raw: bytes) -> None:
    """Garbage, other messages, unknown levels and scopes raise BadFrame and change nothing."""
    killset = KillSet()
    with pytest.raises(BadFrame):
        killset.add_untrusted(raw)
    assert killset.known() == []


def test_a_flood_is_bounded() -> None:
    """Past the limit nothing more is taken."""
    killset = KillSet()
    for nonce in range(KILL_ITEMS_MAX):
        killset._raw[nonce.to_bytes(32, "big")] = b""
    with pytest.raises(BadFrame):
        killset.add_untrusted(entry())


def test_scope_words() -> None:
    """The error of a wrong scope says what is allowed."""
    assert check_scope("symbol:EURUSD") == "symbol:EURUSD"
    with pytest.raises(ValueError, match="account:NAME"):
        check_scope("EURUSD")


def test_full_set_can_be_asked_for_and_confirmed() -> None:
    """As many ids as a set may hold pass the wire in one message: else two full sets that differ would differ for ever."""
    ids = [bytes([number % 256]) * 31 + bytes([number // 256]) for number in range(KILL_ITEMS_MAX)]
    for message in (KillSetAsk(ids), Latched("a" * 64, 2**63 - 1, FREEZE, ids, [bytes(16)] * 64)):
        assert decode_untrusted(encode(message)) == message
