"""How a simulated server and its accounts are set up."""

import msgspec

from mesh.errors import BadConfig
from mesh.units import E8, text_from_e8
from nodes.terminal import names

MARGIN_MODES = (
    names.ACCOUNT_MARGIN_MODE_RETAIL_NETTING,
    names.ACCOUNT_MARGIN_MODE_EXCHANGE,
    names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING,
)
WHOLE_CURRENCIES = ("CLP", "HUF", "IDR", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF")
"""Deposits that are kept in whole units: brokers show no fractions of them."""
TICKET_SPAN = 10_000_000
"""Tickets of an account are login × this + a counter: unique on the server without anything shared."""
LOGIN_MAX = (2**63 - 1) // TICKET_SPAN - 1


class FixedRate(msgspec.Struct, frozen=True):
    """One unit of ``currency`` is worth ``rate_e8`` of ``in_currency``: for conversions no symbol can make."""

    currency: str
    in_currency: str
    rate_e8: int


class TerminalConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The server. ``server_zone``: the clock of all times it shows (``UTC+2``, ``New York + 7 h`` …).

    ``slippage_points_max``: market orders fill up to this many points worse, drawn from (seed, attempt).
    """

    name: str = "trademesh"
    company: str = "trademesh simulator"
    path: str = "trademesh-simulator"
    """What terminal_info shows as its path."""
    build: int = 6231
    build_date: str = "16 Oct 2025"
    seed: int = 0
    server_zone: str = "UTC"
    fixed_rates: tuple[FixedRate, ...] = ()
    slippage_points_max: int = 0
    ticks_kept_count: int = 16_384
    """Ticks a symbol's history holds; the newest stay."""
    bars_kept_count: int = 32_768
    """M1 bars a symbol's history holds; the newest stay."""


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One account. Field names follow AccountInfo. Raises BadConfig.

    ``deposit_e8`` is booked when the account is opened, ``credit_e8`` beside it. ``commission_per_lot_e8`` (deposit currency) is
    charged on every deal that opens or closes, ``fee_per_deal_e8`` too. ``margin_so_call_e8`` and ``margin_so_so_e8`` are percent or money
    as ``margin_so_mode`` says. ``password`` empty: any is taken.
    """

    login: int
    deposit_e8: int = 10_000 * E8
    credit_e8: int = 0
    currency: str = "USD"
    currency_digits: int = 2
    leverage: int = 100
    margin_mode: int = names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING
    trade_mode: int = names.ACCOUNT_TRADE_MODE_DEMO
    margin_so_mode: int = names.ACCOUNT_STOPOUT_MODE_PERCENT
    margin_so_call_e8: int = 100 * E8
    margin_so_so_e8: int = 50 * E8
    commission_per_lot_e8: int = 0
    fee_per_deal_e8: int = 0
    limit_orders: int = 200
    limit_positions: int = 0
    """0: as many as there is money for."""
    trade_allowed: bool = True
    trade_expert: bool = True
    fifo_close: bool = False
    hedge_allowed: bool = True
    name: str = "Simulated account"
    server: str = "trademesh-Demo"
    company: str = "trademesh simulator"
    password: str = ""

    def __post_init__(self) -> None:
        """Refuse an account no server would open, naming the key, the value and what is allowed."""
        at = f"account {self.login}"
        if not 0 < self.login <= LOGIN_MAX:
            raise BadConfig(f"login = {self.login}; allowed: 1 to {LOGIN_MAX}")
        if self.leverage < 1:
            raise BadConfig(f"{at}: leverage = {self.leverage}; allowed: 1 and above")
        if self.margin_mode not in MARGIN_MODES:
            raise BadConfig(f"{at}: margin_mode = {self.margin_mode}; allowed: 0 (netting), 1 (exchange), 2 (hedging)")
        if not 0 <= self.currency_digits <= 8:
            raise BadConfig(f"{at}: currency_digits = {self.currency_digits}; allowed: 0 to 8")
        if self.deposit_e8 < 0:
            raise BadConfig(f"{at}: deposit = {text_from_e8(self.deposit_e8)}; allowed: 0 and above")

    @property
    def is_hedging(self) -> bool:
        """Each opening deal makes a position of its own."""
        return self.margin_mode == names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING

    @property
    def unit_e8(self) -> int:
        """The smallest amount of money the account knows."""
        return int(10 ** (8 - self.currency_digits))
