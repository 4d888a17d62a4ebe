"""A simulated server in one TOML text (``sim.toml``): its clock, its prices, its accounts, its symbols, what goes wrong.

For anybody's own script: ``initialize(path="sim.toml")``. Every key but an account's login has a default. The first account
is the one a terminal is logged in to. Every error is a BadConfig that names the key, the value and what is allowed.
"""

from decimal import Decimal
from typing import Annotated, Literal, get_args

from msgspec import Meta

from mesh.complaint import document_from
from mesh.errors import BadConfig
from mesh.faults import FaultSection
from mesh.section import Currency, Id, NotNegative, Points, Positive, Section, SymbolName
from nodes.zones import Zone

Moment = Annotated[
    str, Meta(pattern=r"^(\d{4}-\d\d-\d\d( \d\d:\d\d)?)?$", description="a UTC time, such as 2026-01-05 or 2026-01-05 12:00")
]
OrderWord = Literal["market", "limit", "stop", "stop_limit", "sl", "tp", "close_by"]
ExpirationWord = Literal["gtc", "day", "specified", "specified_day"]
"""In the order of SYMBOL_ORDER_* and SYMBOL_EXPIRATION_*."""
Level = Annotated[int, Meta(ge=0, le=1_000_000)]
Signed = Annotated[Decimal, Meta(extra={"least": -(10**9), "most": 10**9})]


class ServerSection(Section):
    """The server and the line to it."""

    name: str = "trademesh-Demo"
    zone: str = "New York + 7 h"
    """The clock of all times it shows."""
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 7
    latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 40
    """Median of an order_send in market time; the tail is log-normal, drawn from (seed, magic, turn)."""
    latency_spread: NotNegative = Decimal("0.4")
    """Sigma of that log-normal; 0: always the median."""
    hold_gil: bool = False
    """Wait as the real package does, without letting any other Python thread run."""
    slippage_points: Points = 0
    build: Annotated[int, Meta(ge=1, le=100_000)] = 6_231
    """Of the terminal; below 2,364 the package reads no symbols (-5)."""


class ClockSection(Section):
    """How market time goes: with the wall clock, from ``prices.start`` at a speed, or only when the script says so."""

    kind: Literal["wall", "replay", "step"] = "wall"
    speed: Positive = Decimal(1)
    """Of ``replay``."""


class PricesSection(Section):
    """Where quotes come from: the seeded synthetic market, files, or the script itself."""

    source: Literal["synthetic", "feed", "script"] = "synthetic"
    feeds: list[str] = []
    """``FILE[,symbol=,tz=,scale=,ask=FILE]`` each, as ``mesh up --feed`` takes them; beside the sim.toml unless absolute."""
    symbols: tuple[SymbolName, ...] = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
    """Of the synthetic market and of a script's own prices."""
    start: Moment = ""
    """Where a replay or a stepped market begins (UTC); empty: 2026-01-05, with files ``backfill_minutes`` after their first tick."""
    backfill_minutes: Annotated[int, Meta(ge=0, le=100_000)] = 1_500
    """History before that."""


class SimAccountSection(Section):
    """One account of the server."""

    login: Annotated[int, Meta(ge=1, le=10**11)]
    password: str = ""
    """Empty: any is taken. The terminal knows that of the first account, and each that was given once."""
    name: str = "Simulated account"
    currency: Currency = "USD"
    currency_digits: Annotated[int, Meta(ge=0, le=8)] | None = None
    """Decimals of its money; left out: 2, of a currency without fractions (JPY, HUF …) 0."""
    deposit: NotNegative = Decimal(10_000)
    credit: NotNegative = Decimal(0)
    """Lent by the broker: part of the equity, not of the balance."""
    leverage: Annotated[int, Meta(ge=1, le=5_000)] = 100
    margin_mode: Literal["hedging", "netting", "exchange"] = "hedging"
    trade_mode: Literal["demo", "contest", "real"] = "demo"
    margin_call_percent: NotNegative = Decimal(100)
    stop_out_percent: NotNegative = Decimal(50)
    margin_so_mode: Literal["percent", "money"] = "percent"
    """What margin call and stop-out go by: the margin level above, or the equity below."""
    margin_call_money: NotNegative = Decimal(0)
    stop_out_money: NotNegative = Decimal(0)
    commission_per_lot: NotNegative = Decimal(0)
    fee_per_deal: NotNegative = Decimal(0)
    limit_orders: Annotated[int, Meta(ge=0, le=1_000_000)] = 200
    limit_positions: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """0: as many as there is money for."""
    trade_allowed: bool = True
    trade_expert: bool = True
    fifo_close: bool = False
    hedge_allowed: bool = True


