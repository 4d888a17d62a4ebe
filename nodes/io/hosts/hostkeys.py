"""The keys one host needs and no others: its nodes' own, one that opens doors for commands there, and everybody's public ones."""

from pathlib import Path

import msgspec

from mesh.config import Config
from mesh.errors import BadConfig
from mesh.io.storemarks import write_whole
from mesh.keyring import OPERATOR
from nodes.io.doorfiles import door_path, new_entry
from nodes.io.hosts.plan import HostPlan
from nodes.io.keyfiles import INVENTORY, DoorEntry, Inventory, copy_private, folder_of, read_inventory, write_inventory
from nodes.io.keymaking import make_keys


def fleet_keys(config: Config, state: Path, plans: dict[str, HostPlan]) -> Inventory:
    """Keys for every node, one operator, and each host's commands, made where they are not there yet. Raises BadConfig."""
    known = make_keys(config, state)
    doors = dict(known.door)
    for plan in plans.values():
        if plan.client not in doors:
            # no right to trade: it sees what frontends see, and brings stops that somebody has signed
            doors[plan.client] = DoorEntry(role="operator", keys=(new_entry(door_path(folder_of(state), plan.client)),))
    inventory = msgspec.structs.replace(known, door=doors)
    if inventory != known:
        write_inventory(state, inventory)
    return inventory


def host_keys(plan: HostPlan, state: Path) -> dict[str, Path]:
    """Name in the host's key folder → where it is here. Raises BadConfig where one is missing."""
    wanted = [f"{name}{suffix}" for name in plan.nodes for suffix in (".key", ".door")] + [f"{plan.client}.door"]
    return _here(state, {name: name for name in wanted}, plan.name)


def operator_keys(name: str, state: Path) -> dict[str, Path]:
    """The same of an operator's folder: his signing key is that of the folder. Raises BadConfig."""
    inventory = read_inventory(state)
    if name not in inventory.operator or name not in inventory.door:
        raise BadConfig(f"{name}: {INVENTORY} has no operator of this name with both keys; `mesh keys operator {name}` makes one")
    return _here(state, {f"{OPERATOR}.key": f"{name}.key", f"{name}.door": f"{name}.door"}, name)


def _here(state: Path, wanted: dict[str, str], whose: str) -> dict[str, Path]:
    found = {name: folder_of(state) / source for name, source in wanted.items()}
    missing = [path.name for path in found.values() if not path.exists()]
    if missing:
        raise BadConfig(f"{folder_of(state)}: {', '.join(missing)} of {whose} is not there: build where the fleet's keys are (--state)")
    return found


def write_keys(keys: dict[str, Path], state: Path, folder: Path) -> list[str]:
    """Bring private keys and the inventory into a host's folder of keys; names of those that were not there so. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed: list[str] = []
    for name, source in keys.items():
        path = folder / name
        if path.exists() and path.read_bytes() == source.read_bytes():
            continue
        path.unlink(missing_ok=True)
        copy_private(source, path)
        changed.append(name)
    raw = (folder_of(state) / INVENTORY).read_bytes()
    if not (folder / INVENTORY).exists() or (folder / INVENTORY).read_bytes() != raw:
        write_whole(folder / INVENTORY, raw)
        changed.append(INVENTORY)
    for path in folder.glob("*.door"):
        if path.name not in keys:
            path.unlink()  # of a node that has gone to another host
    for path in folder.glob("*.key"):
        if path.name not in keys:
            path.unlink()
    return changed
