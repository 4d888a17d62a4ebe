"""A client that sees what a router would show, without any router."""

import secrets

import msgspec

from mesh.codec import encode
from mesh.config import parse
from mesh.drawnkeys import DrawnKeys
from mesh.messages.accounts import AccountState, PendingOrder, Position
from mesh.messages.base import NO_OID, Msg
from mesh.messages.control import Entry, Undo
from mesh.messages.health import NodeHealth, Snapshot
from mesh.messages.outcomes import DealReport, Outcome, Stamps
from mesh.units import E8
from nodes.io.cli.client import Client
from nodes.io.locate import demo_text

CONFIG = parse(demo_text().replace("[mesh]", "[mesh]\nplain = true", 1))
SIGNER = DrawnKeys(CONFIG).signer("operator")
MARKET_NS = 1_767_571_200 * 10**9
"""Monday 2026-01-05 00:00 UTC."""
ROUTER = CONFIG.nodes_of("router")[0]


def show(client: Client, *items: Msg) -> None:
    """A whole snapshot of these items, as a router sends it."""
    number = secrets.randbits(30)
    for index, item in enumerate(items):
        shown = SIGNER.signed(item) if isinstance(item, Entry | Undo) else item
        frame = encode(Snapshot(ROUTER, 1, number, index, len(items), 0, encode(shown)))
        client._take(next(iter(client._fronts)), frame, client.now_ns(), [])


def state(
    account: str, currency: str = "USD", equity: int = 10_000, positions: tuple[Position, ...] = (), **changes: object
) -> AccountState:
    found = AccountState(
        account, 1, 1, 0, 0, MARKET_NS, 0, 5001, currency, True, 100, 10_000 * E8, equity * E8, 0, 0, 0, 10_000 * E8,
        True, True, False, "ACTIVE", list(positions), [],
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def position(ticket: int = 1_234_567_890, **changes: object) -> Position:
    found = Position(
        ticket, ticket, "EURUSD", 1, E8 // 10, 110_000_000, 110_001_000, 109_000_000, 112_000_000, -12_345_000_000, 0, MARKET_NS, True,
        bytes(16), "reversion",
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def pending(ticket: int = 7) -> PendingOrder:
    return PendingOrder(ticket, "EURUSD", "BUY_LIMIT", E8, 109_000_000, 0, 0, 0, True)


def outcome(f: int, market_ns: int = MARKET_NS, **changes: object) -> Outcome:
    found = Outcome(
        "demo-1", 1, 1, f, bytes(16), f"demo/cci/EURUSD/{f}", "reversion", "open", "OPEN", "FILLED", True, "open", "", "EURUSD", 1,
        E8 // 10, 110_000_000, 0, f, f, f, 10009, 1, market_ns, Stamps(),
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def deal(ticket: int, market_ns: int = MARKET_NS, comment: str = "") -> DealReport:
    return DealReport(
        "demo-1", ticket, ticket, ticket, "EURUSD", "SELL", "OUT", "SL", E8 // 10, 110_000_000, -500_000_000, -7_000_000, 0, market_ns,
        NO_OID, comment,
    )  # fmt: skip


def stop(scope: str = "account:demo-2", reason: str = "looks [bold]odd[/bold]") -> Entry:
    return Entry("ann@desk", 1, MARKET_NS, "FREEZE", scope, reason)


def health(node: str, role: str, facts: dict[str, str] | None = None, **counters: int) -> NodeHealth:
    return NodeHealth(node, role, 1, 4242, "READY", MARKET_NS, 1_000, 3, 60 * 2**20, 9_000, "0.1.0", "x", counters, facts or {})
