"""How far each stop is carried out here: LATCHED, then CANCELLED, then FLAT (DESIGN §7).

What is shown by one read may be shown late, so a stage counts only when two reads, a visibility window apart, show nothing left in the
stop's scope, both begun after the stop was durable here; and not while an open of ours in that scope has no final result, rests, is a
fill that no read has shown, or was not executed by a person's word alone. A stage is taken back when something turns up. What is not ours
counts in every scope but a strategy's.
"""

from collections.abc import Iterator

import msgspec

from mesh.killset import scope_matches
from mesh.messages.control import CANCELLED, FLAT, FLATTEN, FREEZE, HELD_DETAIL_MAX, HELD_MAX, LATCHED, STAGE_OF, Entry, Held
from mesh.messages.orders import OPEN
from mesh.units import MS_NS
from nodes.local.attempts import CALLED, INTENT, UNKNOWN
from nodes.local.caretaker import Caretaker
from nodes.local.desk import Desk
from nodes.local.state import LocalState
from nodes.symbolnames import SymbolNames


class _Clear(msgspec.Struct):
    """Since which read nothing rests in a stop's scope, and nothing is held; 0: something does, or no read has shown it."""

    latched_ns: int
    orders_ns: int = 0
    positions_ns: int = 0


class Clearance:
    """That of one local."""

    def __init__(self, state: LocalState, desk: Desk, caretaker: Caretaker) -> None:
        self._state = state
        self._desk = desk
        self._caretaker = caretaker
        self._names = SymbolNames(state.config)
        self._window_ns = state.timer_section.visible_ms * MS_NS
        self._clear: dict[bytes, _Clear] = {}
        self._proof_ns = 0
        """When the newest read began that shows all there is."""
        self.held: list[Held] = []
        """How far it is with each stop that is durable here, the newest of very many."""

    def look(self, now_ns: int) -> bool:
        """Judge anew; whether anything is to be told that was not so before."""
        book = self._state.book
        self._proof_ns = book.read_ns if book.is_proof else self._proof_ns
        live = dict(self._concerning())
        for key in [key for key in self._clear if key not in live]:
            del self._clear[key]
        held = [self._judged(key, entry, now_ns) for key, entry in live.items()][-HELD_MAX:]
        if held == self.held:
            return False
        self.held = held
        return True

    def preview(self, key: bytes, entry: Entry) -> Held:
        """What a stop would find here."""
        return Held(key, LATCHED, self._orders(entry), self._positions(entry), "")

    def _concerning(self) -> Iterator[tuple[bytes, Entry]]:
        """Live stops that are durable here and can touch this account."""
        state = self._state
        for key, entry in state.ladder.stops.killset.live():
            kind, _, name = entry.scope.partition(":")
            if state.ladder.is_durable(key) and (kind != "account" or name == state.account):
                yield key, entry

    def _judged(self, key: bytes, entry: Entry, now_ns: int) -> Held:
        """One stop, by the newest read; a read is counted once."""
        clear = self._clear.setdefault(key, _Clear(now_ns))
        orders = self._orders(entry)
        positions = self._positions(entry)
        if entry.level == FREEZE:
            return Held(key, LATCHED, orders, positions, "")
        waits = self._waits(entry)
        book = self._state.book
        is_read = book.is_proof and book.read_ns >= clear.latched_ns
        clear.orders_ns = _since(clear.orders_ns, not orders and not waits, is_read, book.read_ns)
        clear.positions_ns = _since(clear.positions_ns, not positions and not waits, is_read, book.read_ns)
        stage = LATCHED
        if self._is_clear(clear.orders_ns):
            stage = CANCELLED
            if entry.level == FLATTEN and self._is_clear(clear.positions_ns):
                stage = FLAT
        why = "" if stage == STAGE_OF[entry.level] else self._why(clear, waits, orders, positions)
        return Held(key, stage, orders, positions, why[:HELD_DETAIL_MAX])

    def _is_clear(self, since_ns: int) -> bool:
        return since_ns > 0 and self._proof_ns - since_ns >= self._window_ns

    def _why(self, clear: _Clear, waits: str, orders: int, positions: int) -> str:
        """What the next stage waits for."""
        book = self._state.book
        if not self._state.is_attached:
            return f"terminal={self._state.refused or 'not attached'}"
        if not book.is_proof or book.read_ns < clear.latched_ns:
            return "read=none since it came"
        refused = self._caretaker.refusal
        return waits or (f"left={orders} orders, {positions} positions {refused}".rstrip() if orders or positions else "read=once more")

    # what is in a stop's scope

    def _matches(self, entry: Entry, symbol: str, strategy: str) -> bool:
        """Whether it covers something in a symbol (by the broker's name) of a strategy (empty: not ours)."""
        account = self._state.account
        names = (symbol, self._names.our_name(symbol))
        return any(scope_matches(entry.scope, account, name, strategy) for name in names)

    def _orders(self, entry: Entry) -> int:
        """Orders that rest."""
        resting = self._desk.jobs.resting()
        shown = self._state.book.state.orders if self._state.book.state else []
        strategies = {ticket: job.record.strategy for ticket, job in resting.items()}
        is_strategys = entry.scope.startswith("strategy:")
        found = {
            order.ticket
            for order in shown
            # one of ours may be of any strategy where nobody knows of which
            if self._matches(entry, order.symbol, strategies.get(order.ticket, ""))
            or (is_strategys and order.ours and order.ticket not in strategies)
        }
        found |= {ticket for ticket, job in resting.items() if self._matches(entry, job.record.symbol, job.record.strategy)}
        return len(found)

    def _positions(self, entry: Entry) -> int:
        """Positions that are open."""
        return sum(self._matches(entry, position.symbol, position.strategy) for position in self._state.book.positions)

    def _waits(self, entry: Entry) -> str:
        """What of ours in its scope may still become a position; empty: nothing."""
        for job in self._desk.jobs:
            record = job.record
            if record.action == OPEN and record.state in (INTENT, CALLED, UNKNOWN) and self._matches(entry, record.symbol, record.strategy):
                return f"open={record.oid.hex()} {record.state}"
        for record in self._state.late.doubted():
            if self._matches(entry, record.symbol, record.strategy):
                return f"open={record.oid.hex()} said=not_executed"
        for opening in self._state.openings.unseen():
            if opening.left_e8 > 0 and self._matches(entry, opening.record.symbol, opening.record.strategy):
                return f"unseen={opening.record.oid.hex()}"
        return ""


def _since(before_ns: int, is_clear: bool, is_read: bool, read_ns: int) -> int:
    """Since when it is clear: begun by a read that shows it, ended by anything that shows otherwise."""
    if not is_clear:
        return 0
    return before_ns or (read_ns if is_read else 0)
