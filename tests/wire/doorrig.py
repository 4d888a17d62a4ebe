"""A door on real sockets, and guests who knock at it: with a key, with a stranger's, with none."""

import time
from collections.abc import Callable
from pathlib import Path

from zmq import curve_keypair
from zmq.utils import z85

from mesh.codec import decode_record_untrusted, encode
from mesh.core import NOTHING, Core, Effects, Envelope
from mesh.doors import DoorKey, Doors, Guest
from mesh.io import auditwalk
from mesh.io.doorkeeper import REFUSED_GUEST, Doorkeeper, RefusedGuest
from mesh.io.health import Identity
from mesh.io.hub import Hub
from mesh.io.log import Log
from mesh.io.node import Node
from mesh.io.sockets import Keys, Socket, Way
from mesh.io.store import create
from mesh.links import LINKS
from mesh.messages.base import Msg
from mesh.messages.orders import LocalHello
from mesh.units import SECOND_NS

LIMIT_S = 20.0
HELLO = LocalHello("a1", "local-1", 1, b"s", 0, 0, 0, b"", 1, "")
OTHERS = LocalHello("a2", "local-2", 1, b"s", 0, 0, 0, b"", 1, "")
DAY_NS = 86_400 * SECOND_NS


def new_keys() -> Keys:
    """A pair made for a test."""
    public, secret = curve_keypair()
    return Keys(z85.decode(public), z85.decode(secret))


class Taker(Core):
    """A core that takes whatever it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Envelope] = []

    def handle(self, envelope: Envelope, now_ns: int) -> Effects:
        """It is kept."""
        self.taken.append(envelope)
        return NOTHING


class House:
    """One node with one door, and the list of its guests."""

    def __init__(self, link: str, folder: Path) -> None:
        self.link = link
        self.hub = Hub()
        self.doors = Doors()
        self.guests: dict[str, Guest] = {}
        self.keys = new_keys()
        self.now_ns = time.time_ns()
        self.loop_ns = 0
        """The monotonic clock of the node's loop."""
        self.core = Taker()
        name = f"{LINKS[link].bind_role}-1"
        self.keeper = Doorkeeper(name, self.keys, self.doors, time.monotonic_ns, lambda: self.now_ns)
        store = create(folder / f"{name}.db", "m", name, LINKS[link].bind_role, None)
        log = Log(folder / "log", name, self.core.counters)
        self.node = Node(Identity(name, LINKS[link].bind_role, 1, "", "", 0), self.core, log, store)
        self.door = self.keeper.door(link)
        self.own_link = link.split(".")[0]
        self.socket = self.hub.bind(self.own_link, LINKS[link].bind_kind, "tcp://127.0.0.1:0", door=self.door)
        self.node.add_socket(self.own_link, self.socket, link)
        self.node.keep_doors(self.keeper)
        self.outside = Hub()

    def invite(self, name: str, role: str, *, account: str = "", may: tuple[str, ...] = (), **more: object) -> Keys:
        """Put a guest on the list; his keys."""
        keys = new_keys()
        self.guests[name] = Guest(
            name, role, (DoorKey(keys.public, self.now_ns - DAY_NS, self.now_ns + DAY_NS),), account, may, **more,  # type: ignore[arg-type]
        )  # fmt: skip
        self.doors.replace(self.guests.values())
        return keys

    def strike(self, name: str) -> None:
        """Take a guest off the list, as an inventory read again does."""
        del self.guests[name]
        self.doors.replace(self.guests.values())
        self.node.sweep_doors()

    def knock(self, keys: Keys | None, server: bytes | None = None) -> Socket:
        """Dial the door; ``keys`` None: without any. ``server``: whom the guest expects."""
        way = None if keys is None else Way(lambda: keys, lambda: [server or self.keys.public])
        return self.outside.connect(self.own_link, LINKS[self.link].connect_kind, self.socket.endpoint, way)

    def turn(self) -> None:
        """Answer who is at the door, take what came in."""
        self.hub.answer_doors()
        inlet = self.node.inlets[self.own_link]
        while self.socket.is_readable and inlet.has_more():
            inlet.drain(self.loop_ns, lambda: self.loop_ns)
        for socket in self.outside.sockets:
            socket.changes(time.monotonic_ns())
            socket.renew(time.monotonic_ns())

    def until(self, done: Callable[[], object]) -> bool:
        """Take turns until ``done`` says so; False where it never did."""
        end_s = time.monotonic() + LIMIT_S
        while time.monotonic() < end_s:
            self.turn()
            if done():
                return True
            self.outside.wait(5)
        return False

    def say(self, socket: Socket, message: Msg) -> None:
        """Send, once the socket is up."""
        assert self.until(lambda: socket.is_up), "it was let in"
        assert self.until(lambda: socket.send(0, (encode(message),)) == 0)

    @property
    def refused_count(self) -> int:
        """Handshakes and messages refused."""
        return self.core.counters.totals.get("refused_guest_count", 0)

    def close(self) -> None:
        """Everybody leaves."""
        self.outside.close()
        self.hub.close()
        self.node.close()


def audited(house: House) -> list[RefusedGuest]:
    """What the audit says of who was refused."""
    house.node.commit_all()
    assert house.node.store is not None
    rows = auditwalk.records(house.node.store.path)
    return [decode_record_untrusted(row.record, RefusedGuest) for row in rows if row.kind == REFUSED_GUEST]


HouseAt = Callable[[str], House]
"""Builds the house of a link; it is closed when its test ends."""
