"""The mesh of a campaign: how `mesh up` ended is known, and also that it did not."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.io.lock import FileLock
from nodes.io.worker import lock_path
from tests.chaos.checker import IN_USE
from tests.chaos.running import Mesh
from tests.e2e.meshrig import Rig

pytestmark = pytest.mark.wire
DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nprint('up', flush=True)\ninput()"
OBEYS = """
import sys, time
try:
    print("up", flush=True)
    for _ in range(1_000):
        time.sleep(0.1)  # a signal just before a call that blocks for good is heard only when that returns
except KeyboardInterrupt:
    sys.exit(3)
"""


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    """A mesh with nobody in it, whose `mesh up` has printed a word."""
    made = Mesh(Rig(tmp_path))
    (tmp_path / "up-0.out").write_text("its words")
    yield made
    made.close()


def _up(mesh: Mesh, script: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    mesh.up = process
    return process


def test_how_it_ended_after_ctrl_c_is_told(mesh: Mesh) -> None:
    """Its exit code and what it printed; where it came to no summary, that is empty."""
    with _up(mesh, OBEYS):
        assert mesh.finish() == (3, "its words")
    assert mesh.summary() == {}


def test_one_that_does_not_end_is_told_and_gone(mesh: Mesh) -> None:
    """No campaign hangs on it, and nothing writes any more when the books are read."""
    with _up(mesh, DEAF) as process:
        assert mesh.finish(0.0) == (None, "its words")
        assert process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_a_second_worker_is_held_off_by_the_accounts_lock(mesh: Mesh) -> None:
    """It waits a while for the first to die, then ends with the code of what is in use, and holds its own pipe all the while."""
    name, account = next(iter(mesh.config.account.items()))
    (mesh.state / "run").mkdir(parents=True)
    (mesh.state / "run" / f"worker-{name}.json").write_bytes(mesh.config.effective())
    lock = FileLock(lock_path(mesh.state, account.login, account.server), name)
    try:
        assert mesh.second_worker(name).wait() == IN_USE
    finally:
        lock.close()
