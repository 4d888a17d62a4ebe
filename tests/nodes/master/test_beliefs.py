"""What the master believes of lines nobody knows the result of: told to operators who ask, account by account."""

from mesh.links import CONTROL, REPLAY
from mesh.messages.control import Command, LostOrders
from mesh.units import SECOND_NS
from tests.nodes.master.masterrig import OPERATOR, ROUTER, Rig

ID = b"c" * 16


def believed(rig: Rig, scope: str = "all", verb: str = "unknown") -> dict[str, list[tuple[str, str, bytes]]]:
    """Account → (code, detail, oid) of each order the master tells of."""
    rig.operator_up()
    rig.give(CONTROL, Command(ID, "ann@desk", verb, scope, 0, False, 0, 0, True), OPERATOR)
    parts = [send.message for send in rig.take(LostOrders)]
    found: dict[str, list[tuple[str, str, bytes]]] = {}
    for part in parts:
        assert isinstance(part, LostOrders)
        assert (part.id, part.node) == (ID, "master-1")
        assert part.market_ns == rig.master.market_ns()
        found.setdefault(part.account, []).extend((order.code, order.detail, order.oid) for order in part.orders)
    return found


def test_unknown_unconfirmed_and_not_found_lines_are_told() -> None:
    """With their local's last word; an account without any has an empty list; a line that ended otherwise is on none."""
    rig = Rig().ready()
    rig.signal()
    one, two = rig.orders()
    assert believed(rig) == {"a1": [], "a2": []}
    rig.give(REPLAY, rig.outcome(one, "UNKNOWN", final=False, detail="retcode=10012", volume_e8=0), ROUTER)
    rig.wait(10 * SECOND_NS)
    told = believed(rig)
    assert told["a1"] == [("UNKNOWN", "retcode=10012", one.order.oid)]
    assert [(code, oid) for code, _, oid in told["a2"]] == [("UNCONFIRMED", two.order.oid)]
    assert list(believed(rig, "account:a2")) == ["a2"]
    rig.give(REPLAY, rig.outcome(one, "NOT_FOUND", detail="reads=3", volume_e8=0), ROUTER)
    rig.fill(two)
    assert believed(rig) == {"a1": [("NOT_FOUND", "reads=3", one.order.oid)], "a2": []}


def test_other_commands_are_not_the_masters_and_strangers_are_not_heard() -> None:
    """It carries out nothing; who has not said hello is counted."""
    rig = Rig().ready()
    rig.give(CONTROL, Command(ID, "ann@desk", "unknown", "all", 0, False, 0, 0, True), 98)
    assert rig.take(LostOrders) == []
    assert rig.master.counters.totals["stranger_count"] == 1
    assert believed(rig, verb="close") == {}


def test_act_of_a_resolve_is_an_event_and_part_of_the_story() -> None:
    """Beside the line, which ends by its own outcome; no alarm of an order nobody remembers."""
    rig = Rig().ready()
    rig.signal()
    one, two = rig.orders()
    words = "resolved_by=ann@desk said=not_executed reason=broker says so"
    rig.give(REPLAY, rig.outcome(one, "NOT_FOUND", detail=words, volume_e8=0), ROUTER)
    act = rig.outcome(one, "NOT_FOUND", detail=words, volume_e8=0, oid=b"r" * 16, sid="s1/RESOLVE", cause="RESOLVE")
    rig.give(REPLAY, act, ROUTER)
    rig.fill(two)
    assert [event.event["cause"] for event in rig.events if event.event["kind"] == "act"] == ["RESOLVE"]
    assert "adopted_count" not in rig.master.counters.totals
    story = rig.why("s1")
    assert [(act["cause"], act["code"], act["detail"]) for act in story["acts"]] == [("RESOLVE", "NOT_FOUND", words)]
    assert words in [line["detail"] for line in story["lines"]]
