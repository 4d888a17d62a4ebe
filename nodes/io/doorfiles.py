"""Keys that open doors: ``STATE/keys/NAME.door``, a node's or an operator's private CURVE key, and who is let in by the inventory.

A key is an X25519 pair in PKCS #8 PEM, 0600, as those that sign; libzmq's CURVE takes its 32 bytes as they are. Clients find
theirs in ``$MESH_KEYS`` (a folder with the inventory and the key), or where ``mesh up`` of their mesh keeps its state.
"""

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from mesh.config import Config
from mesh.doors import OPERATOR, DoorKey, Doors, Guest
from mesh.errors import BadConfig, NotReady
from mesh.io.sockets import Keys, Way
from mesh.units import SECOND_NS
from nodes.io.keyfiles import (
    FOLDER,
    INVENTORY,
    DoorEntry,
    DoorKeyEntry,
    Inventory,
    folder_of,
    inventory_in,
    ns_of,
    read_inventory,
    read_private,
    write_private,
)
from nodes.io.locate import default_state, notes

FOLDER_VARIABLE, NAME_VARIABLE = "MESH_KEYS", "MESH_OPERATOR"
"""Name the folder of a client's keys, and whose they are."""
KEY_DAYS = 400
"""How long a new key is good."""
DAY_S = 86_400
Stamp = tuple[int, int, int] | None


def door_path(folder: Path, name: str) -> Path:
    """Where the private key of a name lies."""
    return folder / f"{name}.door"


def keys_from(path: Path) -> Keys:
    """The pair in a file. Raises BadConfig naming the file and what to do."""
    secret = read_private(path, kind=X25519PrivateKey)
    return Keys(X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw(), secret)


