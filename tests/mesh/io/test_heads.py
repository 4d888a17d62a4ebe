"""Heads of audits: told once a minute, kept where they are others' own word, a few at a time, and noted where a history goes back."""

from pathlib import Path

import msgspec
import pytest

from mesh.codec import decode_record_untrusted
from mesh.core import Envelope, Put, Send
from mesh.errors import BadConfig
from mesh.io import auditwalk
from mesh.io.doorkeeper import REFUSED_GUEST, RefusedGuest
from mesh.io.heads import BUSY_COUNT, FIRST_NS, JUDGE_NS, PATIENCE_NS, QUIET_COUNT, TELL_NS, WRITE_EACH_NS, Heads
from mesh.io.node import Node
from mesh.io.store import open_store
from mesh.io.upkeep import Upkeep
from mesh.keyring import Holder, Keyring, Signer
from mesh.messages.heads import AuditHead
from mesh.units import SECOND_NS
from tests.mesh.io.headrig import MESH, SIGNERS, WALL_NS, hand, keeper, kept_by, keyring_of
from tests.wire.rig import Notebook, Told, names_of, node_of


def head(name: str, seq: int, chained: bytes = b"h" * 32, store_id: bytes = b"s" * 16) -> AuditHead:
    """A signed head of a node that has no store here."""
    return SIGNERS[name].signed_head(store_id, seq, chained, WALL_NS)


def told_by(node: Node, monkeypatch: pytest.MonkeyPatch) -> list[Send]:
    """What a node sends from now on."""
    sent: list[Send] = []
    monkeypatch.setattr(node, "do", lambda effects: sent.extend(each for each in effects if isinstance(each, Send)))
    return sent


def test_head_is_told_after_the_start_and_then_each_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By each of its links, signed, with what is durable then; nothing in between."""
    node = keeper(tmp_path)
    assert node.store is not None
    node.heads = Heads(node, SIGNERS["router-1"], keyring_of(), ["replay", "status.0"], lambda: WALL_NS)
    sent = told_by(node, monkeypatch)
    upkeep = Upkeep(10**18)
    for now_s in range(1, 130):
        upkeep.turn([node], [], now_s * SECOND_NS, is_idle=True, is_quiet=True)
        if now_s == 30:
            node.store.commit([Put("stop", b"1", b"freeze")])
    assert [(each.link, each.peer) for each in sent] == [("replay", 0), ("status.0", 0)] * 3
    told = [each.message for each in sent[::2]]
    assert [(each.node, each.store_id, each.seq) for each in told if isinstance(each, AuditHead)] == [
        ("router-1", node.store.store_id, seq) for seq in (1, 2, 2)
    ]
    assert isinstance(told[-1], AuditHead)
    assert told[-1].hash == node.store.head.audit_hash
    assert keyring_of().head_refusal(told[-1]) == ""
    assert node.counters.totals["told_head_count"] == 3


def test_busy_node_tells_it_a_little_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is never quiet tells it all the same."""
    node = keeper(tmp_path)
    node.heads = Heads(node, SIGNERS["router-1"], keyring_of(), ["replay"], lambda: WALL_NS)
    sent = told_by(node, monkeypatch)
    node.heads.turn(False, 0)
    node.heads.turn(False, FIRST_NS + PATIENCE_NS - 1)
    assert sent == []
    node.heads.turn(False, FIRST_NS + PATIENCE_NS)
    assert len(sent) == 1


