"""The simulated broker by hand: its journal, its market time, its latency, and what it tells the market."""

from decimal import Decimal

import msgpack
import pytest

from mesh import links
from mesh.codec import decode_record_untrusted, encode
from mesh.core import Halt, LinkUp, Stop
from mesh.errors import BadFrame
from mesh.io.sockets import FRAME_BYTES_OF
from mesh.messages.market import Block, MarketHello, TickCredit, Waiting
from mesh.messages.venue import TerminalCall, TerminalReply
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.broker import desk
from nodes.broker.core import CALLS_EARLY_MAX, KNOWN_TICKS
from nodes.broker.desk import WATCH_EQUITY
from nodes.io.mt5backend import REPLY_BYTES_MAX
from nodes.tape import CREDIT_TICKS
from nodes.terminal import names
from nodes.terminal.calls import VALUE_BYTES_MAX
from tests.nodes.broker.broker_bank import BID_E8, MARKET_NS, ONE, SPREAD_E8, TWO, Bank, falling, opened, quiet, value
from tests.nodes.flow_rig import config_of


def test_new_accounts_get_their_deposit_once() -> None:
    """The first welcome opens the books with the configured deposits; a later life books none again."""
    bank = opened(quiet(20))
    balances = [value(bank.call(login, "account_info"))[10] for login in (ONE, TWO)]
    assert balances == [10_000 * E8, 25_000 * E8]
    bank.restart()
    bank.welcome(10, MARKET_NS + 9 * SECOND_NS)
    bank.feed(20)
    bank.play_on(10)
    assert [value(bank.call(login, "account_info"))[10] for login in (ONE, TWO)] == balances
    assert len([key for key in bank.store if key[0] == "deal"]) == 2


def test_nothing_is_answered_before_it_is_durable() -> None:
    """An order's reply, and the block word that tells of it, wait for the disk; so does everything said after."""
    bank = opened(quiet(20))
    bank.is_slow_disk = True
    words = len(bank.words())
    assert bank.buy(ONE) is None
    assert len(bank.words()) == words
    assert bank.call(TWO, "positions_total") is None
    bank.do(tuple(bank.durable()))
    assert bank.reply(bank.sequence - 1) is not None
    assert value(bank.reply(bank.sequence)) == 0
    assert bank.words()[-1].changed == ["one"]


def test_order_waits_for_its_latency_in_market_time() -> None:
    """It executes at arrival + latency at the quote of that moment, whatever the clock on the wall does meanwhile."""
    bank = opened(falling(40, 1_000), config_of(latency_ms=3_500, symbols='"EURUSD"'), 10)
    bank.core._desk._latency._sigma = Decimal(0)  # type: ignore[union-attr]
    arrival_ns = MARKET_NS + 9 * SECOND_NS
    assert bank.buy(ONE) is None
    bank.now_ns += 3_600 * SECOND_NS
    assert bank.words()[-1].waiting == [Waiting("one", arrival_ns + 3_500 * MS_NS)]
    word = bank.play(40)
    assert (word.through_seq, word.end_ns, word.changed) == (13, arrival_ns + 3_500 * MS_NS, ["one"])
    assert (word.floating, word.waiting) == (["one"], [])
    retcode, _, _, _, price_e8 = value(bank.reply(bank.sequence))[:5]
    assert (retcode, price_e8) == (names.TRADE_RETCODE_DONE, BID_E8 - 12 * 1_000 + SPREAD_E8)


@pytest.mark.parametrize("through_seqs", [[40], [12, 40], [11, 12, 13, 14, 40]])
def test_latency_does_not_depend_on_where_blocks_end(through_seqs: list[int]) -> None:
    """However the market cuts its blocks, the order executes at the same moment and price."""
    bank = opened(falling(40, 1_000), config_of(latency_ms=3_500, symbols='"EURUSD"'), 10)
    bank.buy(ONE)
    for through_seq in through_seqs:
        bank.play_on(through_seq)
    deal = value(bank.call(ONE, "history_deals_get", 0, 2**31, 0, 0))[-1]
    bank_at_once = opened(falling(40, 1_000), config_of(latency_ms=3_500, symbols='"EURUSD"'), 10)
    bank_at_once.buy(ONE)
    bank_at_once.play_on(40)
    assert deal == value(bank_at_once.call(ONE, "history_deals_get", 0, 2**31, 0, 0))[-1]


