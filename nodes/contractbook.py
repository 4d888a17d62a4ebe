"""The contracts of a configuration: those known by their class, as its ``[symbol.NAME]`` sections change them."""

import msgspec

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.settings import SymbolSection
from nodes.contracts import Contract, contract_of
from nodes.sizing import e8_of


def contract_for(config: Config, symbol: str) -> Contract:
    """The contract of a symbol. Raises BadConfig for one that no class knows and no section describes."""
    digits = config.settings.market.digits.get(symbol)
    known = contract_of(symbol)
    if known is not None and digits is not None and digits != known.digits:
        known = known.with_digits(digits)
    section = config.settings.symbol.get(symbol)
    if section is not None:
        return _described(symbol, section, known)
    if known is None:
        raise BadConfig(
            f"symbol {symbol}: no contract data is known; add a section [symbol.{symbol}] with digits, contract_size, "
            "base and profit to the configuration"
        )
    return known


def _described(symbol: str, section: SymbolSection, known: Contract | None) -> Contract:
    """The contract a section describes; what it cannot say is that of the known class, else of a leveraged CFD."""
    point_e8 = 10 ** (8 - section.digits)
    changes = {
        "base_currency": section.base,
        "profit_currency": section.profit,
        "digits": section.digits,
        "point_e8": point_e8,
        "tick_size_e8": e8_of(section.tick_size) if section.tick_size is not None else point_e8,
        "contract_size_e8": e8_of(section.contract_size),
        "volume_min_e8": e8_of(section.volume_min),
        "volume_max_e8": e8_of(section.volume_max),
        "volume_step_e8": e8_of(section.volume_step),
        "spread_points": section.spread_points,
    }
    if known is not None:
        margin = section.base if known.margin_currency == known.base_currency else section.profit
        return msgspec.structs.replace(known, margin_currency=margin, **changes)
    return Contract(
        symbol=symbol,
        known_as=symbol,
        description=f"{symbol} as configured",
        class_name="index",
        calc_mode="CFDLEVERAGE",
        margin_currency=section.profit,
        typical_price_e8=0,
        **changes,
    )
