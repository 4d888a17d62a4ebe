"""The market core by hand: restarts, stopping, and those who do not belong to it."""

import msgspec
import pytest

from mesh import links
from mesh.codec import decode_record_untrusted, encode
from mesh.core import Commit, Envelope, Halt, Send, Stop
from mesh.messages.base import Msg
from mesh.messages.market import (
    Block,
    BrokerBlock,
    IndicatorBlock,
    IndicatorProgress,
    MarketWelcome,
    Settled,
    TickCredit,
    Ticks,
)
from mesh.units import MS_NS, SECOND_NS
from nodes.market.core import LIFE_NUMBERS, STANDING, Standing, run_of
from tests.nodes.flow_rig import config_of
from tests.nodes.market.market_hall import BROKER, INDICATOR, MASTER, ROLES, Hall


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


def test_state_of_another_run_is_refused() -> None:
    """Another seed or feed has other ticks under the same numbers; the positions would meet prices they never saw."""
    hall = Hall()
    hall.do(hall.market.start(hall.now_ns))
    (put,) = next(effect for effect in hall.effects if isinstance(effect, Commit)).puts
    standing = msgspec.structs.replace(decode_record_untrusted(put.record or b"", Standing), run="another")
    (halt,) = Hall().market.recover([(put.kind, put.key, encode(standing))], 1)
    assert isinstance(halt, Halt)
    assert halt.code == 78
    assert "run another" in halt.reason


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
    assert hall.notes() == ["hello_refused"]


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


def test_words_of_the_market_itself_are_a_strangers() -> None:
    """What only the market may say is no crash, and counted, where somebody says it to the market."""
    hall = Hall()
    hall.begin()
    hall.tell(MASTER, Block(1, 1, 1))
    assert hall.market.counters.totals["stranger_count"] == 1


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
