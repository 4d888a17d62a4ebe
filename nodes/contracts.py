"""Contract data of well-known symbols by class: what a broker would say about EURUSD, gold, an index.

A feed file carries prices and nothing else. So that a file runs without a configuration, the contract comes from the
symbol's name: a pair of known currency codes, a metal, an index, a coin, oil. Brokers decorate names (``EURUSDm``,
``GOLD.i#``, ``US500Cash``); the decoration is stripped to find the contract and kept in its ``symbol``.

The figures are those retail MetaTrader 5 servers commonly publish (contract sizes, steps, digits), spreads are what a
standard account shows in a quiet hour. They are starting values: a configuration may replace each of them.
"""

import re
from typing import Literal

import msgspec

from mesh.units import E8

CalcMode = Literal["FOREX", "CFDLEVERAGE", "CFDINDEX"]
"""The names of MetaTrader 5's ``SYMBOL_CALC_MODE_*``: margin of FOREX ignores the price, the others multiply by it."""

ClassName = Literal["forex", "metal", "index", "crypto", "energy"]


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What is traded under one symbol: sizes, steps and currencies."""

    symbol: str
    """The name as asked for, with the broker's decoration."""
    known_as: str
    """The plain name whose contract it is (``EURUSD`` for ``EURUSDm``, ``XAUUSD`` for ``GOLD``)."""
    description: str
    class_name: ClassName
    calc_mode: CalcMode
    base_currency: str
    profit_currency: str
    margin_currency: str
    digits: int
    """Decimals of a price; the point is 10 ** -digits."""
    point_e8: int
    tick_size_e8: int
    contract_size_e8: int
    """Units of the base in one lot."""
    volume_min_e8: int
    volume_max_e8: int
    volume_step_e8: int
    spread_points: int
    """A typical spread, in points."""
    typical_price_e8: int
    """The order of magnitude of a price, to recognise integer points; 0 when it has none (coins)."""

    def with_digits(self, digits: int) -> "Contract":
        """The same contract quoted with ``digits`` decimals (0 to 8): point, tick size and typical spread follow."""
        if digits == self.digits:
            return self
        point_e8 = 10 ** (8 - digits)
        spread_points = max(1, self.spread_points * self.point_e8 // point_e8)
        return msgspec.structs.replace(self, digits=digits, point_e8=point_e8, tick_size_e8=point_e8, spread_points=spread_points)


_DOLLARS_E8: dict[str, int] = {
    "USD": E8,
    "EUR": 112_000_000,
    "GBP": 132_000_000,
    "JPY": 850_000,
    "CHF": 110_000_000,
    "CAD": 76_000_000,
    "AUD": 72_000_000,
    "NZD": 66_000_000,
    "SEK": 10_500_000,
    "NOK": 11_000_000,
    "DKK": 15_000_000,
    "PLN": 26_000_000,
    "HUF": 320_000,
    "CZK": 4_400_000,
    "TRY": 5_000_000,
    "ZAR": 6_500_000,
    "MXN": 5_500_000,
    "SGD": 73_000_000,
    "HKD": 12_800_000,
    "CNH": 14_500_000,
    "CNY": 14_500_000,
    "THB": 2_900_000,
    "ILS": 28_000_000,
    "RUB": 1_500_000,
}
"""Currency codes we know, each with what one unit is worth in US dollars within a factor of about two (2008-2025)."""
KNOWN_CURRENCIES = tuple(_DOLLARS_E8)
"""Those a typical rate against the dollar is known of."""

_MAJOR_CURRENCIES = ("USD", "EUR", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD")
_THREE_DIGIT_CURRENCIES = ("JPY", "HUF", "THB")
_PAIR_SPREAD_POINTS: dict[str, int] = {
    "EURUSD": 10,
    "USDJPY": 12,
    "GBPUSD": 14,
    "AUDUSD": 12,
    "USDCAD": 16,
    "USDCHF": 16,
    "NZDUSD": 18,
    "EURGBP": 15,
    "EURJPY": 18,
    "EURCHF": 20,
    "GBPJPY": 28,
}
_MAJOR_CROSS_SPREAD_POINTS = 30
_EXOTIC_SPREAD_POINTS = 300

_METAL_DOLLARS: dict[str, tuple[str, int, int, int, int]] = {
    "XAU": ("Gold", 1_800, 2, 100, 25),
    "XAG": ("Silver", 22, 3, 5_000, 25),
    "XPT": ("Platinum", 1_100, 2, 100, 300),
    "XPD": ("Palladium", 1_200, 2, 100, 600),
}
"""Code to (name, dollars an ounce, digits, ounces a lot, spread points)."""

_INDICES: dict[str, tuple[str, str, int, int]] = {
    "US500": ("S&P 500", "USD", 4_000, 50),
    "US30": ("Dow Jones 30", "USD", 33_000, 250),
    "NAS100": ("Nasdaq 100", "USD", 13_000, 150),
    "GER40": ("DAX 40", "EUR", 15_000, 120),
    "UK100": ("FTSE 100", "GBP", 7_200, 100),
    "FRA40": ("CAC 40", "EUR", 6_500, 120),
    "EU50": ("Euro Stoxx 50", "EUR", 4_000, 150),
    "JP225": ("Nikkei 225", "JPY", 28_000, 800),
    "AUS200": ("ASX 200", "AUD", 7_000, 150),
}
"""Name to (description, currency, price, spread points); digits 2, one lot is one index, steps of 0.1."""

_COINS: dict[str, tuple[str, int]] = {"BTCUSD": ("Bitcoin", 2_000), "ETHUSD": ("Ethereum", 200)}
"""Name to (description, spread points); digits 2, one lot is one coin; their prices moved too far to be typical."""

_ENERGIES: dict[str, tuple[str, int]] = {"USOIL": ("WTI crude oil", 70), "UKOIL": ("Brent crude oil", 75)}
"""Name to (description, dollars a barrel); digits 2, 1,000 barrels a lot."""

_OTHER_NAMES: dict[str, str] = {
    "GOLD": "XAUUSD",
    "SILVER": "XAGUSD",
    "SPX500": "US500",
    "SP500": "US500",
    "WS30": "US30",
    "DJ30": "US30",
    "US100": "NAS100",
    "USTEC": "NAS100",
    "USTECH100": "NAS100",
    "GER30": "GER40",
    "DE30": "GER40",
    "DE40": "GER40",
    "DAX40": "GER40",
    "FTSE100": "UK100",
    "STOXX50": "EU50",
    "EUSTX50": "EU50",
    "JPN225": "JP225",
    "XTIUSD": "USOIL",
    "WTI": "USOIL",
    "XBRUSD": "UKOIL",
    "BRENT": "UKOIL",
}

_DECORATION_CHARACTERS = re.compile(r"[.#\-_!+^ ]")
_LETTERS = re.compile(r"[A-Z]{1,5}")


def _forex(name: str) -> Contract:
    base, profit = name[:3], name[3:]
    digits = 3 if profit in _THREE_DIGIT_CURRENCIES else 5
    is_major = base in _MAJOR_CURRENCIES and profit in _MAJOR_CURRENCIES
    other_points = _MAJOR_CROSS_SPREAD_POINTS if is_major else _EXOTIC_SPREAD_POINTS
    return Contract(
        symbol=name,
        known_as=name,
        description=f"{base} against {profit}",
        class_name="forex",
        calc_mode="FOREX",
        base_currency=base,
        profit_currency=profit,
        margin_currency=base,
        digits=digits,
        point_e8=10 ** (8 - digits),
        tick_size_e8=10 ** (8 - digits),
        contract_size_e8=100_000 * E8,
        volume_min_e8=E8 // 100,
        volume_max_e8=100 * E8,
        volume_step_e8=E8 // 100,
        spread_points=_PAIR_SPREAD_POINTS.get(name, other_points),
        typical_price_e8=_DOLLARS_E8[base] * E8 // _DOLLARS_E8[profit],
    )


def _cfd(
    name: str,
    description: str,
    class_name: ClassName,
    *,
    base: str,
    profit: str,
    digits: int,
    lot_units: int,
    step_e8: int,
    spread_points: int,
    typical_price_e8: int,
) -> Contract:
    """A contract whose margin is in the currency of its price and grows with the price."""
    return Contract(
        symbol=name,
        known_as=name,
        description=description,
        class_name=class_name,
        calc_mode="CFDINDEX" if class_name == "index" else "CFDLEVERAGE",
        base_currency=base,
        profit_currency=profit,
        margin_currency=profit,
        digits=digits,
        point_e8=10 ** (8 - digits),
        tick_size_e8=10 ** (8 - digits),
        contract_size_e8=lot_units * E8,
        volume_min_e8=step_e8,
        volume_max_e8=100 * E8,
        volume_step_e8=step_e8,
        spread_points=spread_points,
        typical_price_e8=typical_price_e8,
    )


def _metal(name: str) -> Contract:
    description, dollars, digits, lot_units, spread_points = _METAL_DOLLARS[name[:3]]
    profit = name[3:]
    return _cfd(
        name,
        f"{description} against {profit}",
        "metal",
        base=name[:3],
        profit=profit,
        digits=digits,
        lot_units=lot_units,
        step_e8=E8 // 100,
        spread_points=spread_points,
        typical_price_e8=dollars * E8 * E8 // _DOLLARS_E8[profit],
    )


def _index(name: str) -> Contract:
    description, currency, price, spread_points = _INDICES[name]
    return _cfd(
        name,
        description,
        "index",
        base=currency,
        profit=currency,
        digits=2,
        lot_units=1,
        step_e8=E8 // 10,
        spread_points=spread_points,
        typical_price_e8=price * E8,
    )


def _coin(name: str) -> Contract:
    description, spread_points = _COINS[name]
    return _cfd(
        name,
        f"{description} against USD",
        "crypto",
        base=name[:3],
        profit="USD",
        digits=2,
        lot_units=1,
        step_e8=E8 // 100,
        spread_points=spread_points,
        typical_price_e8=0,
    )


def _energy(name: str) -> Contract:
    description, dollars = _ENERGIES[name]
    return _cfd(
        name,
        description,
        "energy",
        base="USD",
        profit="USD",
        digits=2,
        lot_units=1_000,
        step_e8=E8 // 100,
        spread_points=4,
        typical_price_e8=dollars * E8,
    )


def _known(name: str) -> Contract | None:
    """The contract of a plain upper-case name."""
    name = _OTHER_NAMES.get(name, name)
    if name in _INDICES:
        return _index(name)
    if name in _COINS:
        return _coin(name)
    if name in _ENERGIES:
        return _energy(name)
    if len(name) == 6 and name[3:] in _DOLLARS_E8:
        if name[:3] in _METAL_DOLLARS:
            return _metal(name)
        if name[:3] in _DOLLARS_E8 and name[:3] != name[3:]:
            return _forex(name)
    return None


def _plain_names(symbol: str) -> list[str]:
    """Plain upper-case names a decorated symbol may stand for, the likeliest first."""
    bare = symbol.replace("/", "").lstrip(".#_")
    cut = _DECORATION_CHARACTERS.split(bare, maxsplit=1)[0]
    names = [bare.upper(), cut.upper()]
    if not cut.islower():
        names.append(cut.rstrip("abcdefghijklmnopqrstuvwxyz").upper())
    upper = cut.upper()
    # A name with digits in it, or six letters of two currencies, cannot be the start of another word: US500Cash,
    # EURUSDpro. GOLD can (GOLDMAN), so plain words need a separator or a lower-case tail.
    starts = [name for name in (*_INDICES, *_OTHER_NAMES) if name[-1].isdigit()] + [upper[:6]]
    names += [start for start in starts if upper.startswith(start) and _LETTERS.fullmatch(upper[len(start) :])]
    return names


def contract_of(symbol: str) -> Contract | None:
    """The contract of a symbol by its name, or None for one we do not know (the caller asks for it by name)."""
    for name in _plain_names(symbol):
        contract = _known(name)
        if contract is not None:
            return msgspec.structs.replace(contract, symbol=symbol)
    return None
