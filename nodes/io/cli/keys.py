"""What ``mesh keys`` does: keys are made and listed in the state directory's ``keys``, on this host alone.

Nodes read the inventory when they start: who adds a key restarts the routers, the master and the locals of each host, one after the other.
"""

import getpass
import re
from pathlib import Path

import msgspec

from mesh.config import Config
from mesh.errors import BadUsage
from mesh.keyring import RIGHTS
from nodes.io.cli.grid import Column, console, grid
from nodes.io.cli.plaintext import say
from nodes.io.keyfiles import INVENTORY, OperatorKey, asked_passphrase, folder_of, make_keys, read_inventory, write_inventory, write_private
from nodes.io.locate import default_state, find, given

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.#-]{0,31}")
COLUMNS = (
    Column("name", "name"),
    Column("role", "role"),
    Column("may", "may"),
    Column("here", "private key here", rank=1),
    Column("key", "public key", rank=2, least_columns=16),
)


def place_of(config_path: Path | None, state: Path | None) -> tuple[Config, Path]:
    """The mesh and the state directory that are meant. Raises NoMesh, BadConfig."""
    config, running = find(config_path)
    known = Path(running.state) if running is not None else default_state(given(config_path) is not None)
    return config, (state or known).absolute()


def init_keys(config_path: Path | None, state: Path | None) -> int:
    """``mesh keys init``. Raises BadConfig."""
    config, place = place_of(config_path, state)
    inventory = make_keys(config, place)
    say(f"{folder_of(place)}: keys of {len(inventory.operator)} operators and {len(inventory.node)} nodes; every host needs {INVENTORY}")
    return 0


def list_keys(config_path: Path | None, state: Path | None) -> int:
    """``mesh keys list``. Raises BadConfig."""
    config, place = place_of(config_path, state)
    inventory = read_inventory(place)
    here = {path.stem for path in folder_of(place).glob("*.key")}
    rows = [
        {"name": name, "role": "operator", "may": ", ".join(each.may), "here": "yes" if name in here else "-", "key": each.key}
        for name, each in inventory.operator.items()
    ]
    for name, each in inventory.node.items():
        role = config.node[name].role if name in config.node else "not in the configuration"
        may = {"local": "stop its account", "master": "stop"}.get(role, "-")
        rows.append({"name": name, "role": role, "may": may, "here": "yes" if name in here else "-", "key": each.key})
    out = console()
    out.print(grid(COLUMNS, rows, out.width))
    return 0


def add_operator(config_path: Path | None, state: Path | None, name: str, may: str, out: Path | None, is_encrypted: bool) -> int:
    """``mesh keys operator``. Raises BadUsage, BadConfig."""
    rights = tuple(word.strip() for word in may.split(","))
    if not set(rights) <= set(RIGHTS):
        raise BadUsage(f"--may {may}: {', '.join(RIGHTS)} are allowed")
    config, place = place_of(config_path, state)
    inventory = read_inventory(place)
    if NAME.fullmatch(name) is None or name in config.node or name in inventory.node:
        raise BadUsage(f"{name}: names of 32 letters, digits and _ . # - at most are allowed, and no node's")
    if name in inventory.operator:
        raise BadUsage(f"{name}: there is an operator of this name; name another one, or take him out of {folder_of(place) / INVENTORY}")
    path = out or folder_of(place) / f"{name}.key"
    public = write_private(path, _new_passphrase() if is_encrypted else "")
    operators = inventory.operator | {name: OperatorKey(key=public.hex(), may=rights)}
    write_inventory(place, msgspec.structs.replace(inventory, operator=operators))
    say(f"{path}: private key of {name} ({', '.join(rights)}); keep a copy in a safe place")
    say(f"{folder_of(place) / INVENTORY}: bring it to every host, then restart master, routers and locals (mesh restart NODE)")
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
