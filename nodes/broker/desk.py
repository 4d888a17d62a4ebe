"""The broker's desk: calls of terminals answered or held back, and everything that must be durable before it is told.

What calls and ticks did is collected until ``taken``: rows to commit, replies that go out after it, accounts that changed.
"""

from bisect import insort
from typing import Any

import msgspec

from mesh.codec import decode_record_untrusted, encode
from mesh.config import Config
from mesh.core import Emit, Put
from mesh.errors import BadFrame
from mesh.faults import ORDER_SEND
from mesh.messages.base import Int64
from mesh.messages.market import Waiting
from mesh.messages.venue import TerminalCall, TerminalReply
from mesh.units import NEVER
from nodes.broker.journal import REVISION, WATCH, HeldCall, Journal, Revision, Watch, held_put, put_of
from nodes.broker.sendrecord import SendRecord
from nodes.broker.setup import simulated_accounts
from nodes.terminal.calls import SEVERAL, SEVERAL_MAX, VALUE_BYTES_MAX
from nodes.terminal.engine import Changes, Terminal
from nodes.terminal.lasterror import INVALID_PARAMS, OUT_OF_MEMORY, SUCCESS, UNAUTHORISED
from nodes.terminal.latency import Latency, request_key
from nodes.terminal.service import Answer, RequestRow, TerminalService

WATCH_EQUITY = "watch_equity"
"""A call besides the package's: (equity_below_e8,), 0 for none. The market stops where the equity falls below it."""


SEVERAL_OF = (
    "account_info", "terminal_info", "positions_get", "orders_get", "history_orders_get", "history_deals_get",
    "symbol_info", "symbol_info_tick",
)  # fmt: skip
"""Functions that may be asked for together: they read and have small answers."""


