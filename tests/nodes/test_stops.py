"""The kill set between two nodes: whatever one has the other gets, in answers that fit a frame."""

from mesh.codec import FRAME_BYTES_MAX, decode_record_untrusted, decode_untrusted, encode
from mesh.core import Envelope
from mesh.keyring import BAD_SIGNATURE
from mesh.killset import OPERATORS_COUNT
from mesh.links import REPLAY
from mesh.messages.control import FREEZE, KILL_ITEMS_MAX, KNOWN, TAKEN, Entry, KillSetAsk, KillSetPart, Signed
from mesh.units import SECOND_NS
from nodes.stops import (
    DRILL_ROW,
    FULL,
    KILL_ITEM,
    PART_ITEMS,
    REFUSED_BURST,
    REFUSED_ITEM,
    RefusedRecord,
    Result,
    Stops,
)
from tests.revisionitems import change, in_force
from tests.stopitems import CONFIG, KEYS, drilled, signed


def test_a_set_too_long_for_one_answer_is_had_by_asking_again() -> None:
    """Two hundred stops with long reasons: each answer fits a frame, and a few bring them all."""
    full, empty = Stops("master-1", KEYS.of("master-1"), CONFIG), Stops("router-1", KEYS.of("router-1"), CONFIG)
    for number in range(200):
        full.restore(signed(Entry("operator", number, number, FREEZE, "all", "x" * 400)))
    ask_count = 0
    while empty.killset.digest != full.killset.digest:
        ask_count += 1
        assert ask_count <= 2, "each answer brings as many as it may"
        (send, *_) = full.on_ask(Envelope(REPLAY, 1, KillSetAsk(empty.killset.known())))
        assert isinstance(send.message, KillSetPart)
        assert len(encode(send.message)) <= FRAME_BYTES_MAX
        assert len(send.message.items) <= PART_ITEMS
        for raw in send.message.items:
            empty.take_untrusted(raw, 0)
    assert ask_count == 2


class Desk:
    """A node's stops, with a clock."""

    def __init__(self) -> None:
        self.stops = Stops("router-1", KEYS.of("router-1"), CONFIG)
        self.now_ns = 0

    def take(self, raw: bytes) -> Result:
        return self.stops.take_untrusted(raw, self.now_ns)


def entry(nonce: int = 1, scope: str = "all") -> Entry:
    return Entry("operator", nonce, 5, FREEZE, scope, "news")


def test_what_is_taken_twice_is_known_and_writes_nothing() -> None:
    """A replay changes nothing."""
    desk = Desk()
    first, again = desk.take(signed(entry())), desk.take(signed(entry()))
    assert (first.code, [put.kind for put in first.puts]) == (TAKEN, [KILL_ITEM])
    assert (again.code, again.puts, again.notes, again.id) == (KNOWN, [], [], first.id)


def test_refused_stop_is_written_down_once_and_changes_nothing() -> None:
    """By code, with its first bytes, for the audit; who sends it again gets the same answer and costs nothing."""
    desk = Desk()
    raw = signed(entry(), "stopper")
    refused, again = desk.take(raw), desk.take(raw)
    assert (refused.code, again.code, again.puts, again.notes) == (BAD_SIGNATURE, BAD_SIGNATURE, [], [])
    (put,) = refused.puts
    assert put.record is not None
    record = decode_record_untrusted(put.record, RefusedRecord)
    assert (put.kind, record.code, record.raw) == (REFUSED_ITEM, BAD_SIGNATURE, raw[:512])
    assert desk.stops.killset.digest == b""


def test_flood_of_refusals_does_not_fill_the_disk() -> None:
    """Sixteen at once, then one a second; each is answered."""
    desk = Desk()
    results = [desk.take(signed(entry(number), "stopper")) for number in range(100)]
    assert {result.code for result in results} == {BAD_SIGNATURE}
    assert sum(len(result.puts) for result in results) == REFUSED_BURST
    desk.now_ns += 3 * SECOND_NS
    assert sum(len(desk.take(signed(entry(200 + number), "stopper")).puts) for number in range(10)) == 3


def test_entries_of_different_issuers_with_equal_numbers_all_stand() -> None:
    """Two operators at once, a local before them, a narrower entry after a wider one: union."""
    desk = Desk()
    items = [
        signed(Entry("local-1", 1, 5, FREEZE, "account:one", "equity"), "local-1"),
        signed(entry()),
        signed(Entry("stopper", 1, 5, FREEZE, "all", "news"), "stopper"),
        signed(entry(1, "account:one")),
    ]
    assert [desk.take(raw).code for raw in items] == [TAKEN] * 4
    assert len(desk.stops.killset.live()) == 4


def test_full_set_refuses_nodes_and_takes_people() -> None:
    """What is kept for operators is theirs; FULL is not remembered, for there may be room again after an upgrade."""
    desk = Desk()
    for number in range(KILL_ITEMS_MAX - OPERATORS_COUNT):
        desk.stops.killset._raw[number.to_bytes(32, "big")] = b""
    assert desk.take(signed(Entry("local-1", 1, 5, FREEZE, "account:one", ""), "local-1")).code == FULL
    assert desk.take(signed(entry())).code == TAKEN


def test_drill_is_checked_as_a_stop_and_joins_nothing() -> None:
    """Its row is a drill's; a bad signature is refused likewise."""
    desk = Desk()
    result = desk.stops.drilled_untrusted(drilled(entry()), 0)
    assert (result.code, [put.kind for put in result.puts], len(desk.stops.killset)) == (TAKEN, [DRILL_ROW], 0)
    assert desk.stops.drilled_untrusted(drilled(entry(), "stopper"), 0).code == BAD_SIGNATURE


def test_no_stop_can_be_made_of_a_drill() -> None:
    """Nor a drill of a stop: what is signed says which of the two it is."""
    desk = Desk()
    assert desk.take(encode(drilled(entry()))).code == BAD_SIGNATURE
    stop = decode_untrusted(signed(entry(2)))
    assert isinstance(stop, Signed)
    assert desk.stops.drilled_untrusted(stop, 0).code == BAD_SIGNATURE


def test_a_stop_whose_bytes_came_as_a_drill_is_taken_all_the_same() -> None:
    """As a drill its signature is bad, and that says nothing of the stop: who could read it elsewhere could else keep it from binding."""
    stops = Stops("router-1", KEYS.of("router-1"), CONFIG)
    raw = signed(Entry("operator", 1, 1, FREEZE, "all", "now"))
    as_drill = decode_untrusted(raw)
    assert isinstance(as_drill, Signed)
    assert stops.drilled_untrusted(as_drill, 0).code == BAD_SIGNATURE
    assert stops.take_untrusted(raw, 0).code == TAKEN


def test_live_changes_leave_the_last_places_to_stops() -> None:
    """Who reloads by a script each hour fills the set in time: a person can stop and resume all the same."""
    desk = Desk()
    for number in range(KILL_ITEMS_MAX - OPERATORS_COUNT):
        desk.stops.killset.add(number.to_bytes(32, "big"), b"", entry(number))
    revision = change(CONFIG, CONFIG)
    assert (desk.take(signed(revision)).code, desk.take(signed(in_force(revision))).code) == (FULL, FULL)
    assert desk.take(signed(entry(9_999))).code == TAKEN
