"""Decisions and their lines: what they are, and what is stored of them.

A **line** is (sid, strategy, leg, account), the unit of accounting. A decision lists all lines of its signal, is durable
before anything of it is published, and each line ends in exactly one code: by the master where nothing was sent for it,
else by the local alone.

Rows: ``decision`` (live ones, by key), ``end`` (lines that ended or are in a state the local told, by oid and account),
``totals``; once its last line has ended a decision goes to ``_decision``, and ``_why`` leads there from its sid, its
oids and its tickets. ``sid`` rows stay for ever: a repeated signal gets the stored answer.
"""

import msgspec

from mesh.ids import hash_of
from mesh.messages.base import Blob, Code, Count, Digest, Int64, Msg, Name, Oid, Text
from mesh.messages.outcomes import STATE_CODES, Outcome
from mesh.messages.signals import Signal
from nodes.codes import WORKING as WORKING

DECISION, END, TOTALS, SID = "decision", "end", "totals", "sid"
ARCHIVE, WHY = "_decision", "_why"
PUBLISHED = "PUBLISHED"
"""A line's code in its decision where an order goes out; its state is then WORKING until it ends."""


_key = hash_of(b"sid", 16)


def key_of(run: str, source: str, sid: str) -> bytes:
    """The 16 bytes by which a signal is known: a replay is a run of its own, a sid is its source's own."""
    return _key((run, source, sid))


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


class Line(msgspec.Struct, eq=False):
    """One line now. ``code`` is a state until it has ended; ``heard``: its local has told something of it."""

    decision: "Decision"
    record: LineRecord
    code: str
    detail: str
    f: int = 0
    heard: bool = False
    outcome: Outcome | None = None

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
        self.lines = [Line(self, line, WORKING if line.code == PUBLISHED else line.code, line.detail) for line in record.lines]
        self.open_count = [line.code for line in record.lines].count(PUBLISHED)
        self.stamp_out_ns = 0
        """When its orders were published; 0 before it was durable."""


def end_key(record: LineRecord) -> bytes:
    """The key of a line's ``end`` row."""
    return record.oid + record.account.encode()


def why_key(word: str) -> bytes:
    """The key of a ``_why`` row: a sid, an oid in hex, or ACCOUNT:TICKET."""
    return word.encode()
