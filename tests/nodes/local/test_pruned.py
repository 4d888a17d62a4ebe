"""A local whose archive was pruned: an order of long ago is still known, answered with how it ended, and never executed again."""

from collections.abc import Iterable

import msgspec

from mesh import links
from mesh.audit import PRUNED as PRUNED_KINDS
from mesh.codec import encode
from mesh.core import Commit, Effect, Fetch, Fetched, Send
from mesh.messages.base import Count, Msg
from mesh.messages.orders import Expired, GapFill
from mesh.messages.outcomes import Outcome
from mesh.simnet import Place
from mesh.units import E8
from nodes.local.reports import KNOWN
from nodes.local.state import LocalState
from nodes.shortened import PRUNED
from tests.nodes.local.localrig import NODE_OF, Rig
from tests.nodes.local.test_lostattempts import lost

LOTS_E8 = E8 // 10
NODE = NODE_OF["one"]


class OldKnownRecord(Msg):
    """As versions before this one wrote it."""

    f: Count
    is_executed: bool = True


def restart_pruned(rig: Rig, known: bytes = b"") -> list[Outcome]:
    """Account one's archive is pruned while its local is down (``known``: in place of all such rows); what it tells from now on."""
    rig.net.crash(NODE)
    rows = rig.net.places[NODE].disk.rows
    pruned = [key for key in rows if key[0] in PRUNED_KINDS["local"]]
    assert pruned
    for key in pruned:
        del rows[key]
    for key in [key for key in rows if key[0] == KNOWN and known]:
        rows[key] = known
    told: list[Outcome] = []

    def on_effect(place: Place, effect: Effect) -> None:
        if place.name == NODE and isinstance(effect, Send) and isinstance(effect.message, Outcome):
            told.append(effect.message)

    rig.net.on_effect = on_effect
    rig.net.restart(NODE)
    rig.ready()
    return told


