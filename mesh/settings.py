"""The sections of the one TOML file, as frozen structs: every key, its unit, its default and what is allowed.

``mesh/config.py`` reads the file into these and checks what holds between them. A rail may be ``"off"`` (None here): said on
purpose, and shown. Decimals are exact (never floats); times of day are ``HH:MM`` text; durations are integers in ms.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from mesh.faults import FaultSection
from mesh.section import (
    CountRail,
    Cpu,
    Currency,
    Id,
    Ms,
    Multiple,
    NotNegative,
    Pace,
    Percent,
    Period,
    Points,
    Port,
    Positive,
    Rail,
    Section,
    SymbolName,
    Timeframe,
    TimeOfDay,
)


class TimerSection(Section):
    """Protocol times of DESIGN §2 and §6; change them for simulations, not for luck."""

    heartbeat_ms: Ms = 250
    grant_ask_ms: Ms = 500
    grant_ms: Ms = 3_000
    state_ms: Ms = 500
    health_ms: Ms = 500
    stale_state_ms: Ms = 2_000
    open_deadline_ms: Ms = 5_000
    close_stored_ms: Ms = 2_000
    router_silent_ms: Ms = 1_000
    move_gap_ms: Ms = 5_000
    repeat_ms: Ms = 250
    """First repeat of anything that waits for an answer; doubles up to 8 times this."""
    clock_apart_ms: Ms | None = 5_000
    """A local whose wall clock is further than this from the master's observes only; None: whatever it says."""
    drain_ms: Annotated[int, Meta(ge=1, le=5_000)] = 5_000
    """How long a stop may take; whoever stops a node waits a little longer."""
    visible_ms: Ms = 1_000
    """Two reads this far apart have to show nothing left, before a stop is said to have cancelled or closed everything."""
    unknown_settle_ms: Ms = 60_000
    """An attempt whose result is unknown is looked for so long before it counts as never executed …"""
    unknown_read_ms: Ms = 5_000
    """… in reads this far apart, three at least."""
    venue_call_ms: Ms = 30_000
    """A worker that has not answered a call by then is killed, and what was in the call is UNKNOWN."""


class MeshSection(Section):
    """What must be equal on every host."""

    id: Id = "demo"
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 7
    base_port: Port = 7410
    ipc: bool = False
    """Nodes whose ``host`` is the same talk by UNIX sockets instead of TCP, on Linux; operators and other hosts stay on TCP."""
    plain: bool = False
    """Links have no keys: whoever reaches a port is let in. Only where every node's host is this machine itself."""


class StoreSection(Section):
    """What nodes keep on disk."""

    keep_days: Annotated[int, Meta(ge=1, le=36_500)] | None = 400
    """How old rows of archives (ended decisions, acked outcomes) may become; None: all stay. Known oids, sids and the audit always stay."""


class MarketSection(Section):
    """Where market data comes from and how fast it is played."""

    feeds: list[str] = []
    """``FILE[,symbol=,tz=,scale=,ask=FILE]`` each, or ``mt5[,terminal=PATH][,account=NAME]``; empty: the seeded synthetic market."""
    symbols: tuple[SymbolName, ...] = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")
    """Of the synthetic market and of a live one; with files, the files say."""
    speed: Pace | None = Decimal(60)
    """Times recorded pace; None (``"max"`` in the file): as fast as the mesh can."""
    backfill_minutes: Annotated[int, Meta(ge=0, le=100_000)] = 1_500
    """History of the synthetic market before trading begins; of a live one the M1 bars asked for, 1,000 at least."""
    start: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$", description="a date, such as 2026-01-05")] = "2026-01-05"
    """First trading day of the synthetic market (UTC)."""
    crossed: Literal["keep", "swap", "skip"] = "keep"
    jump_percent: Annotated[Decimal, Meta(extra={"above": 0, "most": 1_000})] = Decimal(10)
    """A row further than this from the one before is refused as absurd."""
    strict: bool = False
    digits: dict[SymbolName, Annotated[int, Meta(ge=0, le=8)]] = {}
    """Decimals of a symbol's prices in the feeds, where they differ from its class; ``mesh up`` fills in what it found."""
    minutes: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    """End the synthetic market after this many minutes; 0: endless."""
    bar_grace_ms: Annotated[int, Meta(ge=0, le=60_000)] = 2_000
    """Of a live market: so long after its end a bar closes without a tick. In a recorded or synthetic one only ticks close bars."""
    poll_ms: Ms = 100
    """Of a live market: how long after an answer its terminal is asked for ticks again."""
    stale_ms: Ms = 60_000
    """Of a live market: FEED_STALE where a symbol has no tick for so long while it is traded."""


