"""What the faults of one call do to it: what is switched off, whether it is executed, and what its caller is told."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mesh.faults import FaultSection
from mesh.units import MS_NS, NEVER
from nodes.terminal import names
from nodes.terminal.account import Account
from nodes.terminal.lasterror import ERRORS, RECEIVE_FAILED, SEND_FAILED, Error
from nodes.terminal.records import DEAL, HISTORY_ORDER, ORDER, POSITION, Change, OrderResult, TradeRequest
from nodes.terminal.retcodes import TEXTS
from nodes.terminal.session import API_OFF, DISCONNECTED, DOWN, SWITCHED, TRADE_STOPPED, Late, Session

_OUTAGES = {
    "disconnect": DISCONNECTED,
    "stop_trading": TRADE_STOPPED,
    "disable_api": API_OFF,
    "switch_account": SWITCHED,
    "restart": DOWN,
}
_LOST: dict[str, Error] = {"restart": RECEIVE_FAILED, "lose_request": RECEIVE_FAILED, "send_failed": SEND_FAILED}
"""Kinds after which nothing was executed, with what the caller sees of them."""
_HIDDEN = {
    "all": (POSITION, ORDER, HISTORY_ORDER, DEAL),
    "positions": (POSITION, ORDER),
    "history": (HISTORY_ORDER, DEAL),
}
_COMMENT_KEPT = 26
"""What brokers have been seen to leave of a comment."""


class Mishap:
    """The faults of one call, as it goes; a call without any has no mishap."""

    __slots__ = ("_before", "_faults", "_now_ns", "_session")

    def __init__(self, faults: tuple[FaultSection, ...], session: Session, now_ns: int) -> None:
        self._faults = faults
        self._session = session
        self._now_ns = now_ns
        self._before: dict[str, dict[Any, Any]] = {}
        for fault in faults:
            outage = _OUTAGES.get(fault.kind)
            if outage is not None:
                session.switch(outage, now_ns, now_ns + fault.for_ms * MS_NS if fault.for_ms else NEVER)
                session.acting_login = fault.to_login or session.acting_login

    @property
    def lost(self) -> Error | None:
        """The error of a call that never reached the terminal."""
        for fault in self._faults:
            if fault.kind in _LOST:
                return _LOST[fault.kind]
        return None

    @property
    def refusal(self) -> int | None:
        """The retcode of an order that is not executed."""
        for fault in self._faults:
            if not fault.executed and fault.kind == "retcode":
                return fault.retcode
            if not fault.executed and fault.kind in ("hang", "error"):
                return names.TRADE_RETCODE_TIMEOUT
        return None

    @property
    def placed_ns(self) -> int:
        """When a deal that is only placed now will be filled; 0: it is filled at once."""
        for fault in self._faults:
            if fault.kind == "place":
                return self._now_ns + fault.for_ms * MS_NS
        return 0

    def request(self, request: TradeRequest) -> TradeRequest:
        """The request as the broker takes it."""
        for fault in self._faults:
            if fault.kind == "rewrite_comment":
                request = msgspec.structs.replace(request, comment=fault.comment or request.comment[:_COMMENT_KEPT])
            elif fault.kind == "drop_magic" and request.position:
                request = msgspec.structs.replace(request, magic=0)
        return request

    def look(self, account: Account) -> None:
        """Keep the books as they are before an order, where what it does to them is to be seen late."""
        if any(fault.kind == "hide" for fault in self._faults):
            self._before = {POSITION: dict(account.positions), ORDER: dict(account.orders)}

    def done(self, result: OrderResult, changes: Sequence[Change]) -> OrderResult:
        """The result of an executed order as its caller is told; what it changed is hidden where it is to be."""
        for fault in self._faults:
            if fault.kind == "hide":
                self._session.hide(self._late(changes, fault), self._now_ns)
            elif fault.kind == "no_deal":
                result = msgspec.structs.replace(result, deal=0)
            elif fault.kind == "retcode" and fault.executed:
                result = OrderResult(fault.retcode, comment=TEXTS.get(fault.retcode, ""), request_id=result.request_id)
        return result

    def _late(self, changes: Sequence[Change], fault: FaultSection) -> list[Late]:
        shown_ns = self._now_ns + fault.for_ms * MS_NS
        return [
            Late(change.kind, change.login, change.key, self._before.get(change.kind, {}).get(change.key), shown_ns)
            for change in changes
            if change.kind in _HIDDEN[fault.of]
        ]

    @property
    def error(self) -> Error | None:
        """What the caller of a call that was answered sees instead of the answer."""
        for fault in self._faults:
            if fault.kind == "lose_reply":
                return RECEIVE_FAILED
            if fault.kind == "error":
                return ERRORS[fault.error]
        return None

    @property
    def late_ns(self) -> int:
        """How much later the answer comes; ``NEVER`` for never."""
        late_ns = 0
        for fault in self._faults:
            if fault.kind == "hang":
                late_ns = max(late_ns, fault.for_ms * MS_NS if fault.for_ms else NEVER)
        return late_ns
