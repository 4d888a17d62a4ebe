"""The ledger that accounts for every line: lines decided are ended lines by code and open lines by state, always.

It gives the rows that make each of its changes durable; once its last line has ended a decision goes to the archive.
"""

from mesh.codec import encode
from mesh.core import Put
from mesh.messages.orders import OPEN
from mesh.messages.outcomes import FINAL_CODES, STATE_CODES, Outcome
from mesh.messages.signals import ACCEPTED
from nodes.decisions import (
    ARCHIVE,
    DECISION,
    END,
    PUBLISHED,
    SID,
    TOTALS,
    WHY,
    ArchiveRecord,
    Decision,
    Line,
    SidRecord,
    TotalsRecord,
    WhyRecord,
    end_key,
    why_key,
)

ACCEPTED_RECORD = encode(SidRecord(ACCEPTED))
RECENT_MAX = 2_000
"""Ended decisions kept in memory for questions and late reports; older ones are in the archive."""


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
        if decision.open_count < len(decision.lines):
            for line in decision.lines:
                if not line.is_open:
                    assert line.code in FINAL_CODES, f"{line.code} is no code a line can have"
                    self.codes[line.code] = self.codes.get(line.code, 0) + 1
        self.keep(decision)
        record = decision.record
        puts = [Put(SID, record.key, ACCEPTED_RECORD), self.totals_put()]
        if decision.open_count:
            return [*puts, Put(DECISION, record.key, encode(record))]
        return [*puts, *self._retire(decision)]

    def keep(self, decision: Decision) -> None:
        """Hold a live decision in memory (a new one, or one from the store)."""
        key, states, open_counts, lines = decision.record.key, self.states, self.open_counts, self._lines
        self.live[key] = decision
        self._keys[decision.record.signal.sid] = key
        for line in decision.lines:
            account = line.record.account
            lines[line.record.oid, account] = line
            if line.code in states:
                states[line.code] += 1
                open_counts[account] = open_counts.get(account, 0) + 1

    def recall(self, archived: ArchiveRecord) -> None:
        """Hold a decision of the archive in memory again, as one of the newest that have ended."""
        decision = Decision(archived.decision)
        record = decision.record
        if record.key in self.live or record.key in self.recent:
            return
        for line, end in zip(decision.lines, archived.ends, strict=True):
            line.code, line.detail, line.f, line.outcome = end.code, end.detail, end.f, end.outcome
            line.heard = True
            self._lines[(line.record.oid, line.record.account)] = line
        decision.open_count = 0
        self._keys.setdefault(record.signal.sid, record.key)
        self._end_recent(decision)

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
        self._end_recent(decision)
        gone = [Put(END, end_key(line.record), None) for line in decision.lines if line.record.code == PUBLISHED]
        if gone:
            gone.append(Put(DECISION, key, None))
        return gone + archive_puts(decision)

    def _end_recent(self, decision: Decision) -> None:
        """Keep it as the newest that has ended; the oldest is forgotten past the bound."""
        self.recent[decision.record.key] = decision
        if len(self.recent) > RECENT_MAX:
            self._forget(self.recent.pop(next(iter(self.recent))))

    def _forget(self, decision: Decision) -> None:
        sid = decision.record.signal.sid
        if self._keys.get(sid) == decision.record.key:
            del self._keys[sid]
        for line in decision.lines:
            self._lines.pop((line.record.oid, line.record.account), None)
        # they know it and it them: else only the collector would free them, which under load comes once an hour
        decision.lines = []


def archive_puts(decision: Decision) -> list[Put]:
    """The archive's rows of a decision without open lines: itself, and what leads to it."""
    record = decision.record
    words = {record.signal.sid: None}
    for line in decision.lines:
        words[line.record.oid.hex()] = None
        outcome = line.outcome
        if outcome is not None and line.record.action == OPEN:
            for ticket in (outcome.position_ticket, outcome.order_ticket):
                if ticket:
                    words[f"{line.record.account}:{ticket}"] = None
    archived = encode(ArchiveRecord(record, [line.end_record() for line in decision.lines]))
    lead = encode(WhyRecord(record.key))
    return [Put(ARCHIVE, record.key, archived), *(Put(WHY, why_key(word), lead) for word in words)]
