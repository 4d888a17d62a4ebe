"""Stops at a router: who may bring them, what is refused, what leave is worth past one, and who has leave."""

import msgspec

from mesh.carriers import DOWN, UP
from mesh.codec import encode
from mesh.links import CONTROL, LOCALS, REPLAY
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.control import (
    Drill,
    Drilled,
    Entry,
    KillSetAsk,
    KillSetPart,
    Latched,
    OperatorHello,
    Signed,
    StopAnswer,
)
from mesh.messages.health import FrontEvent
from mesh.messages.orders import Grant, GrantAsk
from mesh.sealing import OTHER_DIGEST
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.router.test_router import KEYS, E, Wired, hello, kinds

OPERATOR = 7


def wired() -> Wired:
    """A router with two locals and an operator."""
    router = Wired()
    router.take(CONTROL, OPERATOR, OperatorHello("ann@desk", 1, PROTOCOL_VERSION))
    return router


def signed(item: Entry, name: str = "operator") -> Signed:
    return KEYS.signer(name).signed(item)


def drilled(item: Entry, name: str = "operator") -> Signed:
    return KEYS.signer(name).signed(item, is_drill=True)


def entry(nonce: int = 1, issuer: str = "operator") -> Entry:
    return Entry(issuer, nonce, 1, "FREEZE", "all", "news")


def test_refused_stop_is_answered_by_code_and_goes_nowhere() -> None:
    """No local and no frontend hears of it; it is written down once."""
    router = wired()
    sent = router.take(CONTROL, OPERATOR, signed(entry(), "stopper"))
    assert [(answer.code, answer.node) for answer in kinds(sent, StopAnswer)] == [("BAD_SIGNATURE", "router-1")]
    assert kinds(sent, KillSetPart) == kinds(sent, FrontEvent) == []
    assert len(router.rows) == 1
    assert router.core._state.stops.killset.digest == b""


def test_part_with_a_bad_item_brings_the_good_ones() -> None:
    """What a local or the master knows is looked at one by one."""
    router = wired()
    good, bad = encode(signed(entry())), encode(signed(entry(2), "stopper"))
    sent = router.take(LOCALS, 1, KillSetPart([bad, good]))
    assert [part.items for part in kinds(sent, KillSetPart)] == [[good], [good]]


def test_leave_of_a_master_that_lacks_a_stop_opens_nothing() -> None:
    """It is handed on as leave under a digest that nobody has; with the stop it is handed on as it is."""
    router = wired()
    router.take(CONTROL, OPERATOR, signed(entry()))
    digest = router.core._state.stops.killset.digest
    for nonce, theirs, ours in ((5, b"", OTHER_DIGEST), (6, digest, digest)):
        router.take(LOCALS, 1, GrantAsk("one", 1, b"s", nonce, 1))
        (grant,) = kinds(router.take(REPLAY, 0, Grant("one", nonce, E, 0, 0, theirs, 123, 0)), Grant)
        assert grant.kill_digest == ours


def granted(router: Wired, nonce: int) -> list[tuple[str, int, int]]:
    """Lives named in the answer to another stop: (account, life, age)."""
    answers = kinds(router.take(CONTROL, OPERATOR, signed(entry(nonce))), StopAnswer)
    return [(each.account, each.life, each.age_ms) for answer in answers for each in answer.granted]


def leave(router: Wired, peer: int, account: str, nonce: int, refused: str = "") -> None:
    """The master's answer to a local's question for leave."""
    router.take(LOCALS, peer, GrantAsk(account, 1, b"s", nonce, 1))
    digest = router.core._state.stops.killset.digest
    router.take(REPLAY, 0, Grant(account, nonce, E, 0, 0, digest, 123, 0, refused))


def test_answer_names_the_lives_that_may_still_use_leave() -> None:
    """For as long as it lasts; a refusal is none; and for how long the router has watched."""
    router = wired()
    leave(router, 1, "one", 5)
    leave(router, 2, "two", 6, refused="REPLACED")
    router.now_ns += 400 * MS_NS
    (answer,) = kinds(router.take(CONTROL, OPERATOR, signed(entry())), StopAnswer)
    assert [(each.account, each.life, each.age_ms) for each in answer.granted] == [("one", 1, 400)]
    assert (answer.code, answer.watched_ms, answer.index, answer.count) == ("TAKEN", 400, 0, 1)
    router.now_ns += 3 * SECOND_NS
    assert granted(router, 2) == []


def test_new_life_is_named_beside_the_old_one() -> None:
    """Each with its own age; leave that opens nothing is no leave."""
    router = wired()
    leave(router, 1, "one", 5)
    router.now_ns += 1_000 * MS_NS
    router.take(LOCALS, 9, hello("one", life=2))
    leave(router, 9, "one", 6)
    assert granted(router, 1) == [("one", 1, 1_000), ("one", 2, 0)]
    router.now_ns += 3 * SECOND_NS
    router.take(LOCALS, 9, GrantAsk("one", 2, b"s", 7, 1))
    router.take(REPLAY, 0, Grant("one", 7, E, 0, 0, b"", 123, 0))
    assert granted(router, 2) == []


def test_leave_for_a_connection_that_was_replaced_goes_nowhere() -> None:
    """The life that asked has no place here any more: it would trade where no stop is pushed."""
    router = wired()
    router.take(LOCALS, 1, GrantAsk("one", 1, b"s", 5, 1))
    router.take(LOCALS, 9, hello("one", life=2))
    assert router.take(REPLAY, 0, Grant("one", 5, E, 0, 0, b"", 123, 0)) == []


