"""Local management is a pure function of a position and its price."""

from typing import Any

import pytest

from mesh.messages.accounts import Position, SymbolSpec
from mesh.settings import ManageSection
from mesh.units import E8, SECOND_NS
from nodes.local.manage import BREAK_EVEN, PARTIAL_TP, TIME_STOP, TRAILING, Act, act_of, equity_floor_e8, is_managed

POINT_E8 = 1_000
OPEN_E8 = 110_000_000
SPEC = SymbolSpec("EURUSD", 5, POINT_E8, POINT_E8, E8, 100_000 * E8, E8 // 100, 100 * E8, E8 // 100, 10, 0, 4, 3, 2)
OPENED_NS = 1_000 * SECOND_NS


def position(points: int, side: int = 1, sl_points: int | None = None, volume_e8: int = E8 // 10) -> Position:
    """A position with so many points of profit, and a SL so many points from its opening price in its favour."""
    sl_e8 = 0 if sl_points is None else OPEN_E8 + side * sl_points * POINT_E8
    now_e8 = OPEN_E8 + side * points * POINT_E8
    return Position(1, 1, "EURUSD", side, volume_e8, OPEN_E8, now_e8, sl_e8, 777, 0, 0, OPENED_NS, True)


def act(
    points: int, side: int = 1, sl_points: int | None = -200, market_ns: int = OPENED_NS, done: bool = False, **section: Any
) -> Act | None:
    """What is done."""
    return act_of(position(points, side, sl_points), ManageSection(**section), SPEC, market_ns, done)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("points", "sl_points", "section", "expected"),
    [
        (49, -200, {"break_even_points": 50}, None),
        (50, -200, {"break_even_points": 50}, (BREAK_EVEN, 0)),
        (50, None, {"break_even_points": 50, "break_even_plus_points": 3}, (BREAK_EVEN, 3)),
        (90, 0, {"break_even_points": 50}, None),
        (90, 40, {"break_even_points": 50}, None),
        (50, -200, {"break_even_points": 50, "break_even_plus_points": 45}, None),
        (99, -200, {"trailing_points": 100}, None),
        (100, -200, {"trailing_points": 100}, (TRAILING, 0)),
        (109, 0, {"trailing_points": 100}, None),
        (110, 0, {"trailing_points": 100}, (TRAILING, 10)),
        (105, 0, {"trailing_points": 100, "trailing_step_points": 5}, (TRAILING, 5)),
        (300, -200, {"trailing_points": 5}, None),
        (130, -200, {"break_even_points": 50, "trailing_points": 100}, (TRAILING, 30)),
        (60, -200, {"break_even_points": 50, "trailing_points": 100}, (BREAK_EVEN, 0)),
    ],
)
def test_stop_moves(side: int, points: int, sl_points: int | None, section: dict[str, int], expected: tuple[str, int] | None) -> None:
    """Break-even at its profit, trailing at its distance by its step, the better of both; never back, never inside the stops level."""
    found = act(points, side, sl_points, **section)
    if expected is None:
        assert found is None
    else:
        cause, at = expected
        assert found == Act(cause, "MODIFY", 0, OPEN_E8 + side * at * POINT_E8)


@pytest.mark.parametrize(
    ("points", "percent", "volume_e8", "left_e8"),
    [(29, 50, E8 // 10, None), (30, 50, E8 // 10, E8 // 20), (30, 33, E8 // 10, E8 // 10 - 3 * E8 // 100), (30, 50, E8 // 100, None),
     (30, 100, E8 // 10, 0), (30, 1, E8 // 10, None)],
)  # fmt: skip
def test_partial_take_profit_keeps_to_step_and_minimum(points: int, percent: int, volume_e8: int, left_e8: int | None) -> None:
    """The part is rounded down to the step; what is closed and what stays are at least the minimum, or nothing is done."""
    section = ManageSection(partial_tp_points=30, partial_tp_percent=percent)  # type: ignore[arg-type]
    found = act_of(position(points, 1, None, volume_e8), section, SPEC, OPENED_NS, False)
    assert found == (None if left_e8 is None else Act(PARTIAL_TP, "CLOSE", left_e8))


def test_partial_take_profit_happens_once() -> None:
    """What was done is not done again."""
    assert act(40, done=True, partial_tp_points=30) is None


def test_time_stop_comes_first_and_in_market_time() -> None:
    """After its time a position is closed, whatever else would be done."""
    section = {"time_stop_ms": 60_000, "break_even_points": 50}
    assert act(60, market_ns=OPENED_NS + 60 * SECOND_NS - 1, **section) == Act(BREAK_EVEN, "MODIFY", 0, OPEN_E8)
    assert act(60, market_ns=OPENED_NS + 60 * SECOND_NS, **section) == Act(TIME_STOP, "CLOSE")


def test_section_without_acts_manages_nothing() -> None:
    """Only a section that can do something makes positions managed."""
    assert not is_managed(ManageSection())
    assert is_managed(ManageSection(trailing_points=1))
    assert act(10_000) is None


def test_equity_floor_is_a_share_of_the_deposits() -> None:
    """80 % of 10,000 is 8,000."""
    assert equity_floor_e8(10_000 * E8, 80 * E8) == 8_000 * E8
