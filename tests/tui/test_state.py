"""What the console knows: reduced from batches and from what was done here, each thing once, with nothing shown that nobody tells."""

import msgspec

from mesh.codec import encode
from mesh.messages.base import Msg
from mesh.messages.control import Entry, Ping, Undo
from mesh.stopset import UNKNOWN_LEVEL
from mesh.units import MS_NS, SECOND_NS
from mesh.view import FRESH_NS, LATE_NS, Told
from tests.tui.consolerig import CONFIG, NOW_NS, SIGNER, WALL_NS, health, key_of, note, outcome, progress, quiet, stop, undo
from tui.feed import Batch, RouterLink
from tui.latencies import STEPS
from tui.state import RUNS_MAX, UNKNOWN, State

LINKS = {name: RouterLink(name, f"tcp://{name}", True, 0) for name in CONFIG.nodes_of("router")}


def tell(state: State, *items: Msg, router: str = "router-1", age_ms: int = 100, now_ns: int = NOW_NS, **changes: object) -> None:
    """A batch of a router that has told everything; it was heard just then, if it says something."""
    told, links = [], dict(state.links or LINKS)
    if items and router in links:
        links[router] = msgspec.structs.replace(links[router], heard_ns=now_ns)
    for item in items:
        shown = SIGNER.signed(item) if isinstance(item, Entry | Undo) else item
        told.append(Told(router, now_ns - age_ms * MS_NS, shown, encode(shown)))
    batch = msgspec.structs.replace(Batch(told, links, 0, 0, True), **changes)
    state.take(batch, now_ns, WALL_NS + now_ns - NOW_NS)


def told_state(*items: Msg) -> State:
    state = State(CONFIG, NOW_NS)
    tell(state, *items)
    return state


def names(state: State, source: str = "") -> list[str]:
    return [line.name for line in state.log if source in ("", line.source)]


def test_rates_count_what_happened_here() -> None:
    """What a first snapshot shows happened before; each outcome counts once; exits are outcomes and no orders."""
    state = told_state(outcome(1), outcome(2))
    assert state.outcomes_a_minute.count(NOW_NS) == 0
    tell(state, outcome(2), outcome(3), outcome(4, cause="SL"))
    tell(state, outcome(3), router="router-2")
    assert state.outcomes_a_minute.count(NOW_NS) == 2
    assert state.orders_a_minute.count(NOW_NS) == 1


def test_what_a_second_router_remembers_is_not_of_now() -> None:
    """Its first snapshot comes after the first router's: outcomes of an hour ago are none of the last minute."""
    state = told_state(outcome(1))
    tell(state, outcome(2), outcome(3), router="router-2", age_ms=3_600_000)
    assert state.outcomes_a_minute.count(NOW_NS) == 0


def test_each_outcome_is_measured_once() -> None:
    """Those of the first snapshot, too, if they have stamps."""
    state = told_state(outcome(1), outcome(2, stamps=type(outcome(1).stamps)()))
    tell(state, outcome(1), router="router-2")
    tell(state, outcome(3))
    assert [state.latencies.summary(step, NOW_NS).count for step in STEPS] == [2] * len(STEPS)
    assert {order.wall_ns for order in state.latencies.slowest(NOW_NS)} == {WALL_NS - 100 * MS_NS}


def test_history_follows_the_life_that_is_shown() -> None:
    """A router that still tells a node's former life changes no sparkline and counts no third life."""
    state = told_state(health("local-1", 90_000, life=1))
    tell(state, health("local-1", 1_000, life=2), now_ns=NOW_NS + SECOND_NS)
    tell(state, health("local-1", 90_000, life=1), router="router-2", age_ms=2_000, now_ns=NOW_NS + SECOND_NS)
    tell(state, health("local-1", 2_000, life=2), now_ns=NOW_NS + 2 * SECOND_NS)
    history = state.histories["local-1"]
    assert history.life_count == 2
    assert len(history.samples) == 3


def test_notes_stops_and_routers_are_lines() -> None:
    """Each once, though all of it is told again."""
    state = told_state(*quiet(), health("local-1", notes=[note(1)]), stop(), undo(stop()))
    tell(state, *quiet(), health("local-1", notes=[note(1)]), stop(), undo(stop()), router="router-2")
    assert names(state) == ["late_tick", "freeze", "resume", "router_fresh", "router_fresh"]


def test_routers_that_come_and_go_are_written_down() -> None:
    """One that was never heard is no line; silence is a warning, and its end is not."""
    state = State(CONFIG, NOW_NS)
    tell(state, told=[])
    assert names(state) == []
    tell(state, health("local-1"))
    for after_ns in (FRESH_NS, FRESH_NS + 1, LATE_NS + 1):
        tell(state, now_ns=NOW_NS + after_ns)
    tell(state, health("local-1"), now_ns=NOW_NS + 2 * LATE_NS)
    assert names(state, "console") == ["router_fresh", "router_late", "router_dead", "router_fresh"]
    assert [line.level for line in state.log] == ["info", "warning", "warning", "info"]
    assert next(iter(state.log)).text == "router=router-1 endpoint=tcp://router-1"


def test_garbage_is_counted_and_a_line_now_and_then() -> None:
    """Frames that the feed could not read, and items that say nothing here; a flood of them does not push out other lines."""
    state = told_state(Ping("", 1))
    assert state.bad_frame_count == 1
    tell(state, bad_frame_count=2)
    for _ in range(50):
        tell(state, bad_frame_count=7, now_ns=NOW_NS + 5 * SECOND_NS)
    assert state.bad_frame_count == 8
    tell(state, bad_frame_count=7, now_ns=NOW_NS + 10 * SECOND_NS)
    bad = [line.text.split(":")[0] for line in state.log if line.name == "bad_frame"]
    assert bad == ["count=1 total=1", "count=7 total=8"]


