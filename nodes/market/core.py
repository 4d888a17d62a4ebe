"""The market: owns the feed and market time. Who listens says hello; what happens next is ``nodes/market/blockloop.py``.

Its store keeps where market time stood at the last settled block (and at least each second): after a restart the
feed is read again from its start, the same ticks get the same numbers, and the blocks go on from there. A live market keeps its ticks
in the store besides (``nodes/market/livefeed.py``).
"""

from hashlib import blake2b

import msgspec

from mesh import links
from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Commit, Core, Durable, Effect, Effects, Envelope, Halt, Note, PeerLost, Put, Send, Stop
from mesh.errors import BadConfig
from mesh.hello import refused
from mesh.messages.base import Count, Int64, Msg, Name
from mesh.messages.feed import FeedLost, FeedTicks, FeedTold
from mesh.messages.market import (
    BrokerBlock,
    IndicatorBlock,
    IndicatorProgress,
    MarketHello,
    MarketWelcome,
    Settled,
    TickCredit,
)
from mesh.phases import DONE, DRAINING, READY, STARTING
from mesh.units import MS_NS, NEVER, SECOND_NS
from nodes.envelopes import message_of
from nodes.market.blockloop import FAILED, STOPPED, BlockLoop
from nodes.market.livefeed import LiveFeed
from nodes.market.livesource import LiveSource
from nodes.market.receivers import Receiver
from nodes.market.sources import TickSource

COMMIT_EVERY_NS = SECOND_NS
LIFE_NUMBERS = 1 << 20
"""Block numbers jump by this at a restart: more than were given out since the last commit."""
STANDING = "standing"
_START_TOKEN, _STOP_TOKEN, _FEED_TOKEN = 1, 2, 3
_WORDS: dict[type[Msg], tuple[str, ...]] = {
    TickCredit: ("indicator", "broker", "master"),
    IndicatorProgress: ("indicator",),
    IndicatorBlock: ("indicator",),
    BrokerBlock: ("broker",),
    Settled: ("master",),
}
"""Who may say what, after its hello."""


class Standing(Msg):
    """What the store keeps: the newest block's number, where market time stands, and in which run."""

    number: Count
    released_seq: Count
    end_ns: Int64
    run: Name = ""


def run_of(config: Config) -> str:
    """The name of the run: equal for equal data at any speed, so that orders get the same ids and draws each time."""
    market = msgspec.structs.replace(config.settings.market, speed=None)
    plain = msgspec.json.encode([config.settings.mesh.id, config.settings.mesh.seed, market], order="deterministic")
    return blake2b(plain, digest_size=8, person=b"run").hexdigest()


