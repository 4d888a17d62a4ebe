"""A local executes orders once, tells what became of them, and keeps doing both through crashes, silence and restarts."""

from itertools import product

import pytest

from mesh.messages.venue import VenueLost
from mesh.units import E8
from tests.nodes.local.localrig import NODE_OF, Boundary, Rig


def test_open_is_filled_told_and_shown() -> None:
    """An open goes INTENT, call, outcome; the state that includes it shows a position of ours."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    outcome = rig.master.outcomes[0]
    assert (outcome.oid, outcome.volume_e8, outcome.f, outcome.attempt) == (oid, E8 // 10, 1, 1)
    assert 0 < outcome.stamps.local_in_ns <= outcome.stamps.durable_ns
    rig.until(lambda: bool(rig.master.states[-1].positions) and rig.master.states[-1].account == "one")
    state = rig.master.states[-1]
    assert (state.f, state.positions[0].oid, state.positions[0].strategy, state.positions[0].ours) == (1, oid, "swing", True)


def test_repeated_order_is_executed_once() -> None:
    """The same record again, and the same oid under a new number, change nothing at the venue."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.send("master-1", *(send for send in [rig.master.order(oid, ["one"], rig.body(), E8 // 10)]))
    rig.run(500)
    assert rig.venue.opened_count(oid) == 1
    assert len(rig.venue.sends) == 1
    assert rig.master.codes() == ["FILLED"]


def test_close_closes_its_opening() -> None:
    """A close that names the opening closes that position, to the volume to be left."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: len(rig.master.codes()) == 1)
    rig.close(opening, "part", left_e8=E8 // 25)
    rig.until(lambda: len(rig.master.codes()) == 2)
    assert [held.volume_e8 for held in rig.venue.held.values()] == [E8 // 25]
    rig.close(opening, "rest")
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED", "CLOSED"])
    assert not rig.venue.held
    assert [outcome.volume_e8 for outcome in rig.master.outcomes] == [E8 // 10, E8 // 10 - E8 // 25, E8 // 25]


def test_close_of_what_is_closed_has_reached_its_goal() -> None:
    """A position somebody closed by hand is not closed again."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: len(rig.master.codes()) == 1)
    rig.venue.held.clear()
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert rig.master.outcomes[-1].detail == "already=closed"


def test_close_overtakes_an_open_that_waits() -> None:
    """A full close that comes while the open has no grant supersedes it, once it is sure that no other life runs it."""
    rig = Rig().ready()
    rig.master.grants = False
    rig.run(3_500)
    opening = rig.open()
    rig.run(100)
    rig.close(opening)
    rig.run(1_000)
    assert rig.master.codes() == ["CLOSED"]
    rig.master.grants = True
    rig.until(lambda: sorted(rig.master.codes()) == ["CLOSED", "SUPERSEDED"])
    assert not rig.venue.sends


def test_close_stands_over_an_open_in_flight() -> None:
    """A close that comes while the open is at the venue closes what that becomes."""
    rig = Rig().ready()
    rig.venue.delay_ns = 300_000_000
    opening = rig.open()
    rig.run(100)
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])
    assert not rig.venue.held


@pytest.mark.parametrize(("class_", "retcode", "code"), [("HALT", 10019, "REJECTED"), ("BUG", 10016, "REJECTED")])
def test_refused_open_ends_rejected(class_: str, retcode: int, code: str) -> None:
    """What the venue will never take ends the line with its retcode, after one attempt."""
    rig = Rig().ready()
    rig.venue.script = lambda send: rig.venue.result(send, class_, retcode)
    rig.open()
    rig.until(lambda: rig.master.codes() == [code])
    assert rig.master.outcomes[0].retcode == retcode
    assert len(rig.venue.sends) == 1


def test_requote_is_tried_again_with_an_intent_of_its_own() -> None:
    """Each attempt has another magic; the third requote ends the line."""
    rig = Rig().ready()
    rig.venue.script = lambda send: rig.venue.result(send, "RETRY", 10004)
    rig.open()
    rig.until(lambda: rig.master.codes() == ["REJECTED"])
    assert [send.attempt for send in rig.venue.sends] == [1, 2, 3]
    assert len({send.magic for send in rig.venue.sends}) == 3


def test_requote_then_fill() -> None:
    """A requote proves that nothing happened, so the second attempt may fill."""
    rig = Rig().ready()
    rig.venue.script = lambda send: rig.venue.result(send, "RETRY", 10004) if send.attempt == 1 else True
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert (rig.venue.opened_count(oid), rig.master.outcomes[0].attempt) == (1, 2)