class BrokerSection(Section):
    """The simulated broker: its clock, its speed, its execution."""

    zone: str = "New York + 7 h"
    """Server time, for bars of H2 and longer, days, swaps and rails."""
    latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 40
    """Median of order execution in market time; the tail is log-normal, drawn from (seed, oid, attempt)."""
    latency_spread: NotNegative = Decimal("0.4")
    """Sigma of that log-normal; 0: always the median."""
    execution: Literal["market", "instant"] = "market"
    slippage_points: Points = 0
    """Largest slippage against the order, drawn likewise."""
    commission_per_lot: NotNegative = Decimal(0)
    record: str = ""
    """A file that takes each ``order_send`` and its answer, one line each, before the answer goes out: a witness beside all stores."""


class SymbolSection(Section):
    """Contract data of a symbol the built-in classes do not know, or that differs."""

    digits: Annotated[int, Meta(ge=0, le=8)]
    contract_size: Positive
    base: Annotated[str, Meta(pattern="^[A-Z0-9]{2,5}$", description="two to five capital letters or digits, such as EUR")]
    profit: Currency
    tick_size: Positive | None = None
    """Off: one point."""
    volume_min: Positive = Decimal("0.01")
    volume_max: Positive = Decimal(100)
    volume_step: Positive = Decimal("0.01")
    spread_points: Points = 20
    stops_level_points: Points = 0


class RailsSection(Section):
    """Risk rules of an account, with their defaults; a local applies the same at twice their value."""

    risk_percent: Rail = Decimal("0.5")
    """Largest loss of one trade at its SL, of equity."""
    positions_per_symbol_count: CountRail = 1
    positions_count: CountRail = 5
    exposure_times: Rail = Decimal(5)
    """Notional of all positions against equity."""
    orders_per_minute_count: CountRail = 10
    orders_per_hour_count: CountRail = 60
    spread_times: Rail = Decimal(3)
    """Spread against its one-hour median."""
    price_collar_percent: Rail = Decimal("0.5")
    deviation_points: Points = 20
    signal_age_ms: Ms | None = 10_000
    duplicate_window_ms: Ms | None = 10_000
    daily_loss_percent: Percent | None = Decimal(3)
    daily_loss_warn_percent: Percent = Decimal(80)
    """Warn at this share of the limit."""
    daily_loss_base: Literal["balance", "equity", "higher"] = "balance"
    daily_loss_action: Literal["deny", "freeze", "flatten"] = "freeze"
    """Past the limit nothing is opened till the next day (all three); freeze and flatten: nor later, before a person has resumed the
    account; flatten: and what is ours is closed."""
    daily_reset: TimeOfDay = "00:00"
    daily_reset_zone: str = ""
    """Empty: the broker's."""
    drawdown_percent: Percent | None = Decimal(8)
    """From the equity's high-water mark."""
    margin_level_percent: Rail = Decimal(300)
    errors_count: CountRail = 20
    """Openings that the broker refuses and attempts of unknown result, after which the account is frozen, …"""
    errors_window_ms: Ms = 60_000
    """… in so long."""
    closed_from: TimeOfDay | None = "23:50"
    """No opens from here …"""
    closed_to: TimeOfDay = "00:10"
    """… to here, broker time."""


