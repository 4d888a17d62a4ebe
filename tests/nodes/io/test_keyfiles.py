"""Keys on disk: made once, readable by their owner alone, and refused where anything is not as it should be."""

import os
import sys
from pathlib import Path

import pytest

from mesh.config import parse
from mesh.errors import BadConfig
from mesh.keyring import Refusal, Verified
from mesh.messages.control import Entry, Undo
from nodes.io import keyfiles
from nodes.io.keyfiles import node_keys, operator_signer, read_inventory, write_inventory, write_private
from nodes.io.keymaking import make_keys
from tests.smallmesh import small_mesh

CONFIG = parse(small_mesh(accounts={"one": "", "two": ""}, routers_count=2))
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="platform: Windows has no mode bits")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    make_keys(CONFIG, tmp_path)
    return tmp_path


def test_keys_are_made_once(state: Path) -> None:
    """A second time changes nothing; a node that came since gets its own."""
    before = {path.name: path.read_bytes() for path in (state / "keys").iterdir()}
    names = (*CONFIG.node, "operator")
    assert sorted(before) == sorted(["inventory.toml", *(f"{name}.door" for name in names), *(f"{name}.key" for name in names)])
    make_keys(CONFIG, state)
    assert {path.name: path.read_bytes() for path in (state / "keys").iterdir()} == before
    make_keys(parse(small_mesh(accounts={"one": "", "two": "", "three": ""})), state)
    after = {path.name: path.read_bytes() for path in (state / "keys").iterdir()}
    assert set(after) - set(before) == {"local-3.key", "local-3.door"}
    assert after["local-1.key"] == before["local-1.key"]


@POSIX
def test_only_the_owner_reads_them(state: Path) -> None:
    """0600 from the first moment; a key others may read is refused at start, with the command that mends it."""
    path = state / "keys" / "local-1.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (state / "keys").stat().st_mode & 0o077 == 0
    path.chmod(0o640)
    with pytest.raises(BadConfig, match="others may read this private key; `chmod 600"):
        node_keys("local-1", CONFIG, state)


def test_nodes_and_operators_believe_each_other(state: Path) -> None:
    """What one signs, all others open; a router signs no stop."""
    router = node_keys("router-1", CONFIG, state)
    assert router.signer is None
    local = node_keys("local-2", CONFIG, state).signer
    operator = operator_signer(CONFIG, state, None)
    assert local is not None
    assert isinstance(router.keyring.verify_untrusted(local.sign(Entry("local-2", 1, 1, "FREEZE", "account:two", ""))), Verified)
    assert isinstance(router.keyring.verify_untrusted(operator.sign(Undo("operator", 1, 1, [bytes(32)], ""))), Verified)
    assert isinstance(router.keyring.verify_untrusted(local.sign(Entry("local-1", 1, 1, "FREEZE", "account:one", ""))), Refusal)


def test_missing_inventory_stops_a_node_from_starting(tmp_path: Path) -> None:
    """Without it nobody could stop that node."""
    with pytest.raises(BadConfig, match=r"inventory\.toml is missing: .* `mesh keys init"):
        node_keys("router-1", CONFIG, tmp_path)


def test_key_that_is_not_the_inventorys_is_refused(state: Path) -> None:
    """Its stops would be believed by nobody."""
    (state / "keys" / "local-1.key").unlink()
    with pytest.raises(BadConfig, match=r"local-1\.key: this private key cannot be read: No such file"):
        node_keys("local-1", CONFIG, state)
    write_private(state / "keys" / "local-1.key")
    with pytest.raises(BadConfig, match="is not the key that inventory"):
        node_keys("local-1", CONFIG, state)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "this is not TOML"),
        ('[operator.ann]\nkey = "00"\n', r"operator\.ann\.key"),
        (f'[operator.ann]\nkey = "{"0" * 64}"\nmay = ["fly"]\n', "may"),
        (f'[operator.ann]\nkey = "{"0" * 64}"\n[node.ann]\nkey = "{"0" * 64}"\nrole = "master"\n', "ann is an operator and a node"),
        ('[person.ann]\nkey = "00"\n', "person"),
    ],
)
def test_wrong_inventory_is_told_by_file_and_key(state: Path, text: str, says: str) -> None:
    """As every configuration file."""
    (state / "keys" / "inventory.toml").write_text(text)
    with pytest.raises(BadConfig, match=rf"inventory\.toml: .*{says}"):
        read_inventory(state)


