"""Which request of its kind each one is, so that chance tells apart what one magic sends again and again.

What goes wrong with a request, how long it takes and how it slips is drawn from what it is, never from when it comes. Most scripts
give all they send one magic: there the turn is what differs. The first turn adds nothing to what is drawn from: an order of
the mesh has a magic of its own, and its luck hangs on that alone.
"""

from collections.abc import Iterable
from itertools import chain
from typing import Any

from nodes.terminal import names
from nodes.terminal.account import Account

_DEALS = (names.ORDER_TYPE_BUY, names.ORDER_TYPE_SELL)


def asked_by(args: Any) -> tuple[int, int]:
    """Action and magic of a request as it came; 0 and 0 for what is none."""
    if isinstance(args, list) and len(args) > 1:
        action, magic = args[0], args[1]
        if isinstance(action, int) and isinstance(magic, int):
            return action, magic
    return 0, 0


class Turns:
    """Counts requests by login, action and magic. After a restart those that became orders are known by their orders."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._counts: dict[tuple[int, int, int], int] = {}
        for account in accounts:
            for order in chain(account.history_orders, account.orders.values()):
                if order.reason == names.ORDER_REASON_EXPERT:
                    self.take(account.login, [_action_of(order.type), order.magic])

    def take(self, login: int, args: Any) -> int:
        """The how many-th of its kind a request is that has come, from 1."""
        key = login, *asked_by(args)
        turn = self._counts[key] = self._counts.get(key, 0) + 1
        return turn

    def next(self, login: int, action: int, magic: int) -> int:
        """The turn that the next such request will have."""
        return self._counts.get((login, action, magic), 0) + 1


def _action_of(order_type: int) -> int:
    """What was asked for that made an order of this type."""
    if order_type in _DEALS:
        return names.TRADE_ACTION_DEAL
    return names.TRADE_ACTION_CLOSE_BY if order_type == names.ORDER_TYPE_CLOSE_BY else names.TRADE_ACTION_PENDING
