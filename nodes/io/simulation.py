"""A simulated server in this process, as a ``sim.toml`` describes it: what ``initialize(path="sim.toml")`` of our package opens.

It goes on while no script is attached, as a terminal does, for as long as the process lives. Nothing is kept on disk.
"""

import ctypes
import os
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np

from mesh.errors import BadConfig, MeshError
from mesh.units import DAY_NS, E8, MINUTE_NS, MS_NS, NEVER, SECOND_NS
from nodes.io.feed import merge_feeds, read_feed
from nodes.io.feedspec import parse_feed_spec
from nodes.market.synthetic import DEFAULT_START_NS, SyntheticMarket
from nodes.terminal.latency import Latency, request_key
from nodes.terminal.levels import PRICE_MAX_E8
from nodes.terminal.service import RequestRow, TerminalService
from nodes.terminal.simfile import SimFile, simfile_from
from nodes.terminal.simserver import terminal_from
from nodes.ticks import NO_TICKS, TickColumns

MADE_MINUTES = 60
"""Minutes of the synthetic market made in one go."""
_WAIT_NS_MAX = 3_600 * SECOND_NS
STEP_S_MAX = 366 * DAY_NS // SECOND_NS
PRICE_MIN, PRICE_MAX = 1 / E8, PRICE_MAX_E8 / E8


class Prices(Protocol):
    """The quotes of a server, in order. ``digits``: its symbols, with the decimals of their prices (0: the class's own).

    ``ends_ns``: the last quote of each symbol whose quotes end.
    """

    digits: dict[str, int]
    ends_ns: Mapping[str, int]
    start_ns: int
    """Where trading begins: what comes before is history."""
    next_ns: int
    """No tick comes before this."""

    def until(self, market_ns: int) -> TickColumns:
        """The ticks up to a market time that were not given yet."""


class SyntheticPrices:
    """The seeded market, from ``backfill_minutes`` before the start on, for ever."""

    ends_ns: Mapping[str, int] = {}

    def __init__(self, seed: int, symbols: Sequence[str], start_ns: int, backfill_minutes: int) -> None:
        self.digits = dict.fromkeys(symbols, 0)
        self.start_ns = start_ns
        self._market = SyntheticMarket(seed, symbols, start_ns // MINUTE_NS * MINUTE_NS - backfill_minutes * MINUTE_NS)
        self._next_minute = 0
        self._rest = NO_TICKS
        self.next_ns = 0

    def until(self, market_ns: int) -> TickColumns:
        """The ticks up to a market time."""
        missing = (market_ns - self._market.start_ns) // MINUTE_NS + 1 - self._next_minute
        if missing > 0:
            count = max(missing, MADE_MINUTES)
            made = self._market.minutes(self._next_minute, count)
            self._next_minute += count
            self._rest = _joined(self._rest, made)
        found, self._rest = _split(self._rest, market_ns)
        self.next_ns = int(self._rest.time_ns[0]) if len(self._rest) else 0
        return found


class FeedPrices:
    """Files, merged by time; quotes end with them."""

    def __init__(self, feeds: Sequence[str], folder: Path, start_ns: int, backfill_minutes: int) -> None:
        """Raises BadConfig, also where it would start when nothing is quoted any more, and BadFeed."""
        read = [read_feed(parse_feed_spec(str(folder / feed))) for feed in feeds]
        self.digits = {feed.symbol: feed.digits for feed in read}
        self.ends_ns: Mapping[str, int] = {feed.symbol: int(feed.columns.time_ns[-1]) for feed in read}
        self._rest = merge_feeds(read)
        self.next_ns = int(self._rest.time_ns[0])
        self.start_ns = start_ns or self.next_ns + backfill_minutes * MINUTE_NS
        last_ns = max(self.ends_ns.values())
        if self.start_ns > last_ns:
            what = "" if start_ns else f", {backfill_minutes} backfill_minutes after the first quote"
            raise BadConfig(
                f"prices.start = {_told(self.start_ns)}{what}: it lies behind the last quote ({_told(last_ns)}); "
                f"lower {'start' if start_ns else 'backfill_minutes, or give a start'}"
            )

    def until(self, market_ns: int) -> TickColumns:
        """The ticks up to a market time."""
        found, self._rest = _split(self._rest, market_ns)
        self.next_ns = int(self._rest.time_ns[0]) if len(self._rest) else NEVER
        return found


class ScriptPrices:
    """No quotes but those the script gives (``_quote``)."""

    ends_ns: Mapping[str, int] = {}

    def __init__(self, symbols: Sequence[str], start_ns: int) -> None:
        self.digits = dict.fromkeys(symbols, 0)
        self.start_ns = start_ns
        self.next_ns = NEVER

    def until(self, market_ns: int) -> TickColumns:
        """None."""
        return NO_TICKS


def _joined(first: TickColumns, second: TickColumns) -> TickColumns:
    """Ticks of the same symbols, one after the other."""
    if not len(first):
        return second
    columns = ("symbol_index", "time_ns", "bid_e8", "ask_e8")
    return TickColumns(first.symbols, *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in columns))


