"""A signal's whole way through the master: decided, durable, published, answered, filled, told."""


import msgspec
import pytest

from mesh.codec import decode_record_untrusted, encode
from mesh.links import DECIDE, ORDERS, REPLAY
from mesh.messages.orders import Order, OrderBody
from mesh.messages.outcomes import OutcomeAck
from mesh.messages.signals import CCI_DOWN, MANUAL, PATTERN
from mesh.units import E8, SECOND_NS
from tests.nodes.master.masterrig import ROUTER, STRATEGY, Rig, config_of, foreign, spec_of

DOWN = {"kind": CCI_DOWN, "level_e8": 100 * E8}


def test_a_signal_becomes_one_order_for_all_accounts() -> None:
    """One record, one oid, a target for each account with its own dense k; the answer follows it."""
    rig = Rig().ready()
    rig.signal()
    sent = [send for send in rig.sent if send.link in (ORDERS, DECIDE)]
    assert [type(send.message).__name__ for send in sent] == ["Order", "SignalAnswer"]
    orders = rig.orders()
    assert [order.words() for order in orders] == ["a1 open OPEN EURUSD 1", "a2 open OPEN EURUSD 1"]
    assert {order.order.oid for order in orders} == {orders[0].order.oid}
    assert [(order.order.n, order.target.k) for order in orders] == [(1, 1), (1, 1)]
    body = orders[0].body
    assert (body.sl_distance_e8, body.tp_distance_e8, body.price_e8) == (100_000, 150_000, 110_010_000)
    assert body.deadline_ns == rig.now_ns + 5 * SECOND_NS
    assert (body.stamp_signal_ns, body.stamp_master_in_ns, body.deviation_points) == (1, rig.now_ns, 20)
    assert rig.answers() == ["s1 ACCEPTED"]


def test_nothing_is_published_or_answered_before_it_is_durable() -> None:
    """Until the commit is on disk neither the routers nor the source hear anything; repeats do not decide again."""
    rig = Rig().ready()
    rig.held = []
    rig.signal()
    rig.signal()
    assert [send for send in rig.sent if send.link in (ORDERS, DECIDE)] == []
    assert len(rig.held) == 1
    rig.release()
    assert len(rig.orders()) == 2
    assert rig.answers() == ["s1 ACCEPTED"]


def test_a_repeated_sid_gets_the_stored_answer() -> None:
    """Once decided a signal is never decided again, whatever else it says."""
    rig = Rig().ready()
    rig.signal()
    rig.orders()
    rig.answers()
    rig.signal(close_e8=99)
    assert (rig.orders(), rig.answers()) == ([], ["s1 ACCEPTED"])
    assert rig.master.counters.totals["duplicate_signal_count"] == 1
    assert rig.master.totals()[0] == 2


def test_fills_end_their_lines_and_are_acked_when_durable() -> None:
    """An outcome is acked after its commit, its line ends once, and the story of it can be told."""
    rig = Rig().ready()
    rig.signal()
    first, second = rig.orders()
    rig.held = []
    outcome = rig.outcome(first)
    rig.give(REPLAY, outcome, ROUTER)
    rig.give(REPLAY, outcome, ROUTER)
    assert rig.take(OutcomeAck) == []
    rig.release()
    assert [send.message.f for send in rig.take(OutcomeAck)] == [1]
    rig.give(REPLAY, outcome, ROUTER)
    assert [send.message.f for send in rig.take(OutcomeAck)] == [1]
    rig.fill(second)
    assert rig.outcomes() == ["a1 open FILLED", "a2 open FILLED"]
    assert rig.master.totals() == (2, {"FILLED": 2}, {"WORKING": 0, "UNKNOWN": 0, "UNCONFIRMED": 0})
    assert [line["code"] for line in rig.why("last")["lines"]] == ["FILLED", "FILLED"]  # type: ignore[union-attr, index]


def test_the_opposite_signal_closes_and_reverses() -> None:
    """Close first, open after it, in the same account's order; the close names the opening."""
    rig = Rig().ready()
    rig.signal()
    opened = rig.orders()
    for order in opened:
        rig.fill(order)
    rig.tick()
    rig.settle()
    rig.signal(sid="s2", **DOWN)
    orders = rig.orders()
    assert [order.words() for order in orders] == [
        "a1 close CLOSE EURUSD -1",
        "a2 close CLOSE EURUSD -1",
        "a1 open OPEN EURUSD -1",
        "a2 open OPEN EURUSD -1",
    ]
    close = orders[0]
    assert (close.target.ref_oid, close.target.ref_ticket, close.target.volume_e8) == (opened[0].order.oid, 901, 0)
    assert [order.target.k for order in orders] == [2, 2, 3, 3]
    assert close.body.deadline_ns == 0
    assert len({order.order.oid for order in orders}) == 2


