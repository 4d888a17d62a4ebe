"""Accounts of several currencies as one sum: rates either way round and by way of a pivot, with their age, and what is missing named."""

import pytest

from mesh.units import E8
from nodes.fleetmoney import rate_of, summed
from nodes.quote import Quote

QUOTES = {
    "EURUSD": Quote(110_000_000, 110_000_000, 50),
    "USDJPY": Quote(15_000_000_000, 15_000_000_000, 70),
    "GBPUSD": Quote(125_000_000, 125_000_000, 60),
    "EURCHF": Quote(80_000_000, 80_000_000, 40),
}
NOW_NS = 100


@pytest.mark.parametrize(
    ("currency", "into", "rate", "quoted_ns"),
    [
        ("USD", "USD", 1.0, NOW_NS),
        ("EUR", "USD", 1.1, 50),
        ("USD", "EUR", 1 / 1.1, 50),
        ("JPY", "USD", 1 / 150, 70),
        ("EUR", "JPY", 165.0, 50),
        ("GBP", "EUR", 1.25 / 1.1, 50),
        ("CHF", "EUR", 1.25, 40),
        ("CHF", "USD", 1.25 * 1.1, 40),
    ],
)
def test_rates(currency: str, into: str, rate: float, quoted_ns: int) -> None:
    """As old as the oldest quote in them."""
    found = rate_of(currency, into, QUOTES.get, NOW_NS)
    assert found is not None
    assert found.rate_e8 / E8 == pytest.approx(rate, abs=3e-8)
    assert found.quoted_ns == quoted_ns


@pytest.mark.parametrize("quote", [None, Quote(0, 0, 1)])
def test_what_has_no_price_has_no_rate(quote: Quote | None) -> None:
    """Nothing is made up for it."""
    assert rate_of("SEK", "USD", lambda symbol: quote, NOW_NS) is None


def test_sum_names_what_is_missing_and_how_old_its_rates_are() -> None:
    """Own currency needs no rate and has no age."""
    amounts = [("USD", 100 * E8), ("EUR", 10 * E8), ("SEK", 5 * E8), ("SEK", 7 * E8)]
    found = summed(amounts, "USD", QUOTES.get, NOW_NS)
    assert (found.money_e8, found.missing, found.oldest_ns) == (111 * E8, ("SEK",), 50)
    assert summed([("USD", E8)], "USD", QUOTES.get, NOW_NS).oldest_ns == 0
