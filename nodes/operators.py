"""Operators at a control socket, of a router or a master: who said hello, and the stops that people bring.

A stop's signature is its right, so that it is taken of whoever brings it; but scopes that this mesh does not have are refused, and of who
brings bad ones again and again few are looked at. Between nodes a scope is not looked at, for their configurations may differ for a
while, and a stop that one of them has must reach all.
"""

from collections.abc import Collection

from mesh.bounded import keep
from mesh.budget import Budget
from mesh.config import Config
from mesh.core import Effect, Envelope, Send
from mesh.counters import Counters
from mesh.errors import BadFrame
from mesh.hello import refused, version_refusal
from mesh.keyring import BAD_SCOPE, Refusal
from mesh.killset import item_of
from mesh.links import CONTROL
from mesh.messages.control import ControlWelcome, Drill, Entry, OperatorHello
from nodes.envelopes import message_of, raw_of
from nodes.stops import Result, Stops

OPERATORS_MAX = 256
"""Connections remembered; the oldest is forgotten and says hello again."""
REFUSED_BURST = 10
REFUSED_PER_S = 1
"""Refused stops of one connection that are looked at, each at the price of a signature (a tenth of a millisecond). What a connection says
beyond is not heard, be it good: it is heard again a second later, and a stop is said until it is answered.
"""
PEERS_MAX = 8_192
"""Connections whose refused stops are counted: as many as a socket has."""


class Operators:
    """Those of one node."""

    def __init__(self, name: str, role: str, life: int, config: Config, stops: Stops, counters: Counters) -> None:
        self._name = name
        self._role = role
        self._life = life
        self._config = config
        self._stops = stops
        self._counters = counters
        self._names: dict[int, str] = {}
        self._refused: dict[int, Budget] = {}
        """Budgets of connections that have brought a bad stop."""

    @property
    def peers(self) -> Collection[int]:
        """The connections of those who said hello."""
        return self._names

    def on_hello(self, envelope: Envelope, accounts: list[str]) -> list[Effect]:
        """One is there; he is told which accounts this node serves."""
        hello = message_of(envelope, OperatorHello)
        if why := version_refusal(hello.version):
            return [refused(self._counters, hello.operator, why)]
        keep(self._names, envelope.peer, hello.operator, OPERATORS_MAX)
        digest = self._stops.killset.digest
        return [Send(CONTROL, envelope.peer, ControlWelcome(self._name, self._role, self._life, accounts[:1024], digest))]

    def lost(self, peer: int) -> None:
        """A connection is gone."""
        self._names.pop(peer, None)
        self._refused.pop(peer, None)

    def is_there(self, envelope: Envelope) -> bool:
        """Whether the sender is an operator who said hello."""
        return envelope.link == CONTROL and envelope.peer in self._names

    def take(self, envelope: Envelope, now_ns: int) -> Result | None:
        """Take the entry or undo he brings; None where he is not heard for now."""
        if not self._heard(envelope.peer, now_ns):
            return None
        return self._counted(self._taken(raw_of(envelope), now_ns), envelope.peer, now_ns)

    def drill(self, envelope: Envelope, now_ns: int) -> Result | None:
        """Look at the entry of his drill as at any other; None where he is not heard for now."""
        if not self._heard(envelope.peer, now_ns):
            return None
        signed = message_of(envelope, Drill).signed
        return self._counted(self._stops.drilled_untrusted(signed, now_ns, is_first=True), envelope.peer, now_ns)

    def _heard(self, peer: int, now_ns: int) -> bool:
        budget = self._refused.get(peer)
        return budget is None or budget.has(now_ns)

    def _counted(self, result: Result, peer: int, now_ns: int) -> Result:
        if result.is_refused:
            budget = self._refused.get(peer) or Budget(REFUSED_PER_S, REFUSED_BURST)
            keep(self._refused, peer, budget, PEERS_MAX)
            budget.take(now_ns)
        return result

    def _taken(self, raw: bytes, now_ns: int) -> Result:
        """Take it, unless its scope names an account or a strategy that this mesh does not have."""
        try:
            key, item = item_of(raw)
        except BadFrame:
            return self._stops.take_untrusted(raw, now_ns, is_first=True)
        if isinstance(item, Entry) and key not in self._stops.killset:
            kind, _, name = item.scope.partition(":")
            known = {"account": list(self._config.account), "strategy": list(self._config.strategy)}.get(kind)
            if known is not None and name not in known:
                why = Refusal(BAD_SCOPE, f"scope={item.scope}: there is no such {kind}")
                return self._stops.refuse(raw, key, why, now_ns, is_kept=False)  # a node may bring it
        return self._stops.take_untrusted(raw, now_ns, is_first=True)
