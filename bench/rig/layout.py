"""The configuration of a measured mesh: no rail refuses, no timer hurries, ports are free ones, and nodes share processes as asked."""

import os
import socket
from contextlib import ExitStack

from mesh.config import Config, parse

SYMBOL = "EURUSD"
CURRENCIES = ("EUR", "GBP", "AUD", "NZD", "USD", "CAD", "CHF", "JPY", "SEK")
PORTS_FROM, PORTS_TO = 12_000, 21_000
"""Below what the system gives to outgoing connections, and below what tests take."""
PORTS_COUNT = 40
"""Only market, signals, master and routers listen."""
FIRST_LOGIN = 5_001
HEAD = """
[mesh]
base_port = {base_port}
ipc = {ipc}
plain = {plain}
[market]
symbols = {symbols}
[timers]
unknown_settle_ms = 2000
unknown_read_ms = 500
[rails]
positions_per_symbol_count = "off"
positions_count = "off"
exposure_times = "off"
orders_per_minute_count = "off"
orders_per_hour_count = "off"
spread_times = "off"
margin_level_percent = "off"
duplicate_window_ms = "off"
price_collar_percent = "off"
daily_loss_percent = "off"
drawdown_percent = "off"
closed_from = "off"
errors_count = "off"
[fleet]
loss_percent = "off"
errors_count = "off"
[strategy.hand]
kind = "manual"
sizing = {{kind = "lots"}}
sl_points = 400
[node.market-1]
role = "market"
[node.broker-1]
role = "broker"
[node.cci-1]
role = "indicator"
[node.signals-1]
role = "signals"
[node.master-1]
role = "master"
"""


def account_of(number: int) -> str:
    """The account of local ``number``, from 1."""
    return f"a{number}"


def local_of(number: int) -> str:
    """The node of local ``number``, from 1."""
    return f"local-{number}"


def symbols_of(count: int) -> list[str]:
    """So many symbols, the measured one first. Raises ValueError for more than there are."""
    names = [SYMBOL, *(one + other for one in CURRENCIES for other in CURRENCIES if one != other and one + other != SYMBOL)]
    if count > len(names):
        raise ValueError(f"{count} symbols: at most {len(names)}")
    return names[:count]


def layout(
    locals_count: int = 1, symbols_count: int = 1, is_ipc: bool = False, routers_count: int = 1, is_plain: bool = True
) -> Config:
    """A mesh of so many routers, locals and symbols, on ports that are free now; ``is_ipc``: its links are UNIX sockets; ``is_plain``:
    they have no keys, as those of the peers it is measured beside.
    """
    ports, symbols = free_ports(PORTS_COUNT), symbols_of(symbols_count)
    parts = [HEAD.format(base_port=ports, ipc=str(is_ipc).lower(), plain=str(is_plain).lower(), symbols=symbols)]
    parts += [f'[node.router-{number}]\nrole = "router"\n' for number in range(1, routers_count + 1)]
    for number in range(1, locals_count + 1):
        parts.append(
            f'[account.{account_of(number)}]\nlogin = {FIRST_LOGIN + number - 1}\n'
            f'[node.{local_of(number)}]\nrole = "local"\naccount = "{account_of(number)}"\n'
        )
    return parse("\n".join(parts))


def free_ports(count: int, first: int = PORTS_FROM, last: int = PORTS_TO) -> int:
    """The first of ``count`` ports in a row between these on which nobody listens. Raises ValueError where there are none.

    Processes beside each other begin to look at different places.
    """
    bases: list[int] = list(range(first, last - count, count))
    turn = os.getpid() % len(bases)
    for base in bases[turn:] + bases[:turn]:
        if _are_free(range(base, base + count)):
            return base
    raise ValueError(f"no {count} free ports in a row between {first} and {last} on loopback")


def _are_free(ports: range) -> bool:
    with ExitStack() as held:
        for port in ports:
            probe = held.enter_context(socket.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
