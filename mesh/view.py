"""What a frontend knows: a pure reducer from a router's snapshots and events to the newest of everything, with its age.

Shared by the command line and the console. A number is never shown without how old it is: ages are kept as the local
monotonic time at which the thing was true at the router (received there), so they grow by themselves.
"""

import msgspec

from mesh.bounded import keep
from mesh.codec import decode_untrusted
from mesh.errors import BadFrame
from mesh.killset import item_of
from mesh.liveness import liveness_of
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import Msg
from mesh.messages.control import Activation, Latched, Revision, Signed, StopItem
from mesh.messages.health import FrontEvent, LocalSeen, NodeHealth, Snapshot
from mesh.messages.outcomes import DealReport, Outcome
from mesh.phases import DOWN_PHASES
from mesh.stopset import shown
from mesh.units import MS_NS

OUTCOMES_MAX = 2_000
DEALS_MAX = 2_000
FRESH_NS = 1_800 * MS_NS
"""What is told each half second and shown by a snapshot each second is up to one and a half old in good times, and a little, …"""
LATE_NS = 3_600 * MS_NS
"""… and is late up to twice that."""
DOWN = "down"


def freshness(age_ns: int) -> str:
    """``fresh``, ``late`` or ``dead`` for what a frontend shows."""
    return liveness_of(age_ns, FRESH_NS, LATE_NS)


def node_state(health: NodeHealth, age_ns: int) -> str:
    """The same of a node; ``down`` where its supervisor's listener tells that it is: fresh would be that word alone, not the node."""
    word = freshness(age_ns)
    return DOWN if health.phase in DOWN_PHASES and word != "dead" else word


class Told(msgspec.Struct, frozen=True, gc=False):
    """One item of a router's snapshot, or of its events. ``at_ns``: when the router received it, by the clock of who reads it.

    ``item`` None: bytes that are no message this version knows.
    """

    router: str
    at_ns: int
    item: Msg | None
    raw: bytes


def told_of(message: Msg, now_ns: int) -> Told | None:
    """What a message of a FRONT link tells; None where it is none of that link."""
    if isinstance(message, Snapshot):
        at_ns = now_ns - message.age_ms * MS_NS
    elif isinstance(message, FrontEvent):
        at_ns = now_ns
    else:
        return None
    try:
        item = decode_untrusted(message.item)
    except BadFrame:
        item = None
    return Told(message.router, at_ns, item, message.item)


class SnapshotTally:
    """When the last frame of each router's newest whole snapshot came: before that nobody knows what is not there."""

    def __init__(self) -> None:
        self.whole_ns: dict[str, int] = {}
        self._count: dict[str, tuple[tuple[int, int], int]] = {}
        """Router → its life and the snapshot that is coming in, and how many of its frames have come."""

    def take(self, frame: Snapshot, now_ns: int) -> None:
        """One frame."""
        key = frame.life, frame.id
        known, count = self._count.get(frame.router, (key, 0))
        count = count + 1 if known == key else 1
        self._count[frame.router] = key, count
        if count >= frame.count:
            self.whole_ns[frame.router] = now_ns

    def is_seeing(self, now_ns: int) -> bool:
        """Whether a whole snapshot of some router is fresh."""
        return any(now_ns - at_ns <= FRESH_NS for at_ns in self.whole_ns.values())


class View:
    """The newest of everything a set of routers told."""

    def __init__(self) -> None:
        self.routers: dict[str, int] = {}
        """Router → when its last frame came."""
        self.nodes: dict[str, tuple[int, NodeHealth]] = {}
        self.accounts: dict[str, tuple[int, AccountState]] = {}
        self.symbols: dict[str, AccountSymbols] = {}
        self.locals: dict[tuple[str, str], tuple[int, LocalSeen]] = {}
        """(router, account) → that router's view of the local."""
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        """(account, f) → outcome, in order of arrival."""
        self.deals: dict[tuple[str, int], DealReport] = {}
        self.stops: dict[bytes, StopItem] = {}
        self.live_changes: dict[bytes, Revision | Activation] = {}
        """By id, live changes of the configuration and what put them in force."""
        self.latched: dict[str, tuple[int, Latched]] = {}
        """Account → when a router heard it last, and what its local said of its stops."""
        self.bad_frame_count = 0

    def take(self, message: Msg, now_ns: int) -> Msg | None:
        """Reduce one message of a FRONT link; what was inside of it."""
        told = told_of(message, now_ns)
        if told is None:
            self.bad_frame_count += 1
            return None
        self.put(told, now_ns)
        return told.item

    def put(self, told: Told, now_ns: int) -> None:
        """Reduce what a router told."""
        self.routers[told.router] = now_ns
        item, at_ns = told.item, told.at_ns
        if isinstance(item, AccountState):
            self._newest_state(item, at_ns)
        elif isinstance(item, NodeHealth):
            known = self.nodes.get(item.node)
            if known is None or at_ns >= known[0]:
                self.nodes[item.node] = (at_ns, item)
        elif isinstance(item, LocalSeen):
            self.locals[(told.router, item.account)] = (at_ns, item)
        elif isinstance(item, Outcome):
            keep(self.outcomes, (item.account, item.f), item, OUTCOMES_MAX)
        elif isinstance(item, DealReport):
            keep(self.deals, (item.account, item.deal_ticket), item, DEALS_MAX)
        elif isinstance(item, AccountSymbols):
            self.symbols[item.account] = item
        elif isinstance(item, Signed):
            self._stop(told.raw)
        elif isinstance(item, Latched):
            self._newest_latched(item, at_ns)
        else:
            self.bad_frame_count += 1

    def _newest_latched(self, latched: Latched, at_ns: int) -> None:
        if not _is_older(latched, at_ns, self.latched.get(latched.account)):
            self.latched[latched.account] = (at_ns, latched)

    def _stop(self, raw: bytes) -> None:
        try:
            key, item = item_of(raw)
        except BadFrame:
            self.bad_frame_count += 1
            return
        seen = shown(item)
        if isinstance(seen, StopItem):
            self.stops[raw] = seen
        else:
            self.live_changes[key] = seen

    def _newest_state(self, state: AccountState, at_ns: int) -> None:
        if not _is_older(state, at_ns, self.accounts.get(state.account)):
            self.accounts[state.account] = (at_ns, state)


def _is_older(item: AccountState | Latched, at_ns: int, known: tuple[int, AccountState | Latched] | None) -> bool:
    """Older by number in one life, by when it was heard among lives and of the same one: two routers may tell the same."""
    if known is None:
        return False
    if known[1].life != item.life or known[1].number == item.number:
        return known[0] > at_ns
    return known[1].number > item.number
