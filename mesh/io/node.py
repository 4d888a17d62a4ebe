"""A core with what it owns: its sockets, store, log and events file. Takes messages in, does effects in their order.

A shell runs one or several nodes; those in one process hand messages to each other without a socket (co-location), as the
same bytes and through the same decoder, so that a core cannot tell and no two cores share a list.
"""

from collections import deque
from contextlib import ExitStack
from typing import TypeAlias

import msgspec

from mesh import links
from mesh.codec import FRAME_BYTES_MAX, check_frames, decode_untrusted, encode, encode_each
from mesh.core import (
    Commit,
    Core,
    Durable,
    Effects,
    Emit,
    Envelope,
    FanOut,
    Fetch,
    Fetched,
    Halt,
    Note,
    PeerLost,
    Put,
    Send,
)
from mesh.counters import is_told
from mesh.errors import BadFrame, UnknownMessage
from mesh.io.doorkeeper import Doorkeeper
from mesh.io.eventfile import EventFile
from mesh.io.heads import Heads
from mesh.io.health import Identity
from mesh.io.inlet import Attachment, Inlet
from mesh.io.log import Notes
from mesh.io.sockets import FRAME_BYTES_OF, GONE, SENT, Socket
from mesh.io.store import Store
from mesh.messages.base import Msg
from mesh.messages.health import NodeHealth

PARTNERS_FROM = 1 << 30
"""Peer numbers of nodes in the same process begin here; connections are counted from 1."""

Inbox: TypeAlias = "deque[tuple[Node, Envelope]]"


class Partner(msgspec.Struct, frozen=True):
    """The other end of a direct link: ``number`` is its peer number here, ``peer`` ours there."""

    number: int
    node: "Node"
    link: str
    peer: int


