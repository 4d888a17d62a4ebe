"""What the master believes of lines nobody knows the result of, for ``mesh unknown``: beside what the locals know, and in their absence.

UNCONFIRMED is its own word: a line whose local is silent past its time. UNKNOWN and NOT_FOUND are as the local told them last.
"""

from mesh.core import Effect, Send
from mesh.links import CONTROL
from mesh.messages.control import UNKNOWN_VERB, Command, LostOrder, LostOrders
from mesh.messages.orders import OPEN
from nodes import codes
from nodes.decisions import Line
from nodes.lostparts import WORDS_MAX, parts_of
from nodes.master.state import MasterState


def believed(state: MasterState, command: Command, peer: int) -> list[Effect]:
    """The answer to ``unknown``, account by account; nothing to any other command: those are for the locals."""
    if command.verb != UNKNOWN_VERB:
        return []
    by_account: dict[str, list[LostOrder]] = {account: [] for account in state.accounts if command.scope in ("all", f"account:{account}")}
    ledger = state.ledger
    for decision in (*ledger.live.values(), *ledger.recent.values()):
        for line in decision.lines:
            if line.code in (codes.UNKNOWN, codes.UNCONFIRMED, codes.NOT_FOUND) and line.record.account in by_account:
                by_account[line.record.account].append(_told(line))
    market_ns = state.clock.market_ns
    parts: list[LostOrders] = []
    for account, orders in by_account.items():
        parts += parts_of(command.id, state.name, account, market_ns, orders)
    return [Send(CONTROL, peer, part) for part in parts]


def _told(line: Line) -> LostOrder:
    record, outcome = line.record, line.outcome
    return LostOrder(
        oid=record.oid,
        sid=line.decision.record.signal.sid,
        strategy=record.strategy,
        leg=record.leg,
        action=record.action,
        symbol=record.symbol,
        side=record.side,
        volume_e8=record.volume_e8 if record.action == OPEN else record.closes_e8,
        code=line.code,
        attempt=outcome.attempt if outcome is not None else 0,
        since_ns=outcome.market_ns if outcome is not None else line.decision.record.market_ns,
        detail=line.detail[:WORDS_MAX],
        blocks=line.code == codes.UNKNOWN,
        look_count=0,
        looked_ns=0,
    )
