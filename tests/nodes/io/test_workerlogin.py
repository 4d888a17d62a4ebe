"""The stored password on its way to the worker: by their pipe alone, at each start; without its key the node does not start."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from mesh.config import parse
from mesh.messages.venue import VenueAttach, VenueAttached
from nodes.io import fleet
from nodes.io.keyfiles import PASSPHRASE
from nodes.io.keymaking import make_keys
from nodes.io.secret import Secret
from nodes.io.secretbox import owner_of, seal, sealed_path
from nodes.io.secretkeys import CREDENTIAL, CREDENTIALS, SYSTEMD, TYPED, new_key
from nodes.io.worker import WorkerAttachment, lock_path
from tests.nodes.io.faketicks import real_mesh

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
WORD = "planted-Pässword-5"
PHRASE = "planted passphrase 6"
PACKAGE = '''
"""Stands in for the real package: writes down whom it was asked to log in, by the hash of the password, and says who is logged in."""
import json, os
from hashlib import sha256
from types import SimpleNamespace as S

def initialize(path, **words):
    word = words.pop("password", None)
    with open(os.environ["SEEN"], "a") as file:
        file.write(json.dumps({**words, "password": word and sha256(word.encode()).hexdigest()}) + "\\\\n")
    return True
def last_error(): return (1, "Success")
def account_info():
    return S(login=5001, server="real", currency="USD", leverage=100, margin_mode=2, trade_mode=0, trade_allowed=True, trade_expert=True)
def terminal_info(): return S(connected=True, trade_allowed=True, tradeapi_disabled=False, ping_last=41000, path="c:\\\\\\\\MT5")
def symbol_select(name, enable): return True
def symbol_info(name): return None
def symbol_info_tick(name): return None
'''.replace("\\\\n", "\\n").replace("\\\\\\\\", "\\\\")
CONFIG = parse(real_mesh("C:/MT5/terminal64.exe"))


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Account one has a password; the key is systemd's; a passphrase was given to this node."""
    (tmp_path / "MetaTrader5.py").write_text(PACKAGE)
    (tmp_path / CREDENTIAL).write_bytes(os.urandom(32))
    (tmp_path / CREDENTIAL).chmod(0o400)
    given = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "SEEN": str(tmp_path / "seen"), CREDENTIALS: str(tmp_path), PASSPHRASE: PHRASE}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    seal(tmp_path / "state", owner_of(CONFIG, "one"), Secret(WORD), new_key(SYSTEMD, "one"), "2026-11-22T10:00:00Z")
    return tmp_path / "state"


@pytest.fixture
def worker(state: Path) -> Iterator[WorkerAttachment]:
    attachment = WorkerAttachment("one", CONFIG, state)
    attachment.started()
    yield attachment
    attachment.close()


def attached(worker: WorkerAttachment, state: Path) -> psutil.Process:
    """The worker's process, once it has logged in."""
    worker.send(VenueAttach("one"))
    for _ in range(400):
        if any(isinstance(message, VenueAttached) for message in worker.receive()):
            return psutil.Process(int(lock_path(state, 5001, "real").read_text()))
        select.select([worker.fileno()] if worker.fileno() >= 0 else [], [], [], 0.05)
    raise AssertionError("it never attached")


def test_worker_has_it_at_each_start_and_shows_it_nowhere(worker: WorkerAttachment, state: Path) -> None:
    """Also after a kill -9; not on its command line, in its environment or on disk; the passphrase is not there either."""
    for _ in range(2):
        process = attached(worker, state)
        shown = [Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        shown += [path.read_bytes() for path in state.rglob("*") if path.is_file()]
        assert not any(word.encode() in raw for raw in shown for word in (WORD, PHRASE))
        process.kill()
        process.wait()
        while worker.fileno() >= 0:
            worker.receive()
        while worker.fileno() < 0:
            worker.receive()
            select.select([], [], [], 0.02)
    seen = [json.loads(line) for line in (state.parent / "seen").read_text().splitlines()]
    assert seen == [{"login": 5001, "server": "real", "timeout": 10_000, "password": sha256(WORD.encode()).hexdigest()}] * 2


def test_without_a_stored_one_the_terminal_is_logged_in_already(state: Path) -> None:
    """The default: no password is asked for or given."""
    sealed_path(state, "one").unlink()
    attachment = WorkerAttachment("one", CONFIG, state)
    attachment.started()
    attached(attachment, state)
    attachment.close()
    (seen,) = map(json.loads, (state.parent / "seen").read_text().splitlines())
    assert seen["password"] is None


def test_node_whose_password_cannot_be_had_stays_down(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 78 in one line: a restart by supervisord has no passphrase, and it is said what it needs."""
    make_keys(CONFIG, state)
    seal(state, owner_of(CONFIG, "one"), Secret(WORD), new_key(TYPED, "one"), "2026-11-22T10:00:00Z")
    monkeypatch.delenv(PASSPHRASE)
    (state / "mesh.toml").write_text(real_mesh("C:/MT5/terminal64.exe"))
    done = subprocess.run(
        [sys.executable, "-m", "nodes.io.run", "local-1", "--config", str(state / "mesh.toml"), "--state", str(state)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 78
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mesh: local-1: {sealed_path(state, 'one')}: the password of account one is sealed with a passphrase")
    assert "which a restart by supervisord and a reboot need" in line


def test_fleet_starts_without_the_passphrase(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What supervisord has all its nodes have, at the first start as at any other: the system's key, and no passphrase."""
    printed = "import os; print(sorted(name for name in os.environ if name in ('MESH_PASSPHRASE', 'CREDENTIALS_DIRECTORY')))"
    monkeypatch.setattr(fleet, "COMMAND", (sys.executable, "-c", f"import sys; sys.stdout = sys.stderr; {printed}"))
    started = fleet.Fleet(CONFIG, state)
    started.start()
    while started.alive():
        select.select([], [], [], 0.02)
    assert started.last_words() == "['CREDENTIALS_DIRECTORY']"
