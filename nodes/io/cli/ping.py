"""``mesh ping``: round trips from here through each router to each local and back."""

import sys
from functools import partial
from pathlib import Path

from mesh.messages.base import Msg
from mesh.messages.control import Ping, Pong
from mesh.units import US_NS
from nodes.io.cli.client import Client, attached
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import say
from nodes.io.cli.tables import Row

ANSWER_S = 1.0
COLUMNS = (
    Column("account", "account"),
    Column("router", "router"),
    Column("answers", "answers", is_number=True),
    Column("min", "min us", is_number=True),
    Column("median", "median us", is_number=True),
    Column("max", "max us", is_number=True),
)


def ping_locals(config_path: Path | None, count: int) -> int:
    """Print the round trips; exit 3 naming locals that did not answer. Raises NoMesh."""
    rows: list[Row] = []
    silent: list[str] = []
    with attached(config_path) as client:
        config = client.config
        for account in config.account:
            trips = {router: trips_us(client, router, account, count) for router in config.routers_of(config.local_of(account))}
            rows += [_row(account, router, sorted(times_us)) for router, times_us in trips.items() if times_us]
            if not any(trips.values()):
                silent.append(account)
    out = console()
    out.print(grid(COLUMNS, rows, out.width))
    for account in silent:
        say(f"mesh: no answer from the local of {account} ({config.local_of(account)})", sys.stderr)
    return 3 if silent else 0


def _row(account: str, router: str, times_us: list[float]) -> Row:
    spread = {"min": times_us[0], "median": times_us[len(times_us) // 2], "max": times_us[-1]}
    return {"account": account, "router": router, "answers": len(times_us)} | {word: f"{value:,.0f}" for word, value in spread.items()}


def _is_pong(nonce: int, message: Msg) -> bool:
    return isinstance(message, Pong) and message.nonce == nonce


def trips_us(client: Client, router: str, account: str, count: int) -> list[float]:
    """Round-trip times; stops at the first one that does not come back."""
    times_us: list[float] = []
    for _ in range(count):
        nonce = client.nonce()
        sent_ns = client.now_ns()
        client.send(router, Ping(account, nonce))
        if not client.wait_for(partial(_is_pong, nonce), ANSWER_S):
            break
        times_us.append((client.now_ns() - sent_ns) / US_NS)
    return times_us
