"""The indicator core by hand: what it computes, when it speaks, and what it remembers."""

from decimal import Decimal

import pytest

from mesh import links
from mesh.codec import encode
from mesh.core import Durable, Halt, LinkUp, Stop
from mesh.messages.base import Msg
from mesh.messages.market import Block, IndicatorBlock, IndicatorProgress, MarketHello, Settle, TickCredit, Ticks
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.units import E8, SECOND_NS
from nodes import kernels
from nodes.candles import CciStream, CrossStream
from nodes.indicator.outbox import QUEUED_MAX
from nodes.market.synthetic import SyntheticMarket
from nodes.tape import CREDIT_TICKS
from tests.nodes.flow_rig import config_of
from tests.nodes.indicator.indicator_desk import COLUMNS, Desk, bars_of


def test_nothing_leaves_before_a_block_releases_it() -> None:
    """Ticks are computed at once and their signals announced, but no bar and no signal is told before its block."""
    desk = Desk()
    desk.welcome()
    seqs = desk.feed()
    assert len(seqs) > 20
    assert desk.sent(IndicatorProgress)[-1].through_seq == len(COLUMNS)
    assert desk.bars() == []
    assert desk.sent(Signal) == []
    desk.block(seqs[0])
    assert desk.sent(Signal) == []
    desk.block(seqs[0] + 1)
    assert len(desk.sent(Signal)) >= 1


def test_bars_are_those_of_the_plain_loop_with_exact_prices_and_cci() -> None:
    """Every closed bar is told once for its period, in decimals without rounding, with the CCI of the stream."""
    desk = Desk()
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    cci = CciStream(5)
    expected = [(bar, cci.push(bar)) for _, bar in bars_of("EURUSD")]
    told = desk.bars()
    assert [event["start"] for event in told] == [bar.start_ns for bar, _ in expected]
    assert [event["cci"] for event in told] == [value for _, value in expected]
    assert [event["close"] for event in told] == [Decimal(bar.close_e8).scaleb(-8) for bar, _ in expected]
    assert str(told[0]["open"]) == f"{expected[0][0].open_e8 / E8:.5f}"
    assert told[3]["cci"] is None
    assert told[4]["cci"] is not None
    assert {(event["symbol"], event["timeframe"], event["period"]) for event in told} == {("EURUSD", "M1", 5)}


def test_signals_are_the_crossings_of_both_levels_in_both_directions() -> None:
    """Each crossing of ±level is one signal with an id made of what it is; the market is told of those a strategy wants."""
    desk = Desk()
    desk.welcome()
    seqs = desk.feed()
    desk.block(len(COLUMNS))
    cci, upper, lower = CciStream(5), CrossStream(100), CrossStream(-100)
    expected = []
    for seq, bar in bars_of("EURUSD"):
        value = cci.push(bar)
        for level, cross in ((-100, lower), (100, upper)):
            way = cross.push(value)
            if way:
                kind = "cci_up" if way > 0 else "cci_down"
                expected.append((seq, f"cci-1/EURUSD/M1/{bar.start_ns // SECOND_NS}/{kind}/5/{level}", bar.close_e8))
    signals = desk.sent(Signal)
    assert [(signal.sid, signal.close_e8) for signal in signals] == [row[1:] for row in expected]
    wanted = {row[0] for row in expected if "/cci_up/5/-100" in row[1] or "/cci_down/5/100" in row[1]}
    assert seqs == sorted(wanted)
    assert len(seqs) < len({row[0] for row in expected})
    assert {signal.kind for signal in signals} == {"cci_up", "cci_down"}
    assert all(signal.ts_event_ns == desk.tape.time_ns(row[0]) for signal, row in zip(signals, expected, strict=True))
    assert all(signal.atr_periods == [14] and signal.atr_e8[0] > 0 for signal in signals[20:])


def test_chunks_make_no_difference() -> None:
    """Ticks in one chunk, in a hundred, or one by one give the same bars and signals."""
    told = []
    for size in (2_000, 17, 1):
        desk = Desk()
        desk.welcome()
        for start in range(0, 1_500, size):
            desk.tell(desk.tape.ticks(start, min(start + size, 1_500)))
        desk.block(1_500)
        told.append((desk.bars(), [signal.sid for signal in desk.sent(Signal)]))
    assert told[0] == told[1] == told[2]


def test_history_builds_bars_and_tells_nothing() -> None:
    """Bars closed by ticks before trading begins are silent; the first one told has its CCI already."""
    desk = Desk()
    desk.welcome(start_seq=1_000)
    seqs = desk.feed()
    assert min(seqs) >= 1_000
    desk.block(len(COLUMNS))
    known = {bar.start_ns for seq, bar in bars_of("EURUSD") if seq < 1_000}
    assert len(known) > 50
    assert all(event["start"] not in known and event["cci"] is not None for event in desk.bars())


