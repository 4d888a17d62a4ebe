"""A small simulated server for tests: one account on a few symbols at round prices, and what every test asks of it."""

from typing import Any

import msgspec

from mesh.units import E8, SECOND_NS, e8_from_text
from nodes.contracts import contract_of
from nodes.terminal import names
from nodes.terminal.engine import Terminal
from nodes.terminal.records import Change, Deal, Order, OrderResult, Position, TradeRequest
from nodes.terminal.settings import AccountConfig, TerminalConfig
from nodes.terminal.symbols import SymbolSpec, spec_from_contract

LOGIN = 5_001
START_NS = 1_525_082_400 * SECOND_NS
"""Monday 2018-04-30 10:00 UTC."""
LOT = E8
BUY, SELL = names.ORDER_TYPE_BUY, names.ORDER_TYPE_SELL
HEDGING, NETTING, EXCHANGE = 2, 0, 1
PRICES = {"EURUSD": ("1.10000", "1.10010"), "USDJPY": ("110.000", "110.010"), "EURJPY": ("121.000", "121.020")}

def e8(text: str) -> int:
    return e8_from_text(text)

def spec(symbol: str, **changes: Any) -> SymbolSpec:
    contract = contract_of(symbol)
    assert contract is not None
    return spec_from_contract(contract, **changes)

class Rig:
    """A terminal with one account (and ``others`` like it) whose clock stands until it is moved. ``specs`` replaces fields of EURUSD."""

    def __init__(
        self,
        *,
        config: TerminalConfig | None = None,
        account: dict[str, Any] | None = None,
        others: tuple[int, ...] = (),
        symbols: tuple[str, ...] = ("EURUSD",),
        **specs: Any,
    ) -> None:
        accounts = [AccountConfig(**({"login": login} | (account or {}))) for login in (LOGIN, *others)]
        known = [spec(symbol, **(specs if symbol == "EURUSD" else {})) for symbol in symbols]
        self.terminal = Terminal(config or TerminalConfig(), accounts, known)
        self.now_ns = START_NS
        self.rows: list[Change] = list(self.terminal.open(START_NS))
        for symbol in symbols:
            self.quote(*PRICES[symbol], symbol=symbol)

    @property
    def account(self) -> Any:
        return self.terminal.accounts[LOGIN]

    def quote(self, bid: str, ask: str, symbol: str = "EURUSD", after_ns: int = SECOND_NS) -> tuple[Change, ...]:
        self.now_ns += after_ns
        changes = self.terminal.on_tick(symbol, self.now_ns, e8(bid), e8(ask))
        self.rows.extend(changes)
        return changes

    def send(self, action: int, **fields: Any) -> OrderResult:
        """Send a request; prices and volumes are texts, as ``price="1.1"``."""
        given = {name if name not in _AMOUNTS else f"{name}_e8": _value(name, value) for name, value in fields.items()}
        request = TradeRequest(**({"action": action, "symbol": "EURUSD"} | given))
        result, changes = self.terminal.order_send(LOGIN, request, self.now_ns, 1)
        self.rows.extend(changes)
        return result

    def deal(self, side: int, volume: str = "0.10", **fields: Any) -> OrderResult:
        return self.send(names.TRADE_ACTION_DEAL, type=side, volume=volume, **fields)

    def opened(self, side: int, volume: str = "0.10", **fields: Any) -> Position:
        """Open a position, which must succeed."""
        result = self.deal(side, volume, **fields)
        assert result.retcode == names.TRADE_RETCODE_DONE, result
        return self.position(result.order)

    def pending(self, kind: int, price: str, volume: str = "0.10", **fields: Any) -> OrderResult:
        return self.send(names.TRADE_ACTION_PENDING, type=kind, price=price, volume=volume, **fields)

    def position(self, ticket: int) -> Position:
        return self.account.positions[ticket]

    @property
    def positions(self) -> list[Position]:
        return list(self.account.positions.values())

    @property
    def orders(self) -> list[Order]:
        return list(self.account.orders.values())

    @property
    def deals(self) -> list[Deal]:
        """Deals without balance operations."""
        return [deal for deal in self.account.deals if deal.type != names.DEAL_TYPE_BALANCE]

    @property
    def state(self) -> Any:
        return self.terminal.account_state(LOGIN)

