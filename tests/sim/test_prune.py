"""Archives pruned while masters are put back from backups: what is told again says how it ended, and everything still adds up."""

import pytest

from mesh.core import Effect, Send
from mesh.messages.outcomes import Outcome
from mesh.simnet import Place
from nodes.shortened import PRUNED
from tests.sim.simulate import Simulation

KINDS = frozenset(("prune", "master_backup", "two_masters"))


def told_of(seed: int) -> list[Outcome]:
    """Run a seed; what was told of outcomes that had been pruned."""
    simulation = Simulation(seed, only=KINDS)
    told: list[Outcome] = []
    checks = simulation.fleet.net.on_effect

    def on_effect(place: Place, effect: Effect) -> None:
        if isinstance(effect, Send) and isinstance(effect.message, Outcome) and effect.message.detail == PRUNED:
            told.append(effect.message)
        if checks is not None:
            checks(place, effect)

    simulation.fleet.net.on_effect = on_effect
    if "prune" in simulation.plan.kinds:
        simulation.run()
    return told


@pytest.mark.slow
def test_pruned_outcomes_are_told_again_and_all_settles() -> None:
    """Of what was done and of what was not: all checks hold in each seed, and no master waits for a word that cannot come any more."""
    told: list[Outcome] = []
    for seed in range(10, 200):
        told += told_of(seed)
        if {bool(outcome.volume_e8) for outcome in told if outcome.final} == {True, False}:
            return
    raise AssertionError(f"of {len(told)} pruned outcomes that were told again, some kind is missing")
