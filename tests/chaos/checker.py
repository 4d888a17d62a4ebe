"""What must hold of the books, by DESIGN's names; each thing that does not is a violation with its story."""

from bisect import bisect_right
from collections import Counter
from functools import cached_property
from pathlib import Path

import msgspec

from mesh.config import Config
from mesh.errors import MeshError
from mesh.io.auditwalk import verify
from mesh.killset import scope_matches
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.outcomes import FINAL_CODES, STATE_CODES
from mesh.messages.signals import ACCEPTED, Signal, SignalAnswer
from mesh.units import MS_NS, SECOND_NS
from nodes.decisions import PUBLISHED, Line
from nodes.terminal import names
from nodes.terminal.lasterror import SUCCESS
from tests.chaos.books import Books, Sent, lots
from tests.chaos.isolation import DEAD_MAN_NS, Isolation
from tests.chaos.secondstart import Ended
from tests.chaos.stops import Stop

LATE_NS = SECOND_NS
"""A worker that loses the processor between its last look and the call is late by that, and nothing can prevent it: I3's slack."""
STORIES_MAX = 100
"""Violations that are told in full: where there are more, one cause has many."""
IN_USE = 75
FAILED = 1
OUTPUT_CHARS = 2_000
"""So much of the end of what `mesh up` printed is told."""
BUG_WORDS = ("Traceback (most recent call last)", "Assertion failed", "Fatal Python error")
"""What a process prints that ends by a bug of ours, of a library's, or of the interpreter."""


class Violation(msgspec.Struct, frozen=True):
    """What does not hold, by its name in DESIGN §6, and the story of it."""

    name: str
    story: str