def test_same_call_sent_twice_waits_once() -> None:
    """A call repeated on its connection while it waits is executed once."""
    bank = opened(quiet(40), config_of(latency_ms=3_500, symbols='"EURUSD"'))
    bank.buy(ONE)
    bank.sequence -= 1
    bank.buy(ONE)
    bank.play_on(40)
    assert value(bank.call(ONE, "positions_total")) == 1


def test_broker_stops_after_the_tick_that_changed_books() -> None:
    """A stop loss that is hit ends the block there, names the account, and the rest is played by the next block."""
    bank = opened(falling(60, 1_000))
    bank.buy(ONE, sl_e8=BID_E8 - 30_000)
    words = bank.play_on(60)
    assert [(word.through_seq, word.changed) for word in words] == [(31, ["one"]), (60, [])]
    assert words[0].end_ns == MARKET_NS + 30 * SECOND_NS
    assert words[0].floating == []


def test_changes_are_told_under_one_number_and_forgotten_under_the_next() -> None:
    """A repeated block gets the same answer; a new number begins a new list."""
    bank = opened(falling(60, 1_000))
    bank.buy(ONE, sl_e8=BID_E8 - 30_000)
    first = bank.play(60)
    bank.tell(Block(bank.number, 60, bank.tape.time_ns(59)))
    bank.number += 1
    bank.tell(Block(bank.number, 31, first.end_ns))
    assert bank.words()[-1].changed == []
    assert (bank.words()[-1].through_seq, bank.words()[-1].end_ns) >= (31, first.end_ns)


def test_equity_watch_stops_the_market_once() -> None:
    """The block ends at the first tick at which the equity is below the watch, and the watch is gone then."""
    bank = opened(falling(60, 100_000))
    bank.buy(ONE, volume_e8=100_000_000)
    assert value(bank.call(ONE, WATCH_EQUITY, 8_000 * E8)) is True
    words = bank.play_on(60)
    assert words[0].through_seq < 60
    assert words[0].changed == ["one"]
    assert [word.through_seq for word in words[1:]] == [60]
    assert not any(kind == "watch" for kind, _ in bank.store)


def test_equity_watch_survives_a_restart() -> None:
    """A watch is part of the journal."""
    bank = opened(falling(60, 100_000))
    bank.buy(ONE, volume_e8=100_000_000)
    bank.call(ONE, WATCH_EQUITY, 8_000 * E8)
    stand = bank.words()[-1]
    bank.restart()
    bank.welcome(stand.through_seq, stand.end_ns)
    bank.feed(60)
    assert [word.changed for word in bank.play_on(60)].count(["one"]) == 2


def test_held_call_survives_a_restart() -> None:
    """What the broker took it executes, though nobody is there any more to be answered."""
    bank = opened(quiet(40), config_of(latency_ms=3_500, symbols='"EURUSD"'))
    bank.buy(ONE)
    stand = bank.words()[-1]
    bank.restart()
    bank.welcome(stand.through_seq, stand.end_ns)
    bank.feed(40)
    told = bank.play(10, stand.end_ns)
    assert told.waiting == stand.waiting
    bank.play_on(40)
    assert value(bank.call(ONE, "positions_total")) == 1


def test_restarted_broker_plays_what_was_not_played_and_nothing_twice() -> None:
    """It asks for some ticks it knows, for quotes; stops that were hit are not hit again, later ones are."""
    count = KNOWN_TICKS + 2_000
    bank = opened(falling(count, 100), through_seq=6_000)
    bank.buy(ONE, sl_e8=BID_E8 - 100 * 6_500)
    bank.play(6_100)
    bank.now_ns += 2 * SECOND_NS
    bank.play(6_200)
    bank.restart()
    assert bank.sent(MarketHello)[0].next_seq == 6_200 - KNOWN_TICKS
    bank.welcome(6_200, bank.tape.time_ns(6_199))
    bank.feed(count, 6_200 - KNOWN_TICKS)
    words = bank.play_on(count)
    assert [word.through_seq for word in words] == [6_501, count]
    assert value(bank.call(ONE, "positions_total")) == 0