def test_latched_that_says_nothing_new_is_not_told_again() -> None:
    """A local repeats it while a stop binds; operators and frontends hear of changes."""
    router = wired()
    latched = Latched("one", 1, "FREEZE", [bytes(32)], [], 1)
    assert len(router.take(LOCALS, 1, latched)) == 2
    assert router.take(LOCALS, 1, latched) == []
    again = msgspec.structs.replace(latched, number=2)
    assert len(router.take(LOCALS, 1, again)) == 2
    assert router.rows[b"one"] == encode(again), "each answer is in the audit"


def test_drill_goes_the_way_of_a_stop_and_stops_nothing() -> None:
    """Checked, written down, pushed to every local, answered; its answers go to operators."""
    router = wired()
    sent = router.take(CONTROL, OPERATOR, Drill(drilled(entry())))
    assert [send.peer for send in sent if isinstance(send.message, Drill)] == [1, 2]
    assert [answer.code for answer in kinds(sent, StopAnswer)] == ["TAKEN"]
    assert router.core._state.stops.killset.digest == b""
    told = Drilled("one", Latched("one", 1, "FREEZE", [bytes(32)], []))
    assert [(send.peer, send.message) for send in router.take(LOCALS, 1, told)] == [(OPERATOR, told)]
    assert router.take(LOCALS, 2, msgspec.structs.replace(told, account="two")) == [], "of another account than it says"
    refused = router.take(CONTROL, OPERATOR, Drill(drilled(entry(2), "stopper")))
    assert [type(send.message) for send in refused] == [StopAnswer]


def test_signature_is_the_right_to_stop_not_a_hello() -> None:
    """Whoever brings a good stop is heard, though many others have said hello since; a question still needs one."""
    router = Wired()
    (answer,) = kinds(router.take(CONTROL, 99, signed(entry())), StopAnswer)
    assert answer.code == "TAKEN"
    (answer,) = kinds(router.take(CONTROL, 98, Drill(drilled(entry(2)))), StopAnswer)
    assert answer.code == "TAKEN"


def test_who_sends_bad_stops_again_and_again_is_heard_seldom() -> None:
    """Ten are answered, then none of this connection, be it good, for a second; others are."""
    router = Wired()
    answers = [len(router.take(CONTROL, 99, signed(entry(number), "stopper"))) for number in range(20)]
    assert answers == [1] * 10 + [0] * 10
    assert router.take(CONTROL, 99, signed(entry(100))) == []
    assert kinds(router.take(CONTROL, 98, signed(entry(100))), StopAnswer)[0].code == "TAKEN"
    router.now_ns += SECOND_NS
    assert kinds(router.take(CONTROL, 99, signed(entry(101))), StopAnswer)[0].code == "TAKEN"


def test_scope_that_this_mesh_does_not_have_is_refused_of_people_and_taken_of_nodes() -> None:
    """A configuration may be newer at a neighbour; a person has mistyped it."""
    router = wired()
    item = signed(Entry("operator", 1, 1, "FREEZE", "account:nosuch", ""))
    (answer,) = kinds(router.take(CONTROL, OPERATOR, item), StopAnswer)
    assert (answer.code, answer.detail) == ("BAD_SCOPE", "scope=account:nosuch: there is no such account")
    other = signed(Entry("operator", 2, 1, "FREEZE", "strategy:nosuch", ""))
    router.take(LOCALS, 1, KillSetPart([encode(other)]))
    assert len(router.core._state.stops.killset) == 1
    router.take(LOCALS, 1, KillSetPart([encode(item)]))
    assert len(router.core._state.stops.killset) == 2, "what was refused of a person is taken of a node"


def test_stop_that_is_known_is_answered_and_pushed_to_nobody() -> None:
    """Who lacks it pulls it: a known stop again and again is no way to load all locals."""
    router = wired()
    router.take(CONTROL, OPERATOR, signed(entry()))
    again = router.take(CONTROL, OPERATOR, signed(entry()))
    assert [type(send.message) for send in again] == [StopAnswer]


def test_question_that_was_asked_in_turn_is_not_asked_back() -> None:
    """Two who refuse each other's stops would ask for ever."""
    router = wired()
    router.take(CONTROL, OPERATOR, signed(entry()))
    theirs = b"t" * 8
    first = router.take(LOCALS, 1, KillSetAsk(theirs))
    assert [type(send.message) for send in first] == [KillSetPart, KillSetAsk]
    second = router.take(LOCALS, 1, KillSetAsk(theirs, in_turn=True))
    assert [type(send.message) for send in second] == [KillSetPart]


def test_people_bring_stops_one_by_one() -> None:
    """A set of them is what nodes hand one another: what nobody holds yet is judged otherwise, so an operator's is not taken as one."""
    assert not {KillSetPart, KillSetAsk} & {*UP[CONTROL], *DOWN[CONTROL]}
    router = Wired()
    router.take(CONTROL, OPERATOR, OperatorHello("ann@desk", 1, PROTOCOL_VERSION))
    assert router.take(CONTROL, OPERATOR, KillSetPart([encode(signed(entry()))])) == []
    assert router.core._state.stops.killset.live() == []