def test_without_reverse_the_opposite_signal_only_closes() -> None:
    """Flat accounts open, the others close and wait for the next signal."""
    rig = Rig(config_of(2, STRATEGY + "reverse = false\n")).ready()
    rig.signal()
    first, second = rig.orders()
    rig.fill(first)
    rig.give(REPLAY, rig.outcome(second, "REJECTED"), ROUTER)
    rig.tick()
    rig.settle()
    rig.signal(sid="s2", **DOWN)
    assert [order.words() for order in rig.orders()] == ["a1 close CLOSE EURUSD -1", "a2 open OPEN EURUSD -1"]


def test_a_close_is_decided_against_an_opening_in_flight() -> None:
    """Strategies close what they sent before anybody has reported it."""
    rig = Rig().ready()
    rig.signal()
    opened = rig.orders()
    rig.tick()
    rig.signal(sid="s2", **DOWN)
    close = rig.orders()[0]
    assert (close.body.leg, close.target.ref_oid, close.target.ref_ticket) == ("close", opened[0].order.oid, 0)


def test_a_close_in_flight_is_not_sent_twice() -> None:
    """A second opposite signal finds nothing more to close."""
    rig = Rig(config_of(1, STRATEGY.replace("reversion", "breakout"))).ready()
    rig.signal(level_e8=100 * E8)
    (order,) = rig.orders()
    rig.fill(order)
    rig.settle()
    rig.signal(sid="out", kind=CCI_DOWN, level_e8=100 * E8)
    assert [order.words() for order in rig.orders()] == ["a1 close CLOSE EURUSD -1"]
    rig.signal(sid="out again", kind=CCI_DOWN, level_e8=100 * E8)
    assert rig.orders() == []
    assert rig.outcomes() == ["a1 open FILLED", "a1 close SKIPPED NOTHING_TO_CLOSE closing_count=1"]


def test_a_missing_candle_is_a_line_with_its_reason() -> None:
    """Nothing opens, each account's open line says which candles stood there; what is held is closed all the same."""
    rig = Rig(config_of(1, STRATEGY + 'candles = ["hammer", "shooting_star"]\n')).ready()
    rig.signal(sid="plain", patterns=16)
    assert rig.orders() == []
    assert rig.outcomes() == ["a1 open SKIPPED NO_CANDLE found=doji wanted=hammer"]
    rig.signal(sid="confirmed", patterns=4)
    (order,) = rig.orders()
    rig.fill(order)
    rig.settle()
    rig.signal(sid="back", kind=CCI_DOWN, level_e8=100 * E8)
    assert [order.words() for order in rig.orders()] == ["a1 close CLOSE EURUSD -1"]
    assert rig.outcomes()[-1] == "a1 open SKIPPED NO_CANDLE found=none wanted=shooting_star"


def test_several_positions_get_a_close_each() -> None:
    """A line is (sid, strategy, leg, account): the second close of an account has a leg of its own."""
    rails = "[rails]\npositions_per_symbol_count = 3\nduplicate_window_ms = \"off\"\n"
    rig = Rig(config_of(2, STRATEGY + "reverse = false\n", rails)).ready()
    for sid in ("s1", "s2"):
        rig.signal(sid=sid)
        for order in rig.orders():
            if sid == "s1" or order.target.account == "a1":
                rig.fill(order)
            else:
                rig.give(REPLAY, rig.outcome(order, "REJECTED"), ROUTER)
        rig.settle()
    rig.signal(sid="s3", **DOWN)
    assert [order.words() for order in rig.orders()] == [
        "a1 close CLOSE EURUSD -1",
        "a2 close CLOSE EURUSD -1",
        "a1 close2 CLOSE EURUSD -1",
    ]


def test_a_signal_no_strategy_wants_is_one_skipped_line() -> None:
    """It is accounted for, answered, and goes nowhere."""
    rig = Rig().ready()
    rig.signal(kind=PATTERN, name="doji", period=0, level_e8=0)
    assert (rig.orders(), rig.answers()) == ([], ["s1 ACCEPTED"])
    assert rig.outcomes() == ["- none SKIPPED NO_STRATEGY signal=pattern period=0"]
    assert rig.why("s1")["answer"] == "ACCEPTED"


