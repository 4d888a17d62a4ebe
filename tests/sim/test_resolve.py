"""An operator among the faults: he resolves what is lost, now and then wrongly; nothing is doubled or lost, and all agrees in the end."""

from mesh.messages.control import RESOLVE_VERB
from mesh.units import SECOND_NS
from tests.sim.simulate import Simulation

ONLY = frozenset(("resolve", "venue", "worker_kill", "restart"))
COUNT = 6
"""Seeds that have an operator and a terminal that goes wrong."""


def test_word_of_an_operator_leaves_books_and_records_in_agreement() -> None:
    """I1 and I12 hold; once all is quiet every account finds by itself that its records and the venue's deals agree."""
    resolved_count = simulated_count = seed = 0
    while simulated_count < COUNT:
        seed += 1
        simulation = Simulation(seed, only=ONLY)
        if not {"resolve", "venue"} <= set(simulation.plan.kinds):
            continue
        simulated_count += 1
        simulation.run()
        operator, accounts = simulation.fleet.operator, simulation.fleet.config.account
        resolved_count += sum(command.verb == RESOLVE_VERB for command, _ in operator.answers)
        said_count = len(operator.answers)
        for account in accounts:
            operator.reconcile(account)
        simulation._until(simulation.fleet.net.now_ns + 2 * SECOND_NS)
        assert [answer.code for _, answer in operator.answers[said_count:]] == ["AGREES"] * len(accounts), f"seed {seed}"
    assert resolved_count >= COUNT
