"""Locals behind their routers: hellos, lists, grants, outcomes in any order, replays, silence, stores and clones."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.core import Note
from mesh.links import REPLAY
from mesh.messages.base import NO_OID
from mesh.messages.orders import (
    Expired,
    GapFill,
    Grant,
    GrantAsk,
    Heartbeat,
    Listed,
    LocalHello,
    LocalWelcome,
    MasterWelcome,
    Order,
    Replay,
    ReplayAccount,
)
from mesh.messages.outcomes import OutcomeAck
from mesh.units import E8, SECOND_NS
from nodes.acks import REST_NS
from tests.nodes.master.masterrig import FREE, ROUTER, STRATEGY, Rig, config_of


def hello(rig: Rig, name: str = "a1", life: int = 1, store: bytes = b"s", f: int = 0) -> None:
    rig.give(REPLAY, LocalHello(name, "local", life, store, 0, 0, f, b"", 1, rig.config.fingerprint, start_f=f), ROUTER)


def granted(rig: Rig) -> str:
    """The refusal of the last grant answered; empty for a grant."""
    return str([send.message for send in rig.take(Grant)][-1].refused)  # type: ignore[attr-defined]


def noted(rig: Rig, level: str = "error") -> list[str]:
    found = [note.name for note in rig.notes if note.level == level]
    rig.notes: list[Note] = []  # type: ignore[misc]
    return found


def test_a_router_is_told_the_epoch() -> None:
    """At its hello, and when the epoch becomes durable after it."""
    rig = Rig(config_of(1))
    rig.held = []
    rig.boot()
    rig.welcome()
    rig.router_up()
    assert rig.take(MasterWelcome) == []
    rig.release()
    (welcome,) = rig.take(MasterWelcome)
    assert (welcome.peer, welcome.message.n_last) == (ROUTER, 0)  # type: ignore[attr-defined]


def test_an_account_is_decided_for_when_its_local_is_ready() -> None:
    """Hello, list, state and grant: until then openings are denied with what they wait for."""
    rig = Rig(config_of(1))
    rig.boot()
    rig.welcome()
    rig.router_up()
    rig.signals_up()
    rig.tick()
    steps = [
        lambda: hello(rig),
        lambda: rig.give(REPLAY, Listed("a1", 1, rig.master._state.epoch, 2, 0), ROUTER),
    ]
    for number, step in enumerate(steps):
        rig.signal(sid=f"s{number}")
        assert rig.outcomes()[-1] == "a1 open DENIED NO_STATE waits_for=listed"
        step()
    rig.signal(sid="s2")
    assert rig.outcomes()[-1] == "a1 open DENIED NO_STATE waits_for=listed"
    assert rig.master.phase() == "STARTING"
    rig.local_up("a1")
    assert rig.master.phase() == "READY"
    rig.signal(sid="s3")
    assert len(rig.orders()) == 1


def test_a_local_is_told_what_the_master_holds() -> None:
    """The welcome's f is what is durable here, its k what was published to the account."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    hello(rig, life=2, f=1)
    (welcome,) = rig.take(LocalWelcome)
    assert welcome.message == LocalWelcome("a1", rig.master._state.epoch, 1, 1, life=2)


def test_grants_carry_the_published_numbers() -> None:
    """Epoch, last n and the account's last k: only what is durable and out."""
    rig = Rig().ready()
    rig.held = []
    rig.signal()
    rig.grant("a1")
    assert [send.message.n_last for send in rig.take(Grant)] == [0]  # type: ignore[attr-defined]
    rig.release()
    rig.grant("a1")
    (grant,) = [send.message for send in rig.take(Grant)]
    assert grant == Grant("a1", 5, rig.master._state.epoch, 1, 1, b"", rig.now_ns, 0)


def test_a_clone_is_frozen() -> None:
    """A replaced life that still asks after 3 s: the account is frozen and somebody must look."""
    rig = Rig(config_of(1)).ready()
    rig.local_up("a1", life=2)
    rig.sent.clear()
    rig.give(REPLAY, GrantAsk("a1", 1, b"s", 5, 1), ROUTER)
    assert granted(rig) == "REPLACED"
    rig.now_ns += 2 * SECOND_NS
    rig.grant("a1", life=2)
    rig.sent.clear()
    rig.now_ns += SECOND_NS
    rig.give(REPLAY, GrantAsk("a1", 1, b"s", 5, 1), ROUTER)
    assert granted(rig) == "CLONE"
    assert noted(rig) == ["local_clone"]
    assert rig.take(Heartbeat)[-1].message.kill_digest != b""  # type: ignore[attr-defined]
    rig.grant("a1", life=2)
    assert granted(rig) == ""
    rig.state("a1", life=2)
    rig.signal()
    assert rig.outcomes() == ["a1 open KILLED LADDER level=FREEZE"]


