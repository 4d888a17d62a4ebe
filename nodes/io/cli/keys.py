"""What ``mesh keys`` does: keys are made, listed, changed, struck and exported in the state directory's ``keys``, on this host alone.

Nodes read the inventory again when it changes: who adds or strikes a key brings the file to every host, and restarts nobody but the node
whose own key has changed.
"""

import getpass
import re
import time
from pathlib import Path

import msgspec

from mesh.doors import TRADE
from mesh.errors import BadUsage
from mesh.io.storemarks import write_whole
from mesh.keyring import ISSUING_ROLES, RESUME, RIGHTS
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import say
from nodes.io.doorfiles import door_path, keys_from, moment, new_entry
from nodes.io.keyfiles import (
    INVENTORY,
    DoorEntry,
    Inventory,
    OperatorKey,
    asked_passphrase,
    copy_private,
    folder_of,
    read_inventory,
    write_inventory,
    write_private,
)
from nodes.io.keymaking import make_keys
from nodes.io.locate import mesh_and_state

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.#-]{0,31}")
COLUMNS = (
    Column("name", "name"),
    Column("role", "role"),
    Column("for", "for"),
    Column("may", "may"),
    Column("here", "private key here", rank=1),
    Column("until", "good until", rank=1),
    Column("key", "public key", rank=2, least_columns=16),
)


def init_keys(config_path: Path | None, state: Path | None) -> int:
    """``mesh keys init``. Raises BadConfig."""
    config, place = mesh_and_state(config_path, state)
    inventory = make_keys(config, place)
    say(f"{folder_of(place)}: keys of {len(inventory.operator)} operators and {len(inventory.node)} nodes; every host needs {INVENTORY}")
    return 0


def list_keys(config_path: Path | None, state: Path | None) -> int:
    """``mesh keys list``. Raises BadConfig."""
    config, place = mesh_and_state(config_path, state)
    inventory = read_inventory(place)
    here = {path.stem for path in folder_of(place).glob("*.key")}
    rows = [
        {"name": name, "role": "operator", "may": ", ".join(each.may), "here": "yes" if name in here else "-", "key": each.key}
        | {"for": "stops", "until": each.until or "-"}
        for name, each in inventory.operator.items()
    ]
    for name, each in inventory.node.items():
        role = config.node[name].role if name in config.node else "not in the configuration"
        may = {"local": "stop its account", "master": "stop"}.get(each.role, "-")
        signs = {"for": "stops, heads" if each.role in ISSUING_ROLES else "heads", "until": "-"}
        rows.append({"name": name, "role": role, "may": may, "here": "yes" if name in here else "-", "key": each.key, **signs})
    rows += door_rows(inventory, folder_of(place))
    out = console()
    out.print(grid(COLUMNS, rows, out.width))
    return 0


def door_rows(inventory: Inventory, folder: Path) -> list[dict[str, str]]:
    """A line for each key that opens doors."""
    rows: list[dict[str, str]] = []
    for name, door in inventory.door.items():
        path = door_path(folder, name)
        own = keys_from(path).public.hex() if path.exists() else ""
        may = ", ".join(door.may) if door.role == "operator" else (f"trade {door.account}" if door.account else "-")
        for key in door.keys:
            here = "yes" if key.key == own else "-"
            rows.append({"name": name, "role": door.role, "for": "doors", "may": may, "here": here, "until": key.until, "key": key.key})
    return rows


def rotate_key(config_path: Path | None, state: Path | None, name: str, overlap_hours: float) -> int:
    """``mesh keys rotate``: a new door key; the old one is good for a while beside it. Raises BadUsage, BadConfig."""
    _, place = mesh_and_state(config_path, state)
    inventory, folder = read_inventory(place), folder_of(place)
    door = inventory.door.get(name)
    if door is None:
        raise BadUsage(f"{name}: {INVENTORY} has no door key of this name; it has: {', '.join(inventory.door) or 'none'}")
    path = door_path(folder, name)
    end_s = time.time() + overlap_hours * 3_600
    kept = tuple(msgspec.structs.replace(key, until=min(key.until, moment(end_s))) for key in door.keys)
    fresh = folder / f"{name}.door.new"
    fresh.unlink(missing_ok=True)  # of a rotation that was cut short: nobody knows it
    entry = new_entry(fresh)
    doors = inventory.door | {name: msgspec.structs.replace(door, keys=(entry, *kept))}
    write_inventory(place, msgspec.structs.replace(inventory, door=doors))
    fresh.replace(path)
    say(f"{path}: the new key of {name}; the old one opens doors till {moment(end_s)}")
    say(f"{folder / INVENTORY}: bring it to every host before then, and {path.name} to the host {name} runs on if that is another one;")
    say(f"then restart {name} (mesh restart {name}): it takes its new key")
    return 0


