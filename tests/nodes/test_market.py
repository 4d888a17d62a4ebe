"""The market core by hand: who it waits for, where blocks end, what is asked before time goes on."""

from collections import deque

import numpy as np
import pytest

from mesh import links
from mesh.core import Commit, Durable, Effect, Effects, Envelope, Halt, Note, PeerLost, Send, Stop
from mesh.messages import PROTOCOL_VERSION
from mesh.messages.base import Msg
from mesh.messages.market import (
    Block,
    BrokerBlock,
    IndicatorBlock,
    IndicatorProgress,
    MarketHello,
    MarketWelcome,
    Settle,
    Settled,
    TickCredit,
    Ticks,
    Waiting,
)
from mesh.units import E8, MS_NS, SECOND_NS
from nodes.market import LIFE_NUMBERS, STANDING, Market, run_of
from nodes.sources import RecordedSource
from nodes.ticks import TickColumns
from tests.nodes.flow_rig import config_of

INDICATOR, BROKER, MASTER = 1, 2, 3
ROLES = {INDICATOR: ("cci-1", "indicator"), BROKER: ("broker-1", "broker"), MASTER: ("master-1", "master")}
TICKS = 50


def source(count: int = TICKS, start_seq: int = 0) -> RecordedSource:
    """Ticks at 1 s, 2 s, 3 s …; the feed ends half a minute after its last tick."""
    times = (np.arange(count, dtype=np.int64) + 1) * SECOND_NS
    prices = np.full(count, E8, dtype=np.int64)
    columns = TickColumns.of_symbol("EURUSD", times, prices, prices + 10)
    return RecordedSource(columns, {"EURUSD": "M1"}, (count + 30) * SECOND_NS, start_seq)