def test_states_of_an_old_life_or_number_are_passed_over() -> None:
    """Newest is by life and number, not by arrival."""
    rig = Rig(config_of(1)).ready()
    account = rig.master._state.accounts["a1"]
    newest = rig.states["a1"]
    rig.state("a1", number=1, equity_e8=1)
    assert account.state == newest
    rig.states["a1"] = newest
    rig.local_up("a1", life=2)
    rig.state("a1", life=1, number=99, equity_e8=1)
    assert account.state is not None
    assert (account.state.life, account.state.equity_e8) == (2, 10_000 * E8)


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_outcomes_in_any_order_and_number_end_each_line_once(seed: int, copies: int) -> None:
    """Shuffled, doubled, states in between: lines = codes + states at every step, and in the end each has its code."""
    rig = Rig(config_of(2, extra=FREE)).ready()
    for number in range(3):
        rig.signal(sid=f"s{number}")
    orders = rig.orders()
    words = []
    for order in orders:
        words += [rig.outcome(order, "UNKNOWN", final=False), rig.outcome(order, "FILLED")]
    deck = words * copies
    random.Random(seed).shuffle(deck)
    for outcome in deck:
        rig.give(REPLAY, outcome, ROUTER)
    assert rig.master.totals() == (6, {"FILLED": 6}, {"WORKING": 0, "UNKNOWN": 0, "UNCONFIRMED": 0})
    assert sorted(rig.outcomes()) == ["a1 open FILLED"] * 3 + ["a2 open FILLED"] * 3
    rig.wait(2 * REST_NS)
    acked = {send.message.account: send.message.f for send in rig.take(OutcomeAck)}  # type: ignore[attr-defined]
    assert acked == {"a1": 6, "a2": 6}


def test_an_early_outcome_waits_for_the_one_before() -> None:
    """Nothing is acked or counted past a hole."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    rig.signal(sid="s2")
    first, second = rig.orders()
    rig.give(REPLAY, rig.outcome(second, f=2), ROUTER)
    assert (rig.outcomes(), rig.take(OutcomeAck)) == ([], [])
    rig.give(REPLAY, rig.outcome(first, f=1), ROUTER)
    assert [send.message.f for send in rig.take(OutcomeAck)] == [2]
    assert len(rig.outcomes()) == 2


def test_what_this_master_does_not_remember_is_adopted_and_alarmed() -> None:
    """It is acked and kept, counted, and no line changes for it."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, oid=b"?" * 16), ROUTER)
    assert noted(rig) == ["outcome_adopted"]
    assert (rig.master.counters.totals["adopted_count"], rig.master.totals()[1]) == (1, {})
    assert [send.message.f for send in rig.take(OutcomeAck)] == [1]
    assert [kind for kind, _ in rig.rows if kind == "_act"] == ["_act"]


def test_local_acts_and_hands_end_no_line() -> None:
    """A trailing stop of an order's position, or a hand's close, is not the order's own outcome."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, "MODIFIED", cause="TRAILING"), ROUTER)
    rig.give(REPLAY, rig.outcome(order, "CLOSED", cause="MANUAL", leg="MANUAL", oid=b"h" * 16), ROUTER)
    assert noted(rig) == []
    assert rig.master.totals()[2]["WORKING"] == 1


@pytest.mark.parametrize("ended", ["NOT_FOUND", "EXPIRED", "KILLED", "SUPERSEDED", "DENIED"])
def test_a_fill_reported_late_is_what_happened_and_an_alarm(ended: str) -> None:
    """What ended unseen has one way on; the count moves with it and the sum stays; both words are in the events."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, ended), ROUTER)
    rig.give(REPLAY, rig.outcome(order, "FILLED_LATE", detail="late"), ROUTER)
    rig.give(REPLAY, rig.outcome(order, "FILLED_LATE", detail="late"), ROUTER)
    assert noted(rig) == ["outcome_changed"]
    assert {code: n for code, n in rig.master.totals()[1].items() if n} == {"FILLED_LATE": 1}
    assert [line.split()[2] for line in rig.outcomes()] == [ended, "FILLED_LATE"]


