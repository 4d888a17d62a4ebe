"""From the rows of a store to a master that goes on: a new epoch, no opening sent twice, no close forgotten.

Recovery path = start path: an empty store is recovered too. Openings of older epochs are UNCONFIRMED until their local has
listed what it knows. Closes are numbered anew under their old oid and published with the new epoch.
"""

import msgspec

from mesh.codec import RECORD_BYTES_MAX, decode_record_untrusted, encode
from mesh.core import Put
from mesh.messages.orders import CLOSE
from mesh.units import SECOND_NS
from nodes.codes import UNCONFIRMED
from nodes.decisions import (
    DECISION,
    END,
    PUBLISHED,
    SID,
    TOTALS,
    Decision,
    DecisionRecord,
    EndRecord,
    LineRecord,
    TotalsRecord,
    end_key,
)
from nodes.master.account import ACCOUNT, AccountRecord
from nodes.master.state import EPOCH, RATE, EpochRecord, MasterState, RateRecord
from nodes.stops import KILL_ITEM

Rows = list[tuple[str, bytes, bytes]]
LIFE_BITS = 20
"""Of an epoch: enough to tell two lives apart, and the number stays below 2^53 for another 200 years."""


def recovered(state: MasterState, rows: Rows, now_ns: int) -> tuple[list[Put], list[Decision]]:
    """Fill an empty state from its store and begin the next epoch.

    Returns the rows that make the epoch durable, and decisions with closes to be published once they are.
    """
    of_kind: dict[str, list[tuple[bytes, bytes]]] = {}
    for kind, key, record in rows:
        of_kind.setdefault(kind, []).append((key, record))
    older = [decode_record_untrusted(record, EpochRecord).e for _, record in of_kind.get(EPOCH, ())]
    state.wall.start(now_ns)
    epoch = epoch_after(older, state.wall.at(now_ns), state.life)
    state.begin(epoch, now_ns, bool(older))
    for key, _ in of_kind.get(SID, ()):
        state.answered.put(key)
    for _, record in of_kind.get(KILL_ITEM, ()):
        state.stops.restore(record)
    for key, record in of_kind.get(ACCOUNT, ()):
        account = state.accounts.get(key.decode())
        if account is not None:
            account.restore(decode_record_untrusted(record, AccountRecord))
    _restore_rates(state, of_kind.get(RATE, []))
    for _, record in of_kind.get(TOTALS, ()):
        state.ledger.restore(decode_record_untrusted(record, TotalsRecord))
    decisions = _live_decisions(of_kind, state)
    puts = [Put(EPOCH, b"", encode(EpochRecord(epoch, state.life)))]
    again = []
    for decision in decisions:
        if _renumber_closes(state, decision):
            again.append(decision)
            puts.append(Put(DECISION, decision.record.key, encode(decision.record)))
        _take_lines(state, decision)
    return puts, again


def epoch_after(older: list[int], wall_ns: int, life: int) -> int:
    """The epoch of a life: max(stored + 1, unix seconds), and below that bits of the life, drawn at its start.

    So no two masters ever share one, though both began from the same backup in the same second, or one's wall clock went back.
    """
    seconds = max([wall_ns // SECOND_NS, *((e >> LIFE_BITS) + 1 for e in older)])
    return seconds << LIFE_BITS | life & ((1 << LIFE_BITS) - 1)


def _restore_rates(state: MasterState, rows: list[tuple[bytes, bytes]]) -> None:
    for key, raw in sorted(rows):
        record = decode_record_untrusted(raw, RateRecord)
        state.rate_rows.restore(key)
        for order in record.orders:
            account = state.accounts.get(order.account)
            if account is not None:
                account.note_order(order.action, order.strategy, order.symbol, order.side, record.market_ns)


def _live_decisions(of_kind: dict[str, list[tuple[bytes, bytes]]], state: MasterState) -> list[Decision]:
    """Decisions with open lines, oldest first, each line as it was told last."""
    ends = {key: decode_record_untrusted(raw, EndRecord) for key, raw in of_kind.get(END, ())}
    found: list[Decision] = []
    for _, raw in of_kind.get(DECISION, ()):
        decision = Decision(decode_record_untrusted(raw, DecisionRecord, RECORD_BYTES_MAX))
        for line in decision.lines:
            end = ends.get(end_key(line.record))
            if end is not None:
                line.code, line.detail, line.f, line.outcome = end.code, end.detail, end.f, end.outcome
                account = state.accounts.get(line.record.account)
                line.heard = account is not None and line.record.e > account.unsure_e  # a store that is gone may have told it
            elif line.record.code == PUBLISHED and line.record.action != CLOSE:
                line.code = UNCONFIRMED
        decision.open_count = sum(line.is_open for line in decision.lines)
        found.append(decision)
    found.sort(key=lambda decision: _first_numbers(decision.record))
    return found


def _first_numbers(record: DecisionRecord) -> tuple[int, int, int, bytes]:
    """The order in which decisions were made: by epoch and number, whatever clock a life had."""
    sent = [(line.e, line.n) for line in record.lines if line.n]
    e, n = min(sent, default=(0, 0))
    return e, n, record.stamp_in_ns, record.key


def _renumber_closes(state: MasterState, decision: Decision) -> bool:
    """Give the open closes of a decision numbers of this epoch; whether there were any."""
    closes = [line.record for line in decision.lines if line.is_open and line.record.action == CLOSE]
    closes = [record for record in closes if record.account in state.accounts]
    if not closes:
        return False
    numbered = {end_key(record): record for record in state.log.renumbered(closes, state.accounts)}
    lines: list[LineRecord] = []
    for line in decision.lines:
        line.record = numbered.get(end_key(line.record), line.record)
        lines.append(line.record)
    decision.record = msgspec.structs.replace(decision.record, lines=lines)
    return True


def _take_lines(state: MasterState, decision: Decision) -> None:
    state.ledger.keep(decision)
    for line in decision.lines:
        account = state.accounts.get(line.record.account)
        if account is not None and line.is_open:
            account.unseen[(line.record.oid, line.record.leg)] = line
