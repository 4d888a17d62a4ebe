"""A local whose archive was pruned: an order of long ago is still known, answered, and never executed again."""

from mesh.audit import PRUNED
from mesh.codec import decode_untrusted, encode
from mesh.messages.outcomes import FINAL_CODES, Outcome
from mesh.units import E8
from nodes.shortened import DETAIL, shortened
from tests.nodes.local.localrig import NODE_OF, Rig


def test_an_order_of_long_ago_is_known_though_its_outcome_was_pruned() -> None:
    """The archive is gone, as pruning leaves it: the same order is taken as settled, and nothing is sent to the venue."""
    rig = Rig().ready()
    oid = rig.open()
    rig.until(lambda: rig.master.codes() == ["FILLED"])
    rig.run(1_000)
    node = NODE_OF["one"]
    rig.net.crash(node)
    rows = rig.net.places[node].disk.rows
    pruned = [key for key in rows if key[0] in PRUNED["local"]]
    assert pruned
    for key in pruned:
        del rows[key]
    rig.net.restart(node)
    rig.ready()
    rig.send("master-1", rig.master.order(oid, ["one"], rig.body(), E8 // 10))
    rig.until(lambda: rig.local().counters.totals.get("duplicate_order_count", 0) == 1)
    rig.run(500)
    assert len(rig.venue.sends) == 1
    assert rig.local()._state.stream.acked_k == rig.master.k["one"], "answered: it is settled"


def test_what_is_told_of_it_says_that_more_is_not_known() -> None:
    """A final outcome with its oid and number, which any master takes."""
    for is_executed in (True, False):
        outcome = shortened("one", 7, 3, b"o" * 16, is_executed)
        assert decode_untrusted(encode(outcome)) == outcome
        assert isinstance(outcome, Outcome)
        assert (outcome.final, outcome.code in FINAL_CODES, outcome.detail) == (True, True, DETAIL)
