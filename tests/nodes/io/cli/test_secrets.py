"""``mesh secret``: a password comes from a pipe or is typed, never from an argument; the list shows whose, never what."""

import getpass
import io
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.errors import BadUsage
from nodes.io import secretkeys
from nodes.io.cli.secrets import list_secrets, remove_secret, set_secret
from nodes.io.keyfiles import PASSPHRASE
from nodes.io.locate import load
from nodes.io.secretbox import opened_box, sealed_path
from nodes.io.secretkeys import CREDENTIAL, CREDENTIALS
from tests.smallmesh import small_mesh

WORD = "planted-Pässword-12"
REAL = 'server = "Broker-Live"\nterminal = "C:/MT5/terminal64.exe"'


class Typing(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two accounts at real terminals and a simulated one, and the system's key."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(PASSPHRASE, raising=False)
    monkeypatch.setattr(secretkeys, "SCRYPT_N", 1 << 4)
    (tmp_path / CREDENTIAL).write_bytes(bytes(range(32)))
    (tmp_path / CREDENTIAL).chmod(0o400)
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    path = tmp_path / "mesh.toml"
    path.write_text(small_mesh(accounts={"one": REAL, "two": REAL, "demo": ""}))
    return path


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What the pipe holds."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def stored(config: Path, state: Path, account: str = "one") -> str:
    """The password that the account's node would have."""
    box = opened_box(load(config), account, state)
    assert box is not None
    return box.open().reveal()


@pytest.mark.parametrize("text", [WORD, f"{WORD}\n", f"{WORD}\r\n"])
def test_password_from_a_pipe_is_stored_and_not_shown(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """With or without the end of its line; what to do next is said; the list has it, and removes it."""
    piped(monkeypatch, text)
    assert set_secret(config, tmp_path, "one", is_typed=False) == 0
    assert stored(config, tmp_path) == WORD
    told = capsys.readouterr().out
    assert "sealed for account one (login 5001 at Broker-Live) of node local-1 in mesh demo, key: systemd" in told
    assert "local-1 uses it from its next start on: `mesh restart local-1`" in told
    assert list_secrets(config, tmp_path) == 0
    listed = capsys.readouterr().out
    heading, row = listed.splitlines()
    assert row.split()[:3] == ["one", "local-1", "systemd"]
    assert "written" in heading
    assert remove_secret(config, tmp_path, "one") == 0
    assert opened_box(load(config), "one", tmp_path) is None
    assert list_secrets(config, tmp_path) == 0
    assert WORD not in told + listed + capsys.readouterr().out


def test_password_is_typed_twice(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without echo; two that differ write nothing; with a passphrase that is typed twice too."""
    monkeypatch.setattr(sys, "stdin", Typing())
    words = [WORD, "other", WORD, WORD, "phrase", "phrase"]
    prompts: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: (prompts.append(prompt), words.pop(0))[1])
    with pytest.raises(BadUsage, match="the two differ; nothing was written"):
        set_secret(config, tmp_path, "one", is_typed=True)
    assert not sealed_path(tmp_path, "one").exists()
    assert set_secret(config, tmp_path, "one", is_typed=True) == 0
    assert prompts[2:] == [
        "password of login 5001 at Broker-Live: ", "once more: ", "passphrase of the password of account one: ", "once more: ",
    ]  # fmt: skip
    monkeypatch.setenv(PASSPHRASE, "phrase")
    assert stored(config, tmp_path) == WORD


@pytest.mark.parametrize("text", ["", "\n", "two\nlines\n", "tab\there", "x" * 129, "\ud800"])
def test_what_is_no_password_is_refused(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nothing is written, and the refusal does not repeat it."""
    piped(monkeypatch, text)
    with pytest.raises(BadUsage, match="a password of 1 to 128 characters in one line") as refused:
        set_secret(config, tmp_path, "one", is_typed=False)
    assert not text.strip() or text.strip()[:5] not in str(refused.value)
    assert not sealed_path(tmp_path, "one").exists()


@pytest.mark.parametrize(
    ("account", "says"),
    [("three", "three: not among the accounts: one, two, demo"), ("demo", 'account.demo.terminal = "sim": it takes no password')],
)
def test_account_that_takes_none_is_refused(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: str, says: str) -> None:
    """Before anything is asked."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadUsage, match=says):
        set_secret(config, tmp_path, account, is_typed=False)


def test_what_is_wrong_is_listed(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged file, one of an account that is no more, one that others may read: each with its reason, exit 1."""
    for account in ("one", "two"):
        piped(monkeypatch, WORD)
        set_secret(config, tmp_path, account, is_typed=False)
    sealed_path(tmp_path, "gone").write_bytes(sealed_path(tmp_path, "one").read_bytes())
    sealed_path(tmp_path, "gone").chmod(0o600)
    sealed_path(tmp_path, "two").write_bytes(b"{")
    capsys.readouterr()
    assert list_secrets(config, tmp_path) == 1
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "no such account in the configuration" in rows["gone"]
    assert "cut short or changed" in rows["two"]
    assert rows["one"].split()[:3] == ["one", "local-1", "systemd"]


@pytest.mark.parametrize("account", ["two", "../mesh", "three"])
def test_nothing_else_is_removed(config: Path, tmp_path: Path, account: str) -> None:
    """No password there, no account of the name, and no way out of the folder."""
    (tmp_path / "mesh.sealed").write_text("not ours")
    with pytest.raises(BadUsage):
        remove_secret(config, tmp_path, account)
    assert (tmp_path / "mesh.sealed").exists()


@pytest.mark.slow
def test_command_takes_no_password_as_an_argument(config: Path, tmp_path: Path) -> None:
    """One more word is a mistake of usage, and no option takes it: a command line is seen by everybody."""
    done = subprocess.run(
        [sys.executable, "-m", "nodes.io.cli", "secret", "set", "one", WORD, "--config", str(config)],
        capture_output=True, text=True, input="", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert not sealed_path(tmp_path, "one").exists()