_AMOUNTS = ("volume", "price", "stoplimit", "sl", "tp")

def _value(name: str, value: Any) -> Any:
    return e8(value) if name in _AMOUNTS else value

def check_books(terminal: Terminal) -> None:
    """What holds for every account at every moment, whatever was asked of it."""
    for account in terminal.accounts.values():
        credits = [deal for deal in account.deals if deal.type == names.DEAL_TYPE_CREDIT]
        booked = [deal for deal in account.deals if deal.type != names.DEAL_TYPE_CREDIT]
        assert account.balance_e8 == sum(deal.profit_e8 + deal.commission_e8 + deal.swap_e8 + deal.fee_e8 for deal in booked)
        assert account.credit_e8 == sum(deal.profit_e8 for deal in credits)
        state = account.state()
        assert state.equity_e8 == state.balance_e8 + state.credit_e8 + state.profit_e8
        assert state.margin_e8 == account.margin_e8 >= 0
        assert account.equity_floor_e8() <= state.equity_e8
        _check_lineage(account)
        _check_sums(account)

def _check_lineage(account: Any) -> None:
    """Each deal has its order, each position the deals whose volumes make up its own."""
    held: dict[int, int] = {}
    for deal in account.deals:
        if deal.type in (names.DEAL_TYPE_BALANCE, names.DEAL_TYPE_CREDIT):
            continue
        order = account.history_tickets.get(deal.order) or account.orders[deal.order]
        assert order.symbol == deal.symbol
        assert deal.volume_e8 > 0
        sign = 1 if deal.type == names.DEAL_TYPE_BUY else -1
        held[deal.position_id] = held.get(deal.position_id, 0) + sign * deal.volume_e8
    for position in account.positions.values():
        sign = 1 if position.type == names.POSITION_TYPE_BUY else -1
        assert held.pop(position.identifier) == sign * position.volume_e8 != 0
    assert not any(held.values()), "a volume was closed that was not open, or lost"
    tickets = [deal.ticket for deal in account.deals] + [order.ticket for order in account.history_orders]
    assert len(tickets) == len(dict.fromkeys(tickets))

def _check_sums(account: Any) -> None:
    """The sums kept beside the positions are those of the positions."""
    for symbol, exposure in account.exposures.items():
        mine = [position for position in account.positions.values() if position.symbol == symbol]
        assert exposure.count == len(mine) > 0
        for side, volume_e8, margin_e8 in (
            (names.POSITION_TYPE_BUY, exposure.long_volume_e8, exposure.long_margin_e8),
            (names.POSITION_TYPE_SELL, exposure.short_volume_e8, exposure.short_margin_e8),
        ):
            assert volume_e8 == sum(position.volume_e8 for position in mine if position.type == side)
            assert margin_e8 == sum(position.margin_e8 for position in mine if position.type == side)
        assert exposure.swap_e8 == sum(position.swap_e8 for position in mine)
    assert account.margin_e8 == sum(exposure.margin_e8 for exposure in account.exposures.values())

def books_of(terminal: Terminal) -> list[Any]:
    """Everything a restart must bring back, as plain values."""
    return [
        [
            msgspec.to_builtins(account.row()),
            [msgspec.to_builtins(row) for row in sorted(account.positions.values(), key=lambda row: row.ticket)],
            [msgspec.to_builtins(row) for row in sorted(account.orders.values(), key=lambda row: row.ticket)],
            [msgspec.to_builtins(row) for row in account.history_orders],
            [msgspec.to_builtins(row) for row in account.deals],
        ]
        for account in terminal.accounts.values()
    ]

def journal(rows: list[Change]) -> list[Change]:
    """The rows a journal holds after these changes: the last of each key, in the order in which keys first came."""
    kept: dict[tuple[str, int, int | str], Change] = {}
    for change in rows:
        key = (change.kind, change.login, change.key)
        if change.row is None:
            kept.pop(key)
        else:
            kept[key] = change
    return list(kept.values())
