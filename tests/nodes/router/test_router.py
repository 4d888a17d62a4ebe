"""A router hands on, repairs and relays; it decides nothing, takes nothing from strangers and is stopped by nobody."""

from typing import Any

import pytest

from mesh.codec import decode_untrusted, encode
from mesh.core import Durable, Effects, Envelope, PeerLost, Send, WallStep, singly
from mesh.drawnkeys import DrawnKeys
from mesh.links import CONTROL, FRONT, LOCALS, ORDERS, REPLAY, SHELL, STATUS
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.accounts import AccountState
from mesh.messages.base import NO_OID, Msg
from mesh.messages.control import Command, Entry, KillSetAsk, KillSetPart, OperatorHello, StopAnswer
from mesh.messages.health import FrontEvent, LocalSeen, NodeHealth, Snapshot
from mesh.messages.orders import (
    Expired,
    GapFill,
    Grant,
    GrantAsk,
    Heartbeat,
    LocalHello,
    MasterWelcome,
    Order,
    OrderAck,
    Replay,
    ReplayAccount,
    RouterHeartbeat,
    RouterHello,
    StateAsk,
    Target,
    Void,
    VoidLine,
)  # fmt: skip
from mesh.units import MS_NS, SECOND_NS
from nodes.router.core import Router
from tests.nodes.local.localrig import make_config

BODY = b"\x01not read by a router"
CONFIG = make_config()
E = 10
KEYS = DrawnKeys(CONFIG)


class Wired:
    """A router with two locals home at it, and what it sent."""

    def __init__(self, locals_count: int = 2, credit: int = 64) -> None:
        self.core = Router("router-1", CONFIG, 1, KEYS.of("router-1"))
        self.now_ns = 5 * SECOND_NS
        self.sent: list[Send] = []
        self.rows: dict[bytes, bytes] = {}
        self._do(self.core.recover([], self.now_ns))
        self._do(self.core.start(self.now_ns))
        self.take(REPLAY, 0, MasterWelcome(E, 1, 0, b""))
        for peer, account in list(enumerate(("one", "two"), start=1))[:locals_count]:
            self.take(LOCALS, peer, hello(account))
            self.take(LOCALS, peer, OrderAck(account, E, 0, credit))
        self.sent.clear()

    def take(self, link: str, peer: int, message: Msg, *frames: bytes) -> list[Send]:
        """Let a message in; what was sent because of it."""
        before = len(self.sent)
        self._do(self.core.handle(Envelope(link, peer, message, frames or (encode(message),)), self.now_ns))
        return self.sent[before:]

    def order(self, n: int, ks: dict[str, int], link: str = ORDERS, ref: bytes = NO_OID, e: int = E) -> list[Send]:
        """Let a record in."""
        order = Order(e, n, n.to_bytes(16, "big"), [Target(account, k, "EURUSD", 1, ref) for account, k in ks.items()])
        return self.take(link, 0, order, encode(order), BODY)

    def wait(self, ms: int) -> list[Send]:
        """Let time pass."""
        before = len(self.sent)
        end_ns = self.now_ns + ms * MS_NS
        while self.core.deadline_ns <= end_ns:
            self.now_ns = self.core.deadline_ns
            self._do(self.core.on_deadline(self.now_ns))
        self.now_ns = end_ns
        return self.sent[before:]

    def _do(self, effects: Effects) -> None:
        for effect in singly(effects):
            if isinstance(effect, Send):
                self.sent.append(effect)
            elif hasattr(effect, "puts"):
                self.rows |= {put.key: put.record for put in effect.puts if put.record}
                if effect.token:
                    self._do(self.core.handle(Envelope("store", 0, Durable(effect.token)), self.now_ns))


def hello(account: str, life: int = 1, home: bool = True, version: int = PROTOCOL_VERSION) -> LocalHello:
    """A local's hello."""
    node = {"one": "local-1", "two": "local-2"}.get(account, "local-9")
    return LocalHello(account, node, life, b"s", E, 0, 0, b"", version, CONFIG.fingerprint, home)


def kinds(sent: list[Send], kind: type[Msg]) -> list[Any]:
    """Messages of a kind among those sent."""
    return [send.message for send in sent if isinstance(send.message, kind)]


def test_each_local_gets_its_own_target_and_the_body_as_it_came() -> None:
    """One record becomes one header with one target for each local that is home here; the body's bytes are untouched."""
    router = Wired()
    sent = router.order(1, {"one": 1, "two": 1, "three": 1})
    assert [(send.peer, send.message.targets[0].account, len(send.message.targets), send.body) for send in sent] == [
        (1, "one", 1, BODY), (2, "two", 1, BODY),
    ]  # fmt: skip
    assert {send.message.stamp_router_ns for send in sent} == {router.now_ns}


