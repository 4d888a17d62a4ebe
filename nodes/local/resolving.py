"""``mesh resolve``: an operator says what became of an attempt whose result nobody heard. Nothing is sent to the venue for it but reads.

EXECUTED is believed only of a ticket that the venue's books bear out (``evidence``); then the order ends with their numbers. NOT
EXECUTED is his word: an open ends NOT_FOUND and is watched as after any NOT_FOUND, a close goes on with its next attempt. Both are
durable before they are answered, kept in the audit with who and why, and told beside the lines as an act of cause RESOLVE.
"""

from collections.abc import Callable, Sequence

import msgspec

from mesh.answercodes import BAD_COMMAND, BAD_STATE, BUSY, NOT_PROVEN, NOT_READY, PREVIEW
from mesh.core import Effect, Note, Put, Send
from mesh.ids import oid_of
from mesh.messages.base import NO_OID
from mesh.messages.control import REASON_MAX, Command, CommandAnswer
from mesh.messages.orders import CLOSE, OPEN
from mesh.messages.venue import VenueFound, VenueRead, VenueState
from mesh.units import MS_NS, text_from_e8
from nodes import codes
from nodes.local.attempts import UNKNOWN, OrderRecord
from nodes.local.commandlog import RUN, CommandLog, CommandRecord, answer_of
from nodes.local.desk import Desk
from nodes.local.endings import ALREADY_CLOSED, Endings
from nodes.local.evidence import Statement, books_from_ns, evidence_of
from nodes.local.inspection import Inspection
from nodes.local.jobs import Job
from nodes.local.state import LocalState


class Lookup:
    """An errand: one account is read, then ``then`` goes on; ``lost`` says that the venue is gone."""

    def __init__(
        self, command_id: bytes, books: Inspection, then: Callable[[int], list[Effect]], lost: Callable[[str], list[Effect]]
    ) -> None:
        self.command_id = command_id
        self._books = books
        self._then = then
        self._lost = lost

    def request(self, call: int) -> VenueRead:
        """The next page."""
        return self._books.request(call)

    def take(self, answer: VenueState | VenueFound, now_ns: int) -> tuple[bool, list[Effect]]:
        """A page."""
        assert isinstance(answer, VenueState), "only states were asked for"
        return (True, self._then(now_ns)) if self._books.take(answer) else (False, [])

    def lost(self, reason: str, _now_ns: int) -> list[Effect]:
        """The venue is gone."""
        return self._lost(reason)


