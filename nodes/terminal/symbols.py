"""What a simulated server trades: the specification of a symbol, and the flags the MetaTrader5 package does not export."""

from typing import Any

import msgspec

from mesh.errors import BadConfig
from mesh.units import DAY_NS, E8, NEVER, SECOND_NS, text_from_e8
from nodes.contracts import Contract
from nodes.terminal import names

# Flags of SymbolInfo fields, MQL5 reference "Symbol Properties"; other numbers than ORDER_FILLING_* and ORDER_TIME_*.
SYMBOL_FILLING_FOK = 1
SYMBOL_FILLING_IOC = 2
SYMBOL_FILLING_BOC = 4
SYMBOL_ORDER_CLOSEBY = 64
SYMBOL_ORDER_ALL = 127
SYMBOL_EXPIRATION_ALL = 15

_WEEK_NS = 7 * DAY_NS
_THURSDAY_NS = 4 * DAY_NS
"""1970-01-01 was a Thursday, four days into a week that starts on Sunday."""

_POINTS_E8 = tuple(int(10 ** (8 - digits)) for digits in range(9))
"""One point, by the decimals of a price."""
_CALC_MODES: dict[str, int] = {
    "FOREX": names.SYMBOL_CALC_MODE_FOREX,
    "CFDLEVERAGE": names.SYMBOL_CALC_MODE_CFDLEVERAGE,
    "CFDINDEX": names.SYMBOL_CALC_MODE_CFDINDEX,
}
_KNOWN_CALC_MODES = (
    names.SYMBOL_CALC_MODE_FOREX,
    names.SYMBOL_CALC_MODE_FUTURES,
    names.SYMBOL_CALC_MODE_CFD,
    names.SYMBOL_CALC_MODE_CFDINDEX,
    names.SYMBOL_CALC_MODE_CFDLEVERAGE,
    names.SYMBOL_CALC_MODE_FOREX_NO_LEVERAGE,
    names.SYMBOL_CALC_MODE_EXCH_STOCKS,
    names.SYMBOL_CALC_MODE_EXCH_FUTURES,
)


class SymbolSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A symbol as the server trades it; field names follow SymbolInfo. Raises BadConfig for what cannot be traded.

    ``stops_level`` and ``freeze_level`` in points; ``filling_mode`` SYMBOL_FILLING_* flags; ``swap_*_e8`` a lot and night, in
    points, money or percent a year as ``swap_mode`` says; ``depth_e8``: lots one order finds at one quote, 0 for any;
    ``sessions``: (from, to) in ns from Sunday 00:00 server time, none for round the clock.
    """

    name: str
    digits: int
    currency_base: str
    currency_profit: str
    currency_margin: str
    contract_size_e8: int
    volume_min_e8: int = E8 // 100
    volume_max_e8: int = 100 * E8
    volume_step_e8: int = E8 // 100
    volume_limit_e8: int = 0
    tick_size_e8: int = 0
    """0: one point."""
    tick_value_e8: int = 0
    """Money in the profit currency of one tick of one lot, for futures; 0: tick size × contract size."""
    calc_mode: int = names.SYMBOL_CALC_MODE_FOREX
    trade_mode: int = names.SYMBOL_TRADE_MODE_FULL
    exemode: int = names.SYMBOL_TRADE_EXECUTION_MARKET
    filling_mode: int = SYMBOL_FILLING_FOK | SYMBOL_FILLING_IOC
    order_mode: int = SYMBOL_ORDER_ALL
    expiration_mode: int = SYMBOL_EXPIRATION_ALL
    stops_level: int = 0
    freeze_level: int = 0
    margin_initial_e8: int = 0
    margin_hedged_e8: int = -1
    """Contract size that covered volume is charged for; -1: the contract's own, which is one leg of the two."""
    margin_hedged_use_leg: bool = False
    swap_mode: int = names.SYMBOL_SWAP_MODE_DISABLED
    swap_long_e8: int = 0
    swap_short_e8: int = 0
    swap_rollover3days: int = names.DAY_OF_WEEK_WEDNESDAY
    depth_e8: int = 0
    book_depth: int = 0
    sessions: tuple[tuple[int, int], ...] = ()
    end_ns: int = NEVER
    """Market time of its last quote: later its market is closed for good."""
    selected: bool = True
    description: str = ""
    path: str = ""

    def __post_init__(self) -> None:
        """Refuse a specification no server could trade, naming the key, the value and what is allowed."""
        at = f"symbol {self.name}"
        if not 0 <= self.digits <= 8:
            raise BadConfig(f"{at}: digits = {self.digits}; allowed: 0 to 8")
        if not 0 < self.volume_min_e8 <= self.volume_max_e8 or self.volume_step_e8 <= 0:
            raise BadConfig(f"{at}: volumes need 0 < volume_min <= volume_max and volume_step > 0")
        if 0 < self.depth_e8 < self.volume_step_e8:
            least, depth = text_from_e8(self.volume_step_e8), text_from_e8(self.depth_e8)
            raise BadConfig(f"{at}: depth = {depth}; allowed: 0 (any), or one volume_step ({least}) and above")
        if self.contract_size_e8 <= 0:
            raise BadConfig(f"{at}: contract_size = {text_from_e8(self.contract_size_e8)}; allowed: above 0")
        if self.calc_mode not in _KNOWN_CALC_MODES:
            raise BadConfig(f"{at}: calc_mode = {self.calc_mode}; allowed: {_KNOWN_CALC_MODES}")
        if self.exemode not in (0, 1, 2, 3) or self.trade_mode not in (0, 1, 2, 3, 4):
            raise BadConfig(f"{at}: exemode = {self.exemode} (allowed: 0 to 3), trade_mode = {self.trade_mode} (0 to 4)")
        if not names.SYMBOL_SWAP_MODE_DISABLED <= self.swap_mode <= names.SYMBOL_SWAP_MODE_REOPEN_BID:
            raise BadConfig(f"{at}: swap_mode = {self.swap_mode}; allowed: 0 (none) to 8, SYMBOL_SWAP_MODE_*")

    @property
    def point_e8(self) -> int:
        """The smallest step of a price as it is written."""
        return _POINTS_E8[self.digits]

    @property
    def price_step_e8(self) -> int:
        """The step prices must keep: the tick size, or the point."""
        return self.tick_size_e8 or _POINTS_E8[self.digits]

    @property
    def profit_scale(self) -> tuple[int, int]:
        """(N, D): price difference_e8 × volume_e8 × N / D is the profit_e8 in the profit currency."""
        if self.tick_value_e8:
            return self.tick_value_e8, self.price_step_e8 * E8
        return self.contract_size_e8, E8 * E8

    def is_open(self, server_ns: int) -> bool:
        """Whether the symbol trades at a server time."""
        if not self.sessions:
            return True
        week_ns = (server_ns + _THURSDAY_NS) % _WEEK_NS
        return any(start_ns <= week_ns < end_ns for start_ns, end_ns in self.sessions)

    def next_open_ns(self, server_ns: int) -> int:
        """The first server time from ``server_ns`` on at which the symbol trades."""
        if self.is_open(server_ns):
            return server_ns
        week_ns = (server_ns + _THURSDAY_NS) % _WEEK_NS
        wait_ns = min((start_ns - week_ns) % _WEEK_NS for start_ns, _ in self.sessions)
        return server_ns + wait_ns


def day_session(day: int, start_s: int, end_s: int) -> tuple[int, int]:
    """A session of one day of the week (DAY_OF_WEEK_*), from and to in seconds after its midnight."""
    return day * DAY_NS + start_s * SECOND_NS, day * DAY_NS + end_s * SECOND_NS


def spec_from_contract(contract: Contract, **changes: Any) -> SymbolSpec:
    """The specification of a contract known by its class, with fields replaced as given."""
    fields: dict[str, Any] = {
        "name": contract.symbol,
        "digits": contract.digits,
        "currency_base": contract.base_currency,
        "currency_profit": contract.profit_currency,
        "currency_margin": contract.margin_currency,
        "contract_size_e8": contract.contract_size_e8,
        "volume_min_e8": contract.volume_min_e8,
        "volume_max_e8": contract.volume_max_e8,
        "volume_step_e8": contract.volume_step_e8,
        "tick_size_e8": contract.tick_size_e8,
        "calc_mode": _CALC_MODES[contract.calc_mode],
        "description": contract.description,
        "path": f"{contract.class_name}\\{contract.symbol}",
    }
    return SymbolSpec(**(fields | changes))
