"""The audit's chain and what is in it: names as the nodes have them, and no record changed unseen."""

import msgspec
import pytest

from mesh.audit import AUDITED, HEAD, KEYS, NO_HASH, PRUNED, AuditRow, Head, broken_at, next_hash, row_sum, sealed, unsealed
from mesh.io.doorkeeper import REFUSED_GUEST
from nodes import decisions, stops
from nodes.local import commandlog, finishing, reports, seals
from nodes.master import intake, state


def chain(count: int) -> list[AuditRow]:
    rows: list[AuditRow] = []
    before = NO_HASH
    for seq in range(1, count + 1):
        before = next_hash(before, seq, seq * 7, "stop", b"k", b"%d" % seq)
        rows.append(AuditRow(seq, seq * 7, "stop", b"k", b"%d" % seq, before))
    return rows


def first_bad(rows: list[AuditRow]) -> int:
    """The number of the first record that does not follow; 0 where all do."""
    last: AuditRow | None = None
    for row in rows:
        if broken_at(last, row):
            return row.seq
        last = row
    return 0


def test_kinds_are_those_of_the_nodes() -> None:
    """The declaration is text, for the wire may not know the nodes: it names kinds they really write."""
    everywhere = {REFUSED_GUEST, HEAD, KEYS}
    assert {
        **{role: everywhere for role in ("market", "broker", "indicator", "signals")},
        "master": {state.EPOCH, decisions.DECISION, decisions.ARCHIVE, intake.ACT, stops.KILL_ITEM, stops.REFUSED_ITEM, *everywhere},
        "router": {stops.KILL_ITEM, stops.REFUSED_ITEM, stops.LATCHED_ROW, *everywhere},
        "local": {
            finishing.ORDER_ROW, reports.OUTCOME, commandlog.COMMAND, stops.KILL_ITEM, stops.REFUSED_ITEM, seals.FORGED, *everywhere,
        },
    } == AUDITED
    assert PRUNED == {"master": (intake.ACT, decisions.ARCHIVE, decisions.WHY), "local": (reports.ARCHIVE,)}


def test_what_makes_an_order_known_is_never_pruned() -> None:
    """Only archives are; what a node takes at its start stays for ever."""
    assert all(kind.startswith("_") for kinds in PRUNED.values() for kind in kinds)
    assert {reports.KNOWN, decisions.SID}.isdisjoint(kind for kinds in PRUNED.values() for kind in kinds)


def test_a_whole_chain_follows() -> None:
    """Nothing is wrong with a chain as it was made."""
    assert first_bad(chain(5)) == 0


@pytest.mark.parametrize(
    "change", [{"wall_ns": 1}, {"kind": "epoch"}, {"key": b""}, {"record": b"0"}, {"hash": NO_HASH}], ids=lambda change: next(iter(change))
)
def test_a_changed_record_is_the_first_bad_one(change: dict[str, object]) -> None:
    """Whichever field of a record is changed, that record is named."""
    rows = chain(5)
    rows[2] = msgspec.structs.replace(rows[2], **change)
    assert first_bad(rows) == 3


def test_a_record_taken_out_or_slipped_in_is_found() -> None:
    """One that is gone, two that changed places, one made anew with a right hash of its own: what follows it gives it away."""
    rows = chain(5)
    assert first_bad(rows[:2] + rows[3:]) == 4
    assert first_bad([rows[0], msgspec.structs.replace(rows[2], seq=2), msgspec.structs.replace(rows[1], seq=3)]) == 2
    forged = AuditRow(3, 21, "stop", b"k", b"x", next_hash(rows[1].hash, 3, 21, "stop", b"k", b"x"))
    assert first_bad([*rows[:2], forged, *rows[3:]]) == 4


def test_rows_do_not_run_into_each_other() -> None:
    """What is moved from one field to the next gives another sum."""
    sums = {row_sum("a", b"bc", 1, b"d"), row_sum("a", b"b", 1, b"cd"), row_sum("ab", b"c", 1, b"d"), row_sum("a", b"bc", 11, b"d")}
    assert len(sums) == 4
    assert all(-(2**63) <= each < 2**63 for each in sums)


def test_seal() -> None:
    """Whatever is cut off or flipped breaks a seal."""
    raw = sealed(msgspec.msgpack.encode(Head()))
    assert unsealed(raw) == msgspec.msgpack.encode(Head())
    assert all(unsealed(raw[:length]) is None for length in range(len(raw)))
    assert all(unsealed(raw[:place] + bytes((raw[place] ^ 1,)) + raw[place + 1 :]) is None for place in range(len(raw)))
