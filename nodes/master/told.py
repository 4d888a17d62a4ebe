"""The master's lines of the events file, in the words PROTOCOL.md documents.

They go with the commit of what they tell: events are on disk before the store is, so a crash may repeat a line (``mesh up`` merges
those) but never lose one.
"""

from functools import partial
from typing import Any

from mesh import events
from mesh.core import Emit
from mesh.messages.orders import CLOSE
from mesh.messages.outcomes import Outcome
from nodes.amounts import decimal_of
from nodes.decisions import PUBLISHED, Decision, DecisionRecord, Line, LineRecord
from nodes.master.story import stamps_of, stamps_text


def _line_of(record: LineRecord, sid: str, stage: int) -> dict[str, Any]:
    return {
        "kind": events.STAGES[stage],
        "sid": sid,
        "oid": record.oid.hex(),
        "strategy": record.strategy,
        "leg": record.leg,
        "account": record.account,
    }


def _decision_words(record: LineRecord, sid: str) -> dict[str, Any]:
    """One line was decided: PUBLISHED, or the code with which it ended there."""
    return _line_of(record, sid, events.DECISION) | {
        "code": record.code,
        "detail": record.detail,
        "action": record.action,
        "symbol": record.symbol,
        "side": record.side,
        "volume": decimal_of(record.volume_e8),
    }


def order_event(record: LineRecord, sid: str, market_ns: int) -> Emit:
    """One line goes out to its local under these numbers."""
    return Emit(market_ns, sid, events.ORDER, partial(_order_words, record, sid))


def _order_words(record: LineRecord, sid: str) -> dict[str, Any]:
    return _line_of(record, sid, events.ORDER) | {
        "e": str(record.e),
        "n": str(record.n),
        "k": str(record.k),
        "action": record.action,
        "side": record.side,
        "symbol": record.symbol,
        "volume": decimal_of(record.volume_e8),
        "price": decimal_of(record.price_e8),
    }


def outcome_event(line: Line, market_ns: int) -> Emit:
    """One line ended."""
    outcome, sid = line.outcome, line.decision.record.signal.sid
    words = partial(_outcome_words, line.record, line.decision.record, line.code, line.detail, line.decision.stamp_out_ns, outcome)
    ended_ns = outcome.market_ns if outcome and outcome.market_ns else market_ns
    return Emit(ended_ns, sid, events.OUTCOME, words)


def _outcome_words(
    record: LineRecord, decision: DecisionRecord, code: str, detail: str, stamp_out_ns: int, outcome: Outcome | None
) -> dict[str, Any]:
    return _line_of(record, decision.signal.sid, events.OUTCOME) | {
        "code": code,
        "detail": detail,
        "symbol": record.symbol,
        "side": record.side,
        "volume": decimal_of(outcome.volume_e8 if outcome else 0),
        "price": decimal_of(outcome.price_e8 if outcome else 0),
        "profit": decimal_of(outcome.profit_e8 if outcome else 0),
        "position_ticket": str(outcome.position_ticket) if outcome else "0",
        "retcode": outcome.retcode if outcome else 0,
        "stamps": stamps_text(stamps_of(decision, stamp_out_ns, outcome)),
    }


def sent_again(decision: Decision) -> list[Emit]:
    """The closes of an older epoch that go out once more, under their new numbers."""
    closes = [line.record for line in decision.lines if line.is_open and line.record.action == CLOSE]
    sid, market_ns = decision.record.signal.sid, decision.record.market_ns
    return [order_event(record, sid, market_ns) for record in closes]


def act_event(outcome: Outcome) -> Emit:
    """Something was done beside the lines: by a local itself, by a hand, or for a master before this one."""
    return Emit(outcome.market_ns, outcome.sid, events.ACT, partial(_act_words, outcome))


def _act_words(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": events.STAGES[events.ACT],
        "sid": outcome.sid,
        "oid": outcome.oid.hex(),
        "strategy": outcome.strategy,
        "account": outcome.account,
        "cause": outcome.cause,
        "action": outcome.action,
        "code": outcome.code,
        "detail": outcome.detail,
        "symbol": outcome.symbol,
        "side": outcome.side,
        "volume": decimal_of(outcome.volume_e8),
        "price": decimal_of(outcome.price_e8),
        "profit": decimal_of(outcome.profit_e8),
        "position_ticket": str(outcome.position_ticket),
        "retcode": outcome.retcode,
    }


def decided(decision: Decision) -> list[Emit]:
    """A decision: each line, what goes out of it, and what ended with it."""
    records, sid, market_ns = decision.record.lines, decision.record.signal.sid, decision.record.market_ns
    found = [Emit(market_ns, sid, events.DECISION, partial(_decision_words, record, sid)) for record in records]
    found += [order_event(record, sid, market_ns) for record in records if record.code == PUBLISHED]
    if decision.open_count < len(records):
        found += [outcome_event(line, market_ns) for line in decision.lines if line.record.code != PUBLISHED]
    return found


def risk_event(sid: str, account: str, code: str, detail: str, market_ns: int) -> Emit:
    """No line's event: an account's day was warned of, or broken."""
    event = {"kind": events.STAGES[events.RISK], "sid": sid, "account": account, "code": code, "detail": detail}
    return Emit(market_ns, sid, events.RISK, event)
