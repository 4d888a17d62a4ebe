"""What a position earns and what it binds: profit and margin in the currency of the deposit.

Formulas: MQL5 reference, "Symbol Properties", ENUM_SYMBOL_CALC_MODE. Everything is an exact fraction until it is rounded
once, to the account's currency digits.
"""

from nodes.terminal import names
from nodes.terminal.conversion import Ratio, Route, rounded_e8
from nodes.terminal.symbols import SymbolSpec

_E16 = 10**16

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


def margin_e8(
    spec: SymbolSpec, route: Route, deposit_currency: str, leverage: int, unit_e8: int, volume_e8: int, price_e8: int
) -> int:
    """Money a volume binds at a price; ``route`` leads from the margin currency to the deposit's.

    Where margin is counted in the base currency and the deposit is held in the profit currency, the deal's own price is
    the rate.
    """
    numerator, divisor = _margin_ratio(spec, leverage, volume_e8, price_e8)
    if spec.currency_margin == spec.currency_base and spec.currency_profit == deposit_currency != spec.currency_base:
        rate, rate_divisor = price_e8, 10**8
    else:
        rate, rate_divisor = route.most
    return rounded_e8(numerator * rate, divisor * rate_divisor, unit_e8)


def _margin_ratio(spec: SymbolSpec, leverage: int, volume_e8: int, price_e8: int) -> Ratio:
    """Margin in the margin currency, as a fraction of e8 money."""
    if spec.calc_mode in _BY_INITIAL:
        return volume_e8 * spec.margin_initial_e8, 10**8
    numerator, divisor = volume_e8 * spec.contract_size_e8, 10**8
    if spec.calc_mode not in _WITHOUT_PRICE:
        numerator, divisor = numerator * price_e8, _E16
    if spec.calc_mode == names.SYMBOL_CALC_MODE_CFDINDEX and spec.tick_value_e8:
        numerator, divisor = numerator * spec.tick_value_e8, divisor * spec.price_step_e8
    if spec.calc_mode in _WITH_LEVERAGE:
        divisor *= leverage
    return numerator, divisor