def _split(ticks: TickColumns, market_ns: int) -> tuple[TickColumns, TickColumns]:
    at = int(np.searchsorted(ticks.time_ns, market_ns, side="right"))
    return ticks[:at], ticks[at:]


class Simulation:
    """The server, its prices and its clock. Raises BadConfig for what cannot be traded, BadFeed for a file that cannot be read."""

    def __init__(self, sim: SimFile, file: Path) -> None:
        server, clock = sim.server, sim.clock
        self._kind = clock.kind
        self._speed = clock.speed if clock.kind == "replay" else Decimal(1)
        self._prices = _prices_of(sim, file.parent)
        self._terminal = terminal_from(sim, self._prices.digits, self._prices.ends_ns, str(file))
        self.login = 0
        """Who logged in last; 0: nobody yet."""
        self.service = TerminalService(self._terminal, tuple(sim.fault))
        self._latency = Latency(server.seed, server.latency_ms, server.latency_spread)
        self.is_delayed = server.latency_ms > 0
        """Whether orders take any time."""
        self._sleep = _sleep_with_gil if server.hold_gil else _sleep
        self._stepped_ns = self._prices.start_ns
        self._started_ns = time.monotonic_ns()
        self._terminal.open(self._stepped_ns)
        self.now_ns()

    def now_ns(self) -> int:
        """Market time (UTC), with all quotes played up to it."""
        if self._kind == "step":
            now_ns = self._stepped_ns
        elif self._kind == "wall":
            now_ns = time.time_ns()
        else:
            now_ns = self._prices.start_ns + int((time.monotonic_ns() - self._started_ns) * self._speed)
        if now_ns >= self._prices.next_ns or now_ns >= self._terminal.event_ns:
            self._play(now_ns)
        return max(now_ns, self._terminal.now_ns)

    def wait(self, market_ns: int) -> None:
        """Let market time pass while the caller is blocked; ``NEVER`` for ever."""
        if self._kind == "step" and market_ns < NEVER:
            self._stepped_ns += market_ns
            return
        left_ns = int(market_ns / self._speed)
        while left_ns > 0:
            self._sleep(min(left_ns, _WAIT_NS_MAX))
            left_ns = left_ns - _WAIT_NS_MAX if market_ns < NEVER else NEVER

    def step(self, seconds: float) -> None:
        """Move a stepped market on. Raises RuntimeError where the clock goes by itself, ValueError for what is no time to come."""
        if self._kind != "step":
            raise RuntimeError(f'clock.kind = "{self._kind}": this market goes on by itself; a script can move it only with "step"')
        self._stepped_ns += round(_number("seconds", seconds, 0, STEP_S_MAX) * SECOND_NS)
        self.now_ns()

    def quote(self, symbol: str, bid: float, ask: float) -> None:
        """A new quote, now. Raises RuntimeError where prices come from elsewhere, ValueError for an unknown symbol and for no price."""
        if not isinstance(self._prices, ScriptPrices):
            raise RuntimeError('prices.source: this market has quotes of its own; a script can make them only with "script"')
        if symbol not in list(self._terminal.books):
            raise ValueError(f"symbol = {symbol!r}; allowed: {', '.join(self._terminal.books)}")
        bid_e8, ask_e8 = (round(_number(name, price, PRICE_MIN, PRICE_MAX) * E8) for name, price in (("bid", bid), ("ask", ask)))
        self._terminal.on_tick(symbol, self.now_ns(), bid_e8, ask_e8)

    def latency_ns(self, login: int, args: list[Any]) -> int:
        """How long an order takes, in market time; 0 for what is no order."""
        try:
            row = msgspec.convert(args, RequestRow)
        except msgspec.ValidationError:
            return 0
        turn = self.service.turns.next(login, row.action, row.magic)
        return self._latency.of(request_key(login, row.magic, row.action, row.comment, repr(args).encode(), turn))

    def _play(self, now_ns: int) -> None:
        ticks = self._prices.until(now_ns) if now_ns >= self._prices.next_ns else NO_TICKS
        if len(ticks):
            columns = (ticks.symbol_index, ticks.time_ns, ticks.bid_e8, ticks.ask_e8, ticks.symbols)
            self._terminal.on_ticks(*columns, 0, len(ticks))
        if now_ns >= self._terminal.event_ns:
            self._terminal.on_time(now_ns)


