"""The signals node: who may send what, once, in order, with bounded memory, at least once to the master."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.config import Config
from mesh.core import Effects, Emit, Envelope, Halt, LinkUp, Note, PeerLost, Send, Stop
from mesh.links import DECIDE, SHELL, SIGNALS
from mesh.messages.base import Msg
from mesh.messages.signals import ACCEPTED, CCI_UP, MANUAL, PATTERN, Signal, SignalAnswer, SourceHello, SourceWelcome
from mesh.units import MS_NS, SECOND_NS
from nodes.signals import core as signals
from nodes.signals.core import Signals
from tests.nodes.master.masterrig import STRATEGY, config_of, first_signal

INDICATOR, HAND = 1, 2


class Node:
    """A signals node, its sources and its master played by hand."""

    def __init__(self, config: Config | None = None, window: int = 64) -> None:
        self.config = config or config_of(2)
        self.core = Signals("signals-1", self.config, 1)
        self.now_ns = SECOND_NS
        self.out: list[Send] = []
        self.events: list[Emit] = []
        self.notes: list[Note] = []
        self.halts: list[Halt] = []
        self.do(self.core.start(self.now_ns))
        if window:
            self.give(DECIDE, SourceWelcome(window))
        self.hello("cci-1", INDICATOR)
        self.hello("operator", HAND)
        self.out.clear()

    def do(self, effects: Effects) -> None:
        kinds: list[tuple[type[Any], list[Any]]] = [(Send, self.out), (Emit, self.events), (Note, self.notes), (Halt, self.halts)]
        for effect in effects:
            next(found for kind, found in kinds if isinstance(effect, kind)).append(effect)

    def give(self, link: str, message: Msg, peer: int = 0) -> None:
        self.do(self.core.handle(Envelope(link, peer, message), self.now_ns))

    def hello(self, source: str, peer: int, version: int = 1) -> None:
        self.give(SIGNALS, SourceHello(source, 1, version, self.config.fingerprint), peer)

    def signal(self, sid: str, peer: int = INDICATOR, **changes: Any) -> Signal:
        signal = msgspec.structs.replace(first_signal(), sid=sid, **changes)
        self.give(SIGNALS, signal, peer)
        return signal

    def hand(self, sid: str, **changes: Any) -> None:
        self.signal(sid, HAND, **{"source": "operator", "kind": MANUAL, "accounts": ["a1"], "side": 1} | changes)

    def answer(self, sid: str, code: str = ACCEPTED) -> None:
        self.give(DECIDE, SignalAnswer(sid, code))

    def wait(self, span_ns: int) -> None:
        end_ns = self.now_ns + span_ns
        while self.core.deadline_ns <= end_ns:
            self.now_ns = self.core.deadline_ns
            self.do(self.core.on_deadline(self.now_ns))
        self.now_ns = end_ns

    def passed(self) -> list[str]:
        """Sids handed to the master since the last look."""
        found = [send.message.sid for send in self.out if isinstance(send.message, Signal)]
        self.out = [send for send in self.out if not isinstance(send.message, Signal)]
        return found

    def answered(self) -> list[tuple[int, str, str]]:
        """(connection, sid, code) of every answer to a source since the last look."""
        found = [(s.peer, s.message.sid, s.message.code) for s in self.out if isinstance(s.message, SignalAnswer)]
        self.out = [send for send in self.out if not isinstance(send.message, SignalAnswer)]
        return found


def test_a_signal_goes_to_the_master_and_its_answer_comes_back() -> None:
    """The source is answered after the master, not before."""
    node = Node()
    node.signal("s1")
    assert (node.passed(), node.answered()) == (["s1"], [])
    node.answer("s1")
    assert node.answered() == [(INDICATOR, "s1", ACCEPTED)]
    (event,) = node.events
    assert (event.event["kind"], event.event["signal"], event.event["code"]) == ("signal", CCI_UP, ACCEPTED)
    assert str(event.event["level"]) == "-100"


def test_a_repeated_sid_is_answered_from_memory() -> None:
    """Known and answered: not handed over again; known and unanswered: only the connection to answer changes."""
    node = Node()
    node.signal("s1")
    node.hello("cci-1", 9)
    node.signal("s1", peer=9)
    assert node.passed() == ["s1"]
    node.answer("s1")
    assert node.answered() == [(9, "s1", ACCEPTED)]
    node.signal("s1")
    assert (node.passed(), node.answered()) == ([], [(INDICATOR, "s1", ACCEPTED)])
    assert node.core.counters.totals["duplicate_signal_count"] == 1


def test_the_memory_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Older sids go to the master again, whose table remembers for ever."""
    monkeypatch.setattr(signals, "ANSWERS_MAX", 2)
    node = Node()
    for sid in ("s1", "s2", "s3"):
        node.signal(sid)
        node.answer(sid)
    node.passed()
    node.signal("s3")
    assert node.passed() == []
    node.signal("s1")
    assert node.passed() == ["s1"]


