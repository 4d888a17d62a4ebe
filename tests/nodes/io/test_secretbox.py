"""Sealed passwords: they open for whom they were sealed and for nobody else, and whatever is wrong is one line without what they hold."""

import json
import sys
import traceback
from pathlib import Path

import msgspec
import pytest

from mesh.config import Config, parse
from mesh.errors import BadConfig
from nodes.io import secretbox, secretkeys
from nodes.io.keyfiles import PASSPHRASE
from nodes.io.secret import Secret
from nodes.io.secretbox import opened_box, owner_of, read_sealed, remove, seal, sealed_path
from nodes.io.secretkeys import CREDENTIAL, CREDENTIALS, SYSTEMD, TYPED, new_key
from nodes.io.worker import WorkerAttachment
from tests.smallmesh import small_mesh

WORD = "planted-Pässword-4711"
REAL = 'server = "Broker-Live"\nterminal = "C:/MT5/terminal64.exe"'


BOTH = {"one": "Broker-Live", "two": "Broker-Live"}


def config_of(head: str = "", **servers: str) -> Config:
    """Accounts at real terminals, each at its server."""
    lines = {name: REAL.replace("Broker-Live", server) for name, server in (servers or BOTH).items()}
    return parse(small_mesh(f"{head}[strategy.reversion]", lines, broker=False))


CONFIG = config_of()


@pytest.fixture(autouse=True)
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's key, and a quick scrypt."""
    path = tmp_path / "credentials" / CREDENTIAL
    path.parent.mkdir()
    path.write_bytes(bytes(range(32)))
    path.chmod(0o600)
    monkeypatch.setenv(CREDENTIALS, str(path.parent))
    monkeypatch.delenv(PASSPHRASE, raising=False)
    monkeypatch.setattr(secretkeys, "SCRYPT_N", 1 << 4)
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state in which account one has a password."""
    store(tmp_path / "state")
    return tmp_path / "state"


def store(state: Path, account: str = "one", config: Config = CONFIG) -> Path:
    return seal(state, owner_of(config, account), Secret(WORD), new_key(SYSTEMD, account), "2026-11-22T10:00:00Z")


def refused(state: Path, config: Config = CONFIG, account: str = "one") -> str:
    """Why the password cannot be had: one line, which shows nothing of it, nor does its traceback."""
    with pytest.raises(BadConfig) as caught:
        opened_box(config, account, state)
    told = str(caught.value)
    lines = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert WORD not in told + lines.replace(f"WORD = '{WORD}'", "")
    assert "\n" not in told
    assert str(sealed_path(state, account)) in told
    return told


def test_password_is_read_again(state: Path) -> None:
    """By the account's own node; another account has none, and needs none."""
    box = opened_box(CONFIG, "one", state)
    assert box is not None
    assert box.open().reveal() == WORD
    assert WORD not in f"{box!r}{vars(box)}"
    assert opened_box(CONFIG, "two", state) is None
    assert WORD.encode() not in sealed_path(state, "one").read_bytes()


def test_file_says_whose_it_is_and_its_key(state: Path) -> None:
    """What can be read without the key, for people."""
    sealed = read_sealed(sealed_path(state, "one"))
    assert sealed is not None
    assert sealed.owner.told() == "account one (login 5001 at Broker-Live) of node local-1 in mesh demo"
    assert (sealed.version, sealed.key_source, sealed.written) == (1, "systemd", "2026-11-22T10:00:00Z")
    assert sealed.key_id == new_key(SYSTEMD, "").id


@pytest.mark.skipif(sys.platform == "win32", reason="platform: Windows has no mode bits")
def test_only_the_owner_reads_it(state: Path) -> None:
    """0600 in a folder of 0700 from the first moment; else refused with the command that mends it, and the node stays down (78)."""
    path = sealed_path(state, "one")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        assert f"others may read this sealed password; `chmod 600 {path}`" in refused(state)
    with pytest.raises(BadConfig) as error:
        WorkerAttachment("one", CONFIG, state)
    assert error.value.exit_code == 78


def test_each_write_has_a_nonce_of_its_own(state: Path) -> None:
    """96 random bits; the same password under the same key never looks the same."""
    path = sealed_path(state, "one")
    found = []
    for _ in range(20):
        store(state)
        sealed = read_sealed(path)
        assert sealed is not None
        found.append((sealed.nonce, sealed.sealed))
    assert {len(nonce) for nonce, _ in found} == {12}
    assert len({nonce for nonce, _ in found}) == len({shut for _, shut in found}) == 20


