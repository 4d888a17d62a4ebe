"""What a local believes of what a router brings: what its master has sealed for its account, and nothing else."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mesh.core import Commit
from mesh.counters import Counters
from mesh.messages.base import Msg
from mesh.messages.orders import Expired, GapFill, Grant, LocalWelcome, Void, VoidLine
from mesh.messages.outcomes import OutcomeAck
from mesh.sealing import OTHER_DIGEST, Agreement, ack_mac, expired_mac, grant_mac, void_mac, welcome_mac
from nodes.local.seals import FORGED, WRITTEN_BURST, Seals

PRIVATE = {"master-1": bytes([1]) * 32, "local-1": bytes([2]) * 32}
PUBLIC = {name: X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw() for name, key in PRIVATE.items()}
OID = b"o" * 16
LINE = VoidLine(OID, "s", "swing", "open", "EURUSD", 1, 1_000, 0, 7, 9)
WORDS: dict[str, tuple[Any, Callable[[bytes, Any], bytes]]] = {
    "welcome": (LocalWelcome("a1", 5, 3, 7, life=8), welcome_mac),
    "void": (Void("a1", 5, [LINE], 8), void_mac),
    "ack": (OutcomeAck("a1", 3, 8), ack_mac),
}


def agreement(name: str) -> Agreement:
    """One side's."""
    return Agreement("m", PRIVATE[name], lambda node: [PUBLIC[node]] if node in PUBLIC else [])


def key() -> bytes:
    """What the master and this local have agreed on."""
    agreed = agreement("master-1").key_with("local-1", PUBLIC["local-1"], "a1")
    assert agreed is not None
    return agreed


class Side:
    """A local's seals, and what they counted."""

    def __init__(self, is_plain: bool = False) -> None:
        self.counters = Counters()
        self.seals = Seals(None if is_plain else agreement("local-1"), "master-1", "a1", self.counters)

    @property
    def forged_count(self) -> int:
        """Words that were refused."""
        return self.counters.totals["forged_count"]


@pytest.mark.parametrize("word", WORDS)
def test_word_is_believed_with_its_masters_seal_alone(word: str) -> None:
    """Without one, with one of other words, and with one under another key nothing is done but to write it down."""
    message, mac_of = WORDS[word]
    side = Side()
    heard = getattr(side.seals, word)
    assert heard(msgspec.structs.replace(message, mac=mac_of(key(), message)), 0) is None
    for mac in (b"", mac_of(bytes(32), message), welcome_mac(key(), LocalWelcome("a1", 5, 4, 7, life=8))):
        effects = heard(msgspec.structs.replace(message, mac=mac), 0)
        assert [put.kind for effect in effects if isinstance(effect, Commit) for put in effect.puts] == [FORGED]
    assert side.forged_count == 3


def test_rows_of_a_gap_fill_are_believed_one_by_one() -> None:
    """Others' rows are nobody's business here, a row of ours without its seal is refused, and those that are good still count."""
    side = Side()

    def sealed(row: Expired, e: int = 5) -> Expired:
        return msgspec.structs.replace(row, mac=expired_mac(key(), e, row))

    good, late = sealed(Expired("a1", 7, OID)), sealed(Expired("a1", 9, OID), e=4)
    rows, effects = side.seals.expired(GapFill(5, [good, Expired("a1", 8, OID), Expired("a2", 7, OID), late]), 0)
    assert (rows, side.forged_count) == ([good], 2)
    assert len([effect for effect in effects if isinstance(effect, Commit)]) == 2


def test_plain_links_need_no_seal() -> None:
    """There whatever comes is believed: that is what plain means."""
    side = Side(is_plain=True)
    row = Expired("a1", 7, OID)
    assert side.seals.expired(GapFill(5, [row, Expired("a2", 7, OID)]), 0) == ([row], [])
    assert [getattr(side.seals, word)(message, 0) for word, (message, _) in WORDS.items()] == [None] * len(WORDS)


def test_flood_of_forged_words_fills_no_disk() -> None:
    """Each is counted; of a burst only so many are written."""
    side = Side()
    bad: list[Msg] = [WORDS["ack"][0]] * (3 * WRITTEN_BURST)
    written = [effect for message in bad for effect in side.seals.ack(message, 0) or [] if isinstance(effect, Commit)]  # type: ignore[arg-type]
    assert (len(written), side.forged_count) == (WRITTEN_BURST, 3 * WRITTEN_BURST)


def test_leave_that_a_router_has_voided_is_neither_leave_nor_forged() -> None:
    """At each stop a router that has it sooner than the master does this, and nobody is to be called for it. Any other is a forgery."""
    side = Side()
    grant = Grant("a1", 5, 1, 0, 0, b"d" * 32, 1, 0)
    sealed = msgspec.structs.replace(grant, mac=grant_mac(key(), grant))
    assert side.seals.grant(sealed, 0) is None
    assert side.seals.grant(msgspec.structs.replace(sealed, kill_digest=OTHER_DIGEST), 0) == []
    assert "forged_count" not in side.counters.totals
    assert side.seals.grant(msgspec.structs.replace(sealed, kill_digest=b"e" * 32), 0) is not None
    assert side.forged_count == 1
