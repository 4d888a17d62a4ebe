"""Where keys come from: the system's credential, or a passphrase that is typed or in the environment, and in no child's."""

import getpass
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.errors import BadConfig, BadUsage
from nodes.io import dpapi, secretkeys
from nodes.io.keyfiles import PASSPHRASE
from nodes.io.secretkeys import CREDENTIAL, CREDENTIALS, DPAPI, SYSTEMD, TYPED, child_environment, key_again, new_key, system_source

WORD = "a planted passphrase"


class Terminal:
    """A standard input that is a terminal, or is none."""

    def __init__(self, is_terminal: bool) -> None:
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no passphrase but a test's own, and a quick scrypt."""
    monkeypatch.delenv(PASSPHRASE, raising=False)
    monkeypatch.delenv(CREDENTIALS, raising=False)
    monkeypatch.setattr(secretkeys, "SCRYPT_N", 1 << 4)
    monkeypatch.setattr(sys, "stdin", Terminal(is_terminal=False))


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemd would have put there."""
    path = tmp_path / CREDENTIAL
    path.write_bytes(bytes(range(32)))
    path.chmod(0o400)
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    return path


def typing(monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """A terminal at which these words are typed; the prompts."""
    prompts: list[str] = []
    left = list(words)
    monkeypatch.setattr(sys, "stdin", Terminal(is_terminal=True))
    monkeypatch.setattr(getpass, "getpass", lambda prompt: (prompts.append(prompt), left.pop(0))[1])
    return prompts


def test_credential_gives_the_same_key_again(credential: Path) -> None:
    """After a reboot too, with nobody there; another credential is another key, by its id."""
    assert system_source() == SYSTEMD
    key = new_key(SYSTEMD, "it")
    again = key_again(SYSTEMD, key.keep, "it")
    assert (again.id, again.raw()) == (key.id, key.raw())
    assert len(key.raw()) == 32
    assert bytes(range(32)).hex() not in f"{key!r} {key.id} {key.keep.hex()}"
    assert key.raw().hex() not in f"{key!r} {key.id}"
    credential.chmod(0o600)
    credential.write_bytes(bytes(32))
    assert key_again(SYSTEMD, key.keep, "it").id != key.id


@pytest.mark.skipif(sys.platform == "win32", reason="platform: Windows has no mode bits")
@pytest.mark.parametrize(("mode", "is_fine"), [(0o400, True), (0o600, True), (0o440, True), (0o404, False), (0o460, False), (0o644, False)])
def test_credential_of_others_is_refused(credential: Path, mode: int, is_fine: bool) -> None:
    """0440 is how systemd shows the access list of a service's user (its issue 29435)."""
    credential.chmod(mode)
    if is_fine:
        assert new_key(SYSTEMD, "it").source == SYSTEMD
        return
    with pytest.raises(BadConfig, match=r"trademesh\.key: others may read or change this credential; `chmod 400 "):
        new_key(SYSTEMD, "it")


@pytest.mark.parametrize(
    ("raw", "says"),
    [(None, "cannot be read: No such file"), (b"short", "has 5 bytes; 32 to 4096 random"), (bytes(5_000), "has 4097")],
)
def test_credential_that_is_none_is_refused(credential: Path, raw: bytes | None, says: str) -> None:
    """It says how one is made, and nothing of what is there."""
    credential.unlink()
    if raw is not None:
        credential.write_bytes(raw)
        credential.chmod(0o400)
    with pytest.raises(BadConfig, match=says) as refused:
        new_key(SYSTEMD, "it")
    assert "systemd-creds encrypt --name=trademesh.key" in str(refused.value)
    assert "short" not in str(refused.value)


def test_without_systemd_there_is_no_key() -> None:
    """Who seals is told how to get one, who opens what is missing."""
    with pytest.raises(BadUsage, match=r"\$CREDENTIALS_DIRECTORY is not set.*--passphrase"):
        system_source()
    with pytest.raises(BadConfig, match=r"\$CREDENTIALS_DIRECTORY is not set: start this by systemd"):
        key_again(SYSTEMD, b"", "it")


def test_windows_keeps_a_random_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file has one of its own, and holds what Windows made of it."""
    monkeypatch.setattr(dpapi, "protect", lambda raw: b"kept" + raw[::-1])
    monkeypatch.setattr(dpapi, "unprotect", lambda kept: kept.removeprefix(b"kept")[::-1])
    monkeypatch.setattr(sys, "platform", "win32")
    assert system_source() == DPAPI
    first, second = new_key(DPAPI, "it"), new_key(DPAPI, "it")
    assert first.id != second.id
    assert key_again(DPAPI, first.keep, "it").raw() == first.raw()


def test_typed_passphrase_opens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed twice to seal, once to open; the salt is the file's own, so that two files never share a key."""
    prompts = typing(monkeypatch, WORD, WORD, WORD, WORD, WORD, "other")
    key = new_key(TYPED, "account one")
    assert prompts == ["passphrase of account one: ", "once more: "]
    assert new_key(TYPED, "account one").id != key.id
    assert key_again(TYPED, key.keep, "account one").raw() == key.raw()
    assert key_again(TYPED, key.keep, "account one").id != key.id


@pytest.mark.parametrize(("words", "says"), [(("a", "b"), "the two differ"), (("", ""), "it is empty")])
def test_passphrase_mistyped_seals_nothing(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str) -> None:
    """A key nobody knows would be worse than none."""
    typing(monkeypatch, *words)
    with pytest.raises(BadUsage, match=says):
        new_key(TYPED, "account one")


def test_terminal_that_would_show_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """getpass warns and would echo; the end of the input is the same to us."""

    def echoes(_prompt: str) -> str:
        warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=1)
        return WORD

    def ends(_prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Terminal(is_terminal=True))
    for ask in (echoes, ends):
        asked: Callable[[str], str] = ask
        monkeypatch.setattr(getpass, "getpass", asked)
        with pytest.raises(BadUsage, match="nothing can be typed here without being shown"):
            new_key(TYPED, "account one")


def test_passphrase_of_the_environment_goes_to_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """It seals and opens here, and a process started from here does not have it."""
    monkeypatch.setenv(PASSPHRASE, WORD)
    monkeypatch.setenv("KEPT", "yes")
    key = new_key(TYPED, "account one")
    assert key_again(TYPED, key.keep, "account one").raw() == key.raw()
    environment = child_environment()
    assert PASSPHRASE not in environment
    assert environment["KEPT"] == "yes"
    assert WORD not in str(environment)


def test_unattended_restart_has_no_passphrase() -> None:
    """Neither in the environment nor on a terminal: it says so, and what a restart by supervisord needs."""
    with pytest.raises(BadConfig, match=r"nobody is here to type it.*`mesh node NAME`.*system's key.*which a restart by supervisord"):
        key_again(TYPED, bytes(16), "account one")
    with pytest.raises(BadUsage, match="--passphrase: set MESH_PASSPHRASE, or use a terminal"):
        new_key(TYPED, "account one")