def revoke_key(config_path: Path | None, state: Path | None, name: str, key: str) -> int:
    """``mesh keys revoke``: door keys of a name are struck; ``key``: those that begin so, empty: all. Raises BadUsage, BadConfig."""
    _, place = mesh_and_state(config_path, state)
    inventory = read_inventory(place)
    door = inventory.door.get(name)
    struck = [each for each in door.keys if each.key.startswith(key)] if door is not None else []
    if door is None or not struck:
        raise BadUsage(f"{name} {key}: {INVENTORY} has no such door key; `mesh keys list` shows those there are")
    kept = tuple(each for each in door.keys if each not in struck)
    doors = inventory.door | {name: msgspec.structs.replace(door, keys=kept)}
    write_inventory(place, msgspec.structs.replace(inventory, door=doors))
    count = f"{len(struck)} door key{'s' * (len(struck) > 1)} struck, {len(kept)} left"
    say(f"{name}: {count}; nodes of this host cut it off within two seconds")
    say(f"{folder_of(place) / INVENTORY}: bring it to every host; `mesh keys rotate {name}` makes {name} a new key")
    return 0


def retire_key(config_path: Path | None, state: Path | None, name: str) -> int:
    """``mesh keys retire``: a signing key ends now. Raises BadUsage, BadConfig."""
    _, place = mesh_and_state(config_path, state)
    inventory = read_inventory(place)
    operator = inventory.operator.get(name)
    if operator is None:
        raise BadUsage(f"{name}: {INVENTORY} has no operator of this name; it has: {', '.join(inventory.operator) or 'none'}")
    if operator.until is not None:
        raise BadUsage(f"{name}: this key was retired at {operator.until} already")
    ended = msgspec.structs.replace(operator, until=moment(time.time()))
    operators = inventory.operator | {name: ended}
    write_inventory(place, msgspec.structs.replace(inventory, operator=operators))
    say(f"{name}: retired at {ended.until}; what it has stopped binds until another operator resumes it, it resumes nothing more")
    say(f"{folder_of(place) / INVENTORY}: bring it to every host now: where it is not yet, the key is good still")
    if name in inventory.door:
        say(f"its door key is another one: `mesh keys revoke {name}` cuts it off")
    if not any(RESUME in each.may and each.until is None for each in operators.values()):
        say("nobody can resume any more: `mesh keys operator NAME` makes a key that may")
    return 0


def export_keys(config_path: Path | None, state: Path | None, host: str, out: Path, operator: str) -> int:
    """``mesh keys export``: what one host needs and nothing more. Raises BadUsage, BadConfig."""
    config, place = mesh_and_state(config_path, state)
    inventory, folder = read_inventory(place), folder_of(place)
    names = [name for name, node in config.node.items() if node.host == host]
    if not names and not operator:
        hosts = ", ".join(dict.fromkeys(node.host for node in config.node.values()))
        raise BadUsage(f"{host}: no node runs there; hosts are: {hosts}. For an operator's own host add --operator NAME")
    if operator and operator not in inventory.door and operator not in inventory.operator:
        raise BadUsage(f"--operator {operator}: {INVENTORY} has: {', '.join(inventory.operator)}")
    wanted = [folder / f"{name}{suffix}" for name in [*names, *filter(None, [operator])] for suffix in (".key", ".door")]
    found = [path for path in wanted if path.exists()]
    try:
        out.mkdir(mode=0o700, parents=True)
        for path in found:
            copy_private(path, out / path.name)
        write_whole(out / INVENTORY, (folder / INVENTORY).read_bytes())
    except OSError as error:
        raise BadUsage(f"{out}: {error.strerror}; name a directory that is not there yet") from None
    say(f"{out}: {INVENTORY} and {len(found)} private keys ({', '.join(path.name for path in found) or 'none'}) for {host}")
    say(f"bring it there as STATE/keys, on a way nobody else can read; then remove {out} here")
    return 0


def add_operator(config_path: Path | None, state: Path | None, name: str, may: str, out: Path | None, is_encrypted: bool) -> int:
    """``mesh keys operator``. Raises BadUsage, BadConfig."""
    rights = tuple(word.strip() for word in may.split(","))
    allowed = (*RIGHTS, TRADE)
    if not set(rights) <= set(allowed):
        raise BadUsage(f"--may {may}: {', '.join(allowed)} are allowed")
    config, place = mesh_and_state(config_path, state)
    inventory = read_inventory(place)
    if NAME.fullmatch(name) is None or name in config.node or name in inventory.node:
        raise BadUsage(f"{name}: names of 32 letters, digits and _ . # - at most are allowed, and no node's")
    if name in inventory.operator:
        raise BadUsage(f"{name}: there is an operator of this name; name another one, or take him out of {folder_of(place) / INVENTORY}")
    path = out or folder_of(place) / f"{name}.key"
    public = write_private(path, _new_passphrase() if is_encrypted else "")
    operators = inventory.operator | {name: OperatorKey(key=public.hex(), may=tuple(word for word in rights if word != TRADE))}
    entry = new_entry(path.with_suffix(".door"))
    doors = inventory.door | {name: DoorEntry(role="operator", may=("trade",) if TRADE in rights else (), keys=(entry,))}
    write_inventory(place, msgspec.structs.replace(inventory, operator=operators, door=doors))
    say(f"{path}, {path.with_suffix('.door').name}: private keys of {name} ({', '.join(rights)}); keep copies in a safe place")
    say(f"{folder_of(place) / INVENTORY}: bring it to every host; the nodes there take it within a second")
    return 0


def _new_passphrase() -> str:
    """Of the environment, or typed twice. Raises BadUsage where the two differ."""
    first = asked_passphrase()
    try:
        second = getpass.getpass("once more: ")
    except EOFError:
        second = first
    if first != second or not first:
        raise BadUsage("the two passphrases differ, or are empty")
    return first
