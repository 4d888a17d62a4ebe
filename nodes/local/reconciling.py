"""``mesh reconcile``: an account is read at once, every lost attempt looked for again, and what is written down held against the venue.

Attempts that are UNKNOWN are looked for first, as at any time; then each open that ended NOT_FOUND is looked for once, without blocking
its symbol; last all deals are read since the oldest opening that is kept. Trading goes on meanwhile: what was written down when that
reading began is held against what its last page shows. Nothing is sent to the venue for it but reads.
"""

from mesh.answercodes import AGREES, BUSY, DIFFERS, NOT_CONNECTED, NOT_READY, TURNED_UP
from mesh.core import Commit, Effect, Send
from mesh.messages.control import Command
from mesh.messages.orders import CLOSE
from mesh.messages.venue import VenueFind, VenueFound, VenueRead, VenueState
from mesh.units import DAY_NS
from nodes import codes
from nodes.local.attempts import UNKNOWN, OrderRecord
from nodes.local.bookcheck import PREFIX_BYTES, Finding, closed_lots, findings_of
from nodes.local.commandlog import answer_of
from nodes.local.desk import Desk
from nodes.local.evidence import Statement
from nodes.local.inspection import Inspection
from nodes.local.jobs import Job
from nodes.local.openings import CLOCKS_NS
from nodes.local.state import LocalState

LOOKED_MAX = 64
"""Opens that ended NOT_FOUND and are looked for once more, the newest."""
FINDINGS_MAX = 200
"""Findings that are told."""


class Reconciling:
    """Reconciles of one account."""

    def __init__(self, state: LocalState, desk: Desk) -> None:
        self._state = state
        self._desk = desk

    def on_command(self, command: Command, link: str, now_ns: int) -> list[Effect]:
        """An operator wants to know whether all agrees."""
        state, desk = self._state, self._desk
        if desk.errand is not None:
            return [Send(link, 0, answer_of(command, state.account, BUSY, "another resolve or reconcile of this account is under way"))]
        reckoning = Reckoning(command, link, state, desk)
        if not state.is_attached:
            return reckoning.lost(state.refused or "the terminal is not attached", now_ns)
        for job in desk.jobs.unknown():
            job.ready_ns = now_ns
        desk.errand = reckoning
        return []


