"""What routers publish, taken by one thread and put together for the app: of what is told again and again only the newest waits.

However much arrives, the app takes a bounded batch whenever it redraws: one item for each account, node and link of a router, and the
newest events. The thread decodes, so that bad bytes never reach the app.
"""

from collections.abc import Callable, Hashable, Mapping
from threading import Event, Lock, Thread

import msgspec

from mesh import links
from mesh.codec import decode_untrusted
from mesh.errors import BadFrame
from mesh.io.hub import Hub
from mesh.io.sockets import Socket, Way
from mesh.messages.accounts import AccountState, AccountSymbols
from mesh.messages.base import Msg
from mesh.messages.control import Latched
from mesh.messages.health import LocalSeen, NodeHealth, Snapshot
from mesh.units import MS_NS, SECOND_NS
from mesh.view import SnapshotTally, Told, told_of

WAIT_MS = 50
REST_S = 0.02
"""After a look: to wake up for each message costs more than the message, and nobody sees 50 pictures a second."""
BATCH_COUNT = 256
"""Messages of one socket at a time; where there are as many, the thread does not rest."""
EVENTS_MAX = 5_000
"""Events that wait for the app; of more the oldest are dropped, and counted."""
STOP_S = 2.0
RENEW_NS = SECOND_NS
STALL_NS = 500 * MS_NS
"""Between two looks: after longer ones, what is read may have waited for as long …"""
SETTLE_NS = SECOND_NS
"""… and more of it may still be on its way here for so long."""


class RouterLink(msgspec.Struct, frozen=True):
    """One router as this console hears it. ``since_ns``: since when it is connected, or is not; ``heard_ns`` 0: never."""

    router: str
    endpoint: str
    is_connected: bool
    since_ns: int
    heard_ns: int = 0


class Batch(msgspec.Struct, frozen=True):
    """What came since the batch before.

    ``bad_frame_count``: frames and items that were no message of this version; ``missed_count``: events dropped because nobody took
    them; both since the start. ``is_seeing``: a whole snapshot of some router is fresh.
    """

    told: list[Told]
    links: dict[str, RouterLink]
    bad_frame_count: int
    missed_count: int
    is_seeing: bool


NAMED_BY: dict[object, str] = {
    AccountState: "account",
    AccountSymbols: "account",
    Latched: "account",
    LocalSeen: "account",
    NodeHealth: "node",
}
"""What is told again and again, by whose it is."""


def key_of(told: Told) -> Hashable:
    """What a newer item of the same key replaces; None for an event, which nothing replaces."""
    kind = type(told.item)
    name = NAMED_BY.get(kind)
    return None if name is None else (told.router, kind, getattr(told.item, name))


class Pile:
    """What waits for the app. Not for two threads at once."""

    def __init__(self, routers: Mapping[str, str], now_ns: int) -> None:
        self.links = {name: RouterLink(name, endpoint, False, now_ns) for name, endpoint in routers.items()}
        self._newest: dict[Hashable, Told] = {}
        self._events: dict[bytes, Told] = {}
        """By their bytes: each waits once, though two routers tell it and each snapshot again."""
        self._bad_frame_count = 0
        self._missed_count = 0
        self._tally = SnapshotTally()

    def connected(self, router: str, is_connected: bool, now_ns: int) -> None:
        """A connection was made or lost."""
        self.links[router] = msgspec.structs.replace(self.links[router], is_connected=is_connected, since_ns=now_ns)

    def put(self, router: str, frame: bytes, now_ns: int) -> None:
        """One frame from a router's socket."""
        try:
            message: Msg | None = decode_untrusted(frame)
        except BadFrame:
            message = None
        told = told_of(message, now_ns) if message is not None else None
        if told is None:
            self._bad_frame_count += 1
            return
        self.links[router] = msgspec.structs.replace(self.links[router], heard_ns=now_ns)
        if isinstance(message, Snapshot):
            self._tally.take(message, now_ns)
        if told.item is None:
            self._bad_frame_count += 1
            return
        key = key_of(told)
        if key is not None:
            self._newest[key] = told
            return
        self._events.setdefault(told.raw, told)
        if len(self._events) > EVENTS_MAX:
            del self._events[next(iter(self._events))]
            self._missed_count += 1

    def take(self, now_ns: int) -> Batch:
        """All of it, events first, in the order in which they came."""
        told = [*self._events.values(), *self._newest.values()]
        self._events, self._newest = {}, {}
        return Batch(told, dict(self.links), self._bad_frame_count, self._missed_count, self._tally.is_seeing(now_ns))


