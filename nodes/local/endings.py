"""What the answer of the venue makes of an order: the code with which it ends, or that it goes on.

Opens are tried three times at most and only while each answer proves that nothing happened. Closes go on until they are
done, with longer pauses, unless the venue says that it will never take them.
"""

import msgspec

from mesh.backoff import backoff_ns
from mesh.messages.orders import CANCEL, CLOSE, MODIFY, OPEN
from mesh.messages.outcomes import Outcome
from mesh.messages.venue import VenueFound, VenueResult
from mesh.units import MS_NS, text_from_e8
from nodes import codes
from nodes.local.attempts import LEAVE, ORDER, OrderRecord, rest_e8
from nodes.local.jobs import Job
from nodes.local.retcodes import ACCEPTED, BACKOFF, BUG, CHANGED, HALT, PARTIAL, PASSING, RETRY, UNSENT
from nodes.local.state import LocalState
from nodes.terminal import names

TRIES_MAX = 3
"""Attempts of an open, or of a change, that may follow one another."""
PAUSE_DOUBLINGS_MAX = 6
DONE_CODE = {OPEN: codes.FILLED, CLOSE: codes.CLOSED, MODIFY: codes.MODIFIED, CANCEL: codes.CANCELLED}
UNSENT_CODE = {"DEADLINE": codes.EXPIRED, "GRANT": "", "LATCH": "", "NO_QUOTE": "", "TERMINAL": "", "ACCOUNT": ""}
"""First word of an UNSENT's detail → the code an open ends with; empty: it is tried again. Any other word: DENIED."""
UNSENT_ENDS_CLOSE = {"GONE": codes.CLOSED, "VOLUME": codes.DENIED, "FILLING": codes.DENIED}
"""The same for everything that is no open: only what another try cannot change ends it."""


ALREADY_CLOSED = "already=closed"
"""Of a CLOSE that finds nothing left to close."""


class Ending(msgspec.Struct, frozen=True, gc=False):
    """A code with its words, and the venue's numbers where it gave some."""

    code: str
    detail: str
    result: VenueResult | VenueFound | None = None