def test_message_that_closes_no_gap_is_answered_by_its_handler_alone() -> None:
    """Nothing is added to its effects: they are not even copied."""
    router = Wired()
    effects = [Send(LOCALS, 1, GrantAsk("one", 1, b"s", 1, 1))]
    router.core.handlers[WallStep] = lambda envelope, now_ns: effects
    assert router.core.handle(Envelope(SHELL, 0, WallStep(1)), router.now_ns) is effects


def test_local_that_is_home_elsewhere_gets_no_orders_but_stops_and_heartbeats() -> None:
    """The second router of a local keeps a control link and nothing more."""
    router = Wired(1)
    sent = router.take(LOCALS, 2, hello("two", home=False))
    assert kinds(sent, LocalHello) == []
    assert router.order(1, {"two": 1}) == []
    assert {send.peer for send in router.wait(300) if isinstance(send.message, RouterHeartbeat)} == {1, 2}


def test_opens_wait_for_credit_and_closes_do_not() -> None:
    """Beyond its credit a local gets closes alone; its next ack lets the opens go, in order."""
    router = Wired(1, credit=1)
    assert len(router.order(1, {"one": 1})) == 1
    assert router.order(2, {"one": 2}) == []
    assert router.order(3, {"one": 3}) == []
    assert len(router.order(4, {"one": 4}, ref=b"x" * 16)) == 1
    sent = router.take(LOCALS, 1, OrderAck("one", E, 1, 8))
    assert [send.message.targets[0].k for send in sent] == [2, 3]


def test_queue_without_credit_is_bounded() -> None:
    """What finds no room in the queue the local asks for by its own numbers; memory stays bounded."""
    router = Wired(1, credit=0)
    for n in range(1, 600):
        router.order(n, {"one": n})
    sent = router.take(LOCALS, 1, OrderAck("one", E, 0, 10_000))
    assert len(sent) == 256
    assert sent[-1].message.targets[0].k == 256


def test_gap_seen_by_the_next_record_is_asked_for_until_filled() -> None:
    """A hole in n is asked for at once and again; what fills it goes on late, what came meanwhile at once."""
    router = Wired()
    router.order(1, {"one": 1})
    sent = router.order(4, {"one": 4})
    assert kinds(sent, Order)[0].n == 4
    assert [(ask.from_n, ask.to_n) for ask in kinds(sent, Replay)] == [(2, 3)]
    assert [(ask.from_n, ask.to_n) for ask in kinds(router.wait(300), Replay)] == [(2, 3)]
    assert len(router.order(2, {"one": 2}, REPLAY)) == 1
    assert [(ask.from_n, ask.to_n) for ask in kinds(router.wait(300), Replay)] == [(3, 3)]
    router.order(3, {"one": 3}, REPLAY)
    assert kinds(router.wait(600), Replay) == []
    assert router.core.counters.totals["order_count"] == 4


def test_gap_seen_by_a_heartbeat_is_asked_for() -> None:
    """The last record of a burst is missed by the heartbeat that names it."""
    router = Wired()
    sent = router.take(ORDERS, 0, Heartbeat(E, 1, 2, b""))
    assert [(ask.from_n, ask.to_n) for ask in kinds(sent, Replay)] == [(1, 2)]


def test_gap_fill_closes_a_hole_and_tells_each_local_its_own() -> None:
    """Orders that will not come are no hole any more; each local hears of its own."""
    router = Wired()
    router.take(ORDERS, 0, Heartbeat(E, 1, 2, b""))
    rows = [Expired("one", 1, b"a" * 16), Expired("two", 1, b"a" * 16)]
    sent = router.take(REPLAY, 0, GapFill(E, rows, 1, 2))
    assert [(send.peer, [row.account for row in send.message.expired]) for send in sent] == [(1, ["one"]), (2, ["two"])]
    assert kinds(router.wait(600), Replay) == []


def test_void_openings_are_named_to_their_local() -> None:
    """The master's word about openings of older epochs goes to whose it is."""
    router = Wired()
    void = Void("two", E, [VoidLine(b"a" * 16, "s", "swing", "open", "EURUSD", 1, 1, 0, 1, 1)], 7)
    assert [(send.peer, send.message) for send in router.take(REPLAY, 0, void)] == [(2, void)]


def test_record_nobody_can_read_is_passed_over() -> None:
    """A record that is asked for in vain is given up, counted; it stops nobody."""
    router = Wired()
    router.take(ORDERS, 0, Heartbeat(E, 1, 1, b""))
    router.wait(10_000)
    assert router.core.counters.totals["passed_over_count"] == 1
    assert kinds(router.wait(1_000), Replay) == []
    assert router.take(ORDERS, 0, Order(E, 2, bytes(16), [])) == []
    assert router.core.counters.totals["bad_frame_count"] == 1


