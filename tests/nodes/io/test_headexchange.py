"""Which nodes sign the heads of their audits: those that have a key, here and in the inventory; the others say why not, and run."""

from pathlib import Path

import msgspec
import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from mesh.io.node import Node
from mesh.keyring import Signer
from nodes.io.headexchange import exchange_heads, signer_of
from nodes.io.keyfiles import Inventory, inventory_if_any, write_private
from tests.smallmesh import small_mesh
from tests.wire.rig import Notebook

CONFIG = parse(small_mesh(accounts={"one": ""}))


def whys(node: Node) -> list[str]:
    """What it said of heads that are not signed."""
    assert isinstance(node.log, Notebook)
    return [str(note.fields["why"]) for note in node.log.notes if note.name == "heads_unsigned"]


def test_every_node_of_a_new_inventory_signs(inventory: Inventory, node: Node, tmp_path: Path) -> None:
    """What it signs is good by the inventory, and it says nothing."""
    for name in CONFIG.node:
        signer, why = signer_of(name, CONFIG, tmp_path, inventory)
        assert (isinstance(signer, Signer), why) == (True, "")
        keyring = exchange_heads("router-1", node, CONFIG, tmp_path, inventory)
        assert signer is not None
        assert keyring is not None
        assert keyring.head_refusal(signer.signed_head(b"s" * 16, 1, b"h" * 32, 1)) == ""
    assert (whys(node), node.heads is not None) == ([], True)


def test_node_of_an_older_inventory_says_once_that_its_heads_are_not_signed(inventory: Inventory, node: Node, tmp_path: Path) -> None:
    """It keeps those of others."""
    older = msgspec.structs.replace(inventory, node={name: key for name, key in inventory.node.items() if name != "router-1"})
    assert exchange_heads("router-1", node, CONFIG, tmp_path, older) is not None
    assert whys(node) == ["inventory.toml has no signing key for router-1"]
    assert node.heads is not None


def test_key_that_is_not_here_or_another_signs_nothing(inventory: Inventory, node: Node, tmp_path: Path) -> None:
    """A host that was exported to before has none; one that others may read is refused, as every private key."""
    path = tmp_path / "keys" / "router-1.key"
    path.unlink()
    exchange_heads("router-1", node, CONFIG, tmp_path, inventory)
    write_private(path)
    exchange_heads("router-1", node, CONFIG, tmp_path, inventory)
    assert whys(node) == [f"{path} is missing", f"{path} is not the key that inventory.toml has for router-1"]
    path.chmod(0o644)
    with pytest.raises(BadConfig, match="others may read this private key"):
        exchange_heads("router-1", node, CONFIG, tmp_path, inventory)


def test_plain_mesh_without_keys_exchanges_nothing(node: Node, tmp_path: Path) -> None:
    """There is nobody's word to believe."""
    assert inventory_if_any(tmp_path) is None
    assert exchange_heads("router-1", node, CONFIG, tmp_path, None) is None
    assert (whys(node), node.heads) == (["there is no inventory.toml"], None)
