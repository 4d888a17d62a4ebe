"""Money of one currency in another, through the server's own symbols.

The way from one currency to another is a symbol of the two (either way round), else two symbols over USD, else a fixed
rate of the configuration. Gains are converted at the side of the quote that gives less, losses at the side that costs
more, as SYMBOL_TRADE_TICK_VALUE_PROFIT and _LOSS tell them apart.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mesh.errors import BadConfig
from mesh.units import E8
from nodes.terminal.book import SymbolBook
from nodes.terminal.settings import FixedRate

_PIVOT = "USD"

Ratio = tuple[int, int]
"""Numerator, denominator: exact until money is rounded once, at the end."""


class Leg(NamedTuple):
    """One symbol on the way: multiplied where it is quoted in the wanted currency, else divided."""

    book: SymbolBook
    is_multiplied: bool


class Route(NamedTuple):
    """The way from one currency to another; no legs and 1/1 where they are the same."""

    legs: tuple[Leg, ...]
    fixed: Ratio = (1, 1)

    @property
    def is_ready(self) -> bool:
        """Whether each symbol on the way has a quote."""
        for leg in self.legs:  # noqa: SIM110 (asked several times an order: half as dear as all())
            if not leg.book.bid_e8:
                return False
        return True

    @property
    def least(self) -> Ratio:
        """The lowest rate within the range of the quotes: what a gain is converted at."""
        numerator, denominator = self.fixed
        for book, is_multiplied in self.legs:
            if is_multiplied:
                numerator *= min(book.bid_low_e8, book.ask_low_e8)
                denominator *= E8
            else:
                numerator *= E8
                denominator *= max(book.ask_high_e8, book.bid_high_e8)
        return numerator, denominator

    @property
    def most(self) -> Ratio:
        """The highest rate within the range of the quotes: what a loss is converted at."""
        numerator, denominator = self.fixed
        for book, is_multiplied in self.legs:
            if is_multiplied:
                numerator *= max(book.ask_high_e8, book.bid_high_e8)
                denominator *= E8
            else:
                numerator *= E8
                denominator *= min(book.bid_low_e8, book.ask_low_e8)
        return numerator, denominator


def rounded_e8(numerator: int, denominator: int, unit_e8: int) -> int:
    """A fraction of e8 money, rounded half away from zero to whole units (cents)."""
    step = denominator * unit_e8
    units = (2 * abs(numerator) + step) // (2 * step)
    return units * unit_e8 if numerator >= 0 else -units * unit_e8


class Converter:
    """All routes of a server."""

    __slots__ = ("_fixed", "_in_use", "_pairs", "_rates", "_routes")

    def __init__(self, books: Iterable[SymbolBook], fixed_rates: Iterable[FixedRate]) -> None:
        self._pairs: dict[tuple[str, str], SymbolBook] = {}
        for book in books:
            if book.spec.currency_base != book.spec.currency_profit:
                self._pairs.setdefault((book.spec.currency_base, book.spec.currency_profit), book)
        self._fixed: dict[tuple[str, str], Ratio] = {}
        self._rates: dict[tuple[str, str], FixedRate] = {}
        self._in_use: dict[FixedRate, None] = {}
        for rate in fixed_rates:
            self._rates[rate.currency, rate.in_currency] = self._rates[rate.in_currency, rate.currency] = rate
            self._fixed[rate.currency, rate.in_currency] = (rate.rate_e8, E8)
            self._fixed.setdefault((rate.in_currency, rate.currency), (E8, rate.rate_e8))
        self._routes: dict[tuple[str, str], Route] = {}

    def route(self, currency: str, in_currency: str) -> Route:
        """The way from one currency to another. Raises BadConfig where there is none."""
        route = self._routes.get((currency, in_currency))
        if route is None:
            route = self._found(currency, in_currency)
            self._routes[currency, in_currency] = route
        return route

    def fixed_in_use(self) -> tuple[FixedRate, ...]:
        """The fixed rates some route goes by: no symbol makes that conversion."""
        return tuple(self._in_use)

    def _found(self, currency: str, in_currency: str) -> Route:
        direct = self._direct(currency, in_currency)
        if direct is not None:
            return direct
        first, second = self._direct(currency, _PIVOT), self._direct(_PIVOT, in_currency)
        if first is not None and second is not None:
            fixed = (first.fixed[0] * second.fixed[0], first.fixed[1] * second.fixed[1])
            return Route(first.legs + second.legs, fixed)
        raise BadConfig(
            f"nothing converts {currency} to {in_currency}: add the symbol {currency}{in_currency} or "
            f"{in_currency}{currency}, symbols of both against {_PIVOT}, or a fixed rate"
        )

    def _direct(self, currency: str, in_currency: str) -> Route | None:
        if currency == in_currency:
            return Route(())
        book = self._pairs.get((currency, in_currency))
        if book is not None:
            return Route((Leg(book, True),))
        book = self._pairs.get((in_currency, currency))
        if book is not None:
            return Route((Leg(book, False),))
        fixed = self._fixed.get((currency, in_currency))
        if fixed is None:
            return None
        self._in_use[self._rates[currency, in_currency]] = None
        return Route((), fixed)
