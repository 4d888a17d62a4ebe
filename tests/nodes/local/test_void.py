"""An opening of an older epoch is ended by the local alone: with the outcome it has stored, or EXPIRED, once."""

import pytest

from mesh import links
from mesh.codec import encode
from mesh.core import Send
from mesh.messages.orders import Expired, GapFill, Order, Target, Void, VoidLine
from mesh.units import MS_NS
from nodes.local.reports import ARCHIVE
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8
from tests.nodes.local.localrig import Rig
from tests.nodes.local.test_lostattempts import seen

NEVER_SEEN = b"n" * 16


def void(rig: Rig, *oids: bytes, later_e: int = 0, other_life: int = 0, is_unsure: bool = False) -> None:
    """Have the master name openings as void, through every router."""
    lines = [VoidLine(oid, "sid-1", "swing", "open", "EURUSD", 1, 10_000_000, 0, PRICE_E8, MARKET_NS, is_unsure) for oid in oids]
    message = Void("one", rig.master.epoch + later_e, lines, rig.local()._state.life + other_life)
    rig.send("master-1", *(Send(links.REPLAY, peer, message) for peer in rig.master.peers))
    rig.run(500)


def test_opening_that_never_came_expires_once() -> None:
    """What the local never saw ends EXPIRED, durable; named again, or sent after all, it ends no second time and never runs."""
    rig = Rig().ready()
    oid = rig.open(publish=False)
    rig.master.epoch += 5
    rig.until(lambda: rig.local()._state.stream.e == rig.master.epoch)
    for _ in range(2):
        void(rig, oid, NEVER_SEEN)
    ended = [(outcome.oid, outcome.code, outcome.detail) for outcome in rig.master.outcomes if outcome.final]
    assert ended == [(oid, "EXPIRED", "void=epoch"), (NEVER_SEEN, "EXPIRED", "void=epoch")]
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()
    rig.send("master-1", rig.master.order(oid, ["one"], rig.body(), 10_000_000))
    rig.run(1_000)
    assert not rig.venue.sends


@pytest.mark.parametrize("is_acked", [True, False], ids=["acked", "not_acked"])
def test_opening_that_ran_is_told_as_it_ended(is_acked: bool) -> None:
    """A master that forgot what became of an opening hears it again; nothing is added to it."""
    rig = Rig().ready()
    rig.master.acks = is_acked
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(500)
    assert is_acked == any(kind == ARCHIVE for kind, _ in rig.net.places["local-1"].disk.rows)
    rig.master.outcomes.clear()
    rig.master.f["one"] = 0
    void(rig, oid)
    assert [(outcome.oid, outcome.code, outcome.f) for outcome in rig.master.outcomes] == [(oid, "FILLED", 1)]
    assert rig.venue.opened_count(oid) == 1


def lose_store(rig: Rig) -> None:
    """The first local goes on with an empty store, in the next epoch."""
    rig.net.crash("local-1")
    rig.net.places["local-1"].disk.rows.clear()
    rig.master.f["one"] = 0
    rig.master.outcomes.clear()
    rig.master.log.clear()
    rig.master.epoch, rig.master.n, rig.master.k = rig.master.epoch + 5, 0, {"one": 0, "two": 0}
    rig.net.restart("local-1")
    rig.ready()
    rig.until(lambda: rig.local()._state.stream.e == rig.master.epoch)


def test_opening_of_a_lost_store_is_found_at_the_venue() -> None:
    """Executed, and all memory of it lost: it is UNKNOWN, found by its magic, FILLED, and its position is ours again."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    lose_store(rig)
    for _ in range(2):
        void(rig, oid, is_unsure=True)
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN", "FILLED"]
    rig.until(lambda: bool(rig.master.states[-1].positions) and rig.master.states[-1].account == "one")
    assert (rig.master.states[-1].positions[0].oid, rig.master.states[-1].positions[0].ours) == (oid, True)
    assert rig.venue.opened_count(oid) == 1


def test_opening_of_a_lost_store_that_never_ran_ends_not_found() -> None:
    """Absent through the settle window, a restart in between; never sent."""
    rig = Rig().ready()
    lose_store(rig)
    void(rig, NEVER_SEEN, is_unsure=True)
    rig.until(lambda: [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN"])
    rig.net.crash("local-1")
    rig.net.restart("local-1")
    rig.ready()
    rig.until(lambda: rig.master.codes() == ["NOT_FOUND"], 120_000)
    assert not rig.venue.sends


def test_opening_in_hand_is_not_ended_by_it() -> None:
    """An attempt whose result is not known goes on being looked for."""
    rig = Rig().ready()
    rig.venue.delay_ns = 5_000 * MS_NS
    oid = rig.open()
    rig.until(lambda: rig.venue.opened_count(oid) == 1)
    void(rig, oid)
    assert rig.master.codes() == []


@pytest.mark.parametrize("other", [{"later_e": -1}, {"other_life": 1}])
def test_word_for_another_voids_nothing(other: dict[str, int]) -> None:
    """Of a master whose epoch this local is not in; for the life that has taken this one's place."""
    rig = Rig().ready()
    void(rig, NEVER_SEEN, **other)
    assert rig.master.codes() == []


