"""Standard output and error of a node are a pipe that supervisord reads: where it stands still, the node goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.ports import free_base_port
from tests.smallmesh import small_mesh

pytestmark = [pytest.mark.wire, pytest.mark.slow]
LIMIT_LOOKS = 300


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The writing end of a pipe that takes not one byte more, and whose writer would wait for ever."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 65_536)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x")
    os.set_blocking(writing, True)
    yield writing
    os.close(writing)
    os.close(reading)


def test_node_runs_and_ends_though_nobody_reads_what_it_prints(tmp_path: Path, full_pipe: int) -> None:
    """It comes up, logs to its own file, and ends with 0 when it is told to."""
    path = tmp_path / "mesh.toml"
    path.write_text(small_mesh(f"[mesh]\nbase_port = {free_base_port()}"))
    words = [sys.executable, "-m", "nodes.io.run", "signals-1", "--config", str(path), "--state", str(tmp_path)]
    with subprocess.Popen(words, stdout=full_pipe, stderr=full_pipe) as process:
        log = tmp_path / "log" / "signals-1.log"
        try:
            # between the first line and its signal handler a stop would end it at once, by the signal
            until(process, "its first line", lambda: log.exists() and "started" in log.read_text())
            until(process, "its signal handler", lambda: catches(process.pid, signal.SIGTERM))
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()


def until(process: subprocess.Popen[bytes], what: str, is_there: Callable[[], bool]) -> None:
    """Wait for something; a process that ends before, or never has it, is a failure that says so."""
    for _ in range(LIMIT_LOOKS):
        if is_there():
            return
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"{what} never came: the node ended with {process.wait(0.1)}")
    pytest.fail(f"{what} never came within {LIMIT_LOOKS / 10:.0f} s")


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler of its own for a signal, by what the kernel says."""
    words = Path(f"/proc/{pid}/status").read_text().split()
    return bool(int(words[words.index("SigCgt:") + 1], 16) >> (number - 1) & 1)
