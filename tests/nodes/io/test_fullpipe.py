"""Standard output and error of a node are a pipe that supervisord reads: where it stands still, the node goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
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
        for _ in range(LIMIT_LOOKS):
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
            if log.exists() and "started" in log.read_text():
                break
        # between the first line and its signal handlers a stop would end it at once, by the signal
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
