"""What a position earns and what it binds: profit and margin in the currency of the deposit.

Formulas: MQL5 reference, "Symbol Properties", ENUM_SYMBOL_CALC_MODE. Everything is an exact fraction until it is rounded
once, to the account's currency digits.
"""

from typing import NamedTuple

from mesh.units import E8
from nodes.terminal import names
from nodes.terminal.conversion import Route, rounded_e8
from nodes.terminal.symbols import SymbolSpec

_WITHOUT_PRICE = (
    names.SYMBOL_CALC_MODE_FOREX,
    names.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE,
    names.SYMBOL_CALC_MODE_FUTURES,
    names.SYMBOL_CALC_MODE_EXCH_FUTURES,
)
_WITH_LEVERAGE = (names.SYMBOL_CALC_MODE_FOREX, names.SYMBOL_CALC_MODE_CFDLEVERAGE)
_BY_INITIAL = (names.SYMBOL_CALC_MODE_FUTURES, names.SYMBOL_CALC_MODE_EXCH_FUTURES)


def profit_e8(
    spec: SymbolSpec, route: Route, unit_e8: int, is_buy: bool, volume_e8: int, open_e8: int, close_e8: int
) -> int:
    """Money made by a volume from one price to another; ``route`` leads from the profit currency to the deposit's."""
    difference_e8 = close_e8 - open_e8 if is_buy else open_e8 - close_e8
    scale, divisor = spec.profit_scale
    numerator = difference_e8 * volume_e8 * scale
    if route.legs or route.fixed != (1, 1):
        rate, rate_divisor = route.least if difference_e8 >= 0 else route.most
        numerator *= rate
        divisor *= rate_divisor
    return rounded_e8(numerator, divisor, unit_e8)


class MarginTerms(NamedTuple):
    """How margin in one symbol is worked out: volume × price ** ``power`` × numerator / divisor, at a rate.

    ``route`` leads from the margin currency to the deposit's; None where there is nothing to convert.
    """

    numerator: int
    divisor: int
    power: int
    route: Route | None

    def margin_e8(self, unit_e8: int, volume_e8: int, price_e8: int) -> int:
        """Money a volume binds at a price, rounded to whole units."""
        numerator, divisor = volume_e8 * self.numerator * price_e8**self.power, self.divisor
        if self.route is not None:
            rate, rate_divisor = self.route.most
            numerator, divisor = numerator * rate, divisor * rate_divisor
        return rounded_e8(numerator, divisor, unit_e8)


def margin_terms(spec: SymbolSpec, route: Route, deposit_currency: str, leverage: int) -> MarginTerms:
    """The terms of a symbol; ``route`` leads from the margin currency to the deposit's.

    Where margin is counted in the base currency and the deposit is held in the profit currency, the deal's own price is
    the rate.
    """
    numerator, divisor, power = _ratio(spec, leverage)
    if spec.currency_margin == spec.currency_base and spec.currency_profit == deposit_currency != spec.currency_base:
        return MarginTerms(numerator, divisor * E8, power + 1, None)
    return MarginTerms(numerator, divisor, power, route if route.legs or route.fixed != (1, 1) else None)


def _ratio(spec: SymbolSpec, leverage: int) -> tuple[int, int, int]:
    """Margin in the margin currency: numerator, divisor, power of the price; in fixed point, as volumes and prices are."""
    if spec.calc_mode in _BY_INITIAL:
        return spec.margin_initial_e8, E8, 0
    numerator, divisor, power = spec.contract_size_e8, E8, 0
    if spec.calc_mode not in _WITHOUT_PRICE:
        divisor, power = E8 * E8, 1
    if spec.calc_mode == names.SYMBOL_CALC_MODE_CFDINDEX and spec.tick_value_e8:
        numerator, divisor = numerator * spec.tick_value_e8, divisor * spec.price_step_e8
    if spec.calc_mode in _WITH_LEVERAGE:
        divisor *= leverage
    return numerator, divisor, power
