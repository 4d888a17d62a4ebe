"""The indicator: ticks become bars, bars become CCI; crossings and candle patterns become signals.

It computes ahead of market time, on credit, and tells the market at which ticks its signals will fall; nothing leaves it
before a block releases the tick that closed the bar. Its store holds one watermark a stream: the newest bar whose signals
were all answered. After a restart the whole tape is computed again, so every value is what it would have been, and only
bars above their watermark speak again, under the same ids.
"""

from collections import deque

import msgspec
import numpy as np

from mesh import links
from mesh.backoff import backoff_ns
from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Commit, Core, Effect, Effects, Envelope, Halt, LinkDown, LinkUp, Note, Put, Send, Stop
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Count, Int64, Msg
from mesh.messages.market import Block, IndicatorBlock, IndicatorProgress, MarketHello, MarketWelcome, Ticks
from mesh.messages.signals import SignalAnswer, SourceHello, SourceWelcome
from mesh.phases import READY, STARTING
from mesh.timers import Timers
from mesh.units import MS_NS
from nodes import kernels
from nodes.contractbook import contract_for
from nodes.indicator.barevents import bar_events
from nodes.indicator.outbox import SignalOutbox
from nodes.indicator.streams import BarStream, ClosedBar, specs_of
from nodes.strategy import Strategies
from nodes.tape import CREDIT_TICKS, TickIntake
from nodes.ticks import TickColumns
from nodes.zones import Zone

SIGNAL_SEQS_KEPT = 4_096
"""A market that restarts asks where signals fell since its last commit."""
WATERMARK = "watermark"
_HELLO, _SIGNALS = "hello", "signals"


class Watermark(Msg):
    """The newest bar of a stream whose signals were all answered, and how many bars of the run were released by then."""

    bar_start_ns: Int64
    bar_count: Count = 0


class _Released(msgspec.Struct):
    """A block whose bars were emitted: it is answered when all signals up to ``serial`` are."""

    number: int
    serial: int
    signal_count: int
    marks: dict[int, Watermark]
    """Position of a stream → where it was by then."""


