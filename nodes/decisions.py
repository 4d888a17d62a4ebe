"""Decisions and their lines: what is stored of them, and the ledger that accounts for every line.

A **line** is (sid, strategy, leg, account), the unit of accounting. A decision lists all lines of its signal, is durable
before anything of it is published, and each line ends in exactly one code: by the master where nothing was sent for it,
else by the local alone. Until then it is in a state, counted apart: ``decided = codes + states``, always.

Rows: ``decision`` (live ones, by key), ``end`` (lines that ended or are in a state the local told, by oid and account),
``totals``; once its last line has ended a decision goes to ``_decision``, and ``_why`` leads there from its sid, its
oids and its tickets. ``sid`` rows stay for ever: a repeated signal gets the stored answer.
"""

from hashlib import blake2b

import msgpack

from mesh.codec import encode
from mesh.core import Put
from mesh.messages.base import Blob, Code, Count, Digest, Int64, Msg, Name, Oid, Text
from mesh.messages.outcomes import FINAL_CODES, STATE_CODES, Outcome
from mesh.messages.signals import Signal

DECISION, END, TOTALS, SID = "decision", "end", "totals", "sid"
ARCHIVE, WHY = "_decision", "_why"
PUBLISHED = "PUBLISHED"
"""A line's code in its decision where an order goes out; its state is then WORKING until it ends."""
WORKING, UNKNOWN, UNCONFIRMED = STATE_CODES
RECENT_MAX = 2_000
"""Ended decisions kept in memory for questions and late reports; older ones are in the archive."""


def key_of(run: str, source: str, sid: str) -> bytes:
    """The 16 bytes by which a signal is known: a replay is a run of its own, a sid is its source's own."""
    return blake2b(msgpack.packb([run, source, sid]), digest_size=16, person=b"sid").digest()


class SidRecord(Msg):
    """The stored answer to a signal."""

    code: Code


class LineRecord(Msg):
    """A line as decided. ``action`` is empty and ``e``, ``n``, ``k`` are 0 where nothing is sent for it.

    ``volume_e8``: lots to open, or lots to be left of the position a CLOSE names by ``ref_oid`` / ``ref_ticket``.
    ``closes_e8``: lots it had when the close was decided. ``symbol`` is the account's broker's name.
    """

    account: Name
    oid: Oid
    strategy: Name
    leg: Code
    action: str
    symbol: str
    side: Int64
    volume_e8: Count
    ref_oid: Oid
    ref_ticket: Count
    closes_e8: Count
    price_e8: Int64
    sl_distance_e8: Count
    tp_distance_e8: Count
    deviation_points: Count
    deadline_ns: Count
    e: Count
    n: Count
    k: Count
    code: Code
    detail: Text = ""


class DecisionRecord(Msg):
    """All lines of a signal. ``market_ns`` and ``stamp_in_ns``: market and monotonic time at which it was decided."""

    key: Digest
    signal: Signal
    market_ns: Int64
    stamp_in_ns: Count
    lines: list[LineRecord]


class EndRecord(Msg):
    """How a line ended (``f`` 0: the master ended it), or the state its local told."""

    code: Code
    detail: Text
    f: Count
    outcome: Outcome | None


class ArchiveRecord(Msg):
    """A decision whose lines have all ended, and how (in the same order)."""

    decision: DecisionRecord
    ends: list[EndRecord]


class WhyRecord(Msg):
    """Which decision a sid, oid or ticket belongs to."""

    key: Blob


class TotalsRecord(Msg):
    """Lines decided and ended since this store began."""

    decided_count: Count
    codes: dict[str, Count]


class Line:
    """One line now. ``code`` is a state until it has ended; ``heard``: its local has told something of it."""

    __slots__ = ("code", "decision", "detail", "f", "heard", "outcome", "record")

    def __init__(self, decision: "Decision", record: LineRecord) -> None:
        self.decision = decision
        self.record = record
        self.code = WORKING if record.code == PUBLISHED else record.code
        self.detail = record.detail
        self.f = 0
        self.heard = False
        self.outcome: Outcome | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.code in STATE_CODES

    def end_record(self) -> EndRecord:
        """What is stored of its code."""
        return EndRecord(self.code, self.detail, self.f, self.outcome)


class Decision:
    """One decision and its lines."""

    __slots__ = ("lines", "open_count", "record", "stamp_out_ns")

    def __init__(self, record: DecisionRecord) -> None:
        self.record = record
        self.lines = [Line(self, line) for line in record.lines]
        self.open_count = sum(line.is_open for line in self.lines)
        self.stamp_out_ns = 0
        """When its orders were published; 0 before it was durable."""


