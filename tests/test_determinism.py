"""Same seed, same world: two processes with different hash seeds see the same deliveries at the same times."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def trace(seed: int, hash_seed: str, module: str = "tests.sim.world") -> str:
    """What a process of its own prints of the world."""
    done = subprocess.run(
        [sys.executable, "-m", module, str(seed)],
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


@pytest.mark.slow
def test_two_processes_keep_the_same_ledger() -> None:
    """The simulated server with its faults, latencies and slippage gives the same journal and answers; another seed others."""
    first, second, other = (trace(seed, hash_seed, "tests.sim.ledger") for seed, hash_seed in ((7, "1"), (7, "4242"), (8, "1")))
    assert first == second
    assert first.split(" ", 1)[0] != other.split(" ", 1)[0]
    assert all(f"{code}:" in first for code in (-10002, 10008, 10009, 10031)), first
