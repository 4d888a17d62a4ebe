"""A local whose store is another one than before: what was sent to the old one, and numbers used twice or never."""

import pytest

from mesh.links import REPLAY
from mesh.messages.accounts import AccountSymbols
from mesh.messages.base import NO_OID
from mesh.messages.orders import GapFill, GrantAsk, Listed, LocalHello, LocalWelcome, ReplayAccount
from mesh.messages.outcomes import OutcomeAck
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.master.masterrig import ROUTER, Rig, config_of, spec_of


def test_openings_of_a_store_that_is_gone_are_looked_for() -> None:
    """Nothing of them goes out again, no number ends them, and what the lost store told of them is not known any more."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, "UNKNOWN", final=False), ROUTER)
    for is_restarted in (False, True):
        if is_restarted:
            rig.boot()
            rig.welcome()
            rig.router_up()
        epoch = rig.master._state.epoch
        rig.give(REPLAY, LocalHello("a1", "l", 2, b"new", epoch, 0, 0, b"", 1, rig.config.fingerprint), ROUTER)
        rig.give(REPLAY, ReplayAccount("a1", epoch, 1, 1), ROUTER)
        assert [row.oid for fill in rig.take(GapFill) for row in fill.message.expired] == ([] if is_restarted else [NO_OID])  # type: ignore[attr-defined]
        rig.give(REPLAY, Listed("a1", 2, epoch, 0, 0), ROUTER)
        (void,) = rig.voids()
        assert ([(line.oid, line.is_unsure) for line in void.lines], void.life) == ([(order.order.oid, True)], 2)
        assert (void.lines[0].sid, void.lines[0].symbol, void.lines[0].side) == (order.body.sid, "EURUSD", 1)
    assert rig.master.totals()[2]["UNKNOWN"] == 1


def test_openings_of_another_life_go_out_no_more_and_are_named() -> None:
    """The process before may have executed it, and a store put back forgets that: whoever asks for it hears of no order, but VOID."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    epoch = rig.master._state.epoch
    rig.give(REPLAY, rig.outcome(order, "WORKING", final=False), ROUTER)
    assert rig.master.totals()[2]["WORKING"] == 1
    rig.give(REPLAY, LocalHello("a1", "l", 2, b"s", epoch, 1, 1, b"", 1, rig.config.fingerprint, start_f=1), ROUTER)
    assert rig.master.totals()[2]["UNCONFIRMED"] == 1, "what the life before told is not known to hold"
    rig.give(REPLAY, ReplayAccount("a1", epoch, 1, 1), ROUTER)
    assert [row.oid for fill in rig.take(GapFill) for row in fill.message.expired] == [NO_OID]  # type: ignore[attr-defined]
    assert rig.orders() == []
    rig.give(REPLAY, Listed("a1", 2, epoch, 1, 0), ROUTER)
    (void,) = rig.voids()
    assert [(line.oid, line.is_unsure) for line in void.lines] == [(order.order.oid, False)]


def test_list_that_was_lost_is_asked_for_again() -> None:
    """A local that asks for leave knows us; where its list never came it is welcomed anew, once a second, till that is here."""
    rig = Rig(config_of(1)).ready()
    epoch = rig.master._state.epoch
    rig.give(REPLAY, LocalHello("a1", "l", 2, b"s", epoch, 0, 0, b"", 1, rig.config.fingerprint), ROUTER)
    assert len(rig.take(LocalWelcome)) == 1
    welcomed = []
    for _ in range(4):
        rig.wait(500 * MS_NS)
        rig.give(REPLAY, GrantAsk("a1", 2, b"s", 1, 0), ROUTER)
        welcomed.append(len(rig.take(LocalWelcome)))
    assert welcomed == [0, 1, 0, 1]
    rig.give(REPLAY, Listed("a1", 2, epoch, 0, 0), ROUTER)
    rig.wait(SECOND_NS)
    rig.give(REPLAY, GrantAsk("a1", 2, b"s", 2, 0), ROUTER)
    assert rig.take(LocalWelcome) == []


def test_symbols_that_were_lost_are_asked_for_again() -> None:
    """A state names the newest that were told; who has others welcomes the local anew, which tells them."""
    rig = Rig(config_of(1)).ready()
    account = rig.master._state.accounts["a1"]
    rig.wait(2 * SECOND_NS)
    rig.state("a1", symbols_number=account.symbols_number)
    assert rig.take(LocalWelcome) == []
    rig.state("a1", symbols_number=7)
    rig.state("a1", symbols_number=7)
    assert len(rig.take(LocalWelcome)) == 1
    rig.give(REPLAY, AccountSymbols("a1", 1, [spec_of()], 7), ROUTER)
    rig.wait(2 * SECOND_NS)
    rig.state("a1", symbols_number=7)
    assert rig.take(LocalWelcome) == []


