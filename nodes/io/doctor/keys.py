"""Keys: who may read the private ones, whether the inventory knows them, and when doors close by themselves."""

import os
import sys
from collections.abc import Collection
from pathlib import Path

from mesh.config import Config
from mesh.doors import Doors
from mesh.errors import BadConfig
from mesh.io.clock import wall_ns
from mesh.io.system import may_others
from mesh.units import DAY_NS
from nodes.io.doctor.finding import BAD, OK, UNKNOWN, WARN, Finding
from nodes.io.doorfiles import door_path, guests_of, keys_from
from nodes.io.keeping import WARN_DAYS
from nodes.io.keyfiles import INVENTORY, Inventory, folder_of, node_keys, ns_of, read_inventory

AREA = "keys"
CLOSED = "nobody lets it in after that: its account is neither traded nor closed by the mesh"


def files(folder: Path) -> list[Finding]:
    """Private keys that others may read, or that are another's than who asks."""
    found: list[Finding] = []
    private = sorted(path for pattern in ("*.key", "*.door") for path in folder.glob(pattern))
    for path in private:
        seen = path.stat()
        if may_others(seen.st_mode):
            costs = "who reads it can do whatever its owner may; a node does not start with it (78)"
            found.append(Finding(BAD, AREA, path.name, f"mode {seen.st_mode & 0o777:o}", costs, f"chmod 600 {path}"))
        elif sys.platform != "win32" and seen.st_uid != os.geteuid():
            costs = "nodes that run as this user cannot read it"
            found.append(
                Finding(WARN, AREA, path.name, f"owner {seen.st_uid}, asked by {os.geteuid()}", costs, f"chown {os.geteuid()} {path}")
            )
    return found or [Finding(OK, AREA, "private keys", f"{len(private)} files, read by their owner alone")]


def ends(inventory: Inventory, now_ns: int) -> list[Finding]:
    """Names whose last door key ends within ``WARN_DAYS``, or has ended."""
    found: list[Finding] = []
    for name, door in inventory.door.items():
        if not door.keys:
            continue
        last = max(door.keys, key=lambda key: ns_of(key.until))
        until_ns = ns_of(last.until)
        days = (until_ns - now_ns) // DAY_NS
        do = f"mesh keys rotate {name}, then bring {INVENTORY} to every host"
        if until_ns <= now_ns:
            found.append(Finding(BAD, AREA, f"door key of {name}", f"ended {last.until}", CLOSED, do))
        elif days < WARN_DAYS:
            found.append(Finding(WARN, AREA, f"door key of {name}", f"ends in {days} days", CLOSED, do))
    count = sum(bool(door.keys) for door in inventory.door.values())
    return found or [Finding(OK, AREA, "door keys", f"{count} names, each good for {WARN_DAYS} days at least")]


def own(config: Config, state: Path, inventory: Inventory, now_ns: int, unread: Collection[str] = ()) -> list[Finding]:
    """Whether the keys of nodes that lie here are those the inventory has. ``unread``: files that no node reads as they are: what is wrong
    with them is found already, and says nothing of the key inside.
    """
    doors, folder = Doors(guests_of(inventory)), folder_of(state)
    found: list[Finding] = []
    here = [name for name in config.node if door_path(folder, name).exists()]
    judged = [name for name in here if not {f"{name}.key", f"{name}.door"} & set(unread)]
    for name in judged:
        try:
            if keys_from(door_path(folder, name)).public not in doors.keys_of(name, now_ns):
                raise BadConfig(f"{door_path(folder, name)} is not the key that {INVENTORY} has for {name} now")
            node_keys(name, config, state)
        except BadConfig as error:
            do = f"as it says; where {INVENTORY} has another key: mesh keys rotate {name}, or bring the {INVENTORY} that has this one"
            found.append(Finding(BAD, AREA, f"keys of {name}", str(error), "it does not start (78)", do))
    if not here and not config.settings.mesh.plain:
        value = f"none of a node in {folder}: right for a host that only watches"
        do = "mesh keys export HOST where the keys are; bring the folder here"
        return [Finding(UNKNOWN, AREA, "keys of nodes", value, "no node can start here", do)]
    if found or not judged:
        return found
    return [Finding(OK, AREA, "keys of nodes", f"{len(judged)} nodes, as {INVENTORY} has them")]


def look(config: Config, state: Path) -> list[Finding]:
    """All of it."""
    if config.settings.mesh.plain:
        return [Finding(OK, AREA, "links", "mesh.plain: no keys, on this machine alone")]
    if not folder_of(state).is_dir():
        return [
            Finding(
                UNKNOWN, AREA, "inventory", f"{folder_of(state)} is not there yet", "no node starts without", "mesh keys init, or mesh up"
            )
        ]
    try:
        inventory = read_inventory(state)
        now_ns = wall_ns()
        private = files(folder_of(state))
        unread = [finding.what for finding in private if finding.level == BAD]
        return [*private, *ends(inventory, now_ns), *own(config, state, inventory, now_ns, unread)]
    except BadConfig as error:
        return [Finding(BAD, AREA, "inventory", str(error), "no node starts without (78)", "mesh keys list")]