class CapsSection(Section):
    """Hard caps of an account: plain numbers of whoever owns its host, which hold whatever a master, a strategy or a forged order says.

    Where the file has none, an account at a real terminal has these, a simulated one none: a replay is many times as fast as life.
    """

    orders_per_second_count: Annotated[int, Meta(ge=1, le=1_000)] | None = 10
    """Calls that open or close, by the monotonic clock of the host. Closes are never refused, but opens make room for them."""
    orders_per_minute_count: Annotated[int, Meta(ge=1, le=1_000)] | None = 40
    lots: Rail = Decimal(1)
    """Of one order that opens."""
    positions_count: Annotated[int, Meta(ge=1, le=500)] | None = 10
    """Of the account, whosever they are; a read shows few more than the most that may be said here."""
    symbols: list[SymbolName] | None = []
    """What may be opened, by our names; empty: what ``market.symbols`` says."""
    price_collar_percent: Rail = Decimal(1)
    """How far the price at the call may be from the one of the decision; the narrower of this and the local's guard holds."""
    breach_count: CountRail = 10
    """So many opens refused by a cap …"""
    breach_window_ms: Ms = 60_000
    """… in so long freeze the account, until a person resumes it."""


class FleetSection(Section):
    """Limits over all accounts together; the master freezes everything where one is reached."""

    currency: Currency = "USD"
    """In which losses of accounts are added up, at the market's own quotes."""
    loss_percent: Percent | None = Decimal(3)
    """Lost today by all together, of what their days began with."""
    errors_count: CountRail = 100
    """Openings that brokers refuse, on all accounts together, …"""
    errors_window_ms: Ms = 60_000
    """… in so long."""


class SizingSection(Section):
    """How many lots an opening gets on an account."""

    kind: Literal["lots", "per_1000", "risk"] = "risk"
    lots: Positive = Decimal("0.01")
    """Fixed lots, or lots for each 1,000 of balance."""
    risk_percent: Percent = Decimal("0.5")
    """Of equity, lost at the SL."""


class ManageSection(Section):
    """What a local does with a strategy's positions by itself, even when cut off. 0 switches an act off."""

    break_even_points: Points = 0
    """Profit at which SL moves to the opening price."""
    break_even_plus_points: Points = 0
    trailing_points: Points = 0
    """Distance of the trailing SL from the best price."""
    trailing_step_points: Points = 10
    time_stop_ms: Annotated[int, Meta(ge=0, le=10**12)] = 0
    """Close after this long, market time."""
    partial_tp_points: Points = 0
    partial_tp_percent: Percent = Decimal(50)


class StrategySection(Section):
    """One rule that turns signals into OPEN and CLOSE."""

    kind: Literal["reversion", "breakout", "manual"] = "reversion"
    symbols: list[SymbolName] = []
    """Empty: every symbol of the market."""
    timeframe: Timeframe | Literal["feed"] = "feed"
    """``feed``: the bars of the file, M1 for ticks and the synthetic market."""
    period: Period = 14
    level: Positive = Decimal(100)
    reverse: bool = True
    """Open the other way when the opposite signal closes."""
    candles: list[str] = []
    """Open only where one of these patterns stands on the signal's bar (names of nodes/patterns.py, for the side)."""
    sl_points: Points = 0
    tp_points: Points = 0
    sl_atr: Multiple = Decimal(2)
    """SL at this many ATR; used where sl_points is 0. Both 0: no SL."""
    tp_atr: Multiple = Decimal(3)
    atr_period: Period = 14
    targets: list[Id] = []
    """Accounts or groups; empty: all accounts."""
    sizing: SizingSection = SizingSection()
    manage: ManageSection = ManageSection()


class AccountSection(Section):
    """One MetaTrader 5 account."""

    login: Annotated[int, Meta(ge=1, le=10**12)]
    server: str = "trademesh-sim"
    currency: Currency = "USD"
    balance: Positive = Decimal(10_000)
    """Deposit of a simulated account."""
    leverage: Annotated[int, Meta(ge=1, le=5_000)] = 100
    margin_mode: Literal["hedging", "netting"] = "hedging"
    terminal: str = "sim"
    """``sim``: the mesh's simulated broker; a ``sim.toml`` or ``tcp://host:port``: another one; else the path of terminal64.exe."""
    zone: str = ""
    """Server time of a real account's broker; empty, and for simulated accounts: ``broker.zone``."""
    mode: Literal["observe", "shadow", "demo", "live"] = "demo"
    """How far it may be traded (``mesh/accountmode.py``); a real account is traded as ``live`` alone."""
    symbol_names: dict[SymbolName, SymbolName] = {}
    """Our name → the broker's name."""
    symbol_suffix: Annotated[str, Meta(max_length=8)] = ""
    sizing: SizingSection | None = None
    """Instead of the strategy's."""
    rails: RailsSection | None = None
    """Instead of [rails]."""
    caps: CapsSection | None = None
    """Instead of [caps]."""
    equity_stop_percent: Percent | None = None
    """The local closes everything of ours when equity falls to this share of the deposits."""


