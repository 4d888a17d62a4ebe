"""A mesh for the verbs about what nobody knows: its locals and its master answer as a test says, part by part."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from mesh.config import parse
from mesh.messages.base import Msg
from mesh.messages.control import Command, CommandAnswer, LostOrder, LostOrders
from mesh.units import E8, SECOND_NS
from nodes.io.cli import reconciles, resolves, unknowns
from nodes.io.locate import demo_text
from tests.nodes.io.cli.fakeclient import FakeClient
from tests.nodes.io.cli.frontrig import MARKET_NS

CONFIG = parse(demo_text())
OID = bytes(range(16))
ORDER = LostOrder(
    OID, "demo/cci/EURUSD/1", "reversion", "open", "OPEN", "EURUSD", 1, E8 // 10, "UNKNOWN", 1, MARKET_NS, "retcode=10012 [red]odd[/]",
    True, 3, MARKET_NS + SECOND_NS,
)  # fmt: skip


def order(number: int = 0, **changes: Any) -> LostOrder:
    """An order with an oid of its own."""
    oid = number.to_bytes(16, "big") if number else OID
    return msgspec.structs.replace(ORDER, oid=oid, **changes)


class LostMesh:
    """``known``: account → what its local knows, for those that answer. ``believed``: the same of the master; None: it is silent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, list[LostOrder]] = {account: [] for account in CONFIG.account}
        self.believed: dict[str, list[LostOrder]] | None = {account: [] for account in CONFIG.account}
        self.commands: list[Command] = []
        self.act: Callable[[Command], list[CommandAnswer]] = lambda command: []
        self.client = FakeClient(CONFIG, self._answer)
        for module in (resolves, reconciles, unknowns):
            self.client.is_attached_by(module, monkeypatch)

    def _answer(self, node: str, message: Msg) -> list[Msg]:
        assert isinstance(message, Command)
        if message.verb == "unknown":
            lists = {"router-1": self.known, "master-1": self.believed}.get(node)
            return [part for name, orders in (lists or {}).items() for part in self._parts(message, node, name, orders)]
        if node != "router-1":
            return []
        self.commands.append(message)
        return [*self.act(message)]

    def _parts(self, command: Command, node: str, account: str, orders: list[LostOrder]) -> list[LostOrders]:
        """One order a part, the last first."""
        said_by = "master-1" if node == "master-1" else CONFIG.local_of(account)
        pages = [[item] for item in orders] or [[]]
        now_ns = MARKET_NS + 60 * SECOND_NS
        return [LostOrders(command.id, said_by, account, now_ns, index, len(pages), page) for index, page in enumerate(pages)][::-1]