def filled() -> tuple[Rig, bytes]:
    """An open of account one that was filled and acked."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_000)
    return rig, oid


def test_an_order_that_comes_again_is_answered_with_how_it_ended() -> None:
    """It is settled, told with its code and its lots, and nothing is sent to the venue."""
    rig, oid = filled()
    told = restart_pruned(rig)
    rig.send("master-1", rig.master.order(oid, ["one"], rig.body(), LOTS_E8))
    rig.until(lambda: bool(told))
    assert [(outcome.oid, outcome.code, outcome.volume_e8, outcome.detail) for outcome in told] == [(oid, "FILLED", LOTS_E8, PRUNED)]
    rig.run(500)
    assert len(rig.venue.sends) == 1
    assert rig.local()._state.stream.acked_k == rig.master.k["one"], "answered: it is settled"


def test_an_order_that_the_master_thinks_too_late_is_answered_with_how_it_ended() -> None:
    """No EXPIRED over a fill."""
    rig, oid = filled()
    told = restart_pruned(rig)
    rig.master.k["one"] += 1
    late = GapFill(rig.master.epoch, [Expired("one", rig.master.k["one"], oid)])
    rig.send("master-1", *(Send(links.REPLAY, peer, late) for peer in rig.master.peers))
    rig.until(lambda: bool(told))
    assert {(outcome.oid, outcome.code, outcome.detail) for outcome in told} == {(oid, "FILLED", PRUNED)}


def test_rows_of_an_older_version_say_whether_something_was_done() -> None:
    """They have no code: FILLED or SUPERSEDED is what they prove."""
    for is_executed, code in ((True, "FILLED"), (False, "SUPERSEDED")):
        rig, oid = filled()
        told = restart_pruned(rig, encode(OldKnownRecord(1, is_executed)))
        rig.send("master-1", rig.master.order(oid, ["one"], rig.body(), LOTS_E8))
        rig.until(lambda told=told: bool(told))
        assert (told[0].oid, told[0].code) == (oid, code)
        assert len(rig.venue.sends) == 1


def test_a_master_put_back_from_a_backup_gets_a_word_under_every_number() -> None:
    """States that were pruned have no meaning any more, ends have; without a word the master would wait for ever."""
    rig = Rig().ready()
    lost(rig.venue, "OPEN")
    first = rig.open("a")
    rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 200_000)
    second = rig.open("b")
    rig.until(lambda: rig.master.codes() == ["NOT_FOUND", "FILLED"])
    rig.run(1_000)
    before = [(outcome.oid, outcome.code) for outcome in rig.master.outcomes if outcome.account == "one"]
    assert before == [(first, "UNKNOWN"), (first, "NOT_FOUND"), (second, "FILLED")]
    rig.master.outcomes.clear()
    rig.master.f["one"] = 0
    restart_pruned(rig)
    rig.until(lambda: rig.master.f["one"] == 3)
    again = [(outcome.oid, outcome.code, outcome.final, outcome.detail) for outcome in rig.master.outcomes]
    assert again == [(bytes(16), "WORKING", False, PRUNED), (first, "NOT_FOUND", True, PRUNED), (second, "FILLED", True, PRUNED)]
    third = rig.open("c")
    rig.until(lambda: rig.master.f["one"] == 4)
    assert (rig.master.outcomes[-1].oid, rig.master.outcomes[-1].code) == (third, "FILLED")


def test_what_was_told_again_is_kept_like_any_other() -> None:
    """Acked once more it is in the archive, and read from there in the next life."""
    rig, oid = filled()
    rig.master.outcomes.clear()
    rig.master.f["one"] = 0
    restart_pruned(rig)
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_000)
    rig.net.crash(NODE)
    rig.net.restart(NODE)
    rig.ready()
    rig.master.f["one"] = 0
    rig.master.outcomes.clear()
    rig.net.crash(NODE)
    rig.net.restart(NODE)
    rig.until(lambda: [(outcome.oid, outcome.code, outcome.detail) for outcome in rig.master.outcomes] == [(oid, "FILLED", PRUNED)])


# asked while its end is being written


def ended_anew(rig: Rig, oid: bytes) -> tuple[LocalState, Outcome, list[Effect]]:
    """An order of account one ends once more, as an open does that turned up late: its outcome, and the commit that makes it durable."""
    state = rig.local()._state
    known = rig.master.outcomes[-1]
    late = msgspec.structs.replace(known, oid=oid, code="FILLED_LATE", detail="found=by_magic", f=state.reports.f + 1)
    return state, late, state.report(late, [], rig.net.now_ns)


def sent(effects: Iterable[Effect]) -> list[Outcome]:
    """The outcomes among these effects."""
    return [effect.message for effect in effects if isinstance(effect, Send) and isinstance(effect.message, Outcome)]


def test_an_end_that_is_being_written_is_told_by_its_commit_alone() -> None:
    """Not read out of the archive, where it is not yet: that would look like one that was pruned."""
    rig, oid = filled()
    state, late, (commit,) = ended_anew(rig, oid)
    intake, now_ns = rig.local()._intake, rig.net.now_ns
    assert isinstance(commit, Commit)
    assert intake._expire(oid, state.stream.e, "void=epoch", now_ns) == []
    assert sent(state.commits.durable(commit.token, now_ns)) == [late]
    assert sent(intake._expire(oid, state.stream.e, "void=epoch", now_ns)) == [late]


def test_an_order_that_ends_anew_while_the_archive_is_read_is_told_once_that_is_durable() -> None:
    """Its old end was pruned: nothing is made up under the new number, neither before its commit nor after."""
    rig, oid = filled()
    restart_pruned(rig)
    intake, now_ns = rig.local()._intake, rig.net.now_ns
    asked = [fetch for _ in range(2) for fetch in intake._expire(oid, 0, "void=epoch", now_ns)]
    state, late, (commit,) = ended_anew(rig, oid)
    assert isinstance(commit, Commit)

    def nothing_in_it(fetch: Effect) -> list[Outcome]:
        assert isinstance(fetch, Fetch)
        return sent(state.fetches.fetched(Fetched(fetch.token, fetch.kind, []), now_ns))

    assert nothing_in_it(asked[0]) == []
    assert sent(state.commits.durable(commit.token, now_ns)) == [late]
    assert nothing_in_it(asked[1]) == [late]
