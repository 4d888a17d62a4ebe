"""``mesh status``: the whole mesh at one look, as a picture or as JSON."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from mesh import texts
from mesh.config import Config
from mesh.phases import READY
from mesh.terminalword import REAL, kind_of
from mesh.view import DOWN
from nodes.io.cli import tables
from nodes.io.cli.client import Client, attached
from nodes.io.cli.configchanges import with_live
from nodes.io.cli.grid import Column, cell, console, grid
from nodes.io.cli.plaintext import say_json
from nodes.io.cli.stagetable import stages_picture
from nodes.io.cli.tables import Row

UNKNOWN = "UNKNOWN"
"""In place of the ladder's word while no router tells how the mesh is."""
NODES = (
    Column("name", "node"),
    Column("role", "role"),
    Column("state", "state"),
    Column("phase", "phase"),
    Column("age_ms", "age ms", is_number=True),
    Column("pid", "pid", is_number=True, rank=2),
    Column("loop_lag_us", "lag us", is_number=True, rank=3),
    Column("cpu_percent", "cpu %", is_number=True, rank=4),
    Column("rss_mb", "MB", is_number=True, rank=5),
    Column("done", "what", rank=1, least_columns=24),
)
ACCOUNTS = (
    Column("account", "account"),
    Column("state", "state"),
    Column("ladder", "stop"),
    Column("currency", "ccy"),
    Column("balance", "balance", is_number=True, rank=2),
    Column("equity", "equity", is_number=True),
    Column("floating", "floating", is_number=True, rank=3),
    Column("pnl", "PnL", is_number=True),
    Column("positions", "positions", is_number=True, rank=1),
    Column("age_ms", "age ms", is_number=True),
)
STOPS = (
    Column("level", "level"),
    Column("scope", "scope"),
    Column("issuer", "set by"),
    Column("since", "since (UTC)"),
    Column("reason", "reason", least_columns=16),
)
LEVELS = {
    "FREEZE": "no opens; closes and local management go on",
    "CANCEL": "no opens, pending orders are cancelled",
    "FLATTEN": "no opens, pending orders are cancelled, positions closed",
}
MARKS = {"fresh": ("● fresh", "green"), "late": ("◐ late", "yellow"), DOWN: ("✗ down", "red"), "dead": ("○ dead", "red")}
"""The word and a mark before it: never colour alone."""
ATTENTION = ("UNKNOWN", "UNCONFIRMED", "KILLED")
COUNTED = {
    "indicator": {"bar": "bar_count", "signal": "signal_count"},
    "signals": {"signal": "signal_count", "duplicate": "duplicate_signal_count"},
    "router": {"order": "order_count", "outcome": "outcome_count"},
    "local": {"order": "order_count", "outcome": "outcome_count"},
    "broker": {"venue call": "venue_call_count", "tick": "tick_count"},
}
"""Role → word → the counter that says what a node has done."""


def show_status(config_path: Path | None, as_json: bool, watch: bool, stages: bool = False) -> int:
    """The whole mesh at one look, or refreshed until Ctrl-C; ``stages``: how long its stages take instead. Raises NoMesh."""
    with attached(config_path) as client:

        def picture(out: Console) -> Group:
            document = status_document(client.config, client)
            if stages:
                return Group(header_of(document), *stages_picture(document["nodes"], out.width))
            return status_that_fits(document, out) if watch else status_picture(document, out.width)

        if as_json:
            say_json(status_document(client.config, client))
        elif watch:
            _watch(client, picture)
        else:
            out = console()
            out.print(picture(out))
    return 0


def _watch(client: Client, picture: Callable[[Console], Group]) -> None:
    try:
        with Live(refresh_per_second=4, screen=False) as live:
            while True:
                live.update(picture(live.console))
                client.pump(250)
    except KeyboardInterrupt:
        return


def status_document(config: Config, client: Client) -> dict[str, Any]:
    """The JSON of ``mesh status --json`` (format in PROTOCOL.md)."""
    now_ns = client.now_ns()
    market = config.nodes_of("market")[0]
    health = client.health_of(market)
    followed = with_live(config, client.view)
    return {
        "format": 1,
        "mesh": config.settings.mesh.id,
        "state": tables.mesh_state(client.view) if client.is_seeing else UNKNOWN,
        "simulated": all(kind_of(account.terminal) != REAL for account in config.account.values()),
        "speed": health.facts.get("speed", "") if health else "",
        "market_time": texts.iso_from_ns(health.market_ns) if health else "",
        "nodes": tables.node_rows(config, client.view, now_ns),
        "accounts": tables.account_rows(config, client.view, now_ns),
        "stops": tables.stop_rows(client.view),
        "configuration": {"file": config.fingerprint, "runs": followed.current.fingerprint, "live_change": followed.number},
    }