class Indicator(Core):
    """One indicator node; several share the streams out by their position in the configuration."""

    def __init__(self, name: str, config: Config, life: int) -> None:
        super().__init__()
        kernels.warm()
        self._name = name
        self._config = config
        self._life = life
        self._repeat_ns = config.settings.timers.repeat_ms * MS_NS
        self._zone = Zone.parse(config.settings.broker.zone)
        self._intake = TickIntake(CREDIT_TICKS)
        self._outbox = SignalOutbox(self.counters)
        self._timers: Timers[str] = Timers()
        self._repeat_counts = {_HELLO: 0, _SIGNALS: 0}
        self._watermarks: dict[str, Watermark] = {}
        self._welcome: MarketWelcome | None = None
        self._symbols: tuple[str, ...] = ()
        self._streams: list[BarStream] = []
        self._by_symbol: list[list[BarStream]] = []
        self._digits: list[int] = []
        self._is_source = False
        self._released_seq = 0
        self._credit_seq = 0
        self._market_ns = 0
        self._signal_seqs: deque[int] = deque(maxlen=SIGNAL_SEQS_KEPT)
        self._blocks: deque[Block] = deque()
        """Blocks that release more than is computed yet."""
        self._unanswered: deque[_Released] = deque()
        self._answered_number = 0
        self._is_over = False
        self.handlers = {
            MarketWelcome: self._on_welcome,
            Ticks: self._on_ticks,
            Block: self._on_block,
            SourceWelcome: self._on_source_welcome,
            SignalAnswer: self._on_answer,
            LinkUp: self._on_link_up,
            LinkDown: self._on_link_down,
            Stop: lambda envelope, now_ns: (Halt(0, "stopped as asked"),),
        }

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Watermarks by run, symbol and timeframe."""
        for kind, key, record in rows:
            if kind == WATERMARK:
                self._watermarks[key.decode()] = decode_record_untrusted(record, Watermark)
        return ()

    def start(self, now_ns: int) -> Effects:
        """Say hello to the market and to the signals node."""
        return self._done(self._hello(now_ns) + self._source_hello(now_ns))

    def on_deadline(self, now_ns: int) -> Effects:
        """Repeat what was not answered."""
        out: list[Effect] = []
        for timer in self._timers.due(now_ns):
            self._repeat_counts[timer] += 1
            if timer == _HELLO:
                out += self._hello(now_ns)
            elif not self._is_source:
                out += self._source_hello(now_ns)
            else:
                out += self._outbox.again()
                self._await_answers(now_ns)
        return self._done(out)

    def phase(self) -> str:
        """READY once market and signals node answered and everything released is computed."""
        is_ready = self._welcome is not None and self._is_source and self._intake.next_seq >= self._released_seq
        return READY if is_ready else STARTING

    def market_ns(self) -> int:
        """Market time of the newest block."""
        return self._market_ns

    def facts(self) -> dict[str, str]:
        """What it computes and how far it is."""
        whom = [] if self._welcome is not None else ["market"]
        whom += [] if self._is_source else ["signals node"]
        return {
            "streams": str(len(self._streams)),
            "computed": str(self._intake.next_seq),
            "waiting": ", ".join(whom),
        }

    # the market

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        welcome = envelope.message
        assert isinstance(welcome, MarketWelcome)
        known = self._welcome
        if known is not None and (known.run, known.symbols) != (welcome.run, welcome.symbols):
            return (Halt(1, f"the market plays run {welcome.run} now, this node computed {known.run}: it starts again"),)
        if known is None:
            self._build(welcome)
        self._welcome = welcome
        self._timers.cancel(_HELLO)
        self._repeat_counts[_HELLO] = 0
        self._intake.restart(max(self._intake.next_seq, welcome.first_seq), self._symbols)
        self._released_seq = max(self._released_seq, welcome.released_seq)
        self._credit_seq = 0
        seqs = [seq for seq in self._signal_seqs if seq >= welcome.released_seq]
        out: list[Effect] = [Send(links.MARKET, 0, IndicatorProgress(self._intake.next_seq, seqs))]
        return self._done(out + self._credit())

    def _build(self, welcome: MarketWelcome) -> None:
        feed_timeframes = dict(zip(welcome.symbols, welcome.feed_timeframes, strict=True))
        names = self._config.nodes_of("indicator")
        specs = specs_of(self._config, feed_timeframes)[names.index(self._name) :: len(names)]
        self._symbols = tuple(welcome.symbols)
        strategies = Strategies(self._config)
        self._streams = [
            BarStream(spec, self._zone, self._name, strategies, feed_timeframes[spec.symbol]) for spec in specs
        ]
        for stream in self._streams:
            watermark = self._watermarks.get(f"{welcome.run}/{stream.spec.symbol}/{stream.spec.timeframe}")
            if watermark is not None:
                stream.watermark_ns, stream.released_count = watermark.bar_start_ns, watermark.bar_count
                self.counters.add("bar_count", watermark.bar_count)
        self._by_symbol = [
            [stream for stream in self._streams if stream.spec.symbol == symbol] for symbol in self._symbols
        ]
        self._digits = [contract_for(self._config, stream.spec.symbol).digits for stream in self._streams]

    def _on_ticks(self, envelope: Envelope, now_ns: int) -> Effects:
        assert isinstance(envelope.message, Ticks)
        if self._welcome is None:
            self.counters.add("bad_chunk_count")
            return ()
        first_seq = self._intake.next_seq
        columns, wrong = self._intake.take(envelope.message)
        if wrong:
            self.counters.add("bad_chunk_count")
            self._timers.set_if_unset(_HELLO, now_ns + self._repeat_ns)
            return self._done([Note("warning", "ticks_ignored", {"why": wrong})])
        if not len(columns):
            return ()
        self._timers.cancel(_HELLO)
        self.counters.add("tick_count", len(columns))
        seqs = self._compute(first_seq, columns)
        # a tick that is late for two streams counts twice: it is missing in both
        self.counters.keep_max("late_tick_count", sum(stream.builder.late_count for stream in self._streams))
        self._signal_seqs.extend(seqs)
        out: list[Effect] = [Send(links.MARKET, 0, IndicatorProgress(self._intake.next_seq, seqs))]
        out += self._release(min(self._released_seq, self._intake.next_seq), now_ns)
        while self._blocks and self._blocks[0].through_seq <= self._intake.next_seq:
            out += self._take_block(self._blocks.popleft(), now_ns)
        return self._done(out + self._credit())

    def _compute(self, first_seq: int, columns: TickColumns) -> list[int]:
        """Let each stream of a symbol with ticks in here take them; the seqs at which signals fall, ascending."""
        assert self._welcome is not None
        seqs = np.arange(first_seq, first_seq + len(columns), dtype=np.int64)
        found: dict[int, None] = {}
        for position, streams in enumerate(self._by_symbol):
            if not streams:
                continue
            own = (seqs, columns.time_ns, columns.bid_e8, columns.ask_e8)
            if len(self._symbols) > 1:
                rows = np.flatnonzero(columns.symbol_index == position)
                own = (seqs[rows], columns.time_ns[rows], columns.bid_e8[rows], columns.ask_e8[rows])
            if len(own[0]):
                for stream in streams:
                    found.update(dict.fromkeys(stream.take(self._welcome.start_seq, *own)))
        return sorted(found)

    def _on_block(self, envelope: Envelope, now_ns: int) -> Effects:
        block = envelope.message
        assert isinstance(block, Block)
        if self._welcome is None:
            return ()
        if block.number <= self._answered_number:
            return (Send(links.MARKET, 0, IndicatorBlock(self._answered_number, 0)),)
        self._released_seq = max(self._released_seq, block.through_seq)
        if block.through_seq > self._intake.next_seq:
            self._blocks.append(block)
            return self._done(self._credit())
        return self._done(self._take_block(block, now_ns) + self._credit())

    def _take_block(self, block: Block, now_ns: int) -> list[Effect]:
        """Emit what the block released; its answer waits for the answers to its signals."""
        if any(released.number >= block.number for released in self._unanswered):
            return []
        self.counters.add("block_count")
        self._market_ns = max(self._market_ns, block.end_ns)
        if (grace_ns := self._grace_ns(block)) is not None:
            for stream in self._streams:
                stream.close_due(block.through_seq - 1, block.end_ns, grace_ns)
        self._is_over = self._is_over or block.final
        serial = self._outbox.serial
        out = self._release(block.through_seq, now_ns)
        marks = {
            position: Watermark(stream.released_ns, stream.released_count) for position, stream in enumerate(self._streams)
        }
        count = self._outbox.serial - serial
        self._unanswered.append(_Released(block.number, self._outbox.serial, count, marks))
        return out + self._answer()

    def _grace_ns(self, block: Block) -> int | None:
        """How long after its end a bar closes by market time alone; None where only ticks close bars.

        Live market time runs with the clock, also without a tick. Of a recorded market it is where its ticks are, so that a pace
        changes nothing, until its last block has come. While ticks beyond the block are here, a gap is being filled: they close bars.
        """
        assert self._welcome is not None
        if block.final and not self._is_over:
            return 0
        is_behind = block.through_seq <= self._welcome.start_seq or block.through_seq < self._intake.next_seq
        if self._welcome.recorded or is_behind:
            return None
        return self._config.settings.market.bar_grace_ms * MS_NS

    def _release(self, through_seq: int, now_ns: int) -> list[Effect]:
        out: list[Effect] = []
        spoken: list[tuple[int, BarStream, ClosedBar]] = []
        for stream, digits in zip(self._streams, self._digits, strict=True):
            if not stream.ready or stream.ready[0].seq >= through_seq:
                continue
            closed_bars = stream.release(through_seq)
            self.counters.add("bar_count", len(closed_bars))
            for closed in closed_bars:
                out += bar_events(stream, closed, digits)
                if closed.signals:
                    spoken.append((closed.seq, stream, closed))
        for _seq, stream, closed in sorted(spoken, key=lambda row: row[0]):
            self._outbox.put(stream.signals_of(closed, now_ns))
        if spoken:
            out += self._outbox.send()
            self._await_answers(now_ns)
        return out

    def _answer(self) -> list[Effect]:
        """Tell the market which blocks are done, and remember so durably."""
        out: list[Effect] = []
        done: _Released | None = None
        count = 0
        while self._unanswered and self._unanswered[0].serial < self._outbox.open_serial:
            done = self._unanswered.popleft()
            count += done.signal_count
        if done is not None:
            puts = self._watermark_puts(done.marks)
            if puts:
                out.append(Commit(0, puts))
            self._answered_number = done.number
            out.append(Send(links.MARKET, 0, IndicatorBlock(done.number, count)))
        return out

    def _watermark_puts(self, marks: dict[int, Watermark]) -> tuple[Put, ...]:
        assert self._welcome is not None
        puts: list[Put] = []
        for position, mark in marks.items():
            spec = self._streams[position].spec
            key = f"{self._welcome.run}/{spec.symbol}/{spec.timeframe}"
            known = self._watermarks.get(key)
            if mark.bar_count and (known is None or mark.bar_start_ns > known.bar_start_ns):
                self._watermarks[key] = mark
                puts.append(Put(WATERMARK, key.encode(), encode(mark)))
        return tuple(puts)

    def _credit(self) -> list[Effect]:
        """Room for more ticks, where it is worth a message; none while signals pile up."""
        if self._outbox.is_full:
            return []
        done_seq = min(self._released_seq, self._intake.next_seq)
        credit = self._intake.credit(done_seq)
        limit_seq = credit.next_seq + credit.room_count
        if limit_seq - self._credit_seq < CREDIT_TICKS // 8:
            return []
        self._credit_seq = limit_seq
        return [Send(links.MARKET, 0, credit)]

    def _hello(self, now_ns: int) -> list[Effect]:
        self._timers.set(_HELLO, now_ns + self._delay_ns(_HELLO))
        role, version = "indicator", PROTOCOL_VERSION
        hello = MarketHello(self._name, role, self._life, version, self._config.lineage, self._intake.next_seq)
        return [Send(links.MARKET, 0, hello)]

    # the signals node

    def _source_hello(self, now_ns: int) -> list[Effect]:
        self._timers.set(_SIGNALS, now_ns + self._delay_ns(_SIGNALS))
        hello = SourceHello(self._name, self._life, PROTOCOL_VERSION, self._config.lineage)
        return [Send(links.SIGNALS, 0, hello)]

    def _on_source_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        assert isinstance(envelope.message, SourceWelcome)
        self._is_source = True
        self._repeat_counts[_SIGNALS] = 0
        out = self._outbox.welcome(envelope.message.credit_count)
        self._await_answers(now_ns)
        return self._done(out)

    def _on_answer(self, envelope: Envelope, now_ns: int) -> Effects:
        assert isinstance(envelope.message, SignalAnswer)
        self._repeat_counts[_SIGNALS] = 0
        out = self._outbox.answered(envelope.message)
        self._await_answers(now_ns)
        return self._done(out + self._answer() + self._credit())

    def _await_answers(self, now_ns: int) -> None:
        if self._outbox.is_waiting:
            self._timers.set(_SIGNALS, now_ns + self._delay_ns(_SIGNALS))
        elif self._is_source:
            self._timers.cancel(_SIGNALS)

    # both

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == links.MARKET:
            return self._done(self._hello(now_ns))
        if envelope.link == links.SIGNALS:
            return self._done(self._source_hello(now_ns))
        return ()

    def _on_link_down(self, envelope: Envelope, now_ns: int) -> Effects:
        if envelope.link == links.SIGNALS:
            self._is_source = False
        return ()

    def _delay_ns(self, timer: str) -> int:
        return backoff_ns(self._repeat_ns, self._repeat_counts[timer])

    def _done(self, out: list[Effect]) -> Effects:
        self.deadline_ns = self._timers.next_ns
        return tuple(out)
