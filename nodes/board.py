"""What a router keeps for frontends, and publishes: a whole snapshot each second, one frame an item, and events at once.

Every item says how old it is. Attaching a hundred frontends changes nothing for the trading path.
"""

from collections import deque

from mesh.codec import encode
from mesh.config import Config
from mesh.core import Send
from mesh.links import FRONT
from mesh.liveness import DEAD, Liveness
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import Msg
from mesh.messages.control import Latched
from mesh.messages.health import FrontEvent, LocalSeen, NodeHealth, Snapshot
from mesh.messages.outcomes import DealReport, Outcome
from mesh.units import MS_NS

NEWEST_COUNT = 40
"""Outcomes and deals told again in each snapshot."""


class Board:
    """The newest of everything one router has heard."""

    def __init__(self, name: str, config: Config, life: int) -> None:
        self._name = name
        self._life = life
        self._number = 0
        timers = config.settings.timers
        self._states: dict[str, tuple[int, AccountState]] = {}
        self._symbols: dict[str, tuple[int, AccountSymbols]] = {}
        self._healths: dict[str, tuple[int, NodeHealth]] = {}
        self._latched: dict[str, tuple[int, Latched]] = {}
        self._outcomes: deque[tuple[int, Outcome]] = deque(maxlen=NEWEST_COUNT)
        self._deals: deque[tuple[int, DealReport]] = deque(maxlen=NEWEST_COUNT)
        self._nodes = {account: config.local_of(account) for account in config.account}
        mine = [account for account, node in self._nodes.items() if name in config.routers_of(node)]
        self.locals = {account: Liveness(timers.state_ms * MS_NS) for account in mine}
        """The locals that know this router, by account."""

    def state(self, state: AccountState, now_ns: int) -> bool:
        """Keep a state; False where a newer one of the same life is here."""
        known = self._states.get(state.account)
        if known is not None and known[1].life == state.life and known[1].number > state.number:
            return False
        self._states[state.account] = (now_ns, state)
        self.heard(state.account, now_ns)
        return True

    def heard(self, account: str, now_ns: int) -> None:
        """A local said something."""
        liveness = self.locals.get(account)
        if liveness is not None:
            liveness.heard(now_ns)

    def symbols(self, symbols: AccountSymbols, now_ns: int) -> None:
        """Keep what an account trades."""
        self._symbols[symbols.account] = (now_ns, symbols)

    def health(self, health: NodeHealth, now_ns: int) -> None:
        """Keep how a node is."""
        self._healths[health.node] = (now_ns, health)

    def latched(self, latched: Latched, now_ns: int) -> Send:
        """Keep a local's word about the stops, and tell it at once."""
        self._latched[latched.account] = (now_ns, latched)
        return self._event(latched)

    def outcome(self, outcome: Outcome, now_ns: int) -> list[Send]:
        """Keep an outcome and tell it at once; a repeat is not told again."""
        if any(known.account == outcome.account and known.f == outcome.f for _, known in self._outcomes):
            return []
        self._outcomes.append((now_ns, outcome))
        return [self._event(outcome)]

    def deal(self, deal: DealReport, now_ns: int) -> Send:
        """Keep a deal and tell it at once."""
        self._deals.append((now_ns, deal))
        return self._event(deal)

    def _event(self, item: Msg) -> Send:
        return Send(FRONT, 0, FrontEvent(self._name, encode(item)))

    def publish(self, homed: dict[str, int], stops: list[bytes], now_ns: int) -> list[Send]:
        """A whole snapshot; ``homed``: accounts that take their orders from here."""
        kept: list[tuple[int, Msg]] = []
        for table in (self._healths, self._states, self._symbols, self._latched):
            kept += table.values()
        kept += [*self._outcomes, *self._deals]
        items = [(now_ns - at_ns, encode(item)) for at_ns, item in kept]
        items += [(0, encode(self._seen(account, homed, now_ns))) for account in self.locals]
        items += [(0, raw) for raw in stops]
        self._number += 1
        return [
            Send(FRONT, 0, Snapshot(self._name, self._life, self._number, index, len(items), max(0, age_ns) // MS_NS, raw))
            for index, (age_ns, raw) in enumerate(items)
        ]

    def _seen(self, account: str, homed: dict[str, int], now_ns: int) -> LocalSeen:
        liveness = self.locals[account]
        age_ns = liveness.age_ns(now_ns)
        state = self._states.get(account)
        return LocalSeen(
            account=account,
            node=self._nodes[account],
            state=liveness.state(now_ns) if age_ns is not None else DEAD,
            homed=account in homed,
            age_ms=(age_ns or 0) // MS_NS,
            latched=state[1].ladder if state is not None else "ACTIVE",
        )
