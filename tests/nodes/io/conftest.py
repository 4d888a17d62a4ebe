"""A mesh's keys, and a node of it with a store, for the tests of what nodes do with them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.io.node import Node
from mesh.io.store import create
from nodes.io.keyfiles import Inventory
from nodes.io.keymaking import make_keys
from tests.smallmesh import small_mesh
from tests.wire.rig import Told, node_of


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    """New keys for each node and an operator; the private ones lie in the folder of the test."""
    return make_keys(parse(small_mesh(accounts={"one": ""})), tmp_path)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    """A router with a store."""
    made = node_of(Told(), "router-1", create(tmp_path / "router-1.db", "demo", "router-1", "router"))
    yield made
    made.close()