class Waited:
    """When what is read came, at the latest that is sure: not before the last look that left nothing there, so that it counts from then.

    It may be shown older than it is, by a look; after this process stood still, by as long as it did. It is never shown younger.
    ``now_ns``: when it was dialled.
    """

    def __init__(self, now_ns: int) -> None:
        self._since_ns = self._before_ns = self._looked_ns = self._settled_ns = now_ns

    def begin(self, now_ns: int) -> None:
        """Looks begin: nobody stood still before."""
        self._looked_ns = self._settled_ns = now_ns

    def look(self, now_ns: int) -> int:
        """A look begins: what counts as the time of what it finds."""
        if now_ns - self._looked_ns > STALL_NS:
            if self._looked_ns < self._settled_ns:
                self._since_ns = self._before_ns  # one stall after the other: what came before the last but one is here by now
            self._before_ns, self._settled_ns = self._looked_ns, now_ns + SETTLE_NS
        self._looked_ns = now_ns
        return self._since_ns

    def emptied(self) -> None:
        """That look left nothing there."""
        if self._looked_ns >= self._settled_ns:
            self._since_ns = self._looked_ns


class Feed:
    """The thread. ``routers``: name → endpoint of its FRONT; ``now_ns``: the clock ages are on; ``ways``: how each is dialled, where it has
    a door. Raises BadConfig for an address that is none.
    """

    def __init__(self, routers: Mapping[str, str], now_ns: Callable[[], int], ways: Mapping[str, Way] | None = None) -> None:
        self._now_ns = now_ns
        self._pile = Pile(routers, now_ns())
        self._hub = Hub()
        dialled = {name: (ways or {}).get(name) for name in routers}
        self._sockets = {self._hub.connect(links.FRONT, "SUB", endpoint, dialled[name]): name for name, endpoint in routers.items()}
        self._waited = {socket: Waited(now_ns()) for socket in self._sockets}
        self._lock = Lock()
        self._is_over = Event()
        self._thread = Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def take(self) -> Batch:
        """What came since the last call."""
        with self._lock:
            return self._pile.take(self._now_ns())

    def stop(self) -> None:
        """Leave the mesh."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        elif self._thread.ident is None:
            self._hub.close()  # it was never begun

    def _run(self) -> None:
        renew_ns = self._now_ns() + RENEW_NS
        for waited in self._waited.values():
            waited.begin(self._now_ns())
        try:
            while not self._is_over.is_set():
                self._hub.wait(WAIT_MS)
                now_ns = self._now_ns()
                is_due = now_ns >= renew_ns
                renew_ns = now_ns + RENEW_NS if is_due else renew_ns
                counts = [self._look(socket, name, now_ns, is_due) for socket, name in self._sockets.items()]
                if max(counts) < BATCH_COUNT:
                    self._is_over.wait(REST_S)
        finally:
            self._hub.close()

    def _look(self, socket: Socket, router: str, now_ns: int, is_due: bool) -> int:
        """Take what is there from one router; how many messages."""
        changes, waited = socket.changes(now_ns), self._waited[socket]
        came_ns = waited.look(now_ns)
        received = socket.receive(BATCH_COUNT)
        if len(received) < BATCH_COUNT:
            waited.emptied()
        with self._lock:
            for is_connected in changes:
                self._pile.connected(router, is_connected, now_ns)
            for _, frames in received:
                self._pile.put(router, frames[0] if frames else b"", came_ns)
        if is_due:
            socket.redial_if_changed()
            socket.renew(now_ns)
        return len(received)