class Hall:
    """A market and its listeners, who answer at once what they are not told to keep back."""

    def __init__(self, speed: str = '"max"', count: int = TICKS, start_seq: int = 0) -> None:
        self.config = config_of(speed=speed)
        self.now_ns = SECOND_NS
        self.market = Market("market-1", self.config, 7, source(count, start_seq))
        self.said: list[tuple[int, Msg]] = []
        """Every message of the market but ticks, with whom it went to."""
        self.effects: list[Effect] = []
        self.silent: set[type[Msg]] = set()
        """Messages that are not answered."""
        self.signal_seqs: list[int] = []
        self.answers_late = False
        """Whether signals stay unanswered."""
        self.stops: dict[int, list[str]] = {}
        """Ticks after which the broker stops, and whose books changed there."""
        self.waits: dict[str, int] = {}
        self.floating: list[str] = []
        self.settled: dict[int, tuple[list[str], list[str], list[str]]] = {}
        """After which tick the master names whom as missing, open and managed; nobody else."""
        self.next_seqs = dict.fromkeys(ROLES, 0)
        self.played_seq = 0
        self.stand_ns = 0
        self._queue: deque[Effect] = deque()

    def begin(self, rows: list[tuple[str, bytes, bytes]] | None = None) -> None:
        """Start the market, let everybody say hello, and go as far as it goes."""
        self.do(self.market.recover(rows or [], self.now_ns))
        self.do(self.market.start(self.now_ns))
        for peer in ROLES:
            self.hello(peer)

    def hello(self, peer: int, life: int = 1, **changes: object) -> None:
        name, role = ROLES[peer]
        fields = {"node": name, "role": role, "life": life, "version": PROTOCOL_VERSION} | changes
        fingerprint = str(fields.pop("config_hash", self.config.fingerprint))
        self.tell(peer, MarketHello(**fields, config_hash=fingerprint, next_seq=self.next_seqs[peer]))  # type: ignore[arg-type]

    def tell(self, peer: int, message: Msg) -> None:
        """A message to the market, and everything that follows."""
        self.do(self.market.handle(Envelope(links.MARKET, peer, message), self.now_ns))

    def later(self, now_ns: int) -> None:
        """Let time pass to ``now_ns``, deadline by deadline."""
        while self.market.deadline_ns <= now_ns:
            self.now_ns = max(self.now_ns, self.market.deadline_ns)
            self.do(self.market.on_deadline(self.now_ns))
        self.now_ns = now_ns

    def do(self, effects: Effects) -> None:
        self._queue.extend(effects)
        while self._queue:
            effect = self._queue.popleft()
            self.effects.append(effect)
            if isinstance(effect, Send):
                self._send(effect.peer, effect.message)
            elif isinstance(effect, Commit) and effect.token:
                self._handle(0, Durable(effect.token))

    def _handle(self, peer: int, message: Msg) -> None:
        self._queue.extend(self.market.handle(Envelope(links.MARKET, peer, message), self.now_ns))

    def _send(self, peer: int, message: Msg) -> None:
        if not isinstance(message, Ticks):
            self.said.append((peer, message))
        if isinstance(message, MarketWelcome):
            self._handle(peer, TickCredit(self.next_seqs[peer], 1_000_000))
        elif isinstance(message, Ticks):
            self.next_seqs[peer] = max(self.next_seqs[peer], message.first_seq + len(message.time_ns) // 8)
            if peer == INDICATOR:
                self._handle(peer, IndicatorProgress(self.next_seqs[peer], self.signal_seqs))
        elif type(message) not in self.silent:
            self._answer(peer, message)

    def _answer(self, peer: int, message: Msg) -> None:
        if isinstance(message, Settle):
            place = [block.through_seq for to, block in self.said if to == MASTER and isinstance(block, Block)][-1]
            self._handle(MASTER, Settled(message.number, *self.settled.get(place, ([], [], []))))
        elif isinstance(message, Block) and peer == INDICATOR:
            if not (self.answers_late and message.through_seq - 1 in self.signal_seqs):
                self._handle(INDICATOR, IndicatorBlock(message.number, 0))
        elif isinstance(message, Block) and peer == BROKER:
            self._handle(BROKER, self.word(message))

    def word(self, block: Block) -> BrokerBlock:
        """The broker plays a block, up to the first tick at which it stops."""
        assert self.next_seqs[BROKER] >= block.through_seq, "a block came before its ticks"
        stop = min((seq for seq in self.stops if self.played_seq <= seq < block.through_seq), default=None)
        changed: list[str] = []
        if stop is not None:
            changed = self.stops.pop(stop)
            self.played_seq, self.stand_ns = stop + 1, (stop + 1) * SECOND_NS
        else:
            self.played_seq = max(self.played_seq, block.through_seq)
            self.stand_ns = max(self.stand_ns, block.end_ns)
        waiting = [Waiting(*wait) for wait in self.waits.items() if wait[1] > self.stand_ns]
        self.waits = {wait.account: wait.until_ns for wait in waiting}
        return BrokerBlock(block.number, self.played_seq, self.stand_ns, changed, self.floating, waiting)

    def settle_again(self, missing: list[str], open_: list[str]) -> None:
        """The master's word on the newest question changes."""
        number = [message.number for _, message in self.said if isinstance(message, Settle)][-1]
        self.tell(MASTER, Settled(number, missing, open_, []))

    def blocks(self, peer: int = BROKER) -> list[tuple[int, int]]:
        """(through_seq, end in seconds) of each block told to a listener, repeats of a place once."""
        found = [message for to, message in self.said if to == peer and isinstance(message, Block)]
        return list(dict.fromkeys((block.through_seq, block.end_ns // SECOND_NS) for block in found))

    def settles(self) -> list[list[str]]:
        return [message.accounts for _, message in self.said if isinstance(message, Settle)]

    def story(self, through_seq: int) -> list[str]:
        """Who was told of the place after a tick, in order, without repeats: broker, master, settle, indicator."""
        words: list[str] = []
        place = -1
        for peer, message in self.said:
            if isinstance(message, Block):
                place = message.through_seq
                word = ROLES[peer][1]
            elif isinstance(message, Settle):
                word = f"settle {','.join(message.accounts)}".strip()
            else:
                continue
            if place == through_seq:
                words.append(word)
        return words

    def notes(self) -> list[str]:
        return [effect.name for effect in self.effects if isinstance(effect, Note)]


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
    """Without signals and changes nobody is asked between the opening and the end of the feed."""
    hall = Hall()
    hall.begin()
    assert hall.blocks() == [(0, 0), (TICKS, TICKS), (TICKS, TICKS + 30)]
    assert [accounts for accounts in hall.settles() if accounts] == [["one", "two"]]
    facts = hall.market.facts()
    assert (facts["played"], facts["total"], facts["speed"], facts["feed_state"]) == ("50", "50", "max", "over")
    assert (facts["waiting"], facts["comparable"]) == ("", "yes")
    assert hall.market.market_ns() == (TICKS + 30) * SECOND_NS


def test_signal_is_released_only_after_its_block_is_settled() -> None:
    """Broker, then the floating account's settled state, then the indicator, then settled again and the broker's word."""
    hall = Hall()
    hall.signal_seqs = [19]
    hall.floating = ["two"]
    hall.begin()
    settled = ["broker", "master", "settle two"]
    again = ["broker", "master", "settle", "broker"]
    assert hall.story(20) == ["broker", *settled, "indicator", *again]


def test_indicator_is_not_told_of_a_signal_while_a_state_is_missing() -> None:
    """A signal waits for the state of each account whose equity moved; it comes, and the market goes on."""
    hall = Hall()
    hall.signal_seqs = [19]
    hall.floating = ["two"]
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
    assert [accounts for accounts in hall.settles() if accounts] == [["one", "two"], ["one"], ["two"]]


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
    assert [accounts for accounts in hall.settles() if accounts] == [["one", "two"], ["one"], ["two"]]


def test_managed_account_makes_blocks_of_single_ticks() -> None:
    """While an account is managed by its local, it is settled after each tick; then the market streams again."""
    hall = Hall()
    hall.stops = {9: ["one"]}
    hall.settled = dict.fromkeys((10, 11, 12), ([], [], ["one"]))
    hall.begin()
    assert hall.blocks(MASTER) == [(0, 0), (10, 10), (11, 11), (12, 12), (13, 13), (50, 50), (50, 80)]
    assert [accounts for accounts in hall.settles() if accounts].count(["one"]) == 4


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
    assert hall.settles().count(["one", "two"]) == 2
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
    assert [accounts for accounts in hall.settles() if accounts] == [["one", "two"]] * 2


def test_restarted_market_goes_on_where_it_stood_with_numbers_nobody_used() -> None:
    """What was committed is where the next life begins; its numbers are beyond all earlier ones."""
    hall = Hall()
    hall.signal_seqs = [19]
    hall.answers_late = True
    hall.stops = {9: ["one"]}
    hall.begin()
    commits = [effect for effect in hall.effects if isinstance(effect, Commit)]
    number = hall.market._loop.number
    again = Hall()
    again.played_seq, again.stand_ns = 20, 20 * SECOND_NS
    again.next_seqs = {INDICATOR: 50, BROKER: 20, MASTER: 20}
    again.signal_seqs = [19]
    again.begin([(put.kind, put.key, put.record or b"") for put in commits[-1].puts])
    welcome = next(message for to, message in again.said if to == MASTER and isinstance(message, MarketWelcome))
    assert welcome.released_seq == 10
    assert welcome.block > number
    assert again.settles()[0] == ["one", "two"]


def test_two_lives_without_a_block_do_not_share_numbers() -> None:
    """The numbers of a life are spent durably before its first block, so an early crash repeats none."""
    hall = Hall()
    hall.do(hall.market.start(hall.now_ns))
    first = next(effect for effect in hall.effects if isinstance(effect, Commit))
    assert first.puts[0].kind == STANDING
    again = Hall()
    again.begin([(put.kind, put.key, put.record or b"") for put in first.puts])
    numbers = [message.number for _, message in again.said if isinstance(message, Block)]
    assert min(numbers) > LIFE_NUMBERS


def test_market_of_another_feed_is_refused() -> None:
    """A state that stands beyond the end of the feed belongs to another one: exit 78, and what to do."""
    hall = Hall()
    hall.begin()
    commit = [effect for effect in hall.effects if isinstance(effect, Commit)][-1]
    again = Hall(count=20)
    again.begin([(put.kind, put.key, put.record or b"") for put in commit.puts])
    halt = next(effect for effect in again.effects if isinstance(effect, Halt))
    assert halt.code == 78
    assert "--state" in halt.reason
    assert again.blocks() == []


def test_stop_finishes_the_block_and_plays_nothing_more() -> None:
    """A stopped market halts with 0 once where it stands is durable; no tick after the block in hand is played."""
    hall = Hall(speed="1")
    hall.begin()
    hall.later(hall.now_ns + 5 * SECOND_NS)
    hall.do(hall.market.handle(Envelope(links.SHELL, 0, Stop()), hall.now_ns))
    assert hall.effects[-1] == Halt(0, "stopped as asked")
    assert hall.market.market_ns() == 5 * SECOND_NS
    assert hall.market.phase() == "DRAINING"


def test_stop_lets_a_waiting_call_come_due() -> None:
    """A call that waits at the broker gets its moment before the market ends."""
    hall = Hall(speed="1")
    hall.begin()
    hall.later(hall.now_ns + 5 * SECOND_NS)
    hall.waits = {"one": 7 * SECOND_NS + 40 * MS_NS, "two": 60 * SECOND_NS}
    block = [message for to, message in hall.said if to == BROKER and isinstance(message, Block)][-1]
    hall.tell(BROKER, hall.word(block))
    hall.do(hall.market.handle(Envelope(links.SHELL, 0, Stop()), hall.now_ns))
    assert hall.market.market_ns() == 7 * SECOND_NS + 40 * MS_NS
    assert isinstance(hall.effects[-1], Halt)


def test_stop_that_nobody_answers_ends_with_the_drain_time() -> None:
    """A block that does not end within the drain time is left; the reason says whom it waited for."""
    hall = Hall()
    hall.silent = {Block}
    hall.begin()
    hall.do(hall.market.handle(Envelope(links.SHELL, 0, Stop()), hall.now_ns))
    hall.now_ns += 6 * SECOND_NS
    hall.do(hall.market.on_deadline(hall.now_ns))
    halt = hall.effects[-1]
    assert isinstance(halt, Halt)
    assert (halt.code, "broker" in halt.reason) == (0, True)


@pytest.mark.parametrize(
    "changes", [{"version": 99}, {"config_hash": "0000"}, {"node": "intruder"}, {"node": "cci-1", "role": "broker"}]
)
def test_hello_that_does_not_fit_is_ignored(changes: dict[str, object]) -> None:
    """Another version, configuration, name or role gets no welcome; it is counted and noted."""
    hall = Hall()
    hall.do(hall.market.start(hall.now_ns))
    hall.hello(INDICATOR, **changes)  # type: ignore[arg-type]
    assert hall.said == []
    assert hall.market.counters.totals["stranger_count"] == 1
    assert hall.notes() == ["stranger_ignored"]


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        (9, TickCredit(0, 10)),
        (BROKER, IndicatorProgress(50, [])),
        (MASTER, BrokerBlock(1, 50, 1, [], [], [])),
        (INDICATOR, Settled(1, [], [], [])),
        (MASTER, IndicatorBlock(1, 0)),
    ],
)
def test_words_of_strangers_change_nothing(peer: int, message: Msg) -> None:
    """What comes before a hello, or from a role that does not say it, is counted and ignored."""
    hall = Hall()
    hall.do(hall.market.start(hall.now_ns))
    hall.silent = {Block}
    for known in ROLES:
        hall.hello(known)
    before = hall.market._loop.step
    hall.tell(peer, message)
    assert hall.market._loop.step == before
    assert hall.market.counters.totals["stranger_count"] == 1


def test_unhandled_message_is_counted() -> None:
    """A type the market does not know about is no crash."""
    hall = Hall()
    hall.begin()
    hall.tell(MASTER, Block(1, 1, 1))
    assert hall.market.counters.totals["unhandled_count"] == 1


def test_receiver_that_comes_again_gets_its_ticks_again() -> None:
    """A new hello resets the stream to the tick it names."""
    hall = Hall()
    hall.begin()
    hall.next_seqs[BROKER] = 30
    before = len(hall.effects)
    hall.hello(BROKER)
    sent = [effect.message for effect in hall.effects[before:] if isinstance(effect, Send)]
    assert [message.first_seq for message in sent if isinstance(message, Ticks)] == [30]
    assert any(isinstance(message, Block) for message in sent)


def test_run_has_one_name_at_every_speed_and_another_for_other_data() -> None:
    """Order ids hang on the run's name: it depends on what is played, not on how fast."""
    assert run_of(config_of(speed='"max"')) == run_of(config_of(speed="60"))
    assert run_of(config_of(minutes=10)) != run_of(config_of(minutes=11))