def test_words_are_made_ours_before_the_master_sees_them() -> None:
    """A source's own name of a timeframe or a symbol is one of ours on the way on."""
    node = Node()
    node.signal("s1", timeframe="PERIOD_M5")
    (passed,) = [send.message for send in node.out if isinstance(send.message, Signal)]
    assert passed.timeframe == "M5"
    node.answer("s1")
    node.hand("h1", accounts=["a2", "a1", "a2"])
    assert [send.message.accounts for send in node.out if isinstance(send.message, Signal) and send.message.sid == "h1"] == [["a2", "a1"]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"source": "operator"}, "NOT_AUTHORISED"),
        ({"kind": "buy!"}, "MALFORMED"),
        ({"timeframe": "M7"}, "MALFORMED"),
        ({"atr_e8": []}, "MALFORMED"),
        ({"atr_e8": [1] * 65, "atr_periods": [1] * 65}, "MALFORMED"),
        ({"period": 1}, "MALFORMED"),
        ({"level_e8": 0}, "MALFORMED"),
        ({"close_e8": 0}, "MALFORMED"),
        ({"kind": PATTERN, "name": ""}, "MALFORMED"),
    ],
)
def test_what_is_wrong_is_refused_by_code(changes: dict[str, Any], code: str) -> None:
    """The answer comes at once with its reason, the master never sees it, and it is counted."""
    node = Node()
    node.signal("s1", **changes)
    assert (node.passed(), node.answered()) == ([], [(INDICATOR, "s1", code)])
    assert node.core.counters.totals["refused_signal_count"] == 1
    node.signal("s1")
    assert node.passed() == ["s1"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"side": 2}, "MALFORMED"),
        ({"accounts": []}, "UNKNOWN_ACCOUNT"),
        ({"accounts": ["a1", "zz"]}, "UNKNOWN_ACCOUNT"),
        ({"symbol": "NOTHING1"}, "UNKNOWN_SYMBOL"),
    ],
)
def test_what_a_hand_gets_wrong_is_refused_by_code(changes: dict[str, Any], code: str) -> None:
    """Sides, accounts and symbols are checked before the master is asked."""
    node = Node()
    node.hand("h1", **changes)
    assert node.answered() == [(HAND, "h1", code)]


def test_a_source_nobody_named_is_refused() -> None:
    """By default indicators and operators may send; a list in the configuration replaces that."""
    node = Node()
    node.hello("copier", 5)
    node.signal("s1", peer=5, source="copier")
    assert node.answered() == [(5, "s1", "UNKNOWN_SOURCE")]
    assert [note.name for note in node.notes] == ["unknown_source"]
    config = config_of(1)
    section = msgspec.structs.replace(config.node["signals-1"], sources=["copier"])
    changed = msgspec.structs.replace(config.settings, node={**config.node, "signals-1": section})
    named = Node(Config(changed, "x"))
    named.hello("copier", 5)
    named.signal("s1", peer=5, source="copier")
    named.signal("s2")
    assert named.passed() == ["s1"]
    assert named.answered() == [(INDICATOR, "s2", "UNKNOWN_SOURCE")]


