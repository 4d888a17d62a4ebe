"""Keys of doors on disk: whose time has not begun, and a client that follows what changes while it runs."""

import os
import time
from pathlib import Path

import msgspec
import pytest

from mesh.config import Config, parse
from mesh.errors import EXIT_CODES, BadConfig, NotReady
from nodes.io.doorfiles import DAY_S, FOLDER_VARIABLE, NAME_VARIABLE, client_door, client_name, door_path, moment, new_entry, node_doors
from nodes.io.fleet import STAY_DOWN
from nodes.io.keyfiles import INVENTORY, DoorKeyEntry, folder_of, read_inventory, write_inventory
from nodes.io.keymaking import make_keys
from nodes.io.locate import demo_text


@pytest.fixture
def config() -> Config:
    """The demo's, whose links have doors."""
    return parse(demo_text())


def put_keys(state: Path, name: str, *keys: DoorKeyEntry) -> None:
    """Give a name other keys in the inventory."""
    inventory = read_inventory(state)
    door = msgspec.structs.replace(inventory.door[name], keys=keys)
    write_inventory(state, msgspec.structs.replace(inventory, door=inventory.door | {name: door}))


def shifted(key: DoorKeyEntry, days: float) -> DoorKeyEntry:
    """The same key, good from another day on."""
    return msgspec.structs.replace(key, since=moment(time.time() + days * DAY_S))


def renewed(state: Path, name: str) -> bytes:
    """A new private key and its place in the inventory, as `mesh keys rotate` makes them; its public half."""
    path = door_path(folder_of(state), name)
    path.unlink()
    entry = new_entry(path)
    put_keys(state, name, entry)
    return bytes.fromhex(entry.key)


def test_node_before_its_keys_time_is_tried_again(tmp_path: Path, config: Config) -> None:
    """Its clock may be behind: it says so, with both times, and ends with a code that supervisord starts it again after."""
    make_keys(config, tmp_path)
    key = read_inventory(tmp_path).door["router-1"].keys[0]
    put_keys(tmp_path, "router-1", shifted(key, 1))
    with pytest.raises(NotReady, match=r"good from 20\d\d-.* on, and the clock of this host says 20\d\d-.*set the clock, or wait"):
        node_doors(["router-1"], config, tmp_path)
    assert NotReady.exit_code in EXIT_CODES
    assert NotReady.exit_code not in STAY_DOWN
    put_keys(tmp_path, "router-1", shifted(key, -1))
    assert node_doors(["router-1"], config, tmp_path) is not None


def test_node_after_its_keys_time_stays_down(tmp_path: Path, config: Config) -> None:
    """Nothing heals that but a new key; nor a key of somebody else, or one that is not on the list."""
    make_keys(config, tmp_path)
    key = read_inventory(tmp_path).door["router-1"].keys[0]
    early = shifted(read_inventory(tmp_path).door["local-1"].keys[0], 1)
    for keys in ((msgspec.structs.replace(shifted(key, -9), until=moment(time.time() - DAY_S)),), (early,), ()):
        put_keys(tmp_path, "router-1", *keys)
        with pytest.raises(BadConfig, match="mesh keys rotate router-1"):
            node_doors(["router-1"], config, tmp_path)
    assert BadConfig.exit_code in STAY_DOWN


def test_client_follows_the_inventory_and_its_own_key(tmp_path: Path, config: Config) -> None:
    """A router's new key, a router's struck key, its own new key: each is known the next time it dials, without a restart."""
    make_keys(config, tmp_path)
    door = client_door(config, tmp_path)
    assert door is not None
    way = door.way("router-1")
    before = way.servers(), way.keys()
    assert before == (way.servers(), way.keys())
    changed = renewed(tmp_path, "router-1")
    assert way.servers() == [changed] != before[0]
    put_keys(tmp_path, "router-1")
    assert way.servers() == []
    own = renewed(tmp_path, "operator")
    assert way.keys().public == own != before[1].public


def test_client_keeps_what_it_knows_where_the_files_cannot_be_read(tmp_path: Path, config: Config) -> None:
    """While files are brought to a host half of them may be there: nothing changes until they are whole."""
    make_keys(config, tmp_path)
    door = client_door(config, tmp_path)
    assert door is not None
    way = door.way("router-1")
    before = way.servers(), way.keys()
    path = folder_of(tmp_path) / INVENTORY
    text = path.read_text()
    for damaged in (text[: len(text) // 2], "", "[door"):
        path.write_text(damaged)
        assert (way.servers(), way.keys()) == before
    own_path = door_path(folder_of(tmp_path), "operator")
    path.write_text(text)
    own_path.rename(own_path.with_suffix(".away"))
    assert (way.servers(), way.keys()) == before
    own_path.with_suffix(".away").rename(own_path)
    changed = renewed(tmp_path, "router-1")
    assert way.servers() == [changed]


def test_client_goes_by_the_name_of_its_key(tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says it is and which key it has are one."""
    monkeypatch.delenv(NAME_VARIABLE, raising=False)
    assert client_name() == "operator"
    make_keys(config, tmp_path)
    folder = folder_of(tmp_path)
    os.rename(door_path(folder, "operator"), door_path(folder, "desk-2"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    with pytest.raises(BadConfig, match=r"no key operator\.door"):
        client_door(config)
    monkeypatch.setenv(NAME_VARIABLE, "desk-2")
    assert client_name() == "desk-2"
    assert client_door(config) is not None
