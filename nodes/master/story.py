"""What happened to a signal, told as one JSON document: the signal, what was decided, each line with its numbers and stamps.

For ``mesh why``. 64-bit integers, times and prices are text; codes are the wire's own words.
"""

from typing import Any

import msgspec

from mesh.messages.control import WhyAnswer
from mesh.messages.orders import OPEN
from mesh.messages.outcomes import Outcome, Stamps
from mesh.messages.signals import Signal
from mesh.units import text_from_e8
from nodes.decisions import ArchiveRecord, Decision, DecisionRecord, EndRecord, LineRecord

PART_BYTES = 30_000
"""Of one answer: a frame holds 64 KB, an old console may hold less."""


def amount_text(value_e8: int) -> str:
    """A decimal without needless zeros."""
    return text_from_e8(value_e8).rstrip("0").rstrip(".")


def stamps_of(record: DecisionRecord, out_ns: int, outcome: Outcome | None) -> Stamps:
    """The stamps the local sent back, or as far as the master knows them."""
    if outcome is not None:
        return outcome.stamps
    return Stamps(signal_ns=record.signal.stamp_ns, master_in_ns=record.stamp_in_ns, master_out_ns=out_ns)


def stamps_text(stamps: Stamps) -> dict[str, str]:
    """The eight stamps as text, for JSON."""
    return {name: str(value) for name, value in msgspec.structs.asdict(stamps).items()}


def of_live(decision: Decision) -> dict[str, Any]:
    """The story of a decision in memory."""
    ends = [EndRecord(line.code, line.detail, line.f, line.outcome) for line in decision.lines]
    return _story(decision.record, ends, decision.stamp_out_ns)


def of_archived(archived: ArchiveRecord) -> dict[str, Any]:
    """The story of a decision from the archive."""
    return _story(archived.decision, archived.ends, 0)


def of_pruned(sid: str, answer: str) -> dict[str, Any]:
    """What is known for ever of a decision that was pruned: that its signal was decided. The rest is in the audit."""
    return {"format": 1, "sid": sid, "answer": answer, "pruned": True, "lines": []}


def _story(record: DecisionRecord, ends: list[EndRecord], out_ns: int) -> dict[str, Any]:
    return {
        "format": 1,
        "sid": record.signal.sid,
        "answer": "ACCEPTED",
        "signal": _signal(record.signal),
        "decision": {
            "market_ns": str(record.market_ns),
            "stamp_in_ns": str(record.stamp_in_ns),
            "line_count": len(record.lines),
            "published_count": sum(line.n > 0 for line in record.lines),
        },
        "lines": [
            _line(line, end, stamps_of(record, out_ns if line.n else 0, end.outcome))
            for line, end in zip(record.lines, ends, strict=True)
        ],
    }


def _signal(signal: Signal) -> dict[str, Any]:
    told = {
        "source": signal.source,
        "kind": signal.kind,
        "symbol": signal.symbol,
        "timeframe": signal.timeframe,
        "ts_event_ns": str(signal.ts_event_ns),
        "stamp_ns": str(signal.stamp_ns),
    }
    if signal.period:
        told["period"] = str(signal.period)
        told["level"] = amount_text(signal.level_e8)
        told["value"] = amount_text(signal.value_e8)
    if signal.close_e8:
        told["close"] = amount_text(signal.close_e8)
    if signal.accounts:
        told["side"] = {1: "buy", -1: "sell"}.get(signal.side, "close")
        told["accounts"] = ", ".join(signal.accounts)
    return told


def _line(line: LineRecord, end: EndRecord, stamps: Stamps) -> dict[str, Any]:
    outcome = end.outcome
    told: dict[str, Any] = {
        "account": line.account,
        "strategy": line.strategy,
        "leg": line.leg,
        "action": line.action,
        "code": end.code,
        "detail": end.detail,
        "oid": line.oid.hex(),
        "symbol": line.symbol,
        "side": line.side,
        "volume": amount_text(outcome.volume_e8 if outcome else line.volume_e8),
        "price": amount_text(outcome.price_e8 if outcome else line.price_e8),
        "decided": {
            "volume": amount_text(line.volume_e8),
            "price": amount_text(line.price_e8),
            "sl_distance": amount_text(line.sl_distance_e8),
            "tp_distance": amount_text(line.tp_distance_e8),
        },
        "e": str(line.e),
        "n": str(line.n),
        "k": str(line.k),
        "stamps": stamps_text(stamps),
    }
    if line.ref_ticket or any(line.ref_oid):
        told["closes"] = {"oid": line.ref_oid.hex(), "ticket": str(line.ref_ticket)}
    if outcome is not None:
        told |= {
            "profit": amount_text(outcome.profit_e8),
            "retcode": outcome.retcode,
            "attempt": outcome.attempt,
            "order_ticket": str(outcome.order_ticket),
            "position_ticket": str(outcome.position_ticket),
            "deal_ticket": str(outcome.deal_ticket),
            "market_ns": str(outcome.market_ns),
            "f": str(outcome.f),
        }
    return told


def act_told(outcome: Outcome) -> dict[str, Any]:
    """What a local did with a position, by itself or for an operator (``cause`` MANUAL, the operator's name in ``sid``)."""
    return {
        "sid": outcome.sid,
        "account": outcome.account,
        "cause": outcome.cause,
        "action": outcome.action,
        "code": outcome.code,
        "detail": outcome.detail,
        "oid": outcome.oid.hex(),
        "volume": amount_text(outcome.volume_e8),
        "price": amount_text(outcome.price_e8),
        "profit": amount_text(outcome.profit_e8),
        "retcode": outcome.retcode,
        "position_ticket": str(outcome.position_ticket),
        "market_ns": str(outcome.market_ns),
        "f": str(outcome.f),
    }


def positions_of(story: dict[str, Any]) -> dict[str, list[str]]:
    """Account → tickets of the positions the lines of a story opened there."""
    found: dict[str, list[str]] = {}
    for line in story["lines"]:
        if line["action"] == OPEN and line.get("position_ticket", "0") != "0":
            found.setdefault(line["account"], []).append(line["position_ticket"])
    return found


def answers(story: dict[str, Any] | None, nonce: int) -> list[WhyAnswer]:
    """A story in parts of at most 30 KB; one empty part where there is none."""
    raw = msgspec.json.encode(story) if story else b""
    parts = [raw[start : start + PART_BYTES] for start in range(0, len(raw), PART_BYTES)] or [b""]
    return [WhyAnswer(nonce, index, len(parts), part) for index, part in enumerate(parts)]