def test_a_stop_of_a_newer_version_binds_with_its_level_unknown() -> None:
    """How much it stops nobody here can say: more than what is known, and never nothing. It is a line, once, until its end is told."""
    half = stop("HALF", nonce=2)
    state = told_state(half, stop("CANCEL"))
    tell(state, half, stop("CANCEL"), router="router-2")
    assert [entry.level for _, entry in state.stops] == [UNKNOWN_LEVEL, "CANCEL"]
    assert state.ladder() == UNKNOWN_LEVEL
    assert names(state) == ["level unknown", "cancel", "router_fresh", "router_fresh"]
    assert state.bad_frame_count == 0
    tell(state, undo(half))
    assert state.ladder() == "CANCEL"
    tell(state, undo(stop("CANCEL")), stop("HALF", "account:demo-1", nonce=3))
    assert state.ladder() == "ACTIVE+"
    assert [entry.level for _, entry in state.stops] == [UNKNOWN_LEVEL]


def test_a_stop_that_calls_itself_active_is_none_that_is_known() -> None:
    """A word of the ladder that no stop can have."""
    state = told_state(stop("ACTIVE"))
    assert state.ladder() == UNKNOWN_LEVEL


def test_a_router_is_as_old_as_its_words_are() -> None:
    """Not as young as the app is that took them late: one that stood still shows nothing as fresh that is not."""
    state = State(CONFIG, NOW_NS)
    late_ns = NOW_NS + 5 * SECOND_NS
    heard = {name: msgspec.structs.replace(link, heard_ns=NOW_NS) for name, link in LINKS.items()}
    tell(state, *quiet(), now_ns=late_ns, age_ms=5_100, links=heard)
    assert [state.router_state(name, late_ns) for name in LINKS] == ["dead", "dead"]
    assert state.is_blind(late_ns)
    assert state.view.routers == dict.fromkeys(LINKS, NOW_NS)
    tell(state, health("local-1"), router="router-3", now_ns=late_ns, age_ms=4_000, links=heard | {"router-3": LINKS["router-1"]})
    assert state.view.routers["router-3"] == late_ns - 4 * SECOND_NS


def test_the_ladder_is_unknown_while_nobody_tells() -> None:
    """Else the highest live stop over everything, with a plus for narrower ones."""
    state = State(CONFIG, NOW_NS)
    assert state.ladder() == UNKNOWN
    tell(state, *quiet())
    assert state.ladder() == "ACTIVE"
    tell(state, stop("FLATTEN", "account:demo-1"))
    assert state.ladder() == "ACTIVE+"
    tell(state, stop("CANCEL"), stop("FREEZE", nonce=2))
    assert state.ladder() == "CANCEL+"
    tell(state, undo(stop("CANCEL"), stop("FLATTEN", "account:demo-1")))
    assert state.ladder() == "FREEZE"
    assert set(state.undone()) == {key_of(stop("CANCEL")), key_of(stop("FLATTEN", "account:demo-1"))}
    assert len(state.entries()) == 3
    tell(state, is_seeing=False)
    assert state.ladder() == UNKNOWN


def test_it_is_blind_when_no_router_is_heard() -> None:
    """One that is heard is enough."""
    state = State(CONFIG, NOW_NS)
    assert state.is_blind(NOW_NS)
    tell(state, health("local-1"))
    assert not state.is_blind(NOW_NS + FRESH_NS)
    assert state.is_blind(NOW_NS + FRESH_NS + 1)
    tell(state, health("local-1"), router="router-2", now_ns=NOW_NS + FRESH_NS)
    assert not state.is_blind(NOW_NS + FRESH_NS + 1)
    assert [state.router_state(name, NOW_NS + FRESH_NS + 1) for name in ("router-1", "router-2", "router-3")] == ["late", "fresh", "dead"]


def test_healths_have_their_age() -> None:
    """Nobody's is none; of a role it is that of the first node that told one."""
    state = told_state(health("local-2"))
    assert state.age_ns("local-2", NOW_NS + SECOND_NS) == SECOND_NS + 100 * MS_NS
    assert state.age_ns("local-1", NOW_NS) is None
    assert state.health("local-1") is None
    assert state.health_of("local") == health("local-2")
    assert state.health_of("market") is None


def test_runs_remember_how_far_they_came() -> None:
    """Numbered, bounded, the newest kept; what is told of one that is forgotten is no crash."""
    state = State(CONFIG, NOW_NS)
    first = state.began("FREEZE all", WALL_NS)
    state.told(first, progress())
    assert state.runs[first].progress == progress()
    state.failed(first, "no router")
    assert state.runs[first].error == "no router"
    numbers = [state.began("FREEZE all", WALL_NS) for _ in range(RUNS_MAX)]
    assert list(state.runs) == numbers
    version = state.version
    state.told(first, progress())
    state.failed(first, "late")
    assert state.version == version


def test_a_batch_with_nothing_new_draws_nothing() -> None:
    """Ages are drawn by the clock."""
    state = told_state(*quiet())
    version = state.version
    tell(state)
    assert state.version == version
    tell(state, health("local-1"))
    assert state.version == version + 1
