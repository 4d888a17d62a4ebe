"""The watchdog ends a process whose loop stands still, whatever else stands still; one that turns it leaves alone."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.slow

STUCK = """
import threading
from mesh.io import watchdog
watchdog.CHECK_S = 0.05
watchdog.Watchdog(lambda: 1, "stuck-1", 0.2).start()
threading.Event().wait()
"""
TURNING = """
import itertools, threading
from mesh.io import watchdog
watchdog.CHECK_S = 0.01
beats, looked = itertools.count(), threading.Event()

def beat():
    number = next(beats)
    if number == 30:
        looked.set()
    return number

dog = watchdog.Watchdog(beat, "fine-1", 0.05)
dog.start()
looked.wait()
dog.close()
print("alive")
"""


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe that takes no byte more, and that nobody reads."""
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    try:
        while True:
            os.write(writes, bytes(4_096))
    except BlockingIOError:
        os.set_blocking(writes, True)
    yield reads, writes
    os.close(reads)
    os.close(writes)


def run(code: str, stderr: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=20, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="platform: os.set_blocking of a pipe is POSIX's own")
def test_full_pipe_that_nobody_reads_keeps_no_stalled_loop_alive(full_pipe: tuple[int, int]) -> None:
    """supervisord stands still too, and with it who reads what nodes print: the node ends with 71 all the same."""
    assert run(STUCK, full_pipe[1]).returncode == 71


def test_stalled_loop_ends_with_its_last_words() -> None:
    """Exit 71, and one line that says whose loop it was and how long it stood still."""
    done = run(STUCK)
    assert done.returncode == 71
    assert done.stderr == "mesh: the loop of stuck-1 stood still for 0.2 s; ended by its watchdog\n"


def test_loop_that_turns_is_left_alone() -> None:
    """Thirty looks, each of which finds another beat, and a limit of five of them: it goes on until it is closed."""
    done = run(TURNING)
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr
