"""An opening of an older epoch is ended by the local alone: with the outcome it has stored, or EXPIRED, once."""

import pytest

from mesh import links
from mesh.core import Send
from mesh.messages.orders import Void
from mesh.units import MS_NS
from nodes.local.reports import ARCHIVE
from tests.nodes.local.localrig import Rig

NEVER_SEEN = b"n" * 16


def void(rig: Rig, *oids: bytes, later_e: int = 0, other_life: int = 0) -> None:
    """Have the master name openings as void, through every router."""
    message = Void("one", rig.master.epoch + later_e, list(oids), rig.local()._state.life + other_life)
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
