"""The MetaTrader5 package 5.0.6231 on the simulated terminal: its exact surface, for scripts that import MetaTrader5.

``from nodes.io import mt5`` in the place of ``import MetaTrader5 as mt5``. ``initialize(path=…)``, else the terminal used last, else
``$TRADEMESH_SIM`` names a ``sim.toml`` (a simulated server in this process) or a broker of a mesh (``tcp://host:port``).
``python -m nodes.io.mt5 script.py`` runs a script that imports MetaTrader5 as it is.
Constants, functions, structures and helpers are those of the package; the names that begin with an underscore are ours and no part
of it. Importing this brings in neither ZeroMQ nor uvloop.
"""

from typing import Any as _Any

from nodes.io.mt5market import account_info as account_info
from nodes.io.mt5market import copy_rates_from as copy_rates_from
from nodes.io.mt5market import copy_rates_from_pos as copy_rates_from_pos
from nodes.io.mt5market import copy_rates_range as copy_rates_range
from nodes.io.mt5market import copy_ticks_from as copy_ticks_from
from nodes.io.mt5market import copy_ticks_range as copy_ticks_range
from nodes.io.mt5market import initialize as initialize
from nodes.io.mt5market import last_error as last_error
from nodes.io.mt5market import login as login
from nodes.io.mt5market import market_book_add as market_book_add
from nodes.io.mt5market import market_book_get as market_book_get
from nodes.io.mt5market import market_book_release as market_book_release
from nodes.io.mt5market import shutdown as shutdown
from nodes.io.mt5market import symbol_info as symbol_info
from nodes.io.mt5market import symbol_info_tick as symbol_info_tick
from nodes.io.mt5market import symbol_select as symbol_select
from nodes.io.mt5market import symbols_get as symbols_get
from nodes.io.mt5market import symbols_total as symbols_total
from nodes.io.mt5market import terminal_info as terminal_info
from nodes.io.mt5market import version as version
from nodes.io.mt5session import SESSION as _SESSION
from nodes.io.mt5session import Opener as _Opener
from nodes.io.mt5structs import AccountInfo as AccountInfo
from nodes.io.mt5structs import BookInfo as BookInfo
from nodes.io.mt5structs import OrderCheckResult as OrderCheckResult
from nodes.io.mt5structs import OrderSendResult as OrderSendResult
from nodes.io.mt5structs import SymbolInfo as SymbolInfo
from nodes.io.mt5structs import TerminalInfo as TerminalInfo
from nodes.io.mt5structs import Tick as Tick
from nodes.io.mt5structs import TradeDeal as TradeDeal
from nodes.io.mt5structs import TradeOrder as TradeOrder
from nodes.io.mt5structs import TradePosition as TradePosition
from nodes.io.mt5structs import TradeRequest as TradeRequest
from nodes.io.mt5trading import history_deals_get as history_deals_get
from nodes.io.mt5trading import history_deals_total as history_deals_total
from nodes.io.mt5trading import history_orders_get as history_orders_get
from nodes.io.mt5trading import history_orders_total as history_orders_total
from nodes.io.mt5trading import order_calc_margin as order_calc_margin
from nodes.io.mt5trading import order_calc_profit as order_calc_profit
from nodes.io.mt5trading import order_check as order_check
from nodes.io.mt5trading import order_send as order_send
from nodes.io.mt5trading import orders_get as orders_get
from nodes.io.mt5trading import orders_total as orders_total
from nodes.io.mt5trading import positions_get as positions_get
from nodes.io.mt5trading import positions_total as positions_total
from nodes.terminal import names as _names
from nodes.terminal.names import *  # noqa: F403

__version__ = "5.0.6231"
__author__ = "MetaQuotes Ltd."

_TRIES = 10


def _stamp() -> tuple[int, int, int]:
    """(block, revision, market_ns) of the last answer, for our adapter: at which point of the market it was given."""
    return _SESSION.stamp


