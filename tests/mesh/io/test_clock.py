"""The clocks a shell hands to its cores."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mesh.errors import BadConfig
from mesh.io.clock import VARIABLE, monotonic_ns, random_life, wall_clock, wall_ns


def test_monotonic_never_goes_back() -> None:
    """A thousand readings never fall, and are integers of nanoseconds."""
    readings = [monotonic_ns() for _ in range(1_000)]
    assert readings == sorted(readings)
    assert type(readings[0]) is int


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="platform: no CLOCK_BOOTTIME here")
def test_monotonic_counts_suspension() -> None:
    """Where the system has a clock that goes on while it is suspended, that clock it is."""
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    assert before <= monotonic_ns() <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_wall_is_utc() -> None:
    """The wall clock counts nanoseconds since 1970."""
    before = time.time_ns()
    assert before <= wall_ns() <= time.time_ns()


def test_a_wall_clock_that_nobody_steps_is_the_systems_own() -> None:
    """A shell reads it in every round: no call of ours stands in between."""
    assert wall_clock("") is time.time_ns
    assert VARIABLE in os.environ or wall_ns is time.time_ns


@pytest.mark.parametrize("content", [None, b"", b"short"])
def test_a_step_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    """No file, or one that is too short: the operator's mistake, at the first look at the clock."""
    path = tmp_path / "step"
    if content is not None:
        path.write_bytes(content)
    clock = wall_clock(str(path))
    with pytest.raises(BadConfig, match=rf"{VARIABLE}=.*step: .*unset it for real trading, or name a file of 8 bytes"):
        clock()


def test_lives_differ() -> None:
    """No two lives are alike; each fits the wire and is never 0."""
    lives = [random_life() for _ in range(1_000)]
    assert len(set(lives)) == 1_000
    assert min(lives) > 0
    assert max(lives) < 2**63


def test_a_wall_clock_can_be_told_to_be_off(tmp_path: Path) -> None:
    """``MESH_WALL_STEP`` names eight bytes: the wall clock of a process is off by them, at once, and the monotonic one is not."""
    path = tmp_path / "step"
    path.write_bytes((3_600 * 10**9).to_bytes(8, "little", signed=True))
    script = (
        "import sys, time\nfrom mesh.io.clock import monotonic_ns, wall_ns\n"
        "off = wall_ns() - time.time_ns()\nopen(sys.argv[1], 'r+b').write((-5 * 10**9).to_bytes(8, 'little', signed=True))\n"
        "print(round(off / 1e9), round((wall_ns() - time.time_ns()) / 1e9))\n"
    )
    environment = {**os.environ, "MESH_WALL_STEP": str(path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["3600", "-5"]