def test_answer_to_one_local_fills_no_hole_of_all() -> None:
    """A record replayed for one account goes to it alone; the hole stays until the whole record comes."""
    router = Wired()
    router.take(ORDERS, 0, Heartbeat(E, 1, 1, b""))
    asked = router.take(LOCALS, 1, ReplayAccount("one", E, 1, 1))
    assert kinds(asked, ReplayAccount)
    assert [send.peer for send in router.order(1, {"one": 1}, REPLAY)] == [1]
    assert kinds(router.wait(300), Replay)
    assert [send.peer for send in router.order(1, {"one": 1, "two": 1}, REPLAY)] == [1, 2]


def test_new_epoch_is_taken_from_its_first_record() -> None:
    """A router that saw an older epoch lacks everything of the new one; it says hello and tells its locals at once."""
    router = Wired()
    router.order(1, {"one": 1})
    sent = router.take(ORDERS, 0, Heartbeat(E + 1, 2, 3, b""))
    assert [(ask.e, ask.from_n, ask.to_n) for ask in kinds(sent, Replay)] == [(E + 1, 1, 3)]
    assert kinds(sent, RouterHello)
    assert {beat.e for beat in kinds(sent, RouterHeartbeat)} == {E + 1}
    assert router.order(2, {"one": 2}) == []


def test_new_router_begins_where_the_master_stands() -> None:
    """A router that just started asks for nothing old: its locals know what they lack."""
    core = Router("router-1", CONFIG, 1, KEYS.of("router-1"))
    core.recover([], 0)
    core.start(0)
    effects = core.handle(Envelope(REPLAY, 0, MasterWelcome(E, 1, 900, b"")), 1)
    assert not [effect for effect in effects if isinstance(effect, Send) and isinstance(effect.message, Replay)]


def test_grant_asked_for_before_a_wall_step_is_not_handed_on() -> None:
    """The router's clock stood still: the time since it asked would be said too short."""
    router = Wired()
    router.take(LOCALS, 1, GrantAsk("one", 1, b"s", 5, 1))
    router.take(SHELL, 0, WallStep(2 * SECOND_NS))
    assert router.take(REPLAY, 0, Grant("one", 5, E, 0, 0, b"", 123, 0)) == []


def test_grant_is_asked_for_one_by_one_and_relayed_with_its_time() -> None:
    """Each question goes to the master with our clock; the answer comes back with the time since we asked."""
    router = Wired()
    asked = router.take(LOCALS, 1, GrantAsk("one", 1, b"s", 9, 77))
    assert kinds(asked, GrantAsk)[0].clock_ns == router.now_ns
    router.now_ns += 3 * MS_NS
    sent = router.take(REPLAY, 0, Grant("one", 9, E, 0, 0, b"", 123, 0))
    assert (sent[0].peer, sent[0].message.relay_ns, sent[0].message.clock_ns) == (1, 3 * MS_NS, 123)
    assert router.take(REPLAY, 0, Grant("one", 9, E, 0, 0, b"", 123, 0)) == []


def test_states_are_asked_of_the_locals_that_are_home_here() -> None:
    """Each local is asked for its own state alone."""
    router = Wired()
    sent = router.take(REPLAY, 0, StateAsk(5, ["one", "two", "three"]))
    assert [(send.peer, send.message.accounts) for send in sent] == [(1, ["one"]), (2, ["two"])]


def test_heartbeats_say_how_old_the_masters_last_word_is() -> None:
    """With either of its links silent the age grows; the master is asked for a word on the other."""
    router = Wired()
    router.take(ORDERS, 0, Heartbeat(E, 1, 0, b""))
    for _ in range(8):
        router.take(REPLAY, 0, MasterWelcome(E, 1, 0, b""))
        router.wait(250)
    assert kinds(router.wait(250), RouterHeartbeat)[-1].master_age_ns >= 2 * SECOND_NS
    assert kinds(router.wait(1_000), RouterHello)