def _prices_of(sim: SimFile, folder: Path) -> Prices:
    prices = sim.prices
    start_ns = _moment_ns(prices.start)
    if prices.source == "feed":
        return FeedPrices(prices.feeds, folder, start_ns, prices.backfill_minutes)
    if prices.source == "script":
        return ScriptPrices(prices.symbols, start_ns or DEFAULT_START_NS)
    start_ns = time.time_ns() if sim.clock.kind == "wall" else start_ns or DEFAULT_START_NS
    return SyntheticPrices(sim.server.seed, prices.symbols, start_ns, prices.backfill_minutes)


def _moment_ns(text: str) -> int:
    """A UTC time of the file; 0 for none. Raises BadConfig."""
    try:
        return int(np.datetime64(text.replace(" ", "T"), "ns").astype(np.int64)) if text else 0
    except ValueError:
        raise BadConfig(f"prices.start = {text}: there is no such time; allowed: such as 2026-01-05 or 2026-01-05 12:00") from None


def _told(market_ns: int) -> str:
    """A market time as the file has it, to the second."""
    return str(np.datetime64(market_ns, "ns").astype("datetime64[s]")).replace("T", " ")


def _number(name: str, value: Any, least: float, most: float) -> float:
    """A number a script gave. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= float(value) <= most:
        raise ValueError(f"{name} = {value!r}; allowed: a number from {least:.12g} to {most:.12g}")
    return float(value)


def _sleep(ns: int) -> None:
    time.sleep(ns / SECOND_NS)


def _sleep_with_gil(ns: int) -> None:
    """Wait while holding the interpreter's lock, as the package's C module does: ``PyDLL`` does not give it up."""
    library = ctypes.PyDLL("kernel32") if os.name == "nt" else ctypes.PyDLL(None)
    if os.name == "nt":
        library.Sleep(ns // MS_NS)
        return
    end_ns = time.monotonic_ns() + ns
    while (left_ns := end_ns - time.monotonic_ns()) > 0:
        library.usleep(min(left_ns // 1_000 + 1, 900_000))


_RUNNING: dict[Path, Simulation] = {}
"""By path, the servers of this process."""


def simulation_at(path: str) -> Simulation:
    """The server of a file, started where it does not run yet. Raises MeshError (BadConfig, BadFeed) naming the file."""
    file = Path(path).resolve()
    simulation = _RUNNING.get(file)
    if simulation is None:
        try:
            simulation = Simulation(simfile_from(file.read_text(encoding="utf-8")), file)
        except (OSError, UnicodeDecodeError) as error:
            raise BadConfig(f"{path}: {error}") from None
        except MeshError as error:
            raise BadConfig(f"{path}: {error}") from None
    _RUNNING[file] = simulation
    return simulation


def forget_all() -> None:
    """End every server of this process."""
    _RUNNING.clear()
