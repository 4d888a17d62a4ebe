"""Hard caps that are no caps.

Two more, a call that is forgotten because its worker took it along or its local ended before the RESULT, did not show in 1,100 seeds:
``tests/nodes/local/test_local_caps.py`` holds them.
"""

from tests.sim.mutants.mutant import Mutant

CAPS = (
    Mutant(
        "caps_not_looked_at",
        "C1: what opens is within the hard caps of its account",
        "nodes/local/intents.py",
        "objection = state.caps.objection(record, self._positions_count, now_ns) or state.equity_stop.objection()",
        "objection = state.equity_stop.objection()",
    ),
    Mutant(
        "caps_forget_the_minute",
        "C1: a restart does not reset the minute",
        "nodes/local/core.py",
        "for _key, record in by_kind.get(CALLS, []):",
        "for _key, record in []:",
    ),
    Mutant(
        "cap_counts_from_the_hand_over",
        "C1: a call counts from its answer, for it was made no later: the worker may have waited with it",
        "nodes/local/desk.py",
        """        if result.class_ != UNSENT:
            self._state.called(record.action, now_ns)
""",
        """        if result.class_ != UNSENT:
            self._state.called(record.action, job.durable_ns)
""",
    ),
)
