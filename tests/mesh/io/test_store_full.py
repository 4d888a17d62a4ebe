"""The first commit that fails ends the node with exit 74 and a line; when there is space again it starts and has what it had."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.errors import StoreFailed
from mesh.io.store import open_store

pytestmark = pytest.mark.slow

NODE = """
import sys
from pathlib import Path

from mesh.core import NOTHING, Commit, Core, Durable, Halt, Put
from mesh.errors import MeshError
from mesh.io.health import Identity
from mesh.io.log import Log
from mesh.io.node import Node
from mesh.io.shell import Shell
from mesh.io.hub import Hub
from mesh.io.store import create, open_store

path, limit = Path(sys.argv[1]), int(sys.argv[2])


class Writer(Core):
    "Writes 3,000 bytes, says on stdout what is durable, and goes on until its limit."

    number = 0

    def __init__(self):
        super().__init__()
        self.handlers[Durable] = self.on_durable

    def recover(self, rows, now_ns):
        self.number = len([row for row in rows if row[0] == "order"])
        return NOTHING

    def start(self, now_ns):
        return self.write()

    def write(self):
        self.number += 1
        return (Commit(self.number, (Put("order", self.number.to_bytes(8), bytes(3_000)),)),)

    def on_durable(self, envelope, now_ns):
        print(envelope.message.token, flush=True)
        return (Halt(0, "done"),) if envelope.message.token >= limit else self.write()


store = (open_store if path.exists() else create)(path, "demo", "local-1", "local")
core = Writer()
node = Node(Identity("local-1", "local", 1, "", "", 0), core, Log(path.parent.parent / "local-1.log", "local-1", core.counters), store)
shell = Shell(Hub())
shell.add(node)
try:
    sys.exit(shell.run())
except MeshError as error:
    sys.stderr.write(f"mesh: local-1: {error}\\n")
    sys.exit(error.exit_code)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 256 KB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def run(folder: Path, limit: int, most_bytes: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run a node that writes until ``limit``; no file of its may have more than ``most_bytes``."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    words = [sys.executable, "-c", NODE, str(folder / "local-1.db"), str(limit)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limited if most_bytes else None)


def check(done: "subprocess.CompletedProcess[str]", folder: Path, why: str) -> int:
    """It stopped at the first commit that failed and said so; how many were durable before."""
    assert done.returncode == StoreFailed.exit_code == 74
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"mesh: local-1: store {folder / 'local-1.db'}: a commit failed: {why}; free or repair its disk")
    told = [int(word) for word in done.stdout.split()]
    assert told == list(range(1, len(told) + 1))
    assert told, "it committed before"
    return len(told)


def kept(folder: Path) -> int:
    """How many rows the store has now."""
    store = open_store(folder / "local-1.db", "demo", "local-1", "local")
    count = len(store.load())
    store.close()
    return count


def test_full_disk(disk: Path) -> None:
    """A disk that is full: exit 74, what was told durable is there, and with space again the node goes on from it."""
    (disk / "other").write_bytes(bytes(64 * 1024))
    count = check(run(disk, 1_000), disk, "database or disk is full")
    again = run(disk, 1_000)
    assert again.returncode == 74, "still full: it does not stay down, for that may pass"
    assert "free or repair its disk" in again.stderr
    (disk / "other").unlink()
    done = run(disk, count + 3)
    assert (done.returncode, [int(word) for word in done.stdout.split()]) == (0, [count + 1, count + 2, count + 3])
    assert kept(disk) == count + 3


def test_file_that_may_not_grow(tmp_path: Path) -> None:
    """A write that fails otherwise (here: a limit of the system on the size of files): the same."""
    folder = tmp_path / "state"
    folder.mkdir()
    count = check(run(folder, 1_000, 100_000), folder, "disk I/O error")
    done = run(folder, count + 1)
    assert (done.returncode, done.stdout.split()) == (0, [str(count + 1)])
    assert kept(folder) == count + 1


SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
static int left = -1;
static int failing(void) {
    if (left < 0) left = atoi(getenv("SYNCS_LEFT"));
    if (left > 0) { left--; return 0; }
    errno = EIO;
    return 1;
}
int fsync(int fd) { return failing() ? -1 : ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { return failing() ? -1 : ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd); }
"""


def test_disk_that_fails_to_sync(tmp_path: Path) -> None:
    """A sync that fails with EIO is a failed commit, and never asked for again."""
    folder = tmp_path / "state"
    folder.mkdir()
    (tmp_path / "shim.c").write_text(SHIM)
    shim = tmp_path / "shim.so"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(shim), str(tmp_path / "shim.c"), "-ldl"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no C compiler here")
    run(folder, 1)
    environment = {**os.environ, "LD_PRELOAD": str(shim), "SYNCS_LEFT": "6"}
    words = [sys.executable, "-c", NODE, str(folder / "local-1.db"), "1000"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 74
    assert "a commit failed: disk I/O error" in done.stderr
    told = [int(word) for word in done.stdout.split()]
    assert told
    assert kept(folder) >= told[-1], "what was told durable is there"
