"""Rows of a terminal as rows of messages: floats become fixed point, numbers of kinds become words, server time becomes UTC."""

from collections.abc import Callable, Iterable
from typing import Any

from mesh.messages.accounts import PendingOrder, Position
from mesh.messages.base import NO_OID
from mesh.messages.outcomes import DealReport
from mesh.units import e8_from_float
from nodes.io.venuelimits import cut, magic_of
from nodes.terminal import names

KINDS = {
    names.DEAL_TYPE_BUY: "BUY",
    names.DEAL_TYPE_SELL: "SELL",
    names.DEAL_TYPE_BALANCE: "BALANCE",
    names.DEAL_TYPE_CREDIT: "CREDIT",
    names.DEAL_TYPE_CHARGE: "CHARGE",
    names.DEAL_TYPE_CORRECTION: "CORRECTION",
    names.DEAL_TYPE_BONUS: "BONUS",
}
ENTRIES = {
    names.DEAL_ENTRY_IN: "IN",
    names.DEAL_ENTRY_OUT: "OUT",
    names.DEAL_ENTRY_INOUT: "INOUT",
    names.DEAL_ENTRY_OUT_BY: "OUT_BY",
}
CAUSES = {
    names.DEAL_REASON_CLIENT: "CLIENT",
    names.DEAL_REASON_MOBILE: "MOBILE",
    names.DEAL_REASON_WEB: "WEB",
    names.DEAL_REASON_EXPERT: "EXPERT",
    names.DEAL_REASON_SL: "SL",
    names.DEAL_REASON_TP: "TP",
    names.DEAL_REASON_SO: "STOP_OUT",
}

Utc = Callable[[int], int]
"""A time in ms of the server's clock as UTC ns; 0 stays 0."""


def position_of(item: Any, utc: Utc) -> Position:
    """One of ``positions_get``."""
    return Position(
        ticket=item.ticket,
        position_id=item.identifier,
        symbol=item.symbol,
        side=1 if item.type == names.POSITION_TYPE_BUY else -1,
        volume_e8=e8_from_float(item.volume),
        price_open_e8=e8_from_float(item.price_open),
        price_now_e8=e8_from_float(item.price_current),
        sl_e8=e8_from_float(item.sl),
        tp_e8=e8_from_float(item.tp),
        profit_e8=e8_from_float(item.profit),
        swap_e8=e8_from_float(item.swap),
        opened_ns=utc(item.time_msc),
        ours=False,
        magic=magic_of(item),
        comment=cut(item.comment),
    )


class Positions:
    """Positions as they were read last: a row that has not changed is told by what was made of it then, at an eighth of the cost."""

    def __init__(self, utc: Utc) -> None:
        self._utc = utc
        self._known: dict[int, tuple[Any, Position]] = {}
        """By ticket, the row and what it became."""

    def told(self, rows: Iterable[Any]) -> list[Position]:
        """Rows of ``positions_get``, in their order."""
        found = [self._of(row) for row in rows]
        self._known = {position.ticket: (row, position) for row, position in found}
        return [position for _row, position in found]

    def _of(self, row: Any) -> tuple[Any, Position]:
        known = self._known.get(row.ticket)
        return known if known is not None and known[0] == row else (row, position_of(row, self._utc))


def pending_of(item: Any, utc: Utc) -> PendingOrder:
    """One of ``orders_get``."""
    return PendingOrder(
        ticket=item.ticket,
        symbol=item.symbol,
        kind=f"TYPE_{item.type}",
        volume_e8=e8_from_float(item.volume_current),
        price_e8=e8_from_float(item.price_open),
        sl_e8=e8_from_float(item.sl),
        tp_e8=e8_from_float(item.tp),
        expires_ns=utc(item.time_expiration * 1_000),
        ours=False,
        magic=magic_of(item),
    )


def deal_of(deal: Any, account: str, utc: Utc) -> DealReport:
    """One of ``history_deals_get``."""
    return DealReport(
        account=account,
        deal_ticket=deal.ticket,
        order_ticket=deal.order,
        position_id=deal.position_id,
        symbol=deal.symbol,
        kind=KINDS.get(deal.type, f"TYPE_{deal.type}"),
        entry=ENTRIES.get(deal.entry, f"ENTRY_{deal.entry}"),
        cause=CAUSES.get(deal.reason, f"REASON_{deal.reason}"),
        volume_e8=e8_from_float(deal.volume),
        price_e8=e8_from_float(deal.price),
        profit_e8=e8_from_float(deal.profit),
        commission_e8=e8_from_float(deal.commission),
        swap_e8=e8_from_float(deal.swap),
        market_ns=utc(deal.time_msc),
        oid=NO_OID,
        comment=cut(deal.comment),
    )
