"""The simulated server a ``sim.toml`` describes."""

import re
from collections.abc import Mapping
from typing import Any, get_args

from mesh.errors import BadConfig
from mesh.units import NEVER
from nodes.contracts import contract_of
from nodes.sizing import e8_of
from nodes.terminal import names
from nodes.terminal.engine import Terminal
from nodes.terminal.rates import typical_rates
from nodes.terminal.settings import WHOLE_CURRENCIES, AccountConfig, TerminalConfig
from nodes.terminal.simfile import ExpirationWord, OrderWord, SimAccountSection, SimFile, SimSymbolSection
from nodes.terminal.symbols import (
    SYMBOL_FILLING_BOC,
    SYMBOL_FILLING_FOK,
    SYMBOL_FILLING_IOC,
    SymbolSpec,
    day_session,
    spec_from_contract,
)

_MARGIN_MODES = {
    "netting": names.ACCOUNT_MARGIN_MODE_RETAIL_NETTING,
    "exchange": names.ACCOUNT_MARGIN_MODE_EXCHANGE,
    "hedging": names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
}
_TRADE_MODES = {
    "demo": names.ACCOUNT_TRADE_MODE_DEMO,
    "contest": names.ACCOUNT_TRADE_MODE_CONTEST,
    "real": names.ACCOUNT_TRADE_MODE_REAL,
}
_EXECUTIONS = ("request", "instant", "market", "exchange")
_SYMBOL_MODES = ("disabled", "long", "short", "close", "full")
_SWAP_MODES = (
    "disabled", "points", "base", "margin", "deposit", "interest_current", "interest_open", "reopen_close", "reopen_bid",
)  # fmt: skip
"""In the order of SYMBOL_TRADE_EXECUTION_*, SYMBOL_TRADE_MODE_* and SYMBOL_SWAP_MODE_*."""
_CALC_MODES = {
    "forex": names.SYMBOL_CALC_MODE_FOREX,
    "futures": names.SYMBOL_CALC_MODE_FUTURES,
    "cfd": names.SYMBOL_CALC_MODE_CFD,
    "cfd_index": names.SYMBOL_CALC_MODE_CFDINDEX,
    "cfd_leverage": names.SYMBOL_CALC_MODE_CFDLEVERAGE,
    "forex_no_leverage": names.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE,
    "stocks": names.SYMBOL_CALC_MODE_EXCH_STOCKS,
    "exchange_futures": names.SYMBOL_CALC_MODE_EXCH_FUTURES,
}
_FILLINGS = {"fok": SYMBOL_FILLING_FOK, "ioc": SYMBOL_FILLING_IOC, "boc": SYMBOL_FILLING_BOC}
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ORDER_FLAGS = {word: 1 << bit for bit, word in enumerate(get_args(OrderWord))}
_EXPIRATION_FLAGS = {word: 1 << bit for bit, word in enumerate(get_args(ExpirationWord))}
_SESSION = re.compile(r"([a-z]{3}) ([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def terminal_from(sim: SimFile, digits: dict[str, int], ends_ns: Mapping[str, int], path: str) -> Terminal:
    """The server, not opened yet. ``digits``: the symbols that are quoted, with the decimals of their prices, 0 for the class's own;
    ``ends_ns``: the last quotes of those that have one; ``path``: where its terminal is said to be.

    Raises BadConfig for what cannot be traded.
    """
    for symbol in sim.symbol:
        if symbol not in digits:
            raise BadConfig(f"symbol.{symbol}: nothing quotes it; allowed: {', '.join(digits)} (of prices.symbols or the feeds)")
    specs = [
        spec_of(symbol, sim.symbol.get(symbol, SimSymbolSection()), known, ends_ns.get(symbol, NEVER)) for symbol, known in digits.items()
    ]
    accounts = [_account(section, sim.server.name) for section in sim.account.values()]
    currencies = [currency for spec in specs for currency in (spec.currency_profit, spec.currency_margin)]
    currencies += [account.currency for account in accounts]
    config = TerminalConfig(
        name=sim.server.name,
        path=path,
        build=sim.server.build,
        seed=sim.server.seed,
        server_zone=sim.server.zone,
        fixed_rates=typical_rates(currencies),
        slippage_points_max=sim.server.slippage_points,
    )
    return Terminal(config, accounts, specs)


def _account(section: SimAccountSection, server: str) -> AccountConfig:
    is_money, digits = section.margin_so_mode == "money", section.currency_digits
    call, stop_out = section.margin_call_percent, section.stop_out_percent
    if is_money:
        call, stop_out = section.margin_call_money, section.stop_out_money
    return AccountConfig(
        login=section.login,
        password=section.password,
        name=section.name,
        server=server,
        currency=section.currency,
        currency_digits=digits if digits is not None else 0 if section.currency in WHOLE_CURRENCIES else 2,
        deposit_e8=e8_of(section.deposit),
        credit_e8=e8_of(section.credit),
        leverage=section.leverage,
        margin_mode=_MARGIN_MODES[section.margin_mode],
        trade_mode=_TRADE_MODES[section.trade_mode],
        margin_so_mode=names.ACCOUNT_STOPOUT_MODE_MONEY if is_money else names.ACCOUNT_STOPOUT_MODE_PERCENT,
        margin_so_call_e8=e8_of(call),
        margin_so_so_e8=e8_of(stop_out),
        commission_per_lot_e8=e8_of(section.commission_per_lot),
        fee_per_deal_e8=e8_of(section.fee_per_deal),
        limit_orders=section.limit_orders,
        limit_positions=section.limit_positions,
        trade_allowed=section.trade_allowed,
        trade_expert=section.trade_expert,
        fifo_close=section.fifo_close,
        hedge_allowed=section.hedge_allowed,
    )


def spec_of(symbol: str, section: SimSymbolSection, digits: int, end_ns: int) -> SymbolSpec:
    """How a symbol is traded: its class as the section changes it. Raises BadConfig."""
    changes: dict[str, Any] = {
        "end_ns": end_ns,
        "exemode": _EXECUTIONS.index(section.execution),
        "filling_mode": sum(_FILLINGS[word] for word in dict.fromkeys(section.filling)),
        "order_mode": sum(_ORDER_FLAGS[word] for word in dict.fromkeys(section.order_mode)),
        "expiration_mode": sum(_EXPIRATION_FLAGS[word] for word in dict.fromkeys(section.expiration_mode)),
        "swap_rollover3days": _DAYS.index(section.swap_rollover3days),
        "trade_mode": _SYMBOL_MODES.index(section.trade_mode),
        "swap_mode": _SWAP_MODES.index(section.swap_mode),
        "swap_long_e8": e8_of(section.swap_long),
        "swap_short_e8": e8_of(section.swap_short),
        "volume_limit_e8": e8_of(section.volume_limit),
        "depth_e8": e8_of(section.depth),
        "margin_initial_e8": e8_of(section.margin_initial),
        "tick_value_e8": e8_of(section.tick_value),
        "sessions": tuple(_session(symbol, text) for text in section.sessions),
        **{name: getattr(section, name) for name in ("stops_level", "freeze_level", "margin_hedged_use_leg", "book_depth", "selected")},
    }
    amounts = ("contract_size", "margin_hedged", "tick_size", "volume_min", "volume_max", "volume_step")
    changes |= {f"{name}_e8": e8_of(value) for name in amounts if (value := getattr(section, name)) is not None}
    currencies = ("base", "profit", "margin")
    changes |= {f"currency_{name}": value for name in currencies if (value := getattr(section, name)) is not None}
    if section.calc is not None:
        changes["calc_mode"] = _CALC_MODES[section.calc]
    known, decimals = contract_of(symbol), section.digits if section.digits is not None else digits
    if known is not None:
        return spec_from_contract(known.with_digits(decimals) if decimals else known, **changes)
    for key in ("digits", "contract_size", "base", "profit"):
        if getattr(section, key) is None:
            raise BadConfig(f"symbol.{symbol}.{key} is missing: no class knows {symbol}; it needs digits, contract_size, base and profit")
    changes.setdefault("currency_margin", section.profit)
    changes.setdefault("calc_mode", names.SYMBOL_CALC_MODE_CFDLEVERAGE)
    return SymbolSpec(name=symbol, digits=decimals, **changes)


def _session(symbol: str, text: str) -> tuple[int, int]:
    """The span of one session text. Raises BadConfig."""
    match = _SESSION.fullmatch(text.lower())
    if match is None or match[1] not in _DAYS:
        raise BadConfig(f"symbol.{symbol}.sessions = {text!r}; allowed: such as mon 00:05-23:55")
    start_s, end_s = (int(match[at]) * 3_600 + int(match[at + 1]) * 60 for at in (2, 4))
    if not start_s < end_s <= 86_400:
        raise BadConfig(f"symbol.{symbol}.sessions = {text!r}: it ends before it begins, or after 24:00")
    return day_session(_DAYS.index(match[1]), start_s, end_s)
