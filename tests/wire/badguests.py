"""Those who have a good key and mean no good: a spare guest for each door, who says garbage or says too much."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import zmq

from mesh.codec import encode
from mesh.config import Config
from mesh.doors import OPERATOR, may_dial
from mesh.io.sockets import Keys
from mesh.links import LINKS
from mesh.messages.control import Ping
from nodes.io.doorfiles import door_path, guests_of, keys_from, new_entry
from nodes.io.keyfiles import DoorEntry, folder_of, read_inventory, write_inventory
from tests.wire.strangers import OPPOSITE

SPARE = {f"spare-{role}": role for role in ("router", "signals", "indicator", "local", OPERATOR)}
"""Guests who are no node of the mesh, by name: each may dial what his role dials."""
AT_ONCE = 100
"""Messages to each door in one step."""


def invite_spares(state: Path) -> None:
    """Put them on the list of a mesh that does not run yet."""
    inventory = read_inventory(state)
    made = {
        name: DoorEntry(role=role, account="spare" if role == "local" else None, keys=(new_entry(door_path(folder_of(state), name)),))
        for name, role in SPARE.items()
    }  # fmt: skip
    write_inventory(state, msgspec.structs.replace(inventory, door=inventory.door | made))  # type: ignore[arg-type]


class BadGuests:
    """One at each door of these nodes that takes messages. ``what``: ``garbage``, or ``flood`` of a message that is one.

    ``joined_count``: of ``doors_count``, those who were let in.
    """

    def __init__(self, config: Config, state: Path, names: Sequence[str], what: str) -> None:
        self._frame = b"\xc1garbage" if what == "garbage" else encode(Ping("", 7))
        self._context = zmq.Context()
        self._monitors: list[zmq.Socket[bytes]] = []
        guests = [guest for guest in guests_of(read_inventory(state)) if guest.name in SPARE]
        self._sockets: list[zmq.Socket[bytes]] = []
        for name in names:
            server = keys_from(door_path(folder_of(state), name)).public
            for link in LINKS.values():
                if link.bind_role != config.role_of(name) or link.bind_kind == "PUB":
                    continue
                guest = next(guest for guest in guests if may_dial(guest, link.name))
                own = keys_from(door_path(folder_of(state), guest.name))
                self._sockets.append(self._dialled(link.bind_kind, config.endpoint(name, link.name), own, server))
        self.doors_count = len(self._sockets)
        self.joined_count = 0
        self.sent_count = 0

    def _dialled(self, kind: str, endpoint: str, own: Keys, server: bytes) -> "zmq.Socket[bytes]":
        socket = self._context.socket(OPPOSITE[kind])
        socket.linger = 0
        for option, value in ((zmq.CURVE_SERVERKEY, server), (zmq.CURVE_PUBLICKEY, own.public), (zmq.CURVE_SECRETKEY, own.secret)):
            socket.set(option, value)
        self._monitors.append(socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED))
        socket.connect(endpoint)
        return socket

    def step(self) -> None:
        """Many messages to each door."""
        for monitor in self._monitors:
            while monitor.poll(0):
                monitor.recv_multipart(zmq.NOBLOCK)
                self.joined_count += 1
        for socket in self._sockets:
            with suppress(zmq.Again):
                for _ in range(AT_ONCE):
                    socket.send(self._frame, zmq.NOBLOCK)
                    self.sent_count += 1

    def close(self) -> None:
        """Go away."""
        for socket in self._sockets:
            socket.disable_monitor()
        self._context.destroy(0)
