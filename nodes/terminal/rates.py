"""Typical exchange rates, for conversions that no symbol of a simulated server can make."""

from collections.abc import Iterable

from nodes.contracts import contract_of
from nodes.terminal.settings import FixedRate

_PIVOT = "USD"


def typical_rates(currencies: Iterable[str]) -> tuple[FixedRate, ...]:
    """The rate of each currency against the dollar, where one is known."""
    contracts = {currency: contract_of(currency + _PIVOT) for currency in currencies if currency != _PIVOT}
    return tuple(
        FixedRate(currency, _PIVOT, contract.typical_price_e8) for currency, contract in contracts.items() if contract is not None
    )
