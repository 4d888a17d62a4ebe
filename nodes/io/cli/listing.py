"""``mesh positions``, ``orders``, ``deals``: rows of what the routers publish, as a table, JSON or CSV."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from rich.text import Text

from mesh import texts
from mesh.view import View
from nodes.io.cli import tables
from nodes.io.cli.client import attached
from nodes.io.cli.grid import Column, cell, console, grid, left_out
from nodes.io.cli.plaintext import escaped, say, say_json
from nodes.io.cli.tables import Row


class Listing(msgspec.Struct, frozen=True):
    """What is listed, the rule of its order, and the columns people see of it (--json and --csv have all)."""

    rows: Callable[[View, int], list[Row]]
    order: str
    columns: tuple[Column, ...]


POSITIONS = Listing(
    tables.position_rows,
    "open positions by account",
    (
        Column("account", "account"),
        Column("ticket", "ticket", is_number=True),
        Column("symbol", "symbol"),
        Column("side", "side"),
        Column("lots", "lots", is_number=True),
        Column("open_price", "open price", is_number=True, rank=3),
        Column("price", "price", is_number=True, rank=2),
        Column("sl", "sl", is_number=True, rank=1),
        Column("tp", "tp", is_number=True, rank=1),
        Column("profit", "profit", is_number=True),
        Column("swap", "swap", is_number=True, rank=6),
        Column("ours", "ours", rank=5),
        Column("strategy", "strategy", rank=4),
        Column("age_ms", "age ms", is_number=True),
    ),
)
ORDERS = Listing(
    tables.order_rows,
    "what locals told of their lines, by market time, the newest last; below it what rests at the brokers now",
    (
        Column("time", "time (UTC)"),
        Column("account", "account"),
        Column("symbol", "symbol"),
        Column("action", "action"),
        Column("lots", "lots", is_number=True, rank=2),
        Column("price", "price", is_number=True, rank=3),
        Column("code", "code"),
        Column("detail", "detail", rank=1, least_columns=18),
        Column("order_ticket", "order ticket", is_number=True, rank=4),
        Column("sid", "sid", rank=5, least_columns=30),
    ),
)
DEALS = Listing(
    tables.deal_rows,
    "deals by market time, the newest last",
    (
        Column("time", "time (UTC)"),
        Column("account", "account"),
        Column("symbol", "symbol"),
        Column("kind", "kind"),
        Column("entry", "entry"),
        Column("lots", "lots", is_number=True),
        Column("price", "price", is_number=True),
        Column("profit", "profit", is_number=True),
        Column("position", "position", is_number=True, rank=2),
        Column("cause", "cause", rank=1),
        Column("comment", "comment", rank=3, least_columns=12),
        Column("commission", "commission", is_number=True, rank=4),
        Column("swap", "swap", is_number=True, rank=5),
        Column("order", "order", is_number=True, rank=6),
        Column("deal", "deal", is_number=True, rank=7),
    ),
)
LISTINGS = {"positions": POSITIONS, "orders": ORDERS, "deals": DEALS}


def show_listing(config_path: Path | None, what: str, as_json: bool, as_csv: bool) -> int:
    """Print the rows of one listing. Raises NoMesh."""
    listing = LISTINGS[what]
    with attached(config_path) as client:
        rows = listing.rows(client.view, client.now_ns())
    if as_json:
        say_json(rows)
    elif as_csv:
        print_csv(rows)
    elif rows:
        print_rows(listing, rows)
    else:
        say(f"no {what}")
    return 0


def print_csv(rows: list[Row]) -> None:
    """Rows as CSV with a header; nothing for no rows. One line a row: what cannot be printed is escaped (JSON has it as it is)."""
    if rows:
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: escaped(value) if isinstance(value, str) else value for key, value in row.items()} for row in rows)


def for_people(rows: list[Row]) -> list[Row]:
    """Rows with their market time to the second: their order tells the rest."""
    return [row | {"time": texts.clock_text(row["time"])} if "time" in row else row for row in rows]


def print_rows(listing: Listing, rows: list[Row]) -> None:
    """Rows as a table under the rule of their order; what a narrow terminal leaves out is said."""
    out = console()
    people = for_people(rows)
    missing = left_out(listing.columns, people, out.width)
    out.print(Text(listing.order, style="italic"))
    out.print(grid(listing.columns, people, out.width, folds=True))
    if missing:
        out.print(cell(f"left out at {out.width} columns: {missing}; see --csv", "dim"))