def stamp_of(path: Path) -> Stamp:
    """What is another when a file is; None where there is none."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size, seen.st_ino


def moment(at_s: float) -> str:
    """A time as the inventory says it."""
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_entry(path: Path, days: float = KEY_DAYS) -> DoorKeyEntry:
    """Make a private key at ``path``; its public half, good from now on. Raises BadConfig."""
    public = write_private(path, kind=X25519PrivateKey)
    now_s = time.time()
    return DoorKeyEntry(key=public.hex(), since=moment(now_s - 60), until=moment(now_s + days * DAY_S))


def guests_of(inventory: Inventory) -> list[Guest]:
    """Who may come in, by the inventory. Raises BadConfig."""
    return [
        Guest(
            name,
            door.role,
            tuple(DoorKey(bytes.fromhex(key.key), ns_of(key.since), ns_of(key.until)) for key in door.keys),
            door.account or "",
            door.may,
            door.addresses,
        )
        for name, door in inventory.door.items()
    ]


def make_doors(config: Config, state: Path, inventory: Inventory) -> Inventory:
    """The inventory with a door key for every node and one operator, made where they are not there yet. Raises BadConfig."""
    folder = folder_of(state)
    doors = dict(inventory.door)
    for name, node in config.node.items():
        if name not in doors:
            doors[name] = DoorEntry(role=node.role, account=node.account, keys=(_entry(folder, name),))
    if not any(door.role == OPERATOR for door in doors.values()):
        doors[OPERATOR] = DoorEntry(role="operator", may=("trade",), keys=(_entry(folder, OPERATOR),))
    return msgspec.structs.replace(inventory, door=doors)


def _entry(folder: Path, name: str) -> DoorKeyEntry:
    """Of a key that is there (an inventory was lost), or of a new one."""
    path = door_path(folder, name)
    if not path.exists():
        return new_entry(path)
    now_s = time.time()
    return DoorKeyEntry(key=keys_from(path).public.hex(), since=moment(now_s - 60), until=moment(now_s + KEY_DAYS * DAY_S))


def node_doors(names: list[str], config: Config, state: Path) -> tuple[Doors, dict[str, Keys]] | None:
    """Who may come in to the nodes of this process, and the nodes' own keys; None where the mesh is plain. Raises BadConfig,
    NotReady where a key's time has not begun.
    """
    if config.settings.mesh.plain:
        return None
    inventory = read_inventory(state)
    doors = Doors(guests_of(inventory))
    return doors, {name: _own(name, folder_of(state), config, inventory, doors) for name in names}


def _own(name: str, folder: Path, config: Config, inventory: Inventory, doors: Doors) -> Keys:
    keys = keys_from(door_path(folder, name))
    listed, node = inventory.door.get(name), config.node[name]
    now_ns = time.time_ns()
    begins = next((key.since for key in (listed.keys if listed is not None else ()) if key.key == keys.public.hex()), "")
    if begins and now_ns < ns_of(begins):
        raise NotReady(
            f"{door_path(folder, name)}: this key is good from {begins} on, and the clock of this host says {moment(now_ns / SECOND_NS)}: "
            "nobody would let it in yet; set the clock, or wait: it is tried again"
        )
    if listed is None or keys.public not in doors.keys_of(name, now_ns):
        known = "none" if listed is None else ", ".join(f"{key.key[:16]}… {key.since} to {key.until}" for key in listed.keys) or "none"
        raise BadConfig(
            f"{door_path(folder, name)}: {INVENTORY} has not this key ({keys.public.hex()[:16]}…) for {name} now (it has: {known}); "
            f"nobody would let it in: `mesh keys rotate {name}` makes a new one, which every host's {INVENTORY} needs"
        )
    if (listed.role, listed.account) != (node.role, node.account):
        raise BadConfig(f"{INVENTORY} has {name} as {listed.role} of {listed.account}, the configuration has it otherwise")
    return keys


# clients


def client_name() -> str:
    """Whose door key a client of this host has: what ``$MESH_OPERATOR`` says, or the mesh's own operator's."""
    return os.environ.get(NAME_VARIABLE, "") or OPERATOR


class ClientDoor:
    """How a client of a mesh dials its nodes: by the inventory and its own key as they are then, for it may run for months and keys change.

    For one thread. Raises BadConfig.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._stamps = self._seen()  # before they are read: what changes meanwhile is seen at the next look
        self._read()

    def way(self, target: str) -> Way:
        """How a node is dialled."""
        return Way(self.keys, lambda: self.doors().keys_of(target, time.time_ns()))

    def keys(self) -> Keys:
        """Its own pair."""
        self._follow()
        return self._keys

    def doors(self) -> Doors:
        """Who is on the list."""
        self._follow()
        return self._doors

    def _follow(self) -> None:
        """Read again what has changed; what cannot be read now changes nothing, and is looked at again when it changes once more."""
        stamps = self._seen()
        if stamps != self._stamps:
            self._stamps = stamps
            with suppress(BadConfig):
                self._read()

    def _seen(self) -> tuple[Stamp, Stamp]:
        return stamp_of(self._folder / INVENTORY), stamp_of(door_path(self._folder, self._name))

    def _read(self) -> None:
        keys = keys_from(door_path(self._folder, self._name))
        doors = Doors(guests_of(inventory_in(self._folder)))
        self._keys, self._doors = keys, doors


def client_door(config: Config, state: Path | None = None, name: str = "") -> ClientDoor | None:
    """The door key of a client here; None where the mesh is plain. ``state``: whose keys it has; None: it is looked for. ``name``: whose
    key; empty: what ``$MESH_OPERATOR`` says, or the mesh's own operator's.

    Raises BadConfig saying where it was looked for and what to do.
    """
    if config.settings.mesh.plain:
        return None
    name = name or client_name()
    tried = _client_folders(config) if state is None else [folder_of(state)]
    folder = next((each for each in tried if door_path(each, name).exists()), None)
    if folder is None:
        where = ", ".join(map(str, tried))
        raise BadConfig(
            f"no key {name}.door in {where}: this mesh lets in nobody without one; `mesh keys export HOST` makes a folder with it on the "
            f"host that has the keys, {FOLDER_VARIABLE}=FOLDER names it here"
        )
    return ClientDoor(folder, name)


def broker_way(folder: Path) -> Way:
    """How a script of an operator, whose keys are in ``folder``, dials a simulated broker. Raises BadConfig."""
    door = ClientDoor(folder, OPERATOR)
    names = [guest.name for guest in guests_of(inventory_in(folder)) if guest.role == "broker"]
    return Way(door.keys, lambda: [key for name in names for key in door.doors().keys_of(name, time.time_ns())])


def _client_folders(config: Config) -> list[Path]:
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return [Path(named)]
    states = [Path(note.state) for note in notes() if note.mesh == config.settings.mesh.id]
    return list(dict.fromkeys(state / FOLDER for state in (*states, default_state(False), default_state(True))))