def test_it_is_written_whole_or_not_at_all(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes no more leaves the old one, and says so."""
    path = sealed_path(state, "one")
    before = path.read_bytes()

    def full(_path: Path, _raw: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(secretbox, "write_whole", full)
    with pytest.raises(BadConfig, match="cannot be written: No space left"):
        store(state)
    assert path.read_bytes() == before


OTHERS = {
    "another mesh": config_of('[mesh]\nid = "other"\n'),
    "another server": config_of(one="Elsewhere-Live"),
    "another login": config_of(two="Broker-Live", one="Broker-Live"),
}


@pytest.mark.parametrize("which", list(OTHERS))
def test_it_is_given_to_nobody_else(state: Path, which: str) -> None:
    """Another mesh, server, login or node: named, with what it was sealed for."""
    told = refused(state, OTHERS[which])
    assert "sealed for account one (login 5001 at Broker-Live) of node local-1 in mesh demo, here it is account one" in told
    assert "it is given to nobody else; `mesh secret set one` writes it anew" in told


def test_file_of_another_account_is_refused(state: Path) -> None:
    """Copied under its name, and with the names in it changed too: what is bound to the password is not bent."""
    path, other = sealed_path(state, "one"), sealed_path(state, "two")
    other.write_bytes(path.read_bytes())
    other.chmod(0o600)
    assert "sealed for account one" in refused(state, account="two")
    sealed = read_sealed(path)
    assert sealed is not None
    other.write_bytes(msgspec.json.encode(msgspec.structs.replace(sealed, owner=owner_of(CONFIG, "two"))))
    assert "cut short or changed since it was written" in refused(state, account="two")


def test_every_changed_byte_is_refused(state: Path) -> None:
    """Whichever it is, of the password, the nonce, the key's id or the text around them."""
    path = sealed_path(state, "one")
    raw = path.read_bytes()
    for place in range(len(raw)):
        for changed in (raw[place] ^ 1, raw[place] ^ 0x20):
            path.write_bytes(raw[:place] + bytes([changed]) + raw[place + 1 :])
            assert refused(state)
    path.write_bytes(raw)
    assert opened_box(CONFIG, "one", state) is not None


def test_every_cut_is_refused(state: Path) -> None:
    """Short by any number of bytes, or longer."""
    path = sealed_path(state, "one")
    raw = path.read_bytes()
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        assert "cut short or changed" in refused(state)
    for more in (b" ", b"\n", b"{}", bytes(20_000)):
        path.write_bytes(raw + more)
        assert "cut short or changed" in refused(state)


def test_unknown_version_is_named(state: Path) -> None:
    """A newer trademesh's file, whatever else it holds."""
    path = sealed_path(state, "one")
    path.write_text(json.dumps({"version": 2, "sealed_otherwise": WORD}))
    assert "version 2 of a sealed password; this trademesh reads version 1" in refused(state)


def test_other_key_is_told_by_its_id(state: Path, key: Path) -> None:
    """A credential that was made anew opens nothing that was sealed before."""
    sealed = read_sealed(sealed_path(state, "one"))
    assert sealed is not None
    key.write_bytes(bytes(32))
    assert f"sealed with key {sealed.key_id}, systemd's credential is {new_key(SYSTEMD, '').id}" in refused(state)
    key.unlink()
    assert "trademesh.key: this credential cannot be read" in refused(state)


def test_wrong_passphrase_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody to type one; the right one opens."""
    state = tmp_path / "state"
    monkeypatch.setenv(PASSPHRASE, "right")
    seal(state, owner_of(CONFIG, "one"), Secret(WORD), new_key(TYPED, "one"), "2026-11-22T10:00:00Z")
    box = opened_box(CONFIG, "one", state)
    assert box is not None
    assert box.open().reveal() == WORD
    monkeypatch.setenv(PASSPHRASE, "wrong")
    assert "a wrong passphrase, or the file was changed" in refused(state)
    monkeypatch.delenv(PASSPHRASE)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert "nobody is here to type it" in refused(state)


def test_password_goes_over_no_socket(state: Path) -> None:
    """A terminal that is reached by a socket is never given one, not even one that was stored for another."""
    for terminal in ("sim", "tcp://10.1.2.3:7000"):
        text = small_mesh(accounts={"one": f'server = "Broker-Live"\nterminal = "{terminal}"'})
        assert opened_box(parse(text), "one", state) is None
    assert opened_box(parse(small_mesh(accounts={"one": 'server = "Broker-Live"\nterminal = "a.toml"'})), "one", state) is not None


def test_removed_password_is_gone(state: Path) -> None:
    """Once; then there is none."""
    path = sealed_path(state, "one")
    assert remove(path)
    assert not remove(path)
    assert opened_box(CONFIG, "one", state) is None


def test_unreadable_place_is_told(state: Path) -> None:
    """What is no file is no password that may be missing."""
    path = sealed_path(state, "one")
    path.unlink()
    path.mkdir()
    assert "this sealed password cannot be read: Is a directory" in refused(state)
