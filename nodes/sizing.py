"""How many lots an opening gets, and what lots are worth: exact integers from the symbol as the account's broker trades it.

A tick of one lot is worth ``tick_value`` in the account's currency (MetaTrader's SYMBOL_TRADE_TICK_VALUE), so a distance
``d`` of ``v`` lots is worth ``d / tick_size × tick_value × v``: the loss at an SL ``d`` away, and with the price itself as
``d`` the notional. Volumes are always rounded down to the symbol's step.

A near SL makes sizing by risk ask for more than the exposure rail allows in all. Such a volume is capped: to the room that is
left, and to one position's share of the rail (5 × equity and 5 positions: 1 × equity each). Lots that were set are not.
"""

from decimal import Decimal

import msgspec

from mesh.messages.accounts import SymbolSpec
from mesh.settings import SizingSection
from mesh.units import E8, floor_step

PERCENT = 100
_BALANCE_UNIT = 1_000


def e8_of(value: Decimal) -> int:
    """The fixed-point integer of a setting, rounded down to eight decimals."""
    return int(value * E8)


class Sizing(msgspec.Struct, frozen=True):
    """A sizing rule in integers: ``kind`` is lots, per_1000 or risk."""

    kind: str
    lots_e8: int
    risk_percent_e8: int


def sizing_of(section: SizingSection) -> Sizing:
    """The rule of a configuration's section."""
    return Sizing(section.kind, e8_of(section.lots), e8_of(section.risk_percent))


def is_tradable(spec: SymbolSpec) -> bool:
    """Whether the numbers that sizing divides by are there."""
    return spec.tick_size_e8 > 0 and spec.tick_value_e8 > 0 and spec.volume_step_e8 > 0


def worth_e8(spec: SymbolSpec, distance_e8: int, volume_e8: int) -> int:
    """Money in the account's currency that a move of ``distance_e8`` is worth on ``volume_e8`` lots, rounded up."""
    scaled = distance_e8 * spec.tick_value_e8 * volume_e8
    return -(-scaled // (spec.tick_size_e8 * E8))


def wished_e8(sizing: Sizing, spec: SymbolSpec, balance_e8: int, equity_e8: int, sl_distance_e8: int) -> int:
    """Lots by the rule, before the symbol's limits; 0 where risk is to be sized and there is no SL."""
    if sizing.kind == "lots":
        return sizing.lots_e8
    if sizing.kind == "per_1000":
        return max(0, sizing.lots_e8 * balance_e8 // (_BALANCE_UNIT * E8))
    if sl_distance_e8 <= 0:
        return 0
    risk_e8 = max(0, equity_e8) * sizing.risk_percent_e8 // (PERCENT * E8)
    return risk_e8 * spec.tick_size_e8 * E8 // (sl_distance_e8 * spec.tick_value_e8)


def capped_e8(spec: SymbolSpec, wished_volume_e8: int, price_e8: int, notional_e8: int) -> int:
    """Lots worth at most ``notional_e8`` at a price, but the symbol's minimum where even that is worth more."""
    lot_e8 = worth_e8(spec, price_e8, E8)
    room_e8 = max(0, notional_e8) * E8 // lot_e8 if lot_e8 > 0 else wished_volume_e8
    return min(wished_volume_e8, max(room_e8, spec.volume_min_e8))


def fitted_e8(spec: SymbolSpec, wished_volume_e8: int) -> int:
    """Lots the symbol allows: down to the step, at most its maximum; 0 below its minimum."""
    volume_e8 = floor_step(min(wished_volume_e8, spec.volume_max_e8), spec.volume_step_e8)
    return volume_e8 if volume_e8 >= max(spec.volume_min_e8, 1) else 0
