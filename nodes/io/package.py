"""The package by which a terminal is called, the real one or ours, chosen once by the terminal's word in the configuration.

``module`` has the package's surface. The real one answers call by call and tells nothing else; ours says which market time it is, and
at this mesh's own broker also how often the account's books have changed, and it answers several calls in one message. Who reads
and sends asks the package for that, and never which one it is.
"""

import ntpath
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.io.detour import detour
from mesh.terminalword import BROKER, REAL, kind_of
from nodes.broker.desk import WATCH_EQUITY
from nodes.clockdrift import ClockDrift
from nodes.io.mt5session import SESSION
from nodes.io.venuehistory import FOREVER_S

INITIALIZE_MS = 10_000
"""So long ``initialize`` waits for a terminal."""
REAL_NAME = "MetaTrader5"


class Package:
    """The real package at a terminal. ``path``: what ``initialize`` is given."""

    def __init__(self, module: Any, path: str) -> None:
        self.module = module
        self.path = path

    def is_at(self, folder: str) -> bool:
        """Whether the folder that ``terminal_info`` shows is that of the terminal."""
        return is_folder_of(folder, self.path)

    def market_ns(self, else_ns: Callable[[], int]) -> int:
        """Market time of the last answer; ``else_ns`` gives it where the terminal does not say."""
        return else_ns()

    def clock_symbols(self, symbols: Sequence[str]) -> Sequence[str]:
        """Those of the symbols whose quotes have to be looked at to know the market time."""
        return symbols

    def clock_remark(self, drift: ClockDrift, newest_ns: int, offset_ns: int, now_ns: int) -> str:
        """What is wrong with the server's clock; empty where nothing is known to be."""
        return drift.look(newest_ns, offset_ns, now_ns)

    def revision(self) -> int | None:
        """How often the account's books had changed at the last answer; None where the terminal does not say."""
        return None

    def may_reread_terms(self, block: int) -> bool:
        """Whether symbols may be looked at again in a read for this market block (0: for none)."""
        return True

    def before_read(self, first_s: int, revision: int | None) -> bool:
        """A whole read comes: deals from a second of the server on, and orders and deals only where ``revision`` is not the newest.

        ``first_s`` 0: neither orders nor deals. Whether all its answers are of one moment.
        """
        return False

    def before_order(self, symbol: str, with_positions: bool) -> None:
        """The account, the quote of a symbol and maybe its positions are asked for next."""

    def before_answer(self, order_ticket: int) -> None:
        """The account and the deals of an order (0: of none) are asked for next."""

    def watch_equity(self, equity_below_e8: int) -> None:
        """Let the market stop where the equity falls below this, where it can be stopped; 0: nowhere."""


class SimulatedPackage(Package):
    """Ours, at a simulated server that has its own time, quotes and folder."""

    def is_at(self, folder: str) -> bool:
        """It was opened by its path, and there is no other."""
        return True

    def market_ns(self, else_ns: Callable[[], int]) -> int:
        """Each answer is stamped with it."""
        return SESSION.stamp[2]

    def clock_symbols(self, symbols: Sequence[str]) -> Sequence[str]:
        """None."""
        return ()

    def clock_remark(self, drift: ClockDrift, newest_ns: int, offset_ns: int, now_ns: int) -> str:
        """A simulated market has a time of its own."""
        return ""


class BrokerPackage(SimulatedPackage):
    """Ours, at the broker of this mesh, whose market waits for its accounts."""

    def revision(self) -> int | None:
        """Each answer is stamped with it."""
        return SESSION.stamp[1]

    def may_reread_terms(self, block: int) -> bool:
        """After a block that was asked for, not by the clock: sizes follow from them, and a run gives the same ones at every pace."""
        return bool(block)

    def before_read(self, first_s: int, revision: int | None) -> bool:
        """One message: whose the answers are comes last, after what changed where something did."""
        always: list[list[Any]] = [["terminal_info"], ["positions_get", 0, ""], ["account_info"]]
        changed: list[list[Any]] = [["orders_get", 0, ""], ["history_deals_get", first_s, FOREVER_S, 0, 0], ["account_info"]]
        where_changed = changed if first_s else []
        SESSION.ahead(always, where_changed, -1 if revision is None else revision)
        return True

    def before_order(self, symbol: str, with_positions: bool) -> None:
        """One message."""
        positions = [["positions_get", 0, symbol]] if with_positions else []
        SESSION.ahead([["symbol_info_tick", symbol], *positions, ["account_info"]], [], -1)

    def before_answer(self, order_ticket: int) -> None:
        """One message."""
        deals = [["history_deals_get", 0, 0, order_ticket, 0]] if order_ticket else []
        SESSION.ahead([*deals, ["account_info"]], [], -1)

    def watch_equity(self, equity_below_e8: int) -> None:
        """The broker watches for it."""
        SESSION.ask(WATCH_EQUITY, equity_below_e8)


def package_of(config: Config, key: str, terminal: str, module: Any = None) -> Package:
    """The package for a terminal's word, which stands at ``key``. ``module`` takes the place of the one it would import.

    Raises BadConfig where that is the real one and it is not here.
    """
    kind = kind_of(terminal)
    if kind == REAL:
        return Package(module or _real(key, terminal), terminal)
    if module is None:
        from nodes.io import mt5

        module = mt5
    if kind == BROKER:
        # an account's key: who dials here besides are tests
        return BrokerPackage(module, detour(key, config.endpoint(config.nodes_of("broker")[0], "venue")))
    return SimulatedPackage(module, terminal)


def check_installed(key: str, terminal: str) -> None:
    """A real terminal can be called from this machine. Raises BadConfig."""
    if find_spec(REAL_NAME) is None:
        raise _not_here(key, terminal, "it exists on Windows only")


def _real(key: str, terminal: str) -> Any:
    try:
        import MetaTrader5
    except ImportError as error:
        raise _not_here(key, terminal, str(error)) from None
    return MetaTrader5


def _not_here(key: str, terminal: str, why: str) -> BadConfig:
    return BadConfig(
        f'{key} = "{terminal}": a real terminal needs the package {REAL_NAME}, which cannot be imported here ({why}); run this on the '
        "terminal's own host, or name a simulated one: a file that ends in .toml, or tcp://host:port of a broker"
    )


def is_folder_of(folder: str, program: str) -> bool:
    """Whether a folder, as ``terminal_info`` shows it, is that of a terminal64.exe, as Windows compares paths."""
    named = ntpath.dirname(program) if program.lower().endswith(".exe") else program
    return ntpath.normcase(ntpath.normpath(folder)) == ntpath.normcase(ntpath.normpath(named))
