"""Money of accounts in several currencies as one sum: rates from the market's newest quotes, each with its age.

A rate is the mid price of a symbol that is named after the two currencies, either way round, or of two such symbols by way of the dollar
or the euro. What has no rate is left out of the sum, and named: a sum that is not whole is told as such.
"""

from collections.abc import Callable

import msgspec

from mesh.units import E8
from nodes.quote import Quote

PIVOTS = ("USD", "EUR")
QuoteOf = Callable[[str], Quote | None]


class Rate(msgspec.Struct, frozen=True):
    """What one unit of a currency is worth in another; ``quoted_ns``: market time of the older of the quotes it was made of."""

    rate_e8: int
    quoted_ns: int


class FleetSum(msgspec.Struct, frozen=True):
    """A sum over accounts. ``missing``: currencies without a rate; ``oldest_ns``: market time of the oldest quote used, 0: of none."""

    money_e8: int
    missing: tuple[str, ...]
    oldest_ns: int


def rate_of(currency: str, into: str, quote_of: QuoteOf, market_ns: int) -> Rate | None:
    """The newest rate; None where the market has no symbol for it."""
    if currency == into:
        return Rate(E8, market_ns)
    direct = _direct(currency, into, quote_of)
    if direct is not None:
        return direct
    for pivot in PIVOTS:
        first, second = _direct(currency, pivot, quote_of), _direct(pivot, into, quote_of)
        if first is not None and second is not None:
            return Rate(first.rate_e8 * second.rate_e8 // E8, min(first.quoted_ns, second.quoted_ns))
    return None


def _direct(currency: str, into: str, quote_of: QuoteOf) -> Rate | None:
    quote = quote_of(currency + into)
    if quote is not None and quote.bid_e8 > 0:
        return Rate((quote.bid_e8 + quote.ask_e8) // 2, quote.market_ns)
    quote = quote_of(into + currency)
    if quote is not None and quote.bid_e8 + quote.ask_e8 > 0:
        return Rate(2 * E8 * E8 // (quote.bid_e8 + quote.ask_e8), quote.market_ns)
    return None


def summed(amounts: list[tuple[str, int]], into: str, quote_of: QuoteOf, market_ns: int) -> FleetSum:
    """(currency, money) of each account, in one currency."""
    total_e8, oldest_ns = 0, 0
    missing: dict[str, None] = {}
    for currency, money_e8 in amounts:
        rate = rate_of(currency, into, quote_of, market_ns)
        if rate is None:
            missing[currency] = None
            continue
        total_e8 += money_e8 * rate.rate_e8 // E8
        if currency != into:
            oldest_ns = min(oldest_ns or rate.quoted_ns, rate.quoted_ns)
    return FleetSum(total_e8, tuple(missing), oldest_ns)
