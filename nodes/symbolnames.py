"""From the names people and brokers use to our own names of symbols.

Our names are those of the market and of the configuration. A broker's name is found by an account's ``symbol_names`` and
``symbol_suffix``; what is left is recognised by its contract (``eurusd``, ``EUR/USD``,
``GOLD.i#``), where we have a symbol of that contract.
"""

from mesh.config import Config
from nodes.contracts import contract_of


class SymbolNames:
    """Every name a configuration knows."""

    def __init__(self, config: Config) -> None:
        settings = config.settings
        strategies = [symbol for section in config.strategy.values() for symbol in section.symbols]
        named = [ours for account in config.account.values() for ours in account.symbol_names]
        self._known = dict.fromkeys((*settings.market.symbols, *settings.symbol, *strategies, *named))
        self._contracts: dict[str, str] = {}
        """The plain name of a contract → our symbol of it."""
        for symbol in self._known:
            contract = contract_of(symbol)
            if contract is not None:
                self._contracts.setdefault(contract.known_as, symbol)
        self._brokers: dict[str, str] = {}
        self._suffixes: dict[str, None] = {}
        for account in config.account.values():
            for ours, theirs in account.symbol_names.items():
                self._brokers.setdefault(theirs, ours)
            if account.symbol_suffix:
                self._suffixes[account.symbol_suffix] = None

    def our_name(self, name: str) -> str:
        """Our name for a symbol; empty where nothing is known of it."""
        for candidate in (name, name.upper()):
            if candidate in self._known:
                return candidate
            if candidate in self._brokers:
                return self._brokers[candidate]
        for suffix in self._suffixes:
            stem = name.removesuffix(suffix)
            if stem != name and (stem in self._known or stem.upper() in self._known):
                return stem if stem in self._known else stem.upper()
        contract = contract_of(name)
        return self._contracts.get(contract.known_as, "") if contract is not None else ""
