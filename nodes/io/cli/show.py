"""``mesh status``, ``positions``, ``orders``, ``deals``: one look at what the routers publish."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from mesh.config import Config
from nodes.io.cli import tables
from nodes.io.cli.client import Client
from nodes.io.cli.tables import Row
from nodes.io.locate import find

LOOK_S = 3.0
"""Routers publish a snapshot each second: two chances to catch a whole one, and a little."""
NO_MESH = 69
UNKNOWN = "UNKNOWN"
"""In place of the ladder's word while no router tells how the mesh is."""
PIPE_COLUMNS = 200
"""Tables that nobody looks at on a terminal are not squeezed."""
WIDE_COLUMNS = 110
"""A status has all its columns from here on."""
LONG = ("oid", "opened")
"""Columns for programs (--json, --csv), too long for people."""


def console() -> Console:
    """Where people read: as wide as their terminal; what goes into a pipe is not squeezed."""
    out = Console(highlight=False)
    return out if out.is_terminal else Console(width=PIPE_COLUMNS, highlight=False)


def attach(config_path: Path | None) -> tuple[Config, Client]:
    """A client that has seen at least one whole snapshot of each router that lives."""
    config, _ = find(config_path)
    client = Client(config)
    client.wait_whole(LOOK_S)
    return config, client


def is_silent(config: Config, client: Client) -> bool:
    """Whether no router answered at all, said on stderr with what was tried."""
    if client.view.routers:
        return False
    tried = ", ".join(config.endpoint(name, "front") for name in config.nodes_of("router"))
    print(f"mesh: no router answers within {LOOK_S:.0f} s at {tried}; start the mesh with `mesh up`", file=sys.stderr)
    return True


