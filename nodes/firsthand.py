"""Stops as they come from people: scopes that this mesh does not have are refused, and who sends bad ones again and again is heard seldom.

Between nodes a scope is not looked at, for their configurations may differ for a while, and a stop that one of them has must reach all.
"""

from mesh.bounded import keep
from mesh.budget import Budget
from mesh.config import Config
from mesh.errors import BadFrame
from mesh.keyring import BAD_SCOPE, Refusal
from mesh.killset import item_of
from mesh.messages.control import Entry
from nodes.stops import Result, Stops

STRIKES_BURST = 10
STRIKES_PER_S = 1
"""Refused stops of one connection that are looked at, each at the price of a signature (a tenth of a millisecond). What a connection says
beyond is not heard, be it good: it is heard again a second later, and a stop is said until it is answered.
"""
PEERS_MAX = 1_024


class Strikes:
    """Refused stops by connection."""

    def __init__(self) -> None:
        self._budgets: dict[int, Budget] = {}

    def add(self, peer: int, now_ns: int) -> None:
        """One more."""
        budget = self._budgets.get(peer) or Budget(STRIKES_PER_S, STRIKES_BURST)
        keep(self._budgets, peer, budget, PEERS_MAX)
        budget.take(now_ns)

    def is_out(self, peer: int, now_ns: int) -> bool:
        """Whether a connection has had its share for now."""
        budget = self._budgets.get(peer)
        return budget is not None and not budget.has(now_ns)

    def lost(self, peer: int) -> None:
        """The connection is gone."""
        self._budgets.pop(peer, None)


def first_hand(stops: Stops, config: Config, raw: bytes, now_ns: int) -> Result:
    """Take a person's stop, unless its scope names an account or a strategy that this mesh does not have."""
    try:
        key, item = item_of(raw)
    except BadFrame:
        return stops.take_untrusted(raw, now_ns)
    if isinstance(item, Entry) and key not in stops.killset:
        kind, _, name = item.scope.partition(":")
        known = {"account": list(config.account), "strategy": list(config.strategy)}.get(kind)
        if known is not None and name not in known:
            return stops.refuse(raw, key, Refusal(BAD_SCOPE, f"scope={item.scope}: there is no such {kind}"), now_ns)
    return stops.take_untrusted(raw, now_ns)