class Several(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What ``SEVERAL`` takes."""

    revision: int
    reads: list[list[Any]]
    where_changed: list[list[Any]]


class Batch(msgspec.Struct, frozen=True):
    """What happened since the last one: rows, replies by connection, names of accounts whose books changed."""

    puts: tuple[Put, ...]
    replies: list[tuple[int, TerminalReply]]
    changed: list[str]
    is_held: bool
    """Whether a call was held back."""
    record: tuple[Emit, ...] = ()
    """Lines of ``broker.record``, to be written before the replies go out."""


class Desk:
    """All calls of all logins, and the terminal they reach. ``number``: the newest market block, told with each reply."""

    def __init__(self, config: Config, terminal: Terminal, journal: Journal) -> None:
        broker = config.settings.broker
        self.terminal = terminal
        self.number = 0
        self._names = simulated_accounts(config)
        self._service = TerminalService(terminal, tuple(config.settings.fault))
        self._latency = Latency(config.settings.mesh.seed, broker.latency_ms, broker.latency_spread)
        self._held = sorted(journal.held, key=lambda call: call.turn)
        self._serial = max((call.serial for call in self._held), default=0)
        self._revisions = journal.revisions
        self._reveals_ns: dict[int, int] = {}
        """By login, when time alone will change what is shown."""
        self._puts: list[Put] = []
        self._replies: list[tuple[int, TerminalReply]] = []
        self._changed: dict[str, None] = {}
        self._is_held = False
        self._record = SendRecord() if broker.record else None
        self._late: list[tuple[int, int, int, TerminalReply]] = []
        """(until_ns, login, peer, reply): a terminal that hangs. A broker that ends forgets them: its callers lose their links."""
        for login, equity_below_e8 in journal.watches.items():
            terminal.watch(login, equity_below_e8)

    @property
    def held_count(self) -> int:
        """Calls that wait for their market time."""
        return len(self._held)

    @property
    def due_ns(self) -> int:
        """When the next waiting call or late reply comes due; NEVER where none waits."""
        held_ns = self._held[0].until_ns if self._held else NEVER
        return min(held_ns, self._late[0][0]) if self._late else held_ns

    def open(self, market_ns: int) -> None:
        """Open the books: new accounts get their deposit."""
        self.changed(self.terminal.open(market_ns))

    def call(self, call: TerminalCall, peer: int, market_ns: int, now_ns: int) -> None:
        """Answer a call, or hold it until its latency is over."""
        try:
            args = decode_record_untrusted(call.args, list)
        except BadFrame:
            self._reply(peer, call.sequence, call.login, market_ns, Answer(None, INVALID_PARAMS, ()))
            return
        if call.name == WATCH_EQUITY:
            self._reply(peer, call.sequence, call.login, market_ns, self._watch(call.login, args))
        elif call.name == SEVERAL:
            self._reply(peer, call.sequence, call.login, market_ns, self._several(call.login, args, market_ns))
        elif call.name == ORDER_SEND and (latency_ns := self._latency_ns(call, args)):
            self._hold(call, peer, market_ns + latency_ns, now_ns)
        else:
            if call.name == ORDER_SEND and self._record is not None:
                self._record.taken(call.login, args, market_ns, now_ns)
            answer = self._called(call.login, call.name, args, market_ns)
            self._reply(peer, call.sequence, call.login, market_ns, answer)

    def execute_due(self, market_ns: int) -> None:
        """Execute the calls whose time has come, and give the answers that hung until now."""
        while self._late and self._late[0][0] <= market_ns:
            _, _, peer, reply = self._late.pop(0)
            self._replies.append((peer, reply))
        while self._held and self._held[0].until_ns <= market_ns:
            held = self._held.pop(0)
            self._puts.append(held_put(held, is_over=True))
            args = decode_record_untrusted(held.args, list)
            answer = self._called(held.login, held.name, args, market_ns)
            self._reply(held.peer, held.sequence, held.login, market_ns, answer)

    def _called(self, login: int, name: str, args: list[Any], market_ns: int) -> Answer:
        answer = self._service.call(login, name, args, market_ns)
        if name == ORDER_SEND and self._record is not None:
            self._record.answered(login, args, answer, market_ns)
        return answer

    def on_time(self, market_ns: int) -> None:
        """Market time is ``market_ns``, with or without a tick."""
        if market_ns >= self.terminal.event_ns:
            self.changed(self.terminal.on_time(market_ns))

    def changed(self, changes: Changes) -> None:
        """Note what changed in the books."""
        logins = dict.fromkeys(change.login for change in changes)
        for change in changes:
            self._puts.append(put_of(change))
        for login in logins:
            if login in self._names:
                self._revise(login)
                self._changed[self._names[login]] = None

    def _revise(self, login: int) -> None:
        self._revisions[login] = self._revisions.get(login, 0) + 1
        self._puts.append(Put(REVISION, str(login).encode(), encode(Revision(self._revisions[login]))))

    def _reveal(self, login: int, market_ns: int) -> None:
        """What was hidden is seen by now: whoever knows the last revision does not know that."""
        if self._reveals_ns.get(login, NEVER) <= market_ns:
            del self._reveals_ns[login]
            self._revise(login)

    def fired(self, logins: tuple[int, ...]) -> None:
        """Equity watches have fired; each fires once."""
        for login in logins:
            self._puts.append(Put(WATCH, str(login).encode(), None))
            self._changed[self._names[login]] = None

    def taken(self) -> Batch:
        """Everything since the last call; with changed books the last quotes too, so that they have a value at once."""
        if self._changed:
            self._puts += [put_of(change) for change in self.terminal.quote_rows()]
        lines = self._record.lines() if self._record is not None else ()
        batch = Batch(tuple(self._puts), self._replies, list(self._changed), self._is_held, lines)
        self._puts, self._replies, self._changed, self._is_held = [], [], {}, False
        return batch

    def waiting(self, market_ns: int) -> list[Waiting]:
        """Each account's earliest waiting call, late reply, deal that is only placed or row that is not shown yet."""
        earliest = {login: until_ns for until_ns, login, _, _ in reversed(self._late)}
        for login in self._names:
            orders, session = self.terminal.accounts[login].orders, self._service.session(login)
            if not orders and not session.hides:
                continue  # nearly all, nearly always; asked for each account after each call
            placed = [order.execution_ns for order in orders.values() if order.execution_ns]
            until_ns = min([*placed, session.shown_ns(market_ns)])
            if until_ns < NEVER:
                earliest[login] = min(until_ns, earliest.get(login, NEVER))
        for held in self._held:
            earliest[held.login] = min(held.until_ns, earliest.get(held.login, NEVER))
        return [Waiting(self._names[login], until_ns) for login, until_ns in sorted(earliest.items())]

    def floating(self) -> list[str]:
        """Accounts with open positions."""
        return [name for login, name in self._names.items() if self.terminal.accounts[login].positions]

    def _latency_ns(self, call: TerminalCall, args: list[object]) -> int:
        """How long this order takes; 0 for what is no order of an account here and is answered at once."""
        if call.login not in self._names:
            return 0
        try:
            row = msgspec.convert(args, RequestRow)
        except msgspec.ValidationError:
            return 0
        turn = self._service.turns.next(call.login, row.action, row.magic)
        return self._latency.of(request_key(call.login, row.magic, row.action, row.comment, call.args, turn))

    def _hold(self, call: TerminalCall, peer: int, until_ns: int, now_ns: int) -> None:
        if any((held.peer, held.sequence, held.login) == (peer, call.sequence, call.login) for held in self._held):
            return  # the same call once more
        if self._record is not None:
            self._record.taken(call.login, decode_record_untrusted(call.args, list), until_ns, now_ns)
        self._serial += 1
        held = HeldCall(self._serial, until_ns, call.login, call.name, call.args, peer, call.sequence)
        insort(self._held, held, key=lambda other: other.turn)
        self._puts.append(held_put(held))
        self._is_held = True

    def _watch(self, login: int, args: list[object]) -> Answer:
        if login not in self._names:
            return Answer(None, UNAUTHORISED, ())
        try:
            (equity_below_e8,) = msgspec.convert(args, tuple[Int64])
        except msgspec.ValidationError:
            return Answer(None, INVALID_PARAMS, ())
        self.terminal.watch(login, equity_below_e8 or None)
        record = encode(Watch(equity_below_e8)) if equity_below_e8 else None
        self._puts.append(Put(WATCH, str(login).encode(), record))
        return Answer(True, SUCCESS, ())

    def _several(self, login: int, args: list[Any], market_ns: int) -> Answer:
        """Reads of one moment; the later ones only where the caller does not know this revision."""
        try:
            asked = msgspec.convert(args, Several)
        except msgspec.ValidationError:
            return Answer(None, INVALID_PARAMS, ())
        self._reveal(login, market_ns)
        is_known = asked.revision == self._revisions.get(login, 0)
        reads = asked.reads if is_known else [*asked.reads, *asked.where_changed]
        if len(reads) > SEVERAL_MAX or not all(read and read[0] in SEVERAL_OF for read in reads):
            return Answer(None, INVALID_PARAMS, ())
        rows, late_ns = [], 0
        for name, *rest in reads:
            answer = self._service.call(login, name, rest, market_ns)
            self.changed(answer.changes)
            rows.append([answer.value, *answer.error])
            late_ns = max(late_ns, answer.late_ns)
        return Answer(rows, SUCCESS, (), late_ns)

    def _reply(self, peer: int, sequence: int, login: int, market_ns: int, answer: Answer) -> None:
        self.changed(answer.changes)
        self._reveal(login, market_ns)
        if login in self._names:
            reveals_ns = self._service.session(login).reveals_ns(market_ns)
            if reveals_ns < NEVER:
                self._reveals_ns[login] = reveals_ns
        value, error = msgspec.msgpack.encode(answer.value), answer.error
        if len(value) > VALUE_BYTES_MAX:
            # it could not be sent, and whoever asked would wait for ever
            value, error = msgspec.msgpack.encode(None), OUT_OF_MEMORY
        revision = self._revisions.get(login, 0)
        reply = TerminalReply(sequence, value, error[0], error[1], self.number, revision, market_ns)
        if not answer.late_ns:
            self._replies.append((peer, reply))
        elif answer.late_ns < NEVER:
            insort(self._late, (market_ns + answer.late_ns, login, peer, reply), key=lambda late: late[0])
