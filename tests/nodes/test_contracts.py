"""Contract data by class, and the names brokers decorate."""

import pytest

from mesh.units import E8
from nodes.contracts import contract_of

DECORATED = [
    ("EURUSD", "EURUSD"),
    ("EURUSDm", "EURUSD"),
    ("EURUSD.i", "EURUSD"),
    ("EURUSD#", "EURUSD"),
    ("EURUSDpro", "EURUSD"),
    ("EURUSD-ECN", "EURUSD"),
    ("EURUSDX", "EURUSD"),
    ("eurusd", "EURUSD"),
    ("EUR/USD", "EURUSD"),
    ("#US30", "US30"),
    ("US500Cash", "US500"),
    ("US500.cash", "US500"),
    ("GOLD.i#", "XAUUSD"),
    ("GOLDm", "XAUUSD"),
    ("XAUUSD", "XAUUSD"),
    ("XAUEUR", "XAUEUR"),
    ("SILVER", "XAGUSD"),
    ("USTEC", "NAS100"),
    ("DE40", "GER40"),
    ("BTCUSD", "BTCUSD"),
    ("XBRUSD", "UKOIL"),
]


@pytest.mark.parametrize(("symbol", "known_as"), DECORATED)
def test_contract_is_found_under_a_decorated_name(symbol: str, known_as: str) -> None:
    """A broker's decoration is stripped to find the contract and kept in its name."""
    contract = contract_of(symbol)
    assert contract is not None
    assert (contract.symbol, contract.known_as) == (symbol, known_as)


@pytest.mark.parametrize("symbol", ["", "#", "ABCDEF", "GOLDMAN", "AAPL", "EUREUR", "USD", "US5000", "EURUSD1", "M12018"])
def test_unknown_symbol_has_no_contract(symbol: str) -> None:
    """What we do not know is asked for, not made up."""
    assert contract_of(symbol) is None


@pytest.mark.parametrize(
    ("symbol", "class_name", "calc_mode", "digits", "lot_units", "currencies"),
    [
        ("EURUSD", "forex", "FOREX", 5, 100_000, ("EUR", "USD", "EUR")),
        ("USDJPY", "forex", "FOREX", 3, 100_000, ("USD", "JPY", "USD")),
        ("GBPCHF", "forex", "FOREX", 5, 100_000, ("GBP", "CHF", "GBP")),
        ("XAUUSD", "metal", "CFDLEVERAGE", 2, 100, ("XAU", "USD", "USD")),
        ("XAGUSD", "metal", "CFDLEVERAGE", 3, 5_000, ("XAG", "USD", "USD")),
        ("GER40", "index", "CFDINDEX", 2, 1, ("EUR", "EUR", "EUR")),
        ("NAS100", "index", "CFDINDEX", 2, 1, ("USD", "USD", "USD")),
        ("UK100", "index", "CFDINDEX", 2, 1, ("GBP", "GBP", "GBP")),
        ("ETHUSD", "crypto", "CFDLEVERAGE", 2, 1, ("ETH", "USD", "USD")),
        ("USOIL", "energy", "CFDLEVERAGE", 2, 1_000, ("USD", "USD", "USD")),
    ],
)
def test_contract_data_by_class(
    symbol: str, class_name: str, calc_mode: str, digits: int, lot_units: int, currencies: tuple[str, str, str]
) -> None:
    """Each class has the digits, lot and currencies a MetaTrader server commonly publishes."""
    contract = contract_of(symbol)
    assert contract is not None
    assert (contract.class_name, contract.calc_mode, contract.digits) == (class_name, calc_mode, digits)
    assert contract.contract_size_e8 == lot_units * E8
    assert (contract.base_currency, contract.profit_currency, contract.margin_currency) == currencies


@pytest.mark.parametrize("symbol", [known_as for _, known_as in DECORATED])
def test_contract_is_consistent(symbol: str) -> None:
    """Point, tick size, volumes and spread fit one another."""
    contract = contract_of(symbol)
    assert contract is not None
    assert contract.point_e8 == contract.tick_size_e8 == 10 ** (8 - contract.digits)
    assert contract.volume_min_e8 % contract.volume_step_e8 == 0
    assert contract.volume_max_e8 % contract.volume_step_e8 == 0
    assert contract.spread_points > 0
    assert contract.typical_price_e8 > 0 or contract.class_name == "crypto"


def test_with_digits_moves_point_and_spread() -> None:
    """Gold quoted with three digits has a point and a spread of a tenth, the same money."""
    gold = contract_of("XAUUSD")
    assert gold is not None
    finer = gold.with_digits(3)
    assert (finer.digits, finer.point_e8, finer.tick_size_e8) == (3, 100_000, 100_000)
    assert finer.spread_points * finer.point_e8 == gold.spread_points * gold.point_e8
    assert gold.with_digits(2) is gold
    assert gold.with_digits(0).spread_points == 1