def test_restarted_broker_says_first_what_it_may_not_have_said() -> None:
    """Changes whose word died with the old life are told before anything is played."""
    bank = opened(falling(60, 1_000))
    bank.buy(ONE, sl_e8=BID_E8 - 30_000)
    bank.play(60)
    bank.restart()
    bank.welcome(10, bank.tape.time_ns(9))
    bank.feed(60)
    word = bank.play(60)
    assert (word.through_seq, word.changed) == (31, ["one"])
    assert bank.play(60).through_seq == 60


def test_calls_wait_until_the_broker_has_caught_up() -> None:
    """An order that reaches a restarted broker executes where the market stands, not in its past."""
    bank = opened(falling(60, 1_000))
    bank.restart()
    bank.welcome(40, bank.tape.time_ns(39))
    assert bank.buy(ONE) is None
    bank.feed(60)
    assert bank.core.phase() == "STARTING"
    bank.play_on(40)
    assert value(bank.reply(bank.sequence))[4] == BID_E8 - 39 * 1_000 + SPREAD_E8
    assert bank.core.phase() == "READY"


def test_calls_before_the_market_is_known_are_kept_up_to_a_limit() -> None:
    """A terminal may attach before the market; its calls are answered once the books are open, the surplus is counted."""
    bank = Bank(quiet(10))
    for _ in range(CALLS_EARLY_MAX + 5):
        assert bank.call(ONE, "positions_total") is None
    bank.welcome()
    assert len(bank.sent(TerminalReply)) == CALLS_EARLY_MAX
    assert bank.core.counters.totals["unhandled_count"] == 5


def test_block_waits_for_its_ticks_and_plays_them_as_they_come() -> None:
    """A block longer than the credit is played in pieces and answered at its end."""
    count = CREDIT_TICKS + 5_000
    bank = Bank(quiet(count))
    bank.welcome()
    assert bank.sent(TickCredit) == [TickCredit(0, CREDIT_TICKS)]
    bank.number = 1
    bank.tell(Block(1, count, bank.tape.time_ns(count - 1)))
    bank.feed(CREDIT_TICKS)
    assert bank.words() == []
    assert bank.sent(TickCredit)[-1] == TickCredit(CREDIT_TICKS, CREDIT_TICKS)
    bank.feed(count, CREDIT_TICKS)
    assert [word.through_seq for word in bank.words()] == [count]


def test_broker_plays_no_tick_that_is_not_released() -> None:
    """Ticks that came ahead are not seen by anybody before their block."""
    bank = opened(falling(60, 1_000), through_seq=10)
    assert value(bank.call(ONE, "symbol_info_tick", "EURUSD"))[1] == BID_E8 - 9_000
    bank.play(20)
    assert value(bank.call(ONE, "symbol_info_tick", "EURUSD"))[1] == BID_E8 - 19_000
    reply = bank.reply(bank.sequence)
    assert reply is not None
    assert (reply.block, reply.market_ns) == (bank.number, MARKET_NS + 19 * SECOND_NS)


def test_revision_counts_the_changes_of_an_account() -> None:
    """It grows with each change, for that account alone, over restarts."""
    bank = opened(quiet(20))
    first = bank.call(ONE, "account_info")
    bank.buy(ONE)
    second, other = bank.call(ONE, "account_info"), bank.call(TWO, "account_info")
    assert first is not None
    assert second is not None
    assert other is not None
    assert (second.revision - first.revision, other.revision) == (1, 1)
    bank.restart()
    bank.welcome(10, MARKET_NS + 9 * SECOND_NS)
    bank.feed(20)
    bank.play_on(10)
    again = bank.call(ONE, "account_info")
    assert again is not None
    assert again.revision == second.revision


