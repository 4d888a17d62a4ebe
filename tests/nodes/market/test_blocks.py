"""Where blocks end, when days begin anew, and when a market time is due."""

from decimal import Decimal

import msgspec
import numpy as np
import pytest

from mesh.config import Config, configured
from mesh.units import DAY_NS, E8, HOUR_NS, MINUTE_NS, MS_NS, NEVER, SECOND_NS
from nodes.market.blocks import Bounds, DayMarks, Plan, next_plan
from nodes.market.pace import Pace
from nodes.tape import BLOCK_TICKS_MAX, Tape
from nodes.ticks import TickColumns
from tests.nodes.flow_rig import config_of


def tape_of(count: int) -> Tape:
    """Ticks at 1 s, 2 s, 3 s …: tick ``seq`` is at (seq + 1) seconds."""
    tape = Tape(("EURUSD",))
    times = (np.arange(count, dtype=np.int64) + 1) * SECOND_NS
    prices = np.full(count, E8, dtype=np.int64)
    tape.append(TickColumns.of_symbol("EURUSD", times, prices, prices + 10))
    return tape


def plan_of(released_seq: int = 10, end_s: int = 10, **bounds: object) -> Plan | None:
    """The plan after tick 9 of a hundred, all computed unless said otherwise."""
    return next_plan(tape_of(100), released_seq, end_s * SECOND_NS, Bounds(**{"computed_seq": 100} | bounds))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, Plan(100, 100 * SECOND_NS)),
        ({"computed_seq": 40}, Plan(40, 40 * SECOND_NS)),
        ({"signal_seq": 25}, Plan(26, 26 * SECOND_NS, has_signals=True)),
        ({"signal_seq": 60, "computed_seq": 40}, Plan(40, 40 * SECOND_NS)),
        ({"is_single": True}, Plan(11, 11 * SECOND_NS)),
        ({"is_single": True, "signal_seq": 10}, Plan(11, 11 * SECOND_NS, has_signals=True)),
        ({"until_ns": 20 * SECOND_NS}, Plan(20, 20 * SECOND_NS)),
        ({"until_ns": 20 * SECOND_NS + 5}, Plan(20, 20 * SECOND_NS + 5)),
        ({"until_ns": 10 * SECOND_NS + 5}, Plan(10, 10 * SECOND_NS + 5)),
        ({"until_ns": 20 * SECOND_NS + 5, "signal_seq": 15}, Plan(16, 16 * SECOND_NS, has_signals=True)),
        ({"until_ns": 20 * SECOND_NS + 5, "signal_seq": 40}, Plan(20, 20 * SECOND_NS + 5)),
        ({"until_ns": 5 * SECOND_NS}, Plan(10, 10 * SECOND_NS)),
        ({"pace_ns": 16 * SECOND_NS + 5}, Plan(16, 16 * SECOND_NS)),
        ({"pace_ns": 10 * SECOND_NS + 5}, Plan(11, 11 * SECOND_NS)),
        ({"computed_seq": 10}, None),
        ({"computed_seq": 10, "until_ns": 10 * SECOND_NS + 5}, Plan(10, 10 * SECOND_NS + 5)),
        ({"computed_seq": 10, "until_ns": 12 * SECOND_NS}, None),
    ],
)
def test_block_ends_at_the_first_thing_that_must_be_asked(bounds: dict[str, object], expected: Plan | None) -> None:
    """Signals, computed ticks, awaited market times, pace and single ticks each end a block where they lie, the first wins."""
    assert plan_of(**bounds) == expected


