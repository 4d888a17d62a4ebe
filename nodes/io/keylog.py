"""What becomes of keys, in the audit of every node: which came, which were struck, whose times or rights have changed.

A row stands for each key that the inventory has or had. Those not struck are the inventory as this store last saw it: so what was
changed while the node was down is found at its next start.
"""

from collections.abc import Sequence

import msgspec

from mesh.audit import KEYS
from mesh.codec import decode_record_untrusted, encode
from mesh.core import Commit, Put
from mesh.errors import BadFrame
from mesh.io.node import Node
from mesh.io.storelayout import damaged
from mesh.keyring import OPERATOR
from mesh.messages.base import Msg
from nodes.io.keyfiles import Inventory

ADDED, CHANGED, STRUCK = "ADDED", "CHANGED", "STRUCK"
DOORS, SIGNING = "doors", "signing"
"""What a key is for."""
ROWS_MAX = 1_000_000


class KeyRecord(Msg):
    """What became of a key (``change``), and what it may be used for since. ``was``: of a change, what was otherwise before."""

    change: str
    name: str
    use: str
    role: str
    key: str
    account: str = ""
    may: str = ""
    since: str = ""
    until: str = ""
    addresses: str = ""
    was: str = ""


class KeyLog:
    """What the stores of one process's nodes know of the inventory. Raises BadConfig, StoreFailed where one cannot be read."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._known = [(node, _known_in(node)) for node in nodes if node.store is not None]

    def take(self, inventory: Inventory) -> None:
        """Have the nodes write down what is otherwise than they know it."""
        listed = keys_of(inventory)
        for node, known in self._known:
            changes = _changes(known, listed)
            if changes:
                node.do((Commit(0, tuple(Put(KEYS, key, encode(record)) for key, record in changes.items())),))
            known.clear()
            known.update(listed)


def keys_of(inventory: Inventory) -> dict[bytes, KeyRecord]:
    """Every key of an inventory, by the key of its row."""
    records = [
        KeyRecord(ADDED, name, SIGNING, OPERATOR, each.key, may=", ".join(each.may), until=each.until or "")
        for name, each in inventory.operator.items()
    ]
    records += [KeyRecord(ADDED, name, SIGNING, each.role, each.key, each.account or "") for name, each in inventory.node.items()]
    for name, door in inventory.door.items():
        rights = (door.account or "", ", ".join(door.may))
        addresses = ", ".join(door.addresses)
        records += [KeyRecord(ADDED, name, DOORS, door.role, key.key, *rights, key.since, key.until, addresses) for key in door.keys]
    return {f"{each.name}\0{each.use}\0{each.key}".encode(): each for each in records}


def _known_in(node: Node) -> dict[bytes, KeyRecord]:
    """The inventory as a node's store last saw it. Raises BadConfig, StoreFailed."""
    assert node.store is not None, "asked of those that have one"
    try:
        rows = [(key, decode_record_untrusted(record, KeyRecord)) for key, record in node.store.fetch(KEYS, b"", ROWS_MAX)]
    except BadFrame as error:
        raise damaged(node.store.path, f"what it knows of keys cannot be read: {error}") from None
    return {key: msgspec.structs.replace(record, change=ADDED, was="") for key, record in rows if record.change != STRUCK}


def _changes(known: dict[bytes, KeyRecord], listed: dict[bytes, KeyRecord]) -> dict[bytes, KeyRecord]:
    """What to write down of each key that is not as it was."""
    struck = {key: msgspec.structs.replace(record, change=STRUCK) for key, record in known.items() if key not in listed}
    changed = {
        key: msgspec.structs.replace(record, change=CHANGED, was=_otherwise(known[key], record))
        for key, record in listed.items()
        if key in known and known[key] != record
    }
    return struck | changed | {key: record for key, record in listed.items() if key not in known}


def _otherwise(before: KeyRecord, after: KeyRecord) -> str:
    """The fields that were otherwise, as they were."""
    was = {name: getattr(before, name) for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)}
    return ", ".join(f"{name}={value or '-'}" for name, value in was.items())