def test_partial_fill_says_how_much() -> None:
    """An IOC that fills in part ends PARTIAL with its numbers."""
    rig = Rig().ready()
    rig.venue.script = lambda send: rig.venue.execute(send, E8 // 20)
    rig.open()
    rig.until(lambda: rig.master.codes() == ["PARTIAL"])
    assert rig.master.outcomes[0].detail == "filled=0.05 of=0.10"


def test_open_without_a_grant_expires() -> None:
    """With no leave for 3 s nothing is opened (dead-man); the line ends EXPIRED, once it is sure that nobody else opened it."""
    rig = Rig().ready()
    rig.master.grants = False
    rig.run(3_500)
    rig.open()
    rig.run(10_000)
    assert [(outcome.code, outcome.final) for outcome in rig.master.outcomes] == [("UNKNOWN", False)], "another life may have leave"
    rig.master.grants = True
    rig.until(lambda: rig.master.codes() == ["EXPIRED"])
    assert not rig.venue.sends
    assert "waited_for=grant" in rig.master.outcomes[0].detail


def test_grant_that_comes_in_time_lets_the_open_run() -> None:
    """An open that waits runs when the next grant comes before its deadline."""
    rig = Rig().ready()
    rig.master.grants = False
    rig.run(3_500)
    rig.open()
    rig.run(1_000)
    rig.master.grants = True
    rig.until(lambda: rig.master.codes() == ["FILLED"])


def test_closes_go_on_without_a_grant() -> None:
    """A close needs no leave."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: len(rig.master.codes()) == 1)
    rig.master.grants = False
    rig.run(3_500)
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"])


def test_guard_denies_what_no_master_should_ask() -> None:
    """An open of absurd size is denied by the local's own limits, with the rule's word."""
    rig = Rig().ready()
    rig.open(volume_e8=50 * E8)
    rig.until(lambda: rig.master.codes() == ["DENIED"])
    assert "at=local" in rig.master.outcomes[0].detail
    assert not rig.venue.sends


def test_lost_result_is_found_by_its_magic() -> None:
    """The worker dies after executing: the attempt is found, told FILLED, and never sent again."""
    rig = Rig().ready()

    def die(send: object) -> object:
        rig.venue.execute(rig.venue.sends[-1])
        return VenueLost("killed")

    rig.venue.script = die  # type: ignore[assignment]
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert (len(rig.venue.sends), rig.venue.opened_count(oid)) == (1, 1)
    assert [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN", "FILLED"]


def test_lost_result_that_is_nowhere_ends_not_found_after_the_settle_window() -> None:
    """An attempt that never shows up blocks opens of its symbol, and after 60 s and three reads is NOT_FOUND."""
    rig = Rig().ready()
    rig.venue.script = lambda send: rig.venue.result(send, "UNKNOWN", 10012)
    rig.open()
    rig.until(lambda: len(rig.master.outcomes) == 1)
    assert rig.master.outcomes[0].code == "UNKNOWN"
    rig.open("b")
    rig.until(lambda: rig.master.codes() == ["DENIED"])
    assert rig.master.outcomes[-1].detail.startswith("UNKNOWN")
    rig.run(58_000)
    assert rig.master.codes() == ["DENIED"]
    rig.until(lambda: rig.master.codes() == ["DENIED", "NOT_FOUND"], 10_000)
    assert (len(rig.venue.sends), rig.venue.finds >= 3) == (1, True)


def test_full_close_is_not_repeated_after_a_lost_result_where_nothing_is_left() -> None:
    """It is not, where the position is gone: what closed it may have been the lost one, and that is looked for to the end."""
    rig = Rig().ready()
    opening = rig.open()
    rig.until(lambda: len(rig.master.codes()) == 1)

    def lose(send: object) -> object:
        if rig.venue.sends[-1].attempt > 1:
            return True
        del rig.venue.held[rig.venue.sends[-1].position_ticket]
        return rig.venue.result(rig.venue.sends[-1], "UNKNOWN", 10031)

    rig.venue.script = lose  # type: ignore[assignment]
    rig.close(opening)
    rig.until(lambda: rig.master.codes() == ["FILLED", "CLOSED"], 70_000)
    assert (len(rig.venue.sends), rig.master.outcomes[-1].detail) == (2, "already=closed")


def test_gap_in_k_is_repaired_before_later_opens_run() -> None:
    """A record that never reached the local is asked for; opens keep their order."""
    rig = Rig().ready()
    rig.open("first", publish=False)
    rig.open("second")
    rig.until(lambda: len(rig.master.codes()) == 2)
    assert [send.oid for send in rig.venue.sends] == [order.oid for order, _ in rig.master.log]


def test_router_death_moves_the_local_and_nothing_is_lost() -> None:
    """With its router dead a local takes orders from the other one within a second and a half, missed ones included."""
    rig = Rig().ready()
    rig.run(5_000)
    rig.net.crash("router-1")
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"], 4_000)
    assert rig.local().counters.totals["home_move_count"] == 1
    rig.net.restart("router-1")
    rig.run(8_000)
    assert rig.local().counters.totals["home_move_count"] == 1


def test_local_moves_when_its_router_lost_the_master() -> None:
    """A router that hears nothing of the master serves nobody while the other one does."""
    rig = Rig().ready()
    rig.net.wires[:] = [wire for wire in rig.net.wires if (wire.from_node, wire.to_node) != ("router-1", "master-1")]
    rig.run(9_000)
    assert rig.local().counters.totals.get("home_move_count") == 1
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])


def commits_of_a_session() -> int:
    """Commits the first local makes in the session below."""
    rig = Rig().ready()
    session(rig)
    return rig.net.commits["local-1"]


def session(rig: Rig) -> tuple[bytes, bytes]:
    """Open, close, open; run until all three are told."""
    first = rig.open("first")
    rig.run(400)
    rig.close(first, "first")
    rig.run(400)
    second = rig.open("second")
    rig.run(3_000)
    return first, second


COMMITS = 24


@pytest.mark.parametrize(("number", "kept"), list(product(range(1, COMMITS + 1), (False, True))))
def test_crash_at_every_commit_executes_once_and_tells_everything(number: int, kept: bool) -> None:
    """Killed before or after any commit and started again, each order runs at most once and each ends with one code."""
    rig = Rig()
    rig.net.boundary = Boundary("local-1", number, kept)
    rig.ready_or_crashed()
    if rig.net.places["local-1"].core is None:
        rig.net.restart("local-1")
        rig.ready()
    first = second = b""
    for step in range(3):
        if step == 1:
            rig.close(first, "first")
        else:
            first, second = second, rig.open(f"open {step}")
            first = first or second
        rig.run(400)
        if rig.net.places["local-1"].core is None:
            rig.net.restart("local-1")
            rig.run(1_500)
    rig.until(lambda: len(rig.master.codes()) >= 3, 80_000)
    keys = [(send.oid, send.attempt) for send in rig.venue.sends]
    assert len(keys) == len(set(keys)), "an attempt was sent twice"
    assert rig.venue.opened_count(first) <= 1
    assert rig.venue.opened_count(second) <= 1
    finals = [outcome.oid for outcome in rig.master.outcomes if outcome.final]
    assert len(finals) == len(set(finals)) == 3
    executed = {send.oid for send in rig.venue.sends if send.magic in rig.venue.magics}
    told = {outcome.oid for outcome in rig.master.outcomes if outcome.code in ("FILLED", "CLOSED") and outcome.volume_e8}
    assert told == executed
    assert [outcome.f for outcome in rig.master.outcomes] == list(range(1, len(rig.master.outcomes) + 1))


def test_the_crash_test_reaches_every_commit() -> None:
    """The session makes about as many commits as are crashed at, so that none is left out."""
    assert COMMITS - 4 <= commits_of_a_session() <= COMMITS, commits_of_a_session()


def test_acked_orders_are_remembered_after_a_restart() -> None:
    """An order whose outcome was acked long ago is known after a restart: the same record executes nothing."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_000)
    rig.net.crash(NODE_OF["one"])
    rig.net.restart(NODE_OF["one"])
    rig.ready()
    rig.send("master-1", rig.master.order(oid, ["one"], rig.body(), E8 // 10))
    rig.run(500)
    assert len(rig.venue.sends) == 1


def test_unacked_outcomes_are_told_again_after_a_restart() -> None:
    """An outcome the master has not acked survives a restart and is told until it is."""
    rig = Rig().ready()
    rig.master.acks = False
    rig.master.answers = True
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.master.outcomes.clear()
    rig.master.f["one"] = 0
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.master.acks = True
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.until(lambda: rig.master.listed[-1].life == 1_002 and rig.master.listed[-1].f == 1)


def test_master_that_forgot_gets_everything_from_the_archive() -> None:
    """A master that names an older f in its welcome is told what it had acked, then LISTED."""
    rig = Rig().ready()
    rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_000)
    rig.master.outcomes.clear()
    rig.master.f["one"] = 0
    rig.master.epoch += 5
    rig.master.n = 0
    rig.master.k = {"one": 0, "two": 0}
    rig.master.log.clear()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.until(lambda: rig.master.listed[-1].f == 1 and rig.master.listed[-1].e == rig.master.epoch)


def test_new_master_is_told_the_symbols() -> None:
    """A master of a higher epoch has no contract data; without it every open would be denied NO_SPEC."""
    rig = Rig().ready()
    told_count = len(rig.master.symbols)
    rig.master.epoch += 5
    rig.until(lambda: len(rig.master.symbols) > told_count)
    assert rig.master.symbols[-1].symbols


def test_lower_epoch_is_passed_over() -> None:
    """An order of an epoch before the one a local has seen does nothing and is no outcome."""
    rig = Rig().ready()
    rig.master.epoch -= 5
    rig.open()
    rig.run(1_000)
    assert not rig.venue.sends
    assert not rig.master.outcomes


def test_unknown_timer_is_a_bug() -> None:
    """A timer nobody has a deed for crashes the node; it does not end it as if it had drained."""
    rig = Rig().ready()
    local = rig.local("one")
    local._state.timers.set(("nonsense", b""), 0)
    with pytest.raises(AssertionError, match="no timer"):
        local.on_deadline(rig.net.now_ns)