class SimSymbolSection(Section):
    """How a symbol differs from its class (EURUSD, gold …); an unknown one needs digits, contract_size, base and profit."""

    digits: Annotated[int, Meta(ge=0, le=8)] | None = None
    contract_size: Positive | None = None
    base: Annotated[str, Meta(pattern="^[A-Z0-9]{2,5}$", description="two to five capital letters or digits, such as EUR")] | None = None
    profit: Currency | None = None
    margin: Currency | None = None
    tick_size: Positive | None = None
    volume_min: Positive | None = None
    volume_max: Positive | None = None
    volume_step: Positive | None = None
    volume_limit: NotNegative = Decimal(0)
    execution: Literal["request", "instant", "market", "exchange"] = "market"
    filling: tuple[Literal["fok", "ioc", "boc"], ...] = ("fok", "ioc")
    order_mode: tuple[OrderWord, ...] = get_args(OrderWord)
    """Kinds that are taken; ``sl`` and ``tp`` are shown and not looked at."""
    expiration_mode: tuple[ExpirationWord, ...] = get_args(ExpirationWord)
    calc: Literal["forex", "futures", "cfd", "cfd_index", "cfd_leverage", "forex_no_leverage", "stocks", "exchange_futures"] | None = None
    margin_initial: NotNegative = Decimal(0)
    """Of one lot, where ``calc`` is of futures."""
    margin_hedged: NotNegative | None = None
    """Contract size that covered volume is charged for; left out: the contract's own, one leg of the two."""
    margin_hedged_use_leg: bool = False
    """The dearer leg of the two is charged, and nothing else."""
    tick_value: NotNegative = Decimal(0)
    """Of one tick of one lot, in the profit currency; 0: tick size × contract size."""
    trade_mode: Literal["disabled", "long", "short", "close", "full"] = "full"
    stops_level: Level = 0
    freeze_level: Level = 0
    swap_mode: Literal[
        "disabled", "points", "base", "margin", "deposit", "interest_current", "interest_open", "reopen_close", "reopen_bid"
    ] = "disabled"  # fmt: skip
    swap_long: Signed = Decimal(0)
    swap_short: Signed = Decimal(0)
    swap_rollover3days: Literal["sun", "mon", "tue", "wed", "thu", "fri", "sat"] = "wed"
    """The night that counts three times, for the weekend."""
    depth: NotNegative = Decimal(0)
    """Lots one order finds at one quote; 0: any."""
    book_depth: Annotated[int, Meta(ge=0, le=32)] = 0
    """Levels a side of the market book; 0: none is shown."""
    sessions: list[str] = []
    """``mon 00:05-23:55`` each, server time; empty: round the clock."""
    selected: bool = True
    """Shown in the Market Watch from the start."""


class SimFile(Section):
    """The whole file."""

    server: ServerSection = ServerSection()
    clock: ClockSection = ClockSection()
    prices: PricesSection = PricesSection()
    account: dict[Id, SimAccountSection] = {}
    symbol: dict[SymbolName, SimSymbolSection] = {}
    fault: list[FaultSection] = []


def simfile_from(text: str) -> SimFile:
    """The simulation in a TOML text. Raises BadConfig."""
    sim = document_from(text, SimFile)
    try:
        Zone.parse(sim.server.zone)
    except ValueError as error:
        raise BadConfig(f"server.zone = {sim.server.zone}: {error}") from None
    if not sim.account:
        raise BadConfig("no [account.NAME] section; one with a login is enough")
    if sim.prices.source == "feed" and not sim.prices.feeds:
        raise BadConfig('prices.feeds = []: source = "feed" needs one file at least')
    if sim.prices.source != "synthetic" and sim.clock.kind == "wall":
        raise BadConfig(f'clock.kind = "wall": prices from a {sim.prices.source} have a clock of their own; allowed: replay, step')
    if sim.prices.source == "script" and sim.clock.kind != "step":
        raise BadConfig(f'clock.kind = "{sim.clock.kind}": prices from a script go by steps; allowed: step')
    _check_idle(sim)
    return sim


def _check_idle(sim: SimFile) -> None:
    """A key that would do nothing beside the others is refused, unless it says what holds anyway."""
    clock, prices, plain = sim.clock, sim.prices, PricesSection()
    source = prices.source
    is_all_history = source == "feed" and bool(prices.start)
    for is_idle, key, why in (
        (clock.kind != "replay" and clock.speed != 1, "clock.speed",
         f'a {clock.kind} clock has none; allowed: 1, or clock.kind = "replay"'),
        (clock.kind == "wall" and prices.start, "prices.start", 'a wall clock starts now; allowed: "", or clock.kind = "replay" or "step"'),
        (source != "feed" and prices.feeds, "prices.feeds", f'source = "{source}" reads no files; allowed: [], or source = "feed"'),
        (source == "feed" and prices.symbols != plain.symbols, "prices.symbols", "feeds bring their own; leave it out"),
        (source == "script" and prices.backfill_minutes != plain.backfill_minutes, "prices.backfill_minutes",
         "prices from a script have no history; leave it out"),
        (is_all_history and prices.backfill_minutes != plain.backfill_minutes, "prices.backfill_minutes",
         "all that a feed has before prices.start is history; leave one of them out"),
    ):  # fmt: skip
        if is_idle:
            section, name = key.split(".")
            value = getattr(getattr(sim, section), name)
            shown = ", ".join(value) if isinstance(value, list | tuple) else value
            raise BadConfig(f"{key} = {shown}: {why}")