def test_block_is_answered_when_its_signals_are() -> None:
    """The market hears of a block after the last answer to its signals, and the watermark is committed with it."""
    desk = Desk()
    desk.answers = False
    desk.welcome()
    seqs = desk.feed()
    desk.block(seqs[0] + 1)
    assert desk.sent(IndicatorBlock) == []
    assert desk.store == {}
    for signal in desk.sent(Signal):
        desk.tell(SignalAnswer(signal.sid, ACCEPTED), links.SIGNALS)
    assert desk.sent(IndicatorBlock) == [IndicatorBlock(1, len(desk.sent(Signal)))]
    assert list(desk.store) == [b"run/EURUSD/M1"]
    desk.tell(Block(1, seqs[0] + 1, desk.tape.time_ns(seqs[0])))
    assert desk.sent(IndicatorBlock)[-1].number == 1


def test_block_beyond_what_is_computed_is_answered_later() -> None:
    """A restarted indicator may be told of a block before it has the ticks; it answers once it has."""
    desk = Desk()
    desk.welcome()
    desk.feed(500)
    desk.block(1_500)
    assert desk.sent(IndicatorBlock) == []
    desk.feed(1_500, 500)
    assert desk.sent(IndicatorBlock)[-1].number == 1


def test_restarted_indicator_says_only_what_is_above_its_watermark() -> None:
    """After a restart the whole tape is computed again; bars and signals already answered stay silent, CCI is the same."""
    whole = Desk()
    whole.welcome()
    seqs = whole.feed()
    whole.block(len(COLUMNS))
    desk = Desk()
    desk.welcome()
    desk.feed()
    place = seqs[10] + 1
    desk.block(place)
    before, said = desk.bars(), [signal.sid for signal in desk.sent(Signal)]
    desk.restart()
    assert desk.sent(MarketHello)[0].next_seq == 0
    desk.welcome(released_seq=place)
    desk.feed()
    assert desk.bars() == []
    desk.block(len(COLUMNS))
    assert before + desk.bars() == whole.bars()
    assert desk.core.counters.totals["bar_count"] == whole.core.counters.totals["bar_count"] > len(desk.bars())
    assert said + [signal.sid for signal in desk.sent(Signal)] == [signal.sid for signal in whole.sent(Signal)]


def test_watermark_of_another_run_does_not_silence_this_one() -> None:
    """A replay is a run of its own."""
    desk = Desk()
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    count = len(desk.bars())
    desk.restart()
    desk.welcome(run="another")
    desk.feed()
    desk.block(len(COLUMNS))
    assert len(desk.bars()) == count


def test_market_that_plays_another_run_makes_it_start_again() -> None:
    """What was computed belongs to one run."""
    desk = Desk()
    desk.welcome()
    desk.welcome(run="another")
    assert [effect.code for effect in desk.out if isinstance(effect, Halt)] == [1]


def test_reconnected_market_is_told_where_signals_fall() -> None:
    """After a welcome the indicator says again how far it is and where signals fall from the released tick on."""
    desk = Desk()
    desk.welcome()
    seqs = desk.feed()
    desk.tell(LinkUp())
    assert desk.sent(MarketHello)[-1].next_seq == len(COLUMNS)
    desk.welcome(released_seq=seqs[5])
    assert desk.sent(IndicatorProgress)[-1] == IndicatorProgress(len(COLUMNS), seqs[5:])


def test_unanswered_signals_are_sent_again_in_order() -> None:
    """On silence and on a new connection everything unanswered goes out once more, and no more than the credit."""
    desk = Desk()
    desk.answers = False
    desk.welcome()
    desk.feed()
    desk.tell(SourceWelcome(3), links.SIGNALS)
    desk.block(len(COLUMNS))
    first = [signal.sid for signal in desk.sent(Signal)]
    assert len(first) == 3
    desk.now_ns = desk.core.deadline_ns
    desk.do(desk.core.on_deadline(desk.now_ns))
    assert [signal.sid for signal in desk.sent(Signal)] == first * 2
    desk.tell(LinkUp(), links.SIGNALS)
    assert isinstance(desk.sent(SourceHello)[-1], SourceHello)
    desk.tell(SourceWelcome(3), links.SIGNALS)
    assert [signal.sid for signal in desk.sent(Signal)] == first * 3
    desk.tell(SignalAnswer(first[0], ACCEPTED), links.SIGNALS)
    assert len(desk.sent(Signal)) == 10
    stamps = {signal.sid: signal.stamp_ns for signal in desk.sent(Signal)}
    assert all(signal.stamp_ns == stamps[signal.sid] for signal in desk.sent(Signal))


