"""What words of a configuration may say where only nodes know: zones, dates, candle patterns, symbols.

``mesh/config.py`` checks all that can be said of a value without them. Asked before anything starts: a word that only a node would
find wrong takes that node down again and again.
"""

import calendar
from collections.abc import Iterator, Sequence

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.terminalword import BROKER, kind_of
from nodes.contracts import KNOWN_CURRENCIES, contract_of
from nodes.patterns import pattern_names
from nodes.zones import Zone

FIRST_DAY, LAST_DAY = "1971-01-01", "2100-12-31"
"""Days the synthetic market may start on; as ISO dates they compare as text."""


def check_words(config: Config) -> None:
    """Raises BadConfig for the first word that nodes do not know, with its key and what is allowed."""
    _check_zones(config)
    _check_start(config.settings.market.start)
    for name, strategy in config.strategy.items():
        _check_patterns(f"strategy.{name}.candles", strategy.candles)
    for key, symbols in _symbols(config):
        check_symbols(key, symbols, config)
    for name, account in config.account.items():
        if kind_of(account.terminal) == BROKER:
            _check_currency(f"account.{name}.currency", account.currency, config)


def check_symbols(key: str, symbols: Sequence[str], config: Config) -> None:
    """Raises BadConfig for a symbol that no class of contracts and no section describes."""
    for symbol in symbols:
        if symbol not in config.settings.symbol and contract_of(symbol) is None:
            raise BadConfig(
                f'{key} = "{symbol}": no contract data is known; correct the name, or add a section [symbol.{symbol}] with '
                "digits, contract_size, base and profit"
            )


def _check_currency(key: str, currency: str, config: Config) -> None:
    """The money of a simulated account must be worth something: by a symbol, or by a typical rate."""
    quoted = {part for symbol in config.settings.symbol.values() for part in (symbol.base, symbol.profit)}
    if currency not in KNOWN_CURRENCIES and currency not in quoted:
        raise BadConfig(f'{key} = "{currency}": no rate is known; allowed: {", ".join(KNOWN_CURRENCIES)}, or one that a [symbol] converts')


def _check_zones(config: Config) -> None:
    zones = {"broker.zone": config.settings.broker.zone, "rails.daily_reset_zone": config.settings.rails.daily_reset_zone}
    for name, account in config.account.items():
        zones[f"account.{name}.zone"] = account.zone
        if account.rails is not None:
            zones[f"account.{name}.rails.daily_reset_zone"] = account.rails.daily_reset_zone
    for key, zone in zones.items():
        if not zone and key != "broker.zone":
            continue  # empty: the broker's
        try:
            Zone.parse(zone)
        except ValueError as error:
            raise BadConfig(f"{key}: {error}") from None


def _check_start(day: str) -> None:
    try:
        year, month, number = map(int, day.split("-"))
        is_date = 1 <= number <= calendar.monthrange(year, month)[1]
    except ValueError:
        is_date = False
    if not is_date or not FIRST_DAY <= day <= LAST_DAY:
        raise BadConfig(f'market.start = "{day}"; allowed: a day of the calendar from {FIRST_DAY} to {LAST_DAY}')


def _check_patterns(key: str, names: Sequence[str]) -> None:
    known = pattern_names(-1)
    for name in names:
        if name not in known:
            raise BadConfig(f'{key} = "{name}": no candle pattern; allowed: {", ".join(known)}')


def _symbols(config: Config) -> Iterator[tuple[str, Sequence[str]]]:
    """Every key that names symbols of ours."""
    yield "market.symbols", config.settings.market.symbols
    yield "market.digits", list(config.settings.market.digits)
    for name, strategy in config.strategy.items():
        yield f"strategy.{name}.symbols", strategy.symbols
    for name, account in config.account.items():
        yield f"account.{name}.symbol_names", list(account.symbol_names)
