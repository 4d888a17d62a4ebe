"""Making keys: what a mesh on one machine needs and does not have yet, for stops and heads of audits that are signed and for
doors that open.
"""

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mesh.config import Config
from mesh.keyring import OPERATOR
from nodes.io.doorfiles import make_doors
from nodes.io.keyfiles import (
    INVENTORY,
    Inventory,
    NodeKey,
    OperatorKey,
    asked_passphrase,
    folder_of,
    read_inventory,
    read_private,
    write_inventory,
    write_private,
)


def make_keys(config: Config, state: Path) -> Inventory:
    """Keys for every node and one operator, where they are not there yet: all of a mesh on this machine.

    Raises BadConfig.
    """
    path = folder_of(state) / INVENTORY
    known: Inventory = read_inventory(state) if path.exists() else Inventory()
    nodes = dict(known.node)
    for name, node in config.node.items():
        if name not in nodes:
            key = _public(folder_of(state) / f"{name}.key").hex()
            nodes[name] = NodeKey(key=key, role=node.role, account=node.account)
    operators = dict(known.operator) or {OPERATOR: OperatorKey(key=_public(folder_of(state) / f"{OPERATOR}.key").hex())}
    inventory = make_doors(config, state, msgspec.structs.replace(known, operator=operators, node=nodes))
    if inventory != known:
        write_inventory(state, inventory)
    return inventory


def _public(path: Path) -> bytes:
    """The public half of a private key that is there (an inventory was lost), or of a new one."""
    if not path.exists():
        return write_private(path)
    return Ed25519PrivateKey.from_private_bytes(read_private(path, asked_passphrase)).public_key().public_bytes_raw()