class Endings:
    """Reads answers for one local."""

    def __init__(self, state: LocalState) -> None:
        self._state = state

    def of_result(self, job: Job, result: VenueResult) -> Ending | None:
        """How an order ends with this answer; None where it goes on."""
        ending = self._of_answer(job, result)
        record = job.record
        if ending is not None and record.action == CLOSE and record.done_e8 and ending.code in (codes.DENIED, codes.REJECTED):
            # what was closed was closed, whatever became of the rest
            words = f"filled={text_from_e8(record.done_e8)} of={text_from_e8(record.goal_e8)}"
            return Ending(codes.PARTIAL, f"{words} rest={ending.code} {ending.detail}", result)
        return ending

    def _of_answer(self, job: Job, result: VenueResult) -> Ending | None:
        record, class_ = job.record, result.class_
        job.is_shut_out = result.retcode == names.TRADE_RETCODE_MARKET_CLOSED
        if class_ in (ACCEPTED, PARTIAL):
            job.try_count = 0
            return self._done(record, result)
        if class_ in (BUG, HALT) and self._passes(record, result):
            job.try_count += 1
            return None
        if class_ in (BUG, HALT):
            return Ending(codes.REJECTED, _retcode_text(result), result)
        if class_ == CHANGED:
            return self._changed(job, result)
        job.try_count += 1
        if class_ == UNSENT:
            return self._unsent(job, result)
        if record.action == CLOSE or job.try_count < TRIES_MAX:
            return None
        return Ending(codes.REJECTED, f"{_retcode_text(result)} attempts={record.attempt}", result)

    @staticmethod
    def _passes(record: OrderRecord, result: VenueResult) -> bool:
        """Whether a refusal is not the last word: a close of the master's does not expire (DESIGN §6.7)."""
        return record.kind == ORDER and record.action == CLOSE and (result.retcode in PASSING or not result.retcode)

    def _done(self, record: OrderRecord, result: VenueResult | VenueFound, found: str = "") -> Ending | None:
        action = record.action
        if action == CLOSE:
            return Ending(codes.CLOSED, found, result) if rest_e8(record) == 0 else None
        if action == OPEN and record.done_e8 < record.volume_e8:
            words = f"filled={text_from_e8(record.done_e8, 2)} of={text_from_e8(record.volume_e8, 2)}"
            return Ending(codes.PARTIAL, f"{words} {found}".strip(), result)
        if action == MODIFY:
            spec = self._state.book.symbols.get(record.symbol)
            digits = spec.digits if spec is not None else 8
            levels = (("sl", record.sl_e8), ("tp", record.tp_e8))
            given = [f"{name}={text_from_e8(level_e8, digits)}" for name, level_e8 in levels if level_e8 != LEAVE]
            found = " ".join([*given, found]).strip()
        return Ending(DONE_CODE[action], found, result)

    def _changed(self, job: Job, result: VenueResult) -> Ending | None:
        record = job.record
        is_gone = result.retcode == names.TRADE_RETCODE_POSITION_CLOSED
        if record.action == CLOSE:
            # a close whose position is gone has reached its goal
            return Ending(codes.CLOSED, ALREADY_CLOSED, result) if is_gone else None
        if record.action in (MODIFY, CANCEL):
            job.try_count += 1
            if is_gone:
                return Ending(codes.SUPERSEDED, "position=closed", result)
            if job.try_count < TRIES_MAX:
                return None
        return Ending(codes.REJECTED, _retcode_text(result), result)

    def _unsent(self, job: Job, result: VenueResult) -> Ending | None:
        word = result.detail.partition(" ")[0]
        code = UNSENT_CODE.get(word, codes.DENIED) if job.record.action == OPEN else UNSENT_ENDS_CLOSE.get(word, "")
        if not code:
            return None
        if code == codes.CLOSED:
            return Ending(code, ALREADY_CLOSED, result)
        if word == "COLLAR":
            price_e8 = job.record.seen_price_e8
            return Ending(code, self._state.caps.collar_detail(result.detail, price_e8, self._state.guard.collar_e8(price_e8)), result)
        detail = f"late {result.detail}" if code == codes.EXPIRED else result.detail
        return Ending(code, detail, result)

    def of_found(self, job: Job, found: VenueFound, how: str = "found=by_magic") -> Ending | None:
        """How an order ends whose lost attempt was found executed; None where there is more to do."""
        record = job.record
        if not record.not_found_ns:
            return self._done(record, found, how)
        late_ms = ((found.market_ns or self._state.book.market_ns) - record.not_found_ns) // MS_NS
        words = f"filled={text_from_e8(record.done_e8, 2)} of={text_from_e8(record.volume_e8, 2)} late_ms={late_ms} {how}"
        return Ending(codes.FILLED_LATE, words, found)

    def ready_ns(self, job: Job, class_: str, now_ns: int, pause_ns: int) -> int:
        """When the next attempt may begin: at once at a fresh price, else after a pause that doubles."""
        if class_ == RETRY and job.try_count < TRIES_MAX:
            return now_ns
        if class_ in (RETRY, BACKOFF, CHANGED, UNSENT, BUG, HALT):
            return now_ns + backoff_ns(pause_ns, max(job.try_count - 1, 0), PAUSE_DOUBLINGS_MAX)
        return now_ns

    def outcome(
        self, record: OrderRecord, code: str, detail: str, final: bool, result: VenueResult | VenueFound | None = None
    ) -> Outcome:
        """The report of an order; its number comes later."""
        state = self._state
        is_position = record.action in (CLOSE, MODIFY)
        position_ticket = record.position_ticket or (record.ref_ticket if is_position else 0)
        order_ticket = deal_ticket = retcode = 0
        if result is not None:
            order_ticket, deal_ticket = result.order_ticket, result.deal_ticket
            position_ticket = result.position_ticket or position_ticket
            if record.action == OPEN and record.done_e8 and not position_ticket:
                position_ticket = result.order_ticket
            retcode = result.retcode if isinstance(result, VenueResult) else 0
        market_ns = result.market_ns if result is not None and result.market_ns else state.book.market_ns
        return Outcome(
            account=state.account,
            life=state.life,
            e=record.e,
            f=0,
            oid=record.oid,
            sid=record.sid,
            strategy=record.strategy,
            leg=record.leg,
            action=record.action,
            code=code,
            final=final,
            cause=record.cause,
            detail=detail[:500],
            symbol=record.symbol,
            side=record.side,
            volume_e8=record.done_e8,
            price_e8=record.price_e8,
            profit_e8=record.profit_e8,
            order_ticket=order_ticket,
            position_ticket=position_ticket,
            deal_ticket=deal_ticket,
            retcode=retcode,
            attempt=record.attempt,
            market_ns=market_ns,
            stamps=record.stamps,
        )


def _retcode_text(result: VenueResult) -> str:
    words = [f"retcode={result.retcode}", result.detail, result.last_error]
    return " ".join(word for word in words if word)