class Node:
    """One core and what is its own. ``inbox`` is the shell's: what needs no socket to arrive."""

    def __init__(
        self, identity: Identity, core: Core, log: Notes, store: Store | None = None, events: EventFile | None = None
    ) -> None:
        self.identity = identity
        self.core = core
        self.counters = core.counters
        self.log = log
        self.store = store
        self.events = events
        self.inbox: Inbox = deque()
        self.inlets: dict[str, Inlet] = {}
        self.health_links: list[str] = []
        """Links that take NodeHealth to routers."""
        self.partners: dict[str, list[Partner]] = {}
        self.doorkeeper: Doorkeeper | None = None
        """None: its links are plain."""
        self.heads: Heads | None = None
        """None: it tells nobody how far its audit has come, and keeps no other's."""
        self.halt: Halt | None = None
        self.shown_phase = ""
        self.told_health: tuple[int, NodeHealth] | None = None
        """What was told last, and when: whole, and never changed, so that another thread may read it."""
        self._commits: list[Commit] = []
        self._is_awaited = False
        """Whether somebody waits for one of the commits."""
        self._encoded: tuple[Msg | None, bytes] = (None, b"")
        if store is not None:
            store.counters = self.counters

    def add_socket(self, link: str, socket: Socket, guarded_as: str = "") -> None:
        """Make a socket the core's ``link``. ``guarded_as``: of a door, its link as in ``mesh.links.LINKS``."""
        self.inlets[link] = Inlet(self, link, socket, None, guarded_as)

    def keep_doors(self, keeper: Doorkeeper) -> None:
        """Have its doors kept."""
        self.doorkeeper = keeper
        keeper.serve(self)

    def sweep_doors(self) -> None:
        """Cut off who is no guest any more, and leave whom we dialled with a key that is good no more."""
        if self.doorkeeper is None:
            return
        sockets = [(inlet, inlet.socket) for inlet in self.inlets.values() if inlet.socket is not None]
        self.doorkeeper.sweep(self, [(inlet.guarded_as, socket) for inlet, socket in sockets if inlet.guarded_as])
        for inlet, socket in sockets:
            if socket.is_dialled and socket.redial_if_changed():
                told = {"link": inlet.link, "endpoint": socket.endpoint, "why": "its key was revoked"}
                self.log.note(Note("warning", "link_renewed", told))

    def attach(self, link: str, attachment: Attachment) -> None:
        """Make something that is no socket the core's ``link``."""
        self.inlets[link] = Inlet(self, link, None, attachment)

    def join(self, link: str, binder: "Node", binder_link: str) -> None:
        """Join this node's connecting ``link`` to a node of the same process, without a socket."""
        theirs = binder.partners.setdefault(binder_link, [])
        # A PULL has no peers: whoever pushes is 0 there.
        number = 0 if binder_link == links.STATUS else PARTNERS_FROM + len(theirs)
        theirs.append(Partner(number, self, link, 0))
        self.partners.setdefault(link, []).append(Partner(0, binder, binder_link, number))

    def tell(self, link: str, message: Msg, peer: int = 0) -> None:
        """Put a message of the shell in the inbox, where this core wants to know such things."""
        if type(message) in self.core.handlers:
            self.inbox.append((self, Envelope(link, peer, message)))

    def take(self, envelope: Envelope, now_ns: int) -> None:
        """Let the core handle a message, and do what it says."""
        if self.halt is None:
            self.do(self.core.handle(envelope, now_ns))

    def take_frames(self, inlet: Inlet, peer: int, frames: tuple[bytes, ...], now_ns: int) -> None:
        """Bytes of somebody: a message, or counted and dropped."""
        if not frames:
            self.counters.add("unread_frame_count")
            return
        try:
            check_frames(frames)
            message = decode_untrusted(frames[0])
        except BadFrame as error:
            self._blame(inlet, peer, error)
            return
        if inlet.guarded_as and not self._is_heard(inlet, peer, message):
            return
        if self.halt is None:
            self._encoded = (message, frames[0])  # what is only handed on goes out as it came
            self.do(self.core.handle(Envelope(inlet.link, peer, message, frames), now_ns))

    def _is_heard(self, inlet: Inlet, peer: int, message: Msg) -> bool:
        """Whether who sent this at a door may say it; else it is held against him."""
        assert inlet.socket is not None and self.doorkeeper is not None, "a door is a socket, and is kept"
        if not self.doorkeeper.objection(inlet.guarded_as, inlet.socket.user, message):
            return True
        inlet.socket.peers.blame(peer)
        return False

    def drop_over_rate(self, inlet: Inlet, news: str) -> None:
        """A message beyond its guest's rate was dropped unread; ``news``: what is to be written down of him now, if anything."""
        self.counters.add("over_rate_count")
        if news and self.doorkeeper is not None and inlet.socket is not None:
            self.doorkeeper.note_over_rate(inlet.guarded_as, inlet.socket.user, news)

    def _blame(self, inlet: Inlet, peer: int, error: BadFrame) -> None:
        """Count what is no message of ours; ten of them are held against a peer, a newer version's message is not."""
        self.counters.add("bad_frame_count")
        count = self.counters.totals["bad_frame_count"]
        if inlet.socket is not None and not isinstance(error, UnknownMessage):
            inlet.socket.peers.blame(peer)
        if is_told(count):
            fields = {"link": inlet.link, "peer": peer, "error": str(error)[:200], "count_so_far": count}
            self.log.note(Note("warning", "bad_frame", fields))

    def do(self, effects: Effects) -> None:
        """Do effects in their order."""
        for effect in effects:
            if isinstance(effect, Send):
                self._send(effect)
            elif isinstance(effect, FanOut):
                self._fan_out(effect)
            elif isinstance(effect, Commit):
                self._commits.append(effect)
                self._is_awaited = self._is_awaited or effect.token > 0
            elif isinstance(effect, Emit):
                if self.events is not None:
                    self.events.write(effect)
            elif isinstance(effect, Note):
                self.log.note(effect)
            elif isinstance(effect, Fetch):
                self._fetch(effect)
            else:
                self.halt = effect

    def commit(self) -> bool:
        """Make all commits so far durable in one transaction; False where nobody waits for one. Raises StoreFailed."""
        if not self._is_awaited:
            return False
        self.commit_all()
        return True

    def commit_all(self) -> None:
        """Make all commits so far durable, also where nobody waits for them. Raises StoreFailed."""
        if not self._commits:
            return
        assert self.store is not None, f"{self.identity.name} commits but has no store"
        commits, self._commits = self._commits, []
        self._is_awaited = False
        puts: list[Put] = []
        for commit in commits:
            puts += commit.puts
        if self.events is not None:
            self.events.flush()  # what the store says was done must not be missing among the events after a crash
        self.store.commit(puts)
        for commit in commits:
            if commit.token:
                self.inbox.append((self, Envelope(links.STORE, 0, Durable(commit.token))))

    def flush(self, is_quiet: bool) -> None:
        """Write out what is buffered; let the store do what can wait."""
        self.log.flush()
        if self.events is not None:
            self.events.flush()
        if self.store is not None:
            self.store.tend(is_quiet)

    def close(self) -> None:
        """Close what is the node's own, whatever of it fails; sockets are the hub's."""
        with ExitStack() as stack:
            stack.callback(self.log.close)
            if self.store is not None:
                stack.callback(self.store.close)
            if self.events is not None:
                stack.callback(self.events.close)
            for inlet in self.inlets.values():
                if inlet.attachment is not None:
                    stack.callback(inlet.attachment.close)

    def _fetch(self, fetch: Fetch) -> None:
        """Rows as they are with all commits asked for before."""
        self.commit_all()
        assert self.store is not None, f"{self.identity.name} fetches but has no store"
        rows = self.store.fetch(fetch.kind, fetch.prefix, fetch.limit)
        self.inbox.append((self, Envelope(links.STORE, 0, Fetched(fetch.token, fetch.kind, rows))))

    def _send(self, effect: Send) -> None:
        link, peer, message = effect.link, effect.peer, effect.message
        inlet = self.inlets.get(link)
        if inlet is not None and inlet.attachment is not None:
            inlet.attachment.send(message)
            return
        if self._encoded[0] is not message:  # the same object to many peers is encoded once
            self._encoded = (message, encode(message))
        raw = self._encoded[1]
        if len(raw) > FRAME_BYTES_MAX and len(raw) > FRAME_BYTES_OF.get(link, 0):
            self.counters.add("dropped_send_count")
            self.log.note(Note("error", "message_too_long", {"link": link, "type": type(message).__name__}))
            return
        frames = (raw, effect.body) if effect.body else (raw,)
        if self.partners and self._hand_over(link, peer, frames):
            return
        assert inlet is not None, f"{self.identity.name} has no link {link!r}"
        assert inlet.socket is not None, f"{self.identity.name} sends bytes on {link!r}, which is no socket"
        result = inlet.socket.send(peer, frames)
        inlet.is_hot = inlet.socket.is_readable
        if result != SENT:
            self._unsent(link, peer, result)

    def _fan_out(self, effect: FanOut) -> None:
        if effect.link in self.partners:
            self.do(effect.sends())
            return
        inlet = self.inlets[effect.link]
        assert inlet.socket is not None, f"{self.identity.name} sends bytes on {effect.link!r}, which is no socket"
        for peer, result in inlet.socket.send_each(effect.peers, encode_each(effect.order), effect.body):
            self._unsent(effect.link, peer, result)
        inlet.is_hot = inlet.socket.is_readable

    def _unsent(self, link: str, peer: int, result: int) -> None:
        """A socket did not take a message."""
        self.counters.add("dropped_send_count")
        if result == GONE:
            self.tell(link, PeerLost(), peer)

    def _hand_over(self, link: str, peer: int, frames: tuple[bytes, ...]) -> bool:
        """Give a message to nodes of this process. True where no socket has to carry it besides."""
        for partner in self.partners.get(link, ()):
            if peer in (0, partner.number):
                message = decode_untrusted(frames[0])
                partner.node.inbox.append((partner.node, Envelope(partner.link, partner.peer, message, frames)))
        return link not in self.inlets or peer >= PARTNERS_FROM
