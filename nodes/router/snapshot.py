"""What a router publishes for frontends: the last of everything, one frame an item, once a second in small slices.

Frontends are one more subscriber: nothing is asked of them and nothing kept for them. Items are kept as the bytes in which they
came. A snapshot is spread over some time, so that publishing it never stands long before an order.
"""

from collections import deque
from collections.abc import Callable

from mesh.bounded import keep
from mesh.codec import encode
from mesh.config import Config
from mesh.core import Effect, Envelope, Send
from mesh.counters import Counters
from mesh.links import FRONT
from mesh.liveness import Liveness
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.control import ACTIVE, Latched
from mesh.messages.health import FrontEvent, LocalSeen, NodeHealth, Snapshot
from mesh.messages.outcomes import DealReport, Outcome
from mesh.units import MS_NS, SECOND_NS
from nodes.envelopes import raw_of
from nodes.router.localpeers import LocalPeers

SNAPSHOT_NS = SECOND_NS
SPEAKS_NS = 2 * SECOND_NS
"""A node that has spoken for itself so lately is not down, whoever says so."""
SLICE_COUNT = 16
"""Frames published at a time …"""
SLICE_NS = 5 * MS_NS
"""… and the time between two slices."""
SLICES_MAX = 100
"""A large snapshot is out after so many slices, half a second: with a thousand locals each slice has more frames."""
NEWEST_MAX = 50
"""Outcomes, and deals, of a snapshot; each was an event of its own when it came."""
ITEM_BYTES_MAX = 32_000

Item = tuple[bytes, int]
"""An encoded message, and when it came."""


class FrontView:
    """The last of everything one router heard. ``stops``: raw entries and undos, to be shown."""

    def __init__(
        self,
        name: str,
        life: int,
        config: Config,
        peers: LocalPeers,
        stops: Callable[[], list[bytes]],
        counters: Counters,
    ) -> None:
        self._name = name
        self._life = life
        self._config = config
        self._peers = peers
        self._stops = stops
        self._counters = counters
        self._states: dict[str, tuple[AccountState, Item]] = {}
        self._symbols: dict[str, Item] = {}
        self._latched: dict[str, tuple[str, Item]] = {}
        self._nodes: dict[str, Item] = {}
        self._spoke_ns: dict[str, int] = {}
        """When a node spoke for itself last."""
        self._outcomes: dict[tuple[str, int], Item] = {}
        self._deals: dict[tuple[str, int], Item] = {}
        health_ns = config.settings.timers.health_ms * MS_NS
        self._node_liveness = {node: Liveness(health_ns) for node in config.node}
        self._id = 0
        self._pending: deque[Item] = deque()
        self._count = 0

    # what came

    def state(self, envelope: Envelope, message: AccountState, now_ns: int) -> bool:
        """Keep a state if it is newer by number; whether it was."""
        known = self._states.get(message.account)
        if known is not None and known[0].life == message.life and known[0].number >= message.number:
            return False
        self._states[message.account] = (message, (raw_of(envelope), now_ns))
        return True

    def symbols(self, envelope: Envelope, message: AccountSymbols, now_ns: int) -> None:
        """Keep an account's symbols."""
        self._symbols[message.account] = (raw_of(envelope), now_ns)

    def health(self, envelope: Envelope, message: NodeHealth, now_ns: int) -> bool:
        """Keep a node's health; False for a node that is not of this configuration."""
        if message.node not in self._node_liveness:
            return False
        if message.pid:
            self._spoke_ns[message.node] = now_ns
        elif now_ns - self._spoke_ns.get(message.node, -SPEAKS_NS) < SPEAKS_NS:
            return True  # a listener says that it is down, and it speaks for itself: somewhere else, or started by hand
        self._node_liveness[message.node].heard(now_ns)
        self._nodes[message.node] = (raw_of(envelope), now_ns)
        return True

    def outcome(self, envelope: Envelope, message: Outcome, now_ns: int) -> list[Effect]:
        """An outcome, for frontends at once; a repeat of one they have seen is not told again."""
        return self._event(self._outcomes, (message.account, message.f), raw_of(envelope), now_ns)

    def deal(self, envelope: Envelope, message: DealReport, now_ns: int) -> list[Effect]:
        """A deal, likewise."""
        return self._event(self._deals, (message.account, message.deal_ticket), raw_of(envelope), now_ns)

    def _event(self, table: dict[tuple[str, int], Item], key: tuple[str, int], raw: bytes, now_ns: int) -> list[Effect]:
        if key in table:
            return []
        keep(table, key, (raw, now_ns), NEWEST_MAX)
        return [self.told(raw)]

    def latched(self, envelope: Envelope, message: Latched, now_ns: int) -> bool:
        """A local holds stops; whether it says anything new: it says it again and again."""
        raw = raw_of(envelope)
        before = self._latched.get(message.account)
        self._latched[message.account] = (message.level, (raw, now_ns))
        return before is None or before[1][0] != raw

    def told(self, raw: bytes) -> Effect:
        """Something that just happened, as an event."""
        return Send(FRONT, 0, FrontEvent(self._name, raw))

    # what is published

    def seen(self, account: str, now_ns: int) -> LocalSeen:
        """This router's view of one local."""
        liveness = self._peers.liveness[account]
        age_ns = liveness.age_ns(now_ns)
        return LocalSeen(
            account=account,
            node=self._config.local_of(account),
            state=liveness.state(now_ns),
            homed=self._peers.is_home(account),
            age_ms=0 if age_ns is None else age_ns // MS_NS,
            latched=self._latched[account][0] if account in self._latched else ACTIVE,
        )

    def seen_event(self, account: str, now_ns: int) -> Effect:
        """The same at once, because it changed."""
        return self.told(encode(self.seen(account, now_ns)))

    def begin(self, now_ns: int) -> None:
        """A new snapshot."""
        self._id += 1
        items: list[Item] = [(encode(self.seen(account, now_ns)), now_ns) for account in self._peers.liveness]
        items += self._nodes.values()
        items += (item for _, item in self._states.values())
        items += self._symbols.values()
        items += ((raw, now_ns) for raw in self._stops())
        items += (item for _, item in self._latched.values())
        items += (*self._outcomes.values(), *self._deals.values())
        self._pending = deque(item for item in items if len(item[0]) <= ITEM_BYTES_MAX)
        self._count = len(self._pending)
        if self._count < len(items):
            self._counters.add("too_long_item_count", len(items) - self._count)

    def slice(self, now_ns: int) -> list[Effect]:
        """The next frames of the snapshot."""
        effects: list[Effect] = []
        count_max = max(SLICE_COUNT, self._count // SLICES_MAX)
        while self._pending and len(effects) < count_max:
            raw, at_ns = self._pending.popleft()
            index = self._count - len(self._pending) - 1
            age_ms = (now_ns - at_ns) // MS_NS
            effects.append(Send(FRONT, 0, Snapshot(self._name, self._life, self._id, index, self._count, age_ms, raw)))
        return effects

    @property
    def is_publishing(self) -> bool:
        """Whether the snapshot is not out yet."""
        return bool(self._pending)
