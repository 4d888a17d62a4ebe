"""Keys change while somebody watches, and an operator acts: a console that runs for months is not cut off, and acts bear a proven name."""

import time
from pathlib import Path

import pytest

from mesh.messages.base import Msg
from mesh.messages.control import Ping, Pong
from nodes.io.cli.client import Client
from tests.e2e.meshrig import Rig
from tests.e2e.test_keys import LIMIT_S, keys, notes

pytestmark = [pytest.mark.wire, pytest.mark.slow]


def hears_anew(client: Client, router: str) -> bool:
    """Whether a client hears a router from now on, by itself."""
    began_ns = client.now_ns()
    while client.view.routers.get(router, 0) <= began_ns and client.now_ns() - began_ns < LIMIT_S * 1e9:
        client.pump(50)
    return client.view.routers.get(router, 0) > began_ns


def answers(client: Client, router: str) -> bool:
    """Whether a router answers a ping over a control link that was made before."""
    nonce = client.nonce()

    def is_pong(message: Msg) -> bool:
        return isinstance(message, Pong) and message.nonce == nonce

    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        client.greet("operator")
        if client.send(router, Ping("", nonce)) and client.wait_for(is_pong, 1.0):
            return True
        client.pump(50)  # where it is not connected yet nothing is sent
    return False


def test_client_follows_keys_that_change_and_acts_bear_its_name(tmp_path: Path) -> None:
    """A router and the operator take new keys, the old ones end at once; a client that was there before hears and is heard by itself.

    Acts by the command line go through, for they bear the name of its key.
    """
    rig = Rig(tmp_path)
    with rig.started("live") as process:
        rig.wait_ready("live")
        with Client(rig.config, rig.folder / "live") as client:
            assert client.wait_whole(LIMIT_S)
            assert answers(client, "router-1")
            keys(rig, "rotate", "router-1", "--overlap-hours", "0")
            assert rig.run("restart", "router-1", "--config", str(rig.config_path)).returncode == 0
            assert hears_anew(client, "router-1")
            keys(rig, "rotate", "operator", "--overlap-hours", "0")
            assert hears_anew(client, "router-1")
            assert answers(client, "router-1")
        acted = rig.run("close", "all", "--dry-run", "--config", str(rig.config_path))
        assert acted.returncode == 0, acted.stderr
        pinged = rig.run("ping", "--config", str(rig.config_path))
        assert pinged.returncode == 0, pinged.stderr
        code, said = rig.finish("live", process)
        assert code == 0, said[-2000:]
    refused = [note["why"] for note in notes(rig) if note["event"] == "guest_refused"]
    assert not [why for why in refused if "operator=" in why], refused