@pytest.mark.parametrize(
    ("login", "name", "args", "code"),
    [
        (ONE, "no_such_function", b"\x90", -7),
        (4, "account_info", b"\x90", -6),
        (ONE, "symbol_info", b"\x91\x07", -2),
        (ONE, "account_info", b"\xc1 torn", -2),
        (ONE, "account_info", b"\x05", -2),
        (ONE, WATCH_EQUITY, b"\x91\xa1x", -2),
        (4, WATCH_EQUITY, b"\x91\x05", -6),
        (ONE, "order_send", b"\x92\xa1a\xa1b", -2),
        (4, "order_send", b"\x92\x01\x02", -6),
    ],
)
def test_bad_calls_are_answered_in_the_terminal_s_words(login: int, name: str, args: bytes, code: int) -> None:
    """Whatever a terminal sends gets an answer with last_error, and the broker lives."""
    bank = opened(quiet(20), config_of(latency_ms=500))
    bank.sequence += 1
    bank.tell(TerminalCall(bank.sequence, login, name, args), links.VENUE, 9)
    reply = bank.reply(bank.sequence)
    assert reply is not None
    assert (reply.error_code, msgpack.unpackb(reply.value)) == (code, None)


@pytest.mark.parametrize(("over_bytes", "code"), [(0, 1), (1, -3)])
def test_answer_too_long_to_send_is_the_terminal_s_error(monkeypatch: pytest.MonkeyPatch, over_bytes: int, code: int) -> None:
    """Up to the limit of the message a value is sent; a longer one is answered as out of memory, or its caller waits for ever."""
    bank = opened(quiet(20))
    bank.buy(ONE)
    value_bytes = len(bank.call(ONE, "positions_get", 0, "").value)
    monkeypatch.setattr(desk, "VALUE_BYTES_MAX", value_bytes - over_bytes)
    reply = bank.call(ONE, "positions_get", 0, "")
    assert (reply.error_code, msgpack.unpackb(reply.value) is None) == (code, code != 1)


def test_limit_of_an_answer_is_that_of_its_message() -> None:
    """The longest value passes the type's own check, and one byte more does not."""
    longest = TerminalReply(1, bytes(VALUE_BYTES_MAX), 1, "", 0, 0, 0)
    assert decode_record_untrusted(encode(longest), TerminalReply, REPLY_BYTES_MAX) == longest
    assert len(encode(longest)) < FRAME_BYTES_OF[links.VENUE]
    beyond = TerminalReply(1, bytes(VALUE_BYTES_MAX + 1), 1, "", 0, 0, 0)
    with pytest.raises(BadFrame, match="length <= "):
        decode_record_untrusted(encode(beyond), TerminalReply, REPLY_BYTES_MAX)


def test_market_that_plays_another_run_makes_it_start_again() -> None:
    """Books belong to one run."""
    bank = opened(quiet(20))
    bank.welcome(run="another")
    assert [effect.code for effect in bank.out if isinstance(effect, Halt)] == [1]


def test_reconnected_broker_takes_up_where_it_was() -> None:
    """A new connection is greeted with the next tick it lacks; ticks that come twice are taken once."""
    bank = opened(falling(60, 1_000), through_seq=10)
    bank.tell(LinkUp())
    assert bank.sent(MarketHello)[-1].next_seq == 60
    bank.welcome(10, bank.tape.time_ns(9))
    bank.feed(60)
    assert bank.play(60).through_seq == 60
    assert value(bank.call(ONE, "symbol_info_tick", "EURUSD"))[1] == BID_E8 - 59_000


def test_missing_ticks_lead_to_a_new_hello() -> None:
    """A hole is counted, and asked for when the repeat comes due."""
    bank = Bank(quiet(100))
    bank.welcome()
    bank.tell(bank.tape.ticks(50, 100))
    assert bank.core.counters.totals["bad_chunk_count"] == 1
    bank.now_ns = bank.core.deadline_ns
    bank.do(bank.core.on_deadline(bank.now_ns))
    assert bank.sent(MarketHello)[-1].next_seq == 0


def test_stop_waits_for_the_disk() -> None:
    """It halts once where it stands is durable."""
    bank = opened(quiet(20))
    bank.is_slow_disk = True
    bank.tell(Stop(), links.SHELL)
    assert not any(isinstance(effect, Halt) for effect in bank.out)
    bank.do(tuple(bank.durable()))
    assert bank.out[-1] == Halt(0, "stopped as asked")
