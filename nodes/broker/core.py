"""The simulated broker: hosts the terminal of every simulated account, plays the market's ticks to it, keeps its journal.

It is a process of its own, as a real broker is: locals and workers come and go. It plays no tick that a block did not
release, and stops after the first tick that changed somebody's books or made an equity watch fire, and at the moment a
waiting call comes due: what happens does not depend on where the market's blocks end. An ``order_send`` waits for its
latency in market time; every other call is answered at once. Nothing is answered before what it did is durable.
"""

from mesh import links
from mesh.backoff import backoff_ns
from mesh.codec import encode
from mesh.config import Config
from mesh.core import Commit, Core, Durable, Effect, Effects, Envelope, Halt, LinkUp, Note, PeerLost, Put, Send, Stop
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.market import Block, BrokerBlock, MarketHello, MarketWelcome, Ticks
from mesh.messages.venue import TerminalCall
from mesh.phases import READY, STARTING
from mesh.units import MS_NS, NEVER, SECOND_NS
from nodes.broker.desk import Desk
from nodes.broker.journal import PLACE, PLAYED, Journal, Played
from nodes.broker.setup import BrokerNames, simulated_accounts, terminal_of
from nodes.broker.tickplayer import TickPlayer
from nodes.envelopes import message_of
from nodes.tape import CREDIT_TICKS, TickIntake

KNOWN_TICKS = 5_000
"""A restarted broker asks for this many ticks it has played, for quotes and history."""
CALLS_EARLY_MAX = 1_024
"""Calls kept until the broker has caught up with the market; their callers wait for nothing else meanwhile."""
COMMIT_EVERY_NS = SECOND_NS