class Resolving:
    """Resolves of one account."""

    def __init__(self, state: LocalState, desk: Desk, log: CommandLog) -> None:
        self._state = state
        self._desk = desk
        self._log = log
        self._endings = Endings(state)

    def on_command(self, command: Command, link: str, now_ns: int) -> list[Effect]:
        """An operator's word about one order's attempt."""
        if command.oid == NO_OID or not command.reason.strip():
            return self._refuse(command, link, BAD_COMMAND, "which order (oid) and why (reason) are needed")
        if objection := self._objection(command):
            return self._again(command, link) or self._refuse(command, link, BAD_STATE, objection)
        if not command.ticket:
            return self._not_executed(command, link, now_ns)
        if not self._state.is_attached:
            return self._refuse(command, link, NOT_READY, self._state.refused or "the terminal is not attached")
        if self._desk.errand is not None:
            return self._refuse(command, link, BUSY, "another resolve or reconcile of this account is under way: try again")
        record = self._record(command.oid)
        assert record is not None, "what there is no objection to is in hand, or watched"
        books = Inspection(self._state.book, books_from_ns(record, self._state.openings))
        self._desk.errand = Lookup(
            command.id,
            books,
            lambda read_ns: self._looked_up(command, link, books, read_ns),
            lambda reason: self._refuse(command, link, NOT_READY, f"the terminal was lost: {reason}"),
        )
        return []

    # which order

    def _record(self, oid: bytes) -> OrderRecord | None:
        """The order it is about, in hand or watched."""
        job = self._desk.jobs.get(oid)
        return job.record if job is not None else self._state.late.get(oid)

    def _objection(self, command: Command) -> str:
        """Why it cannot be resolved so: the state it is in; empty where it can."""
        state, job = self._state, self._desk.jobs.get(command.oid)
        if job is None and state.late.is_watched(command.oid):
            return "" if command.ticket else f"state={codes.NOT_FOUND}: as not executed it has ended already"
        if job is None:
            code = state.reports.known_code(command.oid)
            return f"state=ENDED code={code}: `mesh why {command.oid.hex()}` tells how" if code else "state=NONE: no such order here"
        record = job.record
        if record.state != UNKNOWN:
            return f"state={record.state}: only what is UNKNOWN can be resolved"
        if record.action not in (OPEN, CLOSE):
            return f"action={record.action}: what it has set is read again, it settles by itself"
        if command.attempt not in (0, record.attempt):
            return f"attempt={record.attempt} is {record.state}, the word is about attempt {command.attempt}"
        if command.ticket:
            return ""
        if record.is_gone:
            return f"{ALREADY_CLOSED}: no attempt follows, it ends by itself once it is known whether a lost one did it"
        if record.not_found_ns:
            return f"line={codes.NOT_FOUND} and its mark was seen at the venue: `executed TICKET` ends it"
        # what another life saw live is live until a look shows otherwise
        seen = job.seen or (f"resting={record.resting_ticket}" if record.resting_ticket and not job.find_count else "")
        return f"{seen}: its mark is at the venue" if seen else ""

    def _again(self, command: Command, link: str) -> list[Effect]:
        """What was answered where the same was said before, once that is durable."""
        known = self._log.resolved(command)
        if known is None:
            return []
        answers = [msgspec.structs.replace(answer, id=command.id) for answer in self._log.answers(known)]
        if not answers:
            return self._refuse(command, link, BUSY, f"{known.id.hex()} said the same and is being written down: try again")
        return [Send(link, 0, answer) for answer in answers]

    # what is done

    def _not_executed(self, command: Command, link: str, now_ns: int) -> list[Effect]:
        job = self._desk.jobs.get(command.oid)
        assert job is not None, "only what is UNKNOWN can be resolved so"
        record = job.record
        if record.action == CLOSE and (early := self._early(job, now_ns)):
            return self._refuse(command, link, NOT_READY, f"looks={job.look_count} counted={job.find_count}: {early}, try again")
        code = codes.NOT_FOUND if record.action == OPEN else codes.WORKING
        if command.dry_run:
            follows = "it is watched, FILLED_LATE tells if it turns up" if record.action == OPEN else "its next attempt follows"
            return self._preview(command, link, record, code, f"frees={record.symbol}: {follows}")
        how = f"resolved_by={command.operator} said=not_executed reason={command.reason[:REASON_MAX]}"
        answer = answer_of(command, self._state.account, code, how, symbol=record.symbol)
        return self._do(command, link, record, answer, lambda rows: self._desk.lost.not_executed(job, now_ns, how, rows), now_ns)

    def _early(self, job: Job, now_ns: int) -> str:
        """Until when nobody can know that a close did nothing: one that did would be made again; empty where he may."""
        if not job.find_count or self._desk.is_looking_for(job):
            return "once a look has shown that it is not there"
        visible_ms = self._state.timer_section.visible_ms
        if not self._state.openings.is_hedging and now_ns - job.settling_ns < visible_ms * MS_NS:
            # no position is gone that would refuse it: it would take lots that are not its own
            return f"once looks have shown for {visible_ms} ms that it is not there"
        return ""

    def _looked_up(self, command: Command, link: str, books: Inspection, now_ns: int) -> list[Effect]:
        """The books are read: does the ticket bear the word out."""
        if objection := self._objection(command):
            return self._again(command, link) or self._refuse(command, link, BAD_STATE, f"meanwhile {objection}")
        record = self._record(command.oid)
        assert record is not None, "what there is no objection to is in hand, or watched"
        found = evidence_of(record, command.ticket, Statement(books.positions, books.deals), self._state.openings, self._state.account)
        if isinstance(found, str):
            words = found if books.state.connected else f"{found}; the terminal does not see its server now"
            return self._refuse(command, link, NOT_PROVEN, words)
        how = f"found=by_ticket ticket={command.ticket} resolved_by={command.operator} reason={command.reason[:REASON_MAX]}"
        code = self._desk.lost.code_after(record, found)
        if command.dry_run:
            price = text_from_e8(found.price_e8)
            words = f"order={found.order_ticket} deal={found.deal_ticket} position={found.position_ticket} price={price}"
            return self._preview(command, link, record, code, words, found)
        answer = self._numbered(answer_of(command, self._state.account, code, how, symbol=record.symbol), found)
        job = self._desk.jobs.get(command.oid)
        revival: list[Put] = []
        if job is None:
            job, revival = self._desk.lost.revived(record, now_ns)
        return self._do(command, link, record, answer, self._ending(job, found, how, revival, now_ns), now_ns)

    def _ending(
        self, job: Job, found: VenueFound, how: str, revival: list[Put], now_ns: int
    ) -> Callable[[Sequence[Put]], list[Effect]]:
        return lambda rows: self._desk.lost.executed(job, found, now_ns, how, [*revival, *rows])

    def _do(
        self,
        command: Command,
        link: str,
        record: OrderRecord,
        answer: CommandAnswer,
        act: Callable[[Sequence[Put]], list[Effect]],
        now_ns: int,
    ) -> list[Effect]:
        """What it leads to together with the command's own row; the act beside the lines; the answer once all is durable."""
        state = self._state
        kept = CommandRecord(command.id, [record.oid], [answer], command)
        rows = self._log.keep(kept, link)
        told = {"oid": record.oid.hex(), "attempt": record.attempt, "ticket": command.ticket, "by": command.operator}
        effects: list[Effect] = [Note("warning", "attempt_resolved", told | {"code": answer.code, "reason": command.reason})]
        effects += act(rows)
        outcome = self._endings.outcome(record, answer.code, answer.detail, True)
        # its oid is no word of the client's: a client that calls a command as an order to come is called must not end that order
        outcome = msgspec.structs.replace(
            outcome,
            oid=oid_of(state.config.settings.mesh.id, RUN, state.account, command.id.hex(), record.strategy, command.verb),
            sid=f"{record.sid}/{codes.RESOLVE}"[:160],
            cause=codes.RESOLVE,
            volume_e8=0,
            price_e8=0,
            profit_e8=0,
        )
        effects += state.report(outcome, [], now_ns)
        return [*effects, state.commits.make([], lambda _: [*self._log.durable(kept)])]

    # answers

    def _numbered(self, answer: CommandAnswer, found: VenueFound) -> CommandAnswer:
        return msgspec.structs.replace(answer, ticket=found.position_ticket, volume_e8=found.volume_e8, price_e8=found.price_e8)

    def _preview(
        self, command: Command, link: str, record: OrderRecord, code: str, words: str, found: VenueFound | None = None
    ) -> list[Effect]:
        detail = f"attempt={record.attempt} would_be={code} {words}"
        answer = answer_of(command, self._state.account, PREVIEW, detail, symbol=record.symbol)
        return [Send(link, 0, self._numbered(answer, found) if found is not None else answer)]

    def _refuse(self, command: Command, link: str, code: str, detail: str) -> list[Effect]:
        return [Send(link, 0, answer_of(command, self._state.account, code, detail))]
