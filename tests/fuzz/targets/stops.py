"""Stops of others: signed or not, replayed, edited; and the set they go into."""

from random import Random

from mesh.codec import decode_untrusted, encode
from mesh.errors import BadFrame
from mesh.keyring import Refusal, Verified
from mesh.killset import KillSet, check_scope, entry_id
from mesh.messages.control import LADDER, Entry, Signed, Undo
from tests.fuzz.mutations import bytes_mutated, message_mutated
from tests.fuzz.target import Target
from tests.stopitems import KEYS, signed

ENTRIES = (
    Entry("operator", 1, 10**18, "FREEZE", "all", "a reason", "somebody"),
    Entry("stopper", 2, 10**18, "FLATTEN", "account:one", ""),
    Entry("local-1", 3, 10**18, "CANCEL", "account:one", "equity"),
    Entry("master-1", 4, 10**18, "FREEZE", "symbol:EURUSD", "fleet"),
)
ISSUERS = ("operator", "stopper", "local-1", "master-1")


def items() -> list[Entry | Undo]:
    """Entries of everybody who may make some, and the undo of them."""
    return [*ENTRIES, Undo("operator", 9, 10**18, [entry_id(encode(entry)) for entry in ENTRIES], "over")]


def stops() -> list[bytes]:
    """As they travel."""
    return [signed(item, item.issuer) for item in items()]


def read_stop(raw: bytes) -> Verified | Refusal:
    """A refusal, or a stop that its issuer signed, may sign, and that says something."""
    found = KEYS.keyring.verify_untrusted(raw)
    if isinstance(found, Refusal):
        assert found.code
        return found
    message = decode_untrusted(raw)
    assert isinstance(message, Signed)
    assert decode_untrusted(message.body) == found.item
    signer = KEYS.signer(found.item.issuer)
    assert signer.public == found.holder.key
    if isinstance(found.item, Entry):
        assert found.item.level in LADDER[1:]
        check_scope(found.item.scope)
        assert found.holder.name != "local-1" or found.item.scope == "account:one"
    else:
        assert found.holder.name == "operator", "who may not resume did"
    assert isinstance(KEYS.keyring.verify_untrusted(raw, is_drill=True), Refusal), "a stop is no drill"
    return found


def stop_mutated(raw: bytes, draw: Random) -> bytes:
    """Its body changed and signed anew by somebody, or what is around it changed."""
    try:
        message = decode_untrusted(raw)
    except BadFrame:
        return bytes_mutated(raw, draw)
    if not isinstance(message, Signed) or draw.random() < 0.3:
        return message_mutated(raw, draw)
    body = message_mutated(message.body, draw)[:16_384]
    seal = KEYS.signer(draw.choice(ISSUERS))._key.sign(b"trademesh stop\0" + KEYS.keyring._mesh_id.encode() + b"\0" + body)
    return encode(Signed(body, seal))


def read_set(raw: bytes) -> KillSet:
    """A stop is taken into the set, or is none; questions of any bytes about the set are answered."""
    held = KillSet()
    for each in stops():
        held.add_untrusted(each)
    before = held.digest
    assert held.lacks_of(raw) == any(raw[at : at + 8] not in _starts(held) for at in range(0, len(raw), 8))
    assert set(held.missing(raw)) <= set(held.raw_items())
    held.add_untrusted(raw)
    held.add_untrusted(raw)
    assert (held.digest != before) == (len(held) > len(stops()))
    assert len(held.missing(held.known())) == 0
    return held


def _starts(held: KillSet) -> set[bytes]:
    known = held.known()
    return {known[at : at + 8] for at in range(0, len(known), 8)}


TARGETS = (
    Target("stop", (), stops, read_stop, stop_mutated, limit_ms=2),  # a signature takes a third of it
    Target("killset", (BadFrame,), stops, read_set, stop_mutated, limit_ms=2),
)