@pytest.mark.parametrize(
    ("link", "peer", "message"),
    [
        (LOCALS, 9, OrderAck("one", E, 1, 1)),
        (LOCALS, 9, GrantAsk("one", 1, b"s", 1, 1)),
        (LOCALS, 2, GrantAsk("one", 1, b"s", 1, 1)),
        (CONTROL, 9, Command(bytes(16), "x", "close", "all", 0, False, 0, 0, True)),
        (STATUS, 0, Grant("one", 9, E, 0, 0, b"", 123, 0)),
        (LOCALS, 1, StateAsk(5, ["one"])),
        (LOCALS, 1, Heartbeat(E, 1, 9, b"")),
        (LOCALS, 9, hello("nobody")),
        (LOCALS, 9, hello("one", version=99)),
        (CONTROL, 1, KillSetAsk(b"")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Msg) else None,
)
def test_stranger_is_counted_and_ignored(link: str, peer: int, message: Msg) -> None:
    """Nothing is taken from who has not said hello, about another's account, or on a link it does not belong to."""
    router = Wired()
    assert router.take(link, peer, message) == []
    assert router.core.counters.totals["stranger_count"] == 1


def test_newer_life_of_a_local_replaces_the_older() -> None:
    """The newest hello of an account counts; the old connection gets and says nothing any more."""
    router = Wired()
    router.take(LOCALS, 5, hello("one", life=2))
    router.take(LOCALS, 5, OrderAck("one", E, 0, 8))
    assert [send.peer for send in router.order(1, {"one": 1})] == [5]
    assert router.take(LOCALS, 1, GrantAsk("one", 1, b"s", 1, 1)) == []
    router.core.handle(Envelope(LOCALS, 1, PeerLost()), router.now_ns)
    assert [send.peer for send in router.order(2, {"one": 2})] == [5]


def test_stop_is_durable_before_it_is_pushed() -> None:
    """An entry goes to the store, then to every local and the frontends, as the bytes that came."""
    router = Wired()
    router.take(LOCALS, 3, hello("two", life=3, home=False))
    router.take(CONTROL, 7, OperatorHello("me", 1, PROTOCOL_VERSION))
    raw = KEYS.signer("operator").sign(Entry("operator", 1, 1, "FREEZE", "all", "why"))
    sent = router.take(CONTROL, 7, decode_untrusted(raw), raw)
    assert list(router.rows.values()) == [raw]
    assert [(send.peer, send.message.items) for send in sent if isinstance(send.message, KillSetPart)] == [(1, [raw]), (3, [raw])]
    assert [event.item for event in kinds(sent, FrontEvent)] == [raw]
    assert [(answer.node, answer.code) for answer in kinds(sent, StopAnswer)] == [("router-1", "TAKEN")]
    again = router.take(CONTROL, 7, decode_untrusted(raw), raw)
    assert kinds(again, KillSetPart) == [], "who lacks it pulls it"
    assert [answer.code for answer in kinds(again, StopAnswer)] == ["KNOWN"]


def test_snapshot_is_whole_numbered_and_spread() -> None:
    """Each second every item once, in slices, each frame saying how old its item is; none exceeds 32 KB."""
    router = Wired()
    health = NodeHealth("cci-1", "indicator", 1, 1, "READY", 0, 0, 0, 0, 0, "", "", {}, {})
    router.take(STATUS, 0, health)
    frames = kinds([send for send in router.wait(1_900) if send.link == FRONT], Snapshot)
    newest = [frame for frame in frames if frame.id == frames[-1].id]
    assert [frame.index for frame in newest] == list(range(newest[0].count))
    items = [decode_untrusted(frame.item) for frame in newest]
    assert [item.account for item in items if isinstance(item, LocalSeen)] == ["one", "two"]
    assert health in items
    assert max(len(frame.item) for frame in newest) <= 32_000


def test_item_too_long_for_frontends_is_counted() -> None:
    """What a snapshot leaves out because it is too long does not vanish in silence."""
    wired = Wired()
    health = NodeHealth("local-1", "local", 1, 1, "READY", 0, 0, 0, 0, 0, "", "", {}, {f"fact-{n}": "x" * 512 for n in range(64)})
    wired.take(STATUS, 0, health, encode(health))
    wired.wait(3_000)
    assert wired.core.counters.totals["too_long_item_count"] >= 1, "once for each snapshot"


def test_unknown_timer_is_a_bug() -> None:
    """A timer nobody has a deed for is never taken for another."""
    wired = Wired()
    wired.core._state.timers.set("nonsense", wired.now_ns)
    with pytest.raises(AssertionError, match="no timer 'nonsense'"):
        wired.core.on_deadline(wired.now_ns)


def test_local_goes_late_and_dead_by_its_interval() -> None:
    """A local that is silent for 1.5 of its intervals is late, for 3 dead."""
    router = Wired()
    states = []
    for _ in range(3):
        router.take(LOCALS, 1, OrderAck("one", E, 0, 1)) if not states else None
        router.wait(700)
        states.append(router.core._state.front.seen("one", router.now_ns).state)
    assert states == ["fresh", "late", "dead"]


def test_old_state_does_not_replace_a_newer_one() -> None:
    """Newest is by number within a life, not by arrival; the older one is not handed on either."""
    router = Wired()

    def state(number: int, life: int = 1) -> AccountState:
        return AccountState(
            "one", life, number, 0, 0, 0, 0, 1, "USD", True, 1, 0, 0, 0, 0, 0, 0, True, True, False, "ACTIVE", [], []
        )

    assert len(router.take(STATUS, 0, state(5))) == 1
    assert router.take(STATUS, 0, state(4)) == []
    assert len(router.take(STATUS, 0, state(1, life=2))) == 1
