"""What becomes of keys is in the audit of each node: as it happens, and what happened while the node was down at its next start."""

from pathlib import Path

import msgspec
import pytest

from mesh.audit import KEYS
from mesh.codec import decode_record_untrusted
from mesh.config import parse
from mesh.core import Put
from mesh.doors import Doors
from mesh.errors import BadConfig
from mesh.io import auditwalk
from mesh.io.node import Node
from mesh.io.store import create, open_store
from nodes.io.doorfiles import guests_of, stamp_of
from nodes.io.keeping import Keeping
from nodes.io.keyfiles import INVENTORY, Inventory, folder_of, read_inventory, write_inventory
from nodes.io.keylog import KeyLog, KeyRecord
from tests.smallmesh import small_mesh
from tests.wire.rig import Told, names_of, node_of

CONFIG = parse(small_mesh(accounts={"one": ""}))


def told(node: Node) -> list[KeyRecord]:
    """What the audit has of keys."""
    node.commit_all()
    assert node.store is not None
    return [decode_record_untrusted(row.record, KeyRecord) for row in auditwalk.records(node.store.path, kind=KEYS)]


def without(inventory: Inventory, name: str) -> Inventory:
    """Its door keys are struck."""
    struck = msgspec.structs.replace(inventory.door[name], keys=())
    return msgspec.structs.replace(inventory, door=inventory.door | {name: struck})


def test_first_inventory_is_told_whole(inventory: Inventory, node: Node) -> None:
    """Each key once, of doors and of signing, of nodes and operators, with what it may."""
    KeyLog([node]).take(inventory)
    records = told(node)
    assert {each.change for each in records} == {"ADDED"}
    doors = {(name, "doors", key.key) for name, door in inventory.door.items() for key in door.keys}
    signing = {(name, "signing", key.key) for name, key in (inventory.node | inventory.operator).items()}
    assert {(each.name, each.use, each.key) for each in records} == doors | signing
    assert len(records) == len(doors | signing)
    (operator,) = [each for each in records if (each.name, each.use) == ("operator", "signing")]
    assert (operator.role, operator.may) == ("operator", "stop, resume")


def test_what_changes_is_told_and_nothing_else(inventory: Inventory, node: Node) -> None:
    """A key struck, one put back, another end of a key, another right."""
    log = KeyLog([node])
    log.take(inventory)
    count = len(told(node))
    log.take(inventory)
    assert len(told(node)) == count
    log.take(without(inventory, "router-1"))
    log.take(inventory)
    router = inventory.door["router-1"]
    (key,) = router.keys
    ended = msgspec.structs.replace(router, keys=(msgspec.structs.replace(key, until="2026-01-01T00:00:00Z"),))
    stopper = msgspec.structs.replace(inventory.operator["operator"], may=("stop",), until="2026-02-01T00:00:00Z")
    log.take(msgspec.structs.replace(inventory, door=inventory.door | {"router-1": ended}, operator={"operator": stopper}))
    seen = [(each.change, each.name, each.use, each.was) for each in told(node)[count:]]
    assert seen == [
        ("STRUCK", "router-1", "doors", ""),
        ("ADDED", "router-1", "doors", ""),
        ("CHANGED", "operator", "signing", "may=stop, resume, until=-"),
        ("CHANGED", "router-1", "doors", f"until={key.until}"),
    ]
    assert told(node)[-1].until == "2026-01-01T00:00:00Z"


def test_what_changed_while_the_node_was_down_is_told_at_its_next_start(inventory: Inventory, tmp_path: Path) -> None:
    """The store knows which inventory it last saw; where it is the same nothing is written."""

    def lives(inventory: Inventory) -> list[tuple[str, str]]:
        path = tmp_path / "broker-1.db"
        store = (open_store if path.exists() else create)(path, "demo", "broker-1", "broker")
        node = node_of(Told(), "broker-1", store)
        before = len(told(node))
        KeyLog([node]).take(inventory)
        found = [(each.change, each.name) for each in told(node)[before:]]
        node.close()
        return found

    assert len(lives(inventory)) > 2
    assert lives(inventory) == []
    assert lives(without(inventory, "local-1")) == [("STRUCK", "local-1")]
    assert lives(without(inventory, "local-1")) == []
    assert lives(inventory) == [("ADDED", "local-1")]


def test_row_that_is_none_is_a_damaged_store(node: Node) -> None:
    """It is told as such at the start, and no traceback."""
    assert node.store is not None
    node.store.commit([Put(KEYS, b"k", b"none")])
    with pytest.raises(BadConfig, match="what it knows of keys cannot be read"):
        KeyLog([node])


def test_inventory_that_changes_under_a_running_node(inventory: Inventory, node: Node, tmp_path: Path) -> None:
    """The look that cuts a struck key off writes it down, too; a file that cannot be read changes nothing."""
    keeping = Keeping(CONFIG, tmp_path, Doors(guests_of(inventory)), {}, stamp_of(folder_of(tmp_path) / INVENTORY))
    log = KeyLog([node])
    log.take(inventory)
    count = len(told(node))
    look = keeping.watch([node], log)
    look()
    assert len(told(node)) == count
    write_inventory(tmp_path, without(read_inventory(tmp_path), "local-1"))
    look()
    assert [(each.change, each.name) for each in told(node)[count:]] == [("STRUCK", "local-1")]
    (tmp_path / "keys" / "inventory.toml").write_text("nonsense")
    look()
    assert len(told(node)) == count + 1
    assert names_of(node)[-2:] == ["inventory_taken", "inventory_refused"]
