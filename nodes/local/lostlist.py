"""What a local knows of orders nobody knows the result of: its part of the operator's list (``mesh unknown``)."""

from mesh.core import Effect, Send
from mesh.messages.control import Command, LostOrder
from mesh.messages.orders import CLOSE
from mesh.units import MS_NS
from nodes import codes
from nodes.local.attempts import OrderRecord, rest_e8
from nodes.local.jobs import Job, Jobs
from nodes.local.state import LocalState
from nodes.lostparts import WORDS_MAX, parts_of


def lost_orders(command: Command, link: str, state: LocalState, jobs: Jobs, now_ns: int) -> list[Effect]:
    """The answer to ``unknown``: what is looked for now, then what was not found and may still turn up, the newest last."""
    orders = [_looked_for(job, state, now_ns) for job in jobs.unknown()]
    orders += [_not_found(record) for record in state.late.watched() if not record.unrun]
    return [Send(link, 0, part) for part in parts_of(command.id, state.name, state.account, state.book.market_ns, orders)]


def _looked_for(job: Job, state: LocalState, now_ns: int) -> LostOrder:
    record = job.record
    settle_ms = state.timer_section.unknown_settle_ms
    window = f"absent_ms={(now_ns - job.settling_ns) // MS_NS} of={settle_ms}" if job.settling_ns else f"window_ms={settle_ms}"
    line = f"line={codes.NOT_FOUND}" if record.not_found_ns else ""
    words = (job.seen or window, f"lost_attempts={','.join(map(str, record.lost))}", line, record.detail)
    return _told(record, codes.UNKNOWN, record.lost_ns, " ".join(filter(None, words)), True, job)


def _not_found(record: OrderRecord) -> LostOrder:
    return _told(record, codes.NOT_FOUND, record.not_found_ns, record.detail, False)


def _told(record: OrderRecord, code: str, since_ns: int, detail: str, blocks: bool, job: Job | None = None) -> LostOrder:
    return LostOrder(
        oid=record.oid,
        sid=record.sid,
        strategy=record.strategy,
        leg=record.leg,
        action=record.action,
        symbol=record.symbol,
        side=record.side,
        volume_e8=rest_e8(record) if record.action == CLOSE else record.volume_e8,
        code=code,
        attempt=record.attempt,
        since_ns=since_ns,
        detail=detail[:WORDS_MAX],
        blocks=blocks,
        look_count=job.look_count if job is not None else 0,
        looked_ns=job.looked_ns if job is not None else 0,
    )
