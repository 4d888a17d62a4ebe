"""Gives a node what it needs to exchange heads of audits (``mesh/io/heads.py``): its signing key, all public ones, and whom it tells.

A node whose key is not here, or not in the inventory, as one of an older inventory is not, runs all the same: it says once that its own
heads are not signed, and keeps those of others.
"""

from pathlib import Path

from mesh.config import Config
from mesh.core import Note
from mesh.dials import head_links
from mesh.io.heads import Heads
from mesh.io.node import Node
from mesh.keyring import Keyring, Signer
from nodes.io.keyfiles import INVENTORY, Inventory, folder_of, keyring_of, read_private


def exchange_heads(name: str, node: Node, config: Config, state: Path, inventory: Inventory | None) -> Keyring | None:
    """Have a node exchange heads; the keys by which it judges them, which are to follow the inventory. None: it has none.

    ``inventory`` None: of a plain mesh that has no keys. Raises BadConfig for a private key that cannot be read, or that others may read.
    """
    signer, why = (None, f"there is no {INVENTORY}") if inventory is None else signer_of(name, config, state, inventory)
    if signer is None:
        do = "mesh keys init on the host that has the keys, then mesh keys export for each host; until then others cannot prove its audit"
        node.log.note(Note("warning", "heads_unsigned", {"why": why, "do": do}))
    if inventory is None:
        return None
    keyring = keyring_of(config, inventory)
    node.heads = Heads(node, signer, keyring, head_links(config, name))
    return keyring


def signer_of(name: str, config: Config, state: Path, inventory: Inventory) -> tuple[Signer | None, str]:
    """A node's signing key, or why it signs nothing. Raises BadConfig for a private key that cannot be read, or that others may read."""
    path = folder_of(state) / f"{name}.key"
    listed = inventory.node.get(name)
    if listed is None:
        return None, f"{INVENTORY} has no signing key for {name}"
    if not path.exists():
        return None, f"{path} is missing"
    signer = Signer(config.settings.mesh.id, name, read_private(path))
    if signer.public.hex() != listed.key:
        return None, f"{path} is not the key that {INVENTORY} has for {name}"
    return signer, ""