def test_block_is_not_longer_than_its_limit() -> None:
    """A quiet market still comes in blocks that broker and indicator can work on at once."""
    plan = next_plan(tape_of(3 * BLOCK_TICKS_MAX), 0, 0, Bounds(computed_seq=3 * BLOCK_TICKS_MAX))
    assert plan is not None
    assert plan.through_seq == BLOCK_TICKS_MAX


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, None),
        ({"is_over": True, "feed_end_ns": 160 * SECOND_NS}, Plan(100, 160 * SECOND_NS, has_signals=True, final=True)),
        (
            {"is_over": True, "feed_end_ns": 160 * SECOND_NS, "until_ns": 120 * SECOND_NS},
            Plan(100, 120 * SECOND_NS),
        ),
        (
            {"is_over": True, "feed_end_ns": 160 * SECOND_NS, "until_ns": 160 * SECOND_NS},
            Plan(100, 160 * SECOND_NS, has_signals=True, final=True),
        ),
    ],
)
def test_last_block_goes_to_the_end_of_the_feed(bounds: dict[str, object], expected: Plan | None) -> None:
    """After the last tick comes the final block, after whatever somebody still waits for before it."""
    assert plan_of(100, 100, **bounds) == expected


def _with_rails(config: Config, **rails: object) -> Config:
    settings = config.settings
    return configured(msgspec.structs.replace(settings, rails=msgspec.structs.replace(settings.rails, **rails)))


def test_day_marks_follow_the_zone_through_daylight_saving() -> None:
    """A reset at New York's midnight is at 05:00 UTC before the clock is turned forward (8 March 2026), at 04:00 after."""
    marks = DayMarks(_with_rails(config_of(), daily_reset_zone="America/New_York"))
    start_ns = int(np.datetime64("2026-03-06T12:00", "ns").astype(np.int64))
    found = []
    for _ in range(4):
        start_ns = marks.next_ns(start_ns)
        found.append(start_ns % DAY_NS // HOUR_NS)
    assert found == [5, 5, 4, 4]


def test_day_mark_is_later_than_the_time_asked_about() -> None:
    """At the mark itself the next one is a day away, and the broker's zone counts where none is named."""
    marks = DayMarks(_with_rails(config_of(), daily_reset="06:30"))
    first = marks.next_ns(1_767_600_000 * SECOND_NS)
    assert (first + 2 * HOUR_NS) % DAY_NS == 6 * HOUR_NS + 30 * MINUTE_NS
    assert marks.next_ns(first) == first + DAY_NS
    assert marks.next_ns(first - 1) == first


def test_no_daily_loss_no_marks() -> None:
    """Where every account has the rule off, no day ends a block."""
    assert DayMarks(_with_rails(config_of(), daily_loss_percent=None)).next_ns(0) == NEVER


@pytest.mark.parametrize(
    ("speed", "text", "due_ns"), [("60", "60x", SECOND_NS), ("0.5", "0.5x", 120 * SECOND_NS), ("1", "1x", MINUTE_NS)]
)
def test_pace_says_when_a_market_time_is_due(speed: str, text: str, due_ns: int) -> None:
    """A minute of market time takes a minute divided by the speed, from the anchor on."""
    pace = Pace(Decimal(speed))
    pace.anchor(1_000, 5_000)
    assert pace.text == text
    assert pace.due_ns(5_000 + MINUTE_NS) == 1_000 + due_ns
    assert pace.step_until_ns(0) == int(100 * MS_NS * Decimal(speed))


def test_pace_takes_up_from_where_it_stands_after_a_stall() -> None:
    """A short lag is caught up, a long one is not run after."""
    pace = Pace(Decimal(1))
    pace.anchor(0, 0)
    pace.catch_up(SECOND_NS + 500 * MS_NS, SECOND_NS)
    assert pace.due_ns(2 * SECOND_NS) == 2 * SECOND_NS
    pace.catch_up(10 * SECOND_NS, SECOND_NS)
    assert pace.due_ns(2 * SECOND_NS) == 11 * SECOND_NS


def test_no_speed_is_no_delay() -> None:
    """``max`` delays nothing and streams without a limit."""
    pace = Pace(None)
    pace.anchor(5, 5)
    pace.catch_up(10**12, 0)
    assert (pace.text, pace.is_max, pace.due_ns(10**18), pace.step_until_ns(7)) == ("max", True, 0, NEVER)
