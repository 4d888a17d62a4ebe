"""The indicator core by hand: what it computes, when it speaks, and what it remembers."""

from collections import deque
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from mesh import links
from mesh.codec import encode
from mesh.config import Config, configured, parse
from mesh.core import Commit, Durable, Effect, Effects, Emit, Envelope, Halt, LinkUp, Send, Stop
from mesh.messages.base import Msg
from mesh.messages.market import Block, IndicatorBlock, IndicatorProgress, MarketHello, MarketWelcome, TickCredit, Ticks
from mesh.messages.signals import ACCEPTED, PATTERN, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.units import E8, MINUTE_NS, SECOND_NS
from nodes.candles import CandleBuilder, CciStream, CrossStream
from nodes.indicator import AHEAD_TICKS, WATERMARK, Indicator
from nodes.outbox import QUEUED_MAX
from nodes.patterns import mask_of, pattern_names
from nodes.streams import level_text, specs_of
from nodes.synthetic import SyntheticMarket
from nodes.tape import Tape
from nodes.ticks import TickColumns
from nodes.zones import Zone
from tests.nodes.flow_rig import CONFIG, config_of

MINUTES = 200
COLUMNS = SyntheticMarket(7, ("EURUSD", "USDJPY")).minutes(0, MINUTES)


class Desk:
    """An indicator, the tape it reads, and what it said."""

    def __init__(self, config: Config | None = None, columns: TickColumns = COLUMNS, name: str = "cci-1") -> None:
        self.config = config or config_of(symbols='"EURUSD"')
        self.name = name
        self.tape = Tape(columns.symbols)
        self.tape.append(columns)
        self.store: dict[bytes, bytes] = {}
        self.answers = True
        self.number = 0
        self.restart()

    def restart(self) -> None:
        self.core = Indicator(self.name, self.config, 1)
        self.now_ns = SECOND_NS
        self.out: list[Effect] = []
        rows = [(WATERMARK, key, record) for key, record in self.store.items()]
        self.do(self.core.recover(rows, self.now_ns) + self.core.start(self.now_ns))

    def do(self, effects: Effects) -> list[Effect]:
        queue = deque(effects)
        while queue:
            effect = queue.popleft()
            self.out.append(effect)
            if isinstance(effect, Commit):
                self.store.update({put.key: put.record or b"" for put in effect.puts})
            elif isinstance(effect, Send) and isinstance(effect.message, Signal) and self.answers:
                answer = SignalAnswer(effect.message.sid, ACCEPTED)
                queue.extend(self.core.handle(Envelope(links.SIGNALS, 0, answer), self.now_ns))
        return list(effects)

    def tell(self, message: Msg, link: str = links.MARKET) -> list[Effect]:
        return self.do(self.core.handle(Envelope(link, 0, message), self.now_ns))

    def welcome(self, start_seq: int = 0, released_seq: int = 0, run: str = "run", first_seq: int = 0) -> None:
        symbols = list(self.tape.symbols)
        timeframes = ["M1"] * len(symbols)
        self.tell(SourceWelcome(64), links.SIGNALS)
        self.tell(MarketWelcome(run, 1, True, start_seq, released_seq, 0, 0, symbols, first_seq, timeframes))

    def feed(self, through_seq: int | None = None, first_seq: int = 0) -> list[int]:
        """All ticks up to a seq; where signals will fall."""
        end_seq = through_seq if through_seq is not None else self.tape.end_seq
        seqs: list[int] = []
        for start in range(first_seq, end_seq, 2_000):
            self.tell(self.tape.ticks(start, min(start + 2_000, end_seq)))
        for message in self.sent(IndicatorProgress):
            seqs += [seq for seq in message.signal_seqs if seq not in seqs]
        return seqs

    def block(self, through_seq: int, final: bool = False, end_ns: int = 0) -> list[Effect]:
        self.number += 1
        return self.tell(Block(self.number, through_seq, end_ns or self.tape.time_ns(through_seq - 1), final))

    def sent(self, kind: type[Msg]) -> list[Any]:
        return [effect.message for effect in self.out if isinstance(effect, Send) and type(effect.message) is kind]

    def bars(self) -> list[dict[str, Any]]:
        return [effect.event | {"start": effect.market_ns} for effect in self.out if isinstance(effect, Emit)]


def bars_of(symbol: str, timeframe: str = "M1") -> list[tuple[int, Any]]:
    """Bars made tick by tick, as the plain loop makes them, each with the number of the tick that closed it."""
    builder = CandleBuilder(symbol, timeframe, Zone.parse("New York + 7 h"))
    index = COLUMNS.symbols.index(symbol)
    found = []
    for seq in range(len(COLUMNS)):
        if COLUMNS.symbol_index[seq] == index:
            closed = builder.push(int(COLUMNS.time_ns[seq]), int(COLUMNS.bid_e8[seq]), int(COLUMNS.ask_e8[seq]))
            if closed is not None:
                found.append((seq, closed))
    return found


def changed(config: Config, name: str = "reversion", **fields: object) -> Config:
    """The configuration with fields of a strategy changed."""
    strategy = msgspec.structs.replace(config.strategy[name], **fields)
    return configured(msgspec.structs.replace(config.settings, strategy={**config.strategy, name: strategy}))


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
    """Each crossing of +level and −level is one signal, at the tick that closed its bar, with an id made of what it is."""
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
    assert seqs == sorted({row[0] for row in expected})
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
    assert desk.sent(TickCredit) == [TickCredit(0, AHEAD_TICKS)]
    desk.feed()
    assert len(desk.sent(TickCredit)) == 1
    desk.block(len(COLUMNS))
    assert desk.sent(TickCredit)[-1] == TickCredit(len(COLUMNS), AHEAD_TICKS)


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