def test_denied_lines_end_at_once_and_closes_pass() -> None:
    """An account that may not open still closes: no opening rule ever sees a close."""
    rig = Rig().ready()
    rig.signal()
    for order in rig.orders():
        rig.fill(order)
    rig.outcomes()
    rig.tick()
    rig.settle()
    rig.state("a1", trade_allowed=False, connected=False, ladder="FREEZE")
    rig.now_ns += 10 * SECOND_NS
    rig.signal(sid="s2", **DOWN)
    assert [order.words() for order in rig.orders()] == ["a1 close CLOSE EURUSD -1", "a2 close CLOSE EURUSD -1"]
    assert [word.split(" limit")[0] for word in rig.outcomes()] == [
        "a1 open DENIED STALE_ACCOUNT age_ms=10000",
        "a2 open DENIED STALE_ACCOUNT age_ms=10000",
    ]


def test_accounts_differ_and_so_do_their_orders() -> None:
    """Broker names, deviation and distances differ by account: one oid, a record for each body."""
    config = config_of(3, STRATEGY.replace("sl_atr = 2", "sl_points = 100"), account="")
    settings = config.settings
    changed = {
        "a2": msgspec.structs.replace(settings.account["a2"], symbol_suffix=".m"),
        "a3": msgspec.structs.replace(settings.account["a3"], symbol_names={"EURUSD": "EURO"}),
    }
    rig = Rig(type(config)(msgspec.structs.replace(settings, account={**settings.account, **changed}), config.fingerprint)).ready()
    spec2 = spec_of("EURUSD.m")
    spec3 = spec_of("EURO", point_e8=10_000, tick_size_e8=10_000, tick_value_e8=10 * E8)
    for name, spec in (("a2", spec2), ("a3", spec3)):
        rig.master._state.accounts[name].specs[spec.symbol] = spec
    rig.signal()
    orders = rig.orders()
    assert [(order.target.account, order.target.symbol, order.order.n) for order in orders] == [
        ("a1", "EURUSD", 1), ("a2", "EURUSD.m", 1), ("a3", "EURO", 2),
    ]  # fmt: skip
    assert [order.body.sl_distance_e8 for order in orders] == [100_000, 100_000, 1_000_000]
    assert len({order.order.oid for order in orders}) == 1


def test_a_hand_trades_through_the_same_risk() -> None:
    """Buy with a volume of its own for the accounts named; denied where a rule says so; close takes all of ours."""
    rig = Rig().ready()
    hand = {"kind": MANUAL, "period": 0, "level_e8": 0, "close_e8": 0, "accounts": ["a2"], "atr_periods": [], "atr_e8": []}
    rig.signal(sid="h1", side=1, volume_e8=E8 // 50, **hand)
    (order,) = rig.orders()
    assert (order.words(), order.target.volume_e8, order.body.strategy) == ("a2 open OPEN EURUSD 1", E8 // 50, "manual")
    rig.fill(order)
    rig.settle()
    rig.signal(sid="h2", side=1, volume_e8=E8, **hand)
    assert rig.outcomes()[-1].startswith("a2 open SKIPPED DUPLICATE_WINDOW")
    rig.signal(sid="h3", side=0, **hand)
    assert [order.words() for order in rig.orders()] == ["a2 close CLOSE EURUSD -1"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "XYZXYZ"}, "UNKNOWN_SYMBOL"),
        ({"kind": "nothing"}, "MALFORMED"),
        ({"kind": MANUAL, "accounts": ["zz"]}, "UNKNOWN_ACCOUNT"),
        ({"kind": MANUAL, "accounts": []}, "UNKNOWN_ACCOUNT"),
    ],
)
def test_what_cannot_be_decided_is_refused_and_not_stored(changes: dict[str, object], code: str) -> None:
    """A refusal is an answer, makes no line and leaves no trace: mended, the same sid is decided."""
    rig = Rig().ready()
    rig.signal(**changes)
    assert rig.answers() == [f"s1 {code}"]
    assert rig.master.totals()[0] == 0
    rig.signal()
    assert rig.answers() == ["s1 ACCEPTED"]


