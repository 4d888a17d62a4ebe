"""Meshes in virtual time under faults: every invariant holds at each step, and when the faults end everything settles."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.checks import Broken
from tests.sim.kinds import KINDS
from tests.sim.simulate import Simulation, simulate

CHECKOUT = Path(__file__).resolve().parent.parent.parent
BESIDE = {"resolve": ("venue",)}
"""Only what a terminal lost can be resolved."""
BATCH = 10
BATCHES = 50
"""500 seeds: two and a half minutes of two processors."""
FAILED_ONCE = (119, 412, 2_953, 4_858, 5_217, 6_312, 10_276, 10_320, 600_004, 600_015, 700_401, 701_011, 701_250, 701_521, 701_802)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_seeds_are_clean(batch: int) -> None:
    """Each seed draws its faults; no invariant breaks, and all settles."""
    results = [simulate(seed) for seed in range(10_000 + batch * BATCH, 10_000 + (batch + 1) * BATCH)]
    assert [(result.seed, result.text) for result in results if result.broken] == []
    assert sum(result.calls for result in results) > BATCH, "orders were sent"


@pytest.mark.slow
@pytest.mark.parametrize("seed", FAILED_ONCE)
def test_seeds_that_failed_once_are_clean(seed: int) -> None:
    """What they found: stores put back unseen, a list lost, an opening that ended twice, a copy's word on the original's order,
    an operator not heard any more.
    """
    assert simulate(seed).text == ""


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_strikes(kind: str) -> None:
    """Alone, or beside what makes it possible, each kind does something, and the mesh bears it."""
    for seed in range(1, 200):
        simulation = Simulation(seed, only=frozenset((kind, *BESIDE.get(kind, ()))))
        if kind in simulation.plan.kinds:
            simulation.run()
            if kind in (struck for _, struck, _ in simulation.plan.log):
                return
    raise AssertionError(f"no seed was struck by {kind}")


def test_without_faults_every_order_is_done() -> None:
    """The checks are no obstacle, and what they watch happens: orders are sent, and lines end by fills."""
    simulation = Simulation(3, only=frozenset(("none",)))
    simulation.run()
    master = simulation.fleet.master()
    assert master is not None
    _, codes, states = master.totals()
    assert codes["FILLED"] > 10
    assert codes["CLOSED"] > 10
    assert not {"NOT_FOUND", "EXPIRED", "REJECTED"} & codes.keys()
    assert not any(states.values())
    assert len(simulation.checks.sent) >= codes["FILLED"]


def test_a_broken_invariant_is_told() -> None:
    """The harness fails where a check does: here the venue is told that an order went out twice."""
    simulation = Simulation(3, only=frozenset(("none",)))
    checks, called = simulation.checks, simulation.checks.called

    def twice(worker, send, request):  # type: ignore[no-untyped-def]
        called(worker, send, request)
        called(worker, send, request)

    checks.called = twice  # type: ignore[method-assign]
    with pytest.raises(Broken, match=r"I1: attempt 1 of .* is called a second time"):
        simulation.run()


@pytest.mark.slow
def test_two_processes_simulate_the_same() -> None:
    """The trace of a seed depends on nothing but the seed."""
    words = [sys.executable, "-m", "tests.sim.simulate", "--seed", "19"]
    traces = {
        subprocess.run(words, cwd=CHECKOUT, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        .stdout.split("trace='")[1][:64]
        for seed in ("1", "4242")
    }
    assert len(traces) == 1
