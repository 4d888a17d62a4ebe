"""Operators and the master: hellos, stops, questions, pings; heartbeats; the events it writes; and strangers."""

import pytest

from mesh.codec import encode
from mesh.links import CONTROL, DECIDE, REPLAY
from mesh.messages.control import ControlWelcome, Entry, KillSetAsk, KillSetPart, Ping, Pong, StopAnswer, WhyAsk
from mesh.messages.orders import Heartbeat
from mesh.units import MS_NS
from tests.nodes.master.masterrig import OPERATOR, ROUTER, Rig, config_of, first_signal


def test_strangers_are_not_listened_to() -> None:
    """Before its hello nothing is taken from a peer; it is counted and the node lives."""
    rig = Rig().ready()
    before = rig.master.totals()
    rig.give(REPLAY, rig.states["a1"], 99)
    rig.give(CONTROL, WhyAsk("last", 1), 98)
    rig.give(CONTROL, Ping("", 1), 98)
    rig.give(DECIDE, first_signal(), 97)
    rig.give(REPLAY, first_signal(), ROUTER)
    assert rig.sent == []
    assert rig.master.counters.totals["stranger_count"] == 5
    assert rig.master.totals() == before


def test_operators_are_welcomed_and_their_stops_bind() -> None:
    """A freeze is durable, spreads by the digest, and kills openings; who lacks it can pull it."""
    rig = Rig().ready()
    rig.operator_up()
    (welcome,) = rig.take(ControlWelcome)
    assert welcome.message == ControlWelcome("master-1", "master", 1, ["a1", "a2"], b"")
    rig.give(CONTROL, Ping("", 5), OPERATOR)
    assert [send.message for send in rig.take(Pong)] == [Pong("master-1", "", 5)]
    entry = rig.signed(Entry("operator", 1, 1, "FREEZE", "account:a1", "test"))
    rig.give(CONTROL, entry, OPERATOR)
    assert [send.message.code for send in rig.take(StopAnswer)] == ["TAKEN"]  # type: ignore[attr-defined]
    digest = [send.message for send in rig.take(Heartbeat)][-1].kill_digest  # type: ignore[attr-defined]
    assert digest == rig.master._state.stops.killset.digest != b""
    rig.give(REPLAY, KillSetAsk(b"x" * 8), ROUTER)
    assert [send.message for send in rig.take(KillSetPart)] == [KillSetPart([encode(entry)])]
    assert len(rig.take(KillSetAsk)) == 1
    rig.signal()
    assert [order.target.account for order in rig.orders()] == ["a2"]
    assert rig.outcomes() == ["a1 open KILLED LADDER level=FREEZE"]


def test_questions_find_their_decision() -> None:
    """By sid, oid, ticket and last, in memory and from the archive; nothing where nothing is."""
    rig = Rig().ready()
    assert rig.why("last") == {}
    rig.signal()
    orders = rig.orders()
    for order in orders:
        rig.fill(order)
    for query in ("s1", orders[0].order.oid.hex(), "a1:901", "last"):
        assert rig.why(query)["sid"] == "s1"
    rig.boot()
    for query in ("s1", orders[0].order.oid.hex(), "a2:901"):
        story = rig.why(query)
        assert [line["code"] for line in story["lines"]] == ["FILLED", "FILLED"]  # type: ignore[union-attr, index]
    for query in ("s9", "a1:1", "00" * 16, "nonsense:x"):
        assert rig.why(query) == {}


def test_events_tell_decision_order_and_outcome() -> None:
    """Each line has its events in stage order, with the names the protocol documents."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    events = sorted(rig.events, key=lambda event: event.stage)
    assert [(event.event["kind"], event.sid) for event in events] == [("decision", "s1"), ("order", "s1"), ("outcome", "s1")]
    decision, ordered, outcome = (event.event for event in events)
    assert (decision["code"], ordered["n"], ordered["k"], outcome["code"]) == ("PUBLISHED", "1", "1", "FILLED")
    assert (str(decision["volume"]), str(outcome["profit"])) == ("0.09", "0")
    assert outcome["stamps"]["answered_ns"] == "5"
    assert all(event.market_ns == rig.market_ns for event in events)


def test_heartbeats_carry_the_last_published_number() -> None:
    """Every 250 ms, and never a number that is not out yet."""
    rig = Rig().ready()
    rig.held = []
    rig.signal()
    rig.wait(500 * MS_NS)
    assert [send.message.n_last for send in rig.take(Heartbeat)] == [0, 0]  # type: ignore[attr-defined]
    rig.release()
    rig.wait(250 * MS_NS)
    assert [send.message.n_last for send in rig.take(Heartbeat)] == [1]  # type: ignore[attr-defined]


def test_stops_survive_and_are_pulled_from_whoever_has_more() -> None:
    """An entry that a router hands over is taken once, kept on disk and binds after a restart."""
    rig = Rig().ready()
    entry = encode(rig.signed(Entry("operator", 1, 1, "FREEZE", "all", "x")))
    rig.give(REPLAY, KillSetPart([entry, entry]), ROUTER)
    rig.give(REPLAY, KillSetPart([entry, b"rubbish"]), ROUTER)
    assert [note.name for note in rig.notes if note.level == "warning"] == ["stop_taken", "stop_refused"]
    rig.boot()
    assert rig.master._state.stops.killset.level_for("a1") == "FREEZE"


def test_unknown_timer_is_a_bug() -> None:
    """A timer nobody has a deed for crashes the node; it does not end it as if it had drained."""
    rig = Rig().ready()
    rig.master._state.timers.set(("nonsense", "", 0), 0)
    with pytest.raises(AssertionError, match="no timer"):
        rig.master.on_deadline(rig.now_ns)
