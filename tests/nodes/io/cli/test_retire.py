"""``mesh keys retire``: a signing key ends and stays listed, so that what it has stopped stays believed."""

from pathlib import Path

import pytest

from mesh.errors import BadConfig, BadUsage
from mesh.keyring import Refusal, Signer
from mesh.messages.control import Entry, Undo
from nodes.io.cli.keys import add_operator, init_keys, list_keys, retire_key
from nodes.io.keyfiles import folder_of, keyring_of, ns_of, operator_signer, read_inventory, read_private
from nodes.io.locate import demo_text, load


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's configuration, and no mesh that was ever started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    path = tmp_path / "mesh.toml"
    path.write_text(demo_text())
    return path


def test_retired_key_signs_nothing_more(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody signs with it here, nodes that read the inventory refuse what it says, it is listed with its end, and what to do is told."""
    state = tmp_path / "state"
    init_keys(config, state)
    mesh = load(config)
    seed = read_private(folder_of(state) / "operator.key")
    assert operator_signer(mesh, state, None).name == "operator"
    capsys.readouterr()
    assert retire_key(config, state, "operator") == 0
    told = capsys.readouterr().out
    assert "operator: retired at 20" in told
    assert "bring it to every host now" in told
    assert "nobody can resume any more: `mesh keys operator NAME`" in told
    end = read_inventory(state).operator["operator"].until
    assert end is not None
    with pytest.raises(BadConfig, match="operator's key was retired at 20"):
        operator_signer(mesh, state, None)
    keyring, signer = keyring_of(mesh, read_inventory(state)), Signer(mesh.settings.mesh.id, "operator", seed)
    before = Entry("operator", 1, ns_of(end), "FREEZE", "all", "news")
    assert not isinstance(keyring.verify_untrusted(signer.sign(before), is_first=True), Refusal)
    undo = keyring.verify_untrusted(signer.sign(Undo("operator", 2, 1, [bytes(32)], "calm")), is_first=True)
    assert isinstance(undo, Refusal)
    assert undo.code == "RETIRED"
    assert list_keys(config, state) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("operator") and " stops" in line]
    assert end in line


def test_another_operator_goes_on(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While somebody may resume nothing is said of that."""
    state = tmp_path / "state"
    init_keys(config, state)
    add_operator(config, state, "ann", "stop,resume", None, is_encrypted=False)
    capsys.readouterr()
    assert retire_key(config, state, "operator") == 0
    assert "nobody can resume" not in capsys.readouterr().out
    assert operator_signer(load(config), state, folder_of(state) / "ann.key").name == "ann"


def test_who_is_no_operator_or_was_retired_is_not_retired(config: Path, tmp_path: Path) -> None:
    """An end that is written once is not moved by this verb."""
    state = tmp_path / "state"
    init_keys(config, state)
    with pytest.raises(BadUsage, match=r"no operator of this name; it has: operator"):
        retire_key(config, state, "local-1")
    retire_key(config, state, "operator")
    before = read_inventory(state)
    with pytest.raises(BadUsage, match=r"retired at 20.* already"):
        retire_key(config, state, "operator")
    assert read_inventory(state) == before
