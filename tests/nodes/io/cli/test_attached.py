"""Every verb that looks at a running mesh attaches in one way."""

from pathlib import Path

import pytest

from mesh.errors import NoMesh
from nodes.io.cli import client as clients
from nodes.io.cli.client import Client, attached
from nodes.io.cli.listing import show_listing
from nodes.io.locate import demo_text


def test_no_router_is_no_mesh_and_the_client_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 69, where was looked, what to do; sockets are closed."""
    path = tmp_path / "mesh.toml"
    path.write_text(demo_text().replace("[mesh]", "[mesh]\nplain = true", 1), encoding="utf-8")
    left: list[Client] = []
    monkeypatch.setattr(clients, "LOOK_S", 0.0)
    monkeypatch.setattr(Client, "wait_whole", lambda self, seconds: False)
    close = Client.close
    monkeypatch.setattr(Client, "close", lambda self: (left.append(self), close(self))[1])
    with pytest.raises(NoMesh, match=r"tcp://.*mesh up") as raised, attached(path):
        pass
    assert (raised.value.exit_code, len(left)) == (69, 1)
    with pytest.raises(NoMesh):
        show_listing(path, "deals", as_json=False, as_csv=False)