class Ledger:
    """Every line that has not ended, the newest that have, and the totals of all."""

    def __init__(self) -> None:
        self.live: dict[bytes, Decision] = {}
        self.recent: dict[bytes, Decision] = {}
        self.decided_count = 0
        self.codes: dict[str, int] = {}
        """Ended lines by code."""
        self.states: dict[str, int] = dict.fromkeys(STATE_CODES, 0)
        self.open_counts: dict[str, int] = {}
        """Account → its lines that have not ended; no entry where there are none."""
        self._lines: dict[tuple[bytes, str], Line] = {}
        self._keys: dict[str, bytes] = {}
        """sid → key of the newest decision of that sid in memory."""

    def find(self, oid: bytes, account: str) -> Line | None:
        """A line in memory, ended or not."""
        return self._lines.get((oid, account))

    def find_sid(self, sid: str) -> Decision | None:
        """A decision in memory by its signal's sid."""
        key = self._keys.get(sid, b"")
        return self.live.get(key) or self.recent.get(key)

    def open_lines(self) -> list[Line]:
        """Every line that has not ended, in the order of decisions."""
        return [line for decision in self.live.values() for line in decision.lines if line.is_open]

    def add(self, decision: Decision) -> list[Put]:
        """Count a new decision; the rows that make it durable."""
        self.decided_count += len(decision.lines)
        for line in decision.lines:
            assert line.is_open or line.code in FINAL_CODES, f"{line.code} is no code a line can have"
            if not line.is_open:
                self.codes[line.code] = self.codes.get(line.code, 0) + 1
        self.keep(decision)
        record = decision.record
        puts = [Put(SID, record.key, encode(SidRecord("ACCEPTED"))), self.totals_put()]
        if decision.open_count:
            return [*puts, Put(DECISION, record.key, encode(record))]
        return [*puts, *self._retire(decision)]

    def keep(self, decision: Decision) -> None:
        """Hold a live decision in memory (a new one, or one from the store)."""
        self.live[decision.record.key] = decision
        self._keys[decision.record.signal.sid] = decision.record.key
        for line in decision.lines:
            self._lines[(line.record.oid, line.record.account)] = line
            if line.is_open:
                self.states[line.code] += 1
                self.open_counts[line.record.account] = self.open_counts.get(line.record.account, 0) + 1

    def restore(self, totals: TotalsRecord) -> None:
        """Take the totals of the store."""
        self.decided_count = totals.decided_count
        self.codes = dict(totals.codes)

    def mark(self, line: Line, state: str) -> None:
        """Move an open line to another state."""
        assert line.is_open, f"a line that ended {line.code} cannot become {state}"
        self.states[line.code] -= 1
        self.states[state] += 1
        line.code = state

    def end(self, line: Line, code: str, detail: str, f: int, outcome: Outcome | None) -> list[Put]:
        """End an open line; the rows that make it durable, and the archive's where it was its decision's last."""
        assert code in FINAL_CODES, f"{code} is not final"
        self.states[line.code] -= 1
        line.code, line.detail, line.f, line.outcome = code, detail, f, outcome
        self.codes[code] = self.codes.get(code, 0) + 1
        line.decision.open_count -= 1
        account = line.record.account
        self.open_counts[account] -= 1
        if not self.open_counts[account]:
            del self.open_counts[account]
        if line.decision.open_count:
            return [self.end_put(line), self.totals_put()]
        return [self.totals_put(), *self._retire(line.decision)]

    def amend(self, line: Line, code: str, detail: str, f: int, outcome: Outcome) -> list[Put]:
        """Replace the code of a line that had ended (a fill reported late): alarmed by the caller, counted once."""
        self.codes[line.code] -= 1
        line.code, line.detail, line.f, line.outcome = code, detail, f, outcome
        self.codes[code] = self.codes.get(code, 0) + 1
        if line.decision.open_count:
            return [self.end_put(line), self.totals_put()]
        return [self.totals_put(), *archive_puts(line.decision)]

    def end_put(self, line: Line) -> Put:
        """The row of a line's code or state."""
        return Put(END, end_key(line.record), encode(line.end_record()))

    def totals_put(self) -> Put:
        """The row of the totals."""
        return Put(TOTALS, b"", encode(TotalsRecord(self.decided_count, self.codes)))

    def adds_up(self) -> bool:
        """Whether lines decided equal outcomes and states, and the states are those of the lines in memory."""
        open_count = sum(self.states.values())
        return self.decided_count == sum(self.codes.values()) + open_count and open_count == len(self.open_lines())

    def _retire(self, decision: Decision) -> list[Put]:
        """Move a decision without open lines out of the live ones; the rows of that."""
        key = decision.record.key
        del self.live[key]
        self.recent[key] = decision
        if len(self.recent) > RECENT_MAX:
            self._forget(self.recent.pop(next(iter(self.recent))))
        gone = [Put(END, end_key(line.record), None) for line in decision.lines if line.record.code == PUBLISHED]
        if gone:
            gone.append(Put(DECISION, key, None))
        return gone + archive_puts(decision)

    def _forget(self, decision: Decision) -> None:
        sid = decision.record.signal.sid
        if self._keys.get(sid) == decision.record.key:
            del self._keys[sid]
        for line in decision.lines:
            self._lines.pop((line.record.oid, line.record.account), None)


def end_key(record: LineRecord) -> bytes:
    """The key of a line's ``end`` row."""
    return record.oid + record.account.encode()


def why_key(word: str) -> bytes:
    """The key of a ``_why`` row: a sid, an oid in hex, or ACCOUNT:TICKET."""
    return word.encode()


def archive_puts(decision: Decision) -> list[Put]:
    """The archive's rows of a decision without open lines: itself, and what leads to it."""
    record = decision.record
    words = {record.signal.sid: None}
    for line in decision.lines:
        words[line.record.oid.hex()] = None
        if line.outcome is not None:
            for ticket in (line.outcome.position_ticket, line.outcome.order_ticket):
                if ticket and line.record.action == "OPEN":
                    words[f"{line.record.account}:{ticket}"] = None
    archived = encode(ArchiveRecord(record, [line.end_record() for line in decision.lines]))
    lead = encode(WhyRecord(record.key))
    return [Put(ARCHIVE, record.key, archived), *(Put(WHY, why_key(word), lead) for word in words)]