class Broker(Core):
    """The broker of all simulated accounts."""

    def __init__(self, name: str, config: Config, life: int) -> None:
        super().__init__()
        self._name = name
        self._config = config
        self._life = life
        self._accounts = simulated_accounts(config)
        self._journal = Journal([])
        self._intake = TickIntake(CREDIT_TICKS)
        self._desk: Desk | None = None
        self._player: TickPlayer | None = None
        self._early: list[Envelope] = []
        """Calls that came before the books are open and stand where the market stands."""
        self._market_place = (0, 0)
        self._run = ""
        self._target: Block | None = None
        """The block being played: its ticks have not all come."""
        self._number = 0
        self._stand_ns = 0
        self._changed: dict[str, None] = {}
        self._must_tell = False
        """An earlier life may not have told what changed: that is said before anything is played."""
        self._token = 0
        self._withheld: dict[int, list[Effect]] = {}
        """Commit token → what goes out when it is durable."""
        self._stop_token = 0
        self._committed_ns = 0
        self._credit_seq = 0
        self._repeat_ns = config.settings.timers.repeat_ms * MS_NS
        self._repeat_count = 0
        self.handlers = {
            MarketWelcome: self._on_welcome,
            Ticks: self._on_ticks,
            Block: self._on_block,
            TerminalCall: self._on_call,
            Durable: self._on_durable,
            LinkUp: self._on_link_up,
            PeerLost: lambda envelope, now_ns: (),
            Stop: self._on_stop,
        }

    def recover(self, rows: list[tuple[str, bytes, bytes]], now_ns: int) -> Effects:
        """The books as the journal has them; they open once the market has said what is traded."""
        self._journal = Journal(rows)
        played = self._journal.played
        if played is not None:
            self._stand_ns = played.end_ns
            self._changed = dict.fromkeys(played.changed)
            self._must_tell = bool(played.changed)
            self._intake.next_seq = max(0, played.through_seq - KNOWN_TICKS)
        return ()

    def start(self, now_ns: int) -> Effects:
        """Say hello to the market."""
        return self._hello(now_ns)

    def on_deadline(self, now_ns: int) -> Effects:
        """The market has not answered, or ticks are missing."""
        self._repeat_count += 1
        return self._hello(now_ns)

    def phase(self) -> str:
        """READY once the books are open and stand where the market stands."""
        return READY if self._is_caught_up else STARTING

    def market_ns(self) -> int:
        """The broker's market time."""
        return self._stand_ns

    def facts(self) -> dict[str, str]:
        """How many accounts and waiting calls there are."""
        held = self._desk.held_count if self._desk is not None else 0
        waiting = "" if self._is_caught_up else "the market"
        return {"accounts": str(len(self._accounts)), "waiting_calls": str(held), "waiting": waiting}

    # the market

    def _hello(self, now_ns: int) -> Effects:
        self.deadline_ns = now_ns + backoff_ns(self._repeat_ns, self._repeat_count)
        version, role = PROTOCOL_VERSION, "broker"
        hello = MarketHello(self._name, role, self._life, version, self._config.lineage, self._intake.next_seq)
        return (Send(links.MARKET, 0, hello),)

    def _on_link_up(self, envelope: Envelope, now_ns: int) -> Effects:
        return self._hello(now_ns) if envelope.link == links.MARKET else ()

    def _on_welcome(self, envelope: Envelope, now_ns: int) -> Effects:
        welcome = message_of(envelope, MarketWelcome)
        if self._run not in ("", welcome.run):
            return (Halt(1, f"the market plays run {welcome.run} now, this broker played {self._run}: it starts again"),)
        self._run = welcome.run
        self.deadline_ns = NEVER
        self._repeat_count = 0
        symbols = tuple(welcome.symbols)
        self._intake.restart(max(self._intake.next_seq, welcome.first_seq), symbols)
        out: list[Effect] = []
        if self._player is None:
            self._open(symbols, welcome.market_ns, now_ns, out)
        else:
            self._player.restart(self._intake.next_seq)
        self._credit_seq = 0
        self._credit(out)
        self._market_place = (welcome.released_seq, welcome.market_ns)
        self._take_early(now_ns, out)
        return tuple(out)

    def _open(self, symbols: tuple[str, ...], market_ns: int, now_ns: int, out: list[Effect]) -> None:
        names = BrokerNames(self._config, symbols)
        terminal = terminal_of(self._config, names)
        terminal.restore(self._journal.changes)
        played = self._journal.played
        if played is None:
            self._stand_ns = market_ns
        self._player = TickPlayer(terminal, names, played.through_seq if played is not None else 0)
        self._desk = Desk(self._config, terminal, self._journal)
        self._desk.open(self._stand_ns)
        self._finish(now_ns, out)
        self._journal = Journal([])
        out.append(Note("info", "books_open", {"accounts": len(self._accounts), "symbols": len(symbols)}))

    def _on_ticks(self, envelope: Envelope, now_ns: int) -> Effects:
        first_seq = self._intake.next_seq
        columns, wrong = self._intake.take(message_of(envelope, Ticks))
        if wrong or self._player is None:
            self.counters.add("bad_chunk_count")
            self.deadline_ns = min(self.deadline_ns, now_ns + self._repeat_ns)
            return (Note("warning", "ticks_ignored", {"why": wrong or "no welcome came before them"}),)
        if not len(columns):
            return ()
        self.deadline_ns = NEVER
        self.counters.add("tick_count", len(columns))
        self._player.take(first_seq, columns)
        out: list[Effect] = []
        self._play(now_ns, out)
        return tuple(out)

    def _on_block(self, envelope: Envelope, now_ns: int) -> Effects:
        block = message_of(envelope, Block)
        if self._player is None or block.number < self._number:
            return ()
        if block.number > self._number:
            self._number = block.number
            if not self._must_tell:
                self._changed.clear()
            self.counters.add("block_count")
        out: list[Effect] = []
        if self._must_tell:
            self._must_tell = False
            self._finish(now_ns, out, is_answer=True)
        else:
            self._target = block
            self._play(now_ns, out)
        return tuple(out)

    def _play(self, now_ns: int, out: list[Effect]) -> None:
        """Play the block as far as its ticks are here; answer it where it is over or something happened."""
        player, desk, block = self._player, self._desk, self._target
        if player is None or desk is None or block is None:
            return
        until_ns = min(block.end_ns, desk.due_ns)
        changes, fired = player.play(block.through_seq, until_ns)
        self._stand_ns = max(self._stand_ns, player.last_ns)
        desk.number = block.number
        desk.changed(changes)
        desk.fired(fired)
        if not changes and not fired:
            if player.played_seq < block.through_seq and player.next_ns is None:
                self._credit(out)
                return  # the rest of its ticks has not come
            self._stand_ns = max(self._stand_ns, until_ns)
            desk.on_time(self._stand_ns)
            desk.execute_due(self._stand_ns)
        self._target = None
        self._finish(now_ns, out, is_answer=True)
        self._credit(out)
        self._take_early(now_ns, out)

    def _credit(self, out: list[Effect]) -> None:
        """Room for more ticks, where it is worth a message."""
        played_seq = self._player.played_seq if self._player is not None else self._intake.next_seq
        credit = self._intake.credit(min(played_seq, self._intake.next_seq))
        limit_seq = credit.next_seq + credit.room_count
        if limit_seq - self._credit_seq >= CREDIT_TICKS // 8:
            self._credit_seq = limit_seq
            out.append(Send(links.MARKET, 0, credit))

    # terminals

    def _on_call(self, envelope: Envelope, now_ns: int) -> Effects:
        if len(self._early) >= CALLS_EARLY_MAX:
            call = message_of(envelope, TerminalCall)
            self.counters.add("unhandled_count")
            return (Note("warning", "call_dropped", {"login": call.login, "name": call.name}),)
        self._early.append(envelope)
        out: list[Effect] = []
        self._take_early(now_ns, out)
        return tuple(out)

    @property
    def _is_caught_up(self) -> bool:
        """Whether the broker stands where the market stood when it answered: no call is taken at an earlier time."""
        return self._player is not None and (self._player.played_seq, self._stand_ns) >= self._market_place

    def _take_early(self, now_ns: int, out: list[Effect]) -> None:
        """Take the calls that came, as soon as they can be."""
        if self._desk is None or not self._is_caught_up or not self._early:
            return
        early, self._early = self._early, []
        for envelope in early:
            self.counters.add("venue_call_count")
            self._desk.call(message_of(envelope, TerminalCall), envelope.peer, self._stand_ns, now_ns)
        self._finish(now_ns, out)

    # both

    def _finish(self, now_ns: int, out: list[Effect], is_answer: bool = False) -> None:
        """Commit what happened; tell the market and the callers once it is durable."""
        desk, player = self._desk, self._player
        assert desk is not None, "the books are open"
        assert player is not None, "the books are open"
        batch = desk.taken()
        self._changed.update(dict.fromkeys(batch.changed))
        out += batch.record
        told: list[Effect] = []
        if is_answer or (self._number and (batch.changed or batch.is_held)):
            told.append(Send(links.MARKET, 0, self._word(desk, player)))
        told += [Send(links.VENUE, peer, reply) for peer, reply in batch.replies]
        if batch.puts or batch.record or now_ns - self._committed_ns >= COMMIT_EVERY_NS:
            self._commit(batch.puts, now_ns, out)
        if self._withheld:
            self._withheld[self._token] += told
        else:
            out += told

    def _word(self, desk: Desk, player: TickPlayer) -> BrokerBlock:
        changed = list(self._changed)
        return BrokerBlock(
            self._number, player.played_seq, self._stand_ns, changed, desk.floating(), desk.waiting(self._stand_ns)
        )

    def _commit(self, puts: tuple[Put, ...], now_ns: int, out: list[Effect]) -> None:
        assert self._player is not None, "the books are open"
        self._token += 1
        self._committed_ns = now_ns
        played = Played(self._number, self._player.played_seq, self._stand_ns, list(self._changed))
        out.append(Commit(self._token, (*puts, Put(PLAYED, PLACE, encode(played)))))
        self._withheld[self._token] = []

    def _on_durable(self, envelope: Envelope, now_ns: int) -> Effects:
        token = message_of(envelope, Durable).token
        out: list[Effect] = []
        for earlier in [number for number in self._withheld if number <= token]:
            out += self._withheld.pop(earlier)
        if token == self._stop_token:
            out.append(Halt(0, "stopped as asked"))
        return tuple(out)

    def _on_stop(self, envelope: Envelope, now_ns: int) -> Effects:
        if self._player is None:
            return (Halt(0, "stopped as asked"),)
        out: list[Effect] = []
        self._commit((), now_ns, out)
        self._stop_token = self._token
        return tuple(out)