def _use(opener: _Opener) -> None:
    """Let ``initialize`` open its link by this function of (path, time-out in ms), for terminals of this process; none is the last used."""
    _SESSION.opener, _SESSION.path = opener, ""


def _step(seconds: float) -> None:
    """Move the market of a ``sim.toml`` with clock "step" on. Raises RuntimeError for any other terminal, ValueError for no time."""
    with _SESSION.lock:
        _simulation().step(seconds)


def _quote(symbol: str, bid: float, ask: float) -> None:
    """A new quote in a ``sim.toml`` with prices from the script. Raises RuntimeError for any other terminal, ValueError for no price."""
    with _SESSION.lock:
        _simulation().quote(symbol, bid, ask)


def _simulation() -> _Any:
    simulation = getattr(_SESSION.backend, "simulation", None)
    if simulation is None:
        raise RuntimeError("no sim.toml is attached: call initialize(path=…) with one first")
    return simulation


def _is_stale(result: _Any) -> bool:
    return result.retcode in (_names.TRADE_RETCODE_REQUOTE, _names.TRADE_RETCODE_PRICE_OFF)


def _RawOrder(
    order_type: int, symbol: _Any, volume: _Any, price: _Any, comment: _Any = None, ticket: _Any = None
) -> _Any:
    """Send a deal request without magic and filling, deviation 10."""
    order = {
        "action": _names.TRADE_ACTION_DEAL,
        "symbol": symbol,
        "volume": volume,
        "type": order_type,
        "price": price,
        "deviation": 10,
    }
    if comment is not None:
        order["comment"] = comment
    if ticket is not None:
        order["position"] = ticket
    return order_send(order)


def Close(symbol: _Any, *, comment: _Any = None, ticket: _Any = None) -> _Any:
    """Close all positions of a symbol, or one: True, False, "Partially", or None where a call fails (the package's helper)."""
    positions = positions_get(ticket=ticket) if ticket is not None else positions_get(symbol=symbol)
    tried_count = done_count = 0
    for position in positions:
        if position.type not in (_names.ORDER_TYPE_BUY, _names.ORDER_TYPE_SELL):
            continue
        tried_count += 1
        for _ in range(_TRIES):
            tick = symbol_info_tick(symbol)
            if tick is None:
                return None
            if position.type == _names.ORDER_TYPE_BUY:
                side, price = _names.ORDER_TYPE_SELL, tick.bid
            else:
                side, price = _names.ORDER_TYPE_BUY, tick.ask
            result = _RawOrder(side, symbol, position.volume, price, comment, position.ticket)
            if result is None:
                return None
            if not _is_stale(result):
                done_count += result.retcode == _names.TRADE_RETCODE_DONE
                break
    if done_count:
        return True if done_count == tried_count else "Partially"
    return False


def Buy(symbol: _Any, volume: _Any, price: _Any = None, *, comment: _Any = None, ticket: _Any = None) -> _Any:
    """Buy at a price, or at the current one with up to ten tries (the package's helper)."""
    if price is not None:
        return _RawOrder(_names.ORDER_TYPE_BUY, symbol, volume, price, comment, ticket)
    for _ in range(_TRIES):
        tick = symbol_info_tick(symbol)
        result = _RawOrder(_names.ORDER_TYPE_BUY, symbol, volume, tick.ask, comment, ticket)
        if result is None or not _is_stale(result):
            break
    return result


def Sell(symbol: _Any, volume: _Any, price: _Any = None, *, comment: _Any = None, ticket: _Any = None) -> _Any:
    """Sell at a price, or at the current one with up to ten tries (the package's helper)."""
    if price is not None:
        return _RawOrder(_names.ORDER_TYPE_SELL, symbol, volume, price, comment, ticket)
    for _ in range(_TRIES):
        tick = symbol_info_tick(symbol)
        result = _RawOrder(_names.ORDER_TYPE_SELL, symbol, volume, tick.bid, comment, ticket)
        if result is None or not _is_stale(result):
            break
    return result


if __name__ == "__main__":
    from nodes.io.mt5run import main

    main()
