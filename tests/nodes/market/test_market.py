"""The market core by hand: who it waits for, where blocks end, what is asked before time goes on."""



from mesh.core import PeerLost
from mesh.messages.market import (
    Block,
    BrokerBlock,
    IndicatorBlock,
)
from mesh.units import MS_NS, SECOND_NS
from tests.nodes.market.market_hall import ALL, BROKER, INDICATOR, MASTER, TICKS, Hall


def test_market_does_not_move_before_everybody_is_there() -> None:
    """No block goes out, and no wait is given up, while indicator, broker or master is absent; facts say who."""
    hall = Hall()
    hall.do(hall.market.start(hall.now_ns))
    hall.hello(INDICATOR)
    hall.hello(MASTER)
    hall.later(hall.now_ns + 600 * SECOND_NS)
    assert hall.blocks() == []
    assert hall.market.phase() == "STARTING"
    assert hall.market.facts()["waiting"] == "broker-1"
    hall.hello(BROKER)
    assert hall.market.phase() == "DONE"


def test_market_settles_all_accounts_before_the_first_tick() -> None:
    """Nothing is played before the master holds the state of every account, however long that takes."""
    hall = Hall()
    hall.settled[0] = (["two"], [], [])
    hall.begin()
    hall.later(hall.now_ns + 600 * SECOND_NS)
    assert hall.blocks() == [(0, 0)]
    assert hall.settles()[0] == ["one", "two"]
    assert hall.market.facts()["waiting"] == "two"
    assert "given_up_wait_count" not in hall.market.counters.totals
    hall.settle_again([], [])
    assert hall.market.phase() == "DONE"


def test_quiet_market_streams_in_one_block_and_closes_with_a_final_one() -> None:
    """Without signals and changes nobody is asked between the opening and the last block, which may hold signals."""
    hall = Hall()
    hall.begin()
    assert hall.blocks() == [(0, 0), (TICKS, TICKS), (TICKS, TICKS + 30)]
    assert hall.settles() == [ALL, ALL]
    facts = hall.market.facts()
    assert (facts["played"], facts["total"], facts["speed"], facts["feed_state"]) == ("50", "50", "max", "over")
    assert (facts["waiting"], facts["comparable"]) == ("", "yes")
    assert hall.market.market_ns() == (TICKS + 30) * SECOND_NS


def test_signal_is_released_only_after_its_block_is_settled() -> None:
    """Broker, then every account's settled state, then the indicator, then settled again and the broker's word."""
    hall = Hall()
    hall.signal_seqs = [19]
    hall.begin()
    settled = ["broker", "master", "settle one,two"]
    again = ["broker", "master", "settle", "broker"]
    assert hall.story(20) == ["broker", *settled, "indicator", *again]


def test_signals_close_to_each_other_settle_only_accounts_with_positions() -> None:
    """A flat account is asked once an hour; one that floats before every signal, because its equity moves with each tick."""
    hall = Hall(count=8_000)
    hall.signal_seqs = [19, 29, 3_700]
    hall.floating = ["two"]
    hall.begin()
    assert hall.settles() == [ALL, ALL, ["two"], ALL, ALL]


def test_indicator_is_not_told_of_a_signal_while_a_state_is_missing() -> None:
    """A signal waits for the state of each account that may trade on it; it comes, and the market goes on."""
    hall = Hall()
    hall.signal_seqs = [19]
    hall.settled[20] = (["two"], [], [])
    hall.begin()
    assert "indicator" not in hall.story(20)
    del hall.settled[20]
    hall.settle_again([], [])
    assert "indicator" in hall.story(20)
    assert hall.market.phase() == "DONE"


def test_market_waits_for_the_answers_to_signals() -> None:
    """After a signal nothing is played before the indicator says that all of them are answered."""
    hall = Hall()
    hall.signal_seqs = [19]
    hall.begin()
    hall = Hall()
    hall.signal_seqs = [19]
    hall.answers_late = True
    hall.begin()
    assert hall.market.market_ns() == 20 * SECOND_NS
    block = [message for to, message in hall.said if to == INDICATOR and isinstance(message, Block)][-1]
    hall.answers_late = False
    hall.tell(INDICATOR, IndicatorBlock(block.number, 1))
    assert hall.market.phase() == "DONE"