def header_of(document: dict[str, Any]) -> Text:
    """One line that is never left out: what this is, how fast, and in which state."""
    kind = "SIMULATED" if document["simulated"] else "LIVE"
    pace = f" at {document['speed']}" if document["speed"] else ""
    stamp = texts.clock_text(document["market_time"])
    change = document["configuration"]["live_change"]
    health: dict[str, Any] = next((row["health"] for row in document["nodes"] if row["role"] == "market"), {})
    market = f"market {stamp} UTC" if stamp else "market not begun" if health else "market not seen yet"
    if waiting := health.get("facts", {}).get("waiting"):
        market += f", waits for {waiting}"
    return Text.assemble(
        cell(f"trademesh {document['mesh']}", "bold"), "  ", cell(f" {kind}{pace} ", "reverse"), cell(f"  {document['state']}  {market}"),
        cell(f"  live change {change} in force" if change else ""),
    )  # fmt: skip


def status_that_fits(document: dict[str, Any], out: Console, below: Sequence[RenderableType] = ()) -> Group:
    """The picture for a screen that is redrawn; where it is too low for all nodes, those that are well are only counted."""
    whole = status_picture(document, out.width, below)
    if len(out.render_lines(whole)) < out.height:
        return whole
    return status_picture(document, out.width, below, is_low=True)


def status_picture(document: dict[str, Any], width: int, below: Sequence[RenderableType] = (), is_low: bool = False) -> Group:
    """The tables of ``mesh status`` for a screen of so many columns; ``below`` stands right under the header."""
    rows = [row for row in document["nodes"] if not (is_low and row["state"] == "fresh" and row["phase"] == READY)]
    nodes = [row | row["health"] | {"state": state_cell(row["state"]), "pid": row["pid"] or "-", "done": done_by(row)} for row in rows]
    accounts = [row | {"state": state_cell(row["state"])} for row in document["accounts"]]
    well_count = len(document["nodes"]) - len(rows)
    parts: list[RenderableType] = [header_of(document), *below, ""]
    if well_count:
        parts.append(f"{well_count} of {len(document['nodes'])} nodes fresh and READY" + (", not these:" if nodes else ""))
    if nodes:
        parts.append(grid(NODES, nodes, width))
    parts += ["", grid(ACCOUNTS, accounts, width)]
    if words := attention_words(document):
        parts += ["", cell(words, "bold")]
    if document["stops"]:
        parts += ["", *stops_picture(document["stops"], width)]
    return Group(*parts)


def stops_picture(rows: list[Row], width: int) -> list[RenderableType]:
    """The live stops, what each level does, and how they end."""
    levels = dict.fromkeys(row["level"] for row in rows)
    meaning = "; ".join(f"{level}: {LEVELS[level]}" for level in levels)
    shown = [row | {"since": texts.clock_text(row["since"])} for row in rows]
    return [
        Text(f"stops that bind until `mesh resume SCOPE --reason …` ends them ({meaning})", style="italic"),
        grid(STOPS, shown, width, folds=True),
    ]


def attention_words(document: dict[str, Any]) -> str:
    """Lines somebody should look at, by their code or state; empty where there are none."""
    facts: dict[str, str] = next((row["health"]["facts"] for row in document["nodes"] if row["role"] == "master" and row["health"]), {})
    counts = dict(word.split("=") for word in f"{facts.get('codes', '')} {facts.get('states', '')}".split())
    found = [f"{word} {counts[word]}" for word in ATTENTION if counts.get(word, "0") != "0"]
    where = [f"{row['account']} {row['unknown']}" for row in document["accounts"] if row.get("unknown")]
    return f"lines to look at: {'  '.join(found)}" + (f"; UNKNOWN now on {', '.join(where)}" if where else "") if found or where else ""


def state_cell(state: str) -> Text:
    """How fresh something is, or that it is down."""
    return cell(*MARKS[state])


def done_by(row: Row) -> str:
    """The two or three numbers that say what a node has done."""
    health = row["health"]
    if not health:
        return ""
    facts, counters = health["facts"], health["counters"]
    if ended := facts.get("ended"):
        return str(ended)  # it is down: its supervisor tells how and since when
    if row["role"] == "master":
        return lines_words(facts)
    if row["role"] == "market":
        return f"tick {facts.get('played', '0')} with history"  # bars of the history are not counted as closed
    return "  ".join(f"{word} {counters.get(key, '0')}" for word, key in COUNTED[row["role"]].items())


def lines_words(facts: dict[str, str]) -> str:
    """Lines decided, and how many of them have an outcome, whoever ended them: the rest is in a state."""
    decided, still_open = int(facts.get("lines", "0")), int(facts.get("open_lines", "0"))
    return f"line {decided}  outcome {decided - still_open}"
