"""What a local does with a position of ours by itself: pure functions from a position and its price to an act.

One act at a time, in this order: the time stop closes; the partial take-profit closes a part, once; break-even and trailing
move the SL, the better of both. A SL is only ever moved in the position's favour. Profit is measured in points from the
opening price to the price at which the position would close now. Trailing begins when the profit has reached its distance,
as MetaTrader's own trailing stop does (MetaTrader 5 Help, "Trailing Stop").
"""

import msgspec

from mesh.messages.accounts import Position, SymbolSpec
from mesh.messages.orders import CLOSE, MODIFY
from mesh.settings import ManageSection
from mesh.units import E8, MS_NS, floor_step, round_step
from nodes.sizing import PERCENT, e8_of

BREAK_EVEN, TRAILING, TIME_STOP, PARTIAL_TP, EQUITY_STOP = "BREAK_EVEN", "TRAILING", "TIME_STOP", "PARTIAL_TP", "EQUITY_STOP"
STANDING = "STANDING_CLOSE"
"""A position turned up that a full close had come for before."""


class Act(msgspec.Struct, frozen=True, gc=False):
    """``action`` CLOSE: down to ``left_e8`` lots; MODIFY: the SL, absolute; the TP stays."""

    cause: str
    action: str
    left_e8: int = 0
    sl_e8: int = 0


def is_managed(section: ManageSection) -> bool:
    """Whether a strategy's positions need to be looked at as prices move."""
    return bool(
        section.break_even_points or section.trailing_points or section.time_stop_ms or section.partial_tp_points
    )


def profit_points_e8(position: Position, spec: SymbolSpec) -> int:
    """Profit in points (fixed point) at the price the position would close at now."""
    return (position.price_now_e8 - position.price_open_e8) * position.side * E8 // spec.point_e8


def act_of(
    position: Position, section: ManageSection, spec: SymbolSpec, market_ns: int, is_partial_done: bool
) -> Act | None:
    """What is to be done with a position of ours now; None where nothing is."""
    if section.time_stop_ms and market_ns - position.opened_ns >= section.time_stop_ms * MS_NS:
        return Act(TIME_STOP, CLOSE)
    if not is_partial_done:
        part = partial_of(position, section, spec)
        if part is not None:
            return part
    return sl_act_of(position, section, spec)


def partial_of(position: Position, section: ManageSection, spec: SymbolSpec) -> Act | None:
    """The partial take-profit; none where what is closed or what stays would be below the symbol's minimum."""
    if not section.partial_tp_points or profit_points_e8(position, spec) < section.partial_tp_points * E8:
        return None
    wished_e8 = position.volume_e8 * e8_of(section.partial_tp_percent) // (PERCENT * E8)
    closed_e8 = floor_step(wished_e8, spec.volume_step_e8)
    left_e8 = position.volume_e8 - closed_e8
    if closed_e8 < spec.volume_min_e8 or 0 < left_e8 < spec.volume_min_e8:
        return None
    return Act(PARTIAL_TP, CLOSE, left_e8=left_e8)


def sl_act_of(position: Position, section: ManageSection, spec: SymbolSpec) -> Act | None:
    """The better of break-even and trailing, where it improves the SL and the broker would take it."""
    profit_e8 = profit_points_e8(position, spec)
    choices: list[tuple[int, str, int]] = []
    if section.break_even_points and profit_e8 >= section.break_even_points * E8:
        sl_e8 = position.price_open_e8 + position.side * section.break_even_plus_points * spec.point_e8
        choices.append((sl_e8 * position.side, BREAK_EVEN, 1))
    if section.trailing_points and profit_e8 >= section.trailing_points * E8:
        sl_e8 = position.price_now_e8 - position.side * section.trailing_points * spec.point_e8
        choices.append((sl_e8 * position.side, TRAILING, max(1, section.trailing_step_points * spec.point_e8)))
    for signed_e8, cause, step_e8 in sorted(choices, reverse=True):
        sl_e8 = round_step(signed_e8 * position.side, spec.tick_size_e8 or spec.point_e8)
        if position.sl_e8 and (sl_e8 - position.sl_e8) * position.side < step_e8:
            continue
        if (position.price_now_e8 - sl_e8) * position.side < max(1, spec.stops_level_points * spec.point_e8):
            continue
        return Act(cause, MODIFY, sl_e8=sl_e8)
    return None


def equity_floor_e8(deposit_e8: int, percent_e8: int) -> int:
    """The equity at which an account's equity stop closes everything of ours."""
    return deposit_e8 * percent_e8 // (PERCENT * E8)