def test_block_ends_where_the_broker_stopped() -> None:
    """A change of books ends the block at its tick, and exactly the accounts that changed are settled there."""
    hall = Hall()
    hall.stops = {11: ["one"], 30: ["two"]}
    hall.begin()
    assert hall.blocks(MASTER) == [(0, 0), (12, 12), (31, 31), (50, 50), (50, 80)]
    assert hall.settles() == [ALL, ["one"], ["two"], ALL]


def test_market_goes_no_further_than_a_call_waits() -> None:
    """A call that waits at the broker ends the next block at its time, between two ticks if need be."""
    hall = Hall()
    hall.stops = {9: ["one"]}
    hall.waits = {"one": 12 * SECOND_NS + 500}
    hall.begin()
    ends = [message.end_ns for to, message in hall.said if to == MASTER and isinstance(message, Block)]
    assert 12 * SECOND_NS + 500 in ends
    assert (12, 12) in hall.blocks(MASTER)


def test_account_that_waits_at_the_broker_is_at_rest() -> None:
    """Open lines hold nothing up while their account's call waits for market time; its state may be missing too."""
    hall = Hall()
    hall.stops = {9: ["one"]}
    hall.waits = {"one": 40 * SECOND_NS}
    hall.settled[10] = (["one"], ["one"], [])
    hall.begin()
    assert hall.market.market_ns() == (TICKS + 30) * SECOND_NS
    assert (40, 40) in hall.blocks(MASTER)


def test_open_lines_of_any_other_account_hold_the_market() -> None:
    """Until a line in flight has ended or its call waits at the broker, market time stands."""
    hall = Hall()
    hall.stops = {9: ["one"]}
    hall.settled[10] = ([], ["two"], [])
    hall.begin()
    assert hall.market.market_ns() == 10 * SECOND_NS
    del hall.settled[10]
    hall.settle_again([], [])
    assert hall.market.phase() == "DONE"


def test_account_that_changes_while_it_is_settled_is_settled_again() -> None:
    """A change the broker tells of at rest is asked about before time goes on."""
    hall = Hall()
    hall.stops = {9: ["one"]}
    hall.settled[10] = ([], ["two"], [])
    hall.begin()
    block = [message for to, message in hall.said if to == BROKER and isinstance(message, Block)][-1]
    hall.tell(BROKER, BrokerBlock(block.number, 10, 10 * SECOND_NS, ["two"], [], []))
    del hall.settled[10]
    hall.settle_again([], [])
    assert hall.settles() == [ALL, ["one"], ["two"], ALL]


def test_managed_account_makes_blocks_of_single_ticks() -> None:
    """While an account is managed by its local, it is settled after each tick; then the market streams again."""
    hall = Hall()
    hall.stops = {9: ["one"]}
    hall.settled = dict.fromkeys((10, 11, 12), ([], [], ["one"]))
    hall.begin()
    assert hall.blocks(MASTER) == [(0, 0), (10, 10), (11, 11), (12, 12), (13, 13), (50, 50), (50, 80)]
    assert hall.settles().count(["one"]) == 4


def test_slow_account_is_given_up_once_and_then_not_waited_for() -> None:
    """At a pace a wait ends after two seconds, is counted, and makes the run not comparable; the account is let be after."""
    hall = Hall(speed="1000")
    hall.stops = {9: ["one"], 20: ["one"]}
    hall.settled = dict.fromkeys((10, 21), (["one"], ["one"], []))
    hall.begin()
    hall.later(hall.now_ns + SECOND_NS)
    assert hall.market.market_ns() == 10 * SECOND_NS
    hall.later(hall.now_ns + 3 * SECOND_NS)
    assert hall.market.phase() == "DONE"
    assert hall.market.counters.totals["given_up_wait_count"] == 1
    assert hall.market.facts()["comparable"] == "no"
    assert hall.market.facts()["given_up"] == "one"
    assert "wait_given_up" in hall.notes()


