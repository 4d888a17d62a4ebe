"""The tick tape: what is kept, what is handed out, and what a receiver takes."""

import msgspec
import numpy as np
import pytest

from mesh.codec import FRAME_BYTES_MAX, decode_untrusted, encode
from mesh.config import configured
from mesh.errors import BadConfig
from mesh.messages.market import Block, Settle, TickCredit, Ticks
from mesh.units import E8, MINUTE_NS, NEVER, SECOND_NS
from nodes.market.sources import RecordedSource, SyntheticSource, is_endless
from nodes.tape import CHUNK_TICKS_MAX, Tape, TickIntake, TickStream
from nodes.ticks import NO_TICKS, TickColumns
from tests.nodes.flow_rig import config_of
from tests.nodes.tickrows import same

SYMBOLS = ("EURUSD", "USDJPY")


def ticks_from(first: int, count: int, symbols: tuple[str, ...] = SYMBOLS) -> TickColumns:
    """Ticks a second apart, of the symbols in turn."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    return TickColumns(
        symbols,
        (numbers % len(symbols)).astype(np.uint16),
        numbers * SECOND_NS,
        E8 + numbers,
        E8 + numbers + 10,
    )


def tape_of(count: int) -> Tape:
    tape = Tape(SYMBOLS)
    tape.append(ticks_from(0, count))
    return tape


def intake_of(room_count: int = 100) -> TickIntake:
    intake = TickIntake(room_count)
    intake.restart(0, SYMBOLS)
    return intake


def test_tape_gives_back_what_was_appended_in_parts() -> None:
    """Ticks appended in several parts come out by their seq as if they had come at once."""
    tape = Tape(SYMBOLS)
    for first in range(0, 1_000, 100):
        tape.append(ticks_from(first, 100))
    taken, wrong = intake_of(2_000).take(tape.ticks(0, 1_000))
    assert wrong == ""
    assert same(taken, ticks_from(0, 1_000))
    assert tape.time_ns(777) == 777 * SECOND_NS


def test_tape_drops_the_oldest_of_an_endless_source_and_keeps_the_numbers() -> None:
    """Beyond what is kept the oldest ticks go; every other tick keeps its seq."""
    tape = Tape(SYMBOLS, keep_count=1_000)
    for first in range(0, 300_000, 1_000):
        tape.append(ticks_from(first, 1_000))
    assert tape.end_seq == 300_000
    assert 0 < tape.first_seq <= 299_000
    assert tape.time_ns(299_500) == 299_500 * SECOND_NS


@pytest.mark.parametrize(
    ("market_ns", "from_seq", "expected"),
    [(-1, 0, 0), (0, 0, 1), (5 * SECOND_NS, 0, 6), (5 * SECOND_NS - 1, 0, 5), (5 * SECOND_NS, 8, 8), (10**18, 3, 20)],
)
def test_tape_finds_the_first_tick_after_a_time(market_ns: int, from_seq: int, expected: int) -> None:
    """``first_after`` is the first tick strictly later, never before ``from_seq``, the end where there is none."""
    assert tape_of(20).first_after(market_ns, from_seq) == expected


def test_tape_refuses_ticks_that_do_not_follow() -> None:
    """Other symbols and times before the last tick are bugs of the source, not data."""
    tape = tape_of(10)
    with pytest.raises(ValueError, match="the tape holds"):
        tape.append(ticks_from(10, 1, ("EURUSD",)))
    with pytest.raises(ValueError, match="the tape is at"):
        tape.append(ticks_from(3, 1))


def test_stream_hands_out_chunks_that_fit_in_a_frame_and_no_more_than_credit() -> None:
    """Chunks fit in a frame, follow each other without a hole, and end where credit or the limit ends."""
    tape = tape_of(9_000)
    stream = TickStream(0)
    assert stream.pump(tape, 9_000) == []
    stream.credit(TickCredit(0, 5_000))
    chunks = [message for message in stream.pump(tape, 9_000) if isinstance(message, Ticks)]
    assert [chunk.first_seq for chunk in chunks] == [0, CHUNK_TICKS_MAX, 2 * CHUNK_TICKS_MAX]
    assert all(len(encode(chunk)) < FRAME_BYTES_MAX for chunk in chunks)
    assert all(decode_untrusted(encode(chunk)) == chunk for chunk in chunks)
    assert stream.next_seq == 5_000
    stream.credit(TickCredit(5_000, 5_000))
    assert [message.first_seq for message in stream.pump(tape, 6_000) if isinstance(message, Ticks)] == [5_000]
    assert stream.next_seq == 6_000


def test_stream_owes_a_message_until_its_ticks_are_out() -> None:
    """A block never overtakes its ticks, and a newer one takes the place of one still owed."""
    tape = tape_of(100)
    stream = TickStream(0)
    stream.owe(50, Block(1, 50, 1))
    stream.owe(50, Settle(1, []))
    stream.owe(60, Block(2, 60, 2))
    assert stream.pump(tape, 100) == []
    stream.credit(TickCredit(0, 55))
    assert [type(message) for message in stream.pump(tape, 100)] == [Ticks, Settle]
    stream.credit(TickCredit(55, 10))
    assert [type(message) for message in stream.pump(tape, 100)] == [Ticks, Block]


def test_a_receiver_that_comes_late_hears_of_a_block_before_its_credit_ends() -> None:
    """The market is 60,000 ticks ahead before the first credit comes, and credit grows with the blocks the receiver hears of: all of it
    comes. With the newest block alone nobody would ever have moved again.
    """
    tape = tape_of(60_000)
    stream, released_seq = TickStream(0), 0
    heard: list[int] = []
    for number in range(1, 17):
        stream.owe(number * 3_750, Block(number, number * 3_750, number, False))
        stream.owe(number * 3_750, Block(number, number * 3_750, number, False))
        assert stream.pump(tape, number * 3_750) == []
    while released_seq < 60_000:
        stream.credit(TickCredit(stream.next_seq, released_seq + 20_000 - stream.next_seq))
        blocks = [message for message in stream.pump(tape, 60_000) if isinstance(message, Block)]
        assert blocks, f"it is stuck at {released_seq}"
        heard += [block.number for block in blocks]
        released_seq = blocks[-1].through_seq
    assert heard == sorted(set(heard))
    assert len(heard) < 12, "not each of them"


def test_stream_begins_at_what_is_kept() -> None:
    """Who asks for ticks that are gone gets the oldest there are."""
    tape = Tape(SYMBOLS, keep_count=1_000)
    for first in range(0, 300_000, 1_000):
        tape.append(ticks_from(first, 1_000))
    stream = TickStream(0)
    stream.credit(TickCredit(0, 400_000))
    first = stream.pump(tape, 300_000)[0]
    assert isinstance(first, Ticks)
    assert first.first_seq == tape.first_seq


def test_intake_takes_each_tick_once() -> None:
    """Doubled and overlapping chunks give only what is new."""
    tape, intake = tape_of(100), intake_of()
    assert len(intake.take(tape.ticks(0, 40))[0]) == 40
    assert intake.take(tape.ticks(0, 40)) == (NO_TICKS, "")
    taken, wrong = intake.take(tape.ticks(20, 60))
    assert (wrong, len(taken), intake.next_seq) == ("", 20, 60)
    assert same(taken, ticks_from(40, 20))


def test_intake_names_the_ticks_that_are_missing() -> None:
    """A hole is not stepped over: it is named, and nothing is taken."""
    intake = intake_of()
    taken, wrong = intake.take(tape_of(100).ticks(10, 20))
    assert len(taken) == 0
    assert wrong == "ticks 0 to 9 are missing"
    assert intake.next_seq == 0


def _changed(**fields: object) -> Ticks:
    good = tape_of(10).ticks(0, 10)
    return Ticks(**{name: getattr(good, name) for name in good.__struct_fields__} | fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ticks", "word"),
    [
        (_changed(time_ns=bytes(72)), "differ in length"),
        (_changed(bid_e8=bytes(83)), "damaged"),
        (_changed(symbol_index=b"\x07\x00" * 10), "symbol_index 7"),
        (_changed(symbols=["GBPUSD"]), "not those of the welcome"),
        (_changed(bid_e8=bytes(80)), "not above 0"),
        (_changed(time_ns=np.arange(10, 0, -1, dtype="<i8").tobytes()), "backwards"),
    ],
)
def test_intake_refuses_damaged_chunks(ticks: Ticks, word: str) -> None:
    """Unequal columns, torn bytes, unknown symbols, absurd prices and times are refused in words; good ones still come."""
    intake = intake_of()
    taken, wrong = intake.take(ticks)
    assert len(taken) == 0
    assert word in wrong
    assert len(intake.take(tape_of(10).ticks(0, 10))[0]) == 10


def test_intake_refuses_a_chunk_that_begins_before_the_last_one_ended() -> None:
    """Time may not run back from one chunk to the next either."""
    intake = intake_of()
    intake.take(tape_of(10).ticks(0, 10))
    late = ticks_from(3, 5)
    tape = Tape(SYMBOLS)
    tape.append(ticks_from(-10, 10))
    tape.append(late)
    assert "backwards" in intake.take(tape.ticks(10, 15))[1]


def test_intake_gives_credit_for_the_room_it_has() -> None:
    """What is held here counts against the room."""
    intake = intake_of(100)
    intake.take(tape_of(100).ticks(0, 60))
    assert intake.credit(0) == TickCredit(60, 40)
    assert intake.credit(60) == TickCredit(60, 100)


def test_recorded_source_yields_everything_once() -> None:
    """A recording comes as a whole and then is over; without a tick it is refused."""
    source = RecordedSource(ticks_from(0, 10), {"EURUSD": "H1"}, 99 * SECOND_NS)
    assert len(source.more()) == 10
    assert len(source.more()) == 0
    assert (source.total_count, source.end_ns, is_endless(source)) == (10, 99 * SECOND_NS, False)
    with pytest.raises(ValueError, match="no tick"):
        RecordedSource(NO_TICKS, {}, 0)


def test_synthetic_source_is_the_same_in_every_life() -> None:
    """Two sources of one configuration yield the same ticks, history first, and end after the minutes asked for."""
    config = config_of(backfill=30, minutes=600, symbols='"EURUSD", "USDJPY"')
    first, second = SyntheticSource(config), SyntheticSource(config)
    parts = [first.more()]
    assert len(parts[0]) == first.start_seq > 0
    assert int(parts[0].time_ns[-1]) < first.end_ns - 600 * MINUTE_NS
    while len(part := first.more()):
        parts.append(part)
    assert all(same(part, second.more()) for part in parts)
    assert first.end_ns - MINUTE_NS < int(parts[-1].time_ns[-1]) < first.end_ns
    assert not is_endless(first)


def test_synthetic_source_without_minutes_never_ends() -> None:
    """minutes = 0 is an endless market, which may begin without history."""
    source = SyntheticSource(config_of(backfill=0, minutes=0))
    assert is_endless(source)
    assert source.start_seq == 0
    assert source.end_ns == NEVER
    assert len(source.more()) > 1_000


def test_synthetic_source_refuses_a_day_that_is_none() -> None:
    """A start the calendar does not have is the operator's mistake, named with its key."""
    settings = config_of().settings
    market = msgspec.structs.replace(settings.market, start="2026-02-31")
    with pytest.raises(BadConfig, match=r"market\.start = 2026-02-31"):
        SyntheticSource(configured(msgspec.structs.replace(settings, market=market)))
