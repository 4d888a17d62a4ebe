"""From anybody's name of a symbol to ours, and to nothing where we have no such symbol."""

import pytest

from nodes.symbolnames import SymbolNames
from tests.nodes.flow_rig import config_of


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("USDJPY", "USDJPY"),
        ("usdjpy", "USDJPY"),
        ("USD/JPY", "USDJPY"),
        ("EURUSD", "EURUSDm"),
        ("eurusdm", "EURUSDm"),
        ("XAUUSD", "GOLD.i#"),
        ("gold", "GOLD.i#"),
        ("EURGBP", ""),
        ("nonsense", ""),
    ],
)
def test_names_are_those_of_the_market(name: str, ours: str) -> None:
    """A contract is found under the market's own name for it; one the market has not is no symbol of ours."""
    assert SymbolNames(config_of(symbols='"EURUSDm", "GOLD.i#", "USDJPY"')).our_name(name) == ours
