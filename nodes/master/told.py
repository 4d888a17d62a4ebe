"""The master's lines of the events file, in the words PROTOCOL.md documents.

They go with the commit of what they tell: events are on disk before the store is, so a crash may repeat a line (``mesh up`` merges
those) but never lose one.
"""

from typing import Any

from mesh import events
from mesh.core import Emit
from mesh.messages.orders import CLOSE
from mesh.messages.outcomes import Outcome
from nodes.amounts import decimal_of
from nodes.decisions import PUBLISHED, Decision, Line
from nodes.master.story import stamps_of, stamps_text


def _line_of(line: Line, stage: int) -> dict[str, Any]:
    record = line.record
    return {
        "kind": events.STAGES[stage],
        "sid": line.decision.record.signal.sid,
        "oid": record.oid.hex(),
        "strategy": record.strategy,
        "leg": record.leg,
        "account": record.account,
    }


def decision_event(line: Line, market_ns: int) -> Emit:
    """One line was decided: PUBLISHED, or the code with which it ended there."""
    record = line.record
    event = _line_of(line, events.DECISION) | {
        "code": record.code,
        "detail": record.detail,
        "action": record.action,
        "symbol": record.symbol,
        "side": record.side,
        "volume": decimal_of(record.volume_e8),
    }
    return Emit(market_ns, line.decision.record.signal.sid, events.DECISION, event)


def order_event(line: Line, market_ns: int) -> Emit:
    """One line goes out to its local under these numbers."""
    record = line.record
    event = _line_of(line, events.ORDER) | {
        "e": str(record.e),
        "n": str(record.n),
        "k": str(record.k),
        "action": record.action,
        "side": record.side,
        "symbol": record.symbol,
        "volume": decimal_of(record.volume_e8),
        "price": decimal_of(record.price_e8),
    }
    return Emit(market_ns, line.decision.record.signal.sid, events.ORDER, event)


def outcome_event(line: Line, market_ns: int) -> Emit:
    """One line ended."""
    outcome: Outcome | None = line.outcome
    record = line.record
    event = _line_of(line, events.OUTCOME) | {
        "code": line.code,
        "detail": line.detail,
        "symbol": record.symbol,
        "side": record.side,
        "volume": decimal_of(outcome.volume_e8 if outcome else 0),
        "price": decimal_of(outcome.price_e8 if outcome else 0),
        "profit": decimal_of(outcome.profit_e8 if outcome else 0),
        "position_ticket": str(outcome.position_ticket) if outcome else "0",
        "retcode": outcome.retcode if outcome else 0,
        "stamps": stamps_text(stamps_of(line.decision.record, line.decision.stamp_out_ns, outcome)),
    }
    ended_ns = outcome.market_ns if outcome and outcome.market_ns else market_ns
    return Emit(ended_ns, line.decision.record.signal.sid, events.OUTCOME, event)


def sent_again(decision: Decision) -> list[Emit]:
    """The closes of an older epoch that go out once more, under their new numbers."""
    closes = [line for line in decision.lines if line.is_open and line.record.action == CLOSE]
    return [order_event(line, decision.record.market_ns) for line in closes]


def act_event(outcome: Outcome) -> Emit:
    """Something was done beside the lines: by a local itself, by a hand, or for a master before this one."""
    event = {
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
    return Emit(outcome.market_ns, outcome.sid, events.ACT, event)


def decided(decision: Decision) -> list[Emit]:
    """A decision: each line, what goes out of it, and what ended with it."""
    lines, market_ns = decision.lines, decision.record.market_ns
    found = [decision_event(line, market_ns) for line in lines]
    found += [order_event(line, market_ns) for line in lines if line.record.code == PUBLISHED]
    found += [outcome_event(line, market_ns) for line in lines if line.record.code != PUBLISHED]
    return found


def risk_event(sid: str, account: str, code: str, detail: str, market_ns: int) -> Emit:
    """No line's event: an account's day was warned of, or broken."""
    event = {"kind": events.STAGES[events.RISK], "sid": sid, "account": account, "code": code, "detail": detail}
    return Emit(market_ns, sid, events.RISK, event)
