"""FEED_STALE and the sessions in which it is raised: learned from ticks, silent at weekends and in a daily break."""

import numpy as np

from mesh.core import Emit, Note
from mesh.counters import Counters
from mesh.events import FEED
from mesh.units import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from nodes.market.sessions import Sessions
from nodes.market.staleness import Staleness
from nodes.ticks import TickColumns
from nodes.zones import Zone

SYMBOLS = ("EURUSD", "XAUUSD")
MONDAY_NS = 1_767_571_200 * SECOND_NS
UTC = Zone.parse("UTC")


def ticks_at(index: int, *times_ns: int) -> TickColumns:
    times = np.array(times_ns, dtype=np.int64)
    return TickColumns(SYMBOLS, np.full(len(times), index, np.uint16), times, times, times)


def minutes(first_ns: int, last_ns: int) -> tuple[int, ...]:
    return tuple(range(first_ns, last_ns, MINUTE_NS))


def sessions(*ticks: TickColumns, zone: Zone = UTC) -> Sessions:
    found = Sessions(SYMBOLS, zone)
    for columns in ticks:
        found.learn(columns)
    return found


def test_weekend_of_the_servers_clock_is_closed_until_a_tick() -> None:
    """Saturday begins at the server's midnight; a symbol that ticked on one is traded at weekends."""
    found = sessions(ticks_at(0, *minutes(MONDAY_NS, MONDAY_NS + DAY_NS)), zone=Zone.parse("UTC+2"))
    saturday_ns = MONDAY_NS + 5 * DAY_NS - 2 * HOUR_NS
    assert found.is_open("EURUSD", saturday_ns - 1)
    assert not found.is_open("EURUSD", saturday_ns)
    assert not found.is_open("EURUSD", saturday_ns + 2 * DAY_NS - 1)
    assert found.is_open("EURUSD", saturday_ns + 2 * DAY_NS)
    found.learn(ticks_at(0, saturday_ns + HOUR_NS))
    assert found.is_open("EURUSD", saturday_ns + 2 * HOUR_NS)
    assert not found.is_open("XAUUSD", saturday_ns + 2 * HOUR_NS)


def test_daily_break_is_learned_from_a_whole_day() -> None:
    """An hour without a tick in the day before is a break; ten minutes are not, and less than a day tells nothing."""
    before = minutes(MONDAY_NS + HOUR_NS, MONDAY_NS + 12 * HOUR_NS)
    after = minutes(MONDAY_NS + 12 * HOUR_NS + 10 * MINUTE_NS, MONDAY_NS + DAY_NS)
    found = sessions(ticks_at(1, *before, *after))
    tuesday_ns = MONDAY_NS + DAY_NS
    assert found.is_open("XAUUSD", tuesday_ns + MINUTE_NS)
    assert not found.is_open("XAUUSD", tuesday_ns + DAY_NS + MINUTE_NS)
    assert not found.is_open("XAUUSD", tuesday_ns + DAY_NS + 59 * MINUTE_NS)
    assert found.is_open("XAUUSD", tuesday_ns + DAY_NS - MINUTE_NS)
    assert found.is_open("XAUUSD", tuesday_ns + DAY_NS + HOUR_NS)
    assert found.is_open("XAUUSD", tuesday_ns + DAY_NS + 12 * HOUR_NS + 5 * MINUTE_NS)


def test_silence_is_raised_once_and_ends_with_a_tick() -> None:
    """A note, an event and a count when it begins, a note and an event when it ends; the other symbol is none of it."""
    counters = Counters()
    staleness = Staleness(sessions(), SYMBOLS, 60_000, counters)
    staleness.took(ticks_at(0, MONDAY_NS))
    staleness.took(ticks_at(1, MONDAY_NS + 59 * SECOND_NS))
    assert staleness.look(MONDAY_NS + 59 * SECOND_NS, 0) == []
    note, emit = staleness.look(MONDAY_NS + 60 * SECOND_NS, 0)
    fields = {"code": "FEED_STALE", "symbol": "EURUSD", "silent_ms": 60_000, "limit_ms": 60_000}
    assert note == Note("error", "feed_stale", fields)
    assert emit == Emit(MONDAY_NS + 60 * SECOND_NS, "", FEED, fields)
    assert staleness.look(MONDAY_NS + 61 * SECOND_NS, 0) == []
    assert staleness.stale == ["EURUSD"]
    staleness.took(ticks_at(0, MONDAY_NS + 62 * SECOND_NS))
    note, _ = staleness.look(MONDAY_NS + 63 * SECOND_NS, 0)
    assert isinstance(note, Note)
    assert (note.level, note.fields["code"], note.fields["silent_ms"]) == ("info", "FEED_FRESH", 1_000)
    assert (staleness.stale, counters.totals) == ([], {"feed_stale_count": 1})


def test_terminal_that_does_not_answer_makes_all_stale() -> None:
    """Market time stands then; what went by since the last answer counts, also for a symbol that never ticked."""
    staleness = Staleness(sessions(), SYMBOLS, 60_000, Counters())
    staleness.took(ticks_at(0, MONDAY_NS))
    staleness.begin(MONDAY_NS + 10 * SECOND_NS)
    staleness.look(MONDAY_NS + 10 * SECOND_NS, 50 * SECOND_NS)
    assert staleness.stale == ["EURUSD"]
    staleness.look(MONDAY_NS + 10 * SECOND_NS, 60 * SECOND_NS)
    assert staleness.stale == ["EURUSD", "XAUUSD"]


def test_silence_ends_with_the_session() -> None:
    """On Friday night it is raised before midnight only, and over when the weekend begins."""
    staleness = Staleness(sessions(), SYMBOLS, 60_000, Counters())
    midnight_ns = MONDAY_NS + 5 * DAY_NS
    staleness.took(ticks_at(0, midnight_ns - 90 * SECOND_NS))
    staleness.took(ticks_at(1, midnight_ns - 30 * SECOND_NS))
    staleness.look(midnight_ns - SECOND_NS, 0)
    assert staleness.stale == ["EURUSD"]
    staleness.look(midnight_ns + HOUR_NS, 0)
    assert staleness.stale == []