def test_node_without_a_key_keeps_others_and_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of an older inventory."""
    node = keeper(tmp_path)
    node.heads = Heads(node, None, keyring_of(), ["replay"], lambda: WALL_NS)
    hand(node, head("local-1", 7), 0)
    sent = told_by(node, monkeypatch)
    node.heads.turn(True, 10 * TELL_NS)
    assert (sent, [each.seq for each in kept_by(node)]) == ([], [7])


def test_head_is_in_the_audit_of_who_got_it(tmp_path: Path) -> None:
    """Each that is otherwise than the last one, exactly as it was signed; the row has the newest."""
    node = keeper(tmp_path)
    told = [head("local-1", 7), head("local-1", 7), head("local-2", 3), head("local-1", 9, b"i" * 32)]
    for at, each in enumerate(told):
        hand(node, each, at * JUDGE_NS)
    assert kept_by(node) == [told[0], told[2], told[3]]
    assert node.store is not None
    assert [decode_record_untrusted(record, AuditHead).seq for _, record in node.store.fetch("_head", b"", 9)] == [9, 3]
    assert node.counters.totals["kept_head_count"] == 3


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seq": 8}, "BAD_SIGNATURE"),
        ({"hash": bytes(32)}, "BAD_SIGNATURE"),
        ({"store_id": bytes(16)}, "BAD_SIGNATURE"),
        ({"wall_ns": 1}, "BAD_SIGNATURE"),
        ({"node": "local-2"}, "BAD_SIGNATURE"),
        ({"node": "operator"}, "NOT_ALLOWED"),
        ({"node": "nobody-1"}, "UNKNOWN_ISSUER"),
    ],
)
def test_head_that_is_not_its_nodes_word_is_refused(tmp_path: Path, change: dict[str, object], why: str) -> None:
    """Whatever is changed in it; it is on record, and nothing of it is kept."""
    node = keeper(tmp_path)
    hand(node, msgspec.structs.replace(head("local-1", 7), **change), 0)
    assert kept_by(node) == []
    assert names_of(node) == ["head_refused"]
    assert node.store is not None
    (row,) = auditwalk.records(node.store.path, kind=REFUSED_GUEST)
    assert decode_record_untrusted(row.record, RefusedGuest).why.startswith(f"{why} AuditHead")


def test_head_of_another_mesh_is_refused(tmp_path: Path) -> None:
    """The mesh's id is under the signature."""
    node = keeper(tmp_path)
    hand(node, Signer("other", "local-1", b"local-1".ljust(32, b"k")).signed_head(b"s" * 16, 7, b"h" * 32, 1), 0)
    assert (kept_by(node), names_of(node)) == ([], ["head_refused"])


def test_one_node_cannot_fill_anothers_audit(tmp_path: Path) -> None:
    """However often it tells another head, one in half a minute is written: the newest of them."""
    node = keeper(tmp_path)
    for at in range(600):
        hand(node, head("local-1", at + 1), at * SECOND_NS // 10)
    assert len(kept_by(node)) <= 60 * SECOND_NS // JUDGE_NS + 1
    hand(node, head("local-1", 999), 120 * SECOND_NS)
    assert kept_by(node)[-1].seq == 999


def test_audit_grows_no_faster_in_a_large_fleet(tmp_path: Path) -> None:
    """Twenty nodes tell another head each minute: no more of them are written than of ten."""
    names = [f"local-{number}" for number in range(20)]
    signers = {name: Signer(MESH, name, name.encode().ljust(32, b"k")) for name in names}
    node = keeper(tmp_path, keyring=Keyring(MESH, [Holder(name, "local", signer.public) for name, signer in signers.items()]))
    assert node.heads is not None
    for minute in range(20):
        for signer in signers.values():
            node.take(Envelope("status", 0, signer.signed_head(b"s" * 16, minute + 1, b"h" * 32, 1)), 0)
        for second in range(60):
            node.heads.turn(True, (60 * minute + second) * SECOND_NS)
    node.commit_all()
    kept = [head.node for head in kept_by(node)]
    assert len(kept) <= len(names) + 1_200 * SECOND_NS // WRITE_EACH_NS
    assert min(map(kept.count, names)) >= 10, "each has its turn"


def test_history_that_goes_back_is_seen_and_proved_in_a_large_fleet_too(tmp_path: Path) -> None:
    """Between two of its heads that are written: what it went back from is written then, and what it went back to."""
    names = [f"local-{number}" for number in range(200)]
    signers = {name: Signer(MESH, name, name.encode().ljust(32, b"k")) for name in names}
    node = keeper(tmp_path, keyring=Keyring(MESH, [Holder(name, "local", signer.public) for name, signer in signers.items()]))
    for at, name in enumerate(names):
        hand(node, signers[name].signed_head(b"s" * 16, 800, b"h" * 32, 1), at)
    for minute, seq in enumerate((1_001, 1_005, 920, 1_020), 1):
        hand(node, signers["local-7"].signed_head(b"s" * 16, seq, b"h" * 32, 1), 60 * minute * SECOND_NS)
    assert [head.seq for head in kept_by(node) if head.node == "local-7"] == [800, 1_001, 1_005, 920]
    assert names_of(node) == ["audit_went_back"]
    hand(node, signers["local-8"].signed_head(b"s" * 16, 801, b"h" * 32, 1), 1_300 * SECOND_NS)
    assert [head.seq for head in kept_by(node) if head.node == "local-7"] == [800, 1_001, 1_005, 920], "the next one waits"
    hand(node, signers["local-8"].signed_head(b"s" * 16, 802, b"h" * 32, 1), 1_600 * SECOND_NS)
    assert [head.seq for head in kept_by(node) if head.node == "local-7"][-1] == 1_020, "and is written though its node is silent"


def test_few_are_judged_in_a_turn(tmp_path: Path) -> None:
    """A thousand heads at once hold up no order: so many in a quiet turn, fewer in a busy one, the rest waits."""
    names = [f"local-{number}" for number in range(100)]
    signers = {name: Signer(MESH, name, name.encode().ljust(32, b"k")) for name in names}
    node = keeper(tmp_path, keyring=Keyring(MESH, [Holder(name, "local", signer.public) for name, signer in signers.items()]))
    for signer in signers.values():
        node.take(Envelope("status", 0, signer.signed_head(b"s" * 16, 1, b"h" * 32, 1)), 0)
    counts = []
    for is_quiet in (True, False, True):
        assert node.heads is not None
        node.heads.turn(is_quiet, 0)
        counts.append(node.counters.totals["kept_head_count"])
    assert counts == [QUIET_COUNT, QUIET_COUNT + BUSY_COUNT, 2 * QUIET_COUNT + BUSY_COUNT]


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (head("local-1", 6), "its audit had 7 records, now it has 6"),
        (head("local-1", 7, b"x" * 32), f"its record 7 was {b'h'.hex() * 8}, now it is {b'x'.hex() * 8}"),
        (head("local-1", 9, store_id=b"t" * 16), f"store {b's'.hex() * 16} has become store {b't'.hex() * 16}"),
    ],
)
def test_history_that_goes_back_is_noted_and_kept(tmp_path: Path, after: AuditHead, why: str) -> None:
    """A store that was put back or rewritten shows at once, also where the one who keeps the old head has started anew meanwhile."""
    node = keeper(tmp_path)
    hand(node, head("local-1", 7), 0)
    node.close()
    again = node_of(Told(), "router-1", open_store(tmp_path / "router-1.db", MESH, "router-1", "router"))
    again.heads = Heads(again, None, keyring_of(), [], lambda: WALL_NS)
    hand(again, head("local-1", 7), 0)
    assert (len(kept_by(again)), names_of(again)) == (1, []), "what it knows is not written again"
    hand(again, after, JUDGE_NS)
    assert isinstance(again.log, Notebook)
    (note,) = again.log.notes
    assert (note.name, note.fields["node"], note.fields["why"]) == ("audit_went_back", "local-1", why)
    assert [each.seq for each in kept_by(again)] == [7, after.seq]