def test_final_block_closes_the_bars_whose_time_is_over() -> None:
    """At the end of the feed the open minute closes, an unfinished hour does not; both only once."""
    base = config_of(symbols='"EURUSD"')
    desk = Desk(two_strategies(base, timeframe="H1"))
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    before = [event["timeframe"] for event in desk.bars()]
    end_ns = desk.tape.time_ns(len(COLUMNS) - 1) // MINUTE_NS * MINUTE_NS + MINUTE_NS
    desk.block(len(COLUMNS), final=True, end_ns=end_ns)
    assert [event["timeframe"] for event in desk.bars()][len(before) :] == ["M1"]
    desk.block(len(COLUMNS), final=True, end_ns=end_ns + 3_600 * SECOND_NS)
    assert len(desk.bars()) == len(before) + 1


def two_strategies(config: Config, **fields: object) -> Config:
    """A second strategy beside the first, with fields of its own."""
    second = msgspec.structs.replace(config.strategy["reversion"], **fields)
    return configured(msgspec.structs.replace(config.settings, strategy={**config.strategy, "second": second}))


def test_streams_are_the_union_of_what_strategies_ask_for() -> None:
    """Symbols, timeframes, periods, levels, ATR periods and patterns of all strategies meet in one stream each."""
    config = two_strategies(
        config_of(symbols='"EURUSD", "USDJPY"'),
        symbols=["EURUSD"],
        period=9,
        level=Decimal("62.5"),
        atr_period=7,
        candles=["hammer", "doji"],
    )
    specs = specs_of(config, {"EURUSD": "M1", "USDJPY": "M5"})
    assert [(spec.symbol, spec.timeframe) for spec in specs] == [("EURUSD", "M1"), ("USDJPY", "M5")]
    euro, yen = specs
    assert euro.levels_e8 == {5: (-100 * E8, 100 * E8), 9: (-6_250_000_000, 6_250_000_000)}
    assert euro.atr_periods == (7, 14)
    assert euro.patterns == mask_of(["hammer", "doji"], 1) | mask_of(["hammer", "doji"], -1)
    assert (yen.levels_e8, yen.patterns) == ({5: (-100 * E8, 100 * E8)}, 0)


def test_manual_strategy_asks_for_no_stream() -> None:
    """A strategy that only takes signals by hand needs no CCI."""
    assert specs_of(changed(config_of(), kind="manual"), {"EURUSD": "M1"}) == []


@pytest.mark.parametrize(
    ("level_e8", "text"), [(100 * E8, "100"), (-100 * E8, "-100"), (6_250_000_000, "62.5"), (1_000 * E8, "1000")]
)
def test_level_is_written_as_people_write_it(level_e8: int, text: str) -> None:
    """Ids hold the level without exponent and trailing zeros."""
    assert level_text(level_e8) == text


def test_pattern_that_a_strategy_names_is_a_signal() -> None:
    """Named candle patterns are told as signals of their own; others only as bits of a crossing on the same bar."""
    config = changed(config_of(symbols='"EURUSD"'), candles=["doji"])
    desk = Desk(config)
    desk.welcome()
    desk.feed()
    desk.block(len(COLUMNS))
    named = [signal for signal in desk.sent(Signal) if signal.kind == PATTERN]
    assert len(named) > 2
    assert {signal.name for signal in named} == {"doji"}
    assert all("doji" in pattern_names(signal.patterns) for signal in named)
    assert all(signal.sid.endswith("/pattern/doji") for signal in named)
    crossings = [signal for signal in desk.sent(Signal) if signal.kind != PATTERN]
    assert any(signal.patterns for signal in crossings)


def _two_indicators() -> Config:
    text = CONFIG.format(speed='"max"', symbols='"EURUSD", "USDJPY"', backfill=0, minutes=0, latency_ms=0, period=5)
    return parse(text + '[node.cci-2]\nrole = "indicator"\n')


def test_two_indicators_share_the_streams_out() -> None:
    """Each stream is computed by exactly one of several indicator nodes."""
    told: dict[str, set[str]] = {}
    for name in ("cci-1", "cci-2"):
        desk = Desk(_two_indicators(), name=name)
        desk.welcome()
        desk.feed()
        desk.block(len(COLUMNS))
        told[name] = {event["symbol"] for event in desk.bars()}
    assert sorted(told.values(), key=str) == sorted([{"EURUSD"}, {"USDJPY"}], key=str)


def test_price_finer_than_its_symbol_is_told_in_full() -> None:
    """A price with more decimals than the contract has is not rounded in the events."""
    prices = np.full(3, 110_000_123, np.int64)
    times = np.array([0, 30, 70], np.int64) * SECOND_NS
    desk = Desk(columns=TickColumns.of_symbol("EURUSD", times, prices, prices + 10))
    desk.welcome()
    desk.feed()
    desk.block(3)
    assert str(desk.bars()[0]["close"]) == "1.10000123"


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


@pytest.mark.parametrize("message", [Durable(1), TickCredit(0, 1)])
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