def test_nothing_is_taken_before_the_hello() -> None:
    """A stranger's signal is counted and ignored; so is one on the wrong link, or a peer of another version."""
    node = Node()
    node.signal("s1", peer=77)
    node.give(DECIDE, first_signal())
    node.hello("cci-1", 8, version=9)
    node.signal("s2", peer=8)
    node.give(SIGNALS, PeerLost(), INDICATOR)
    node.signal("s3")
    assert (node.passed(), node.answered()) == ([], [])
    assert node.core.counters.totals["stranger_count"] == 5
    assert [note.name for note in node.notes] == ["stranger_message", "hello_refused"]


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("EURUSD", "EURUSD"), ("eurusd", "EURUSD"), ("EUR/USD", "EURUSD"), ("EURUSD.m", "EURUSD"), ("GOLD", "XAUUSD"),
        ("EURO", "EURUSD"), ("MyIndex.x", "MYINDEX"), ("DAX!", "GER40"), ("USDJPYpro", "USDJPY"),
    ],
)  # fmt: skip
def test_a_hand_may_use_any_name_of_a_symbol(written: str, ours: str) -> None:
    """Brokers' names, their decorations and small letters become our own names."""
    extra = "[symbol.MYINDEX]\ndigits = 2\ncontract_size = 1\nbase = \"IDX\"\nprofit = \"USD\"\n"
    account = 'symbol_suffix = ".x"\nsymbol_names = { EURUSD = "EURO", GER40 = "DAX!" }\n'
    config = config_of(1, STRATEGY, extra, account.replace("DAX!", "DAX#"))
    node = Node(config)
    node.hand("h1", symbol=written.replace("DAX!", "DAX#"))
    assert [send.message.symbol for send in node.out if isinstance(send.message, Signal)] == [ours]


def test_an_indicators_symbol_is_the_markets_own() -> None:
    """What reads the market itself is not renamed, however decorated the feed's name is."""
    node = Node()
    node.signal("s1", symbol="EURUSDm")
    assert [send.message.symbol for send in node.out if isinstance(send.message, Signal)] == ["EURUSDm"]


def test_over_credit_a_source_has_to_wait() -> None:
    """64 unanswered signals of a source; the next one is refused, to be sent again, and is no event."""
    node = Node(window=10)
    for number in range(65):
        node.signal(f"s{number}")
    assert node.answered() == [(INDICATOR, "s64", "OVER_CREDIT")]
    assert len(node.passed()) == 10
    assert node.core.facts() == {"held": "64", "unanswered": "10", "waiting": ""}
    assert node.events == []
    node.answer("s0")
    node.signal("s64")
    assert node.passed() == ["s10"]
    assert node.answered() == [(INDICATOR, "s0", ACCEPTED)]


def test_a_slow_master_slows_its_sources() -> None:
    """Answers are withheld until the master's comes: nothing is dropped, nothing grows beyond the credit."""
    node = Node(window=0)
    for number in range(64):
        node.signal(f"s{number}")
    assert (node.passed(), node.answered()) == ([], [])
    node.give(DECIDE, SourceWelcome(64))
    assert node.passed() == [f"s{number}" for number in range(64)]


def test_what_is_not_answered_is_sent_again_in_order() -> None:
    """After a silence: hello, and once welcomed all unanswered again, as before."""
    node = Node()
    for sid in ("s1", "s2", "s3"):
        node.signal(sid)
    node.passed()
    node.answer("s2")
    node.wait(250 * MS_NS)
    assert [type(send.message) for send in node.out if send.link == DECIDE] == [SourceHello]
    node.give(DECIDE, SourceWelcome(64))
    assert node.passed() == ["s1", "s3"]
    assert node.core.phase() == "READY"


def test_a_reconnect_sends_again_at_once() -> None:
    """A new connection may be a new master: it is welcomed first and then gets everything unanswered."""
    node = Node()
    node.signal("s1")
    node.passed()
    node.give(DECIDE, LinkUp())
    assert node.core.phase() == "STARTING"
    node.signal("s2")
    assert node.passed() == []
    node.give(DECIDE, SourceWelcome(64))
    assert node.passed() == ["s1", "s2"]
    node.give(SIGNALS, LinkUp())
    assert node.core.phase() == "READY"