class Reckoning:
    """One of them: an errand at the worker, then its answers."""

    def __init__(self, command: Command, link: str, state: LocalState, desk: Desk) -> None:
        self.command_id = command.id
        self._command = command
        self._link = link
        self._state = state
        self._desk = desk
        self._was_unknown = [job.record for job in desk.jobs.unknown()]
        self._looks = [(job, job.look_count + 1) for job in desk.jobs.unknown() if not job.record.unrun]
        """The look each of them is waited for; what waits for leave is not."""
        decided_ns = [opening.record.decided_ns for opening in state.openings.known() if opening.record.decided_ns]
        self._books = Inspection(state.book, min([state.book.market_ns - DAY_NS, *decided_ns]) - CLOCKS_NS)
        self._closed_e8: dict[bytes, int] | None = None
        """By opening, what was closed of it when the reading of deals began; None before."""
        self._to_find = state.late.watched()[-LOOKED_MAX:]
        self._looked_count = 0
        self._findings: list[Finding] = []

    # what the desk asks

    def request(self, call: int) -> VenueRead | VenueFind | None:
        """Once what is UNKNOWN was looked for: open after open, then page after page."""
        if not all(self._is_looked_for(job, look_count) for job, look_count in self._looks):
            return None
        if self._to_find:
            record = self._to_find[-1]
            return self._desk.lost.find(record, call)
        if self._closed_e8 is None:
            self._closed_e8 = closed_lots(self._state.openings, self._state.reports.durable_f)
        return self._books.request(call)

    def _is_looked_for(self, job: Job, look_count: int) -> bool:
        """Whether an attempt that was UNKNOWN was looked for so often, or needs it no more."""
        is_unknown = self._desk.jobs.get(job.record.oid) is job and job.record.state == UNKNOWN
        return not is_unknown or job.look_count >= look_count

    def take(self, answer: VenueState | VenueFound, now_ns: int) -> tuple[bool, list[Effect]]:
        """A page, or what a look showed; the last page is the last of it."""
        if isinstance(answer, VenueFound):
            return False, self._looked(self._to_find.pop(), answer, now_ns)
        if not self._books.take(answer):
            return False, []
        return True, self._told()

    def lost(self, reason: str, _now_ns: int) -> list[Effect]:
        """Without the venue: the state as it was when it was read last."""
        book = self._state.book
        was = f"positions={len(book.positions)} unknown={len(self._desk.jobs.unknown())} as of market_ns={book.market_ns}"
        findings = [self._became(record) for record in self._was_unknown]
        return self._answers(findings, NOT_READY, f"{was}: {reason}")

    # what is made of it

    def _looked(self, record: OrderRecord, found: VenueFound, now_ns: int) -> list[Effect]:
        """An open that ended NOT_FOUND was looked for: where something shows it is taken in hand again, as any that turns up."""
        self._looked_count += 1
        if not (found.hits or found.resting_ticket) or not self._state.late.is_watched(record.oid):
            return []
        _, puts = self._desk.lost.revived(record, now_ns)
        words = f"{record.oid.hex()} had ended {codes.NOT_FOUND} and is at the venue: {codes.FILLED_LATE} tells what it did"
        ticket = found.position_ticket or found.order_ticket or found.resting_ticket
        self._findings.append(Finding(TURNED_UP, words, ticket, record.symbol, found.volume_e8, found.price_e8))
        return [Commit(0, tuple(puts))]

    def _told(self) -> list[Effect]:
        state, books = self._state, self._books
        assert self._closed_e8 is not None, "the deals were read"
        statement = Statement(books.positions, books.deals)
        findings = [*map(self._became, self._was_unknown), *self._findings]
        findings += findings_of(statement, state.openings, self._closed_e8, self._executed())
        if not books.state.connected or books.state.is_partial:
            why = "it shows only some positions or orders" if books.state.connected else "the terminal does not see its server"
            findings.append(Finding(NOT_CONNECTED, f"{why}: what is not shown proves nothing"))
        counts = f"deals={len(books.deals)} positions={len(books.positions)} orders={len(books.orders)}"
        known = f"openings={len(state.openings.known())} unknown={len(self._desk.jobs.unknown())}"
        is_agreed = all(finding.agrees for finding in findings)
        return self._answers(findings, AGREES if is_agreed else DIFFERS, f"{counts} {known} not_found_looked_for={self._looked_count}")

    def _executed(self) -> dict[bytes, bool]:
        """By the first bytes of its oid, whether an order known here did something; of one in hand nobody can say."""
        reports = self._state.reports
        known = {oid[:PREFIX_BYTES]: is_executed for oid, is_executed in reports.ended()}
        return known | {job.record.oid[:PREFIX_BYTES]: True for job in self._desk.jobs}

    def _became(self, record: OrderRecord) -> Finding:
        """What became of an order that was UNKNOWN when the command came: it ended, it still is, or it goes on."""
        job = self._desk.jobs.get(record.oid)
        if job is None:
            code, detail = self._state.reports.known_code(record.oid), f"was {UNKNOWN}"
        else:
            code, detail = codes.UNKNOWN if job.record.state == UNKNOWN else codes.WORKING, job.record.detail
        volume_e8 = record.goal_e8 if record.action == CLOSE else record.volume_e8
        words = f"{record.oid.hex()} {record.action} {detail}"
        return Finding(code, words, 0, record.symbol, volume_e8, agrees=code != codes.UNKNOWN)

    def _answers(self, findings: list[Finding], code: str, summary: str) -> list[Effect]:
        told = [
            answer_of(
                self._command, self._state.account, item.code, item.detail, ticket=item.ticket, symbol=item.symbol,
                volume_e8=item.volume_e8, price_e8=item.price_e8, last=False,
            )
            for item in findings[:FINDINGS_MAX]
        ]  # fmt: skip
        words = f"{summary} findings={len(findings)} told={len(told)}"
        last = answer_of(self._command, self._state.account, code, words)
        return [Send(self._link, 0, answer) for answer in [*told, last]]
