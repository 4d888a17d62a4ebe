"""The doors of one node: who is let in, whose words are taken, and what is said, counted and written down of those that are not.

A refusal is a row of the store that belongs to its history (``mesh.audit``): the newest replaces the one before, the audit keeps each. They
come from strangers, so a budget bounds what is written; the counter has them all.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mesh.budget import Budget
from mesh.codec import encode
from mesh.core import Commit, Note, PeerLost, Put
from mesh.counters import is_told
from mesh.doors import NO_GUEST, Doors, objection
from mesh.io.clock import monotonic_ns, wall_ns
from mesh.io.hub import Door
from mesh.io.sockets import Keys, Socket, Way
from mesh.messages.base import Msg

if TYPE_CHECKING:
    from mesh.io.node import Node

REFUSED_GUEST = "_refused_guest"
"""Kind of the row."""
WRITTEN_PER_S, WRITTEN_BURST = 1, 20


class RefusedGuest(Msg):
    """Who was refused where. ``name``: as the inventory knows the key, or knew it when it was let in; empty where it never was."""

    link: str
    key: str
    name: str
    address: str
    why: str


class Doorkeeper:
    """Of one node. ``doors`` is shared by the nodes of a process, ``keys`` is its own."""

    def __init__(
        self,
        name: str,
        keys: Keys,
        doors: Doors,
        clock: Callable[[], int] = monotonic_ns,
        wall_clock: Callable[[], int] = wall_ns,
    ) -> None:
        self._name = name
        self._keys = keys
        self._doors = doors
        self._clock = clock
        self._wall_clock = wall_clock
        self._budgets = {is_known: Budget(WRITTEN_PER_S, WRITTEN_BURST) for is_known in (True, False)}
        """Strangers cannot use up what is there for guests."""
        self._node: Node | None = None
        self._admitted: dict[str, set[bytes]] = {}
        """By link, the keys that were let in: who has to leave when they are good no more."""
        self._names: dict[bytes, str] = {}
        """Whose they were, though they be struck from the list meanwhile."""

    def serve(self, node: "Node") -> None:
        """Its node, which counts and writes."""
        self._node = node

    def door(self, link: str) -> Door:
        """How a bound link is guarded; ``link`` as in ``mesh.links.LINKS``."""
        admitted = self._admitted.setdefault(link, set())

        def judge(public: bytes, address: str) -> str:
            code = self._doors.refusal(link, public, address, self._wall_clock())
            if code:
                self._refused(link, public, address, code)
            elif (guest := self._doors.owner(public)) is not None:
                admitted.add(public)
                self._names[public] = guest.name
            return code

        return Door(self._keys, f"{self._name}/{link}", judge)

    def way(self, target: str) -> Way:
        """How a node is dialled."""
        return Way(lambda: self._keys, lambda: self._doors.keys_of(target, self._wall_clock()))

    def objection(self, link: str, user: str, message: Msg) -> str:
        """Why a message that came in by a door is not taken; empty where it is. ``user``: the key in hex of who sent it."""
        public = bytes.fromhex(user)
        guest = self._doors.guest(public, self._wall_clock())
        why = objection(guest, link, message) if guest is not None else NO_GUEST
        if why:
            self._refused(link, public, "", why)
        return why

    def note_over_rate(self, link: str, user: str, news: str) -> None:
        """Write down that a guest says more than his rate, or is not read any more because of it."""
        self._refused(link, bytes.fromhex(user), "", news)

    def sweep(self, node: "Node", inlets: list[tuple[str, Socket]]) -> None:
        """Cut off who is no guest any more: ``inlets`` by link (as in ``LINKS``) the node's bound sockets."""
        now_ns = self._wall_clock()
        for link, socket in inlets:
            admitted = self._admitted.get(link, set())
            gone = {key for key in admitted if self._doors.refusal(link, key, "", now_ns)}
            admitted -= gone
            for key in gone:
                self._refused(link, key, "", f"{NO_GUEST} cut off")
            if not socket.is_readable and any(not self._goes_on(key, now_ns) for key in gone):
                socket.evict()
            # by who is there, not by who was let in: a key that was good again meanwhile was not let in anew
            for peer in socket.peers.all():
                if peer.user and self._doors.refusal(link, bytes.fromhex(peer.user), "", now_ns):
                    socket.peers.forget(peer.number)
                    node.tell(socket.link, PeerLost(), peer.number)

    def _goes_on(self, public: bytes, now_ns: int) -> bool:
        """Whether a key has only run out whose owner has another one: nobody is cut off for that."""
        guest = self._doors.owner(public)
        return guest is not None and bool(self._doors.keys_of(guest.name, now_ns))

    def _refused(self, link: str, public: bytes, address: str, why: str) -> None:
        node = self._node
        if node is None:
            return
        node.counters.add("refused_guest_count")
        guest = self._doors.owner(public)
        name = guest.name if guest is not None else self._names.get(public, "")
        record = RefusedGuest(link, public.hex(), name, address, why)
        count = node.counters.totals["refused_guest_count"]
        if is_told(count):
            told = {"link": link, "key": record.key[:16], "name": name, "address": address, "why": why, "count_so_far": count}
            node.log.note(Note("warning", "guest_refused", told))
        if node.store is not None and self._budgets[bool(name)].take(self._clock()):
            node.do((Commit(0, (Put(REFUSED_GUEST, b"", encode(record)),)),))