def test_stop_and_resume_may_be_different_keys(state: Path) -> None:
    """An operator who may only stop, with a key elsewhere."""
    inventory = read_inventory(state)
    public = write_private(state / "elsewhere" / "ann.key")
    ann = keyfiles.OperatorKey(key=public.hex(), may=("stop",))
    write_inventory(state, keyfiles.Inventory(operator=inventory.operator | {"ann": ann}, node=inventory.node))
    signer = operator_signer(CONFIG, state, state / "elsewhere" / "ann.key")
    keyring = node_keys("router-1", CONFIG, state).keyring
    assert signer.name == "ann"
    assert isinstance(keyring.verify_untrusted(signer.sign(Entry("ann", 1, 1, "FREEZE", "all", ""))), Verified)
    assert keyring.verify_untrusted(signer.sign(Undo("ann", 1, 1, [bytes(32)], ""))).code == "NOT_ALLOWED"  # type: ignore[union-attr]


def test_operator_key_may_be_encrypted_and_a_nodes_may_not(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The passphrase comes from the environment or the terminal; a wrong one is told as such."""
    path = state / "keys" / "operator.key"
    path.unlink()
    public = write_private(path, "open sesame")
    inventory = read_inventory(state)
    write_inventory(state, keyfiles.Inventory(operator={"operator": keyfiles.OperatorKey(key=public.hex())}, node=inventory.node))
    monkeypatch.setenv(keyfiles.PASSPHRASE, "open sesame")
    assert operator_signer(CONFIG, state, None).public == public
    monkeypatch.setenv(keyfiles.PASSPHRASE, "wrong")
    with pytest.raises(BadConfig, match="wrong passphrase"):
        operator_signer(CONFIG, state, None)
    with pytest.raises(BadConfig, match="a node has nobody to ask"):
        keyfiles.read_private(path)


def test_key_is_never_written_over(state: Path) -> None:
    """Nor is one half written: the file is there whole or not at all."""
    before = (state / "keys" / "operator.key").read_bytes()
    with pytest.raises(BadConfig, match="is there already"):
        write_private(state / "keys" / "operator.key")
    assert (state / "keys" / "operator.key").read_bytes() == before
    assert os.listdir(state / "keys").count("operator.key") == 1


def test_retired_nodes_stops_are_believed_for_ever(state: Path) -> None:
    """They may bind still: a new store that refused them would never agree with the old ones."""
    local = node_keys("local-2", CONFIG, state).signer
    assert local is not None
    raw = local.sign(Entry("local-2", 1, 1, "FREEZE", "account:two", ""))
    smaller = parse(small_mesh(accounts={"one": ""}, routers_count=2))
    make_keys(smaller, state)
    assert isinstance(node_keys("router-1", smaller, state).keyring.verify_untrusted(raw), Verified)


def test_local_that_trades_another_account_now_is_told_so(state: Path) -> None:
    """By its old place in the inventory it could not stop the account it has."""
    swapped = parse(small_mesh(accounts={"two": "", "one": ""}, routers_count=2))
    with pytest.raises(BadConfig, match=r"inventory\.toml has local-1 as local of one, the configuration has it otherwise"):
        node_keys("local-1", swapped, state)


def test_half_a_key_is_not_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full: it is said, and the next try is not told that the key is there already."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "keys" / "ann.key"
    with monkeypatch.context() as patch:
        patch.setattr("nodes.io.keyfiles.os.fsync", full)
        with pytest.raises(BadConfig, match="No space left"):
            write_private(path)
    assert not path.exists()
    assert len(write_private(path)) == 32


def test_inventory_that_was_cut_short_is_refused_wherever_it_was_cut(state: Path) -> None:
    """A copy that broke off, a full disk: fewer keys would cut off whom they belong to, and none everybody."""
    path = state / "keys" / "inventory.toml"
    whole = path.read_text()
    for cut in range(len(whole.rstrip())):
        path.write_text(whole[:cut])
        with pytest.raises(BadConfig, match=r"inventory\.toml: "):
            read_inventory(state)
    path.write_text(whole)
    assert read_inventory(state).sections_count == 2 * (len(CONFIG.node) + 1)
