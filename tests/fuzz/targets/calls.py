"""Calls of a terminal, as anybody at the simulated broker's port may make them."""

from functools import cache
from typing import Any

import msgpack

from mesh.config import Config, parse
from mesh.messages.venue import TerminalCall
from nodes.broker.desk import SEVERAL_OF, WATCH_EQUITY, Desk
from nodes.broker.journal import Journal
from nodes.broker.setup import BrokerNames, terminal_of
from nodes.terminal.calls import SEVERAL
from nodes.terminal.service import _FUNCTIONS, RequestRow
from tests.fuzz.mutations import headed, message_mutated
from tests.fuzz.target import Target
from tests.smallmesh import small_mesh

START_NS = 1_767_600_000 * 10**9
SYMBOL = "EURUSD"
PRICE_E8 = 110_000_000
NAMES = (*_FUNCTIONS, WATCH_EQUITY, SEVERAL, "login", "unheard_of")
DAY_AGO_S = START_NS // 10**9 - 86_400
ARGUMENTS: dict[str, Any] = {"symbol": SYMBOL, "timeframe": 1, "count": 5, "flags": -1, "from_s": DAY_AGO_S, "enable": True}
ORDER = {"action": 1, "magic": 7, "symbol": SYMBOL, "volume_e8": 10_000_000, "type": 0, "comment": "x"}


@cache
def _config() -> Config:
    return parse(small_mesh("[broker]\nlatency_ms = 0\n[strategy.reversion]"))


def _desk() -> Desk:
    """A desk with one quote and an open position."""
    terminal = terminal_of(_config(), BrokerNames(_config(), (SYMBOL,)))
    desk = Desk(_config(), terminal, Journal([]))
    desk.open(START_NS)
    terminal.on_tick(SYMBOL, START_NS, PRICE_E8, PRICE_E8 + 10_000)
    order = [ORDER.get(field, "" if field in ("symbol", "comment") else 0) for field in RequestRow.__struct_fields__]
    desk.call(_call("order_send", bytes(msgpack.packb(order))), 1, START_NS, START_NS)
    desk.execute_due(START_NS + 10**12)
    assert terminal.accounts[5_001].positions
    desk.taken()
    return desk


def _call(name: str, args: bytes) -> TerminalCall:
    return TerminalCall(1, 5_001, name, args)


def calls() -> list[bytes]:
    """Each function with arguments it takes, behind its number."""
    found = []
    for number, name in enumerate(NAMES):
        fields = _FUNCTIONS[name][1].__struct_fields__ if name in _FUNCTIONS else ()
        values: list[Any] = [ARGUMENTS.get(field, ORDER.get(field, "" if field == "comment" else 0)) for field in fields]
        if name == WATCH_EQUITY:
            values = [9 * 10**11]
        elif name == SEVERAL:
            values = [1, [[each] for each in SEVERAL_OF[:2]], [["positions_get", 0, ""]]]
        elif name == "login":
            values = [5_001, "", ""]
        found.append(bytes((number,)) + bytes(msgpack.packb(values)))
    return found


def read_call(raw: bytes) -> object:
    """Each call is answered, what it did is written so that the next life can read it, and time goes on."""
    desk = _desk()
    name = NAMES[raw[0] % len(NAMES)] if raw else NAMES[0]
    desk.call(_call(name, raw[1:]), 1, START_NS + 10**12, START_NS)
    first = desk.taken()
    desk.execute_due(START_NS + 2 * 10**12)
    second = desk.taken()
    replies = [reply for batch in (first, second) for _, reply in batch.replies]
    assert [reply.sequence for reply in replies] == [1]
    puts = [*first.puts, *second.puts]
    Journal([(put.kind, put.key, put.record) for put in puts if put.record is not None])
    desk.terminal.on_tick(SYMBOL, START_NS + 3 * 10**12, PRICE_E8 - 5_000_000, PRICE_E8)
    desk.terminal.on_time(START_NS + 10 * 86_400 * 10**9)
    return replies


TARGETS = (Target("call", (), calls, read_call, headed(message_mutated, len(NAMES)), 100),)
