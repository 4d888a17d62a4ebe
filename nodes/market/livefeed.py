"""The market's side of a terminal's ticks: asks for what is new, keeps the answer, gives it to the tape once it is durable.

The process that asks the terminal remembers nothing: how far each symbol's ticks are taken stands in cursors, which are stored with
the ticks. So whatever dies, and for how long, the next question goes on from where the last stored answer ended: no tick twice,
none left out. One question is asked at a time, the next one after the last answer is durable.

The first answer is the history. Market time goes on by the clock, also without a tick, as long as the terminal answers and has its
server; else it stands. A tick older than the newest one (another symbol's, it came later) is taken as of now where it is a
moment late, and left out where it is more than that.
"""

import numpy as np

from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Commit, Effect, Note, Put, Send
from mesh.counters import Counters
from mesh.links import WORKER
from mesh.messages.base import Count, Msg
from mesh.messages.feed import FeedAsk, FeedCursor, FeedLost, FeedTicks, FeedTold
from mesh.messages.market import Ticks
from mesh.units import MS_NS, NEVER, SECOND_NS
from nodes.market.livesource import LiveSource
from nodes.market.sessions import Sessions
from nodes.market.staleness import Staleness
from nodes.market.ticklog import TICKS, TickLog, no_ticks_of
from nodes.ticks import TickColumns, columns_of, concatenated
from nodes.zones import Zone

BARS_COUNT_MIN = 1_000
CLOCK_BEHIND_NS = 500 * MS_NS
"""Market time without a tick stays so far behind the clock: ticks take their time from the server to the terminal to us."""
LATE_NS_MAX = SECOND_NS
CLOCK_OFF_NS = 60 * SECOND_NS
"""New ticks further than this from the clock: the server's zone is not what the configuration says, or the clock is wrong."""
RETRY_NS = 200 * MS_NS
RETRY_DOUBLINGS_MAX = 5
LIVE, CURSOR = "live", "cursor"
_NO_CURSOR = (0, 0)


class LiveStart(Msg):
    """What the store keeps of the beginning: ticks below ``start_seq`` are history."""

    start_seq: Count