class Market(Core):
    """The one market of a mesh. ``source`` yields the same ticks in every life; ``run`` names the run, ``run_of`` else."""

    def __init__(self, name: str, config: Config, life: int, source: TickSource, run: str = "") -> None:
        super().__init__()
        self._name = name
        self._life = life
        self._run = run or run_of(config)
        self._source = source
        self._drain_ns = config.settings.timers.drain_ms * MS_NS
        self._loop = BlockLoop(config, source, self.counters)
        self._feed = LiveFeed(config, source, self.counters, _FEED_TOKEN) if isinstance(source, LiveSource) else None
        self._early: dict[int, Envelope] = {}
        """Hellos that came before a live market has its history, by peer."""
        self._halt_at_ns = NEVER
        self._is_stopped = False
        self._committed = (0, 0)
        self._commit_at_ns = NEVER
        self.handlers = {
            MarketHello: self._on_hello,
            PeerLost: self._on_lost,
            Durable: self._on_durable,
            Stop: self._on_stop,
            **dict.fromkeys(_WORDS, self._on_word),
        }
        if self._feed is not None:
            self.handlers |= dict.fromkeys((FeedTicks, FeedTold, FeedLost), self._on_feed)

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """Go on from the last committed block; numbers jump so that no answer to an earlier life fits."""
        for kind, _key, record in rows:
            if kind == STANDING:
                standing = decode_record_untrusted(record, Standing)
                if standing.run != self._run:
                    other = f"this state is of run {standing.run}, the market is now run {self._run}"
                    why = f"{other}: seed, feed or symbols were others; put them back, or give another --state"
                    return (Halt(BadConfig.exit_code, why),)
                self._loop.number = standing.number + LIFE_NUMBERS
                self._loop.released_seq, self._loop.end_ns = standing.released_seq, standing.end_ns
                self._loop.finished = (standing.released_seq, standing.end_ns)
        if self._feed is not None:
            self._loop.supply.restore(self._feed.recover(rows))
        return ()

    def start(self, now_ns: int) -> Effects:
        """Read the first ticks. No block goes out before it is durable that this life's numbers are used."""
        asked = self._feed.start(now_ns) if self._feed is not None else []
        return self._advance(now_ns, [self._commit(_START_TOKEN), *asked])

    def on_deadline(self, now_ns: int) -> Effects:
        """Pace, what is asked again or given up, the end of a drain, a commit that is due."""
        if now_ns >= self._halt_at_ns:
            whom = self._loop.whom() or "nobody"
            return (Halt(0, f"stopped within a block: the drain time is over, it waited for {whom}"),)
        return self._advance(now_ns, self._feed.on_deadline(now_ns) if self._feed is not None else [])

    def phase(self) -> str:
        """STARTING until all are there and settled once; DONE after the last block of a feed that has an end."""
        if self._halt_at_ns < NEVER:
            return DRAINING
        if self._loop.is_done:
            return DONE
        return READY if self._loop.is_opened else STARTING

    def market_ns(self) -> int:
        """Where market time stands."""
        return self._loop.end_ns

    def facts(self) -> dict[str, str]:
        """Progress in ticks, pace, and what the market waits for where it cannot go on: its terminal, or whom."""
        loop = self._loop
        whom = loop.whom() if loop.receivers.absent() or not loop.is_opened else ""
        return {
            "played": str(loop.released_seq),
            "total": str(self._source.total_count),
            "speed": loop.pace.text,
            "feed_state": "over" if loop.is_done else "playing" if loop.is_opened else "waiting",
            "waiting": (self._feed.waiting if self._feed is not None else "") or whom,
            "comparable": "no" if loop.given_up else "yes",
            "given_up": "; ".join(list(loop.given_up)[:4]),
            **(self._feed.facts if self._feed is not None else {}),
        }

    def _on_hello(self, envelope: Envelope, now_ns: int) -> Effects:
        hello = message_of(envelope, MarketHello)
        if self._feed is not None and not self._feed.is_ready:
            self._early[envelope.peer] = envelope  # nobody can be told yet what is history
            return ()
        receivers = self._loop.receivers
        refusal = receivers.refusal(hello)
        if refusal:
            return (refused(self.counters, hello.node, refusal),)
        is_new_life = receivers.accept(hello, envelope.peer)
        receiver = receivers.of(envelope, hello.role)
        assert receiver is not None, "it was accepted"
        note = Note("info", "receiver_there", {"node": hello.node, "role": hello.role, "next_seq": hello.next_seq})
        out: list[Effect] = [note, Send(links.MARKET, envelope.peer, self._welcome(hello.role))]
        self._loop.on_receiver(receiver, is_new_life, now_ns, out)
        return self._advance(now_ns, out)

    def _welcome(self, role: str) -> MarketWelcome:
        loop, source = self._loop, self._source
        released_seq, end_ns = loop.told_seq if role == "indicator" else loop.released_seq, loop.end_ns
        if self._feed is not None and role != "indicator" and released_seq < source.start_seq:
            # a live market is past its history: nobody trades before its quotes are there
            released_seq, end_ns = source.start_seq, loop.supply.tape.time_ns(source.start_seq - 1)
        return MarketWelcome(
            run=self._run,
            life=self._life,
            recorded=self._feed is None,
            start_seq=source.start_seq,
            released_seq=released_seq,
            block=loop.standing_number,
            market_ns=end_ns,
            symbols=list(source.symbols),
            first_seq=loop.supply.tape.first_seq,
            feed_timeframes=[source.feed_timeframes.get(symbol, "M1") for symbol in source.symbols],
        )

    def _on_lost(self, envelope: Envelope, now_ns: int) -> Effects:
        self._early.pop(envelope.peer, None)
        receiver = self._loop.receivers.lost(envelope.peer)
        return () if receiver is None else (Note("warning", "receiver_lost", {"node": receiver.name}),)

    def _on_word(self, envelope: Envelope, now_ns: int) -> Effects:
        receiver = self._loop.receivers.of(envelope, *_WORDS[type(envelope.message)])
        if receiver is None:
            return self._ignored(envelope, "no hello of a role that says this came before it")
        out: list[Effect] = []
        self._take(receiver, envelope.message, out)
        return self._advance(now_ns, out)

    def _take(self, receiver: Receiver, word: Msg, out: list[Effect]) -> None:
        if isinstance(word, TickCredit):
            receiver.stream.credit(word)
            self._loop.pump(receiver, out)
        elif isinstance(word, IndicatorProgress):
            receiver.on_progress(word.through_seq, word.signal_seqs)
        elif isinstance(word, IndicatorBlock):
            receiver.answered = max(receiver.answered, word.number)
        elif isinstance(word, BrokerBlock):
            self._loop.on_broker(word)
        elif isinstance(word, Settled):
            self._loop.on_master(word)

    def _ignored(self, envelope: Envelope, why: str) -> Effects:
        self.counters.add("stranger_count")
        name = type(envelope.message).__name__
        return (Note("warning", "stranger_ignored", {"type": name, "peer": envelope.peer, "why": why}),)

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        if self._halt_at_ns == NEVER:
            self._halt_at_ns = now_ns + self._drain_ns
            self._loop.stop()
            if self._feed is not None:
                self._feed.stop()
        return self._advance(now_ns, [])

    def _on_durable(self, envelope: Envelope, now_ns: int) -> Effects:
        token = message_of(envelope, Durable).token
        if token == _STOP_TOKEN:
            return (Halt(0, "stopped as asked"),)
        if token == _FEED_TOKEN and self._feed is not None:
            return [*self._advance(now_ns, self._feed.on_durable(now_ns)), *self._greet_early(now_ns)]
        self._loop.is_stored = True
        return self._advance(now_ns, [])

    def _greet_early(self, now_ns: int) -> Effects:
        assert self._feed is not None, "only a live market lets anybody wait"
        early, self._early = (self._early, {}) if self._feed.is_ready else ({}, self._early)
        return tuple(effect for hello in early.values() for effect in self._on_hello(hello, now_ns))

    def _on_feed(self, envelope: Envelope, now_ns: int) -> Effects:
        assert self._feed is not None, "only a live market has this handler"
        word = envelope.message
        if isinstance(word, FeedTicks):
            return tuple(self._feed.on_ticks(word))
        out = self._feed.on_told(word, now_ns) if isinstance(word, FeedTold) else []
        if isinstance(word, FeedLost):
            out = self._feed.on_lost(word, now_ns)
        return self._advance(now_ns, out)

    def _advance(self, now_ns: int, out: list[Effect]) -> Effects:
        loop = self._loop
        loop.advance(now_ns, out)
        if loop.step == STOPPED and not self._is_stopped:
            self._is_stopped = True
            out.append(self._commit(_STOP_TOKEN))
        elif loop.step != FAILED:
            self._commit_when_due(now_ns, out)
        feed_ns = self._feed.deadline_ns if self._feed is not None else NEVER
        self.deadline_ns = min(loop.deadline_ns, self._halt_at_ns, self._commit_at_ns, feed_ns)
        return tuple(out)

    def _commit_when_due(self, now_ns: int, out: list[Effect]) -> None:
        """At each settled block, and a second after anything else moved."""
        settled_count, number = self._committed
        if self._loop.number == number or not self._loop.is_opened:
            return
        if self._loop.settled_count != settled_count or now_ns >= self._commit_at_ns:
            self._committed = (self._loop.settled_count, self._loop.number)
            self._commit_at_ns = NEVER
            out.append(self._commit(0))
        elif self._commit_at_ns == NEVER:
            self._commit_at_ns = now_ns + COMMIT_EVERY_NS

    def _commit(self, token: int) -> Commit:
        standing = Standing(self._loop.number, *self._loop.finished, self._run)
        return Commit(token, (Put(STANDING, b"", encode(standing)),))
