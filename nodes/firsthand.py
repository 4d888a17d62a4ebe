"""Stops as they come from people: scopes that this mesh does not have are refused, and who sends bad ones again and again is not heard.

Between nodes a scope is not looked at, for their configurations may differ for a while, and a stop that one of them has must reach all.
"""

from mesh.bounded import keep
from mesh.config import Config
from mesh.errors import BadFrame
from mesh.keyring import BAD_SCOPE, Refusal
from mesh.killset import item_of
from mesh.messages.control import Entry
from nodes.stops import Result, Stops

STRIKES_MAX = 10
"""Refused stops after which a connection is not heard any more."""
PEERS_MAX = 1_024


class Strikes:
    """Refused stops by connection."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, peer: int) -> None:
        """One more."""
        keep(self._counts, peer, self._counts.get(peer, 0) + 1, PEERS_MAX)

    def is_out(self, peer: int) -> bool:
        """Whether a connection has had its share: each signature costs a tenth of a millisecond to look at."""
        return self._counts.get(peer, 0) >= STRIKES_MAX

    def lost(self, peer: int) -> None:
        """The connection is gone."""
        self._counts.pop(peer, None)


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
