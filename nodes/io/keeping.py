"""The doors of one process's nodes, kept while they run: the inventory is read again when it changes, and who is not in it is cut off.

A revocation is a line less in the inventory of a host. It is looked at twice a second, so that a live link is cut within two: no message of
a revoked key is taken from the moment the list is another, its peers are told gone, publishing sockets are closed and bound anew. What
becomes of keys is in the audit of every node (``nodes/io/keylog.py``).
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from mesh.config import Config
from mesh.core import Note
from mesh.doors import Doors
from mesh.errors import BadConfig
from mesh.io.clock import wall_ns
from mesh.io.doorkeeper import Doorkeeper
from mesh.io.node import Node
from mesh.io.sockets import Keys
from mesh.keyring import Keyring, NodeKeys
from mesh.sealing import Agreement
from mesh.units import DAY_NS
from nodes.io.doorfiles import Stamp, guests_of, node_doors, stamp_of
from nodes.io.keyfiles import INVENTORY, folder_of, holders_of, read_inventory
from nodes.io.keylog import KeyLog

LOOK_MS = 500
WARN_DAYS = 30


class Keeping:
    """The list of guests of a process, and each of its nodes' doorkeeper."""

    def __init__(self, config: Config, state: Path, doors: Doors, keys: dict[str, Keys], stamp: Stamp) -> None:
        self._config = config
        self._state = state
        self._keys = keys
        self._keyrings: list[Keyring] = []
        self._doors = doors
        self._keepers = {name: Doorkeeper(name, pair, doors) for name, pair in keys.items()}
        self._stamp = stamp
        self._warned_ns = 0

    def keeper(self, name: str) -> Doorkeeper:
        """Of a node of this process."""
        return self._keepers[name]

    def follow(self, keyring: Keyring) -> None:
        """Have a keyring follow the inventory from now on."""
        self._keyrings.append(keyring)

    def with_doors(self, name: str, keys: NodeKeys) -> NodeKeys:
        """A node's keys, which follow the inventory from now on; with what it agrees on with others, where it seals or believes seals."""
        self.follow(keys.keyring)
        if keys.signer is None:
            return keys
        agreement = Agreement(self._config.settings.mesh.id, self._keys[name].secret, lambda node: self._doors.keys_of(node, wall_ns()))
        return msgspec.structs.replace(keys, agreement=agreement)

    def watch(self, nodes: list[Node], key_log: KeyLog) -> Callable[[], None]:
        """A callback that takes the inventory again where it is another, and cuts off whose keys are good no more, by it or by time.

        ``key_log``: where the nodes write down what has changed.
        """

        def look() -> None:
            stamp = stamp_of(folder_of(self._state) / INVENTORY)
            if stamp != self._stamp:
                self._stamp = stamp
                self._take(nodes, key_log)
            for node in nodes:
                node.sweep_doors()
            self._warn(nodes, wall_ns())

        return look

    def _warn(self, nodes: list[Node], now_ns: int) -> None:
        """Once a day: keys that end soon, for then nobody comes in any more, operators no more than nodes."""
        if now_ns - self._warned_ns < DAY_NS:
            return
        self._warned_ns = now_ns
        ending = self._doors.ending(now_ns + WARN_DAYS * DAY_NS)
        if ending:
            told = {"names": ", ".join(ending[:20]), "count": len(ending), "within_days": WARN_DAYS}
            note = Note("error", "door_keys_end", told | {"do": "mesh keys rotate NAME for each, then bring the inventory to every host"})
            for node in nodes:
                node.log.note(note)

    def _take(self, nodes: list[Node], key_log: KeyLog) -> None:
        try:
            inventory = read_inventory(self._state)
            self._doors.replace(guests_of(inventory))
            for keyring in self._keyrings:
                keyring.replace(holders_of(inventory))
        except BadConfig as error:
            note = Note("error", "inventory_refused", {"why": str(error)[:300], "do": "the one before stands; mend the file"})
        else:
            key_log.take(inventory)
            note = Note("info", "inventory_taken", {"file": INVENTORY})
        for node in nodes:
            node.log.note(note)


def keeping_of(names: list[str], config: Config, state: Path) -> Keeping | None:
    """Of the nodes of this process; None where the mesh is plain. Raises BadConfig."""
    stamp = stamp_of(folder_of(state) / INVENTORY)  # before it is read: what changes meanwhile is seen at the first look
    found = node_doors(names, config, state)
    return None if found is None else Keeping(config, state, *found, stamp)