def test_own_lines_count_until_the_state_includes_them() -> None:
    """Two signals of one moment: the second sees the first's order, filled or not, exactly as in flight."""
    rails = "[rails]\npositions_count = 1\n"
    for early in (False, True):
        rig = Rig(config_of(1, STRATEGY, rails)).ready()
        rig.signal()
        (order,) = rig.orders()
        if early:
            rig.give(REPLAY, rig.outcome(order), ROUTER)
        rig.signal(sid="s2", symbol="GBPUSD", close_e8=130_000_000)
        assert rig.outcomes()[-1] == "a1 open DENIED POSITIONS count=1 limit=1"


def test_foreign_positions_count_and_are_left_alone() -> None:
    """They take room in the rails; a strategy's close does not touch them."""
    rig = Rig(config_of(1)).ready()
    rig.state("a1", positions=[foreign(5)])
    rig.signal()
    assert rig.outcomes() == ["a1 open DENIED POSITIONS_SYMBOL count=1 limit=1"]
    rig.signal(sid="s2", **DOWN)
    assert rig.orders() == []


def test_decisions_are_the_same_in_every_process() -> None:
    """The same accounts, quotes and signals give the same orders, byte for byte."""
    seen = []
    for _ in range(2):
        rig = Rig(config_of(4)).ready()
        rig.signal()
        rig.signal(sid="s2", symbol="GBPUSD", close_e8=130_000_000)
        seen.append([(encode(send.message), send.body) for send in rig.take(Order)])
    assert seen[0] == seen[1]
    assert len(seen[0]) == 2


def test_one_record_has_one_body_and_all_targets() -> None:
    """The header holds what differs by account, the second frame is an OrderBody common to all."""
    rig = Rig(config_of(4)).ready()
    rig.signal()
    (send,) = rig.take(Order)
    assert isinstance(send.message, Order)
    assert [target.account for target in send.message.targets] == ["a1", "a2", "a3", "a4"]
    assert decode_record_untrusted(send.body, OrderBody).sid == "s1"


def test_a_decision_is_one_transaction() -> None:
    """However many accounts: the disk is asked once."""
    rig = Rig(config_of(4)).ready()
    before = rig.commit_count
    rig.signal()
    assert rig.commit_count == before + 1


def test_an_accounts_own_sizing_stands_instead_of_the_strategys() -> None:
    """Fixed lots of the account where the strategy would size by risk."""
    rig = Rig(config_of(1, STRATEGY, account='sizing = {kind = "lots", lots = 0.07}')).ready()
    rig.signal()
    (order,) = rig.orders()
    assert order.target.volume_e8 == 7 * E8 // 100


def test_an_accounts_own_rails_stand_instead_of_the_fleets() -> None:
    """A rail of [account.NAME.rails] binds, whatever [rails] says."""
    rig = Rig(config_of(1, STRATEGY, "[rails]\nrisk_percent = 5\n", "rails = {risk_percent = 0.001}")).ready()
    rig.signal()
    assert rig.orders() == []
    assert rig.outcomes()[0].startswith("a1 open DENIED RISK")


def test_a_strategy_closes_its_own_positions_alone() -> None:
    """What another strategy holds in the symbol stays, although the signal says close."""
    other = STRATEGY.replace("strategy.rev", "strategy.other").replace("period = 14", "period = 20")
    rig = Rig(config_of(1, STRATEGY + other)).ready()
    rig.signal(sid="theirs", period=20)
    (order,) = rig.orders()
    assert order.body.strategy == "other"
    rig.fill(order)
    rig.settle()
    rig.signal(sid="ours", kind=CCI_DOWN, level_e8=100 * E8)
    assert [order.words() for order in rig.orders()] == []
    rig.signal(sid="theirs again", kind=CCI_DOWN, level_e8=100 * E8, period=20)
    assert [order.words() for order in rig.orders()] == ["a1 close CLOSE EURUSD -1", "a1 open OPEN EURUSD -1"]


@pytest.mark.parametrize(("recorded", "wanted"), [(False, "a1 open DENIED STALE_QUOTE age_ms=121000 limit_ms=60000"), (True, "")])
def test_a_live_market_that_is_silent_opens_nothing(recorded: bool, wanted: str) -> None:
    """A minute without a quote: live nobody knows the price, in a file the next row may simply be far."""
    rig = Rig(config_of(1, STRATEGY, '[rails]\nsignal_age_ms = "off"\n'), recorded=recorded).ready()
    rig.next_block(later_ns=61 * SECOND_NS)
    rig.settle()
    rig.signal()
    assert ([text for text in rig.outcomes() if "STALE_QUOTE" in text] or [""])[0] == wanted
    assert bool(rig.orders()) is recorded
