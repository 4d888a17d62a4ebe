"""``mesh keys``: makes, lists and adds; a name or a right that is none is refused before anything is written."""

from pathlib import Path

import pytest

from mesh.errors import BadUsage
from nodes.io.cli.keys import add_operator, init_keys, list_keys
from nodes.io.keyfiles import PASSPHRASE, read_inventory
from nodes.io.locate import demo_text


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
    assert "keys of 1 operators and 5 nodes; every host needs inventory.toml" in capsys.readouterr().out
    assert add_operator(config, state, "ann", "stop", tmp_path / "ann.key", is_encrypted=False) == 0
    told = capsys.readouterr().out
    assert "private key of ann (stop); keep a copy in a safe place" in told
    assert "bring it to every host, then restart" in told
    assert list_keys(config, state) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert ("stop, resume" in lines["operator"], " yes " in lines["operator"]) == (True, True)
    assert ("resume" in lines["ann"], " - " in lines["ann"]) == (False, True)
    assert "stop its account" in lines["local-1"]


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
    with pytest.raises(BadUsage, match="--may fly: stop, resume are allowed"):
        add_operator(config, state, "ann", "fly", None, is_encrypted=False)
    monkeypatch.setenv(PASSPHRASE, "")
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "")
    with pytest.raises(BadUsage, match="differ, or are empty"):
        add_operator(config, state, "ann", "stop", None, is_encrypted=True)
    assert not (state / "keys" / "ann.key").exists()
