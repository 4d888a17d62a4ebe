"""An opening of an older epoch is ended by the local alone: with the outcome it has stored, or EXPIRED, once."""

from collections.abc import Sequence

import pytest

from mesh import links
from mesh.core import Send
from mesh.messages.orders import Void, VoidLine
from mesh.units import MS_NS
from nodes.local.reports import ARCHIVE
from tests.nodes.local.fakevenue import MARKET_NS, PRICE_E8
from tests.nodes.local.localrig import Rig

NEVER_SEEN = b"n" * 16


def void(rig: Rig, *oids: bytes, later_e: int = 0, other_life: int = 0, unsure: Sequence[VoidLine] = ()) -> None:
    """Have the master name openings as void, through every router."""
    message = Void("one", rig.master.epoch + later_e, list(oids), rig.local()._state.life + other_life, list(unsure))
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
    assert [(outcome.oid, outcome.code, outcome.detail, outcome.f) for outcome in rig.master.outcomes] == [
        (oid, "EXPIRED", "void=epoch", 1),
        (NEVER_SEEN, "EXPIRED", "void=epoch", 2),
    ]
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


def line_of(rig: Rig, oid: bytes) -> VoidLine:
    """An opening as the master describes it."""
    return VoidLine(oid, "sid-1", "swing", "open", "EURUSD", 1, 10_000_000, 0, PRICE_E8, MARKET_NS)


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
        void(rig, unsure=[line_of(rig, oid)])
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    assert [outcome.code for outcome in rig.master.outcomes] == ["UNKNOWN", "FILLED"]
    rig.until(lambda: bool(rig.master.states[-1].positions) and rig.master.states[-1].account == "one")
    assert (rig.master.states[-1].positions[0].oid, rig.master.states[-1].positions[0].ours) == (oid, True)
    assert rig.venue.opened_count(oid) == 1


def test_opening_of_a_lost_store_that_never_ran_ends_not_found() -> None:
    """Absent through the settle window, a restart in between; never sent."""
    rig = Rig().ready()
    lose_store(rig)
    void(rig, unsure=[line_of(rig, NEVER_SEEN)])
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
