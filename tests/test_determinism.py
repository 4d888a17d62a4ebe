"""Same seed, same world: two processes with different hash seeds see the same deliveries at the same times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def trace(seed: int, hash_seed: str) -> str:
    """What a process of its own prints of the world."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.sim.world", str(seed)],
        cwd=CHECKOUT, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@pytest.mark.slow
def test_two_processes_see_the_same_world() -> None:
    """The hash over every delivery, its time and its content does not depend on the process."""
    first, second = trace(7, "1"), trace(7, "4242")
    assert first == second
    assert "DONE" in first
    assert "FILLED" in first, "the world trades"


@pytest.mark.slow
def test_another_seed_is_another_world_with_the_same_lines() -> None:
    """Delays differ, so the trace does; what was decided and executed does not depend on them."""
    first, second = trace(7, "0"), trace(8, "0")
    assert first.split(" ", 1)[0] != second.split(" ", 1)[0]
    assert first.split(" ", 1)[1] == second.split(" ", 1)[1]
