"""What a router of many accounts would tell frontends, without the router: snapshots at a rate, on a PUB of its own.

``python -m bench.rig.fronts ENDPOINT CONFIG POSITIONS RATE``: frames of snapshot after snapshot, RATE a second, each account with so many
positions whose prices and profits are others each time, and the words of its node. Says ``up`` when it listens; ends with its input.
"""

import os
import sys
import threading
from pathlib import Path

import zmq

from bench.pace import due_ns
from mesh.codec import encode
from mesh.config import Config, parse_effective
from mesh.io.clock import monotonic_ns
from mesh.messages.accounts import AccountState, Position
from mesh.messages.health import LocalSeen, NodeHealth, Snapshot
from mesh.units import E8, SECOND_NS

NICE = 10
MARKET_NS = 1_767_571_200 * SECOND_NS
COUNTS_MAX = 10**9
SYMBOLS = ("EURUSD", "USDJPY", "GBPUSD", "AUDUSD", "USDCHF")


class Fleet:
    """Accounts and nodes that always have something new to tell."""

    def __init__(self, config: Config, positions_count: int) -> None:
        self._config = config
        self._router = config.nodes_of("router")[0]
        self._accounts = list(config.account)
        self._others = [name for name, node in config.node.items() if node.role != "local"]
        self._positions_count = positions_count
        self._count = 2 * len(self._accounts) + len(self._others) + len(self._accounts)
        self._number = self._index = self._snapshot = 0

    def frame(self) -> bytes:
        """The next frame of the snapshot that goes out, or the first of the next one."""
        if self._index == self._count:
            self._index = 0
            self._snapshot += 1
        index, self._index = self._index, self._index + 1
        self._number += 1
        accounts = self._accounts
        if index < len(self._others):
            item = encode(self._health(self._others[index]))
        else:
            kind, number = divmod(index - len(self._others), len(accounts))
            account = accounts[number]
            node = self._config.local_of(account) if kind else ""
            item = encode((self._state(number), self._health(node), LocalSeen(account, node, "fresh", True, 100, "ACTIVE"))[kind])
        return encode(Snapshot(self._router, 1, self._snapshot, index, self._count, 50, item))

    def _state(self, number: int) -> AccountState:
        positions = [self._position(number * 1_000 + each) for each in range(self._positions_count)]
        floating_e8 = sum(position.profit_e8 for position in positions)
        return AccountState(
            self._accounts[number], 1, self._number, 0, 0, MARKET_NS, 0, 5_001 + number, "USD", True, 100, 10_000 * E8,
            10_000 * E8 + floating_e8, 0, 0, 0, 10_000 * E8, True, True, False, "ACTIVE", positions, [],
        )  # fmt: skip

    def _position(self, ticket: int) -> Position:
        moved = (ticket * 7_919 + self._number * 104_729) % 20_001 - 10_000
        return Position(
            ticket, ticket, SYMBOLS[ticket % len(SYMBOLS)], 1 if ticket % 2 else -1, E8 // 10, 110_000_000, 110_000_000 + moved, 0, 0,
            moved * E8 // 100, 0, MARKET_NS, True, ticket.to_bytes(16, "big"), "hand",
        )  # fmt: skip

    def _health(self, node: str) -> NodeHealth:
        role = self._config.role_of(node) if node else "local"
        counters = {"order_count": self._number, "outcome_count": self._number}
        return NodeHealth(
            node or "local-1", role, 1, 4_242, "READY", MARKET_NS, self._number % 900, self._number % 30, 60 * 2**20, self._number, "0.1.0",
            "bench", counters, {},
        )  # fmt: skip


def publish(config: Config, endpoint: str, positions_count: int, rate: float, is_over: threading.Event) -> None:
    """Frames at the rate until told to end."""
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    socket.linger = 0
    socket.bind(endpoint)
    fleet = Fleet(config, positions_count)
    print("up", flush=True)
    for _ in due_ns(monotonic_ns(), rate, COUNTS_MAX):
        socket.send(fleet.frame())
        if is_over.is_set():
            break
    context.destroy(0)


def main() -> None:
    """The command line."""
    os.nice(NICE)
    endpoint, config_path, positions, rate = sys.argv[1:5]
    config = parse_effective(Path(config_path).read_text(encoding="utf-8"))
    is_over = threading.Event()
    publisher = threading.Thread(target=publish, args=(config, endpoint, int(positions), float(rate), is_over))
    publisher.start()
    sys.stdin.read()
    is_over.set()
    publisher.join()


if __name__ == "__main__":
    main()
