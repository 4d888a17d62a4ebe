"""A simulated server over a seeded market: thousands of calls of its service, with faults, hashed as its journal and its answers.

``python -m tests.sim.ledger [SEED]`` prints the hash of everything it did, and how many calls ended in which retcode. Beside
``tests.sim.world``, whose venue is a stand-in, this is the part of a run that a terminal decides.
"""

import sys
from collections import Counter
from decimal import Decimal
from hashlib import blake2b

import msgspec

from mesh.faults import FaultSection
from mesh.ids import draw_of
from mesh.units import E8, MINUTE_NS, SECOND_NS
from nodes.market.synthetic import DEFAULT_START_NS, SyntheticMarket
from nodes.terminal import names
from nodes.terminal.engine import Changes, Terminal
from nodes.terminal.latency import Latency, request_key
from nodes.terminal.service import TerminalService
from nodes.terminal.settings import AccountConfig, TerminalConfig
from tests.nodes.terminal.terminal_rig import spec

LOGINS = (5_001, 5_002)
SYMBOLS = ("EURUSD", "USDJPY")
CALLS = 2_000
FAULTS = tuple(
    FaultSection(kind=kind, chance=Decimal("0.03"), for_ms=700)
    for kind in ("lose_reply", "place", "hide", "no_deal", "rewrite_comment", "disconnect")
)


class Ledger:
    """The server, its market and the hash."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._hash = blake2b(digest_size=16)
        modes = (names.ACCOUNT_MARGIN_MODE_RETAIL_HEDGING, names.ACCOUNT_MARGIN_MODE_RETAIL_NETTING)
        accounts = [AccountConfig(login=login, margin_mode=mode) for login, mode in zip(LOGINS, modes, strict=True)]
        config = TerminalConfig(seed=seed, server_zone="New York + 7 h", slippage_points_max=3)
        self._terminal = Terminal(config, accounts, [spec(symbol) for symbol in SYMBOLS])
        self._service = TerminalService(self._terminal, FAULTS)
        self._latency = Latency(seed, 40, Decimal("0.4"))
        self.codes: Counter[int] = Counter()
        self._keep(self._terminal.open(DEFAULT_START_NS))

    def _keep(self, changes: Changes) -> None:
        self._hash.update(msgspec.msgpack.encode(changes))

    def draw(self, number: int, what: str, below: int) -> int:
        return draw_of(self._seed, number.to_bytes(16, "big"), 0, what) % below

    def play(self) -> str:
        """All calls, a few seconds of market apart; the hash in hex."""
        market = SyntheticMarket(self._seed, SYMBOLS, DEFAULT_START_NS)
        minutes = CALLS * 5 // 60 + 2
        ticks = market.minutes(0, minutes)
        at = 0
        for number in range(CALLS):
            now_ns = DEFAULT_START_NS + MINUTE_NS + number * 5 * SECOND_NS
            stop = int(ticks.time_ns.searchsorted(now_ns, side="right"))
            columns = (ticks.symbol_index, ticks.time_ns, ticks.bid_e8, ticks.ask_e8, ticks.symbols)
            while at < stop:
                at, changes = self._terminal.on_ticks(*columns, at, stop)
                self._keep(changes)
            self._call(number, now_ns)
        return self._hash.hexdigest()

    def _call(self, number: int, now_ns: int) -> None:
        login = LOGINS[self.draw(number, "login", 2)]
        held = list(self._terminal.accounts[login].positions.values())
        row = [names.TRADE_ACTION_DEAL, number + 1, 0, SYMBOLS[self.draw(number, "symbol", 2)], E8 // 100, 0, 0, 0, 0, 20]
        side, position = self.draw(number, "side", 2), 0
        if held and self.draw(number, "close", 3):
            chosen = held[self.draw(number, "which", len(held))]
            row[3], side, position = chosen.symbol, 1 - chosen.type, chosen.ticket
        row += [side, 0, 0, 0, f"tm{number}", position, 0]
        late_ns = self._latency.of(request_key(login, number + 1, 1, f"tm{number}", b""))
        answer = self._service.call(login, "order_send", row, now_ns + late_ns)
        self._keep(answer.changes)
        self._hash.update(msgspec.msgpack.encode([late_ns, answer.value, answer.error, answer.late_ns]))
        self.codes[answer.value[0] if answer.value else answer.error[0]] += 1


def main() -> None:
    """Print the hash and the codes."""
    ledger = Ledger(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    print(ledger.play(), dict(sorted(ledger.codes.items())))


if __name__ == "__main__":
    main()