def test_another_word_under_the_number_a_line_ended_with_is_an_alarm() -> None:
    """Two stores of one account told it: one of them is wrong, and nobody may miss that."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.fill(order)
    rig.give(REPLAY, rig.outcome(order, f=1), ROUTER)
    assert [note for note in rig.notes if note.level == "error"] == []
    rig.give(REPLAY, rig.outcome(order, "EXPIRED", f=1, volume_e8=0), ROUTER)
    assert [note.name for note in rig.notes if note.level == "error"] == ["outcome_changed"]
    assert rig.master.totals()[1] == {"FILLED": 1}


def test_word_under_a_used_number_ends_a_line_that_is_open() -> None:
    """Another store had used the number: what it says of an open line is news, and acked."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.master._state.accounts["a1"].f = rig.master._state.accounts["a1"].durable_f = 5
    rig.give(REPLAY, rig.outcome(order, f=3), ROUTER)
    assert rig.master.totals()[1] == {"FILLED": 1}
    assert [ack.message.f for ack in rig.take(OutcomeAck)] == [5]  # type: ignore[attr-defined]


def test_numbers_nothing_was_told_under_are_passed() -> None:
    """A store that was rolled back skips numbers: who lists them is not waited for under them."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, f=4), ROUTER)
    assert rig.master.totals()[1] == {}
    rig.give(REPLAY, Listed("a1", 1, rig.master._state.epoch, 4, 0, [1, 3]), ROUTER)
    assert rig.master.totals()[1] == {"FILLED": 1}


@pytest.mark.parametrize("is_restarted", [False, True])
def test_store_put_back_shows_by_what_it_had_when_its_life_began(is_restarted: bool) -> None:
    """Cut off from us it has numbered on, beyond what we hold; a life that told all of that itself is what it was."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, "UNKNOWN", f=1, final=False), ROUTER)
    rig.give(REPLAY, rig.outcome(order, f=2), ROUTER)
    if is_restarted:
        rig.boot()
        rig.welcome()
        rig.router_up()
    rig.take(LocalWelcome)
    for life, start_f, f, is_rolled_back in ((1, 0, 2, False), (2, 2, 2, False), (3, 1, 5, True)):
        rig.give(REPLAY, LocalHello("a1", "l", life, b"s", 0, 0, f, b"", 1, rig.config.fingerprint, start_f=start_f), ROUTER)
        assert [send.message.is_rolled_back for send in rig.take(LocalWelcome)] == [is_rolled_back]  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_restarted", [False, True])
def test_store_put_back_stays_so_whatever_it_adds(is_restarted: bool) -> None:
    """Its next life holds more numbers than we do, but others': only a store that has what is missing, of who told it, is whole; one of the
    version before says no more than how many it has.
    """
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    rig.give(REPLAY, rig.outcome(order, "UNKNOWN", f=1, final=False), ROUTER)
    rig.give(REPLAY, rig.outcome(order, f=2), ROUTER)
    told = rig.outcome(order).life
    for life, start_f, tellers, is_rolled_back in (
        (7, 1, [told, 1], True),
        (8, 6, [told, 1, 7, 2], True),
        (9, 6, [], False),
        (10, 6, [told, 1, 9, 3], False),
        (11, 6, [told, 1, 8, 2], True),
    ):
        if is_restarted:
            rig.boot()
            rig.welcome()
            rig.router_up()
        rig.take(LocalWelcome)
        hello = LocalHello("a1", "l", life, b"s", 0, 0, start_f, b"", 1, rig.config.fingerprint, start_f=start_f, tellers=tellers)
        rig.give(REPLAY, hello, ROUTER)
        assert [send.message.is_rolled_back for send in rig.take(LocalWelcome)] == [is_rolled_back], life  # type: ignore[attr-defined]


def test_hello_that_was_overtaken_is_no_rollback() -> None:
    """Of the life that told the newest outcome an older hello may come after it: what counts is what it had when it began."""
    rig = Rig(config_of(1)).ready()
    rig.signal()
    (order,) = rig.orders()
    outcome = rig.outcome(order, f=1)
    rig.give(REPLAY, outcome, ROUTER)
    rig.take(LocalWelcome)
    rig.give(REPLAY, LocalHello("a1", "l", outcome.life, b"s", 0, 0, 0, b"", 1, rig.config.fingerprint, start_f=0), ROUTER)
    assert [send.message.is_rolled_back for send in rig.take(LocalWelcome)] == [False]  # type: ignore[attr-defined]