def test_nothing_is_given_up_while_somebody_needed_is_away() -> None:
    """A lost master stops the market; when it comes back with a new life, every account is settled anew."""
    hall = Hall(speed="1000")
    hall.stops = {9: ["one"]}
    hall.settled[10] = ([], ["one"], [])
    hall.begin()
    hall.later(hall.now_ns + SECOND_NS // 2)
    hall.tell(MASTER, PeerLost())
    hall.later(hall.now_ns + 100 * SECOND_NS)
    assert hall.market.market_ns() == 10 * SECOND_NS
    assert hall.market.facts()["waiting"] == "master-1"
    del hall.settled[10]
    hall.hello(MASTER, life=2)
    hall.later(hall.now_ns + SECOND_NS)
    assert hall.market.phase() == "DONE"
    assert hall.settles() == [ALL, ["one"], ALL, ALL]
    assert "given_up_wait_count" not in hall.market.counters.totals


def test_broker_is_never_given_up() -> None:
    """Without the broker's word there is no market time: it is asked again until it answers."""
    hall = Hall()
    hall.silent = {Block}
    hall.begin()
    hall.later(hall.now_ns + 300 * SECOND_NS)
    asked = [message for to, message in hall.said if to == BROKER and isinstance(message, Block)]
    assert len(asked) > 100
    assert len({block.number for block in asked}) == 1
    assert "long_wait" in hall.notes()
    hall.silent = set()
    hall.later(hall.now_ns + 3 * SECOND_NS)
    assert hall.market.phase() == "DONE"


def test_pace_holds_blocks_back_until_the_clock_is_there() -> None:
    """At twice the recorded pace fifty seconds of ticks take twenty-five, with nothing late by more than a tenth."""
    hall = Hall(speed="2")
    hall.begin()
    start_ns = hall.now_ns
    hall.later(start_ns + 9 * SECOND_NS + 990 * MS_NS)
    assert hall.market.market_ns() == 20 * SECOND_NS
    hall.later(start_ns + 10 * SECOND_NS + 10 * MS_NS)
    assert hall.market.market_ns() == 21 * SECOND_NS
    hall.later(start_ns + 41 * SECOND_NS)
    assert hall.market.phase() == "DONE"


def test_call_by_hand_shortens_the_block_being_waited_for() -> None:
    """A call that begins to wait while the clock is waited for is given its moment before the next tick."""
    hall = Hall(speed="2")
    hall.begin()
    block = [message for to, message in hall.said if to == BROKER and isinstance(message, Block)][-1]
    hall.waits = {"one": 1_300 * MS_NS}
    hall.tell(BROKER, hall.word(block))
    hall.later(hall.now_ns + 200 * MS_NS)
    assert hall.market.market_ns() == 1_300 * MS_NS


def test_ended_market_goes_on_for_calls_that_wait() -> None:
    """After the end of the feed time still moves for a position closed by hand, and the market stays DONE."""
    hall = Hall()
    hall.begin()
    block = [message for to, message in hall.said if to == BROKER and isinstance(message, Block)][-1]
    hall.waits = {"one": 90 * SECOND_NS}
    hall.tell(BROKER, hall.word(block))
    assert hall.market.market_ns() == 90 * SECOND_NS
    assert hall.market.phase() == "DONE"


def test_history_is_released_without_asking_anybody() -> None:
    """Ticks of the backfill are played at once; the opening comes where trading begins."""
    hall = Hall(start_seq=30)
    hall.begin()
    assert hall.blocks()[:2] == [(30, 30), (50, 50)]
    assert hall.settles()[0] == ["one", "two"]
    opening = hall.story(30)
    assert opening.index("settle one,two") < opening.index("indicator")


def test_market_ends_blocks_at_the_reset_of_a_day() -> None:
    """At the moment daily loss begins anew, every account is settled, tick or no tick."""
    hall = Hall(count=30 * 3_600)
    hall.begin()
    marks = [end_s for _, end_s in hall.blocks(MASTER) if end_s % 86_400 in (5 * 3_600, 22 * 3_600)]
    assert len(marks) == 1
    assert hall.settles() == [ALL] * 3
