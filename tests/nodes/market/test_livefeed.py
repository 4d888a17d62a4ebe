"""The market's side of a terminal's ticks: asked one at a time, kept before they are given, lost ones asked for again."""

import numpy as np

from mesh.core import Commit, Effect, Note, Send
from mesh.counters import Counters
from mesh.links import WORKER
from mesh.messages.feed import FeedAsk, FeedCursor, FeedLost, FeedTicks, FeedTold
from mesh.units import DAY_NS, MS_NS, SECOND_NS
from nodes.market.livefeed import CLOCK_BEHIND_NS, CURSOR, LIVE, RETRY_NS, LiveFeed
from nodes.market.livesource import LiveSource
from nodes.market.ticklog import TICKS
from tests.nodes.market.liveflow import ZONE, live_config

NOW_NS = 1_000 * SECOND_NS
MARKET_NS = 1_767_780_000 * SECOND_NS
SYMBOLS = ("EURUSD", "USDJPY")
TOKEN = 3


class Feed:
    """A feed, its store, and what it said."""

    def __init__(self, rows: dict[tuple[str, bytes], bytes] | None = None) -> None:
        self.rows = rows if rows is not None else {}
        self.now_ns = NOW_NS
        self.counters = Counters()
        self.source = LiveSource(SYMBOLS, ZONE)
        self.core = LiveFeed(live_config(poll_ms=100), self.source, self.counters, TOKEN)
        self.first_seq = self.core.recover([(kind, key, record) for (kind, key), record in sorted(self.rows.items())])
        self.out = self.core.start(self.now_ns)

    @property
    def asked(self) -> FeedAsk:
        """The one question of the last step."""
        (ask,) = [effect.message for effect in self.out if isinstance(effect, Send)]
        assert isinstance(ask, FeedAsk)
        return ask

    def notes(self) -> list[str]:
        return [effect.name for effect in self.out if isinstance(effect, Note)]

    def tell(
        self, ticks: list[tuple[int, int]], *, market_s: float = 0, more: bool = False, linked: bool = True, why: str = "", number: int = 0
    ) -> None:
        """An answer with ticks (symbol's index, ns after the morning); its commits are done at once where there are any."""
        number = number or self.core._asked_number
        index, times = (np.array([row[at] for row in ticks], dtype=np.int64) for at in (0, 1))
        prices = np.full(len(ticks), 10**8, "<i8").tobytes()
        out: list[Effect] = []
        if ticks:
            part = FeedTicks(number, index.astype("<u2").tobytes(), (times + MARKET_NS).astype("<i8").tobytes(), prices, prices)
            out += self.core.on_ticks(part)
        cursors = [FeedCursor(symbol, int(times[index == at].max(initial=-1)) // MS_NS + 1, 1) for at, symbol in enumerate(SYMBOLS)]
        self.out = out + self.core.on_told(
            FeedTold(number, cursors, MARKET_NS + round(market_s * SECOND_NS), linked, more, why), self.now_ns
        )

    def commit(self) -> None:
        """What was asked to be kept is."""
        for effect in self.out:
            if isinstance(effect, Commit):
                assert effect.token == TOKEN
                for put in effect.puts:
                    if put.record is None:
                        del self.rows[put.kind, put.key]
                    else:
                        self.rows[put.kind, put.key] = put.record
        self.out = self.core.on_durable(self.now_ns)

    def due(self) -> None:
        """Time goes on to where the feed looks again."""
        self.now_ns = max(self.now_ns, self.core.deadline_ns)
        self.out = self.core.on_deadline(self.now_ns)

    def times(self) -> list[int]:
        return (self.source.more().time_ns - MARKET_NS).tolist()


def begun() -> Feed:
    """With a history of two ticks."""
    feed = Feed()
    feed.tell([(0, 0), (1, 1)], market_s=1)
    feed.commit()
    assert feed.times() == [0, 1]
    return feed


def test_first_question_is_for_the_history_and_its_answer_is_one() -> None:
    """A thousand bars at least, no cursors; all that comes is history, and asked for no more."""
    feed = Feed()
    assert feed.asked == FeedAsk(1, [FeedCursor("EURUSD", 0, 0), FeedCursor("USDJPY", 0, 0)], 1_500)
    feed.tell([(0, 0), (1, 1)], market_s=1)
    assert not feed.source.is_ready
    feed.commit()
    assert (feed.source.is_ready, feed.source.start_seq) == (True, 2)
    feed.due()
    assert feed.asked == FeedAsk(2, [FeedCursor("EURUSD", 1, 1), FeedCursor("USDJPY", 1, 1)], 0)


def test_ticks_are_given_when_they_are_durable_and_the_next_question_follows() -> None:
    """Nobody sees a tick that a crash could lose; the clock is behind the terminal's by half a second."""
    feed = begun()
    feed.due()
    feed.tell([(0, 5)], market_s=2)
    assert feed.times() == []
    assert feed.source.clock_ns == MARKET_NS + SECOND_NS - CLOCK_BEHIND_NS
    assert not any(isinstance(effect, Send) for effect in feed.out)
    feed.commit()
    assert feed.times() == [5]
    assert feed.source.clock_ns == MARKET_NS + 2 * SECOND_NS - CLOCK_BEHIND_NS
    assert feed.core.deadline_ns == feed.now_ns + 100 * MS_NS


def test_restart_goes_on_from_what_was_stored() -> None:
    """Ticks, cursors and where trading began come back; an answer that was not durable is asked for again."""
    feed = begun()
    feed.due()
    feed.tell([(0, 5), (1, 6)], market_s=2)
    feed.commit()
    assert {kind for kind, _ in feed.rows} == {TICKS, CURSOR, LIVE}
    feed.due()
    cursors = feed.asked.cursors
    feed.tell([(0, 9)], market_s=3)
    again = Feed(feed.rows)
    assert again.first_seq == 0
    assert again.times() == [0, 1, 5, 6]
    assert (again.source.is_ready, again.source.start_seq) == (True, 2)
    assert again.asked == FeedAsk(1, cursors, 0)
    again.tell([(0, 9)], market_s=3)
    again.commit()
    assert again.times() == [9]


def test_restarted_market_takes_no_tick_before_its_newest() -> None:
    """What is late is measured from the newest stored tick."""
    feed = begun()
    feed.due()
    feed.tell([(0, 5 * SECOND_NS)], market_s=5)
    feed.commit()
    again = Feed(feed.rows)
    again.tell([(1, 3 * SECOND_NS), (1, 6 * SECOND_NS)], market_s=6)
    again.commit()
    assert again.times() == [0, 1, 5 * SECOND_NS, 6 * SECOND_NS]
    assert again.counters.totals["late_tick_count"] == 1


def test_answers_of_an_earlier_question_are_passed_over() -> None:
    """Only what was asked last counts: an answer that comes twice, or after it was given up, gives nothing."""
    feed = begun()
    feed.due()
    number = feed.asked.number
    feed.tell([(0, 7)], number=number - 1)
    assert feed.out == []
    feed.tell([(0, 7)])
    feed.commit()
    feed.tell([(0, 7)], number=number)
    assert feed.out == []
    assert feed.times() == [7]


def test_tick_that_is_a_moment_late_is_of_now_and_an_older_one_is_left_out() -> None:
    """Another symbol's tick was quicker: up to a second it only moves, more is counted and dropped."""
    feed = begun()
    feed.due()
    feed.tell([(0, 5 * SECOND_NS)], market_s=5)
    feed.commit()
    feed.due()
    feed.tell([(1, 3 * SECOND_NS), (1, 4 * SECOND_NS + 1), (0, 6 * SECOND_NS)], market_s=6)
    feed.commit()
    assert feed.times() == [5 * SECOND_NS, 5 * SECOND_NS, 6 * SECOND_NS]
    assert feed.counters.totals["late_tick_count"] == 1


def test_gap_is_asked_for_at_once_and_time_closes_nothing_meanwhile() -> None:
    """While there is more the next page is due now, and the tape is not whole."""
    feed = begun()
    feed.due()
    feed.tell([(0, 5)], market_s=600, more=True)
    feed.commit()
    assert not feed.source.is_whole
    assert feed.core.deadline_ns == feed.now_ns
    feed.due()
    feed.tell([(0, 6)], market_s=600)
    feed.commit()
    assert feed.source.is_whole


def test_more_that_does_not_come_is_asked_for_after_the_pause() -> None:
    """The terminal waits for a symbol it cannot read: time closes nothing meanwhile, and nobody spins."""
    feed = begun()
    feed.due()
    feed.tell([], market_s=2, more=True, why="USDJPY: last_error=(-4, 'Terminal: Not found')")
    feed.commit()
    assert not feed.source.is_whole
    assert feed.core.deadline_ns == feed.now_ns + 100 * MS_NS


def test_sessions_are_of_the_terminals_server() -> None:
    """On its clock is the weekend, whatever the simulated broker's zone is."""
    source = LiveSource(SYMBOLS, "UTC+9")
    core = LiveFeed(live_config(poll_ms=100), source, Counters(), TOKEN)
    friday_ns = 1_767_970_800 * SECOND_NS  # 2026-01-09 15:00 UTC, midnight there
    sessions = core._staleness._sessions
    assert [sessions.is_open("EURUSD", friday_ns + after_ns) for after_ns in (-1, 0)] == [True, False]


def test_lost_answer_is_asked_for_again_after_pauses_that_grow() -> None:
    """Told once for one reason, counted, and told when it is over; the question has the same cursors."""
    feed = begun()
    feed.due()
    cursors = feed.asked.cursors
    pauses = []
    for _ in range(8):
        feed.out = feed.core.on_lost(FeedLost("terminal gone"), feed.now_ns)
        pauses.append((feed.core.deadline_ns - feed.now_ns) // RETRY_NS)
        feed.due()
        assert feed.asked.cursors == cursors
    assert pauses == [1, 2, 4, 8, 16, 32, 32, 32]
    assert feed.counters.totals["feed_lost_count"] == 1
    assert (feed.core.facts["terminal"], feed.core.waiting) == ("terminal gone", "its terminal: terminal gone")
    feed.tell([(0, 7)], market_s=2)
    assert feed.notes() == ["feed_back"]
    assert (feed.core.facts["terminal"], feed.core.waiting) == ("answers", "")


def test_clock_stands_without_the_server() -> None:
    """A terminal without its server gives no ticks and no time."""
    feed = begun()
    stood_ns = feed.source.clock_ns
    feed.due()
    feed.tell([], market_s=9, linked=False)
    feed.commit()
    assert feed.source.clock_ns == stood_ns
    assert not feed.source.is_whole


def test_unread_symbol_is_told_once() -> None:
    """As long as it stays unread, and in the facts."""
    feed = begun()
    told = []
    for _ in range(3):
        feed.due()
        feed.tell([], market_s=2, why="USDJPY: last_error=(-4, 'Terminal: Not found')")
        told += feed.notes()
        feed.commit()
    assert told == ["feed_symbols_unread"]
    assert "USDJPY" in feed.core.facts["terminal"]


def test_wrong_zone_is_told() -> None:
    """New ticks that are hours from the clock: broker.zone or the host's clock is wrong, and signals are not what they seem."""
    feed = begun()
    feed.due()
    feed.tell([(0, 7_200 * SECOND_NS)], market_s=2)
    assert feed.notes() == ["server_clock_off"]
    feed.commit()
    feed.due()
    feed.tell([(0, 7_201 * SECOND_NS)], market_s=3)
    assert feed.notes() == []


def test_ticks_of_a_gap_are_old_and_no_sign_of_a_wrong_zone() -> None:
    """After a loss, and while there is more, ticks may be as old as they like."""
    feed = begun()
    feed.due()
    feed.tell([], market_s=1)
    feed.commit()
    assert feed.source.is_whole
    feed.core.on_lost(FeedLost("terminal gone"), feed.now_ns)
    feed.due()
    feed.tell([(0, SECOND_NS)], market_s=600, more=True)
    assert feed.notes() == ["feed_back"]
    feed.commit()
    feed.due()
    feed.tell([(0, 2 * SECOND_NS)], market_s=600)
    assert feed.notes() == []


def test_silence_is_looked_for_while_no_answer_comes() -> None:
    """A terminal that hangs is looked at each second; after a minute its symbols are stale."""
    feed = begun()
    feed.due()
    while "feed_stale" not in feed.notes():
        assert feed.core.deadline_ns - feed.now_ns <= SECOND_NS
        feed.due()
        assert not any(isinstance(effect, Send) for effect in feed.out)
    assert feed.now_ns - NOW_NS < 62 * SECOND_NS
    assert feed.core.facts["stale"] == "EURUSD, USDJPY"


def test_stopped_feed_asks_no_more() -> None:
    """Whatever still comes."""
    feed = begun()
    feed.due()
    feed.core.stop()
    assert feed.core.on_lost(FeedLost("ended"), feed.now_ns) == []
    assert feed.core.on_deadline(feed.now_ns + DAY_NS) == []
    assert feed.core.deadline_ns > feed.now_ns + DAY_NS


def test_first_send_goes_to_the_terminal() -> None:
    """On the link of the process, to nobody else."""
    (send,) = Feed().out
    assert isinstance(send, Send)
    assert (send.link, send.peer) == (WORKER, 0)