def put_back(rig: Rig, rows: dict[tuple[str, bytes], bytes]) -> None:
    """The first local's store is what it was, and nobody can tell: its master had heard of nothing since."""
    rig.net.crash("local-1")
    disk = rig.net.places["local-1"].disk
    disk.rows.clear()
    disk.rows.update(rows)
    rig.master.f["one"] = 0
    rig.master.outcomes.clear()
    rig.net.restart("local-1")
    rig.ready()


def test_opening_that_a_store_put_back_knows_nothing_of_is_found() -> None:
    """Executed before; sent again, as what this store lacks: it is not told to be over but looked for, found, and sent no second time."""
    rig = Rig().ready()
    rig.run(500)
    rows = dict(rig.net.places["local-1"].disk.rows)
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    put_back(rig, rows)
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN", "FILLED"]
    assert rig.master.outcomes[-1].detail == "found=by_magic"
    assert len([send for send in rig.venue.sends if send.oid == oid]) == 1


def test_gap_that_stands_for_an_older_opening_ends_nothing() -> None:
    """Another life may have executed it: only VOID, which says how to look for it, does."""
    rig = Rig().ready()
    rig.run(500)
    rows = dict(rig.net.places["local-1"].disk.rows)
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.master.log.clear()
    put_back(rig, rows)
    fill = GapFill(rig.master.epoch, [Expired("one", 1, oid)])
    rig.send("master-1", *(Send(links.REPLAY, peer, fill) for peer in rig.master.peers))
    rig.run(500)
    assert rig.master.codes() == []
    assert rig.local()._state.stream.acked_k == 1, "its number is answered all the same"
    void(rig, oid)
    assert rig.master.codes() == ["FILLED"]


def test_opening_that_waits_for_its_turn_ends_once() -> None:
    """Named as void while a number below it misses; when that comes, there is nothing left to do."""
    rig = Rig().ready()
    rig.run(500)
    rig.net.crash("local-1")
    first, second = rig.open("a", publish=False), rig.open("b", publish=False)
    rig.master.log.clear()
    rig.net.restart("local-1")
    rig.ready()
    order = Order(rig.master.epoch, 2, second, [Target("one", 2, "EURUSD", 10_000_000)])
    rig.send("master-1", Send(links.ORDERS, 0, order, encode(rig.body())))
    rig.run(100)
    void(rig, second)
    late = GapFill(rig.master.epoch, [Expired("one", 1, first)])
    rig.send("master-1", *(Send(links.REPLAY, peer, late) for peer in rig.master.peers))
    rig.run(1_000)
    ended = [(outcome.oid, outcome.code) for outcome in rig.master.outcomes if outcome.final]
    assert ended == [(second, "EXPIRED")]
    assert not rig.venue.sends


def test_opening_that_turns_up_after_it_expired_is_told() -> None:
    """One look shows nothing, a later read does: FILLED_LATE."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    plain = rig.venue.look
    rig.venue.look = lambda ask: seen(ask)
    rig.venue.shows_positions = False
    lose_store(rig)
    void(rig, oid)
    assert rig.master.codes() == ["EXPIRED"]
    rig.venue.look, rig.venue.shows_positions = plain, True
    rig.until(lambda: rig.master.codes() == ["EXPIRED", "FILLED_LATE"], 30_000)
    assert rig.venue.opened_count(oid) == 1


def test_no_ack_names_what_is_not_durable() -> None:
    """An order that ends at once is acked after that commit, also where another word asks for an ack in between."""
    rig = Rig().ready()
    rig.run(500)
    disk = rig.net.places["local-1"].disk
    disk.commit_ns = 300 * MS_NS
    rig.close(NEVER_SEEN)
    rig.run(100)
    assert rig.local()._state.stream.waiting_count == 1
    assert rig.local()._state.order_ack(rig.net.now_ns).message.k == 0  # type: ignore[attr-defined]
    rig.run(1_000)
    assert rig.local()._state.order_ack(rig.net.now_ns).message.k == 1  # type: ignore[attr-defined]


def test_opening_another_life_may_still_execute_is_looked_for_later() -> None:
    """Without leave of our own the life before may have it: nothing is concluded till the master grants, though it was named."""
    rig = Rig().ready()
    rig.run(500)
    rows = dict(rig.net.places["local-1"].disk.rows)
    rig.master.grants = False
    put_back_without_leave(rig, rows)
    void(rig, NEVER_SEEN)
    rig.run(3_000)
    assert [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN"]
    assert rig.venue.finds == 0
    rig.master.grants = True
    rig.until(lambda: rig.master.codes() == ["EXPIRED"])
    assert rig.venue.finds == 1


def put_back_without_leave(rig: Rig, rows: dict[tuple[str, bytes], bytes]) -> None:
    """As ``put_back``, while the master grants nothing."""
    rig.net.crash("local-1")
    disk = rig.net.places["local-1"].disk
    disk.rows.clear()
    disk.rows.update(rows)
    rig.net.restart("local-1")
    rig.until(lambda: bool(rig.master.listed) and rig.master.listed[-1].life == rig.local()._state.life)