@pytest.mark.parametrize(("ended", "told"), [("NOT_FOUND", "EXPIRED"), ("FILLED", "FILLED_LATE"), ("FILLED_LATE", "NOT_FOUND")])
def test_no_other_word_changes_a_line_that_ended(ended: str, told: str) -> None:
    """It is an alarm and kept as an act; the line and the totals stay as they were."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, ended), ROUTER)
    rig.give(REPLAY, rig.outcome(order, told), ROUTER)
    assert noted(rig) == ["outcome_changed"]
    assert {code: n for code, n in rig.master.totals()[1].items() if n} == {ended: 1}
    acts = [event.event["code"] for event in rig.events if event.event["kind"] == "act"]
    assert acts == [told]


@pytest.mark.parametrize("is_known_number", [True, False])
def test_what_ended_unseen_and_another_life_saw_filled_was_filled_late(is_known_number: bool) -> None:
    """Also under a number that another life of the store has used: it may have been told by a copy that knew less, or by a person."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, "NOT_FOUND", volume_e8=0), ROUTER)
    filled = rig.outcome(order, "FILLED")
    rig.give(REPLAY, msgspec.structs.replace(filled, f=filled.f - is_known_number), ROUTER)
    assert noted(rig) == ["outcome_changed"]
    assert {code: n for code, n in rig.master.totals()[1].items() if n} == {"FILLED_LATE": 1}
    assert rig.why("s1")["lines"][0]["code"] == "FILLED_LATE"


def test_silent_lines_become_unconfirmed_and_come_back() -> None:
    """An OPEN past its deadline, a CLOSE 2 s after it went out; the local's later word still counts."""
    rig = Rig(config_of(2, STRATEGY.replace("reversion", "breakout"))).ready()
    rig.signal(level_e8=100 * E8)
    first, second = rig.orders()
    rig.give(REPLAY, rig.outcome(second, "WORKING", final=False), ROUTER)
    rig.wait(5 * SECOND_NS - 1)
    assert rig.master.totals()[2] == {"WORKING": 2, "UNKNOWN": 0, "UNCONFIRMED": 0}
    rig.wait(1)
    assert rig.master.totals()[2] == {"WORKING": 1, "UNKNOWN": 0, "UNCONFIRMED": 1}
    assert noted(rig, "warning") == ["line_unconfirmed"]
    rig.fill(first)
    rig.fill(second)
    for name in ("a1", "a2"):
        rig.grant(name)
    rig.settle()
    rig.signal(sid="out", kind="cci_down", level_e8=100 * E8)
    rig.wait(2 * SECOND_NS)
    assert rig.master.totals()[2] == {"WORKING": 0, "UNKNOWN": 0, "UNCONFIRMED": 2}
    for order in rig.orders():
        rig.fill(order, code="CLOSED")
    assert rig.master.totals()[1:] == ({"FILLED": 2, "CLOSED": 2}, {"WORKING": 0, "UNKNOWN": 0, "UNCONFIRMED": 0})