class NodeSection(Section):
    """One node: its role, where it listens, whom it serves."""

    role: Literal["market", "indicator", "signals", "master", "router", "local", "broker"]
    host: str = "127.0.0.1"
    port: Port | None = None
    """First port of a listening node; none: counted from base_port."""
    account: Id | None = None
    """Of a local."""
    routers: list[Id] = []
    """Of a local: primary first, second after it; empty: spread over all."""
    sources: list[Id] = []
    """Of signals: who may send; empty: every indicator and operators."""


class ProcessSection(Section):
    """Nodes that share one process, or one alone, and how it runs. What the system does not permit is told, and it runs without."""

    nodes: Annotated[list[Id], Meta(min_length=1)]
    idle: Literal["wait", "yield", "spin"] = "wait"
    """Between messages: wait in the kernel, or yield, or spin (both burn a processor to be awake when one comes)."""
    cpus: Annotated[list[Cpu], Meta(min_length=1)] | None = None
    """Processors it may run on, with every thread and child of it; None: all."""
    scheduler: Literal["other", "batch", "fifo", "rr"] = "other"
    """Linux' scheduling class; fifo and rr come before everybody else and need CAP_SYS_NICE or a limit of RTPRIO."""
    priority: Annotated[int, Meta(ge=1, le=99)] | None = None
    """Of fifo and rr, which need one."""


class MetricsSection(Section):
    """Each node's numbers for Prometheus, by HTTP at a port of its own. Left out, none is served."""

    host: str = "127.0.0.1"
    """Where each node listens, on its own host."""
    base_port: Port = 9410
    """Of the first node; the others follow in the order of the file, one port each."""
    open: bool = False
    """Said on purpose where ``host`` is no loopback address: whoever reaches a port may read it."""


class AlertsSection(Section):
    """Who is told, away from every screen, of what needs a person. Left out, nobody is."""

    webhook: Annotated[str, Meta(max_length=2_048)] = ""
    """Where JSON is posted: ``https://…``, ``http://`` on this machine alone, or ``file:PATH`` of a file that holds the address."""
    command: Annotated[list[str], Meta(max_length=64)] = []
    """A program and its arguments, no shell; it reads the same JSON from its input."""
    timeout_ms: Annotated[int, Meta(ge=100, le=60_000)] = 5_000
    """How long one try may take."""
    retry_count: Annotated[int, Meta(ge=0, le=10)] = 4
    """Further tries of what was not taken, after 1 s, 2 s, 4 s …"""
    per_minute_count: Annotated[int, Meta(ge=1, le=60)] = 10
    """Messages at most; what comes beyond waits, put together."""
    quiet_ms: Ms = 300_000
    """What was told is told anew only after so long, with how often it came and went."""
    remind_ms: Ms | None = 3_600_000
    """What goes on is told again after so long; None: once."""
    unknown_ms: Ms = 60_000
    """How long an attempt's result may be unknown."""


class Settings(Section):
    """The whole file."""

    mesh: MeshSection = MeshSection()
    timers: TimerSection = TimerSection()
    market: MarketSection = MarketSection()
    broker: BrokerSection = BrokerSection()
    store: StoreSection = StoreSection()
    symbol: dict[SymbolName, SymbolSection] = {}
    rails: RailsSection = RailsSection()
    caps: CapsSection | None = None
    """None: see ``CapsSection``."""
    fleet: FleetSection = FleetSection()
    strategy: dict[Id, StrategySection] = {}
    group: dict[Id, list[Id]] = {}
    account: dict[Id, AccountSection] = {}
    node: dict[Id, NodeSection] = {}
    process: dict[Id, ProcessSection] = {}
    fault: list[FaultSection] = []
    """What is to go wrong at the simulated broker."""
    metrics: MetricsSection | None = None
    alerts: AlertsSection | None = None