class LiveFeed:
    """Asks, and fills ``source``. ``token``: of its commits; at most one is on its way. ``deadline_ns``: when it looks again."""

    def __init__(self, config: Config, source: LiveSource, counters: Counters, token: int) -> None:
        market = config.settings.market
        self.deadline_ns = NEVER
        self._source = source
        self._token = token
        self._counters = counters
        self._poll_ns = market.poll_ms * MS_NS
        self._bars_count = max(BARS_COUNT_MIN, market.backfill_minutes)
        self._log = TickLog(source.symbols)
        sessions = Sessions(source.symbols, Zone.parse(source.zone))
        self._staleness = Staleness(sessions, source.symbols, market.stale_ms, counters)
        self._cursors = {symbol: FeedCursor(symbol, *_NO_CURSOR) for symbol in source.symbols}
        self._last_ns = -NEVER
        """The newest tick's time."""
        self._number = 0
        self._asked_number = -1
        """Of the question that is not answered; -1: none."""
        self._parts: list[TickColumns] = []
        self._durable: tuple[TickColumns, FeedTold] | None = None
        """What is given once its commit is durable."""
        self._answered_ns = 0
        """When the terminal last answered, on the monotonic clock."""
        self._lost_count = 0
        self._lost_reason = ""
        """Why the terminal does not answer; empty: it does."""
        self._unread = ""
        """Which symbols it cannot tell of, and why."""
        self._is_clock_off = False
        self._is_stopped = False

    def recover(self, rows: list[tuple[str, bytes, bytes]]) -> int:
        """Take back what the store has; the ``seq`` of the oldest tick. Raises BadFrame."""
        source = self._source
        for kind, _key, record in rows:
            if kind == CURSOR:
                cursor = decode_record_untrusted(record, FeedCursor)
                self._cursors[cursor.symbol] = cursor
            elif kind == LIVE:
                source.start_seq = decode_record_untrusted(record, LiveStart).start_seq
                source.is_ready = True
        first_seq, ticks = self._log.load([record for kind, _key, record in rows if kind == TICKS])
        if len(ticks):
            self._last_ns = int(ticks.time_ns[-1])
            self._staleness.took(ticks)
            source.give(ticks)
        return first_seq

    def start(self, now_ns: int) -> list[Effect]:
        """Ask for the history, or for what came since the last stored tick."""
        self._answered_ns = now_ns
        return self._ask(now_ns)

    def stop(self) -> None:
        """Ask no more."""
        self.deadline_ns = NEVER
        self._is_stopped = True
        self._asked_number = -1

    @property
    def is_ready(self) -> bool:
        """Whether the history is there."""
        return self._source.is_ready

    @property
    def waiting(self) -> str:
        """What the feed waits for where it gets no answer; empty: it is answered."""
        return f"its terminal: {self._lost_reason}" if self._lost_reason else ""

    @property
    def facts(self) -> dict[str, str]:
        """How the feed is, for people."""
        return {"terminal": self._lost_reason or self._unread or "answers", "stale": ", ".join(self._staleness.stale)}

    def on_deadline(self, now_ns: int) -> list[Effect]:
        """The next question is due, or it is time to look for silence while one is not answered."""
        if now_ns < self.deadline_ns or self._is_stopped:
            return []
        if self._asked_number >= 0:
            self.deadline_ns = now_ns + SECOND_NS
        return self._look(now_ns) + (self._ask(now_ns) if self._asked_number < 0 else [])

    def _ask(self, now_ns: int) -> list[Effect]:
        self._number += 1
        self._asked_number = self._number
        self._parts = []
        self.deadline_ns = now_ns + SECOND_NS
        bars_count = 0 if self._source.is_ready else self._bars_count
        return [Send(WORKER, 0, FeedAsk(self._number, list(self._cursors.values()), bars_count))]

    def on_ticks(self, part: FeedTicks) -> list[Effect]:
        """A part of the answer."""
        if part.number != self._asked_number:
            return []
        symbols = self._source.symbols
        message = Ticks(0, list(symbols), part.symbol_index, part.time_ns, part.bid_e8, part.ask_e8)
        try:
            self._parts.append(columns_of(message))
        except ValueError as error:
            return [Note("error", "ticks_ignored", {"why": f"damaged: {error}"})]
        return []

    def on_told(self, told: FeedTold, now_ns: int) -> list[Effect]:
        """The answer is whole: keep it."""
        if told.number != self._asked_number:
            return []
        self._asked_number = -1
        out: list[Effect] = []
        if self._lost_reason:
            out.append(Note("info", "feed_back", {"was": self._lost_reason}))
        self._lost_reason, self._lost_count = "", 0
        if told.why and told.why != self._unread:
            out.append(Note("warning", "feed_symbols_unread", {"why": told.why}))
        self._unread = told.why
        ticks = self._in_order(concatenated([no_ticks_of(self._source.symbols), *self._parts]))
        out += self._clock_checked(ticks, told)
        self._answered_ns = now_ns
        if not len(ticks) and told.cursors == list(self._cursors.values()):
            return out + self._taken(ticks, told, now_ns)
        puts = self._log.add(ticks)
        for cursor in told.cursors:
            if self._cursors.get(cursor.symbol) not in (None, cursor):
                self._cursors[cursor.symbol] = cursor
                puts.append(Put(CURSOR, cursor.symbol.encode(), encode(cursor)))
        if not self._source.is_ready and len(ticks):
            puts.append(Put(LIVE, b"", encode(LiveStart(len(ticks)))))
        self._durable = (ticks, told)
        self.deadline_ns = NEVER
        return [*out, Commit(self._token, tuple(puts))]

    def on_durable(self, now_ns: int) -> list[Effect]:
        """The answer is kept: its ticks happen."""
        if self._durable is None:
            return []
        (ticks, told), self._durable = self._durable, None
        return self._taken(ticks, told, now_ns)

    def on_lost(self, lost: FeedLost, now_ns: int) -> list[Effect]:
        """No answer came: ask again after a pause that grows."""
        if self._is_stopped:
            return []
        self._asked_number = -1
        out: list[Effect] = []
        if lost.reason != self._lost_reason:
            self._lost_reason = lost.reason
            self._counters.add("feed_lost_count")
            out.append(Note("warning", "feed_lost", {"why": lost.reason}))
        self._source.is_whole = False
        if self._durable is None:
            self.deadline_ns = now_ns + (RETRY_NS << min(self._lost_count, RETRY_DOUBLINGS_MAX))
            self._lost_count += 1
        return out

    def _taken(self, ticks: TickColumns, told: FeedTold, now_ns: int) -> list[Effect]:
        source = self._source
        if len(ticks):
            self._staleness.took(ticks)
            source.give(ticks)
            if not source.is_ready:
                source.start_seq = len(ticks)
                source.is_ready = True
        source.is_whole = told.is_linked and not told.has_more
        if told.is_linked and source.is_ready:
            source.clock_ns = max(source.clock_ns, told.market_ns - CLOCK_BEHIND_NS)
            self._staleness.begin(source.clock_ns)
        # More that does not come yet waits for a symbol that cannot be read: it is not asked for without a pause.
        is_more_there = told.has_more and len(ticks) > 0
        self.deadline_ns = NEVER if self._is_stopped else now_ns if is_more_there else now_ns + self._poll_ns
        return self._look(now_ns)

    def _look(self, now_ns: int) -> list[Effect]:
        if not self._source.is_ready or not self._source.clock_ns:
            return []
        return self._staleness.look(self._source.clock_ns, now_ns - self._answered_ns)

    def _in_order(self, ticks: TickColumns) -> TickColumns:
        """The ticks that can follow the newest one, none of them before it."""
        if not len(ticks):
            return ticks
        kept = ticks.time_ns >= self._last_ns - LATE_NS_MAX
        if not kept.all():
            self._counters.add("late_tick_count", int((~kept).sum()))
            ticks = ticks[kept]
            if not len(ticks):
                return ticks
        times_ns = np.maximum(ticks.time_ns, self._last_ns)
        self._last_ns = int(times_ns[-1])
        return TickColumns(ticks.symbols, ticks.symbol_index, times_ns, ticks.bid_e8, ticks.ask_e8)

    def _clock_checked(self, ticks: TickColumns, told: FeedTold) -> list[Effect]:
        """Ticks that came since the last look are about as old as the clock says, or somebody's clock is wrong."""
        if not len(ticks) or not self._source.is_whole or not told.is_linked:
            return []
        ahead_ns = int(ticks.time_ns[-1]) - told.market_ns
        was_off, self._is_clock_off = self._is_clock_off, abs(ahead_ns) > CLOCK_OFF_NS
        if was_off or not self._is_clock_off:
            return []
        advice = "correct the account's or the broker's zone, or this host's clock: signals are too old to trade on, or bars end too late"
        return [Note("error", "server_clock_off", {"ahead_ms": ahead_ns // MS_NS, "do": advice})]