def test_an_unknown_result_blocks_openings_of_that_symbol() -> None:
    """Until it is known what happened nobody opens there again."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, "UNKNOWN", final=False), ROUTER)
    rig.signal(sid="s2")
    assert rig.outcomes() == ["a1 open DENIED UNKNOWN symbol=EURUSD result=unknown"]
    rig.signal(sid="s3", symbol="GBPUSD", close_e8=130_000_000)
    assert len(rig.orders()) == 1


def test_records_go_out_again_with_the_same_bytes() -> None:
    """A router that lacks records gets them, on its own link, exactly as they were."""
    rig = Rig(config_of(2, extra=FREE)).ready()
    rig.signal()
    rig.signal(sid="s2")
    published = rig.take(Order)
    rig.give(REPLAY, Replay(rig.master._state.epoch, 1, 9), ROUTER)
    again = rig.take(Order)
    assert [(send.link, send.peer) for send in again] == [(REPLAY, ROUTER)] * 2
    assert [(send.message, send.body) for send in again] == [(send.message, send.body) for send in published]


def test_openings_past_their_deadline_are_not_sent_again() -> None:
    """The router gets a gap fill that names them, with the numbers it stands for."""
    rig = Rig(config_of(2)).ready()
    rig.signal()
    (send,) = rig.take(Order)
    rig.wait(5 * SECOND_NS)
    rig.give(REPLAY, Replay(rig.master._state.epoch, 1, 1), ROUTER)
    assert rig.take(Order) == []
    assert isinstance(send.message, Order)
    oid = send.message.oid
    expired = [Expired("a1", 1, oid), Expired("a2", 1, oid)]
    assert [send.message for send in rig.take(GapFill)] == [GapFill(rig.master._state.epoch, expired, 1, 1)]


def test_one_account_gets_what_it_lacks() -> None:
    """Its own target alone; closes whenever they were sent; nothing for numbers not yet given."""
    rig = Rig(config_of(2)).ready()
    rig.signal()
    for order in rig.orders():
        rig.fill(order)
    rig.settle()
    rig.signal(sid="s2", kind="cci_down", level_e8=100 * E8)
    rig.sent.clear()
    rig.wait(5 * SECOND_NS)
    rig.give(REPLAY, ReplayAccount("a2", rig.master._state.epoch, 1, 9), ROUTER)
    assert [order.words() for order in rig.orders()] == ["a2 close CLOSE EURUSD -1"]
    gaps = [send.message for send in rig.take(GapFill)]
    assert [[(row.account, row.k) for row in gap.expired] for gap in gaps] == [[("a2", 1)], [("a2", 3)]]  # type: ignore[attr-defined]


def test_a_replay_of_another_epoch_is_answered_with_ours() -> None:
    """A router that still lives in an older epoch learns the new one instead."""
    rig = Rig(config_of(1)).ready()
    rig.give(REPLAY, Replay(1, 1, 5), ROUTER)
    assert len(rig.take(MasterWelcome)) == 1
    rig.give(REPLAY, ReplayAccount("a1", 1, 1, 5), ROUTER)
    assert rig.sent == []


def test_a_local_that_lost_outcomes_only_watches() -> None:
    """Its last number below ours means that its store was rolled back: no openings until that is mended."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.local_up("a1", life=2, f=0)
    assert "local_rolled_back" in noted(rig)
    rig.now_ns += 3 * SECOND_NS
    rig.grant("a1", life=2)
    rig.state("a1", life=2, positions=[], f=1)
    rig.signal(sid="s2", symbol="GBPUSD", close_e8=130_000_000)
    assert rig.outcomes()[-1] == "a1 open DENIED ROLLBACK outcomes=lost"


def test_another_store_begins_anew_and_gets_no_old_opening() -> None:
    """Outcome numbers start over; openings meant for the old store are never sent to the new one."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.signal(sid="s2")
    rig.orders()
    rig.f["a1"] = 0
    rig.local_up("a1", life=2, store=b"new")
    assert noted(rig, "warning") == ["local_store_changed"]
    rig.give(REPLAY, ReplayAccount("a1", rig.master._state.epoch, 1, 2), ROUTER)
    assert rig.orders() == []
    assert len(rig.take(GapFill)) == 2
    rig.now_ns += 3 * SECOND_NS
    rig.grant("a1", life=2, store=b"new")
    rig.state("a1", f=0, positions=[])
    rig.signal(sid="s3")
    (order,) = rig.orders()
    rig.fill(order)
    assert rig.outcomes()[-1] == "a1 open FILLED"


def test_a_local_with_a_history_goes_on_from_there() -> None:
    """A master with an empty store meets a local that has told another one 7 outcomes: noted, and the next one is 8."""
    rig = Rig(config_of(1))
    rig.f["a1"] = 7
    rig.ready()
    assert noted(rig, "warning") == ["local_has_history"]
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order), ROUTER)
    assert [send.message.f for send in rig.take(OutcomeAck)] == [8]
    assert rig.outcomes() == ["a1 open FILLED"]


def test_records_are_forgotten_only_when_their_lines_have_ended() -> None:
    """A long life keeps what somebody may still lack; for the rest a gap fill says that nothing follows."""
    rig = Rig(config_of(1, extra=FREE)).ready()
    log = rig.master._state.log
    rig.signal(sid="open")
    rig.signal(sid="done")
    _, done = rig.orders()
    rig.give(REPLAY, rig.outcome(done), ROUTER)
    log._targets_count = 50_000
    rig.signal(sid="more")
    rig.sent.clear()
    rig.give(REPLAY, Replay(rig.master._state.epoch, 1, 3), ROUTER)
    assert [send.message.n for send in rig.take(Order)] == [1, 3]  # type: ignore[attr-defined]
    assert [send.message for send in rig.take(GapFill)] == [GapFill(log.epoch, [], 2, 2)]
    rig.give(REPLAY, ReplayAccount("a1", log.epoch, 2, 2), ROUTER)
    assert [send.message for send in rig.take(GapFill)] == [GapFill(log.epoch, [Expired("a1", 2, NO_OID)])]
