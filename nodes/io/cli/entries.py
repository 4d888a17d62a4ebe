"""``mesh entries``: the kill set as the routers show it, and how far each account is with each stop."""

from pathlib import Path
from typing import Any

from mesh import texts
from mesh.messages.control import Undo
from mesh.units import MS_NS
from mesh.view import freshness
from nodes.io.cli import tables
from nodes.io.cli.actwords import accounts_in
from nodes.io.cli.client import Client, attached
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import say, say_json

ENTRIES = (
    Column("id", "id"),
    Column("level", "level"),
    Column("scope", "scope"),
    Column("by", "by", least_columns=10),
    Column("since", "since", rank=1),
    Column("ended", "ended", rank=2, least_columns=10),
    Column("reason", "reason", rank=3, least_columns=12),
    Column("held", "accounts", least_columns=12),
)


def entries(config_path: Path | None, with_ended: bool, as_json: bool) -> int:
    """``mesh entries``: the kill set as the routers show it, and how far each account is with each live stop. Raises NoMesh."""
    with attached(config_path) as client:
        rows = entry_rows(client, with_ended)
    if as_json:
        say_json({"format": 1, "entries": rows})
        return 0
    if not rows:
        say("no stop binds")
        return 0
    shown = [
        row | {"id": row["id"][:12], "held": " ".join(f"{each['account']}={_stage_text(each)}" for each in row["accounts"])}
        for row in rows
    ]
    out = console()
    out.print(grid(ENTRIES, shown, out.width))
    return 0


def entry_rows(client: Client, with_ended: bool) -> list[dict[str, Any]]:
    """Each stop, the newest last; those that an undo has ended too, where asked for."""
    killset = tables.stops_of(client.view)
    undone = {key: undo for undo in client.view.stops.values() if isinstance(undo, Undo) for key in undo.entries}
    rows: list[dict[str, Any]] = []
    for key, entry in killset.entries():
        undo = undone.get(key)
        if undo is not None and not with_ended:
            continue
        names = [] if undo is not None else accounts_in(client.config, entry.scope)
        rows.append(
            {
                "id": key.hex(),
                "level": entry.level,
                "scope": entry.scope,
                "issuer": entry.issuer,
                "by": entry.by or entry.issuer,
                "since": texts.iso_from_ns(entry.issued_ns),
                "reason": entry.reason,
                "ended": f"{undo.by or undo.issuer}: {undo.reason}" if undo is not None else "",
                "accounts": [_account_row(client, name, key) for name in names],
            }
        )
    return rows


def _stage_text(row: dict[str, Any]) -> str:
    """How far, and how old that word is where it is not fresh: a local repeats it twice a second."""
    if not row["stage"]:
        return "-"
    return row["stage"] if freshness(row["age_ms"] * MS_NS) == "fresh" else f"{row['stage']}({row['age_ms'] // 1_000}s)"


def _account_row(client: Client, account: str, key: bytes) -> dict[str, Any]:
    said = client.view.latched.get(account)
    held = next((each for each in said[1].held if each.id == key), None) if said is not None else None
    return {
        "account": account,
        "age_ms": (client.now_ns() - said[0]) // MS_NS if said is not None and held is not None else None,
        "stage": held.stage if held is not None else "",
        "positions": held.positions_count if held is not None else None,
        "pending_orders": held.orders_count if held is not None else None,
        "detail": held.detail if held is not None else "",
    }

