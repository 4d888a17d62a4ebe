"""The broker's own record of each ``order_send`` (``broker.record``): what was asked and what was answered, beside all other books."""

from typing import Any

import msgspec

from mesh.core import Emit
from mesh.events import ORDER_SEND
from nodes.amounts import decimal_of
from nodes.terminal.records import OrderResult
from nodes.terminal.service import Answer, RequestRow

TAKEN, ANSWERED = "taken", "answered"
NOTHING_DONE = OrderResult(0)
"""In the place of a result where the caller was given none."""


class SendRecord:
    """Lines that wait for the next commit."""

    def __init__(self) -> None:
        self._lines: list[Emit] = []

    def taken(self, login: int, args: list[Any], market_ns: int, now_ns: int) -> None:
        """A call came at ``now_ns`` of the host's monotonic clock; it is executed at ``market_ns`` at the earliest."""
        self._add(login, args, market_ns, {"step": TAKEN, "clock_ns": str(now_ns)})

    def answered(self, login: int, args: list[Any], answer: Answer, market_ns: int) -> None:
        """A call was executed or refused."""
        result = OrderResult(*answer.value[: len(OrderResult.__struct_fields__)]) if answer.value is not None else NOTHING_DONE
        told = {
            "step": ANSWERED,
            "retcode": result.retcode,
            "deal": str(result.deal),
            "order": str(result.order),
            "filled": decimal_of(result.volume_e8),
            "price": decimal_of(result.price_e8),
            "error": answer.error[0],
        }
        self._add(login, args, market_ns, told)

    def lines(self) -> tuple[Emit, ...]:
        """All since the last call."""
        lines, self._lines = tuple(self._lines), []
        return lines

    def _add(self, login: int, args: list[Any], market_ns: int, told: dict[str, Any]) -> None:
        try:
            row = msgspec.convert(args, RequestRow)
        except msgspec.ValidationError:
            return  # no order, and refused as such
        asked = {
            "login": login,
            "magic": str(row.magic),
            "action": row.action,
            "type": row.type,
            "symbol": row.symbol,
            "position": str(row.position),
            "volume": decimal_of(row.volume_e8),
        }
        self._lines.append(Emit(market_ns, "", ORDER_SEND, told | asked))