def test_refused_signal_is_counted_and_done() -> None:
    """A refusal ends a signal, but for a missing credit, after which it is sent again."""
    desk = Desk()
    desk.answers = False
    desk.welcome()
    seqs = desk.feed()
    desk.block(seqs[0] + 1)
    (signal, *_) = desk.sent(Signal)
    desk.tell(SignalAnswer(signal.sid, "OVER_CREDIT"), links.SIGNALS)
    assert desk.sent(IndicatorBlock) == []
    for signal in desk.sent(Signal):
        desk.tell(SignalAnswer(signal.sid, "TOO_OLD"), links.SIGNALS)
    assert desk.sent(IndicatorBlock)[-1].number == 1
    assert desk.core.counters.totals["refused_signal_count"] >= 1


def test_credit_moves_with_the_released_ticks() -> None:
    """It asks for so many ticks beyond the released ones, and for more as blocks release them."""
    desk = Desk()
    desk.welcome()
    assert desk.sent(TickCredit) == [TickCredit(0, CREDIT_TICKS)]
    desk.feed()
    assert len(desk.sent(TickCredit)) == 1
    desk.block(len(COLUMNS))
    assert desk.sent(TickCredit)[-1] == TickCredit(len(COLUMNS), CREDIT_TICKS)


def test_no_credit_while_signals_pile_up() -> None:
    """A signals node that does not answer stops the ticks: memory stays bounded, nothing is dropped."""
    minutes = SyntheticMarket(7, ("EURUSD",)).minutes(0, 4_500)
    desk = Desk(config_of(symbols='"EURUSD"', period=5), minutes)
    desk.answers = False
    desk.welcome()
    desk.feed(19_000)
    desk.block(19_000)
    credits = len(desk.sent(TickCredit))
    desk.feed(len(minutes), 19_000)
    desk.block(len(minutes))
    assert desk.core.counters.totals["signal_count"] > QUEUED_MAX + 64
    assert len(desk.sent(TickCredit)) == credits
    assert len(desk.sent(Signal)) == 64


def test_missing_ticks_are_asked_for_once_in_a_while() -> None:
    """A hole in the sequence is counted and leads to one new hello, not one for every chunk in flight."""
    desk = Desk()
    desk.welcome()
    desk.feed(200)
    for start in (300, 400, 500):
        desk.tell(desk.tape.ticks(start, start + 100))
    assert desk.core.counters.totals["bad_chunk_count"] == 3
    hellos = len(desk.sent(MarketHello))
    desk.now_ns = desk.core.deadline_ns
    desk.do(desk.core.on_deadline(desk.now_ns))
    assert len(desk.sent(MarketHello)) == hellos + 1
    assert desk.sent(MarketHello)[-1].next_seq == 200


def test_ticks_before_a_welcome_are_ignored() -> None:
    """Nothing is taken from a market that has not said which run it plays."""
    desk = Desk()
    assert desk.tell(desk.tape.ticks(0, 10)) == []
    assert desk.core.counters.totals["bad_chunk_count"] == 1


def test_phases_and_facts_say_whom_it_waits_for() -> None:
    """READY only once market and signals node have answered and what is released is computed."""
    desk = Desk()
    assert (desk.core.phase(), desk.core.facts()["waiting"]) == ("STARTING", "market, signals node")
    desk.welcome(released_seq=100)
    assert desk.core.phase() == "STARTING"
    desk.feed(200)
    assert (desk.core.phase(), desk.core.facts()["waiting"]) == ("READY", "")
    desk.block(150)
    assert desk.core.market_ns() == desk.tape.time_ns(149)


def test_stop_ends_it() -> None:
    """Nothing is lost by stopping: what was not answered is above the watermark."""
    desk = Desk()
    assert desk.tell(Stop(), links.SHELL) == [Halt(0, "stopped as asked")]


def test_damaged_ticks_do_not_stop_it() -> None:
    """Unequal columns are counted; the right chunk still comes."""
    desk = Desk()
    desk.welcome()
    good = desk.tape.ticks(0, 100)
    desk.tell(Ticks(0, good.symbols, good.symbol_index, good.time_ns[:-8], good.bid_e8, good.ask_e8))
    assert desk.core.counters.totals["bad_chunk_count"] == 1
    desk.feed(100)
    assert desk.sent(IndicatorProgress)[-1].through_seq == 100


@pytest.mark.parametrize("message", [Durable(1), Settle(0, [])])
def test_unknown_message_is_counted(message: Msg) -> None:
    """A type it does not expect is no crash."""
    desk = Desk()
    desk.tell(message)
    assert desk.core.counters.totals["unhandled_count"] == 1


def test_signal_fits_in_a_frame_whatever_a_strategy_is_called() -> None:
    """The longest ids stay within what the wire allows."""
    desk = Desk()
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    assert max(len(signal.sid) for signal in desk.sent(Signal)) < 160
    assert max(len(encode(signal)) for signal in desk.sent(Signal)) < 1_000


def test_kernels_are_warm_before_it_says_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is compiled while a signal waits: the kernels are warmed before the node exists."""
    warmed: list[str] = []
    monkeypatch.setattr(kernels, "warm", lambda: warmed.append("warm"))
    desk = Desk()
    assert warmed == ["warm"]
    assert desk.core.phase() == "STARTING"
