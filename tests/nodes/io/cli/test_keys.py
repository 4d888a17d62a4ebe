"""``mesh keys``: makes, lists and adds; a name or a right that is none is refused before anything is written."""

from pathlib import Path

import msgspec
import pytest

from mesh.errors import BadConfig, BadUsage
from nodes.io.cli.keys import add_operator, export_keys, init_keys, list_keys, revoke_key, rotate_key
from nodes.io.doorfiles import keys_from, node_doors
from nodes.io.keyfiles import PASSPHRASE, read_inventory, write_inventory
from nodes.io.locate import demo_text, load


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's configuration, and no mesh that was ever started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(PASSPHRASE, raising=False)
    path = tmp_path / "mesh.toml"
    path.write_text(demo_text())
    return path


def test_keys_are_made_listed_and_added(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who may what, and which private keys are here; what to do with a new one."""
    state = tmp_path / "state"
    assert init_keys(config, state) == 0
    assert f"keys of 1 operators and {len(load(config).node)} nodes; every host needs inventory.toml" in capsys.readouterr().out
    assert add_operator(config, state, "ann", "stop", tmp_path / "ann.key", is_encrypted=False) == 0
    told = capsys.readouterr().out
    assert "ann.key, ann.door: private keys of ann (stop); keep copies in a safe place" in told
    assert "bring it to every host" in told
    assert list_keys(config, state) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if " stops" in line}
    assert ("stop, resume" in lines["operator"], " yes " in lines["operator"]) == (True, True)
    assert ("resume" in lines["ann"], " - " in lines["ann"]) == (False, True)
    assert "stop its account" in lines["local-1"]
    assert "router-1" not in lines, "its key signs heads of its audit, and stops nothing"


@pytest.mark.parametrize("name", ["ann b", "ölaf", "a" * 40, 'a"b', "../../esc", "", "local-2", "operator"])
def test_name_that_could_not_be_read_again_is_refused(config: Path, tmp_path: Path, name: str) -> None:
    """Nothing is written: an inventory that cannot be read would keep every node from starting."""
    state = tmp_path / "state"
    init_keys(config, state)
    before = sorted(path.name for path in (state / "keys").iterdir())
    with pytest.raises(BadUsage):
        add_operator(config, state, name, "stop", None, is_encrypted=False)
    assert sorted(path.name for path in (state / "keys").iterdir()) == before
    assert list(read_inventory(state).operator) == ["operator"]


def test_right_that_is_none_and_empty_passphrase_are_refused(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was to be encrypted is never written in plain."""
    state = tmp_path / "state"
    init_keys(config, state)
    with pytest.raises(BadUsage, match="--may fly: stop, resume, trade are allowed"):
        add_operator(config, state, "ann", "fly", None, is_encrypted=False)
    monkeypatch.setenv(PASSPHRASE, "")
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "")
    with pytest.raises(BadUsage, match="differ, or are empty"):
        add_operator(config, state, "ann", "stop", None, is_encrypted=True)
    assert not (state / "keys" / "ann.key").exists()


# doors


def test_new_key_stands_beside_the_old_one_for_a_while(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The private key here is the new one at once; the inventory lets in both, the old one till then."""
    state = tmp_path / "state"
    init_keys(config, state)
    (before,) = read_inventory(state).door["router-1"].keys
    assert rotate_key(config, state, "router-1", 2.0) == 0
    told = capsys.readouterr().out
    new, old = read_inventory(state).door["router-1"].keys
    assert (old.key, new.key != before.key) == (before.key, True)
    assert old.until < new.until
    assert f"the old one opens doors till {old.until}" in told
    assert keys_from(state / "keys" / "router-1.door").public.hex() == new.key
    assert node_doors(["router-1"], load(config), state) is not None
    assert (state / "keys" / "router-1.door").stat().st_mode & 0o777 == 0o600


def test_struck_key_is_gone_from_the_inventory_and_its_node_does_not_start(config: Path, tmp_path: Path) -> None:
    """Of several keys only the one that is named; what is none is refused."""
    state = tmp_path / "state"
    init_keys(config, state)
    rotate_key(config, state, "local-1", 2.0)
    new, old = read_inventory(state).door["local-1"].keys
    assert revoke_key(config, state, "local-1", old.key[:12]) == 0
    assert [key.key for key in read_inventory(state).door["local-1"].keys] == [new.key]
    assert revoke_key(config, state, "local-1", "") == 0
    with pytest.raises(BadConfig, match=r"inventory\.toml has not this key .* for local-1 now"):
        node_doors(["local-1"], load(config), state)
    for name, key in (("local-1", ""), ("nosuch", ""), ("local-2", "zz")):
        with pytest.raises(BadUsage, match="no such door key"):
            revoke_key(config, state, name, key)


def test_host_gets_its_own_keys_and_nothing_more(config: Path, tmp_path: Path) -> None:
    """No other host's private key, nor an operator's unless he is named; nothing is written over."""
    config.write_text(demo_text().replace('account = "demo-1"', 'account = "demo-1"\nhost = "10.0.0.7"', 1))
    state, out = tmp_path / "state", tmp_path / "out"
    init_keys(config, state)
    assert export_keys(config, state, "10.0.0.7", out, "") == 0
    assert sorted(path.name for path in out.iterdir()) == ["inventory.toml", "local-1.door", "local-1.key"]
    assert (out / "inventory.toml").read_bytes() == (state / "keys" / "inventory.toml").read_bytes()
    assert {path.stat().st_mode & 0o077 for path in out.glob("local-1.*")} == {0}
    with pytest.raises(BadUsage, match="name a directory that is not there yet"):
        export_keys(config, state, "10.0.0.7", out, "")
    assert export_keys(config, state, "desk", tmp_path / "desk", "operator") == 0
    assert sorted(path.name for path in (tmp_path / "desk").iterdir()) == ["inventory.toml", "operator.door", "operator.key"]
    with pytest.raises(BadUsage, match=r"nosuch: no node runs there; hosts are: "):
        export_keys(config, state, "nosuch", tmp_path / "n", "")


def test_older_inventory_gets_the_keys_it_lacks(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One from before heads were signed has keys of locals and the master alone: `mesh keys init` adds the others and changes none."""
    state = tmp_path / "state"
    init_keys(config, state)
    whole = read_inventory(state)
    issuing = {name: key for name, key in whole.node.items() if key.role in ("local", "master")}
    write_inventory(state, msgspec.structs.replace(whole, node=issuing))
    for name in whole.node.keys() - issuing.keys():
        (state / "keys" / f"{name}.key").unlink()
    assert init_keys(config, state) == 0
    after = read_inventory(state)
    assert after.node.keys() == load(config).node.keys()
    assert {name: after.node[name] for name in issuing} == issuing
    assert (after.door, after.operator) == (whole.door, whole.operator)
    capsys.readouterr()
    list_keys(config, state)
    (line,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("router-1 ") and " heads " in line]
    assert line[:5] == ["router-1", "router", "heads", "-", "yes"]