def show_status(config_path: Path | None, as_json: bool, watch: bool) -> int:
    """The whole mesh at one look, or refreshed until Ctrl-C."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        if as_json:
            print(json.dumps(status_document(config, client), indent=1))
        elif not watch:
            out = console()
            out.print(status_picture(config, client, out.width))
        else:
            _watch(config, client)
    finally:
        client.close()
    return 0


def _watch(config: Config, client: Client) -> None:
    try:
        with Live(refresh_per_second=4, screen=False) as live:
            while True:
                live.update(status_picture(config, client, live.console.width))
                client.pump(250)
    except KeyboardInterrupt:
        return


def status_document(config: Config, client: Client) -> dict[str, Any]:
    """The JSON of ``mesh status --json`` (format in PROTOCOL.md)."""
    now_ns = client.now_ns()
    market = config.nodes_of("market")[0]
    seen = client.view.nodes.get(market)
    return {
        "format": 1,
        "mesh": config.settings.mesh.id,
        "state": tables.mesh_state(client.view) if client.is_seeing else UNKNOWN,
        "simulated": all(account.terminal == "sim" for account in config.account.values()),
        "speed": seen[1].facts.get("speed", "") if seen else "",
        "market_time": tables.iso_from_ns(seen[1].market_ns) if seen else "",
        "nodes": tables.node_rows(config, client.view, now_ns),
        "accounts": tables.account_rows(config, client.view, now_ns),
        "stops": [
            {"level": entry.level, "scope": entry.scope, "issuer": entry.issuer, "reason": entry.reason, "id": key.hex()}
            for key, entry in tables.stops_of(client.view).live()
        ],
    }


def header_of(document: dict[str, Any]) -> str:
    """One line that is never left out: what this is, how fast, and in which state."""
    kind = "SIMULATED" if document["simulated"] else "LIVE"
    speed = document["speed"]
    pace = f" at {speed}" if speed else ""
    stamp = document["market_time"].replace("T", " ")[:19]
    return f"[bold]trademesh {document['mesh']}[/]  [reverse] {kind}{pace} [/]  {document['state']}  market {stamp} UTC"


def status_picture(config: Config, client: Client, width: int) -> Group:
    """The tables of ``mesh status`` for a screen of so many columns: a narrow one does without the least of them."""
    document = status_document(config, client)
    headings = ["node", "role", "state", "phase", "age ms", "pid", "what"]
    if width >= WIDE_COLUMNS:
        headings[6:6] = ["lag us", "cpu %", "MB"]
    nodes = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        nodes.add_column(heading, justify="right" if heading in ("age ms", "pid", "lag us", "cpu %", "MB") else "left", no_wrap=True)
    for row in document["nodes"]:
        health = row["health"]
        cells = {
            "node": row["name"],
            "role": row["role"],
            "state": colour_state(row["state"]),
            "phase": row["phase"],
            "age ms": "-" if row["age_ms"] is None else str(row["age_ms"]),
            "pid": str(row["pid"] or "-"),
            "lag us": str(health.get("loop_lag_us", "-")),
            "cpu %": str(health.get("cpu_percent", "-")),
            "MB": str(health.get("rss_mb", "-")),
            "what": key_counters(row["role"], health.get("counters", {})),
        }
        nodes.add_row(*(cells[heading] for heading in headings))
    return Group(header_of(document), "", nodes, "", accounts_picture(document["accounts"], width))


def accounts_picture(rows: list[Row], width: int) -> Table:
    """One line an account."""
    money = ["currency", "balance", "equity", "pnl"]
    if width >= WIDE_COLUMNS:
        money.insert(3, "floating")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("account", "state", "stop", *money, "positions", "age ms"):
        is_text = heading in ("account", "state", "stop", "currency")
        table.add_column("PnL" if heading == "pnl" else heading, justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            row["account"],
            colour_state(row["state"]),
            *(str(row.get(key, "-")) for key in ("ladder", *money, "positions")),
            "-" if row["age_ms"] is None else str(row["age_ms"]),
        )
    return table


def colour_state(state: str) -> str:
    """The word and a mark before it: never colour alone."""
    return {"fresh": "[green]● fresh[/]", "late": "[yellow]◐ late[/]", "dead": "[red]○ dead[/]"}.get(state, state)


def key_counters(role: str, counters: dict[str, str]) -> str:
    """The two or three numbers that say what a role has done."""
    wanted = {
        "market": ("tick_count", "block_count"),
        "indicator": ("bar_count", "signal_count"),
        "signals": ("signal_count", "duplicate_signal_count"),
        "master": ("line_count", "outcome_count"),
        "router": ("order_count", "outcome_count"),
        "local": ("order_count", "outcome_count"),
        "broker": ("venue_call_count", "tick_count"),
    }[role]
    return "  ".join(f"{key.removesuffix('_count').replace('_', ' ')} {counters.get(key, '0')}" for key in wanted)


def show_table(config_path: Path | None, what: str, as_json: bool, as_csv: bool) -> int:
    """Print the rows of one table."""
    config, client = attach(config_path)
    try:
        if is_silent(config, client):
            return NO_MESH
        now_ns = client.now_ns()
        rows = {
            "positions": lambda: tables.position_rows(client.view, now_ns),
            "orders": lambda: tables.order_rows(client.view, now_ns),
            "deals": lambda: tables.deal_rows(client.view),
        }[what]()
    finally:
        client.close()
    if as_json:
        print(json.dumps(rows, indent=1))
    elif as_csv:
        print_csv(rows)
    else:
        print_rows(rows, f"no {what}")
    return 0


def print_csv(rows: list[Row]) -> None:
    """Rows as CSV with a header; nothing for no rows."""
    if rows:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def print_rows(rows: list[Row], nothing: str) -> None:
    """Rows as a table, numbers to the right."""
    if not rows:
        print(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    headings = [heading for heading in rows[0] if heading not in LONG]
    for heading in headings:
        table.add_column(heading.replace("_", " "), no_wrap=heading not in ("detail", "sid"), justify=_justify(heading))
    for row in rows:
        table.add_row(*("-" if row[heading] is None else str(row[heading]) for heading in headings))
    console().print(table)


def _justify(heading: str) -> Any:
    return "left" if heading in ("account", "symbol", "side", "code", "sid", "detail", "strategy", "action", "kind", "time") else "right"