def test_a_hello_that_is_not_welcomed_is_repeated_ever_later() -> None:
    """Also while answers to what was sent before still come in."""
    node = Node()
    node.signal("s1")
    node.give(DECIDE, LinkUp())
    node.answer("s1")
    node.out.clear()
    node.wait(10 * SECOND_NS)
    assert 4 <= len([send for send in node.out if isinstance(send.message, SourceHello)]) <= 8


def test_the_age_of_a_hands_signal_is_what_it_waited_here() -> None:
    """A hand's clock says little: the master gets how long the signal has been held, each time it is sent."""
    node = Node()
    node.hand("h1")
    node.signal("s1")
    node.wait(250 * MS_NS)
    node.give(DECIDE, SourceWelcome(64))
    waits = [(send.message.sid, send.message.waited_ns) for send in node.out if isinstance(send.message, Signal)]
    assert waits == [("h1", 0), ("s1", 0), ("h1", 250 * MS_NS), ("s1", 0)]


def test_two_sources_may_use_one_sid() -> None:
    """They are two signals; answers go back in the order in which they were sent."""
    node = Node()
    node.hand("same")
    node.signal("same")
    assert node.passed() == ["same", "same"]
    node.answer("same")
    node.answer("same", "UNKNOWN_SYMBOL")
    assert node.answered() == [(HAND, "same", ACCEPTED), (INDICATOR, "same", "UNKNOWN_SYMBOL")]
    node.answer("same")
    assert node.answered() == []


def test_a_stop_waits_for_the_answers_under_way() -> None:
    """Nothing new is taken; the end comes with the last answer, or with the drain time."""
    assert [halt.code for halt in stopped([]).halts] == [0]
    node = stopped(["s1", "s2"])
    node.signal("s3")
    node.answer("s1")
    assert (node.halts, node.core.phase()) == ([], "DRAINING")
    node.answer("s2")
    assert [halt.code for halt in node.halts] == [0]
    late = stopped(["s1"])
    late.wait(5 * SECOND_NS)
    assert [halt.reason for halt in late.halts] == ["drain time is over; 1 signals were not answered"]


def stopped(sids: list[str]) -> Node:
    node = Node()
    for sid in sids:
        node.signal(sid)
    node.give(SHELL, Stop())
    return node


@given(st.data())
def test_each_sources_signals_arrive_in_order_and_none_is_lost(data: st.DataObject) -> None:
    """Whatever is repeated, cut and answered: first arrivals at the master keep each source's order, all get answered."""
    node = Node(window=4)
    sent = {INDICATOR: 0, HAND: 0}
    arrived: list[str] = []
    for _ in range(data.draw(st.integers(1, 40))):
        act = data.draw(st.sampled_from(["indicator", "hand", "answer", "cut", "wait"]))
        if act == "indicator" and sent[INDICATOR] < 60:
            node.signal(f"i{sent[INDICATOR]:03}")
            sent[INDICATOR] += 1
        elif act == "hand":
            node.hand(f"h{sent[HAND]:03}")
            sent[HAND] += 1
        elif act == "cut":
            node.give(DECIDE, LinkUp())
            node.give(DECIDE, SourceWelcome(4))
        elif act == "wait":
            node.wait(300 * MS_NS)
            node.give(DECIDE, SourceWelcome(4))
        elif node.core._sent:
            node.answer(data.draw(st.sampled_from(sorted(node.core._sent)))[1])
        arrived += [sid for sid in node.passed() if sid not in arrived]
    while node.core._held:
        node.give(DECIDE, SourceWelcome(4))
        node.answer(next(iter(node.core._sent))[1])
        arrived += [sid for sid in node.passed() if sid not in arrived]
    for first in "ih":
        mine = [sid for sid in arrived if sid[0] == first]
        assert mine == sorted(mine)
    assert len(arrived) == sum(sent.values())
    assert len({sid for _, sid, _ in node.answered()}) == len(arrived)