class Checker:
    """Compares the books of one campaign."""

    def __init__(self, books: Books, config: Config) -> None:
        self.books = books
        self._is_hedging = {name: account.margin_mode == "hedging" for name, account in config.account.items()}
        self.found: list[Violation] = []
        self.undone_count = 0
        """Executions of the record that a killed broker had forgotten, before anybody was told."""
        self._done = self._executed()

    def _broken(self, name: str, story: str) -> None:
        self.found.append(Violation(name, story))

    def _executed(self) -> dict[tuple[bytes, str], dict[int, int]]:
        """(oid, account) → attempt → lots its deals in the broker's books come to."""
        done: dict[tuple[bytes, str], dict[int, int]] = {}
        for account, deals in self.books.deals.items():
            for deal in deals:
                attempt = self.books.attempts.get((account, deal.magic))
                if attempt is not None and deal.reason == names.DEAL_REASON_EXPERT:
                    volumes = done.setdefault((attempt.oid, account), {})
                    volumes[attempt.number] = volumes.get(attempt.number, 0) + deal.volume_e8
        return done

    # the ledger and the venue

    def check_books(self) -> None:
        """I1, I3, I12: the lines, the record of order_send and the broker's books, each against each."""
        for line in self.books.lines:
            self._once(line)
            self._in_time(line)
            told_e8 = line.outcome.volume_e8 if line.outcome is not None else 0
            done_e8 = sum(self._done.get((line.record.oid, line.record.account), {}).values())
            if told_e8 != done_e8:
                self._broken("I12", f"told {lots(told_e8)} lots, executed {lots(done_e8)}: {self.story(line)}")
        self._every_deal()
        self._every_send()

    def _once(self, line: Line) -> None:
        """I1: an opening executes once; an attempt is sent once, and the next only after a proof that the last did nothing."""
        record = line.record
        executed = self._done.get((record.oid, record.account), {})
        if record.action == OPEN and len(executed) > 1:
            self._broken("I1", f"attempts {sorted(executed)} have executed: {self.story(line)}")
        closes_e8 = record.closes_e8 - record.volume_e8
        # (where openings share a position, a close takes what is older of ours there too)
        if record.action != OPEN and self._is_hedging.get(record.account) and sum(executed.values()) > closes_e8:
            self._broken("I1", f"closed {lots(sum(executed.values()))} of {lots(closes_e8)} lots: {self.story(line)}")
        before = None
        for number, magic in self.books.attempts_of(record.oid, record.account):
            sent = self.books.sent.get((record.account, magic))
            if sent is None:
                continue
            if sent.taken_count > 1:
                self._broken("I1", f"attempt {number} was sent {sent.taken_count} times: {self.story(line)}")
            if record.action == OPEN and before is not None and not before.is_refused:
                self._broken("I1", f"attempt {number} was sent though the one before may have executed: {self.story(line)}")
            before = sent

    def _in_time(self, line: Line) -> None:
        record, outcome = line.record, line.outcome
        if record.action != OPEN or outcome is None or not record.deadline_ns or outcome.e != record.e:
            return
        late_ns = outcome.stamps.called_ns - record.deadline_ns
        if late_ns > LATE_NS and outcome.volume_e8:
            self._broken("I3", f"called {late_ns // MS_NS} ms after its deadline: {self.story(line)}")

    def _every_deal(self) -> None:
        """I12: each deal of an expert is some attempt's, and the record has it."""
        actions = {(line.record.oid, line.record.account): line.record.action for line in self.books.lines}
        for account, deals in self.books.deals.items():
            for deal in deals:
                if deal.reason != names.DEAL_REASON_EXPERT:
                    continue
                attempt = self.books.attempts.get((account, deal.magic))
                if attempt is None:
                    self._broken("I12", f"deal {deal.ticket} of {account} bears magic {deal.magic}, which is no attempt's")
                elif actions.get((attempt.oid, account)) == CLOSE and deal.entry != names.DEAL_ENTRY_OUT:
                    self._broken("I1", f"deal {deal.ticket} of {account} is a close's and opens: entry {deal.entry}")
                sent = self.books.sent.get((account, deal.magic))
                if sent is None or (deal.ticket not in sent.deals and not self._is_lost(sent)):
                    self._broken("I12", f"deal {deal.ticket} of {account}, magic {deal.magic}, is not in the record of order_send")

    @staticmethod
    def _is_lost(sent: Sent) -> bool:
        """Whether the answer that would name the deal was one of those that the broker was told to lose."""
        return any(row["error"] != SUCCESS[0] for row in sent.answers)

    def _every_send(self) -> None:
        """I12: each order_send is some attempt's; what was answered as done is in the broker's books, or nobody was told."""
        tickets = {account: {deal.ticket: deal for deal in deals} for account, deals in self.books.deals.items()}
        for (account, magic), sent in self.books.sent.items():
            if (account, magic) not in self.books.attempts:
                self._broken("I12", f"order_send at {account} with magic {magic} is no attempt of a line: {sent.answers}")
                continue
            attempt = self.books.attempts[account, magic]
            kept = [deal for deal in sent.deals if deal in tickets[account] and tickets[account][deal].magic == magic]
            if sent.deals and not kept:
                self.undone_count += 1
                if self._done.get((attempt.oid, account), {}).get(attempt.number):
                    self._broken("I12", f"attempt {attempt.number} of {attempt.oid.hex()} at {account}: {sent.deals} are not in the books")

    # lines

    def check_lines(self, summary: dict[str, object]) -> None:
        """I5: each line has ended in one code, at its master and its local alike, and they add up."""
        if not summary.get("adds_up"):
            self._broken("I5", f"the summary does not add up: {summary.get('lines')} {summary.get('problem')}")
        for line in self.books.lines:
            if line.code in STATE_CODES or line.code not in FINAL_CODES:
                self._broken("I5", f"it has not ended: {self.story(line)}")
            if line.f:
                self._as_told(line)
        keys = Counter((line.record.oid, line.record.account) for line in self.books.lines)
        for (oid, account), count in keys.items():
            if count > 1:
                self._broken("I5", f"{count} lines are {oid.hex()} at {account}")
        known = {(line.record.oid, line.record.account): line for line in self.books.lines}
        for account, outcomes in self.books.outcomes.items():
            for outcome in outcomes.values():
                its = known.get((outcome.oid, account))
                if its is not None and outcome.final and outcome.cause == outcome.leg and its.record.code != PUBLISHED:
                    self._broken("I5", f"{account} ended what was never published, {outcome.code}: {self.story(its)}")

    def _as_told(self, line: Line) -> None:
        told = self.books.outcomes.get(line.record.account, {}).get(line.f)
        if told is None or (told.oid, told.code) != (line.record.oid, line.code):
            says = f"{told.code} of {told.oid.hex()}" if told is not None else "nothing"
            self._broken("I5", f"its local says {says} under f={line.f}: {self.story(line)}")

    def check_signals(self, sent: dict[str, Signal], answers: dict[str, SignalAnswer], source: str) -> None:
        """I6: what was accepted is decided for each account it was for, and nothing else is."""
        decided: dict[str, set[str]] = {}
        for line in self.books.lines:
            signal = line.decision.record.signal
            if signal.source == source:
                decided.setdefault(signal.sid, set()).add(line.record.account)
        for sid, signal in sent.items():
            answer = answers.get(sid)
            if answer is None:
                self._broken("L1", f"signal {sid} was never answered")
            elif answer.code != ACCEPTED:
                self._broken("I6", f"signal {sid} was refused: {answer.code} {answer.text}")
            elif missing := set(signal.accounts) - decided.get(sid, set()):
                self._broken("I6", f"signal {sid} was accepted and has no line for {sorted(missing)}")
        for sid in decided.keys() - sent.keys():
            self._broken("I6", f"signal {sid} was decided and never sent")

    @cached_property
    def _opens(self) -> list[tuple[int, int, Line]]:
        """(when the broker took it, attempt, line) of each attempt to open."""
        return [
            (sent.taken_ns, number, line)
            for line in self.books.lines
            if line.record.action == OPEN
            for number, magic in self.books.attempts_of(line.record.oid, line.record.account)
            if (sent := self.books.sent.get((line.record.account, magic))) is not None
        ]

    def check_stops(self, stops: list[Stop]) -> None:
        """I9, I10: after an account was CONFIRMED nothing of the stop's scope opens there until it is let go, but what was named.

        The operator makes one stop after the other.
        """
        for taken_ns, number, line in self._opens:
            record = line.record
            at = bisect_right(stops, taken_ns, key=lambda stop: stop.sent_ns) - 1
            if at < 0 or record.account not in stops[at].confirmed:
                continue
            stop = stops[at]
            confirmed_ns, named = stop.confirmed[record.account]
            is_covered = scope_matches(stop.scope, record.account, record.symbol, record.strategy)
            if is_covered and confirmed_ns < taken_ns < stop.undone_ns and record.oid not in named:
                how = f"{(taken_ns - confirmed_ns) // MS_NS} ms after CONFIRMED ({stop.level} {stop.scope})"
                self._broken("I10", f"attempt {number} was sent {how}: {self.story(line)}")

    def last_opens_ns(self, isolations: list[Isolation]) -> list[int]:
        """How long after it was cut off each of these accounts still opened; 0: not at all."""
        times_ns: dict[str, list[int]] = {}
        for taken_ns, _, line in self._opens:
            times_ns.setdefault(line.record.account, []).append(taken_ns)
        return [isolation.last_of(times_ns.get(isolation.account, [])) for isolation in isolations]

    def check_isolations(self, isolations: list[Isolation]) -> None:
        """I11: who is cut off opens nothing once its leave has run out."""
        for isolation, last_ns in zip(isolations, self.last_opens_ns(isolations), strict=True):
            if last_ns > DEAD_MAN_NS:
                self._broken("I11", f"{isolation.account} has opened {last_ns // MS_NS} ms after it was cut off")

    # stores, starts, the end

    def check_audits(self, state: Path, nodes: list[str]) -> None:
        """Every store is as it was written, its chain of audit records whole."""
        for node in nodes:
            try:
                bad = verify(state / f"{node}.db").bad
            except MeshError as error:
                bad = str(error)
            if bad:
                self._broken("audit", f"{node}: {bad}")

    def check_seconds(self, seconds: list[Ended]) -> None:
        """I8: the second copy of a node or a worker ends with 75; it may run on only where the first has gone."""
        for ended in seconds:
            if ended.code != IN_USE and not (ended.code is None and ended.was_free):
                self._broken("I8", f"a second copy of {ended.words}, not {IN_USE}")

    def check_up(self, code: int | None, output: str, summary: dict[str, object], stuck: list[str]) -> None:
        """After Ctrl-C `mesh up` ends with 0, or with 1 where something stayed down, which is told as stuck. None: it did not end."""
        if code == 0 or (code == FAILED and stuck):
            return
        said = {key: summary.get(key) for key in ("problem", "down")}
        ended = f"ended {code}, not 0" if code is not None else "had not ended a minute after Ctrl-C"
        self._broken("exit", f"`mesh up` {ended}; its summary says {said}; it printed at last: {output[-OUTPUT_CHARS:]}")

    def check_ends(self, exits: dict[str, int], folder: Path) -> None:
        """No process ends by a bug: by a signal that nobody sent, or with a traceback."""
        for how, count in exits.items():
            if "terminated by" in how and "SIGKILL" not in how:
                self._broken("crash", f"{count}x {how}")
        for path in sorted(folder.glob("*.out*")):
            text = path.read_text(encoding="utf-8", errors="replace")
            for word in BUG_WORDS:
                if word in text:
                    at = text.index(word)
                    self._broken("crash", f"{path.name}: {text[max(0, at - 200) : at + 2_000]}")
                    break

    def check_end(self, stuck: list[str]) -> None:
        """L1: all settles once faults stop."""
        for words in stuck:
            self._broken("L1", words)

    def story(self, line: Line) -> str:
        """What all books say of a line."""
        record = line.record
        words = [
            f"{record.action} {record.leg} {record.oid.hex()} of {line.decision.record.signal.sid} at {record.account}, {record.symbol}, "
            f"e={record.e} n={record.n} k={record.k}, {line.code} f={line.f} {line.detail}".strip()
        ]
        if len(self.found) >= STORIES_MAX:
            return words[0]
        for outcome in self.books.outcomes.get(record.account, {}).values():
            if outcome.oid == record.oid:
                told = f"{outcome.code} {lots(outcome.volume_e8)} attempt={outcome.attempt} {outcome.detail}"
                words.append(f"local f={outcome.f} {told}".strip())
        for number, magic in self.books.attempts_of(record.oid, record.account):
            sent = self.books.sent.get((record.account, magic))
            if sent is not None:
                answered = [f"{row['ts']} retcode={row['retcode']} deal={row['deal']} error={row['error']}" for row in sent.answers]
                words.append(f"broker attempt {number} taken {sent.taken_count}x, answered {answered}")
        deals = [deal for deal in self.books.deals.get(record.account, []) if self._is_of(deal.magic, record.account, record.oid)]
        words += [f"deal {deal.ticket} {lots(deal.volume_e8)} at position {deal.position_id}" for deal in deals]
        return "; ".join(words)

    def _is_of(self, magic: int, account: str, oid: bytes) -> bool:
        attempt = self.books.attempts.get((account, magic))
        return attempt is not None and attempt.oid == oid