def test_nodes_of_one_process_keep_each_others_heads(tmp_path: Path) -> None:
    """What is handed over without a socket is signed and judged as any other."""
    signals, master = keeper(tmp_path, "signals-1"), keeper(tmp_path, "master-1")
    signals.join("decide", master, "decide")
    signals.heads = Heads(signals, SIGNERS["signals-1"], keyring_of(), ["decide"], lambda: WALL_NS)
    signals.heads.turn(True, 0)
    signals.heads.turn(True, FIRST_NS)
    node, envelope = master.inbox.popleft()
    assert node is master
    super(Told, master.core).handle(envelope, FIRST_NS)
    assert master.heads is not None
    master.heads.turn(True, FIRST_NS)
    master.commit_all()
    assert signals.store is not None
    assert [(each.node, each.hash) for each in kept_by(master)] == [("signals-1", signals.store.head.audit_hash)]


def test_row_that_is_no_head_is_a_damaged_store(tmp_path: Path) -> None:
    """It is told as such at the start, and no traceback."""
    node = keeper(tmp_path)
    assert node.store is not None
    node.store.commit([Put("_head", b"local-1", b"none")])
    with pytest.raises(BadConfig, match="what it keeps of others is no head"):
        Heads(node, None, keyring_of(), [])
    node.close()


def test_head_on_a_link_that_carries_none_is_a_strangers(tmp_path: Path) -> None:
    """It is not looked at: an operator's port is for operators."""
    node = keeper(tmp_path)
    node.core.handlers = dict(node.core.handlers)
    for link, peer in (("control", 3), ("locals", 3), ("status", 3)):
        super(Told, node.core).handle(Envelope(link, peer, head("local-1", 7)), 0)
    assert node.core.counters.totals["stranger_count"] == 3
    assert node.heads is not None
    node.heads.turn(True, 0)
    node.commit_all()
    assert kept_by(node) == []
