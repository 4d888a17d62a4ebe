"""The simulated server of a configuration: its accounts, its symbols under the names each account's broker gives them."""

import numpy as np

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.settings import AccountSection
from mesh.terminalword import BROKER, kind_of
from mesh.units import text_from_e8
from nodes.contractbook import contract_for
from nodes.sizing import e8_of
from nodes.terminal import names
from nodes.terminal.engine import Terminal
from nodes.terminal.rates import typical_rates
from nodes.terminal.settings import AccountConfig, TerminalConfig
from nodes.terminal.symbols import SymbolSpec, spec_from_contract
from nodes.ticks import TickColumns

_MARGIN_MODES = {
    "hedging": names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
    "netting": names.ACCOUNT_MARGIN_MODE_RETAIL_NETTING,
}
_EXECUTIONS = {
    "market": names.SYMBOL_TRADE_EXECUTION_MARKET,
    "instant": names.SYMBOL_TRADE_EXECUTION_INSTANT,
}


def simulated_accounts(config: Config) -> dict[int, str]:
    """Login → name of every account the simulated broker hosts. Raises BadConfig for a login that two of them have."""
    found: dict[int, str] = {}
    for name, section in config.account.items():
        if kind_of(section.terminal) == BROKER:
            other = found.setdefault(section.login, name)
            if other != name:
                raise BadConfig(
                    f"account.{name}.login = {section.login}: account.{other} has it too; the simulated broker hosts both, "
                    "each needs a login of its own"
                )
    return found


class BrokerNames:
    """Which names of the server's symbols a symbol of the market goes by."""

    def __init__(self, config: Config, symbols: tuple[str, ...]) -> None:
        accounts = list(simulated_accounts(config).values())
        self._names = [
            list(dict.fromkeys(config.broker_symbol(account, symbol) for account in accounts)) for symbol in symbols
        ]
        self._owners = {name: symbol for symbol, found in zip(symbols, self._names, strict=True) for name in found}
        self._counts = np.array([len(found) for found in self._names], dtype=np.int64)
        self.server_symbols = tuple(name for found in self._names for name in found)
        self._firsts = np.cumsum(self._counts) - self._counts
        if len(self._owners) != len(self.server_symbols):
            raise BadConfig(f"account: two symbols go by one name at the broker: {', '.join(sorted(self.server_symbols))}")

    def market_symbol(self, name: str) -> str:
        """The market's symbol behind a server's name."""
        return self._owners[name]

    def server_ticks(self, ticks: TickColumns) -> TickColumns:
        """Ticks under the server's names; a symbol with several names ticks under each of them, one after the other."""
        if len(self.server_symbols) == len(self._names):
            return TickColumns(self.server_symbols, ticks.symbol_index, ticks.time_ns, ticks.bid_e8, ticks.ask_e8)
        counts = self._counts[ticks.symbol_index]
        rows = np.repeat(np.arange(len(ticks)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        index = (self._firsts[ticks.symbol_index[rows]] + within).astype(np.uint16)
        return TickColumns(
            self.server_symbols, index, ticks.time_ns[rows], ticks.bid_e8[rows], ticks.ask_e8[rows]
        )

    def rows_of(self, ticks: TickColumns) -> list[int]:
        """For each market tick the number of server ticks up to and including it."""
        found: list[int] = np.cumsum(self._counts[ticks.symbol_index]).tolist()
        return found


def terminal_of(config: Config, broker_names: BrokerNames) -> Terminal:
    """The server with all its accounts, not opened yet. Raises BadConfig for what cannot be traded."""
    broker = config.settings.broker
    specs: list[SymbolSpec] = []
    currencies: dict[str, None] = {}
    for name in broker_names.server_symbols:
        contract = contract_for(config, broker_names.market_symbol(name))
        section = config.settings.symbol.get(broker_names.market_symbol(name))
        stops_level = section.stops_level_points if section is not None else 0
        specs.append(
            spec_from_contract(contract, name=name, exemode=_EXECUTIONS[broker.execution], stops_level=stops_level)
        )
        currencies.update(dict.fromkeys((contract.profit_currency, contract.margin_currency)))
    accounts = [config.account[name] for name in simulated_accounts(config).values()]
    currencies.update(dict.fromkeys(account.currency for account in accounts))
    terminal_config = TerminalConfig(
        name=config.settings.mesh.id,
        seed=config.settings.mesh.seed,
        server_zone=broker.zone,
        fixed_rates=typical_rates(currencies),
        slippage_points_max=broker.slippage_points,
    )
    commission_e8 = e8_of(broker.commission_per_lot)
    return Terminal(terminal_config, [_account(account, commission_e8) for account in accounts], specs)


def _account(section: AccountSection, commission_e8: int) -> AccountConfig:
    return AccountConfig(
        login=section.login,
        server=section.server,
        deposit_e8=e8_of(section.balance),
        currency=section.currency,
        leverage=section.leverage,
        margin_mode=_MARGIN_MODES[section.margin_mode],
        commission_per_lot_e8=commission_e8,
    )


def rates_told(config: Config, symbols: tuple[str, ...]) -> list[str]:
    """A line for each conversion that no symbol of the market makes: it goes by a typical rate, for sizes, rails and PnL alike."""
    rates = terminal_of(config, BrokerNames(config, symbols)).fixed_in_use()
    return [
        f"{rate.currency} counts as {text_from_e8(rate.rate_e8, 4)} {rate.in_currency}, a typical rate: no symbol here converts it"
        for rate in rates
    ]
