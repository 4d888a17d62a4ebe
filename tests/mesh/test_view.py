"""What a frontend keeps of what routers tell."""

from mesh.codec import encode
from mesh.messages.accounts import AccountState
from mesh.messages.base import Msg
from mesh.messages.control import Entry, Latched, Ping, Signed
from mesh.messages.health import FrontEvent, LocalSeen, NodeHealth, Snapshot
from mesh.messages.outcomes import DealReport
from mesh.stopset import UNKNOWN_LEVEL
from mesh.units import MS_NS, SECOND_NS
from mesh.view import DEALS_MAX, SnapshotTally, View, freshness
from tests.stopitems import KEYS


def state(number: int, life: int = 1, equity_e8: int = 5) -> AccountState:
    return AccountState("a", life, number, 0, 0, 0, 0, 1, "USD", True, 100, 0, equity_e8, 0, 0, 0, 0, True, True, False, "ACTIVE", [], [])


def frame(item: Msg, age_ms: int = 0, router: str = "r1") -> Snapshot:
    return Snapshot(router, 1, 1, 0, 1, age_ms, encode(item))


def test_age_counts_from_when_the_router_had_it() -> None:
    """A state that was 700 ms old in the snapshot is 900 ms old 200 ms later, never fresh as new."""
    view = View()
    view.take(frame(state(1), age_ms=700), 10 * SECOND_NS)
    at_ns, _ = view.accounts["a"]
    assert 10 * SECOND_NS + 200 * MS_NS - at_ns == 900 * MS_NS


def test_newest_state_wins_by_number_not_by_arrival() -> None:
    """A second router that tells an older state changes nothing."""
    view = View()
    view.take(frame(state(7, equity_e8=70)), 1)
    view.take(frame(state(6, equity_e8=60), router="r2"), 2)
    assert view.accounts["a"][1].equity_e8 == 70


def test_new_life_of_a_local_replaces_the_old() -> None:
    """Numbers begin again with a life; the new one is believed, a late frame of the old one is not."""
    view = View()
    view.take(frame(state(900, life=1)), SECOND_NS)
    view.take(frame(state(1, life=2, equity_e8=2)), 2 * SECOND_NS)
    view.take(frame(state(901, life=1), age_ms=1_500), 2 * SECOND_NS)
    assert view.accounts["a"][1].life == 2


def test_garbage_and_strangers_are_counted() -> None:
    """Items that are no message, or none of a frontend's, are counted and nothing else happens."""
    view = View()
    view.take(Snapshot("r1", 1, 1, 0, 1, 0, b"\xc1"), 1)
    view.take(frame(Ping("", 1)), 1)
    view.take(Ping("", 1), 1)
    assert view.bad_frame_count == 3
    assert not view.accounts


def test_deals_are_bounded() -> None:
    """The oldest deals go first."""
    view = View()
    for number in range(DEALS_MAX + 5):
        deal = DealReport("a", number, 0, 0, "", "BUY", "IN", "X", 0, 0, 0, 0, 0, 0, bytes(16), "")
        view.take(FrontEvent("r1", encode(deal)), 1)
    assert len(view.deals) == DEALS_MAX
    assert min(key[1] for key in view.deals) == 5


def test_health_and_locals_are_kept_by_name() -> None:
    """Each router's view of a local stands apart; of a node's health the newest counts."""
    view = View()
    health = NodeHealth("n", "master", 1, 9, "READY", 0, 0, 0, 0, 0, "1", "x", {}, {})
    view.take(frame(health, age_ms=0), SECOND_NS)
    view.take(frame(health, age_ms=900, router="r2"), SECOND_NS)
    view.take(frame(LocalSeen("a", "local-1", "fresh", True, 5, "ACTIVE")), SECOND_NS)
    view.take(frame(LocalSeen("a", "local-1", "dead", False, 5_000, "ACTIVE"), router="r2"), SECOND_NS)
    assert view.nodes["n"][0] == SECOND_NS
    assert [view.locals[(router, "a")][1].state for router in ("r1", "r2")] == ["fresh", "dead"]


def test_freshness_words() -> None:
    """Fresh to 1.8 s (one telling and one snapshot apart), late to twice that, dead after."""
    assert [freshness(ms * MS_NS) for ms in (0, 1_800, 1_801, 3_600, 3_601)] == ["fresh", "fresh", "late", "late", "dead"]


def test_stops_are_shown_by_what_they_say() -> None:
    """Whose signature is good is the nodes' business; what is no stop is counted."""
    view = View()
    entry = Entry("operator", 1, 1, "FREEZE", "all", "news")
    view.take(FrontEvent("r1", encode(KEYS.signer("operator").signed(entry))), 1)
    view.take(frame(Signed(b"x", bytes(64))), 1)
    assert (list(view.stops.values()), view.bad_frame_count) == ([entry], 1)


def test_newest_word_of_a_stop_wins_and_has_its_age() -> None:
    """By number in one life; a late frame of a life before is not believed."""
    view = View()
    view.take(frame(Latched("a", 1, "FREEZE", [], [], 5), age_ms=500), 10 * SECOND_NS)
    view.take(frame(Latched("a", 1, "ACTIVE", [], [], 4)), 11 * SECOND_NS)
    assert view.latched["a"] == (9_500 * MS_NS, Latched("a", 1, "FREEZE", [], [], 5))
    view.take(frame(Latched("a", 2, "CANCEL", [], [], 1)), 12 * SECOND_NS)
    view.take(frame(Latched("a", 1, "FREEZE", [], [], 9), age_ms=3_000), 12 * SECOND_NS)
    assert view.latched["a"][1].life == 2


def test_a_stop_of_a_level_nobody_knows_binds() -> None:
    """It is of a newer version: how much it stops is not known here, and that is what is shown of it; it is never left out."""
    view = View()
    view.take(frame(KEYS.signer("operator").signed(Entry("operator", 1, 1, "HALF", "all", "news"))), 1)
    (entry,) = view.stops.values()
    assert isinstance(entry, Entry)
    assert (entry.level, entry.reason) == (UNKNOWN_LEVEL, "news (its level HALF is of a newer version)")
    assert view.bad_frame_count == 0


def test_a_snapshot_is_whole_in_one_life_of_its_router() -> None:
    """One started anew numbers its snapshots anew; frames of the life before count for nothing."""
    tally = SnapshotTally()
    first, second = (Snapshot("r1", life, 1, 0, 2, 0, b"") for life in (1, 2))
    tally.take(first, 1)
    tally.take(second, 2)
    assert tally.whole_ns == {}
    tally.take(second, 3)
    assert tally.whole_ns == {"r1": 3}
